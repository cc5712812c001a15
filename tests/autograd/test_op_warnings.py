"""Fast forms warn where NumPy's plain formula would, on every processor, and of nothing else.

Kernels of BLAS are chosen by processor and by shape. Some compute with lanes that are thrown away and raise
floating-point flags for them where there is inf, so all remainders of small shapes are tried.
`.ci/kernel_sets` runs this under each set of kernels.
"""

import warnings
from itertools import product

import numpy as np
import pytest

import kernels
from tapegrad import nn
from tapegrad.autograd import Tensor, special
from tapegrad.autograd.kernels import row_dots, row_sums

attention = kernels.scaled_dot_product_attention
SHAPES = list(product(range(1, 10), range(1, 10)))


def draw(shape, dtype, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def smoothed(x, targets):
    return kernels.cross_entropy(x, targets, label_smoothing=0.1, reduction="none")


def rows_of(x):
    """Each op that works on the rows of x, as a function of x alone."""
    rows, n = x.shape
    targets = np.arange(rows) % n
    key, value = draw((n, n), x.dtype, 1), draw((n, n), x.dtype, 2)
    return {
        "softmax": lambda x: special.softmax(x, -1),
        "cross_entropy": lambda x: kernels.cross_entropy(x, targets, reduction="none"),
        "smoothed": lambda x: smoothed(x, targets),
        "attention": lambda x: attention(x, key, value),
        "masked": lambda x: attention(x, key, value, np.ones((rows, n), bool)),
        "causal": lambda x: attention(x, key, value, is_causal=True),
        "scores": lambda x: attention(draw(x.shape, x.dtype, 3), key, value, x),
    }


def run(f, *arrays):
    """f's result, and the gradients of the arrays for a gradient of ones."""
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y = f(*tensors)
    y.backward(np.ones(y.shape, y.dtype))
    return [y.data, *[t.grad for t in tensors]]


def warned(f, *args) -> set[str]:
    """The kinds of what f warns of: overflow, invalid, divide."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        f(*args)
    return {str(w.message).split()[0] for w in caught}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["softmax", "cross_entropy", "smoothed", "attention", "causal", "scores"])
@pytest.mark.parametrize("huge", [3e3, -3e3, -np.inf])
def test_what_overflows_or_is_ruled_out_is_no_news(name, huge, dtype):
    """Results are right, and (warnings are errors) nothing is said."""
    for shape, share in product(SHAPES, (0.3, 1)):
        x = draw(shape, dtype)
        found = np.random.default_rng(list(shape)).random(shape) < share
        if huge == -np.inf and name != "scores":
            if name in ("attention", "causal"):
                continue  # an infinite query
            found[:, -1] = False  # a row where nothing is left
        x[found] = huge
        y, dx = run(rows_of(x)[name], x)
        with np.errstate(all="ignore"):
            expected = run(rows_of(x)[name], x.astype(np.float64))
        np.testing.assert_allclose(y, expected[0], rtol=1e-2, atol=1e-3)
        assert np.isfinite(dx).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["softmax", "cross_entropy", "smoothed", "attention", "masked", "scores"])
def test_nan_is_passed_on_without_a_warning(name, dtype):
    """As by NumPy's functions, and only in its row."""
    for shape in SHAPES:
        x = draw(shape, dtype)
        x[-1, shape[1] // 2] = np.nan
        y, dx = run(rows_of(x)[name], x)
        assert np.isnan(y[-1]).all() and np.isfinite(y[:-1]).all()
        assert np.isnan(dx[-1]).all() and np.isfinite(dx[:-1]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["softmax", "cross_entropy", "smoothed", "attention", "masked"])
def test_nan_that_comes_of_infinity_is_news(name, dtype):
    for shape in SHAPES[1:]:
        x = draw((shape[0], shape[1] + 1), dtype)
        x[-1, :2] = np.inf, -np.inf
        assert "invalid" in warned(rows_of(x)[name], x), shape


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", "CF")
def test_sums_of_rows_warn_as_those_of_numpy(order, dtype):
    most = np.finfo(dtype).max
    for shape, values in product(
        SHAPES, [(np.inf,), (-np.inf, np.inf), (np.nan, np.inf), (most, most), (most / 2,)]
    ):
        x = np.asarray(draw(shape, dtype), order=order)
        x[-1, : len(values)] = values[: shape[1]]
        assert warned(row_sums, x) == warned(np.sum, x, -1), (shape, values)
        with np.errstate(all="ignore"):
            np.testing.assert_allclose(row_sums(x), x.sum(-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_of_rows_warn_as_their_sums_do(dtype):
    for shape, values in product(SHAPES, [(np.inf,), (-np.inf, np.inf), (np.nan, np.inf)]):
        x, y = draw(shape, dtype), draw(shape, dtype, 1)
        x[-1, : len(values)] = values[: shape[1]]
        for z in (y, abs(y) + 1, y * 0):
            assert warned(row_dots, x, z) == warned(lambda x, z: (x * z).sum(-1), x, z), (shape, values)
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(row_dots(x, z), (x * z).sum(-1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_infinite_gradient_is_no_news_where_it_is_summed_or_measured(dtype):
    for rows, n in SHAPES:
        g = draw((rows, n), dtype)
        g[-1, -1] = np.inf
        table = Tensor(np.zeros((4, n), dtype), requires_grad=True)
        ids = np.arange(rows) % 4
        kernels.embedding(table, ids).backward(g)
        assert np.isinf(table.grad).sum() == 1 and np.isinf(table.grad[ids[-1], -1])
        assert nn.utils.clip_grad_norm_(table, 1.0) == np.inf


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_through_products_and_norms(dtype):
    """Without a warning, like NumPy's own products and means."""
    for rows, n in SHAPES:
        x, w = draw((rows, n), dtype), draw((n, n), dtype, 1)
        x[-1, -1] = np.nan
        for f in (
            lambda x, w: kernels.linear(x, w, w[0]),
            lambda x, w: kernels.layer_norm(x, w[0], w[-1]),
            lambda x, w: kernels.rms_norm(x, w[0]),
        ):
            y = run(f, x, w)[0]
            assert np.isnan(y[-1]).all() and np.isfinite(y[:-1]).all()
