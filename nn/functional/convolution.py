"""Convolution, of one, two and three axes, its kernels not turned, as PyTorch has it.

Its arithmetic, and that of its gradients, stands in _correlate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, op
from ...autograd.arrays import ArrayLike
from ._correlate import (
    Geometry,
    channel_sums,
    correlate,
    correlate_plain,
    spread,
    spread_plain,
    weigh,
    weigh_plain,
)
from ._inputs import as_float, as_tensor, as_tuple, where, widened

__all__ = ["conv1d", "conv2d", "conv3d"]


def convolution_plain(needs, x, weight, bias=None, stride=(1,), padding=((0, 0),), dilation=(1,), groups=1):
    geometry = Geometry(weight.shape[2:], stride, padding, dilation, groups)
    shape = x.shape
    y = correlate_plain(x, weight, geometry.positions(shape[2:]), geometry)
    if bias is not None:
        y = y + bias.reshape((-1, *[1] * len(stride)))

    def backward(g):
        dx = spread_plain(g, weight, shape, geometry) if needs[0] else None
        dw = weigh_plain(x, g, geometry) if needs[1] else None
        return dx, dw, channel_sums(g) if needs[2] else None

    return y, backward


def _flops(inputs, outputs, _):
    _, weight, *bias = inputs
    each = 2 * math.prod(weight[1:]) if weight else 1
    return math.prod(outputs[0]) * (each + bool(bias and bias[0]))


@op(inputs=3, plain=convolution_plain, flops=_flops)
def _convolution(needs, x, weight, bias=None, stride=(1,), padding=((0, 0),), dilation=(1,), groups=1):
    """Of x (N, C, ...), weight (out, C / groups, ...) and bias (out,)."""
    geometry = Geometry(weight.shape[2:], stride, padding, dilation, groups)
    shape = x.shape
    y = correlate(x, weight, bias, geometry.positions(shape[2:]), geometry)
    x, weight = x if needs[1] else None, weight if needs[0] else None

    def backward(g):
        dx = spread(g, weight, None, shape, geometry) if needs[0] else None
        dw = weigh(x, g, geometry) if needs[1] else None
        return dx, dw, channel_sums(g) if needs[2] else None

    return y, backward


def conv1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """The sum over c, t of weight[o, c, t] input[n, c, stride p + dilation t - padding], and bias[o], at p.

    input (N, C, L) or (C, L), weight (out, C / groups, K), bias (out,); the result is (N, out, P) or (out, P)
    with P = (L + 2 padding - dilation (K - 1) - 1) // stride + 1. Padding is of zeros; "valid" is none,
    "same" as much as makes P = L, for stride 1. Of `groups` each sees its part of the channels alone.
    ValueError for shapes and numbers that do not fit, TypeError for numbers that are no integers, and for
    integers as weight of an input that is not.
    """
    return _conv("conv1d", 1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """conv1d's sum over two axes: input (N, C, H, W) or (C, H, W), weight (out, C / groups, KH, KW).

    bias is (out,); the result is (N, out, P, Q), P from H and Q from W as P from L in conv1d, or (out, P, Q).
    Numbers are one for both axes, or a pair. ValueError and TypeError as in conv1d.
    """
    return _conv("conv2d", 2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: str | int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """conv1d's sum over three axes: input (N, C, D, H, W) or without N, weight (out, C / groups, KD, KH, KW).

    bias is (out,); the result has three axes in place of conv1d's one. Numbers are one for all axes, or
    three. ValueError and TypeError as in conv1d.
    """
    return _conv("conv3d", 3, input, weight, bias, stride, padding, dilation, groups)


def _conv(name, n, input, weight, bias, stride, padding, dilation, groups):
    x, weight, bias, batched = operands(name, n, input, weight, bias)
    stride = sizes(name, "stride", stride, n, 1)
    dilation = sizes(name, "dilation", dilation, n, 1)
    padding = paddings(name, padding, weight.shape[2:], stride, dilation)
    check_groups(name, groups, x, weight, bias, weight.shape[0], weight.shape[1] * groups)
    geometry = Geometry(weight.shape[2:], stride, padding, dilation, groups)
    if min(geometry.positions(x.shape[2:])) < 1:
        padded = tuple(n + a + b for n, (a, b) in zip(x.shape[2:], padding, strict=True))
        spans = tuple(map(geometry.span, range(n)))
        raise ValueError(
            f"{where(name)}: kernels that reach over {spans} do not fit into an input of {padded} "
            f"(input {x.shape}, weight {weight.shape}, padding {padding}); pad more, or use smaller kernels"
        )
    return applied(_convolution, x, weight, bias, batched, stride, padding, dilation, groups)


# ------------------------------------------------------------- arguments, also of the transposed kind


def operands(name: str, n: int, input, weight, bias):
    """input with a batch, weight and bias as Tensors of one float dtype, and whether there was a batch."""
    x, weight = as_tensor(input), as_tensor(weight)
    for beside, t in (("input", x), ("bias", bias)):
        if weight.dtype.kind != "f" and getattr(t, "dtype", weight.dtype).kind == "f":
            way = f"use weight.astype(np.{t.dtype})"
            raise TypeError(f"{where(name)}: weight is {weight.dtype}, {beside} {t.dtype}; {way}")
    x, weight = as_float(x, weight), as_float(weight, x)
    bias = None if bias is None else as_float(bias, weight)
    if x.ndim not in (n + 1, n + 2) or weight.ndim != n + 2:
        axes = ("L",), ("H", "W"), ("D", "H", "W")
        form = ", ".join(axes[n - 1])
        raise ValueError(
            f"{where(name)}: input is (N, C, {form}) or (C, {form}) and weight has {n + 2} axes, "
            f"not input {x.shape} and weight {weight.shape}"
        )
    if not all(weight.shape[2:]):
        raise ValueError(f"{where(name)}: weight of shape {weight.shape} has a kernel without elements")
    dtypes = {t.dtype for t in (x, weight, bias) if t is not None}
    if len(dtypes) > 1:
        wide = max(dtypes, key=lambda dtype: dtype.itemsize)
        x, weight = x.astype(wide), weight.astype(wide)
        bias = None if bias is None else bias.astype(wide)
    batched = x.ndim == n + 2
    return (x if batched else x[None]), weight, bias, batched


def sizes(name: str, argument: str, value, n: int, least: int) -> tuple[int, ...]:
    """n integers of at least `least`."""
    found = as_tuple(name, argument, value, n)
    if min(found) < least:
        raise ValueError(f"{where(name)}: {argument} is at least {least}, not {value!r}")
    return found


def check_count(name: str, argument: str, value, least: int) -> None:
    """Raise TypeError for what is no integer, ValueError for one that is too small."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{where(name)}: {argument} is an integer, not {value!r}")
    if value < least:
        raise ValueError(f"{where(name)}: {argument} is at least {int(least)}, not {value}")


