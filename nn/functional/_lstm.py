"""The kernel of an LSTM: a whole sequence in one direction through one layer, and back through time.

    i, f, g, o = parts of  w_ih x + b_ih + w_hh h + b_hh
    c' = sigmoid(f) c + sigmoid(i) tanh(g)
    h' = sigmoid(o) tanh(c'),  times w_hr where there is a projection

Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735;
the projection: Sak et al. 2014, arXiv:1402.1128.
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


def lstm_plain(
    needs, x, h0, c0, w_ih, w_hh, b_ih=None, b_hh=None, w_hr=None, batch_sizes=None, reverse=False
):
    steps = steps_of(x.shape, batch_sizes, reverse)
    width = w_hh.shape[0] // 4
    inputs = rows_of(x) @ w_ih.mT + bias_of(w_hh, b_ih, b_hh)
    h, c = h0[: steps[0][1]], c0[: steps[0][1]]
    ended, kept, outs = ([], []), [], []
    for start, n in steps:
        h, c = refit(h, h0, n, ended[0]), refit(c, c0, n, ended[1])
        a = inputs[start : start + n] + h @ w_hh.mT
        i, f, g, o = (a[:, k * width : (k + 1) * width] for k in range(4))
        i, f, g, o = sigmoid_kernel(i), sigmoid_kernel(f), np.tanh(g), sigmoid_kernel(o)
        before, c = c, f * c + i * g
        t = np.tanh(c)
        h = o * t if w_hr is None else (o * t) @ w_hr.mT
        kept.append((i, f, g, o, t, before))
        outs.append(h)
    y = in_order(outs, reverse)
    h, c = whole(h, ended[0]), whole(c, ended[1])

    def backward(gs):
        das, dhs, dh0, dc0 = _back_plain(gs, h, c, steps, kept, w_hh, w_hr)
        da = in_order(das, not reverse)
        before = previous(y, h0, steps, reverse)
        dw_hr = None
        if w_hr is not None and needs[7]:
            dw_hr = in_order(dhs, not reverse).mT @ in_order([o * t for *_, o, t, _ in kept], reverse)
        return (
            (da @ w_ih).reshape(x.shape) if needs[0] else None,
            dh0 if needs[1] else None,
            dc0 if needs[2] else None,
            da.mT @ rows_of(x) if needs[3] else None,
            da.mT @ before if needs[4] else None,
            *gradients_of_biases(needs[5:7], da.mT),
            dw_hr,
        )

    return (y.reshape((*x.shape[:-1], y.shape[-1])), h, c), backward


def _back_plain(gs, h, c, steps, kept, w_hh, w_hr):
    """For each step, the last first, the gradients of the gates' sums and of h; and those of h0 and c0."""
    gy, gh, gc = gs
    gy = None if gy is None else rows_of(gy)
    gh, gc = np.zeros_like(h) if gh is None else gh, np.zeros_like(c) if gc is None else gc
    dh, dc = gh[: steps[-1][1]], gc[: steps[-1][1]]
    left, das, dhs = ([], []), [], []
    for (start, n), (i, f, g, o, t, before) in zip(steps[::-1], kept[::-1], strict=True):
        dh, dc = refit(dh, gh, n, left[0]), refit(dc, gc, n, left[1])
        dh = dh if gy is None else dh + gy[start : start + n]
        dhs.append(dh)
        dm = dh if w_hr is None else dh @ w_hr
        dc = dc + dm * o * (1 - t * t)
        di, df, dg = dc * g * i * (1 - i), dc * before * f * (1 - f), dc * i * (1 - g * g)
        das.append(np.concatenate([di, df, dg, dm * t * o * (1 - o)], axis=1))
        dc = dc * f
        dh = das[-1] @ w_hh
    return das, dhs, whole(dh, left[0]), whole(dc, left[1])


