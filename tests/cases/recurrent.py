"""Cases of nn/functional/_rnn.py, _lstm.py and _gru.py."""

import numpy as np

import kernels
from cases.case import case, normal
from cases.numpy_reference import sigmoid


def over_time(step, x, states, batch_sizes, reverse):
    """One sequence after the other, each through step(its rows, its states) to (output, states)."""
    sizes = [x.shape[1]] * x.shape[0] if batch_sizes is None else list(batch_sizes)
    starts = np.cumsum([0, *sizes])
    rows, outs = x.reshape(-1, x.shape[-1]), {}
    ends = [list(state) for state in states]
    for item in range(max(sizes)):
        own = [int(starts[t]) + item for t in range(len(sizes)) if item < sizes[t]]
        now = [state[item] for state in states]
        for row in own[::-1] if reverse else own:
            outs[row], now = step(rows[row], *now)
        for end, state in zip(ends, now, strict=True):
            end[item] = state
    y = np.array([outs[row] for row in range(len(rows))])
    return y.reshape(*x.shape[:-1], y.shape[-1]), *map(np.array, ends)


def rnn(x, h, w_ih, w_hh, b_ih=None, b_hh=None, nonlinearity="tanh", batch_sizes=None, reverse=False):
    def step(x, h):
        a = w_ih @ x + w_hh @ h + (0 if b_ih is None else b_ih) + (0 if b_hh is None else b_hh)
        h = np.tanh(a) if nonlinearity == "tanh" else np.where(a > 0, a, 0)
        return h, [h]

    return over_time(step, x, [h], batch_sizes, reverse)


def lstm(x, h, c, w_ih, w_hh, b_ih=None, b_hh=None, w_hr=None, batch_sizes=None, reverse=False):
    def step(x, h, c):
        a = w_ih @ x + w_hh @ h + (0 if b_ih is None else b_ih) + (0 if b_hh is None else b_hh)
        i, f, g, o = np.split(a, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        h = h if w_hr is None else w_hr @ h
        return h, [h, c]

    return over_time(step, x, [h, c], batch_sizes, reverse)


def gru(x, h, w_ih, w_hh, b_ih=None, b_hh=None, batch_sizes=None, reverse=False):
    def step(x, h):
        a = np.split(w_ih @ x + (0 if b_ih is None else b_ih), 3)
        b = np.split(w_hh @ h + (0 if b_hh is None else b_hh), 3)
        r, z = sigmoid(a[0] + b[0]), sigmoid(a[1] + b[1])
        h = (1 - z) * np.tanh(a[2] + r * b[2]) + z * h
        return h, [h]

    return over_time(step, x, [h], batch_sizes, reverse)


def shapes(gates, states, packed=None, width=2, features=None, biases=True):
    """Of x, the states, weights and biases: 3 steps of 2 sequences, or 6 rows of a packed sequence."""
    features = features or width
    n = 2 if packed is None else packed[0]
    x = (3, 2, 3) if packed is None else (sum(packed), 3)
    first = [(n, features), (n, width)][:states]
    both = [(gates * width,)] * 2 if biases else []
    return [x, *first, (gates * width, 3), (gates * width, features), *both]


PACKED = (3, 2, 1)
ZEROS = np.zeros((2, 2))


def away_from_kinks(rng, shape):
    """Numbers of which no sum with the weights is 0, nor all are below."""
    return normal(rng, shape) + 0.3


CASES = [
    *(
        case(
            op,
            reference,
            *shapes(gates, states, attrs.get("batch_sizes")),
            domain=away_from_kinks if "nonlinearity" in attrs else normal,
            saves=saves,
            **attrs,
        )
        for op, reference, gates, states, saves, several in [
            (kernels.rnn, rnn, 1, 1, "first rows w_hh w_ih y", [{}, {"nonlinearity": "relu"}]),
            (kernels.lstm, lstm, 4, 2, "c0 first kept out rows w_hh w_ih", [{}]),
            (kernels.gru, gru, 3, 1, "h0 kept rows w_hh w_ih y", [{}]),
        ]
        for attrs in [
            *several,
            {"reverse": True},
            {"batch_sizes": PACKED},
            {"batch_sizes": PACKED, "reverse": True},
        ]
    ),
    # with a projection
    *(
        case(
            kernels.lstm,
            lstm,
            *shapes(4, 2, attrs.get("batch_sizes"), width=2, features=1),
            (1, 2),
            saves="c0 first kept out rows w_hh w_hr w_ih",
            **attrs,
        )
        for attrs in [{}, {"batch_sizes": PACKED, "reverse": True}]
    ),
    # without biases, from zeros that want no gradient; an empty batch
    case(kernels.rnn, rnn, (3, 2, 3), ZEROS, (2, 3), (2, 2), saves="first rows w_hh w_ih y"),
    case(
        kernels.lstm, lstm, (3, 2, 3), ZEROS, ZEROS, (8, 3), (8, 2), saves="c0 first kept out rows w_hh w_ih"
    ),
    case(kernels.gru, gru, (3, 2, 3), ZEROS, (6, 3), (6, 2), saves="h0 kept rows w_hh w_ih y"),
]
