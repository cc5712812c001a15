"""Running sums, products and extrema; differences, slopes and areas."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.autograd as ag
from against_numpy import gradient, same
from leaves import leaf
from tapegrad.autograd import Tensor

few = settings(max_examples=60, deadline=None)
rng = np.random.default_rng(3)
X, EDGES = rng.standard_normal((3, 4, 2)), np.cumsum(rng.random(4))
PLACES = np.cumsum(rng.random(5))
HOLES = np.where(rng.random(X.shape) < 0.3, np.nan, X)
shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "nancumsum", "nancumprod"])
def test_running_sums_and_products_are_numpys(name):
    for axis in (None, 0, -1):
        same(lambda x, a=axis: getattr(np, name)(x, a), HOLES)
        same(lambda x, a=axis: getattr(np, name)(x, a, np.float32), X, rtol=1e-5)
    same(lambda x: getattr(np, name)(x), np.array(2.5))
    same(lambda x: getattr(np, name)(x, 1), np.arange(6).reshape(2, 3))
    if "nan" not in name:
        same(lambda x: getattr(x, name)(1, np.float32), X, rtol=1e-5)
        with pytest.raises(TypeError, match=f"{name}: out= is for NumPy's"):
            getattr(leaf(2), name)(0, None, np.zeros(2))


@pytest.mark.parametrize("name", ["cumulative_sum", "cumulative_prod"])
@pytest.mark.parametrize("first", [False, True])
def test_cumulative_functions_are_numpys(name, first):
    fn = getattr(np, name)
    for axis in (0, 1, -1):
        same(lambda x, a=axis: fn(x, axis=a, include_initial=first), X)
    same(lambda x: fn(x, include_initial=first, dtype=np.float32), X[0, :, 0], rtol=1e-5)
    x = Tensor(X, requires_grad=True)
    assert ag.gradcheck(lambda x: fn(x, axis=1, include_initial=first), [x])
    same(lambda x: fn(x, include_initial=first), np.array(1.5))
    with pytest.raises(ValueError, match=f"{name}: x of shape .* needs an axis"):
        fn(leaf(2, 3))


@given(st.lists(st.sampled_from([0.0, 0.0, 1.0, -2.0, 0.5, 3.0]), min_size=1, max_size=9))
@few
def test_running_products_with_zeros_anywhere(numbers):
    x = np.array(numbers)
    g = np.arange(1.0, x.size + 1)
    t = Tensor(x, requires_grad=True)
    with ag.higher_order():
        y = ag.cumprod(t)
    (d,) = ag.grad(y, t, g, create_graph=True)
    others = [
        [np.prod(np.delete(x[: j + 1], i)) if i <= j else 0 for j in range(x.size)] for i in range(x.size)
    ]
    np.testing.assert_allclose(d.data, others @ g, rtol=1e-12)
    assert ag.gradcheck(ag.cumprod, [t]) and ag.gradcheck(ag.cumprod, [t], order=2)


def test_running_products_that_underflow():
    x = np.array([1e-200, 1e-200, 1e100, 1e150])
    np.testing.assert_allclose(gradient(ag.cumprod, x)[0], 1 + 1e-200 + 1e-100 + 1e50)


def test_logcumsumexp_of_minus_inf_and_of_large_numbers():
    inf = np.inf
    assert gradient(lambda x: ag.logcumsumexp(x, 0), np.array([-inf, -inf, 1, -inf])) == [0, 0, 2, 0]
    x = np.array([1000.0, -1000, 1001])
    y = ag.logcumsumexp(x, 0)
    np.testing.assert_allclose(y.data, [1000, 1000, 1001 + np.log1p(np.exp(-1))], rtol=1e-15)
    assert gradient(lambda x: ag.logcumsumexp(x, 0), np.array(3.0)) == 1
    half = ag.logcumsumexp(np.zeros(3000, np.float16), 0)
    assert half.dtype == np.float16 and abs(half.data[-1] - np.log(3000)) < 0.01


def test_cummax_and_cummin():
    x = np.array([[1.0, 3, 3, 2], [4, np.nan, 5, 1]])
    values, places = ag.cummax(x, 1)
    np.testing.assert_array_equal(values.data, [[1, 3, 3, 3], [4, np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(places.data, [[0, 1, 2, 2], [0, 1, 1, 1]])
    assert gradient(lambda x: ag.cummax(x, 1)[0], x) == [[1, 1, 2, 0], [1, 3, 0, 0]]
    assert gradient(lambda x: ag.cummin(x, 0)[0], x[:, :1]) == [[2], [0]]
    with pytest.raises(ValueError, match="cummax: axis.*2 is out of bounds"):
        ag.cummax(x, 2)
    assert [y.shape for y in ag.cummin(np.ones((0, 3)), 0)] == [(0, 3)] * 2


# ----------------------------------------------------------------------------------------- differences


@given(shapes, st.data())
@few
def test_diff_over_any_axis(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    n = data.draw(st.integers(0, 3))
    x = np.random.default_rng(0).standard_normal(shape)
    same(lambda x: np.diff(x, n, axis), x)
    same(lambda x: np.diff(x, n, axis, prepend=1.5, append=x), x)


def test_diff_and_ediff1d_of_other_kinds():
    same(lambda x: np.diff(x), X > 0)
    same(lambda x: np.diff(x), np.arange(6).reshape(2, 3) ** 2)
    same(lambda x: np.ediff1d(x), X)
    same(lambda x: np.ediff1d(x, [3.0, 4.0], 2.0), X)
    x, edge = Tensor(X, requires_grad=True), Tensor([1.0, 2.0], requires_grad=True)
    assert ag.gradcheck(lambda x, e: ag.ediff1d(x, to_begin=e, to_end=e), [x, edge])


@pytest.mark.parametrize("order", [1, 2])
def test_slopes_are_numpys(order):
    x = np.random.default_rng(1).standard_normal((3, 5))
    same(lambda x: np.gradient(x, edge_order=order), x)
    same(lambda x: np.gradient(x, 0.3, axis=-1, edge_order=order), x)
    same(lambda x: np.gradient(x, 0.3, PLACES, edge_order=order), x)
    same(lambda x: np.gradient(x, [1.0, 2.0, 3.0], axis=(0,), edge_order=order), x)
    same(lambda x: np.gradient(x, edge_order=order), np.arange(12).reshape(3, 4) ** 2)
    t, h = Tensor(x, requires_grad=True), Tensor(PLACES, requires_grad=True)
    assert ag.gradcheck(lambda x, h: ag.gradient(x, h, axis=1, edge_order=order), [t, h])


def test_areas_are_numpys():
    same(lambda y: np.trapezoid(y, dx=0.3, axis=0), X)
    same(lambda y, x: np.trapezoid(y, x, axis=1), X, EDGES)
    same(lambda y, x: np.trapezoid(y, x), X, X**2)
    y, x = Tensor(X, requires_grad=True), Tensor(EDGES, requires_grad=True)
    assert ag.gradcheck(lambda y, x: ag.trapezoid(y, x, axis=1), [y, x])


def test_derivatives():
    for f in (
        lambda x: ag.nancumprod(x, 1),
        lambda x: ag.cummax(x, 1)[0],
        lambda x: ag.logcumsumexp(x, 0),
        lambda x: ag.gradient(x, EDGES, axis=1, edge_order=2),
    ):
        x = Tensor(X, requires_grad=True)
        assert ag.gradcheck(f, [x]) and ag.gradcheck(f, [x], order=2)


BAD = {
    "a number": (lambda: ag.diff(leaf()), r"diff: takes n >= 0 and .*n=1 and shape \(\)"),
    "a negative n": (lambda: ag.diff(leaf(2), -1), "diff: .*n=-1"),
    "an axis of diff": (lambda: ag.diff(leaf(2), axis=2), "diff: axis.*2 is out of bounds"),
    "an axis of a scan": (lambda: ag.cumprod(leaf(2), 2), "cumprod: axis 2 is out of bounds"),
    "few samples": (lambda: ag.gradient(leaf(1)), r"gradient: axis 0 of shape \(1,\) has fewer than 2"),
    "few for an order": (lambda: ag.gradient(leaf(2), edge_order=2), "fewer than 3 samples"),
    "an order": (lambda: ag.gradient(leaf(3), edge_order=3), "gradient: edge_order is 1 or 2, not 3"),
    "coordinates": (lambda: ag.gradient(leaf(3), [1, 2]), r"coordinates of shape \(2,\) .* shape \(3,\)"),
    "points": (
        lambda: ag.trapezoid(leaf(2), [1, 2, 3]),
        r"trapezoid: x of shape \(3,\) for y of shape \(2,\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_is_named(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call()


def test_distances_for_each_axis():
    with pytest.raises(TypeError, match="gradient: 2 distances for 1 axes"):
        ag.gradient(leaf(3), 1, 2)
