"""Pieces that the fast forms of ops share. They take ndarrays only."""

import numpy as np

from ..trace import whole

# A ufunc on an array in the cache is several times faster than on one in main memory, and costs a microsecond
# to call. This many numbers (256 kB of float32) are worked on at a time by ops of many passes.
CHUNK = 1 << 16


def blocks(rows, width, limit=CHUNK):
    """Slices that cut `rows` rows of `width` numbers into blocks of about `limit` numbers."""
    step = max(1, limit // max(1, width))
    return [slice(i, i + step) for i in range(0, rows, step)]


def row_sums(x):
    """Sums over the last axis as a product by BLAS, several times faster than np.sum there."""
    return x @ np.ones(x.shape[-1], x.dtype)


def exp_sums(x, e):
    """Sums of exp(x - shift), which is put into `e`, over the last axis, and the shift of each row.

    It is 0, as the search for a maximum takes longer than the exponentials, or for rows whose sum shows that
    they lose accuracy or overflow, the maximum.
    """
    with np.errstate(over="ignore"):
        e = np.exp(x, out=e)
        total = row_sums(e)
    shift = np.zeros_like(total)
    _shift_unsafe(x, e, total, shift)
    return total, shift


@whole
def _shift_unsafe(x, e, total, shift):
    if not total.size or (total.min() > 1e-13 and total.max() < 1e13):  # nan is neither
        return
    unsafe = ~((total > 1e-13) & (total < 1e13))
    shift[unsafe] = x[unsafe].max(axis=-1)
    e[unsafe] = np.exp(x[unsafe] - shift[unsafe, None])
    total[unsafe] = e[unsafe].sum(axis=-1)
