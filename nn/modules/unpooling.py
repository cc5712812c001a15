"""The way back from max pooling."""

from __future__ import annotations

from collections.abc import Sequence

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..functional._inputs import as_tuple
from ..module import Module

__all__ = ["MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"]

Size = int | Sequence[int]


class _MaxUnpool(Module):
    axes: int

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0):
        name = type(self).__name__
        self.kernel_size = as_tuple(name, "kernel_size", kernel_size, self.axes)
        self.stride = as_tuple(name, "stride", kernel_size if stride is None else stride, self.axes)
        self.padding = as_tuple(name, "padding", padding, self.axes)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Zeros with the elements of input at `indices`, as MaxPool1d gives them: to (N, C, L_out).

    Also without the N. `output_size` is the shape of the pool's input, where it may not be guessed. Arguments
    and errors are those of functional.max_unpool1d.
    """

    axes = 1

    def forward(
        self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """Zeros with the elements of input at `indices`, as MaxPool2d gives them: to (N, C, H_out, W_out).

    Also without the N. `output_size` is the shape of the pool's input, where it may not be guessed. Arguments
    and errors are those of functional.max_unpool2d.
    """

    axes = 2

    def forward(
        self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(_MaxUnpool):
    """Zeros with the elements of input at `indices`, as MaxPool3d gives them: to (N, C, D_out, H_out, W_out).

    Also without the N. `output_size` is the shape of the pool's input, where it may not be guessed. Arguments
    and errors are those of functional.max_unpool3d.
    """

    axes = 3

    def forward(
        self, input: ArrayLike, indices: ArrayLike, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
