"""Surrounding the last axes of an array with more numbers."""

from __future__ import annotations

from collections.abc import Sequence

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..functional._inputs import as_tensor, as_tuple
from ..module import Module

__all__ = ["CircularPad1d", "CircularPad2d", "CircularPad3d", "ConstantPad1d", "ConstantPad2d"]
__all__ += ["ConstantPad3d", "ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d", "ReplicationPad1d"]
__all__ += ["ReplicationPad2d", "ReplicationPad3d", "ZeroPad1d", "ZeroPad2d", "ZeroPad3d"]

Size = int | Sequence[int]


class _Pad(Module):
    """`padding` is (before, after) for the last axis, then for the one before it; or one integer for all."""

    axes: int
    mode: str

    def __init__(self, padding: Size):
        self.padding = as_tuple(type(self).__name__, "padding", padding, 2 * self.axes)

    def forward(self, input: ArrayLike) -> Tensor:
        x = as_tensor(input)
        if x.ndim not in (self.axes + 1, self.axes + 2):
            raise ValueError(
                f"{self.label()}: input has {self.axes + 1} or {self.axes + 2} axes, not shape {x.shape}"
            )
        return F.pad(x, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(Module):
    axes: int

    def __init__(self, padding: Size, value: float):
        self.padding = as_tuple(type(self).__name__, "padding", padding, 2 * self.axes)
        self.value = value

    def forward(self, input: ArrayLike) -> Tensor:
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class CircularPad1d(_Pad):
    """Each of the last axes goes on at its other end: input (N, C, L) or (C, L).

    `padding` is (left, right), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """Each of the last axes goes on at its other end: input (N, C, H, W) or (C, H, W).

    `padding` is (left, right, top, bottom), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 2
    mode = "circular"


class CircularPad3d(_Pad):
    """Each of the last axes goes on at its other end: input (N, C, D, H, W) or (C, D, H, W).

    `padding` is (left, right, top, bottom, front, back), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 3
    mode = "circular"


class ReflectionPad1d(_Pad):
    """Each of the last axes is mirrored, without the edge: input (N, C, L) or (C, L).

    `padding` is (left, right), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Each of the last axes is mirrored, without the edge: input (N, C, H, W) or (C, H, W).

    `padding` is (left, right, top, bottom), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """Each of the last axes is mirrored, without the edge: input (N, C, D, H, W) or (C, D, H, W).

    `padding` is (left, right, top, bottom, front, back), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Each of the last axes repeats its edge: input (N, C, L) or (C, L).

    `padding` is (left, right), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Each of the last axes repeats its edge: input (N, C, H, W) or (C, H, W).

    `padding` is (left, right, top, bottom), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Each of the last axes repeats its edge: input (N, C, D, H, W) or (C, D, H, W).

    `padding` is (left, right, top, bottom, front, back), or one number for all;
    where negative, elements are left away. ValueError for widths and shapes that do not fit, see
    functional.pad.
    """

    axes = 3
    mode = "replicate"


class ConstantPad1d(_ConstantPad):
    """input (..., L) with `value` around its last axis.

    `padding` is (left, right), or one number for all;
    where negative, elements are left away. ValueError for widths that do not fit.
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """input (..., H, W) with `value` around its last axes.

    `padding` is (left, right, top, bottom), or one number for all;
    where negative, elements are left away. ValueError for widths that do not fit.
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """input (..., D, H, W) with `value` around its last axes.

    `padding` is (left, right, top, bottom, front, back), or one number for all;
    where negative, elements are left away. ValueError for widths that do not fit.
    """

    axes = 3


class ZeroPad1d(ConstantPad1d):
    """input (..., L) with zeros around its last axis, as ConstantPad1d."""

    def __init__(self, padding: Size):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """input (..., H, W) with zeros around its last axes, as ConstantPad2d."""

    def __init__(self, padding: Size):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """input (..., D, H, W) with zeros around its last axes, as ConstantPad3d."""

    def __init__(self, padding: Size):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"
