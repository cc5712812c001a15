"""The alarm: each fault in the list, planted in a copy of the package, must fail the tests named beside it.

    python tests/planted_faults.py          # all of them, two at a time
    python tests/planted_faults.py ops      # those whose file has `ops` in its path

A fault is one line of a file, right and wrong, and a small part of the tests that has to notice. The exit
code is 1 if a fault slips through, if its line is not there any more, or if its tests fail without it.
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

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autograd", "nn", "models")


class Fault(NamedTuple):
    file: str
    right: str  # a part of the file that occurs once
    wrong: str
    tests: str  # what pytest is asked to run


def planted(fault: Fault) -> str:
    """The file's text with the fault in it."""
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    count = text.count(fault.right)
    if count != 1:
        raise ValueError(f"{fault.file} has {count} times {fault.right!r}, which must be there once")
    return text.replace(fault.right, fault.wrong)


def run_tests(tests: list[str], package: Path) -> subprocess.CompletedProcess:
    """pytest on the copy of the package in the folder `package`."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--tb=line", *tests]
    env = {**os.environ, "PYTHONPATH": str(package), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def copy_package(folder: Path) -> None:
    """The package as it is installed, in the folder `tapegrad` below this one."""
    shutil.copytree(ROOT / "package", folder / "tapegrad")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / "tapegrad" / name, ignore=shutil.ignore_patterns("__pycache__"))


def outcome(fault: Fault | None, tests: list[str]) -> str:
    """What the tests did on a copy with the fault: "passed", "failed", or what they printed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_package(folder)
        if fault is not None:
            (folder / "tapegrad" / fault.file).write_text(planted(fault), encoding="utf-8")
        done = run_tests(tests, folder)
    return {0: "passed", 1: "failed"}.get(done.returncode, done.stdout[-2000:] + done.stderr[-2000:])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", nargs="?", default="", help="of the path of the files to plant faults in")
    part = parser.parse_args().part
    from faults import FAULTS

    chosen = [fault for fault in FAULTS if part in fault.file]
    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        every = sorted({word for fault in chosen for word in fault.tests.split() if "/" in word})
        files = sorted({word.split("::")[0] for word in every})
        sane = pool.submit(outcome, None, files)
        said = list(pool.map(lambda fault: outcome(fault, fault.tests.split()), chosen))
    slipped = [(fault, text) for fault, text in zip(chosen, said, strict=True) if text != "failed"]
    for fault, text in slipped:
        print(f"{fault.file}: {fault.wrong!r}\n  was not caught by {fault.tests}: {text}")
    if sane.result() != "passed":
        print(f"without a fault the tests do not pass: {sane.result()}")
    seconds = time.perf_counter() - start
    print(f"{len(chosen) - len(slipped)} of {len(chosen)} planted faults caught in {seconds:.0f} s")
    return 1 if slipped or sane.result() != "passed" else 0


if __name__ == "__main__":
    sys.exit(main())
