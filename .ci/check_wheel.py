"""Check a wheel that is installed, with its dependencies and nothing else, in the environment this runs in.

    python .ci/check_wheel.py dist/tapegrad-0.1.0-py3-none-any.whl

Every module imports, from another folder; no top-level name is taken but `tapegrad`; and the budgets hold:
the size of the wheel, and what `import tapegrad.nn` loads and costs on top of `import numpy`.
"""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

WHEEL_KB = 950
IMPORT_MS = 40
IMPORT_RUNS = 25  # the least of them: a neighbour on the machine makes single ones half as slow again
PACKAGES = ("autograd", "nn", "models", "command")
SUFFIXES = (".py", ".pyi", ".html", ".css", ".js")

IMPORT_ALL = """
import pkgutil, sys, tapegrad
def fail(name):
    raise
names = [m.name for m in pkgutil.walk_packages(tapegrad.__path__, "tapegrad.", onerror=fail)]
for name in names:
    __import__(name)
assert "autograd" not in sys.modules and "nn" not in sys.modules, "imported by a bare name"
folders = list(tapegrad.__path__)
assert all("site-packages" in folder for folder in folders), f"not the installed wheel: {folders}"
print("tapegrad", *names)
"""

# numpy.random is loaded on first use and brings in Cython's helper modules, hence in the state before.
LOADED = """
import sys, numpy, numpy.random
before = set(sys.modules)
import tapegrad.nn
added = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(added - sys.stdlib_module_names - {"numpy", "tapegrad"}))
"""

IMPORT_TIME = """
import time, numpy
start = time.perf_counter()
import tapegrad.nn
print(time.perf_counter() - start)
"""


def run(code: str, folder: str) -> str:
    """Output of `code` in a new isolated interpreter started in `folder`; it shows its own errors."""
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=folder, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit("check_wheel: the installed wheel failed as shown above")
    return done.stdout.strip()


def files_on_disk() -> set[str]:
    root = Path(__file__).resolve().parent.parent
    homes = {"package": root / "package", **dict.fromkeys(PACKAGES, root)}  # what a name is relative to
    found = {(path, home) for folder, home in homes.items() for path in (root / folder).rglob("*")}
    wanted = [(path, home) for path, home in found if path.suffix in SUFFIXES or path.name == "py.typed"]
    return {"tapegrad/" + path.relative_to(home).as_posix() for path, home in wanted}


def module_name(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def main(wheel: Path) -> list[str]:
    """What is wrong, one line each."""
    problems = []

    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    if packed != files_on_disk():
        problems.append(f"wheel and folders differ in {sorted(packed ^ files_on_disk())}")

    kb = wheel.stat().st_size / 1000
    print(f"wheel: {kb:.0f} kB, {len(packed)} files (budget {WHEEL_KB} kB)")
    if kb >= WHEEL_KB:
        problems.append(f"the wheel has {kb:.0f} kB")

    with tempfile.TemporaryDirectory() as elsewhere:
        modules = run(IMPORT_ALL, elsewhere).split()
        print(f"imported from another folder: {len(modules)} modules")
        expected = {module_name(name) for name in packed if name.endswith(".py")}
        if set(modules) != expected:
            problems.append(f"modules not found by walking the package: {sorted(expected ^ set(modules))}")

        if foreign := run(LOADED, elsewhere):
            problems.append(f"import tapegrad.nn also loads {foreign}")

        ms = min(float(run(IMPORT_TIME, elsewhere)) for _ in range(IMPORT_RUNS)) * 1000
        print(f"import tapegrad.nn: {ms:.1f} ms on top of numpy (budget {IMPORT_MS} ms)")
        if ms >= IMPORT_MS:
            problems.append(f"import tapegrad.nn takes {ms:.1f} ms on top of numpy")

    return problems


if __name__ == "__main__":
    problems = main(Path(sys.argv[1]))
    for problem in problems:
        print("check_wheel:", problem, file=sys.stderr)
    sys.exit(bool(problems))
