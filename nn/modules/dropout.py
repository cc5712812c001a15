"""Dropout."""

from __future__ import annotations

from collections.abc import Callable

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..functional._inputs import check_share
from ..module import Module

__all__ = ["AlphaDropout", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    """What the dropouts have in common; none of them is another one, for those who ask with isinstance."""

    _function: Callable

    def __init__(self, p: float = 0.5, inplace: bool = False):
        check_share(type(self).__name__, p)
        self.p = p
        self.inplace = inplace

    def forward(self, input: ArrayLike) -> Tensor:
        return self._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """While training, input elementwise 0 with probability p, else divided by 1 - p; in evaluation, input.

    With `inplace`, input becomes the result while training. Srivastava et al. 2014. ValueError unless
    0 <= p <= 1.
    """

    _function = staticmethod(F.dropout)


class Dropout1d(_DropoutNd):
    """Dropout of whole channels; input (N, C, L) or (C, L).

    With `inplace`, input becomes the result while training. ValueError unless 0 <= p <= 1, and for another
    number of axes.
    """

    _function = staticmethod(F.dropout1d)


class Dropout2d(_DropoutNd):
    """Dropout of whole channels; input (N, C, H, W), also (N, C, L) and (N, C), never without a batch.

    With `inplace`, input becomes the result while training. ValueError unless 0 <= p <= 1, and for less than
    two axes.
    """

    _function = staticmethod(F.dropout2d)


class Dropout3d(_DropoutNd):
    """Dropout of whole channels; input (N, C, D, H, W) or (C, D, H, W).

    With `inplace`, input becomes the result while training. ValueError unless 0 <= p <= 1, and for another
    number of axes.
    """

    _function = staticmethod(F.dropout3d)


class AlphaDropout(_DropoutNd):
    """Dropout after SELU, elementwise of input, which keeps a mean of 0 and a variance of 1.

    With `inplace`, input becomes the result while training. Klambauer et al. 2017, arXiv:1706.02515.
    ValueError unless 0 <= p <= 1.
    """

    _function = staticmethod(F.alpha_dropout)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels; input (N, C, ...).

    With `inplace`, input becomes the result while training. ValueError unless 0 <= p <= 1, and for an input
    without channels.
    """

    _function = staticmethod(F.feature_alpha_dropout)
