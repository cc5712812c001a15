"""Runs pytest again and again, each time in a fork of this process, which has imported what takes long.

`tests/planted_faults.py` starts it, and writes a line of JSON for each run, with the arguments of `tested`.
The exit code is written as a line, when the run and all processes that it started have ended.
"""

import gc
import importlib
import json
import os
import signal
import sys
from contextlib import suppress

import pytest

# Nothing of tapegrad: each run imports its own copy.
SHARED = ["hypothesis.extra.numpy", "hypothesis.strategies", "numpy.testing", "scipy.special"]


class Only:
    """Makes no cases of other tests: a file may have thousands, and pytest makes all before it chooses."""

    def __init__(self, name):
        self.name = name

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, name):
        return [] if name.startswith("test") and name != self.name else None


def tested(folder, file, args, name, seconds):
    """In the fork: pytest's exit code plus 100, as an interpreter that fails says 1 too.

    Packages are found in `folder` first, which gets what is printed as `output`. Whether `file` was loaded
    tells if it was the copy that was tested, however the package is installed. `name`, unless empty, is
    of the one test that the arguments name.
    """
    os.setpgid(0, 0)
    signal.alarm(seconds)  # its signal, which nothing here handles, ends the process
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(os.open(f"{folder}/output", os.O_WRONLY | os.O_CREAT), 1)
    os.dup2(1, 2)
    sys.path[:1] = [folder, os.getcwd()]  # in place of this file's folder
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
    code = pytest.main([*args, f"--basetemp={folder}/temporary"], plugins=[Only(name)] if name else None)
    seen = any(getattr(module, "__file__", None) == file for module in list(sys.modules.values()))
    return 100 + code if seen or code > 1 else 99


def forked(**run):
    """Exit code of a run in a fork; of a signal that ended it, its number below 0."""
    child = os.fork()
    if not child:
        sys.exit(tested(**run))
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)


def main():
    for name in SHARED:
        importlib.import_module(name)
    gc.freeze()  # collections in the forks leave alone what they share
    for line in sys.stdin:
        print(forked(**json.loads(line)), flush=True)


if __name__ == "__main__":
    main()
