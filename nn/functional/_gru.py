"""The kernel of a GRU: a whole sequence in one direction through one layer, and back through time.

    r, z = sigmoid(parts of  w_ih x + b_ih + w_hh h + b_hh)
    n = tanh(w_in x + b_in + r (w_hn h + b_hn))
    h' = (1 - z) n + z h

Cho et al. 2014, arXiv:1406.1078, with the reset gate r after the product, as cuDNN and PyTorch have it.
"""

import numpy as np

from ...autograd import op
from ...autograd.arrays import opaque
from ...autograd.special.logistic import sigmoid_kernel
from ._recurrence import (
    beside,
    bias_of,
    block,
    cut,
    fitted,
    in_blocks,
    in_order,
    previous,
    recurrent_flops,
    refit,
    rows_of,
    sides,
    steps_of,
    sums,
    times,
    turned,
    whole,
)


def gru_plain(needs, x, h0, w_ih, w_hh, b_ih=None, b_hh=None, batch_sizes=None, reverse=False):
    steps = steps_of(x.shape, batch_sizes, reverse)
    width = w_hh.shape[1]
    inputs = rows_of(x) @ w_ih.mT + bias_of(w_hh, b_ih)
    bias = bias_of(w_hh, b_hh)
    h, ended, kept, outs = h0[: steps[0][1]], [], [], []
    for start, m in steps:
        h = refit(h, h0, m, ended)
        a, b = inputs[start : start + m], h @ w_hh.mT + bias
        r, z = (sigmoid_kernel(a[:, s] + b[:, s]) for s in (slice(width), slice(width, 2 * width)))
        b = b[:, 2 * width :]
        n = np.tanh(a[:, 2 * width :] + r * b)
        kept.append((r, z, n, b, h))
        h = n + z * (h - n)
        outs.append(h)
    y, h = in_order(outs, reverse), whole(h, ended)

    def backward(gs):
        das, dbs, dh0 = _back_plain(gs, h, steps, kept, w_hh)
        da, db = in_order(das, not reverse), in_order(dbs, not reverse)
        return (
            (da @ w_ih).reshape(x.shape) if needs[0] else None,
            dh0 if needs[1] else None,
            da.mT @ rows_of(x) if needs[2] else None,
            db.mT @ previous(y, h0, steps, reverse) if needs[3] else None,
            sums(da.mT) if needs[4] else None,
            sums(db.mT) if needs[5] else None,
        )

    return (y.reshape((*x.shape[:-1], width)), h), backward


def _back_plain(gs, h, steps, kept, w_hh):
    """For each step, the last first, the gradients of the products of x and of h; and that of h0."""
    gy, gh = gs
    gy = None if gy is None else rows_of(gy)
    gh = np.zeros_like(h) if gh is None else gh
    dh, left, das, dbs = gh[: steps[-1][1]], [], [], []
    for (start, m), (r, z, n, b, before) in zip(steps[::-1], kept[::-1], strict=True):
        dh = refit(dh, gh, m, left)
        dh = dh if gy is None else dh + gy[start : start + m]
        dn = dh * (1 - z) * (1 - n * n)
        drz = [dn * b * r * (1 - r), dh * (before - n) * z * (1 - z)]
        das.append(np.concatenate([*drz, dn], axis=1))
        dbs.append(np.concatenate([*drz, dn * r], axis=1))
        dh = dh * z + dbs[-1] @ w_hh
    return das, dbs, whole(dh, left)


@op(inputs=6, several=True, plain=gru_plain, flops=recurrent_flops)
def _gru(needs, x, h0, w_ih, w_hh, b_ih=None, b_hh=None, batch_sizes=None, reverse=False):
    """Of x (steps, batch, inputs), or of the rows of a packed sequence: y of all steps and the last h."""
    shape, rows, width = x.shape, rows_of(x), w_hh.shape[1]
    steps = steps_of(shape, batch_sizes, reverse)
    keep = any(needs)
    size = len(rows) if keep else max(n for _, n in steps)
    y, h = np.empty_like(rows, shape=(len(rows), width)), np.empty_like(rows, shape=h0.shape)
    kept = [np.empty_like(y, shape=k * width * size) for k in (3, 1)]  # the gates, and w_hn h + b_hn
    biases = bias_of(w_hh, b_ih), bias_of(w_hh, b_hh)
    _forward(y, h, kept, rows, h0, w_ih, w_hh, biases, steps, keep)
    rows, w_ih = rows if needs[2] else None, w_ih if needs[0] else None

    def backward(gs):
        gy, gh = gs
        gy = None if gy is None else rows_of(gy)
        before = previous(y, h0, steps, reverse)
        d = np.empty_like(w_hh, shape=(4 * width, len(y)))  # of w_hn h + b_hn, r, z and n
        dh0 = np.empty_like(h0)
        flat = np.empty_like(d, shape=d.size)  # made here, so that a replay has it once
        _backward(d, flat, dh0, before, gy, gh, kept, w_hh, steps)
        da = d[width:]
        dw_hh = db_hh = None
        if needs[3]:
            dw_hh = np.concatenate([d[width:-width] @ before, d[:width] @ before])
        if needs[5]:
            total = sums(d[:-width])
            db_hh = np.concatenate([total[width:], total[:width]])
        return (
            (da.mT @ w_ih).reshape(shape) if needs[0] else None,
            dh0 if needs[1] else None,
            da @ rows if needs[2] else None,
            dw_hh,
            sums(da) if needs[4] else None,
            db_hh,
        )

    return (y.reshape((*shape[:-1], width)), h), backward


