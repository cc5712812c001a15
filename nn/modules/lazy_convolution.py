"""Convolutions that learn from their first input how many channels it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd.arrays import ArrayLike, DTypeLike
from ..functional._inputs import as_tensor
from ..uninitialized import UninitializedParameter
from .convolution import Conv1d, Conv2d, Conv3d, ConvNd
from .lazy import LazyModuleMixin, materialize
from .transposed_convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

__all__ = ["LazyConv1d", "LazyConv2d", "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d"]
__all__ += ["LazyConvTranspose3d"]


class LazyConvMixin(LazyModuleMixin, ConvNd):
    """What the lazy convolutions have in common; the channels are counted in the first input (N, C, ...)."""

    def _forget(self, bias, device, dtype) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None

    def reset_parameters(self) -> None:
        """The convolution's numbers, once there is a shape."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()

    def initialize_parameters(self, input: ArrayLike, *args: Any, **kwargs: Any) -> None:
        """Give weight and bias their shapes by the channels of `input` (N, C, ...) or (C, ...).

        ValueError for an input with another number of axes, or channels that groups do not divide.
        """
        x = as_tensor(input)
        if x.ndim not in (self.axes + 1, self.axes + 2):
            raise ValueError(
                f"{self.label()}: input has {self.axes + 1} or {self.axes + 2} axes, not the shape {x.shape}"
            )
        if self.has_uninitialized_params():
            channels = x.shape[-1 - self.axes]
            if channels % self.groups:
                raise ValueError(
                    f"{self.label()}: groups={self.groups} has to divide the {channels} channels of "
                    f"input {x.shape}"
                )
            self.in_channels = channels
            materialize(self.weight, self._weight_shape())
            materialize(self.bias, (self.out_channels,))
            self.reset_parameters()
        self.in_channels = self.weight.shape[0] if self.transposed else self.weight.shape[1] * self.groups


class LazyConv1d(LazyConvMixin, Conv1d):
    """A Conv1d whose in_channels are those of its first input, (N, C, L)."""

    cls_to_become = Conv1d

    def __init__(
        self,
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
        options = stride, padding, dilation, groups, False, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConv2d(LazyConvMixin, Conv2d):
    """A Conv2d whose in_channels are those of its first input, (N, C, H, W)."""

    cls_to_become = Conv2d

    def __init__(
        self,
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
        options = stride, padding, dilation, groups, False, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConv3d(LazyConvMixin, Conv3d):
    """A Conv3d whose in_channels are those of its first input, (N, C, D, H, W)."""

    cls_to_become = Conv3d

    def __init__(
        self,
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
        options = stride, padding, dilation, groups, False, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConvTranspose1d(LazyConvMixin, ConvTranspose1d):
    """A ConvTranspose1d whose in_channels are those of its first input, (N, C, L)."""

    cls_to_become = ConvTranspose1d

    def __init__(
        self,
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
        options = stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConvTranspose2d(LazyConvMixin, ConvTranspose2d):
    """A ConvTranspose2d whose in_channels are those of its first input, (N, C, H, W)."""

    cls_to_become = ConvTranspose2d

    def __init__(
        self,
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
        options = stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConvTranspose3d(LazyConvMixin, ConvTranspose3d):
    """A ConvTranspose3d whose in_channels are those of its first input, (N, C, D, H, W)."""

    cls_to_become = ConvTranspose3d

    def __init__(
        self,
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
        options = stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)
