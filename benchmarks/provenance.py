"""Where figures come from: the machine, the versions, the commit; written with them as JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from datetime import date
from importlib import metadata
from pathlib import Path

import numpy as np

from .measure import CORES, ROOT

PACKAGES = ("numpy", "torch", "transformers", "jax", "mygrad", "autograd")


def cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return found | {"blas": f"{blas['name']} {blas['version']}"}


def simd() -> str:
    """The widest vector instructions that NumPy found here; exp, tanh and the like depend on them."""
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return found[-1] if found else "none"


def git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def start(name: str, quick: bool) -> dict:
    """What a results file begins with. Warns where other programs use the machine."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"warning: other programs use this machine (load {load:.1f})", file=sys.stderr)
    return {
        "name": name,
        "quick": quick,
        "date": date.today().isoformat(),
        "commit": git("rev-parse", "--short", "HEAD"),
        "changed": bool(git("status", "--porcelain", "--untracked-files=no")),
        "machine": {
            "cpu": cpu_model(),
            "cores": CORES,
            "system": platform.system(),
            "simd": simd(),
            "load": round(load, 2),
        },
        "versions": versions(),
    }


def write(path: Path, results: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten: {path}")
