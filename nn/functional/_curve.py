"""Elementwise functions of several passes, a block at a time."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, op
from ...autograd.kernels import CHUNK, blocks
from ._inputs import as_float, widened


def curve(kernel: Callable, **facts: Any) -> Any:
    """An op from `kernel(x, options...)`, which gives y and a function without arguments that gives dy/dx.

    The kernel is plain NumPy. Of a large array it is given one block after the other, so that what it makes
    on its way stays in the cache. The slope is made in the forward, too, and only if a gradient is wanted;
    backward is one product.
    """

    def plain(needs, x, *options, **named):
        y, slope_of = kernel(x, *options, **named)
        slope = slope_of() if needs[0] else None

        def backward(g):
            return (g * slope,)

        return y, backward

    def body(needs, x, *options, **named):
        if x.size <= CHUNK:
            return plain(needs, x, *options, **named)
        y = np.empty_like(x, order="C")
        slope = np.empty_like(y) if needs[0] else None
        flat, ys, slopes = x.reshape(-1), y.reshape(-1), None if slope is None else slope.reshape(-1)
        for block in blocks(x.size, 1):
            ys[block], slope_of = kernel(flat[block], *options, **named)
            if slopes is not None:
                slopes[block] = slope_of()

        def backward(g):
            return (g * slope,)

        return y, backward

    told = inspect.signature(kernel)
    needs = inspect.Parameter("needs", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    for made in (plain, body):
        made.__name__ = made.__qualname__ = kernel.__name__.removesuffix("_kernel")
        made.__module__ = sys._getframe(1).f_globals["__name__"]
        made.__dict__["__signature__"] = told.replace(parameters=[needs, *told.parameters.values()])
    return op(inputs=1, plain=plain, **facts)(body)


def applied(curve: Callable, input: Any, *options: Any) -> Tensor:
    """The curve of `input`, which may be no Tensor, or of whole numbers; of float16 in float32."""
    x = as_float(input)
    if x.data.dtype.char != "e":
        return curve(x, *options)
    return widened(lambda x: curve(x, *options), x)
