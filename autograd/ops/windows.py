"""Windows that slide over an array."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view as numpy_windows

from ..adding import zeros_to_add
from ..arrays import HALF, ArrayLike, Axes, Shape
from ..op import op


@op(inputs=1, numpy=numpy_windows, flops=0, view=True)
def sliding_window_view(
    x: ArrayLike, window_shape: Shape, axis: Axes = None, *, subok: bool = False, writeable: bool = False
):
    """All windows of `window_shape` along `axis` of x (a length for each axis; None: all), as a view.

    Shape (..., n, ...) becomes (..., n - w + 1, ..., w), the windows' axes last. The view is read-only unless
    `writeable`; `subok` changes nothing. ValueError for a window that is longer than its axis.
    """
    y = numpy_windows(x, window_shape, axis, writeable=writeable)
    dtype, ndim = x.dtype, x.ndim
    lengths = (window_shape,) if isinstance(window_shape, int) else tuple(window_shape)
    axes = range(ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    places = [(slice(None),) * (a % ndim) for a in axes]

    def backward(g):  # one axis of the windows after the other, from the last
        for before, width in zip(places[::-1], lengths[::-1], strict=True):
            at = len(before)
            moves = g.shape[at]
            dx = zeros_to_add(g, (*g.shape[:at], moves + width - 1, *g.shape[at + 1 : -1]))
            if width <= moves:
                for i in range(width):
                    dx[(*before, slice(i, i + moves))] += g[..., i]
            else:
                for i in range(moves):  # fewer moves than elements in a window
                    dx[(*before, slice(i, i + width))] += np.moveaxis(g[(*before, i)], -1, at)
            g = dx
        return (g.astype(dtype) if dtype is HALF else g,)

    return y, backward
