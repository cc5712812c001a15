"""NumPy's elementwise functions of Tensors: NumPy's numbers, gradients at hard points, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor
from tapegrad.autograd.elementwise import elementwise2
from tapegrad.autograd.protocols import FUNCTIONS

INF, NAN = np.inf, np.nan
UFUNCS = {
    name: ufunc
    for name, ufunc in sorted(vars(np).items())
    if isinstance(ufunc, np.ufunc) and ufunc.__name__ == name and ufunc in FUNCTIONS and not ufunc.signature
}
OF_INTEGERS = {"bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_count", "invert", "left_shift"} | {
    "right_shift", "gcd", "lcm",
}  # fmt: skip
OF_FLOATS = sorted(UFUNCS.keys() - OF_INTEGERS - {"ldexp"})
HARD = np.array([NAN, -INF, -1e10, -2, -1.5, -1, -0.5, -1e-6, -0.0, 0.0, 1e-6, 0.5, 1, 1.5, 2, 1e10, INF])
few = settings(max_examples=8, deadline=None, derandomize=True, database=None)


def listed(y):
    return list(y) if isinstance(y, (tuple, list)) else [y]


def close(y, z):
    """To the last place, in which NumPy's kernels for other strides differ."""
    z = np.asarray(z)
    np.testing.assert_allclose(y, z, rtol=2 * np.finfo(z.dtype).eps if z.dtype.kind == "f" else 0)


def leaf(x, dtype=None):
    return Tensor(np.array(x, dtype or float), requires_grad=True)


def gradients(fn, *xs, g=None):
    """Of fn(*xs), summed or weighted by g."""
    tensors = [leaf(x) for x in xs]
    y = fn(*tensors)
    y.backward(np.ones(y.shape) if g is None else np.array(g, float))
    return [x.grad.tolist() for x in tensors]


# ---------------------------------------------------------------------------------- NumPy's numbers


def test_all_ufuncs_of_numpy_are_here_but_those_of_times():
    every = {u for u in vars(np).values() if isinstance(u, np.ufunc) and not u.signature}
    assert every - set(FUNCTIONS) == {np.isnat}


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", OF_FLOATS)
@np.errstate(all="ignore")
def test_numbers_and_dtypes_are_numpys(name, dtype):
    ufunc, x = UFUNCS[name], HARD.astype(dtype)
    arrays = [x] if ufunc.nin == 1 else [x[:, None], x]
    results = [ufunc(*[leaf(a, dtype) for a in arrays]), ufunc(*map(Tensor, arrays))]
    expected = listed(ufunc(*arrays))
    for result in results:
        for y, z in zip(listed(result), expected, strict=True):
            assert y.dtype == z.dtype and type(y.data) is np.ndarray
            close(y.data, z)
            if z.dtype.kind == "f" and name != "frexp":
                np.testing.assert_array_equal(np.signbit(y.data[z == 0]), np.signbit(z[z == 0]))


@pytest.mark.parametrize("name", sorted(UFUNCS))
def test_of_whole_numbers(name):
    ufunc = UFUNCS[name]
    arrays = [np.array([1, 2, 3]), np.array([3, 1, 2])][: ufunc.nin]
    with np.errstate(all="ignore"):
        result, expected = ufunc(*map(Tensor, arrays)), ufunc(*arrays)
    for y, z in zip(listed(result), listed(expected), strict=True):
        assert not y.requires_grad and y.dtype == z.dtype
        np.testing.assert_array_equal(y.data, z)


@pytest.mark.parametrize("name", OF_FLOATS)
@given(hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, min_side=0, max_side=3), st.booleans())
@few
def test_shapes_and_strides_are_numpys(name, shapes, backwards):
    ufunc = UFUNCS[name]
    arrays = [np.random.default_rng(i).uniform(0.3, 0.9, s) for i, s in enumerate(shapes.input_shapes)]
    if backwards:
        arrays = [a[(slice(None, None, -1),) * a.ndim] for a in arrays]
    arrays = arrays[: ufunc.nin]
    with np.errstate(all="ignore"):  # arccosh
        tensors = [leaf(a) for a in arrays]
        results = listed(ufunc(*tensors))
        for y, z in zip(results, listed(ufunc(*arrays)), strict=True):
            assert y.shape == np.shape(z)
            close(y.data, z)
        if results[0].requires_grad:
            results[0].backward(np.ones(results[0].shape))
            assert all(
                t.grad is None or t.grad.shape == a.shape for t, a in zip(tensors, arrays, strict=True)
            )


