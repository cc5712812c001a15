"""Images of another size, and pixels moved between channels and places."""

from __future__ import annotations

from collections.abc import Sequence

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike
from .. import functional as F
from ..module import Module

__all__ = [
    "ChannelShuffle",
    "PixelShuffle",
    "PixelUnshuffle",
    "Upsample",
    "UpsamplingBilinear2d",
    "UpsamplingNearest2d",
]


def as_floats(factor: float | Sequence[float]) -> float | tuple[float, ...]:
    """A factor or several, as floats."""
    return tuple(float(f) for f in factor) if isinstance(factor, Sequence) else float(factor)


class Upsample(Module):
    """input (N, C, d1, ...) made `size` or `scale_factor` times as large; see functional.interpolate."""

    def __init__(
        self,
        size: int | Sequence[int] | None = None,
        scale_factor: float | Sequence[float] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ):
        self.size = size
        self.scale_factor = scale_factor if scale_factor is None else as_floats(scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: ArrayLike) -> Tensor:
        return F.interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        size = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{size}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Upsample of input (N, C, H, W) with mode="nearest"."""

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
    ):
        super().__init__(size, scale_factor)


class UpsamplingBilinear2d(Upsample):
    """Upsample of input (N, C, H, W) with mode="bilinear" and align_corners=True."""

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
    ):
        super().__init__(size, scale_factor, "bilinear", True)


class PixelShuffle(Module):
    """input (..., C r r, H, W) to (..., C, H r, W r), r = upscale_factor; see functional.pixel_shuffle."""

    def __init__(self, upscale_factor: int):
        self.upscale_factor = upscale_factor

    def forward(self, input: ArrayLike) -> Tensor:
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """input (..., C, H r, W r) to (..., C r r, H, W), r = downscale_factor; functional.pixel_unshuffle."""

    def __init__(self, downscale_factor: int):
        self.downscale_factor = downscale_factor

    def forward(self, input: ArrayLike) -> Tensor:
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """The channels of input (N, C, ...) in turn from each of `groups` groups; functional.channel_shuffle."""

    def __init__(self, groups: int):
        self.groups = groups

    def forward(self, input: ArrayLike) -> Tensor:
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
