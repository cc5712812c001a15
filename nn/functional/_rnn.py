"""The kernel of a plain RNN: a whole sequence in one direction through one layer, and back through time.

    h' = f(w_ih x + b_ih + w_hh h + b_hh), f being tanh or relu

Elman 1990, doi:10.1207/s15516709cog1402_1.
"""

import numpy as np

from ...autograd import op
from ...autograd.arrays import opaque
from ._recurrence import (
    beside,
    bias_of,
    block,
    cut,
    fitted,
    gradients_of_biases,
    in_blocks,
    in_order,
    previous,
    recurrent_flops,
    refit,
    rows_of,
    sides,
    steps_of,
    times,
    turned,
    whole,
)


def rnn_plain(
    needs, x, h0, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh", batch_sizes=None, reverse=False
):
    steps = steps_of(x.shape, batch_sizes, reverse)
    inputs = rows_of(x) @ w_ih.mT + bias_of(w_hh, b_ih, b_hh)
    h, ended, outs = h0[: steps[0][1]], [], []
    for start, n in steps:
        a = inputs[start : start + n] + refit(h, h0, n, ended) @ w_hh.mT
        h = np.tanh(a) if nonlinearity == "tanh" else np.maximum(a, 0)
        outs.append(h)
    y, h = in_order(outs, reverse), whole(h, ended)

    def backward(gs):
        gy, gh = gs
        gy = None if gy is None else rows_of(gy)
        gh = np.zeros_like(h) if gh is None else gh
        dh, left, das = gh[: steps[-1][1]], [], []
        for (start, n), out in zip(steps[::-1], outs[::-1], strict=True):
            dh = refit(dh, gh, n, left)
            dh = dh if gy is None else dh + gy[start : start + n]
            das.append(dh * (1 - out * out if nonlinearity == "tanh" else out != 0))
            dh = das[-1] @ w_hh
        da = in_order(das, not reverse)
        return (
            (da @ w_ih).reshape(x.shape) if needs[0] else None,
            whole(dh, left) if needs[1] else None,
            da.mT @ rows_of(x) if needs[2] else None,
            da.mT @ previous(y, h0, steps, reverse) if needs[3] else None,
            *gradients_of_biases(needs[4:6], da.mT),
        )

    return (y.reshape((*x.shape[:-1], y.shape[-1])), h), backward


@op(inputs=6, several=True, plain=rnn_plain, flops=recurrent_flops)
def _rnn(
    needs, x, h0, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh", batch_sizes=None, reverse=False
):
    """Of x (steps, batch, inputs), or of the rows of a packed sequence: y of all steps and the last h."""
    shape, rows, width = x.shape, rows_of(x), len(w_hh)
    steps = steps_of(shape, batch_sizes, reverse)
    y, h = np.empty_like(rows, shape=(len(rows), width)), np.empty_like(rows, shape=h0.shape)
    _forward(y, h, rows, h0, w_ih, w_hh, bias_of(w_hh, b_ih, b_hh), nonlinearity, steps)
    size = h0.shape
    rows, first, w_ih = rows if needs[2] else None, h0 if needs[3] else None, w_ih if needs[0] else None

    def backward(gs):
        gy, gh = gs
        gy = None if gy is None else rows_of(gy)
        da, dh0 = (np.empty_like(w_hh, shape=shape) for shape in ((width, len(y)), size))
        flat = np.empty_like(da, shape=da.size)  # made here, so that a replay has it once
        _backward(da, flat, dh0, y, gy, gh, w_hh, nonlinearity, steps)
        return (
            (da.mT @ w_ih).reshape(shape) if needs[0] else None,
            dh0 if needs[1] else None,
            da @ rows if needs[2] else None,
            da @ previous(y, first, steps, reverse) if needs[3] else None,
            *gradients_of_biases(needs[4:6], da),
        )

    return (y.reshape((*shape[:-1], width)), h), backward


@opaque
def _forward(y, end, x, h0, w_ih, w_hh, bias, nonlinearity, steps):
    most, width = max(n for _, n in steps), len(w_hh)
    inputs, other, hidden = (np.empty_like(y, shape=width * most) for _ in range(3))
    bias, small = sides(bias, most), in_blocks()
    w_ih, w_hh = cut(w_ih, most, small), cut(w_hh, most, small)
    h, ended = h0[: steps[0][1]].T, []
    for start, n in steps:
        h = fitted(h, h0, n, ended)
        a = times(w_ih, x[start : start + n].T, block(inputs, width, 0, n))
        a += bias[:, :n]
        a += times(w_hh, h, block(other, width, 0, n))
        h = block(hidden, width, 0, n)
        if nonlinearity == "tanh":
            np.tanh(a, out=h)
        else:
            np.maximum(a, 0, out=h)
        y[start : start + n] = h.T
    end[...] = whole(h.T, ended)


@opaque
def _backward(da, flat, dh0, y, gy, gh, w_hh, nonlinearity, steps):
    """Fill da (width, rows) and the gradient of h0."""
    most, width = max(n for _, n in steps), len(w_hh)
    hidden = np.empty_like(da, shape=width * most)
    gh = np.zeros_like(dh0) if gh is None else gh
    back = turned(w_hh, 1, most, in_blocks())
    dh, left = gh[: steps[-1][1]].T, []
    for start, n in reversed(steps):
        dh = fitted(dh, gh, n, left)
        if gy is not None:
            dh = np.add(dh, gy[start : start + n].T, out=block(hidden, width, 0, n))
        h, d = y[start : start + n].T, block(flat, width, start, n)
        if nonlinearity == "tanh":
            np.multiply(h, h, out=d)
            np.subtract(1, d, out=d)
            d *= dh
        else:
            np.multiply(dh, h != 0, out=d)
        dh = times(back, d, block(hidden, width, 0, n))
    beside(flat, width, slice(None), da, steps)
    dh0[...] = whole(dh.T, left)
