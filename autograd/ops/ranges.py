"""Numbers from one end to another."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..arguments import tensor_of
from ..arrays import ArrayLike, DTypeLike
from ..op import composed
from ..tensor import Tensor
from .creation import astype


def _shares(start: Any, stop: Any, num: int, endpoint: bool) -> tuple[Tensor, Tensor, np.ndarray]:
    """Both ends as Tensors of floats, and how far each of `num` numbers is from the first to the last."""
    if num < 0:
        raise ValueError(f"num is how many numbers there are, 0 or more, not {num}")
    ends = [x if isinstance(x, (int, float)) else tensor_of(x) for x in (start, stop)]
    dtype = np.result_type(*(getattr(x, "dtype", x) for x in ends))
    dtype = dtype if dtype.kind == "f" else np.dtype(np.float64)
    start, stop = (astype(x, dtype) for x in ends)
    share = np.arange(num) / max(1, num - 1 if endpoint else num)
    return start, stop, share.astype(dtype).reshape(-1, *[1] * max(start.ndim, stop.ndim))


def _placed(y: Tensor, dtype: DTypeLike | None, axis: int) -> Tensor:
    y = y if axis == 0 else np.moveaxis(y, 0, axis)
    if dtype is None:
        return y
    return astype(np.floor(y) if np.issubdtype(dtype, np.integer) else y, dtype)


@composed(numpy=np.linspace)
def linspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Any:
    """start + (stop - start) i / n for i from 0 to `num` - 1, n being num - 1, or num without `endpoint`.

    The shape is that of the ends, which broadcast, with `num` on a new axis in front or at `axis`. With
    `retstep` the step comes too. ValueError for a negative num.
    """
    first, last, share = _shares(start, stop, num, endpoint)
    y = np.where(share == 1, last, first + (last - first) * share)
    step = (last - first) / (num - 1 if endpoint else num) if retstep else None
    return (_placed(y, dtype, axis), step) if retstep else _placed(y, dtype, axis)


@composed(numpy=np.logspace)
def logspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    base: ArrayLike = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """base ** linspace(start, stop): of the shape that linspace gives; ValueError for a negative num."""
    first, last, share = _shares(start, stop, num, endpoint)
    y = np.where(share == 1, last, first + (last - first) * share)
    return _placed(base**y, dtype, axis)


@composed(numpy=np.geomspace)
def geomspace(
    start: ArrayLike,
    stop: ArrayLike,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """start (stop / start) ** (i / n), as `linspace` with equal ratios; of the shape that linspace gives.

    ValueError for a negative num, or where an end is 0.
    """
    first, last, share = _shares(start, stop, num, endpoint)
    if not (first.data.all() and last.data.all()):
        raise ValueError("geomspace: an end is 0, from where ratios lead nowhere")
    y = np.where(share == 0, first, np.where(share == 1, last, first * (last / first) ** share))
    return _placed(y, dtype, axis)
