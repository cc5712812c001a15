"""Reductions: NumPy's arguments and places, nan, medians and quantiles, averages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.autograd as ag
from against_numpy import gradient, same
from leaves import leaf
from tapegrad.autograd import Tensor
from tapegrad.autograd.ops.quantile import CONTINUOUS, STEPPED

NEW = np.lib.NumpyVersion(np.__version__) >= "2.2.0"  # where NumPy itself does otherwise before

rng = np.random.default_rng(0)
X = rng.standard_normal((3, 4, 2))
HOLES = np.where(rng.random(X.shape) < 0.3, np.nan, X)
HOLES[0, 0] = np.nan
MASK = rng.random(X.shape) < 0.6
AXES = [None, 0, -1, (0, 2), (-2,), (0, 1, 2)]
METHODS = [*CONTINUOUS, *STEPPED]
few = settings(max_examples=60, deadline=None)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "max", "min", "nansum", "nanprod",
    "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "median", "nanmedian", "ptp"])  # fmt: skip
@pytest.mark.parametrize("x", [X, HOLES, np.array(1.5)], ids=["numbers", "nan", "0-d"])
def test_axes_and_keepdims_are_numpys(name, x):
    for axis in AXES if x.ndim else [None, ()]:
        for keepdims in (False, True):
            same(lambda x, a=axis, k=keepdims: getattr(np, name)(x, axis=a, keepdims=k), x)


@pytest.mark.parametrize("name", ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin"])
def test_masks_and_other_arguments_of_nan_functions_are_numpys(name):
    starts = {"initial": -0.1} if "m" in name[3:5] and name != "nanmean" else {}
    same(lambda x: getattr(np, name)(x, axis=1, where=MASK, **starts), HOLES)
    if name in ("nanvar", "nanstd"):
        for ddof in (1, 2, 3):
            same(lambda x, d=ddof: getattr(np, name)(x, 1, ddof=d), HOLES)
            same(lambda x, d=ddof: getattr(np, name)(x, 1, correction=d), HOLES)
    elif name not in ("nanmax", "nanmin"):
        same(lambda x: getattr(np, name)(x, 1, np.float32), HOLES, rtol=1e-6)


@pytest.mark.parametrize("fn", [np.sum, np.prod, np.mean, np.var, np.std])
def test_places_of_arguments_are_numpys(fn):
    name = fn.__name__
    same(lambda x: fn(x, 0, np.float32), X, rtol=1e-6)
    same(lambda x: getattr(x, name)(0, np.float32), X, rtol=1e-6)
    more = (1,) if name in ("var", "std") else ()
    same(lambda x: fn(x, 0, None, None, *more, True), X)
    y, z = (
        getattr(leaf(2, 3), name)(1, None, None, *more, True),
        getattr(np.ones((2, 3)), name)(1, keepdims=True),
    )
    assert y.shape == z.shape
    for flag in (True, False):
        with pytest.raises(TypeError, match=rf"{name}: {flag} stands in the place of dtype.*keepdims={flag}"):
            getattr(leaf(2), name)(0, flag)


@pytest.mark.parametrize("name", ["max", "min"])
def test_places_of_extrema_are_numpys(name):
    same(lambda x: getattr(np, name)(x, 0, None, True, 0.5, MASK), X)
    y = getattr(leaf(2, 3), name)(1, None, True)
    assert y.shape == (2, 1)
    with pytest.raises(TypeError, match=f"{name}: True stands in the place of out.*keepdims=True"):
        getattr(leaf(2), name)(0, True)


def test_out_is_refused_with_a_way_out():
    x, y = leaf(2, 3), Tensor(np.zeros(3))
    with pytest.raises(TypeError, match=r"sum: out= is for NumPy's functions, np\.sum\(x, out=y\)"):
        x.sum(0, out=y)
    assert np.sum(x, 0, out=y) is y
    np.testing.assert_array_equal(y.data, x.data.sum(0))


def test_ufuncs_reduce_and_accumulate():
    for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.fmax, np.fmin):
        same(lambda x, f=ufunc: f.reduce(x, axis=1, keepdims=True), X)
    for ufunc in (np.add, np.multiply, np.maximum, np.minimum, np.logaddexp):
        same(lambda x, f=ufunc: f.accumulate(x, axis=1), X)


# ------------------------------------------------------------------------------------------- gradients


def test_nan_has_no_part_in_what_leaves_it_out():
    x, nan = np.array([3.0, np.nan, 5.0]), np.nan
    assert gradient(ag.nansum, x) == [1, 0, 1]
    assert gradient(ag.nanmean, x) == [0.5, 0, 0.5]
    assert gradient(ag.nanprod, x) == [5, 0, 3]
    assert gradient(ag.nanvar, x) == [-1, 0, 1]
    assert gradient(ag.nanmax, x) == [0, 0, 1] and gradient(ag.nanmin, x) == [1, 0, 0]
    assert gradient(ag.nanmedian, x) == [0.5, 0, 0.5]
    assert gradient(ag.nancumsum, x) == [3, 0, 1]
    assert gradient(ag.nancumprod, x) == [7, 0, 3]
    assert gradient(ag.nanmax, np.array([2.0, nan, 2.0, 1.0])) == [0.5, 0, 0.5, 0]
    assert gradient(ag.nanmax, np.array([nan, nan])) == [0.5, 0.5]


def test_a_nan_makes_a_median_nan_and_has_its_gradient():
    x = np.array([3.0, np.nan, 5.0, 4.0])
    for f in (ag.median, lambda x: ag.quantile(x, 0.3)):
        assert np.isnan(f(x).data) and gradient(f, x) == [0, 1, 0, 0]


def test_medians_share_between_the_two_in_the_middle():
    assert gradient(ag.median, np.array([4.0, 1, 3, 2])) == [0, 0, 0.5, 0.5]
    assert gradient(ag.median, np.array([4.0, 1, 3])) == [0, 0, 1]
    assert sum(gradient(ag.median, np.ones(4))) == 1


@pytest.mark.parametrize("zeros", [(), (1,), (1, 3), (0, 1, 3)])
def test_a_product_next_to_what_cannot_be_divided(zeros):
    x = np.array([2.0, 3, 0.5, 4])
    x[list(zeros)] = 0
    others = [np.prod(np.delete(x, i)) for i in range(4)]
    assert gradient(ag.prod, x) == others
    np.testing.assert_allclose(gradient(lambda v: 3 * ag.prod(v, initial=2.0), x), 6 * np.array(others))
    tiny = np.array([1e-200, 1e-200, 1e100])  # underflows to 0, and so do not two of them
    np.testing.assert_allclose(gradient(ag.prod, tiny), [1e-100, 1e-100, 0])
    subnormal = np.array([1e-160, 1e-160])  # the product has four digits
    np.testing.assert_allclose(gradient(ag.prod, subnormal), subnormal, rtol=1e-14)
    narrow = np.array([1e-30, 1e-30, 1e20, 0.5], np.float32)  # float64 has room for their product
    np.testing.assert_allclose(gradient(ag.prod, narrow), [5e-11, 5e-11, 0, 1e-40], rtol=1e-4)
    narrow[3] = 0
    np.testing.assert_allclose(gradient(ag.prod, narrow), [0, 0, 0, 1e-40], rtol=1e-4)
    assert gradient(ag.prod, np.array(3.0)) == 1 and gradient(ag.cumprod, np.array(3.0)) == 1


def test_derivatives_of_reductions():
    for f in (
        lambda x: ag.nanmean(x, 1, where=MASK | True),
        lambda x: ag.nanstd(x, (0, 2), ddof=1),
        lambda x: ag.ptp(x, -1),
        lambda x: ag.median(x, (0, 2), keepdims=True),
        lambda x: ag.quantile(x, [0.2, 0.7], (1, 2), method="hazen"),
        lambda x: ag.average(x, 1, weights=np.arange(1.0, 5)),
        lambda x: ag.cov(x[0]),
    ):
        x = Tensor(X, requires_grad=True)
        assert ag.gradcheck(f, [x]) and ag.gradcheck(f, [x], order=2)
    w = Tensor(np.arange(1.0, 5), requires_grad=True)
    assert ag.gradcheck(lambda x, w: ag.average(x, 1, weights=w), [Tensor(X, requires_grad=True), w])


@pytest.mark.parametrize("method", CONTINUOUS)
def test_quantiles_have_a_gradient_for_q(method):
    x, q = Tensor(X[:, :, 0], requires_grad=True), Tensor([0.31, 0.44, 0.77], requires_grad=True)
    for f in (ag.quantile, ag.nanquantile):
        assert ag.gradcheck(lambda x, q, f=f: f(x, q, 1, method=method), [x, q])
        assert ag.gradcheck(lambda x, q, f=f: f(x, q, 1, method=method), [x, q], order=2)


# ------------------------------------------------------------------------------------------- quantiles


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["quantile", "nanquantile"])
def test_quantiles_are_numpys(name, method):
    fn = getattr(np, name)
    for x in (X, HOLES):
        for axis in AXES:
            for q in (0, 0.3, 1, [0.1, 0.25, 0.8]):
                same(lambda x, a=axis, q=q: fn(x, q, axis=a, method=method, keepdims=q == 0.3), x)
    if name == "quantile":
        same(lambda x: fn(x, [[0.2, 0.4], [0.5, 1]], axis=0, method=method), X)
        same(lambda x: fn(x, [0.2, 0.5], axis=0, method=method), rng.integers(-5, 5, (3, 4)))
    same(lambda x: fn(x, 0.3, axis=0, method=method), X.astype(np.float32), rtol=1e-4)


@given(st.integers(1, 9), st.lists(st.integers(0, 12), min_size=1, max_size=3), st.sampled_from(METHODS))
@few
def test_quantiles_of_any_length_and_ties(n, twelfths, method):
    x, q = rng.integers(-2, 3, (2, n)).astype(float), np.array(twelfths) / 12
    same(lambda x: np.quantile(x, q, 1, method=method), x)
    same(lambda x: np.percentile(x, 100 * q, 1, method=method), x)
    x[0, 0] = np.nan
    same(lambda x: np.nanpercentile(x, 100 * q, 1, method=method), x)


@pytest.mark.parametrize("axis", [None, 1, (0, 2)])
def test_weighted_quantiles_are_numpys(axis):
    if axis == (0, 2) and not NEW:
        pytest.skip("NumPy's own are wrong before 2.2")
    w = rng.integers(1, 4, X.shape)
    for name, x in (("quantile", X), ("quantile", HOLES), ("nanquantile", HOLES)):
        fn = getattr(np, name)
        same(lambda x, f=fn: f(x, [0, 0.2, 0.7, 1], axis, method="inverted_cdf", weights=w), x)
    same(lambda x: np.quantile(x, 0.4, 1, method="inverted_cdf", weights=[1, 0, 2, 3]), X)


def test_float32_stays_float32():
    x = Tensor(X.astype(np.float32), requires_grad=True)
    assert ag.quantile(x, [0.3, 0.4], 0).dtype == ag.median(x, 0).dtype == ag.cov(x[0]).dtype == np.float32
    assert ag.quantile(x, np.array([0.3, 0.4]), 0).dtype == np.float64  # NumPy's rule for two arrays


# -------------------------------------------------------------------------------------------- averages


def test_averages_are_numpys():
    w = rng.random(X.shape)
    for axis in AXES:
        for k in (False, True):
            same(lambda x, a=axis, k=k: np.average(x, a, w, returned=True, keepdims=k), X)
            same(lambda x, a=axis, k=k: np.average(x, a, returned=True, keepdims=k), X)
    same(lambda x: np.average(x, (2, 0), np.arange(6.0).reshape(2, 3)), X)
    same(lambda x: np.average(x), np.arange(6).reshape(2, 3))


def test_covariances_are_numpys():
    f, a = np.array([1, 2, 1, 3]), np.array([0.5, 1, 2, 1])
    for options in ({}, {"rowvar": False}, {"bias": True}, {"ddof": 0}, {"fweights": f}, {"aweights": a}):
        same(lambda x, o=options: np.cov(x, **o), X[:, :, 0] if options.get("rowvar") else X[:, :, 1])
    for options in ({"fweights": f, "aweights": a}, {"fweights": f, "aweights": a, "ddof": 0}):
        same(lambda x, o=options: np.cov(x, x**2, **o), X[:, :, 0])
    same(lambda x: np.cov(x[0]), X[:, :, 0])
    for rowvar in (True, False):
        same(lambda x, r=rowvar: np.corrcoef(x, x**2, rowvar=r), X[:, :, 0])
    same(lambda x: np.corrcoef(x[0]), X[:, :, 0])


@given(st.integers(1, 6), st.integers(1, 6), st.sampled_from(["full", "same", "valid"]))
@few
def test_convolutions_are_numpys(n, m, mode):
    a, v = rng.standard_normal(n), rng.standard_normal(m)
    same(lambda a, v: np.convolve(a, v, mode), a, v)
    same(lambda a, v: np.correlate(a, v, mode), a, v)
    assert ag.gradcheck(lambda *x: ag.correlate(*x, mode), [Tensor(x, requires_grad=True) for x in (a, v)])


BAD = {
    "an axis": (lambda: ag.quantile(X, 0.5, axis=3), ValueError, "quantile: axis.*3 is out of bounds"),
    "q": (lambda: ag.quantile(X, 1.5), ValueError, r"quantile: q must be within \[0, 1\]"),
    "q in percent": (lambda: ag.percentile(X, 101), ValueError, r"percentile: q must be within \[0, 100\]"),
    "q of nan": (lambda: ag.percentile(X, np.nan), ValueError, "percentile: q"),
    "a method": (lambda: ag.quantile(X, 0.5, method="x"), ValueError, "quantile: method is one of.*not 'x'"),
    "weights": (lambda: ag.quantile(X, 0.5, weights=X), ValueError, "weights go with method='inverted_cdf'"),
    "weights of 0": (
        lambda: ag.quantile(X[0, 0], 0.5, method="inverted_cdf", weights=[0, 0]), ValueError, "add up to 0"
    ),
    "a gradient of weights": (
        lambda: ag.quantile(X[0, 0], 0.5, method="inverted_cdf", weights=leaf(2)), TypeError,
        r"weights\.detach\(\)",
    ),
    "nothing": (lambda: ag.quantile(np.ones((2, 0)), 0.5, 1), IndexError, r"\(2, 0\) has no elements"),
    "booleans": (lambda: ag.quantile(X > 0, 0.5), TypeError, r"booleans.*astype\(float\)"),
    "weights without an axis": (lambda: ag.average(X, weights=[1, 2]), TypeError, r"\(2,\).*need an axis"),
    "weights of a length": (lambda: ag.average(X, 0, [1, 2]), ValueError, r"average: .*\(2,\).*axis 0"),
    "no weight": (lambda: ag.average([1.0, 2.0], 0, [1, -1]), ZeroDivisionError, "average: .*0"),
    "axes of cov": (lambda: ag.cov(X), ValueError, r"cov: m has at most two axes, not shape \(3, 4, 2\)"),
    "weights of cov": (lambda: ag.cov(X[0], aweights=[1]), ValueError, r"aweights of shape \(1,\)"),
    "part of a weight": (lambda: ag.cov(X[0], fweights=[1, 0.5]), ValueError, "fweights are not negative"),
    "half a ddof": (lambda: ag.cov(X[0], ddof=0.5), ValueError, "cov: ddof is a whole number"),
    "convolve of nothing": (lambda: ag.convolve([], [1.0]), ValueError, r"shapes \(0,\) and \(1,\)"),
    "convolve of a matrix": (lambda: ag.correlate(X[0], [1.0]), ValueError, r"correlate: .*\(4, 2\)"),
    "max of nothing": (lambda: ag.nanmax([]), ValueError, "nanmax: zero-size array"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()
