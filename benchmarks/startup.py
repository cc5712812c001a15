"""What it takes to begin: time of an import in a fresh process, memory resident after it, and size on disk.

The time is that of the import statement alone, without the start of Python; files are in the system's cache.
Modules are taken in turns over rounds. tapegrad's times and memory include NumPy, its size on disk does not.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from importlib import metadata, util
from pathlib import Path

from . import provenance
from .measure import ROOT, arguments, table

MODULES = ("numpy", "tapegrad.autograd", "tapegrad.nn", "torch", "jax")
PARTS = {"jax": ["jax", "jaxlib"]}  # distributions, where not one of the same name
PROGRAM = """
import json, sys, time
start = time.perf_counter()
__import__(sys.argv[1])
seconds = time.perf_counter() - start
try:
    with open("/proc/self/status") as file:
        memory = next(1024 * int(line.split()[1]) for line in file if line.startswith("VmRSS"))
except OSError:
    memory = None
print(json.dumps([seconds, memory]))
"""


def once(module: str) -> tuple[float, int | None]:
    command = [sys.executable, "-c", PROGRAM, module]
    # not in the repository: its folders have other projects' names
    done = subprocess.run(command, cwd="/", stdout=subprocess.PIPE, text=True, check=True)
    seconds, memory = json.loads(done.stdout)
    return seconds, memory


def size_on_disk(module: str) -> int | None:
    """Bytes of the files that pip installed for it, or of the folders where it is a clone."""
    top = module.partition(".")[0]
    if top == "tapegrad":
        paths = [path for folder in ("autograd", "nn", "models") for path in (ROOT / folder).rglob("*")]
    else:
        try:
            files = [file for name in PARTS.get(top, [top]) for file in metadata.files(name) or []]
        except metadata.PackageNotFoundError:
            return None
        paths = [Path(file.locate()) for file in files]
    counted = [path for path in paths if path.suffix != ".pyc" and path.is_file()]
    return sum(path.stat().st_size for path in counted)


def installed(module: str) -> bool:
    return util.find_spec(module.partition(".")[0]) is not None


def rows(results: dict[str, dict]) -> list[list[str]]:
    def mb(count: int | None) -> str:
        return "-" if count is None else f"{count / 1e6:.1f}"

    return [
        [name, f"{1e3 * r['median']:.0f}", f"{1e3 * r['min']:.0f}", mb(r["memory"]), mb(r["disk"])]
        for name, r in results.items()
    ]


def main() -> None:
    parser = arguments("startup", __doc__)
    args = parser.parse_args()
    results = provenance.start("startup", args.quick)
    modules = [module for module in MODULES if installed(module)]
    for module in modules:
        once(module)  # compiled files and the system's cache
    runs = [{module: once(module) for module in modules} for _ in range(3 if args.quick else 15)]
    results["modules"] = {}
    for module in modules:
        seconds, memory = zip(*(run[module] for run in runs), strict=True)
        known = [m for m in memory if m is not None]
        results["modules"][module] = {
            "median": statistics.median(seconds),
            "min": min(seconds),
            "memory": statistics.median(known) if known else None,
            "disk": size_on_disk(module),
        }
    print(table(["import", "median ms", "min ms", "MB resident", "MB on disk"], rows(results["modules"])))
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
