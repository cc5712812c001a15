"""Rows of a table."""

import numpy as np

from .._op import op


def embedding_plain(weight, ids, padding_idx=None):
    shape = weight.shape

    def backward(g):
        dw = np.zeros_like(g, shape=shape)
        np.add.at(dw, ids, g)
        if padding_idx is not None:
            dw[padding_idx] = 0
        return (dw,)

    return weight[ids], backward


@op(inputs=1, plain=embedding_plain)
def embedding(weight, ids, padding_idx=None):
    """weight[ids]: rows of the table (vocabulary, width, ...); row `padding_idx` gets no gradient."""
    ids = np.asarray(ids)
    shape = weight.shape
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, not {ids.dtype}")
    outside = (ids < 0) | (ids >= shape[0])
    if outside.any():
        at = tuple(np.argwhere(outside)[0].tolist())
        raise IndexError(f"id {ids[at]} at position {at} is outside the vocabulary of {shape[0]} (from 0)")

    def backward(g):  # rows of one id are brought together and summed: np.add.at is several times slower
        dw = np.zeros(shape, g.dtype)
        flat = ids.ravel()
        if flat.size and g.size:
            order = np.argsort(flat, kind="stable")
            used, starts = np.unique(flat[order], return_index=True)
            dw[used] = np.add.reduceat(g.reshape(flat.size, *shape[1:])[order], starts, axis=0)
        if padding_idx is not None:
            dw[padding_idx] = 0
        return (dw,)

    return weight[ids], backward
