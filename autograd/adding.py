"""Adding at an index that names elements several times: the backward of all that takes by index."""

import math

import numpy as np
from numpy import ndarray

from .arrays import HALF, as_array, opaque
from .kernels import blocks

# Measured with NumPy 2.4 on one thread: np.add.at is fast on flat arrays alone, there as fast as sorting and
# summing segments or faster at all sizes; up to FEW bytes of a one-hot vector a product with them takes less
# time, for MANY single numbers and few places np.bincount; below SMALL numbers nothing is worth its calls.
FEW, SMALL, MANY = 320, 200, 4096


def zeros_to_add(g, shape):
    """Zeros for gradients g to be added to: float32 for float16, which stops to grow at 2048 ones."""
    return np.zeros_like(g, shape=shape, dtype=np.float32 if g.dtype is HALF else None)


def added_at(g, index, shape):
    """`zeros_to_add` with g added at `index`, once for each time that an element is named."""
    sums = zeros_to_add(g, shape)
    add_at(sums, index, g, True)
    return sums


def add_at(target, index, values, zeros=False):
    """np.add.at, several times faster on ndarrays; `zeros` says that this is what `target` holds."""
    change_at(np.add, target, index, values, zeros)


def change_at(ufunc, target, index, values, zeros=False):
    """ufunc.at(target, index, values), several times faster on ndarrays."""
    if type(target) is ndarray or hasattr(target, "opaque_call"):
        _change_at(target, index, values, ufunc, zeros)
    else:
        ufunc.at(target, index, values)


@opaque
def _change_at(target, index, values, ufunc, zeros):
    values = np.asarray(values)
    if values.size < SMALL or target.dtype.char not in "fd" or not target.flags.c_contiguous:
        ufunc.at(target, index, values)
        return
    at, axes = _rows(index, target.shape)
    rest = target.shape[axes:]
    width = math.prod(rest)
    if values.shape != at.shape + rest:
        values = np.broadcast_to(values, at.shape + rest)
    values = values.reshape(at.size, width).astype(target.dtype, copy=False)
    target, at = target.reshape(-1, width), at.reshape(-1)
    if ufunc is np.add:
        _add_rows(target, at, values, zeros)
    else:
        _each(ufunc, target, at, values)


def _rows(index, shape):
    """Of an index its row numbers, the first axes being one, and how many axes these are."""
    if type(index) is ndarray and index.dtype.kind == "i":  # most often
        return index, 1
    parts = index if isinstance(index, tuple) else (index,)
    if all([type(p) is ndarray and p.dtype.kind == "i" for p in parts]):
        at = 0
        for part, n in zip(parts, shape, strict=False):
            at = at * n + (np.where(part < 0, part + n, part) if part.size and part.min() < 0 else part)
        return at, len(parts)
    parts, axes = leading(index, len(shape))
    return np.arange(math.prod(shape[:axes])).reshape(shape[:axes])[parts], axes


def leading(index, ndim):
    """An index, as a tuple, without the whole axes at its end, and for how many of `ndim` axes it is then."""
    parts = index if isinstance(index, tuple) else (index,)
    while parts and (parts[-1] is Ellipsis or (type(parts[-1]) is slice and parts[-1] == slice(None))):
        parts = parts[:-1]
    if any(part is Ellipsis for part in parts):
        return parts, ndim
    axes = 0
    for part in parts:
        mask = not isinstance(part, slice) and part is not None and as_array(part).dtype == bool
        axes += 0 if part is None else np.ndim(part) if mask else 1
    return parts, axes


def _add_rows(target, at, values, zeros):
    """target[at] += values, where `at` are row numbers that may repeat."""
    rows, width = target.shape
    if width == 1 and at.size >= max(4 * rows, MANY):
        at = at if at.min() >= 0 else np.where(at < 0, at + rows, at)
        np.add(target[:, 0], np.bincount(at, values[:, 0], rows), target[:, 0], casting="same_kind")
    elif not (rows * values.itemsize <= FEW and width >= 8 and _add_product(target, at, values, zeros)):
        _each(np.add, target, at, values)


def _each(ufunc, target, at, values):
    """ufunc.at of the rows `at`, as one of numbers."""
    flat, width = target.reshape(-1), target.shape[1]
    if width == 1:
        ufunc.at(flat, at, values[:, 0])
        return
    columns = np.arange(width)
    for some in blocks(at.size, width):
        ufunc.at(flat, (at[some, None] * width + columns).reshape(-1), values[some].reshape(-1))


@np.errstate(over="ignore", invalid="ignore")
def _add_product(target, at, values, zeros):
    """The same for few rows, and whether it was done: not where 0 * inf has put nan where it is not right."""
    one_hot = np.zeros((at.size, len(target)), values.dtype)
    one_hot[np.arange(at.size), at] = 1
    sums = np.matmul(one_hot.T, values, out=target if zeros else None)
    finite = bool(np.isfinite(np.vdot(sums, sums)))
    if not zeros and finite:
        target += sums
    elif zeros and not finite:
        target[...] = 0
    return finite