def paddings(name, padding, kernel, stride, dilation) -> tuple[tuple[int, int], ...]:
    """(before, after) for each axis."""
    if not isinstance(padding, str):
        return tuple((p, p) for p in sizes(name, "padding", padding, len(kernel), 0))
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding != "same":
        raise ValueError(
            f"{where(name)}: padding is an integer, {len(kernel)} of them, 'same' or 'valid', not {padding!r}"
        )
    if max(stride) > 1:
        raise ValueError(f"{where(name)}: padding='same' is for stride 1, not {stride}; give a number")
    return same_padding(kernel, dilation)


def same_padding(kernel, dilation) -> tuple[tuple[int, int], ...]:
    """What leaves sizes as they are: (before, after), the odd one after."""
    total = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((t // 2, t - t // 2) for t in total)


def check_groups(name, groups, x, weight, bias, out, channels) -> None:
    """`channels` are those that weight is made for, `out` those that come out."""
    check_count(name, "groups", groups, 1)
    if weight.shape[0] % groups:
        raise ValueError(
            f"{where(name)}: groups={groups} has to divide the {weight.shape[0]} of weight {weight.shape}"
        )
    if x.shape[1] != channels:
        raise ValueError(
            f"{where(name)}: input of shape {x.shape} has {x.shape[1]} channels, weight of shape "
            f"{weight.shape} with groups={groups} is for {channels}"
        )
    if bias is not None and bias.shape != (out,):
        raise ValueError(
            f"{where(name)}: bias of shape {bias.shape}, expected ({out},) for weight {weight.shape}"
        )


def applied(op, x, weight, bias, batched, *attributes) -> Tensor:
    """The op, float16 in float32, without the axis of a batch where there was none."""
    if x.data.dtype.char == "e":
        names = dict(zip(op.attributes, attributes, strict=True))
        y = widened(op, x, weight, bias, **names)
    else:
        y = op(x, weight, bias, *attributes)
    return y if batched else ag.squeeze(y, 0)
