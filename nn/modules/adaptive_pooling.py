"""Pooling to a given size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module

__all__ = ["AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d", "AdaptiveMaxPool1d"]
__all__ += ["AdaptiveMaxPool2d", "AdaptiveMaxPool3d"]

Size = int | None | Sequence[int | None]


class _Adaptive(Module):
    output_size: Size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveAvgPool(_Adaptive):
    def __init__(self, output_size: Size):
        self.output_size = output_size


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of windows that make `output_size`: input (N, C, L) to (N, C, L_out).

    Also without the N. Sizes and errors are those of functional.adaptive_avg_pool1d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of windows that make `output_size`: input (N, C, H, W) to (N, C, H_out, W_out).

    Also without the N. Sizes and errors are those of functional.adaptive_avg_pool2d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means of windows that make `output_size`: input (N, C, D, H, W) to (N, C, D_out, ...).

    Also without the N. Sizes and errors are those of functional.adaptive_avg_pool3d.
    """

    def forward(self, input: ArrayLike) -> Tensor:
        return F.adaptive_avg_pool3d(input, self.output_size)


class _AdaptiveMaxPool(_Adaptive):
    def __init__(self, output_size: Size, return_indices: bool = False):
        self.output_size = output_size
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Largest elements of windows that make `output_size`: input (N, C, L) to (N, C, L_out).

    Also without the N. With `return_indices` a pair, of these and where they stand. Sizes and errors are
    those of functional.adaptive_max_pool1d.
    """

    def forward(self, input: ArrayLike) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Largest elements of windows that make `output_size`: input (N, C, H, W) to (N, C, H_out, W_out).

    Also without the N. With `return_indices` a pair, of these and where they stand. Sizes and errors are
    those of functional.adaptive_max_pool2d.
    """

    def forward(self, input: ArrayLike) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Largest elements of windows that make `output_size`: input (N, C, D, H, W) to (N, C, D_out, ...).

    Also without the N. With `return_indices` a pair, of these and where they stand. Sizes and errors are
    those of functional.adaptive_max_pool3d.
    """

    def forward(self, input: ArrayLike) -> Any:
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)
