"""ag.special beside SciPy: names, ways to call, dtypes, edges, what is missing, bad input."""

import inspect
import pickle
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import special as scipy

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special
from tapegrad.autograd.special.borrowed import of_scipy

INF, NAN = np.inf, np.nan
few = settings(max_examples=30, deadline=None, derandomize=True, database=None)
pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)
BESIDE = {  # what stands before the argument that has a gradient
    **{name: (1.5,) for name in ("gammainc", "gammaincc", "iv", "ive", "jn", "jv", "kv", "kve", "yv")},
    "betainc": (1.5, 2.0),
    "expn": (2,),
    "yn": (2,),
}
UFUNCS = [n for n in special.__all__ if isinstance(getattr(scipy, n), np.ufunc) and n not in BESIDE]
ONE = [name for name in UFUNCS if getattr(scipy, name).nin == 1]
TWO = [name for name in UFUNCS if getattr(scipy, name).nin == 2]
X = np.array([[0.1, 0.3, 0.7], [0.9, 0.4, 0.2]])


def leaf(data):
    return Tensor(np.array(data, float), requires_grad=True)


def gradient(fn, *inputs):
    y = fn(*inputs)
    return [d.data for d in ag.grad(y, inputs, np.ones(y.shape))]


def derivatives(fn, x, order):
    """The first `order` derivatives of a function of one number."""
    x = leaf(x)
    with ag.higher_order():
        y, found = fn(x), []
    for _ in range(order):
        (y,) = ag.grad(y, x, np.ones(y.shape), create_graph=True)
        found.append(y.data)
    return found


@pytest.mark.parametrize("name", UFUNCS)
def test_scipys_ufunc_of_a_tensor_is_the_op(name):
    theirs, ours = getattr(scipy, name), getattr(special, name)
    inputs = [leaf(X) for _ in range(theirs.nin)]
    y, expected = theirs(*inputs), ours(*inputs)
    assert y.node.op is expected.node.op
    np.testing.assert_array_equal(y.data, expected.data)
    np.testing.assert_allclose(y.data, theirs(*[X] * theirs.nin), rtol=1e-13, atol=1e-15)


def test_names_of_scipys_that_are_not_those_of_its_ufuncs():
    x = leaf(X)
    assert scipy.psi(x).node.op is special.digamma
    np.testing.assert_allclose(scipy.zeta(3, x).data, scipy.zeta(3, X), rtol=1e-14)
    assert scipy.zeta(3, x).requires_grad


def test_out_and_where_of_scipys_ufuncs():
    x, out = leaf(X), Tensor(np.zeros((2, 3)))
    scipy.erf(x, out=out, where=X > 0.5)
    np.testing.assert_allclose(out.data, np.where(X > 0.5, scipy.erf(X), 0), rtol=1e-14)
    assert out.requires_grad


@pytest.mark.parametrize("name", BESIDE)
def test_functions_with_an_order_are_scipys(name):
    theirs, ours, beside = getattr(scipy, name), getattr(special, name), BESIDE[name]
    y = theirs(*beside, leaf(X))
    np.testing.assert_array_equal(y.data, theirs(*beside, X))
    column = [np.array([[b], [b + 1]]) for b in beside]
    assert y.node.op is ours(*beside, leaf(X)).node.op
    np.testing.assert_array_equal(ours(*[c.tolist() for c in column], X[0]).data, theirs(*column, X[0]))
    for dtype in (np.float16, np.float32):
        x = Tensor(X.astype(dtype), requires_grad=True)
        for y in (ours(*beside, x), ours(*[c.astype(float) for c in column], x)):
            assert y.dtype == dtype and gradient(lambda x: x * 1, y)[0].dtype == dtype
            np.testing.assert_allclose(y.data[0], theirs(*beside, x.data.astype(float))[0], rtol=4e-3)
    assert ours(*[np.float32(b) * np.ones(3, np.float32) for b in beside], 0.5).dtype == np.float32


@pytest.mark.parametrize("name", BESIDE)
def test_a_gradient_of_an_order_is_refused_by_name(name):
    beside = [leaf(b) for b in BESIDE[name]]
    first = next(iter(inspect.signature(getattr(special, name)).parameters))
    for call in (getattr(scipy, name), getattr(special, name)):
        with pytest.raises(TypeError, match=rf"^\w+ has no gradient in {first}; pass it .detach\(\)ed"):
            call(*beside, X)
    with ag.no_grad():
        np.testing.assert_array_equal(call(*beside, X).data, getattr(scipy, name)(*BESIDE[name], X))


