"""Kernels of one array in a dtype wide enough."""

from ..arrays import working


def in_wider(kernel, x):
    """kernel(x) computed in float32 for float16, and in float64 for whole numbers."""
    y = kernel(x.astype(working(x.dtype)))
    return y.astype(x.dtype) if x.dtype.kind == "f" else y
