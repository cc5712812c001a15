"""Elementwise functions of several passes, a block at a time."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from ...autograd import Tensor, op
from ...autograd.kernels import blocks
from ._inputs import as_float, widened

SMALL = 1 << 13  # numbers below which masks are not worth their calls
BLOCK = 1 << 18  # numbers of a block; of half as many a curve takes a tenth longer, by calls


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
        if x.size <= BLOCK:
            return plain(needs, x, *options, **named)
        y = np.empty_like(x, order="C")
        slope = np.empty_like(y) if needs[0] else None
        flat, ys, slopes = x.reshape(-1), y.reshape(-1), None if slope is None else slope.reshape(-1)
        for block in blocks(x.size, 1, BLOCK):
            ys[block], slope_of = kernel(flat[block], *options, **named)
            if slopes is not None:
                slopes[block] = slope_of()

        def backward(g):
            return (g * slope,)

        return y, backward

    return _declared(kernel, plain, body, facts)


def masked(plain: Callable, put: Callable, put_gradient: Callable, **facts: Any) -> Any:
    """An op of which backward keeps a mask: a byte for each number in place of the four or eight of a slope.

    `plain(x, options...)` is its body in plain NumPy. Of a large array `put(y, mask, x, options...)` is given
    one block after the other, and backward `put_gradient(dx, g, mask, options...)`: they write into y, mask
    and dx, since a temporary costs as much as a pass.
    """

    def body(needs, x, *options, **named):
        if x.size <= SMALL:
            return plain(x, *options, **named)
        y = np.empty_like(x, order="C")
        mask = np.empty_like(x, shape=(x.size,), dtype=bool)
        flat, ys = x.reshape(-1), y.reshape(-1)
        for block in blocks(x.size, 1, BLOCK):
            put(ys[block], mask[block], flat[block], *options, **named)

        def backward(g):
            dx = np.empty_like(g, order="C")
            flat, dxs = g.reshape(-1), dx.reshape(-1)
            for block in blocks(g.size, 1, BLOCK):
                put_gradient(dxs[block], flat[block], mask[block], *options, **named)
            return (dx,)

        return y, backward

    def plain_body(needs, x, *options, **named):
        return plain(x, *options, **named)

    return _declared(plain, plain_body, body, facts)


def _declared(told: Callable, plain: Callable, body: Callable, facts: dict) -> Any:
    """The op, with the name of `told` without its last word, its options and its place."""
    needs = inspect.Parameter("needs", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    signature = inspect.signature(told)
    for made in (plain, body):
        made.__name__ = made.__qualname__ = told.__name__.rpartition("_")[0]
        made.__module__ = told.__module__
        made.__dict__["__signature__"] = signature.replace(parameters=[needs, *signature.parameters.values()])
    return op(inputs=1, plain=plain, **facts)(body)


def applied(curve: Callable, input: Any, *options: Any) -> Tensor:
    """The curve of `input`, which may be no Tensor, or of whole numbers; of float16 in float32."""
    x = as_float(input)
    if x.data.dtype.char != "e":
        return curve(x, *options)
    return widened(lambda x: curve(x, *options), x)
