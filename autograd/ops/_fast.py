"""Pieces that the fast forms of ops share. They take ndarrays only."""

import numpy as np

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
