"""The largest element, the mean or the norm of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..functional._inputs import as_tuple
from ..module import Module
from .elsewhere import elsewhere

__all__ = ["AvgPool1d", "AvgPool2d", "AvgPool3d", "LPPool1d", "LPPool2d", "LPPool3d", "MaxPool1d"]
__all__ += ["MaxPool2d", "MaxPool3d"]

Size = int | Sequence[int]


class _MaxPool(Module):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        names = "kernel_size", "stride", "padding", "dilation", "ceil_mode"
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class MaxPool1d(_MaxPool):
    """The largest of each window: input (N, C, L) or (C, L) to (N, C, L_out).

    With `return_indices` a pair, of these and where they stand. Arguments and errors are those of
    functional.max_pool1d.
    """

    def forward(self, input: ArrayLike) -> Any:
        sizes = self.kernel_size, self.stride, self.padding, self.dilation
        return F.max_pool1d(input, *sizes, self.ceil_mode, self.return_indices)


class MaxPool2d(_MaxPool):
    """The largest of each window: input (N, C, H, W) or (C, H, W) to (N, C, H_out, W_out).

    With `return_indices` a pair, of these and where they stand. Arguments and errors are those of
    functional.max_pool2d.
    """

    def forward(self, input: ArrayLike) -> Any:
        sizes = self.kernel_size, self.stride, self.padding, self.dilation
        return F.max_pool2d(input, *sizes, self.ceil_mode, self.return_indices)


class MaxPool3d(_MaxPool):
    """The largest of each window: input (N, C, D, H, W) or (C, D, H, W) to (N, C, D_out, H_out, W_out).

    With `return_indices` a pair, of these and where they stand. Arguments and errors are those of
    functional.max_pool3d.
    """

    def forward(self, input: ArrayLike) -> Any:
        sizes = self.kernel_size, self.stride, self.padding, self.dilation
        return F.max_pool3d(input, *sizes, self.ceil_mode, self.return_indices)


class _AvgPool(Module):
    kernel_size: Size
    stride: Size
    padding: Size

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The mean of each window: input (N, C, L) or (C, L) to (N, C, L_out).

    Arguments and errors are those of functional.avg_pool1d.
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        self.kernel_size = as_tuple("AvgPool1d", "kernel_size", kernel_size, 1)
        self.stride = as_tuple("AvgPool1d", "stride", kernel_size if stride is None else stride, 1)
        self.padding = as_tuple("AvgPool1d", "padding", padding, 1)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: ArrayLike) -> Tensor:
        sizes = self.kernel_size, self.stride, self.padding
        return F.avg_pool1d(input, *sizes, self.ceil_mode, self.count_include_pad)


class _AvgPoolByDivisor(_AvgPool):
    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override


class AvgPool2d(_AvgPoolByDivisor):
    """The mean of each window: input (N, C, H, W) or (C, H, W) to (N, C, H_out, W_out).

    Arguments and errors are those of functional.avg_pool2d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        sizes = self.kernel_size, self.stride, self.padding
        return F.avg_pool2d(input, *sizes, self.ceil_mode, self.count_include_pad, self.divisor_override)


class AvgPool3d(_AvgPoolByDivisor):
    """The mean of each window: input (N, C, D, H, W) or (C, D, H, W) to (N, C, D_out, H_out, W_out).

    Arguments and errors are those of functional.avg_pool3d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        sizes = self.kernel_size, self.stride, self.padding
        return F.avg_pool3d(input, *sizes, self.ceil_mode, self.count_include_pad, self.divisor_override)


class _LPPool(Module):
    def __init__(
        self, norm_type: float, kernel_size: Size, stride: Size | None = None, ceil_mode: bool = False
    ):
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        names = "norm_type", "kernel_size", "stride", "ceil_mode"
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class LPPool1d(_LPPool):
    """(sum of x^p)^(1/p) of each window, p = `norm_type`: input (N, C, L) to (N, C, L_out).

    Also without the N. Arguments and errors are those of functional.lp_pool1d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """(sum of x^p)^(1/p) of each window, p = `norm_type`: input (N, C, H, W) to (N, C, H_out, W_out).

    Also without the N. Arguments and errors are those of functional.lp_pool2d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool3d(_LPPool):
    """(sum of x^p)^(1/p) of each window, p = `norm_type`: input (N, C, D, H, W) to (N, C, D_out, ...).

    Also without the N. Arguments and errors are those of functional.lp_pool3d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


__getattr__ = elsewhere(__name__)
