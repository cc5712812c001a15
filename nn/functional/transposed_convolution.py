"""Transposed convolution: each element of the input spreads a kernel over the output.

It computes what the gradient of a convolution's input is; its arithmetic stands in _correlate.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

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
from ._inputs import where
from .convolution import applied, check_groups, operands, sizes

__all__ = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def _shapes(x, weight, stride, padding, output_padding, dilation, groups):
    """The Geometry of the convolution that this is the transpose of, and the shape of y."""
    geometry = Geometry(weight.shape[2:], stride, tuple((p, p) for p in padding), dilation, groups)
    wide = [
        (n - 1) * s - 2 * p + e
        for n, s, p, e in zip(x.shape[2:], stride, padding, output_padding, strict=True)
    ]
    spread_over = (n + geometry.span(i) for i, n in enumerate(wide))
    return geometry, (x.shape[0], weight.shape[1] * groups, *spread_over)


def transposed_plain(
    needs, x, weight, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)
):
    geometry, shape = _shapes(x, weight, stride, padding, output_padding, dilation, groups)
    positions = x.shape[2:]
    y = spread_plain(x, weight, shape, geometry)
    if bias is not None:
        y = y + bias.reshape((-1, *[1] * len(stride)))

    def backward(g):
        dx = correlate_plain(g, weight, positions, geometry) if needs[0] else None
        dw = weigh_plain(g, x, geometry) if needs[1] else None
        return dx, dw, channel_sums(g) if needs[2] else None

    return y, backward


def _flops(inputs, outputs, _):
    x, weight, *bias = inputs
    each = 2 * math.prod(weight[1:]) if weight else 1
    return math.prod(x or outputs[0]) * each + math.prod(outputs[0]) * bool(bias and bias[0])


@op(inputs=3, plain=transposed_plain, flops=_flops)
def _transposed_convolution(
    needs, x, weight, bias=None, stride=(1,), padding=(0,), output_padding=(0,), groups=1, dilation=(1,)
):
    """Of x (N, C, ...), weight (C, out / groups, ...) and bias (out,)."""
    geometry, shape = _shapes(x, weight, stride, padding, output_padding, dilation, groups)
    positions = x.shape[2:]
    y = spread(x, weight, bias, shape, geometry)
    x, weight = x if needs[1] else None, weight if needs[0] else None

    def backward(g):
        dx = correlate(g, weight, None, positions, geometry) if needs[0] else None
        dw = weigh(g, x, geometry) if needs[1] else None
        return dx, dw, channel_sums(g) if needs[2] else None

    return y, backward


def conv_transpose1d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """The sum of input[n, c, p] weight[c, o, t] over what meets at each stride p + dilation t - padding.

    Zeiler et al. 2010. input (N, C, L) or (C, L), weight (C, out / groups, K), bias (out,); the result is
    (N, out, P) or (out, P) with P = (L - 1) stride - 2 padding + dilation (K - 1) + output_padding + 1. It is
    the gradient of conv1d's input; output_padding, less than stride or dilation, says which of the lengths
    that conv1d takes to L is meant. ValueError for shapes and numbers that do not fit, TypeError for numbers
    that are no integers, and integers as weight of an input that is not.
    """
    options = stride, padding, output_padding, groups, dilation
    return _conv_transpose("conv_transpose1d", 1, input, weight, bias, *options)


def conv_transpose2d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """conv_transpose1d's sum over two axes: input (N, C, H, W) or (C, H, W).

    weight is (C, out / groups, KH, KW), bias (out,); the result is (N, out, P, Q) or (out, P, Q), P from H
    and Q from W as P from L in conv_transpose1d. Numbers are one for both axes, or a pair. ValueError and
    TypeError as there.
    """
    options = stride, padding, output_padding, groups, dilation
    return _conv_transpose("conv_transpose2d", 2, input, weight, bias, *options)


def conv_transpose3d(
    input: ArrayLike,
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """conv_transpose1d's sum over three axes: input (N, C, D, H, W) or (C, D, H, W).

    weight is (C, out / groups, KD, KH, KW), bias (out,); the result has three axes in place of one. Numbers
    are one for all axes, or three. ValueError and TypeError as there.
    """
    options = stride, padding, output_padding, groups, dilation
    return _conv_transpose("conv_transpose3d", 3, input, weight, bias, *options)


def _conv_transpose(name, n, input, weight, bias, stride, padding, output_padding, groups, dilation):
    x, weight, bias, batched = operands(name, n, input, weight, bias)
    stride = sizes(name, "stride", stride, n, 1)
    padding = sizes(name, "padding", padding, n, 0)
    output_padding = sizes(name, "output_padding", output_padding, n, 0)
    dilation = sizes(name, "dilation", dilation, n, 1)
    check_groups(name, groups, x, weight, bias, weight.shape[1] * groups, weight.shape[0])
    if any(e >= max(s, d) for e, s, d in zip(output_padding, stride, dilation, strict=True)):
        raise ValueError(
            f"{where(name)}: output_padding={output_padding} has to be less than stride={stride} or "
            f"dilation={dilation}"
        )
    options = stride, padding, output_padding, groups, dilation
    _, shape = _shapes(x, weight, stride, padding, output_padding, dilation, groups)
    if min(shape[2:]) < 1:
        raise ValueError(
            f"{where(name)}: nothing is left of the output, {shape}, of input {x.shape} and weight "
            f"{weight.shape}; use less than padding={padding}"
        )
    return applied(_transposed_convolution, x, weight, bias, batched, *options)
