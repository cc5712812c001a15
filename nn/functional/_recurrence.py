"""What the recurrent kernels share: the order of the steps, and a batch that shrinks and grows between them.

The sequences of a batch stand in rows, one step after the other; of a packed sequence the longest come first,
so that step t has the first batch_sizes[t] of them. In the fast forms a step's numbers stand transposed,
(features, n): the weights (features, inputs) are then multiplied as they are, and each gate is in one piece.
"""

from __future__ import annotations

import math
from itertools import accumulate, repeat

import numpy as np

# The products of a step are narrow. BLAS lays the weights out anew for each, but for small ones (up to MOST
# pairs of numbers) where it has AVX-512: in blocks of ROWS rows they take 0.8 of the time on one thread. Two
# threads share whole products better.
ROWS = 32
MOST = 1e6
WITH_SMALL_KERNELS = ("SkylakeX", "Cooperlake", "SapphireRapids")


def steps_of(shape, batch_sizes, reverse):
    """(first row, number of rows) of each step of an input of `shape`, in the order they are taken."""
    sizes = list(repeat(shape[1], shape[0])) if batch_sizes is None else batch_sizes
    steps = list(zip(accumulate(sizes, initial=0), sizes, strict=False))
    return steps[::-1] if reverse else steps


def rows_of(x):
    """(rows, features) of an array of (steps, batch, features), or of such rows."""
    return x.reshape(-1, x.shape[-1]) if x.size else x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def refit(state, fresh, n, left):
    """The rows of `state` for a step of n: those beyond go into the list `left`, more come from `fresh`."""
    had = state.shape[0]
    if n < had:
        left.append(state[n:])
        return state[:n]
    return np.concatenate([state, fresh[had:n]]) if n > had else state


def fitted(state, fresh, n, left):
    """The same of a state that stands transposed, (features, n), in memory that the next step writes to."""
    return state if state.shape[1] == n else refit(state.T.copy(), fresh, n, left).T


def whole(state, left):
    """All rows: those of the last step, and those left before."""
    return np.concatenate([state, *left[::-1]]) if left else state


def in_order(parts, reverse):
    """The rows of all steps, which were taken backwards if `reverse`, as they stand in the input."""
    return np.concatenate(parts[::-1] if reverse else parts)


def previous(y, first, steps, reverse):
    """For each row the state before its step: the row of y that belongs to it, or its row of `first`."""
    parts, state = [], first[: steps[0][1]]
    for start, n in steps:
        parts.append(refit(state, first, n, []))
        state = y[start : start + n]
    return in_order(parts, reverse)


def in_blocks() -> bool:
    """Whether BLAS, as far as it can be asked, has one thread and small products to gain by."""
    from ..parallel.cores import blas_libraries

    found = blas_libraries()
    return bool(found) and all(
        library.num_threads == 1 and getattr(library, "architecture", None) in WITH_SMALL_KERNELS
        for library in found or ()
    )


def cut(w, n, small):
    """The weights w for `times` with n columns: in blocks (blocks, ROWS, inputs) if these are `small`."""
    rows, inputs = w.shape
    fits = small and not rows % ROWS and ROWS * inputs * n <= MOST
    return w.reshape(-1, ROWS, inputs) if fits else w


def turned(w, gates, n, small):
    """The transpose of w for `times`, or its blocks (gates, blocks, ROWS, features) for a sum over gates."""
    rows, outputs = w.shape
    fits = small and not outputs % ROWS and ROWS * (rows // gates) * n <= MOST
    return w.reshape(gates, -1, outputs // ROWS, ROWS).transpose(0, 2, 3, 1).copy() if fits else w.T


def times(w, x, out):
    """w @ x into `out`, w being what `cut` or `turned` made of weights."""
    if w.ndim == 2:
        return np.matmul(w, x, out=out)
    parts = out.reshape(*w.shape[-3:-1], x.shape[1])
    if w.ndim == 3:
        np.matmul(w, x.copy(), out=parts)  # x may stand transposed, which takes longer than the copy
    else:
        np.matmul(w, x.reshape(len(w), 1, -1, x.shape[1])).sum(axis=0, out=parts)
    return out


def block(flat, width, start, n):
    """(width, n), the place of a step with n rows from `start` in memory for all steps."""
    return flat[width * start : width * (start + n)].reshape(width, n)


def beside(flat, width, rows, out, steps):
    """Put the rows `rows` of all blocks (width, n) in `flat`, step by step, side by side into `out`.

    In one go for steps of one size: step by step each would write to all pages of `out`.
    """
    sizes = {n for _, n in steps}
    if not out.size:
        return
    if len(sizes) == 1:
        n = sizes.pop()
        out.reshape(len(out), -1, n)[...] = flat.reshape(-1, width, n)[:, rows].swapaxes(0, 1)
        return
    for start, n in steps:
        out[:, start : start + n] = block(flat, width, start, n)[rows]


def sides(bias, n):
    """A bias (features,) beside itself n times, (features, n): NumPy adds it faster than a column."""
    return np.repeat(bias[:, None], n, axis=1)


def bias_of(like, *parts):
    """The sum of the biases there are, or zeros, one for each row of the weights `like`."""
    given = [part for part in parts if part is not None]
    if not given:
        return np.zeros_like(like, shape=like.shape[:1])
    return given[0] + given[1] if len(given) > 1 else given[0]


def sums(d):
    """Of each row: the gradient of a bias from d (features, rows)."""
    return d @ np.ones_like(d, shape=d.shape[1:])  # by BLAS


def gradients_of_biases(needs, d):
    """Of two that are added, from the gradient d (features, rows) of the sum, each in memory of its own."""
    first = sums(d) if needs[0] else None
    second = None
    if needs[1]:
        second = sums(d) if first is None else first.copy()
    return first, second


def recurrent_flops(inputs, outputs, _):
    """Two for each weight and row, and four for each gate; the weights stand behind the states."""
    rows, behind = math.prod(outputs[0][:-1]), len(outputs)
    weights = [w for w in inputs[behind:] if w and len(w) == 2]
    return rows * sum(2 * math.prod(w) + 4 * w[0] for w in weights)
