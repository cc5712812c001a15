"""Numbers as people read them, and texts not too long for it."""

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


def number(value) -> str:
    """A float by four digits, anything else as it is."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def digits(x: float) -> str:
    """The first two."""
    return f"{x:.2g}"


def shape(dimensions: tuple[int, ...] | None) -> str:
    """A shape as NumPy writes it; a single number is "scalar"."""
    return "?" if dimensions is None else str(tuple(dimensions)) if dimensions else "scalar"


def cut(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _scaled(n: float, units: list[str]) -> str:
    step = 0
    while abs(n) >= 999.5 and step < len(units) - 1:
        n /= 1000
        step += 1
    return (f"{n:.3g}" if abs(n) < 999.5 else f"{n:,.0f}") + units[step]