@opaque
@np.errstate(over="ignore")  # then a gate is shut
def _forward(y, end, kept, x, h0, w_ih, w_hh, biases, steps, keep):
    """Fill y, the last h `end` and the arrays `kept`; without `keep` these are room for one step."""
    most, width = max(n for _, n in steps), w_hh.shape[1]
    gates, products = kept
    other, hidden = np.empty_like(y, shape=3 * width * most), np.empty_like(y, shape=width * most)
    minus = sides(-(biases[0] + biases[1])[:-width], most)
    small = in_blocks()
    w_ih, w_hh = cut(w_ih, most, small), cut(w_hh, most, small)
    b_in, b_hn = (sides(bias[-width:], most) for bias in biases)
    h, ended = h0[: steps[0][1]].T, []
    for start, m in steps:
        at = start if keep else 0
        h = fitted(h, h0, m, ended)
        a, b, q = block(gates, 3 * width, at, m), block(other, 3 * width, 0, m), block(products, width, at, m)
        times(w_ih, x[start : start + m].T, a)
        times(w_hh, h, b)
        np.subtract(minus[:, :m], a[:-width], out=a[:-width])
        a[-width:] += b_in[:, :m]
        np.add(b[-width:], b_hn[:, :m], out=q)
        _gates(a, b, q)
        _, z, n = a.reshape(3, width, m)
        b = b[:width]
        np.subtract(h, n, out=b)
        b *= z
        h = np.add(b, n, out=block(hidden, width, 0, m))
        y[start : start + m] = h.T
    end[...] = whole(h.T, ended)


def _gates(a, b, q):
    """Make the gates in a, where minus the sums for r and z are to lose b, and n is to gain r q."""
    width = len(q)
    rz, r, n = a[:-width], a[:width], a[-width:]
    rz -= b[:-width]  # sigmoid(x) = 1 / (1 + exp(-x))
    np.exp(rz, out=rz)
    rz += 1
    np.reciprocal(rz, out=rz)
    n += np.multiply(r, q, out=b[:width])
    np.tanh(n, out=n)


@opaque
def _backward(d, flat, dh0, before, gy, gh, kept, w_hh, steps):
    """Fill d (4 width, rows), the gradients of w_hn h + b_hn, r, z and n, and that of h0."""
    most, width = max(n for _, n in steps), w_hh.shape[1]
    gates, products = kept
    v_flat = np.empty_like(d, shape=width * most)
    gh = np.zeros_like(dh0) if gh is None else gh
    back, hidden = turned(w_hh, 3, most, in_blocks()), np.empty_like(d, shape=width * most)
    dh, left = gh[: steps[-1][1]].T, []
    for start, m in reversed(steps):
        dh = fitted(dh, gh, m, left)
        if gy is not None:
            dh = np.add(dh, gy[start : start + m].T, out=block(hidden, width, 0, m))
        a, q = block(gates, 3 * width, start, m), block(products, width, start, m)
        made, v = block(flat, 4 * width, start, m), block(v_flat, width, 0, m)
        _gates_back(dh, a, q, before[start : start + m].T, made, v)
        np.multiply(dh, a[width:-width], out=v)
        dh = times(back, made[:-width], block(hidden, width, 0, m))
        dh += v
    beside(flat, 4 * width, slice(2 * width, 3 * width), d[:width], steps)
    beside(flat, 4 * width, slice(2 * width), d[width:-width], steps)
    beside(flat, 4 * width, slice(3 * width, None), d[-width:], steps)
    dh0[...] = whole(dh.T, left)


def _gates_back(dh, a, q, before, made, v):
    """Put the gradients of r, z, w_hn h + b_hn and n into `made`; v is memory for one of them."""
    width = len(q)
    rz, r, z, n = a[:-width], a[:width], a[width:-width], a[-width:]
    dr, dz, dq, dn = made.reshape(4, *q.shape)
    np.subtract(1, rz, out=made[: 2 * width])
    np.multiply(dz, dh, out=v)  # dh (1 - z)
    np.subtract(before, n, out=dz)
    dz *= v
    dz *= z  # dh (h - n) z (1 - z)
    np.multiply(n, n, out=dn)
    np.subtract(1, dn, out=dn)
    dn *= v  # dh (1 - z) (1 - n^2)
    np.multiply(dn, r, out=dq)
    dr *= q
    dr *= dq  # dn q r (1 - r)
