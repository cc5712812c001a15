"""The alarm: each fault of the list in tests/faults, planted in a copy of the package, must fail its tests.

    python tests/planted_faults.py          # all of them, one a core at a time
    python tests/planted_faults.py ops      # those whose file has `ops` in its path

Says which test noticed each, and in how many seconds. The exit code is 1 if a fault slips through, if its
tests did not run or did not load the copy, or if tests fail where there is no fault.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import py_compile
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from faults import FAULTS, ROOT, Fault

PACKAGES = ("autograd", "nn", "models", "command")
AT_ONCE = min(os.cpu_count() or 1, 8)
SECONDS = 120  # for one run of tests
ANY_FILE = "autograd/engine.py"
FORKS = ROOT / "tests" / "helpers" / "pytest_forks.py"
# Without the cache of failures, and without plugins: importing these takes longer than most of the tests.
OPTIONS = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider"]
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "160"}
MEANING = {99: "never loaded the file", 100: "passed", 101: "failed"}


class Outcome(NamedTuple):
    """What tests did on a copy of the package."""

    said: str  # "passed", "failed", or what went wrong
    printed: str
    seconds: float

    def failure(self) -> str:
        """pytest's line about the first one, or the end of all that was printed."""
        lines = [line for line in self.printed.splitlines() if line.startswith("FAILED")]
        return lines[0] if lines else self.printed[-2000:]


class Runner:
    """Runs tests on copies of the package, `at_once` at a time. Processes and copies end with its `with`."""

    def __init__(self, at_once: int = 1):
        self._folder = tempfile.TemporaryDirectory()
        self._package = Path(self._folder.name).resolve() / "tapegrad"
        copy_package(self._package)
        self._idle: queue.SimpleQueue[subprocess.Popen] = queue.SimpleQueue()
        self._servers = [_server() for _ in range(at_once)]
        for server in self._servers:
            self._idle.put(server)

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            with server:  # waits, and closes what leads there
                server.terminate()
        self._folder.cleanup()

    def run(self, tests: list[str], fault: Fault | None = None, seconds: int = SECONDS) -> Outcome:
        """Run tests (arguments of pytest) on a copy of the package, with a fault in it."""
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(dir=self._package.parent) as name:
            copy = Path(name) / "tapegrad"
            file = copy / (fault.file if fault else ANY_FILE)
            shutil.copytree(self._package, copy, copy_function=os.link)
            try:
                if fault:
                    planted = fault.planted()
                    file.unlink()  # a link to the file of the others
                    file.write_text(planted, encoding="utf-8")
            except (ValueError, OSError) as error:
                return Outcome("were not run, as the fault cannot be planted", str(error), 0.0)
            only = fault.path.partition("::")[2] if fault else ""
            args = [*tests, *OPTIONS]
            code = self._answer(folder=name, file=str(file), args=args, name=only, seconds=seconds)
            printed = (Path(name) / "output").read_text(encoding="utf-8", errors="replace")
        said = MEANING.get(code, f"did not run: exit code {code}")
        if code == -signal.SIGALRM:
            said = f"ran for {seconds} s"
        return Outcome(said, printed, time.perf_counter() - start)

    def _answer(self, **job: object) -> int:
        server = self._idle.get()
        try:
            print(json.dumps(job), file=server.stdin, flush=True)
            return int(server.stdout.readline())
        finally:
            self._idle.put(server)


def copy_package(to: Path) -> None:
    """The package as it is installed, compiled. Beside another text a compiled file does not count."""
    shutil.copytree(ROOT / "package", to)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(to, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def _server() -> subprocess.Popen:
    """FORKS, which answers a line by a line."""
    pipe = subprocess.PIPE
    command, environment = [sys.executable, FORKS], {**os.environ, **ENVIRONMENT}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True)


def all_tests(faults: list[Fault]) -> list[str]:
    """Arguments of one run of pytest with the tests of all these faults, and perhaps a few more."""
    paths = dict.fromkeys(fault.path for fault in faults)
    names = [fault.path.rpartition("/")[2].replace("::", " and ") for fault in faults]
    words = [f"({name} and ({fault.words or name}))" for name, fault in zip(names, faults, strict=True)]
    return [*paths, "-k", " or ".join(dict.fromkeys(words))]


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("part", nargs="?", default="", help="of the path of the files to plant faults in")
    part = parser.parse_args().part
    if not hasattr(os, "fork"):
        parser.error("this needs os.fork, which Python has on Linux and macOS")
    chosen = [fault for fault in FAULTS if part in fault.file]
    if not chosen:
        parser.error(f"no fault's file has {part!r} in its path")
    start, caught = time.perf_counter(), 0
    with Runner(AT_ONCE) as runner, ThreadPoolExecutor(AT_ONCE) as pool:
        clean = pool.submit(runner.run, all_tests(chosen), seconds=SECONDS * 5)
        outcomes = pool.map(lambda fault: runner.run(fault.arguments, fault), chosen)
        for fault, outcome in zip(chosen, outcomes, strict=True):
            print(f"{outcome.seconds:.1f} s  {fault.file}: {fault.wrong.strip() or 'nothing'}")
            if outcome.said == "failed":
                caught += 1
            else:
                print(f"NOT CAUGHT: {fault.tests} {outcome.said}")
            print(f"    {outcome.failure()}", flush=True)
        said, printed, seconds = clean.result()
    print(f"{seconds:.1f} s  all these tests without a fault: {said}")
    if said != "passed":
        print(printed)
    print(f"{caught} of {len(chosen)} faults were caught in {time.perf_counter() - start:.0f} s")
    return 0 if caught == len(chosen) and said == "passed" else 1


if __name__ == "__main__":
    sys.exit(main())