PYTHON = {  # functions of scipy.special that are no ufuncs
    "softmax": lambda x: scipy.softmax(x, axis=0),
    "log_softmax": scipy.log_softmax,
    "logsumexp": lambda x: scipy.logsumexp(X, b=x),
    "polygamma": lambda x: scipy.polygamma(1, [x, x]),
    "multigammaln": lambda x: scipy.multigammaln(x + 3, 2),
}


@pytest.mark.parametrize("name", PYTHON)
def test_scipys_functions_in_python_name_ours_for_a_tensor_whose_gradient_they_would_lose(name):
    with pytest.raises(TypeError, match=rf"lose the gradient.*; .*ag\.special\.{name} Tensors"):
        PYTHON[name](leaf(X))
    np.testing.assert_array_equal(PYTHON[name](Tensor(X)), PYTHON[name](X))
    with pytest.raises(TypeError, match=r"np\.array\(\[\[x\]\], like=x\)$"):
        scipy.comb(leaf(X), 2)


def test_a_ufunc_of_scipy_without_a_gradient_is_named():
    with pytest.raises(TypeError, match=r"scipy\.special\.ellipk has no gradient here"):
        scipy.ellipk(leaf(X))
    assert isinstance(scipy.ellipk(Tensor(X)), Tensor)


@pytest.mark.parametrize("name", ONE)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_stay_what_they_are(name, dtype):
    x = Tensor(X.astype(dtype), requires_grad=True)
    y = getattr(special, name)(x)
    (d,) = gradient(getattr(special, name), x)
    expected = getattr(scipy, name)(x.data.astype(float))
    (slope,) = gradient(getattr(special, name), leaf(x.data))
    tolerance = 2e-3 if dtype == np.float16 else 2e-6
    assert y.dtype == d.dtype == dtype
    np.testing.assert_allclose(y.data, expected, rtol=tolerance, atol=tolerance / 10)
    np.testing.assert_allclose(d, slope, rtol=tolerance, atol=tolerance / 10)


@pytest.mark.parametrize("name", TWO)
def test_numbers_beside_an_array_do_not_widen_it(name):
    fn = getattr(special, name)
    for dtype in (np.float16, np.float32, np.float64):
        x = Tensor(X.astype(dtype), requires_grad=True)
        for y in (fn(0.5, x), fn(x, 2), fn(x, np.float64(0.5)), fn(x, np.array([1, 2, 3]))):
            assert y.dtype == dtype
            assert ag.grad(y, x, np.ones_like(y.data))[0].dtype == dtype
    assert fn(1, 2).dtype == np.float64


def test_wider_floats_than_scipys():
    if np.longdouble != np.float64 and np.finfo(np.longdouble).bits > 64:
        with pytest.raises(TypeError, match=r"gammaln: computed in float64 at most.*astype"):
            special.gammaln(np.ones(2, np.longdouble))


@given(pairs, st.sampled_from(TWO))
@few
def test_functions_of_two_numbers_broadcast(shapes, name):
    arrays = [np.random.default_rng(i).uniform(0.5, 2, s) for i, s in enumerate(shapes.input_shapes)]
    tensors = [leaf(a) for a in arrays]
    y = getattr(special, name)(*tensors)
    np.testing.assert_allclose(y.data, getattr(scipy, name)(*arrays), rtol=1e-12, atol=1e-15)
    full = [leaf(np.broadcast_to(a, y.shape)) for a in arrays]
    for small, wide, shape in zip(
        gradient(getattr(special, name), *tensors),
        gradient(getattr(special, name), *full),
        shapes.input_shapes,
        strict=True,
    ):
        lead = len(y.shape) - len(shape)
        axes = tuple(i for i in range(len(y.shape)) if i < lead or shape[i - lead] != y.shape[i])
        np.testing.assert_allclose(small, wide.sum(axis=axes).reshape(shape), rtol=1e-11, atol=1e-12)


# ------------------------------------------------------------------------------------------- edges

