"""Transposed convolution of one, two and three axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import functional as F
from ..devices import dtype_for
from ..functional._inputs import where
from ..functional.convolution import sizes
from .convolution import ConvNd
from .linear import tensor_for

__all__ = ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]


class TransposedConvolution(ConvNd):
    """What ConvTranspose1d, ConvTranspose2d and ConvTranspose3d do with their input (N, C, ...)."""

    transposed = True

    def _build_transposed(
        self, channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, mode, dtype
    ):
        name = type(self).__name__
        if mode != "zeros":
            raise ValueError(f"{name}: padding_mode is 'zeros' alone, not {mode!r}")
        if isinstance(padding, str):
            raise TypeError(f"{name}: padding is an integer or {self.axes} of them, not {padding!r}")
        inside, outside = channels
        output_padding = sizes(name, "output_padding", output_padding, self.axes, 0)
        options = stride, padding, dilation, groups, bias, mode, dtype
        self._build(inside, outside, kernel_size, *options)
        self.output_padding = output_padding

    def forward(self, input: ArrayLike, output_size: Sequence[int] | None = None) -> Tensor:
        x = tensor_for(self, input, self.weight.dtype)
        conv = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[self.axes - 1]
        more = self.output_padding if output_size is None else self._more(x, tuple(output_size))
        return conv(x, self.weight, self.bias, self.stride, self.padding, more, self.groups, self.dilation)

    def _more(self, x, wanted) -> tuple[int, ...]:
        """The output_padding that makes the axes `wanted` (N and channels may stand before them)."""
        n, name = self.axes, f"conv_transpose{self.axes}d"
        if len(wanted) == x.ndim:
            wanted = wanted[-n:]
        if len(wanted) != n or x.ndim not in (n + 1, n + 2):
            raise ValueError(
                f"{where(name)}: output_size has {n} numbers, or as many as input of shape {x.shape}, "
                f"not {len(wanted)}"
            )
        axes = zip(x.shape[-n:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True)
        least = tuple((m - 1) * s - 2 * p + d * (k - 1) + 1 for m, s, p, d, k in axes)
        most = tuple(a + s - 1 for a, s in zip(least, self.stride, strict=True))
        more = tuple(w - a for w, a in zip(wanted, least, strict=True))
        if any(not 0 <= m < s for m, s in zip(more, self.stride, strict=True)):
            raise ValueError(
                f"{where(name)}: output_size={wanted} is out of reach: from {least} to {most} for input "
                f"of shape {x.shape}"
            )
        return more


class ConvTranspose1d(TransposedConvolution):
    """nn.functional.conv_transpose1d with weight and bias of its own: input (N, in_channels, L) or without N.

    weight is (in_channels, out_channels / groups, kernel_size), bias (out_channels,); the result is
    (N, out_channels, P). forward's `output_size`, the P that is wanted or a whole shape, takes the place of
    output_padding. ValueError for sizes that do not fit, TypeError for numbers that are no integers, or an
    input of another dtype.
    """

    axes = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        options = stride, padding, output_padding, groups, bias, dilation, padding_mode, dtype
        self._build_transposed((in_channels, out_channels), kernel_size, *options)


class ConvTranspose2d(TransposedConvolution):
    """nn.functional.conv_transpose2d of input (N, in_channels, H, W) or (in_channels, H, W).

    weight is (in_channels, out_channels / groups, *kernel_size), bias (out_channels,); the result is
    (N, out_channels, P, Q). Arguments, ValueError and TypeError as in ConvTranspose1d.
    """

    axes = 2

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        options = stride, padding, output_padding, groups, bias, dilation, padding_mode, dtype
        self._build_transposed((in_channels, out_channels), kernel_size, *options)


class ConvTranspose3d(TransposedConvolution):
    """nn.functional.conv_transpose3d of input (N, in_channels, D, H, W) or without N.

    weight is (in_channels, out_channels / groups, *kernel_size), bias (out_channels,); the result has
    out_channels and three axes more. Arguments, ValueError and TypeError as in ConvTranspose1d.
    """

    axes = 3

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        options = stride, padding, output_padding, groups, bias, dilation, padding_mode, dtype
        self._build_transposed((in_channels, out_channels), kernel_size, *options)