@op(inputs=8, several=True, plain=lstm_plain, flops=recurrent_flops)
def _lstm(needs, x, h0, c0, w_ih, w_hh, b_ih=None, b_hh=None, w_hr=None, batch_sizes=None, reverse=False):
    """Of x (steps, batch, inputs), or of the rows of a packed sequence: y of all steps, the last h and c."""
    shape, rows = x.shape, rows_of(x)
    steps = steps_of(shape, batch_sizes, reverse)
    features, width = w_hh.shape[1], w_hh.shape[0] // 4
    keep = any(needs)
    size = len(rows) if keep else max(n for _, n in steps)
    y = np.empty_like(rows, shape=(len(rows), features))
    h, c = np.empty_like(y, shape=h0.shape), np.empty_like(y, shape=c0.shape)
    kept = [np.empty_like(y, shape=k * width * size) for k in (4, 1, 1)]  # the gates, c and tanh(c)
    bias = bias_of(w_hh, b_ih, b_hh)
    _forward(y, (h, c), kept, rows, h0, c0, w_ih, w_hh, w_hr, bias, steps, keep)
    rows = rows if needs[3] else None
    first, out = (h0, y) if needs[4] else (None, None)
    w_ih = w_ih if needs[0] else None

    def backward(gs):
        gy, gh, gc = gs
        gy = None if gy is None else rows_of(gy)
        count = sum(n for _, n in steps)
        da = np.empty_like(w_hh, shape=(4 * width, count))
        dh0, dc0 = np.empty_like(w_hh, shape=(c0.shape[0], features)), np.empty_like(c0)
        dhs = ms = None
        if needs[7]:
            dhs, ms = (np.empty_like(w_hh, shape=(size, count)) for size in (features, width))
        flat = np.empty_like(da, shape=da.size)  # made here, so that a replay has it once
        _backward(da, flat, (dh0, dc0), (dhs, ms), gy, gh, gc, kept, c0, w_hh, w_hr, steps)
        return (
            (da.mT @ w_ih).reshape(shape) if needs[0] else None,
            dh0 if needs[1] else None,
            dc0 if needs[2] else None,
            da @ rows if needs[3] else None,
            da @ previous(out, first, steps, reverse) if needs[4] else None,
            *gradients_of_biases(needs[5:7], da),
            dhs @ ms.mT if needs[7] else None,
        )

    return (y.reshape((*shape[:-1], features)), h, c), backward


@opaque
@np.errstate(over="ignore")  # then a gate is shut
def _forward(y, ends, kept, x, h0, c0, w_ih, w_hh, w_hr, bias, steps, keep):
    """Fill y and the arrays `ends` and `kept`; without `keep` the latter are room for one step."""
    most = max(n for _, n in steps)
    gates, cells, tanhs = kept
    width = w_hh.shape[0] // 4
    other, hidden = np.empty_like(y, shape=4 * width * most), np.empty_like(y, shape=width * most)
    minus, small = sides(-bias, most), in_blocks()
    w_ih, w_hh = cut(w_ih, most, small), cut(w_hh, most, small)
    h, c = h0[: steps[0][1]].T, c0[: steps[0][1]].T
    ended = [], []
    for start, n in steps:
        at = start if keep else 0
        h, before = fitted(h, h0, n, ended[0]), fitted(c, c0, n, ended[1])
        a, b = block(gates, 4 * width, at, n), block(other, 4 * width, 0, n)
        times(w_ih, x[start : start + n].T, a)
        times(w_hh, h, b)
        np.subtract(minus if n == most else minus[:, :n], a, out=a)
        a -= b
        c, t, h = block(cells, width, at, n), block(tanhs, width, at, n), block(hidden, width, 0, n)
        _gates(a, before, c, t, h)
        h = h if w_hr is None else w_hr @ h
        y[start : start + n] = h.T
    ends[0][...] = whole(h.T, ended[0])
    ends[1][...] = whole(c.T, ended[1])


