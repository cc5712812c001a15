"""Numbers as people read them."""

from __future__ import annotations


def count(n: float) -> str:
    """1,234 as "1.23 k", for numbers of parameters."""
    return _scaled(n, ["", " k", " M", " G", " T", " P"])


def flops(n: float) -> str:
    """1,234 as "1.23 kFLOPs"."""
    return _scaled(n, [" FLOPs", " kFLOPs", " MFLOPs", " GFLOPs", " TFLOPs", " PFLOPs"])


def nbytes(n: float) -> str:
    """1,234 as "1.23 kB"."""
    return _scaled(n, [" B", " kB", " MB", " GB", " TB", " PB"])


def seconds(t: float) -> str:
    """0.001234 as "1.23 ms"."""
    return _scaled(t * 1e9, [" ns", " µs", " ms", " s"])


def digits(x: float) -> str:
    """The first two."""
    return f"{x:.2g}"


def shape(dimensions: tuple[int, ...] | None) -> str:
    """A shape as NumPy writes it; a single number is "scalar"."""
    return "?" if dimensions is None else str(tuple(dimensions)) if dimensions else "scalar"


def _scaled(n: float, units: list[str]) -> str:
    step = 0
    while abs(n) >= 999.5 and step < len(units) - 1:
        n /= 1000
        step += 1
    return (f"{n:.3g}" if abs(n) < 999.5 else f"{n:,.0f}") + units[step]
