"""ag.special: derivatives in closed form, in tails and where they are infinite; logsumexp with weights."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis.extra import numpy as hnp
from scipy import special as scipy

import kernels
import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special

INF, NAN = np.inf, np.nan
few = settings(max_examples=30, deadline=None, derandomize=True, database=None)
pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3)
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


# ------------------------------------------------------------------------------- derivatives in closed form


def test_many_derivatives_at_zero():
    """Where |x|, or x / x, inside a slope would give wrong ones."""
    zero = np.zeros(1)
    for fn, expected in (
        (special.expit, [0.25, 0, -0.125, 0, 0.25]),
        (kernels.silu, [0.5, 0.5, 0, -0.5]),
        (kernels.gelu, [0.5, 0.7978845608028654, 0, -1.5957691216057308]),
        (special.erf, [1.1283791670955126, 0, -2.256758334191025]),
        (special.i0, [0, 0.5, 0, 3 / 8]),
        (special.i1, [0.5, 0, 3 / 8, 0, 5 / 16]),
        (special.erfinv, [0.886226925452758, 0, 1.3920819992079269, 0]),
        (special.ndtr, [0.3989422804014327, 0, -0.3989422804014327, 0]),
    ):
        np.testing.assert_allclose(np.ravel(derivatives(fn, zero, len(expected))), expected, atol=1e-14)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_second_derivatives_where_the_first_is_infinite():
    for fn, expected in (
        (special.entr, -INF),
        (lambda x: special.rel_entr(x, 2.0), INF),
        (lambda x: special.kl_div(x, 2.0), INF),
    ):
        assert derivatives(fn, np.zeros(1), 2)[1] == expected


def test_derivatives_of_gammaln_are_polygammas():
    found = derivatives(special.gammaln, X, 4)
    for n, d in enumerate(found):
        np.testing.assert_allclose(d, scipy.polygamma(n, X), rtol=1e-12)


def test_second_derivatives_in_tails_where_terms_cancel():
    x = np.array([1e4, 1e6])
    np.testing.assert_allclose(derivatives(special.log_ndtr, -x, 2)[1], -1 + 1 / x**2, rtol=1e-14)
    np.testing.assert_allclose(derivatives(special.i0e, x, 1)[0] * x * np.sqrt(8 * np.pi * x), -1, rtol=1e-4)


def test_polygamma_of_several_orders():
    n, x = np.array([[0], [1], [4]]), np.array([0.3, 2.5])
    y = special.polygamma(n, leaf(x))
    np.testing.assert_allclose(y.data, scipy.polygamma(n, x), rtol=1e-14)
    (d,) = gradient(lambda x: special.polygamma(n, x), leaf(x))
    np.testing.assert_allclose(d, scipy.polygamma(n + 1, x).sum(axis=0), rtol=1e-13)


def test_the_slope_of_erf_in_float32():
    """By a rounded square: so many units off as its docstring says, and no more than PyTorch's."""
    x = np.linspace(0, 9.2, 20001, dtype=np.float32)
    (d,) = gradient(special.erf, Tensor(x, requires_grad=True))
    exact = gradient(special.erf, leaf(x))[0]
    off = np.absolute(d - exact) / np.spacing(exact.astype(np.float32))
    for end, most in ((2, 4), (4, 10), (9.2, 70)):
        assert off[x <= end].max() <= most


def test_large_arrays_are_computed_in_parts_with_the_same_numbers():
    x = np.random.default_rng(0).normal(size=(300, 200)) * 3
    for fn in (special.erf, special.erfc, special.log_ndtr, special.gammaln):
        for each in (x, x.T, x[::-2, ::3]):
            np.testing.assert_allclose(fn(each).data[:50], fn(each[:50]).data, rtol=1e-15)
        rows = np.concatenate([gradient(fn, leaf(row))[0] for row in x])
        np.testing.assert_allclose(gradient(fn, leaf(x))[0].ravel(), rows, rtol=1e-15)


