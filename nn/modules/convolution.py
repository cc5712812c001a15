"""Convolution of one, two and three axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from .. import init
from ..devices import dtype_for
from ..functional._inputs import where
from ..functional.convolution import check_count, paddings, sizes
from ..module import Module, Parameter
from .linear import tensor_for

__all__ = ["Conv1d", "Conv2d", "Conv3d"]

MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # NumPy's words


class ConvNd(Module):
    """What convolutions and transposed ones of `axes` axes have in common."""

    axes: int
    transposed = False
    weight: Parameter
    bias: Parameter | None

    def _build(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        groups,
        bias,
        padding_mode,
        dtype,
    ):
        """Check the arguments and make the parameters."""
        name, n = type(self).__name__, self.axes
        for argument, value in (
            ("in_channels", in_channels),
            ("out_channels", out_channels),
            ("groups", groups),
        ):
            check_count(name, argument, value, argument == "groups")
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: groups={groups} has to divide in_channels={in_channels} and "
                f"out_channels={out_channels}"
            )
        if padding_mode not in MODES:
            raise ValueError(f"{name}: padding_mode is one of {', '.join(MODES)}, not {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = sizes(name, "kernel_size", kernel_size, n, 1)
        self.stride = sizes(name, "stride", stride, n, 1)
        self.dilation = sizes(name, "dilation", dilation, n, 1)
        ends = paddings(name, padding, self.kernel_size, self.stride, self.dilation)
        self.padding: Any = padding if isinstance(padding, str) else tuple(before for before, _ in ends)
        self.output_padding = (0,) * n
        self.padding_mode = padding_mode
        self.weight = Parameter.empty(self._weight_shape(), dtype)
        self.bias = Parameter.empty(out_channels, dtype) if bias else None
        self.reset_parameters()

    def _weight_shape(self) -> tuple[int, ...]:
        ends = self.out_channels, self.in_channels
        first, second = ends[::-1] if self.transposed else ends
        return first, second // self.groups, *self.kernel_size

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(n), an element of the result being a sum over n, as PyTorch does."""
        fan_in = math.prod(self.weight.shape[1:])
        if fan_in:
            init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(fan_in) if fan_in else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        n = self.axes
        parts = [
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        ]
        if self.padding != (0,) * len(self.padding):
            parts.append(f"padding={self.padding}")
        for name, usual in (("dilation", (1,) * n), ("output_padding", (0,) * n), ("groups", 1)):
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Convolution(ConvNd):
    """What Conv1d, Conv2d and Conv3d do with their input (N, C, ...)."""

    def forward(self, input: ArrayLike) -> Tensor:
        x = tensor_for(self, input, self.weight.dtype)
        return self._conv_forward(x, self.weight, self.bias)

    def _conv_forward(self, input, weight, bias) -> Tensor:
        """With this weight and bias; classes that compute theirs call it, as in PyTorch."""
        conv = (F.conv1d, F.conv2d, F.conv3d)[self.axes - 1]
        if self.padding_mode == "zeros":
            return conv(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        input = self._surrounded(input)
        return conv(input, weight, bias, self.stride, 0, self.dilation, self.groups)

    def _surrounded(self, input) -> Tensor:
        n, name = self.axes, f"conv{self.axes}d"
        if input.ndim not in (n + 1, n + 2):
            raise ValueError(f"{where(name)}: input has {n + 1} or {n + 2} axes, not the shape {input.shape}")
        ends = paddings(name, self.padding, self.kernel_size, self.stride, self.dilation)
        room = {"reflect": -1, "circular": 0}.get(self.padding_mode)
        if room is not None:
            for size, pair in zip(input.shape[-n:], ends, strict=True):
                if max(pair) > max(0, size + room):
                    raise ValueError(
                        f"{where(name)}: padding {ends} with padding_mode={self.padding_mode!r} takes more "
                        f"than input of shape {input.shape} has; use 'zeros' or 'replicate', or pad less"
                    )
        return ag.pad(input, ((0, 0),) * (input.ndim - n) + ends, MODES[self.padding_mode])


class Conv1d(Convolution):
    """nn.functional.conv1d with a weight and bias of its own: input (N, in_channels, L) or (in_channels, L).

    weight is (out_channels, in_channels / groups, kernel_size), bias (out_channels,); the result is
    (N, out_channels, P). `padding` is a number, "valid" (none) or "same" (P = L); `padding_mode` is zeros,
    reflect, replicate or circular. ValueError for sizes that do not fit, TypeError for numbers that are no
    integers, or an input of another dtype.
    """

    axes = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        options = stride, padding, dilation, groups, bias, padding_mode, dtype
        self._build(in_channels, out_channels, kernel_size, *options)


class Conv2d(Convolution):
    """nn.functional.conv2d with a weight and bias of its own: input (N, in_channels, H, W) or without N.

    weight is (out_channels, in_channels / groups, *kernel_size), bias (out_channels,); the result is
    (N, out_channels, P, Q). Options, ValueError and TypeError as in Conv1d; numbers are one for both axes,
    or a pair.
    """

    axes = 2

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        options = stride, padding, dilation, groups, bias, padding_mode, dtype
        self._build(in_channels, out_channels, kernel_size, *options)


class Conv3d(Convolution):
    """nn.functional.conv3d with a weight and bias of its own: input (N, in_channels, D, H, W) or without N.

    weight is (out_channels, in_channels / groups, *kernel_size), bias (out_channels,); the result has
    out_channels and three axes more. Options, ValueError and TypeError as in Conv1d; numbers are one for all
    axes, or three.
    """

    axes = 3

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        options = stride, padding, dilation, groups, bias, padding_mode, dtype
        self._build(in_channels, out_channels, kernel_size, *options)