def test_numpys_other_names_are_the_same_functions():
    for name in ("acos", "asin", "atan", "atan2", "acosh", "asinh", "atanh", "pow", "abs", "conj", "mod"):
        assert getattr(np, name) in FUNCTIONS


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.round(x, 1),
        lambda x: np.around(x, -1),
        lambda x: x.round(2),
        lambda x: np.fix(x),
        lambda x: np.sinc(x),
        lambda x: np.i0(x),
        lambda x: np.nan_to_num(x),
        lambda x: np.nan_to_num(x, nan=1.5, posinf=7, neginf=-7),
        lambda x: np.nan_to_num(x, True, 2.0, None, 3.0),
        lambda x: np.unwrap(x),
        lambda x: np.unwrap(x, 2.0, 0, period=3.0),
        lambda x: np.interp(x, [0.0, 1.0, 3.0], [2.0, 0.5, 1.0]),
        lambda x: np.interp(x, [0.0, 1.0, 3.0], [2.0, 0.5, 1.0], -1, right=-2),
        lambda x: np.interp(x, [5.0, 1.0, 3.0], [2.0, 0.5, 1.0], period=2.5),
        lambda x: np.interp(x, [2.0], [0.5], -1, 1),
        lambda x: np.real(x),
        lambda x: x.real,
        lambda x: np.conj(x),
        lambda x: np.real_if_close(x),
        lambda x: np.angle(x),
        lambda x: np.angle(x, deg=True),
    ],
)
@np.errstate(all="ignore")
def test_functions_that_are_no_ufuncs(f):
    for x in (HARD[:-1].reshape(2, 8), HARD[5:-1], np.full((1, 1), 1.3), np.zeros((2, 0))):
        y, z = f(leaf(x)), f(x)
        assert y.requires_grad and y.shape == np.shape(z) and y.dtype == z.dtype
        np.testing.assert_allclose(y.data, z, rtol=1e-15)


def test_interp_keeps_float32_and_takes_tensors_in_each_place():
    x, xp, fp = leaf([0.5, 2.0, 9.0], np.float32), leaf([0.0, 1, 3], np.float32), leaf([2, 4, 3], np.float32)
    y = np.interp(x, xp, fp)
    y.sum().backward()
    assert {a.dtype for a in (y, x.grad, xp.grad, fp.grad)} == {np.dtype(np.float32)}
    assert y.data.tolist() == [3, 3.5, 3] and x.grad.tolist() == [2, -0.5, 0]
    assert fp.grad.tolist() == [0.5, 1, 1.5] and xp.grad.tolist() == [-1, -0.75, 0.25]
    assert np.interp(0.5, xp, fp).item() == 3 and ag.interp(0.5, [0, 1], [leaf(2.0), 4.0]).item() == 3


def test_interp_of_nan_and_outside_sends_nothing_to_the_points():
    fp = leaf([1.0, 2.0])
    np.interp([NAN, -1, 2, 0.5], [0.0, 1.0], fp, left=5, right=6).backward(np.ones(4))
    assert fp.grad.tolist() == [0.5, 0.5]
    x, fp = leaf([0.0, 1, 2]), leaf([5.0])
    np.interp(x, [1.0], fp).sum().backward()
    assert x.grad.tolist() == [0, 0, 0] and fp.grad.tolist() == [3]


# ------------------------------------------------------------------------------- gradients at hard points

