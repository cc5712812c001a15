"""float16: what sums, sums in float32; what comes out is of float16, values and gradients alike."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special

HALF = np.float16
MANY = 70_000  # of them, added one by one, float16 holds 2048


def leaf(x):
    return Tensor(np.asarray(x, HALF), requires_grad=True)


def gradient(f, x, g=None):
    x = leaf(x)
    y = f(x)
    y.backward(np.ones(y.shape, HALF) if g is None else np.asarray(g, HALF))
    assert y.dtype == x.grad.dtype == HALF
    return x.grad


ONES = np.ones(MANY)
SUMS = {
    "mean": (ag.mean, ONES, 1),
    "mean of rows": (lambda x: ag.mean(x, axis=0), ONES[:, None], [1]),
    "mean of large numbers": (ag.mean, np.full(1500, 60), 60),
    "mean of a mask": (lambda x: ag.mean(x, where=np.arange(MANY) > 0), ONES, 1),
    "sum of rows": (lambda x: ag.sum(x, 0), np.ones((60_000, 2)), [60_000, 60_000]),
    "sum from a start": (lambda x: ag.sum(x, 0, initial=1.0), np.ones((4999, 1)), [5000]),
    "cumsum": (lambda x: ag.cumsum(x, 0)[-1], np.ones((5000, 1)), [5000]),
    "trace": (ag.trace, np.eye(5000), 5000),
    "var": (lambda x: ag.var(x, 0), np.tile([[1.0], [3.0]], (MANY // 2, 1)), [1]),
    "std of large numbers": (ag.std, [-300, 300], 300),
    "logsumexp": (special.logsumexp, 0 * ONES, np.log(MANY)),
    "softmax": (lambda x: special.softmax(x, -1)[0], np.zeros(100_000), 1e-5),
    "softmax of all": (lambda x: special.softmax(x)[0], np.zeros(100_000), 1e-5),
    "softmax of columns": (lambda x: special.softmax(x, 0)[0], np.zeros((100_000, 1)), [1e-5]),
    "log_softmax": (lambda x: special.log_softmax(x, -1)[0], np.zeros(100_000), -np.log(100_000)),
    "matmul": (lambda x: x @ np.ones((5000, 1), HALF), np.ones((1, 5000)), [[5000]]),
    "einsum": (lambda x: ag.einsum("ij->j", x), np.ones((5000, 1)), [5000]),
    "index_add": (lambda x: ag.index_add(x, np.ones(5000, HALF), np.zeros(5000, int)), [0], [5000]),
    "pad": (lambda x: ag.pad(x, 1, "mean")[:1], np.ones(5000), [1]),
    "erf": (special.erf, [3, -3, 0.5, 300], [1, -1, 0.5205, 1]),
    "expit": (special.expit, [3, -9, 30], [0.9526, 1.234e-4, 1]),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_do_not_stop_to_grow(name):
    f, x, expected = SUMS[name]
    y = f(Tensor(np.asarray(x, HALF)))
    assert y.dtype == HALF
    np.testing.assert_allclose(y.data, np.asarray(expected, HALF), rtol=1e-3)
    gradient(f, x)  # without a warning, and of float16


SHARED = {
    "mean": ag.mean,
    "max": ag.max,
    "min": ag.min,
    "logsumexp": special.logsumexp,
    "max of rows": lambda x: ag.max(x.reshape(-1, 1), 0),
    "logsumexp of rows": lambda x: special.logsumexp(x.reshape(-1, 1), 0),
}


@pytest.mark.parametrize("name", SHARED)
def test_a_gradient_shared_by_many_does_not_vanish(name):
    np.testing.assert_allclose(gradient(SHARED[name], ONES), np.full(MANY, 1 / MANY, HALF), rtol=1e-2)


COLLECTED = {  # many gradients that go to one number
    "a bias": lambda x: np.zeros((5000, 1), HALF) + x,
    "a bias in a product": lambda x: np.ones((5000, 1), HALF) * x,
    "broadcast_to": lambda x: ag.broadcast_to(x, (5000, 1)),
    "x[ids]": lambda x: x[np.zeros(5000, int)],
    "take": lambda x: ag.take(x, np.zeros(5000, int)),
    "take_along_axis": lambda x: ag.take_along_axis(x, np.zeros(5000, int), 0),
    "repeat": lambda x: ag.repeat(x, 5000),
    "repeat by a list": lambda x: ag.repeat(x, [5000]),
    "a padded edge": lambda x: ag.pad(x, (0, 4999), "edge"),
    "einsum": lambda x: ag.einsum("i,j->ij", np.ones(5000, HALF), x),
    "matmul": lambda x: np.ones((5000, 1), HALF) @ x,
    "log_softmax": lambda x: special.log_softmax(ag.concatenate([x, np.full(4999, -60_000, HALF)])) * 1,
}


@pytest.mark.parametrize("name", COLLECTED)
def test_gradients_of_many_places_add_up(name):
    expected = 1 - 5000 if name == "log_softmax" else 5000
    np.testing.assert_allclose(gradient(COLLECTED[name], [1]), [expected], rtol=1e-3)


def test_a_bias_of_many_rows():
    bias = leaf([0, 0])
    y = np.ones((MANY, 2), HALF) + bias
    y.backward(np.full((MANY, 2), 0.5, HALF))
    np.testing.assert_array_equal(bias.grad, np.full(2, MANY / 2, HALF))


NEAR = {
    "softmax": (lambda x: special.softmax(x, -1), 0),
    "log_softmax": (lambda x: special.log_softmax(x, 0), 0),
    "logsumexp": (lambda x: special.logsumexp(x, 1), 0),
    "var": (lambda x: ag.var(x, 1, ddof=1), 3),
    "std": (lambda x: ag.std(x, 0), 3),
    "mean": (lambda x: ag.mean(x, 1), 0),
    "prod": (lambda x: ag.prod(x, 1), 0),
    "cumsum": (lambda x: ag.cumsum(x, 0), 0),
    "erf": (special.erf, 0),
    "expit": (special.expit, 0),
}


@pytest.mark.parametrize("name", NEAR)
def test_values_and_gradients_are_as_near_as_float16_can_be(name):
    f, shift = NEAR[name]
    rng = np.random.default_rng(0)
    x = (rng.standard_normal((6, 5)) + shift).astype(HALF)
    wide = Tensor(x.astype(float), requires_grad=True)
    y = f(wide)
    g = rng.standard_normal(y.shape).astype(HALF)
    y.backward(g)
    np.testing.assert_allclose(f(Tensor(x)).data, y.data, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(gradient(f, x, g), wide.grad, rtol=2e-3, atol=2e-3)


def test_second_derivatives():
    x = leaf([0.5, 1.0, 2.0])
    wide = Tensor(x.data.astype(float), requires_grad=True)
    for f in (special.logsumexp, ag.var, ag.std, ag.prod, lambda x: (special.softmax(x, -1) ** 2).sum()):
        found = []
        for v in (x, wide):
            with ag.higher_order():
                y = f(v)
            (d,) = ag.grad(y, v, create_graph=True)
            (d,) = ag.grad((d * d).sum(), v)
            assert d.dtype == v.dtype
            found.append(d.data)
        np.testing.assert_allclose(*found, rtol=5e-2, atol=5e-3)