def test_zeta_and_multigammaln_are_scipys():
    x = np.array([1.7, 2.5])
    for y, expected in (
        (special.zeta(2), scipy.zeta(2)),
        (special.zeta(x), scipy.zeta(x)),
        (special.zeta(Tensor(x - 2), None), scipy.zeta(x - 2)),
        (special.zeta([2.0, 3]), scipy.zeta([2.0, 3])),
        (special.zeta([2, 3], [0.5, 2]), scipy.zeta([2, 3], [0.5, 2])),
        (special.zeta(np.array([2, 3]), 0.5), scipy.zeta([2, 3], 0.5)),
        (special.zeta(x, leaf(x)), scipy.zeta(x, x)),
        (special.multigammaln(leaf(x), 3), scipy.multigammaln(x, 3)),
        (special.multigammaln(2.0, 1), scipy.multigammaln(2.0, 1)),
    ):
        np.testing.assert_allclose(y.data, expected, rtol=1e-13, atol=1e-15)
    ag.gradcheck(lambda a: special.multigammaln(a, 3), [leaf(x)])
    ag.gradcheck(lambda a: special.multigammaln(a, 3), [leaf(x)], order=2)
    assert special.multigammaln(x.astype(np.float32), 2).dtype == np.float32


# ------------------------------------------------------------------------------------------ logsumexp

B = np.array([[1.0, -2, 0.5], [0, 1, 3]])


@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_logsumexp_with_weights_is_scipys(axis, keepdims):
    options = {"axis": axis, "keepdims": keepdims}
    with np.errstate(invalid="ignore"):
        plain = scipy.logsumexp(X, b=B, **options)
    np.testing.assert_allclose(special.logsumexp(X, b=B, **options).data, plain, rtol=1e-13)
    for b in (B, None, B[0], 2.0):
        y, sign = special.logsumexp(leaf(X), b=b, return_sign=True, **options)
        size, expected = scipy.logsumexp(X, b=b, return_sign=True, **options)
        np.testing.assert_allclose(y.data, size, rtol=1e-13)
        np.testing.assert_array_equal(sign.data, expected)
        assert y.requires_grad and not sign.requires_grad


def test_gradients_of_logsumexp_with_weights():
    for axis in (None, 0, 1):

        def size(a, b, axis=axis):
            return special.logsumexp(a, axis, b, return_sign=True)[0]

        ag.gradcheck(size, [leaf(X), leaf(B + 0.1)])
        ag.gradcheck(size, [leaf(X), leaf(B + 0.1)], order=2)


def test_elements_without_weight_do_not_count():
    a = leaf([NAN, 1.0, INF, 2.0])
    y = special.logsumexp(a, b=[0, 1, 0, 2])
    y.backward()
    np.testing.assert_allclose(y.data, np.log(np.e + 2 * np.e**2))
    np.testing.assert_allclose(a.grad, np.array([0, np.e, 0, 2 * np.e**2]) / (np.e + 2 * np.e**2))
    assert special.logsumexp([1.0, 2.0], b=[0, 0]).data == -INF


def test_logsumexp_keeps_its_digits_near_zero():
    x = np.array([[0.0, -40], [3, 1], [-40, 0], [0, -0.3]])
    expected = [np.log1p(np.exp(-40)), 3 + np.log1p(np.exp(-2))] + [
        np.log1p(np.exp(-40)),
        np.log1p(np.exp(-0.3)),
    ]
    np.testing.assert_allclose(special.logsumexp(x, 1).data, expected, rtol=4e-16)
    np.testing.assert_allclose(special.logsumexp(x.T, 0).data, expected, rtol=4e-16)
    np.testing.assert_allclose(special.logsumexp([0.0, -40]).data, np.log1p(np.exp(-40)), rtol=1e-15)
    np.testing.assert_allclose(special.logsumexp([2.0, 2, 2]).data, 2 + np.log(3), rtol=1e-15)