def _gates(a, before, c, t, h):
    """From the four sums in a with their signs changed: the gates, in their place, c, t = tanh(c) and o t."""
    width = len(c)
    i_f, g, o = a[: 2 * width], a[2 * width : -width], a[-width:]
    for gate in (i_f, o):  # sigmoid(x) = 1 / (1 + exp(-x))
        np.exp(gate, out=gate)
        gate += 1
        np.reciprocal(gate, out=gate)
    np.tanh(g, out=g)
    np.negative(g, out=g)
    np.multiply(i_f[:width], g, out=h)
    np.multiply(i_f[width:], before, out=c)
    c += h
    np.tanh(c, out=t)
    np.multiply(o, t, out=h)


@opaque
def _backward(da, flat, starts, projected, gy, gh, gc, kept, c0, w_hh, w_hr, steps):
    """Fill da (4 width, rows), the gradients `starts` of h0 and c0, and the factors of that of w_hr."""
    most, width = max(n for _, n in steps), w_hh.shape[0] // 4
    gates, cells, tanhs = kept
    pair = [np.empty_like(da, shape=2 * width * most) for _ in range(2)]  # taken in turns
    more = np.empty_like(da, shape=2 * width * most)
    features = w_hh.shape[1]
    hidden = np.empty_like(da, shape=features * most)
    gh = np.zeros_like(starts[0]) if gh is None else gh
    gc = np.zeros_like(starts[1]) if gc is None else gc
    back = turned(w_hh, 4, most, in_blocks())
    dh, dc = gh[: steps[-1][1]].T, gc[: steps[-1][1]].T
    left = [], []
    for k in reversed(range(len(steps))):
        start, n = steps[k]
        dh, dc = fitted(dh, gh, n, left[0]), fitted(dc, gc, n, left[1])
        if gy is not None:
            dh = np.add(dh, gy[start : start + n].T, out=block(hidden, features, 0, n))
        a, d = block(gates, 4 * width, start, n), block(flat, 4 * width, start, n)
        t, (e, v) = block(tanhs, width, start, n), block(more, 2 * width, 0, n).reshape(2, width, n)
        m = dh
        if w_hr is not None:
            m = w_hr.T @ dh
            if projected[0] is not None:
                projected[0][:, start : start + n] = dh
                np.multiply(a[-width:], t, out=projected[1][:, start : start + n])
        q = block(pair[k % 2], 2 * width, 0, n)
        dc = _gates_back(m, dc, a, t, _before(cells, width, c0, steps, k), d, q, e, v)
        dh = times(back, d, block(hidden, features, 0, n))
    beside(flat, 4 * width, slice(None), da, steps)
    starts[0][...] = whole(dh.T, left[0])
    starts[1][...] = whole(dc.T, left[1])


def _gates_back(dm, dc, a, t, before, d, q, e, v):
    """Put the gradients of the four sums into d, and return that of the c before, which stands in q."""
    width = len(t)
    two = 2 * width
    i_f, g, o = a[:two], a[two:-width], a[-width:]
    np.multiply(dm, o, out=e)
    np.multiply(e, t, out=v)
    np.subtract(1, o, out=d[-width:])
    d[-width:] *= v  # do = dm t o (1 - o)
    v *= t
    e -= v
    e += dc  # dc + dm o (1 - t^2)
    np.multiply(i_f.reshape(2, *t.shape), e, out=q.reshape(2, *t.shape))
    np.multiply(q[:width], g, out=v)
    np.subtract(1, i_f, out=d[:two])
    d[:width] *= v  # di = dc i (1 - i) g
    v *= g
    np.subtract(q[:width], v, out=d[two:-width])  # dg = dc i (1 - g^2)
    dc = q[width:]
    d[width:two] *= dc
    d[width:two] *= before  # df = dc f (1 - f) times the c before
    return dc


def _before(cells, width, c0, steps, k):
    """c before step k, transposed."""
    n = steps[k][1]
    c = block(cells, width, *steps[k - 1]) if k else c0[:n].T
    return fitted(c, c0, n, [])