TINY, HUGE = 1e-200, 1e200
POINTS = {
    "hypot at 0": (np.hypot, [0, 3, 0], [0, 4, -2], [0, 0.6, 0], [0, 0.8, -1]),
    "hypot of extremes": (np.hypot, [3 * TINY, 3 * HUGE], [4 * TINY, 4 * HUGE], [0.6, 0.6], [0.8, 0.8]),
    "arctan2 on axes": (np.arctan2, [0, 0, 2, -2], [2, -2, 0, 0], [0.5, -0.5, 0, 0], [0, 0, -0.5, 0.5]),
    "arctan2 at 0": (np.arctan2, [0], [0], [0], [0]),
    "arctan2 of extremes": (np.arctan2, [TINY, HUGE], [TINY, HUGE], [0.5 / TINY, 0.5 / HUGE],
                            [-0.5 / TINY, -0.5 / HUGE]),
    "logaddexp of inf": (np.logaddexp, [INF, -INF, -INF, INF], [INF, -INF, 0, 0], [0.5, 0.5, 0, 1],
                         [0.5, 0.5, 1, 0]),
    "logaddexp far apart": (np.logaddexp, [-700, 800], [0, -800], [np.exp(-700), 1], [1, 0]),
    "logaddexp2 of inf": (np.logaddexp2, [INF, -INF, -9], [INF, -INF, -9], [0.5] * 3, [0.5] * 3),
    "fmax": (np.fmax, [1, 2, NAN, 1, NAN], [1, 1, 2, NAN, NAN], [1, 1, 0, 1, 1], [0, 0, 1, 0, 0]),
    "fmin": (np.fmin, [1, 2, NAN, 1, NAN], [1, 1, 2, NAN, NAN], [1, 0, 0, 1, 1], [0, 1, 1, 0, 0]),
    "copysign": (np.copysign, [0, -0.0, -2, 3, -INF], [1, 1, 1, -1, 1], [0, 0, -1, -1, -1], [0] * 5),
    "heaviside": (np.heaviside, [-1, 0, 2], [0.5] * 3, [0, 0, 0], [0, 1, 0]),
    "floor_divide": (np.floor_divide, [5, -5], [2, 2], [0, 0], [0, 0]),
    "nextafter": (np.nextafter, [1, 2, 3], [2, 1, 3], [1, 1, 0], [0, 0, 0]),
    "power": (np.power, [0, 0, -2, NAN, INF, 2], [0, 2, 3, 0, 0, 0], [0, 0, 12, 0, 0, 0], None),
    "exponent": (np.power, [0, 0, 0, 2], [0, 0.5, 2, 0], None, [0, 0, 0, np.log(2)]),
}  # fmt: skip


@pytest.mark.parametrize("name", POINTS)
@np.errstate(all="ignore")
def test_gradient_of_two_numbers(name):
    fn, a, b, *expected = POINTS[name]
    for found, right in zip(gradients(fn, a, b), expected, strict=True):
        if right is not None:
            np.testing.assert_allclose(found, right, rtol=1e-13, atol=0)


@pytest.mark.parametrize(
    "fn, x, expected",
    [
        (np.arctan, [1e200, -INF, 1e100], [0, 0, 1e-200]),
        (np.arcsin, [1 - 1e-10], [1 / np.sqrt(2e-10 - 1e-20)]),
        (np.arccosh, [1e200], [1e-200]),
        (np.expm1, [-40, -1e-9], [np.exp(-40), np.exp(-1e-9)]),
        (np.sinc, [0, 1e-9, 0.5, 1], [0, -1e-9 * np.pi**2 / 3, -4 / np.pi, -1]),
        (np.nan_to_num, [NAN, INF, -INF, 2], [0, 0, 0, 1]),
        (lambda x: np.modf(x)[0], [1.5, -2, INF], [1, 1, 1]),
        (lambda x: np.modf(x)[1], [1.5, -2, INF], [0, 0, 0]),
        (lambda x: np.frexp(x)[0], [6, -0.25], [0.125, 2]),
        (np.sign, [0, NAN, 2], [0, 0, 0]),
        (np.fabs, [-2, 0, 3], [-1, 0, 1]),
    ],
)
def test_gradient_of_one_number(fn, x, expected):
    np.testing.assert_allclose(gradients(fn, x)[0], expected, rtol=2e-7 if fn is np.arcsin else 1e-14)


