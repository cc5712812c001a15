"""Adding at an index that names elements several times: the backward of all that takes by index."""

import math
from itertools import pairwise

import numpy as np
from numpy import ndarray

from .arrays import HALF, as_array, opaque
from .kernels import blocks

# Measured with NumPy 2.4 on one thread, for float32. np.add.at is fast on flat arrays alone: 2 ns for a
# number, and as much for a complex one, which is two; below SMALL numbers nothing is worth its calls. To sort
# the rows and sum those that occur equally often at once takes a third of that, but as long as CALLS numbers
# to begin with, ROW more for each row and GROUP for each number of times. Up to FEW bytes of a one-hot vector
# a product with them takes less time than both, and for MANY single numbers and few places np.bincount does.
FEW, SMALL, MANY = 128, 200, 4096
CALLS, ROW, GROUP = 40_000, 25, 3_000
ROOM = 1 << 18  # numbers that are gathered at a time


def zeros_to_add(g, shape):
    """Zeros for gradients g to be added to: float32 for float16, which stops to grow at 2048 ones."""
    return np.zeros_like(g, shape=shape, dtype=np.float32 if g.dtype is HALF else None)


def added_at(g, index, shape):
    """`zeros_to_add` with g added at `index`, once for each time that an element is named."""
    sums = zeros_to_add(g, shape)
    add_at(sums, index, g, True)
    return sums


def taken_at(values, source, at, shape):
    """`zeros_to_add` of rows, values[source[i]] added to the row at[i] for each i; no index is negative."""
    sums = zeros_to_add(values, shape)
    if type(sums) is ndarray or hasattr(sums, "opaque_call"):
        _add_taken(sums, at, values, source)
    else:
        np.add.at(sums, at, np.take(values, source, 0))
    return sums


@opaque
def _add_taken(sums, at, values, source):
    fit = sums.dtype == values.dtype and sums.dtype.char in "fd"
    if not (fit and _add_segments(sums, at.astype(np.intp, copy=False), values, True, source)):
        _change_at(sums, at, values.take(source, 0), np.add, True)


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
    target, at = target.reshape(-1, width), at.reshape(-1).astype(np.intp, copy=False)
    if at.size and at.min() < 0:
        at = np.where(at < 0, at + len(target), at)
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
        np.add(target[:, 0], np.bincount(at, values[:, 0], rows), target[:, 0], casting="same_kind")
    elif rows * values.itemsize <= FEW and width >= 8 and _add_product(target, at, values, zeros):
        pass
    elif not _add_segments(target, at, values, zeros):
        _each(np.add, target, at, values)


def _each(ufunc, target, at, values):
    """ufunc.at of the rows `at`, as one of numbers."""
    flat, width = target.reshape(-1), target.shape[1]
    if width == 1:
        ufunc.at(flat, at, values[:, 0])
        return
    pairs = ufunc is np.add and width % 2 == 0  # a complex number is two of them
    if pairs:
        kind = np.complex64 if target.itemsize == 4 else np.complex128
        flat, width = flat.view(kind), width // 2
    columns = np.arange(width)
    for some in blocks(at.size, width):
        given = values[some].ravel()  # a reshape could have steps of 0
        ufunc.at(flat, (at[some, None] * width + columns).reshape(-1), given.view(kind) if pairs else given)


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


# ------------------------------------------------------------------------------------------ rows in segments


class Segments:
    """Row numbers sorted, those that are equal being a segment, and the segments sorted by their length.

    The i-th is of `rows[i]`, at order[begins[i] : begins[i + 1]] of the given numbers. The segments from
    `bounds[j]` to `bounds[j + 1]` have one length.
    """

    def __init__(self, at, rows):
        order = sorting(at, rows)
        ids = at[order]
        first = np.empty(ids.size, np.bool_)
        first[:1] = True
        np.not_equal(ids[1:], ids[:-1], out=first[1:])
        starts = np.flatnonzero(first)
        lengths = np.concatenate((starts[1:], [ids.size])) - starts
        by = sorting(lengths, ids.size + 1)
        starts, lengths = starts[by], lengths[by]
        self.rows = ids[starts]
        self.begins = np.concatenate(([0], lengths.cumsum()))
        self.order = order[np.repeat(starts - self.begins[:-1], lengths) + np.arange(ids.size)]
        changes = np.flatnonzero(lengths[1:] != lengths[:-1]) + 1
        self.bounds = [0, *changes.tolist(), by.size]

    def sums(self, values, source=None):
        """(slice of `rows`, the sums of their rows of `values`, a new array), some at a time.

        The i-th row number stands for values[i], or for values[source[i]].
        """
        order = self.order if source is None else source[self.order]
        width = values.shape[1]
        for parts, begins in self._parts(max(1, ROOM // max(1, width))):
            rows = values.take(order[begins[0] : begins[-1]], 0)
            first, last = parts[0][0], parts[-1][1]
            if len(rows) > last - first:
                total = np.empty((last - first, width), values.dtype)
                for (a, b), begin, end in zip(parts, begins, begins[1:], strict=False):
                    part = rows[begin - begins[0] : end - begins[0]].reshape(b - a, -1, width)
                    np.add.reduce(part, 1, out=total[a - first : b - first])
                rows = total
            yield slice(first, last), rows

    def _parts(self, room):
        """Lists of (first, last + 1) segments of one length each, with about `room` numbers in each list, and
        at which of the numbers each begins, and the last ends."""
        ends = self.begins[self.bounds].tolist()
        if ends[-1] <= room:  # most often
            if ends[-1]:
                yield list(pairwise(self.bounds)), ends
            return
        parts: list = []
        begins = ends[:1]
        for (a, b), (begin, end) in zip(pairwise(self.bounds), pairwise(ends), strict=True):
            length = (end - begin) // (b - a)
            step = max(1, room // length)
            for i in range(a, b, step):
                j = min(i + step, b)
                if parts and begins[-1] - begins[0] + (j - i) * length > room:
                    yield parts, begins
                    parts, begins = [], begins[-1:]
                parts.append((i, j))
                begins.append(begins[-1] + (j - i) * length)
        yield parts, begins


def _add_segments(target, at, values, zeros, source=None):
    """The same by segments, and whether it was done: not where they are too small, or of too many lengths."""
    size, least, rows = at.size * target.shape[1], CALLS + ROW * at.size, len(target)
    if size <= least:
        return False
    if rows < 4 * at.size:  # else few rows repeat, and there are few lengths
        least += GROUP * np.count_nonzero(np.bincount(np.bincount(at, minlength=rows))[1:])
        if size <= least:
            return False
    segments = Segments(at, rows)
    for some, sums in segments.sums(values, source):
        if zeros:
            target[segments.rows[some]] = sums
        else:
            target[segments.rows[some]] += sums
    return True


def sorting(at, n):
    """at.argsort(kind="stable") for integers from 0 to n - 1; those of 16 bits NumPy sorts in two passes."""
    if n <= 1 << 16:
        return at.astype(np.uint16).argsort(kind="stable")
    if n > 1 << 32:
        return at.argsort(kind="stable")
    low = (at & 0xFFFF).astype(np.uint16).argsort(kind="stable")
    return low[(at[low] >> 16).astype(np.uint16).argsort(kind="stable")]
