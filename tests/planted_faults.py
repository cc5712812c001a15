"""The alarm: each fault of the list in tests/faults, planted in a copy of the package, must fail its tests.

    python tests/planted_faults.py          # all of them, two at a time
    python tests/planted_faults.py ops      # those whose file has `ops` in its path

Says which test noticed each, and in how many seconds. The exit code is 1 if a fault slips through, if its
tests did not run or did not load the copy, or if tests fail where there is no fault.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from faults import FAULTS, ROOT, Fault

PACKAGES = ("autograd", "nn", "models")
AT_ONCE = 2
SECONDS = 120  # for one run of tests
ANY_FILE = "autograd/engine.py"
# Runs pytest, whose exit code is added to 100: an interpreter that fails says 1 too. Which files were loaded
# tells whether it was the copy that was tested, however the package is installed.
PYTEST = """
import sys, pytest
file, *args = sys.argv[1:]
code = pytest.main(args)
seen = any(getattr(module, "__file__", None) == file for module in list(sys.modules.values()))
sys.exit(100 + code if seen or code > 1 else 99)
"""
MEANING = {99: "never loaded the file", 100: "passed", 101: "failed", None: f"ran for {SECONDS} s"}


class Outcome(NamedTuple):
    """What tests did on a copy of the package."""

    said: str  # "passed", "failed", or what went wrong
    printed: str
    seconds: float

    def failure(self) -> str:
        """pytest's line about the first one, or the end of all that was printed."""
        lines = [line for line in self.printed.splitlines() if line.startswith("FAILED")]
        return lines[0] if lines else self.printed[-2000:]


def run(tests: list[str], fault: Fault | None = None) -> Outcome:
    """Run tests (arguments of pytest) on a copy of the package, with a fault in it."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        copy_package(folder / "tapegrad")
        file = folder / "tapegrad" / (fault.file if fault else ANY_FILE)
        try:
            if fault:
                file.write_text(fault.planted(), encoding="utf-8")
        except (ValueError, OSError) as error:
            return Outcome("were not run, as the fault cannot be planted", str(error), 0.0)
        code, printed = _pytest(folder, [str(file), *tests])
    return Outcome(MEANING.get(code, f"did not run: exit code {code}"), printed, time.perf_counter() - start)


def copy_package(to: Path) -> None:
    """The package as it is installed."""
    shutil.copytree(ROOT / "package", to)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))


def _pytest(folder: Path, args: list[str]) -> tuple[int | None, str]:
    """Exit code (None: no end) and output of PYTEST, which finds packages in `folder` first."""
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")]))
    options = ["-x", "-q", "--tb=short", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(
            [sys.executable, "-c", PYTEST, *args, *options],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "160"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        return None, str(error)
    return done.returncode, done.stdout


def all_tests(faults: list[Fault]) -> list[str]:
    """Arguments of one run of pytest with the tests of all these faults, and perhaps a few more."""
    paths = dict.fromkeys(fault.path for fault in faults)
    words = dict.fromkeys(fault.words or fault.path.rpartition("::")[2] for fault in faults)
    return [*paths, "-k", " or ".join(f"({word})" for word in words)]


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("part", nargs="?", default="", help="of the path of the files to plant faults in")
    part = parser.parse_args().part
    chosen = [fault for fault in FAULTS if part in fault.file]
    if not chosen:
        parser.error(f"no fault's file has {part!r} in its path")
    start, caught = time.perf_counter(), 0
    with ThreadPoolExecutor(AT_ONCE) as pool:
        clean = pool.submit(run, all_tests(chosen))
        outcomes = pool.map(lambda fault: run(fault.arguments, fault), chosen)
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