EDGES = {  # function, inputs, value, gradients
    "xlogy": (special.xlogy, [[0, 0, 2], [0, -1, 1]], [0, 0, 0], [[0, 0, 0], [0, 0, 2]]),
    "xlog1py": (special.xlog1py, [[0, 0, 2], [-1, -3, 0]], [0, 0, 0], [[0, 0, 0], [0, 0, 2]]),
    "entr": (special.entr, [[0, -1, 1, INF]], [0, -INF, 0, -INF], [[INF, NAN, -1, -INF]]),
    "rel_entr": (
        special.rel_entr,
        [[0, 0, 1, -1, 1], [0, 2, 0, 1, 1]],
        [0, 0, INF, INF, 0],
        [[0, -INF, NAN, NAN, 1], [0, 0, NAN, NAN, -1]],
    ),
    "kl_div": (
        special.kl_div,
        [[0, 0, 1, -1, 1], [0, 2, 0, 1, 1]],
        [0, 2, INF, INF, 0],
        [[0, -INF, NAN, NAN, 0], [1, 1, NAN, NAN, 0]],
    ),
    "huber": (
        special.huber,
        [[1, 1, 1, 0, -1], [1, -3, 0, 2, 1]],
        [0.5, 2.5, 0, 0, INF],
        [[0, 2, 0, 2, NAN], [1, -1, 0, 0, NAN]],
    ),
    "pseudo_huber": (
        special.pseudo_huber, [[1, 0, -1], [0, 2, 1]], [0, 0, INF], [[0, 0, NAN], [0, 0, NAN]]
    ),
    "log_ndtr": (
        special.log_ndtr, [[-INF, -1e300, -30, 40, INF]], [-INF, -INF, scipy.log_ndtr(-30), 0, 0],
        [[INF, 1e300, 30.033259667433676, 1.4604e-348, 0]],
    ),
    "ndtr": (special.ndtr, [[-INF, 0, INF]], [0, 0.5, 1], [[0, 0.3989422804014327, 0]]),
    "erfc": (special.erfc, [[-INF, 0, INF]], [2, 1, 0], [[0, -1.1283791670955126, 0]]),
    "erfcx": (special.erfcx, [[-INF, 0, INF]], [INF, 1, 0], [[-INF, -1.1283791670955126, 0]]),
    "logit": (special.logit, [[0.5, -1, 2]], [0, NAN, NAN], [[4, NAN, NAN]]),
    "log_expit": (special.log_expit, [[-1e3, 0, 1e3]], [-1e3, -np.log(2), 0], [[1, 0.5, 0]]),
    "expit": (special.expit, [[-40, 40]], scipy.expit([-40, 40]), [[4.248354255291589e-18] * 2]),
    "i0e": (special.i0e, [[-INF, 0, INF]], [0, 1, 0], [[0, 0, 0]]),
    "i1e": (special.i1e, [[-INF, 0, INF]], [0, 0, 0], [[0, 0.5, 0]]),
    "i1": (special.i1, [[0.0]], [0], [[0.5]]),
    "j1": (special.j1, [[0.0]], [0], [[0.5]]),
    "y0": (special.y0, [[-1, 0]], [NAN, -INF], [[NAN, INF]]),
    "y1": (special.y1, [[-1, 0]], [NAN, -INF], [[NAN, INF]]),
    "yn": (lambda x: special.yn(2, x), [[-1, 0]], [NAN, -INF], [[NAN, INF]]),
    **{
        name: (getattr(special, name), [[-1, 0]], [NAN, INF], [[NAN, -INF]])
        for name in ("k0", "k1", "k0e", "k1e")
    },
    "kve": (lambda x: special.kve(1.5, x), [[-1, 0]], [NAN, INF], [[NAN, -INF]]),
    "jv": (lambda x: special.jv([0, 1, 2, 0.5], x), [[0, 0, 0, 0]], [1, 0, 0, 0], [[0, 0.5, 0, INF]]),
    "rgamma": (special.rgamma, [[0, -1, -2, -3, 1]], [0, 0, 0, 0, 1], [[1, -1, 2, -6, np.euler_gamma]]),
    "gammasgn": (special.gammasgn, [[-0.5, 0.5, -1.5]], [-1, 1, 1], [[0, 0, 0]]),
    "gammainc": (
        lambda x: special.gammainc([0.5, 1, 2, 30, 1, 30, 2], x), [[0, 0, 0, 0, INF, INF, -1]],
        [0, 0, 0, 0, 1, 1, NAN], [[INF, 1, 0, 0, 0, 0, NAN]],
    ),
    "betainc": (
        lambda x: special.betainc([0.5, 1, 2, 30, 1, 2, 1], [1, 1, 1, 30, 0.5, 2, 1], x),
        [[0, 0, 0, 0, 1, 1, 2]], [0, 0, 0, 0, 1, 1, NAN], [[INF, 1, 0, 0, INF, 0, NAN]],
    ),
    "expn": (lambda x: special.expn([2, 3], x), [[0, 0]], [1, 0.5], [[-INF, -1]]),
    "loggamma": (special.loggamma, [[-0.5, 1, 2]], [NAN, 0, 0], [[NAN, -np.euler_gamma, 1 - np.euler_gamma]]),
}  # fmt: skip