@pytest.mark.parametrize(
    "fn", [np.floor, np.ceil, np.rint, np.trunc, np.fix, np.sign, np.round, lambda x: x // 2]
)
def test_steps_keep_the_graph_and_have_a_gradient_of_zeros(fn):
    """Even of an infinite gradient, and its own gradient is there too."""
    assert gradients(fn, [1.5, NAN, -2], g=[INF, NAN, 1]) == [[0, 0, 0]]
    x = leaf([1.5, -2])
    with ag.higher_order():
        (d,) = ag.grad((fn(x) * x).sum(), x, create_graph=True)
        (second,) = ag.grad((d * x).sum(), x)  # that of fn(x) x
    np.testing.assert_array_equal(second.data, d.data)


def derivative(fn, x, order):
    x = leaf(x)
    with ag.higher_order():
        y = fn(x)
        for _ in range(order):
            (y,) = ag.grad(y.sum(), x, create_graph=True)
    return y.data


def test_derivatives_at_0_to_any_order():
    """Of the series sinc(x) = 1 - (pi x)^2 / 3! + ... and i0(x) = 1 + x^2 / 4 + x^4 / 64 + ..."""
    for order, right in ((1, 0), (2, -(np.pi**2) / 3), (3, 0), (4, np.pi**4 / 5)):
        np.testing.assert_allclose(derivative(np.sinc, 0.0, order), right, rtol=1e-14, atol=1e-14)
    for order, right in ((1, 0), (2, 0.5), (3, 0), (4, 0.375)):
        np.testing.assert_allclose(derivative(np.i0, 0.0, order), right, rtol=1e-14)
    for order, right in ((1, 0.5), (2, 0.25), (3, 0), (4, -0.125)):
        np.testing.assert_allclose(derivative(lambda x: np.logaddexp(x, 0), 0.0, order), right, atol=1e-16)


def test_the_slope_of_a_power_depends_on_the_exponent_at_0():
    a, b = leaf([2.0, 0.5]), leaf([0.0, 0.0])
    with ag.higher_order():
        (da,) = ag.grad((a**b).sum(), a, create_graph=True)
    np.testing.assert_allclose(ag.grad(da.sum(), b)[0].data, [0.5, 2])


# ----------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "call, kind, message",
    [
        (lambda: np.hypot(leaf([1, 2]), leaf([1, 2, 3])), ValueError, r"hypot: .*\(2,\) float64, \(3,\)"),
        (lambda: ~leaf([1.0]), TypeError, "invert: not defined for float64"),
        (lambda: np.gcd(leaf([1.0]), 2), TypeError, "gcd: not defined for float64"),
        (lambda: np.ldexp(leaf([1.0]), 1.5), TypeError, "ldexp: x2 is of float64.*exp2"),
        (lambda: np.interp(1.0, [0, 1], leaf([1, 2, 3])), ValueError, r"interp: .*\(2,\) and \(3,\)"),
        (lambda: np.interp(1.0, [], leaf([])), ValueError, r"interp: .*\(0,\)"),
        (lambda: np.interp(1.0, [0, 1], leaf([1, 2]), period=0), ValueError, "interp: period must not be 0"),
        (lambda: ag.interp(1.0, [0, 1], [1, 2], left=leaf(1.0)), TypeError, "no gradient for left="),
        (lambda: np.unwrap(leaf([1, 2]), axis=1), ValueError, "unwrap: axis 1 is out of bounds"),
        (lambda: ag.sin(leaf([1.0]), leaf([1.0])), TypeError, "sin"),
        (lambda: ag.hypot(leaf([1.0])), TypeError, r"hypot\(\) misses its argument 'x2'"),
        (lambda: np.nan_to_num(leaf([1.0]), copy=False), RuntimeError, "leaf"),
        (lambda: elementwise2(np.hypot, lambda a: a, None), TypeError, "by these names"),
    ],
)
def test_bad_input_is_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_nan_to_num_in_place():
    c = Tensor(np.array([NAN, 1]))
    memory = c.data
    assert np.nan_to_num(c, copy=False, nan=3) is c and memory.tolist() == [3, 1]
    x = leaf([NAN, 1])
    y = x * 2
    assert np.nan_to_num(y, copy=False) is y and y.data.tolist() == [0, 2]
    y.sum().backward()
    assert x.grad.tolist() == [0, 2]
