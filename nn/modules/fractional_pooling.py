"""Max pooling with windows at random places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..functional._inputs import as_tensor, as_tuple
from ..module import Module

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]

Size = int | Sequence[int]
Ratio = float | Sequence[float]


class _FractionalMaxPool(Module):
    axes: int

    def __init__(
        self,
        kernel_size: Size,
        output_size: Size | None = None,
        output_ratio: Ratio | None = None,
        return_indices: bool = False,
        _random_samples: ArrayLike | None = None,
    ):
        name, n = type(self).__name__, self.axes
        if (output_size is None) == (output_ratio is None):
            raise ValueError(f"{name}: give one of output_size and output_ratio")
        self.kernel_size = as_tuple(name, "kernel_size", kernel_size, n)
        if min(self.kernel_size) < 1:
            raise ValueError(f"{name}: kernel_size is at least 1, not {kernel_size}")
        self.return_indices = return_indices
        self.register_buffer(
            "_random_samples", None if _random_samples is None else as_tensor(_random_samples)
        )
        self.output_size = None if output_size is None else as_tuple(name, "output_size", output_size, n)
        self.output_ratio = None
        if output_ratio is not None:
            ratios = tuple(output_ratio) if isinstance(output_ratio, Sequence) else (output_ratio,) * n
            if len(ratios) != n or not all(0 < ratio < 1 for ratio in ratios):
                raise ValueError(f"{name}: output_ratio is {n} numbers between 0 and 1, not {output_ratio!r}")
            self.output_ratio = ratios

    def _sizes(self) -> tuple:
        return (
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """The largest of windows at random places: input (N, C, H, W) to (N, C, H_out, W_out).

    Also without the N. With `return_indices` a pair, of these and where they stand. Arguments and errors are
    those of functional.fractional_max_pool2d. Graham 2014, arXiv:1412.6071.
    """

    axes = 2

    def forward(self, input: ArrayLike) -> Any:
        return F.fractional_max_pool2d(input, *self._sizes())


class FractionalMaxPool3d(_FractionalMaxPool):
    """The largest of windows at random places: input (N, C, D, H, W) to (N, C, D_out, H_out, W_out).

    Also without the N. With `return_indices` a pair, of these and where they stand. Arguments and errors are
    those of functional.fractional_max_pool3d. Graham 2014, arXiv:1412.6071.
    """

    axes = 3

    def forward(self, input: ArrayLike) -> Any:
        return F.fractional_max_pool3d(input, *self._sizes())