@pytest.mark.parametrize("name", EDGES)
def test_edges_without_a_warning(name):
    fn, inputs, value, slopes = EDGES[name]
    tensors = [leaf(x) for x in inputs]
    np.testing.assert_allclose(fn(*tensors).data, value, rtol=1e-14)
    for found, expected in zip(gradient(fn, *tensors), slopes, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-14)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_ends_of_the_domain_of_an_inverse():
    for fn, x, y, slope in (
        (special.erfinv, [-1, 1, 2], [-INF, INF, NAN], [INF, INF, NAN]),
        (special.erfcinv, [0, 2, 3], [INF, -INF, NAN], [-INF, -INF, NAN]),
        (special.ndtri, [0, 1, 2], [-INF, INF, NAN], [INF, INF, NAN]),
        (special.logit, [0, -0.0, 1], [-INF, -INF, INF], [INF, INF, INF]),
    ):
        np.testing.assert_array_equal(fn(leaf(x)).data, y)
        np.testing.assert_array_equal(gradient(fn, leaf(x))[0], slope)


# ----------------------------------------------------------------------------------------- bad input

BAD = {
    "an order below 0": (lambda: special.polygamma(-1, X), ValueError, "polygamma: n counts.*is -1"),
    "half an order": (lambda: special.polygamma(1.5, X), ValueError, "polygamma: n counts.*is 1.5"),
    "a gradient of the order": (lambda: special.zeta(leaf(2.0), X), TypeError, "zeta has no gradient"),
    "a gradient of n": (lambda: special.polygamma(leaf(2.0), X), TypeError, "polygamma has no gradient"),
    "no dimension": (lambda: special.multigammaln(X, 0), ValueError, "multigammaln: d, .*not 0"),
    "half a dimension": (lambda: special.multigammaln(X, 1.5), ValueError, "multigammaln: d, .*not 1.5"),
    "too small for d": (lambda: special.multigammaln(X, 3), ValueError, "for d = 3 every a .*above 1.0"),
    "no whole order": (lambda: special.yn(1.5, X), ValueError, "yn: n is a whole number, not 1.5"),
    "text for an order": (lambda: special.jv("a", X), TypeError, "jv: v is a number or an array, not 'a'"),
    "a complex order": (lambda: special.jv(1j, X), TypeError, "jv: v is a number or an array, not 1j"),
    "no argument": (lambda: special.jv(1), TypeError, r"jv\(v, z\): missing .*'z'"),
    "shapes beside": (lambda: special.jv(np.ones(2), X), ValueError, r"jv: .*\(2, 3\)"),
    "shapes": (lambda: special.xlogy(X, np.ones(2)), ValueError, r"xlogy: .*\(2, 3\).*\(2,\)"),
    "text": (lambda: special.gammaln("a"), TypeError, "gammaln: cannot use"),
    "complex": (lambda: special.gammaln(np.array([1j])), TypeError, "gammaln: cannot use complex128"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()


def test_without_scipy_what_needs_it_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    of_scipy.cache_clear()
    with pytest.raises(ImportError, match=r"ag\.special\.gammaln .*pip install 'tapegrad\[special\]'"):
        special.gammaln([1.0])
    found = [derivatives(fn, [0.3, -2, 30, 300], 4) for fn in (special.i0, special.i1)]
    for name in ("erf", "erfc", "erfcx", "ndtr", "log_ndtr", "expit", "softmax", "huber"):
        fn = getattr(special, name)
        fn(*[X] * (2 if name == "huber" else 1))
    monkeypatch.undo()
    of_scipy.cache_clear()
    with_scipy = [derivatives(fn, [0.3, -2, 30, 300], 4) for fn in (special.i0, special.i1)]
    np.testing.assert_allclose(found, with_scipy, rtol=1e-12)


@pytest.mark.parametrize("name", special.__all__)
def test_functions_are_pickled_by_name(name):
    assert pickle.loads(pickle.dumps(getattr(special, name))) is getattr(special, name)
