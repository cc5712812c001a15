"""Pieces that the fast forms of ops share. They take ndarrays only."""

import math
from functools import lru_cache

import numpy as np

from .arrays import opaque

# A ufunc on an array in the cache is several times faster than on one in main memory, and costs a microsecond
# to call. This many numbers (256 kB of float32) are worked on at a time by ops of many passes.
CHUNK = 1 << 16
# Where rows are shorter than its buffer, a ufunc writes a number that holds for a row into it, once for each
# element and in the time of a pass. A buffer as small as can be is left out; short rows are better copied.
LONG = 256
SMALLEST_BUFFER = 16


def blocks(rows, width, limit=CHUNK):
    """Slices that cut `rows` rows of `width` numbers into blocks of about `limit` numbers."""
    step = max(1, limit // max(1, width))
    return [slice(i, i + step) for i in range(0, rows, step)]


@lru_cache(maxsize=64)
def ones(n, dtype):
    made = np.ones(n, dtype)
    made.flags.writeable = False
    return made


def row_sums(x):
    """np.sum over the last axis as a product by BLAS, several times faster there. Warns where np.sum does.

    BLAS alone would not do: for some processors its kernels raise the invalid flag wherever there is inf,
    although the sums are right.
    """
    total, finite = _quiet_sums(x)
    if not finite:
        x.sum(axis=-1)  # for what it says; the numbers stay those of BLAS, as in a replay
    return total


@np.errstate(over="ignore", invalid="ignore")  # as a decorator it takes half as long as `with`
def _quiet_sums(x):
    total = x @ ones(x.shape[-1], x.dtype)
    return total, type(total) is not np.ndarray or math.isfinite(np.vdot(total, total))


def row_dots(a, b):
    """np.sum(a * b) over the last axis in one pass in place of three. Warns where that does."""
    total, finite = _quiet_dots(a, b)
    if not finite:
        (a * b).sum(axis=-1)  # for what it says, as in row_sums
    return total


@np.errstate(over="ignore", invalid="ignore")
def _quiet_dots(a, b):
    total = np.vecdot(a, b)
    return total, type(total) is not np.ndarray or math.isfinite(np.vdot(total, total))


@opaque
@np.errstate()  # undoes setbufsize
def times_rows(out, x, a):
    """out = x * a, of a number `a` for each row."""
    if x.shape[-1] >= LONG:
        np.setbufsize(SMALLEST_BUFFER)
    np.multiply(x, a[..., None], out)


@opaque
@np.errstate()
def less_rows(out, x, a):
    """out = x - a, of a number `a` for each row."""
    if x.shape[-1] >= LONG:
        np.setbufsize(SMALLEST_BUFFER)
    np.subtract(x, a[..., None], out)


def exp_sums(x, e, counted=None):
    """Sums of exp(x - shift), which is put into `e`, over the last axis, and the shift of each row.

    It is 0, as the search for a maximum takes longer than the exponentials, or for rows whose sum shows that
    they lose accuracy or overflow, the maximum. Where such a row is not `counted` there are zeros in `e`.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # a row with inf is done again
        e = np.exp(x, out=e)
        total = e @ ones(e.shape[-1], e.dtype)
    shift = np.zeros_like(total)
    _shift_unsafe(x, e, total, shift, counted)
    return total, shift


@opaque
def _shift_unsafe(x, e, total, shift, counted):
    if not total.size or (total.min() > 1e-13 and total.max() < 1e13):  # nan is neither
        return
    unsafe = ~((total > 1e-13) & (total < 1e13))
    if counted is not None:
        ignored = unsafe & ~counted
        e[ignored], total[ignored] = 0, 1
        unsafe &= counted
    shift[unsafe] = x[unsafe].max(axis=-1)
    e[unsafe] = np.exp(x[unsafe] - shift[unsafe, None])
    total[unsafe] = e[unsafe].sum(axis=-1)
