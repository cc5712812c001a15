"""The process of one candidate: takes commands on stdin and answers on stdout, each a line of JSON.

    {"load": "module:function", "options": {...}, "pin": bool}    once, first
    {"job": {...}}        function(**options, **job) is a context manager that yields `step`
    {"steps": n}          call it n times: {"seconds": [...], "values": [...]}
    {"memory": true}      bytes {"before": at the start of the job, "peak": since then}

Started as a script (`measure.Process` does), so that the repository's folders do not shadow other projects:
the root goes to the end of the path, behind HIPS's `autograd`.
"""

import gc
import json
import os
import sys
import time
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

# Asked before anything is pinned: a pinned thread would tell of its own core only.
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pin_threads(cores: list[int] = CORES) -> None:
    """One core for each thread, main first: the kernel may wake a BLAS worker on its caller's core."""
    if not cores:
        return
    for i, thread in enumerate(sorted(map(int, os.listdir("/proc/self/task")))):
        os.sched_setaffinity(thread, {cores[i % len(cores)]})


def run(step, count: int) -> dict:
    seconds, values = [], []
    for _ in range(count):
        start = time.perf_counter()
        value = step()
        seconds.append(time.perf_counter() - start)
        values.append(value)
    return {"seconds": seconds, "values": values}


def status(pid: int | str, file: str) -> dict[str, int]:
    """The lines "Name: 123 kB" of a file in /proc/PID, in bytes."""
    found = {}
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        words = line.split()
        if len(words) == 3 and words[2] == "kB":
            found[words[0].rstrip(":")] = 1024 * int(words[1])
    return found


def forget_peak() -> int:
    """Make the peak start from what is resident now; returns that."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return status("self", "status")["VmRSS"]


def peak_memory() -> int:
    """Peak of this process, plus what its children (replicas) have for themselves, each at its own peak."""
    total = status("self", "status")["VmHWM"]
    for thread in os.listdir("/proc/self/task"):
        for child in Path(f"/proc/self/task/{thread}/children").read_text().split():
            held, own = status(child, "status"), status(child, "smaps_rollup")
            total += held["VmHWM"] - held["VmRSS"] + own["Private_Clean"] + own["Private_Dirty"]
    return total


class Worker:
    def __init__(self):
        self.stack = ExitStack()
        self.before = 0

    def load(self, load: str, options: dict, pin: bool) -> dict:
        module, name = load.split(":")
        self.function = getattr(import_module(module), name)
        self.options, self.pin = options, pin
        return {}

    def job(self, job: dict) -> dict:
        self.stack.close()
        self.step = None  # holds the last job's arrays
        if sys.platform == "linux":
            self.before = forget_peak()
        self.step = self.stack.enter_context(self.function(**self.options, **job))
        if self.pin:
            pin_threads()
        return {}

    def steps(self, steps: int) -> dict:
        return run(self.step, steps)

    def memory(self, memory: bool) -> dict:
        return {"before": self.before, "peak": peak_memory()}


def main() -> None:
    sys.path[:] = [*sys.path[1:], str(Path(__file__).resolve().parent.parent)]
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not get between the answers
    worker = Worker()
    for line in sys.stdin:
        message = json.loads(line)
        try:
            answer = getattr(worker, next(iter(message)))(**message)
        except Exception as error:  # told to the parent, which goes on with the other candidates
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)
    worker.stack.close()


if __name__ == "__main__":
    main()
