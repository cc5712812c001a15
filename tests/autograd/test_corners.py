"""Corners of NumPy's functions: one number with an axis, nothing at all, whole numbers, booleans, None."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from against_numpy import gradient, same
from leaves import leaf
from tapegrad.autograd import Tensor, gradcheck, linalg

NEW = np.lib.NumpyVersion(np.__version__) >= "2.2.0"  # where NumPy itself does otherwise before

NAN, INF = np.nan, np.inf
MODES = ["constant", "empty", "edge", "linear_ramp", "maximum", "mean", "median", "reflect", "wrap"]


# ------------------------------------------------------------------------------------- one number, 0-d


@pytest.mark.parametrize("fn", [ag.max, ag.min, ag.nanmax, ag.nanmin])
def test_of_one_number_the_initial_one_may_win_or_share(fn):
    ours, beyond = (-9.0, 9.0) if "max" in fn.__name__ else (9.0, -9.0)
    assert gradient(lambda x: fn(x, initial=beyond), 2.0) == 0
    assert gradient(lambda x: fn(x, initial=ours), 2.0) == 1
    assert gradient(lambda x: fn(x, initial=ours, where=False), 2.0) == 0
    assert gradient(lambda x: fn(x, axis=0), NAN) == 1
    assert gradient(lambda x: fn(x, initial=2.0), 2.0) == gradient(lambda x: fn(x, initial=2.0), [2.0])[0]


def test_one_number_has_an_axis_where_numpy_gives_it_one():
    for f in (
        lambda x: np.take(x, [[0, -1]], axis=-1),
        lambda x: np.take(x, [3], axis=0, mode="wrap"),
        lambda x: np.repeat(x, 2, axis=0),
        lambda x: np.repeat(x, [3], axis=-1),
        lambda x: np.cumprod(x, axis=-1),
    ):
        same(f, np.array(1.5))
        assert gradcheck(f, [leaf()])
    for name in ("cumprod", "nancumprod", "cumsum", "nancumsum"):
        with pytest.raises(np.exceptions.AxisError):
            getattr(np, name)(leaf(), axis=7)


@pytest.mark.parametrize("mode", MODES)
def test_one_number_is_padded_by_nothing(mode):
    for width in (1, (1, 2), 0):
        same(lambda x: np.pad(x, width, mode), np.array(1.5))  # noqa: B023
    same(lambda x: np.pad(x, 1, mode), np.array(True))
    with pytest.raises(ValueError, match="pad: pad_width is at least 0, not -1"):
        np.pad(leaf(), -1, mode)


@pytest.mark.parametrize("mode", MODES)
def test_what_is_padded_by_nothing_is_another_array(mode):
    x = leaf(3)
    y = np.pad(x, 0, mode)
    y[0] = 9.0
    assert x.data[0] != 9.0


def test_widths_and_modes_that_numpy_refuses_are_refused():
    for x in (leaf(), leaf(3), leaf(3).detach()):
        with pytest.raises(TypeError, match=r"pad: pad_width is of whole numbers, not 1\.5"):
            np.pad(x, 1.5, "linear_ramp")
        with pytest.raises(ValueError, match="pad: mode 'edges' is none of constant, .*edge"):
            np.pad(x, 1, "edges")
        with pytest.raises(IndexError, match="pad: pad_width: axis 5 is out of bounds"):
            np.pad(x, {5: 1})


def test_a_boolean_is_a_number_of_times():
    for f in (lambda x: np.repeat(x, True), lambda x: np.tile(x, (True, False)), lambda x: np.tile(x, True)):
        same(f, np.ones(3))
        assert ag.grad(f(x := leaf(3)).sum(), x)[0].shape == (3,)


# --------------------------------------------------------------------------------------------- nothing


def test_of_no_elements_there_is_a_row_to_apply_a_function_to():
    same(lambda x: np.apply_along_axis(np.sum, 0, x), np.zeros(0))
    same(lambda x: np.apply_along_axis(np.sum, -1, x), np.zeros((3, 0)))
    with pytest.raises(ValueError, match="no row"):
        np.apply_along_axis(np.sum, 0, leaf(2, 0))


@pytest.mark.parametrize("mode", MODES[2:])
def test_nothing_cannot_be_padded_with_its_elements(mode):
    for x in (leaf(2, 0), leaf(2, 0).detach()):
        with pytest.raises(ValueError, match=r"finds nothing on axis 1 of shape \(2, 0\)"):
            np.pad(x, 1, mode)
        assert np.pad(x, [(1, 1), (0, 0)], mode).shape == (4, 0)


def test_the_largest_of_nothing_is_a_norm_of_0():
    x = leaf(2, 0, 3)
    for f in (
        lambda x: linalg.norm(x.reshape(-1), INF),
        lambda x: linalg.vector_norm(x, ord=INF),
        lambda x: linalg.vector_norm(x, ord=INF, axis=1),
        lambda x: linalg.matrix_norm(x, ord=2),
        lambda x: linalg.matrix_norm(x, ord=INF),
        lambda x: linalg.matrix_norm(x.mT, ord=1),
    ):
        y = f(x)
        assert (y.data == 0).all()
        assert ag.grad(y.sum(), x)[0].shape == x.shape
    for order in (-2, -INF):
        with pytest.raises(ValueError, match="zero-size"):
            linalg.matrix_norm(x, ord=order)


def test_quantiles_of_nothing_but_nan_or_less_are_nan():
    for fn in (np.nanquantile, np.nanpercentile):
        with pytest.warns(RuntimeWarning):
            y = fn(leaf(2, 0), [0.1, 0.5], axis=1)
        assert y.shape == (2, 2) and np.isnan(y.data).all()
        assert fn(leaf(0, 2), 0.5, axis=1).shape == (0,)
    for fn in (np.quantile, np.percentile):
        with pytest.raises(IndexError, match=r"of shape \(2, 0\) has no elements along the axis"):
            fn(leaf(2, 0), 0.5, axis=1)


def test_tensorinv_of_no_matrix_is_refused():
    for shape, ind in (((), 1), ((2, 0, 3), 1)):
        with pytest.raises(np.linalg.LinAlgError, match="tensorinv"):
            np.linalg.tensorinv(leaf(*shape), ind)


# ----------------------------------------------------------------------- whole numbers, booleans, None


@pytest.mark.parametrize("order", [1, -1, INF, -INF, 2, -2, "nuc", "fro"])
@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_norms_of_whole_numbers_are_floats(order, dtype):
    a = np.array([[1, 0, 1], [1, 1, 0]]).astype(dtype)
    for fn in (lambda: np.linalg.norm(Tensor(a), order), lambda: linalg.matrix_norm(Tensor(a), ord=order)):
        np.testing.assert_allclose(fn().data, np.linalg.norm(a.astype(float), order))
        assert fn().dtype == np.float64


def test_whole_numbers_give_numpys_dtype():
    for dtype in (bool, np.uint8, np.int16, np.int64):
        same(np.modf, np.array([1, 0, 1], dtype))
        same(np.vander, np.array([1, 0, 1], dtype))
    x = Tensor([1.5, 2.5, 4.0])
    for fn in (np.mean, np.std, np.var):
        y = fn(x, dtype=int)
        assert y.dtype == int and y.item() == fn(x.data, dtype=int)
        with pytest.raises(TypeError, match="int64 has no gradient"):
            fn(leaf(3), dtype=np.int64)


def test_whole_numbers_are_joined_as_numpy_joins_them():
    for dtype in (np.uint8, np.int8, np.int64, bool):
        same(lambda x: np.diff(x, prepend=0, append=2), np.array([1, 0, 3]).astype(dtype))
        same(lambda x: np.nanvar(x, ddof=1), np.array([1, 0, 3]).astype(dtype))
    with pytest.warns(RuntimeWarning):
        assert np.nanvar(Tensor([1, 0, 3]), ddof=9).item() == INF


def test_masked_booleans_stay_booleans_and_do_not_warn():
    b, mask = np.array([True, False]), np.array([True, False])
    for fn in (np.log, np.arccosh, np.reciprocal):
        assert fn(Tensor(b), where=mask)[1].item() == 0
    assert np.absolute(Tensor(b), where=mask).dtype == bool


def test_means_without_nan_are_floats():
    for fn in (np.nanmean, np.nanvar, np.nanstd):
        with pytest.raises(TypeError, match=f"{fn.__name__}: dtype is of floats, as x is, not int64"):
            fn(Tensor([1.5, NAN]), dtype=np.int64)
        assert fn(Tensor([1, 2]), dtype=np.int64).dtype == np.int64


def test_a_view_of_nothing_is_written_to():
    x = Tensor(np.zeros((2, 0, 3)))
    x[:1][...] = 1.0
    np.take(x, [0], axis=0, out=x[:1])
    Tensor(np.zeros(3))[:0][...] = leaf(1).detach()
    y = leaf(3) * 1
    y[:0][...] = leaf(1)
    assert y.shape == (3,)


def test_indices_of_take_are_cast_once():
    for index in (1.5, [0.0, 1.9], [True, False], np.array(True), []):
        for mode in ("raise", "wrap"):
            same(lambda x: np.take(x, index, axis=0, mode=mode), np.array([3.0, 4.0]))  # noqa: B023
            assert gradcheck(lambda x: np.take(x, index, mode=mode), [leaf(3)])  # noqa: B023


def test_what_is_not_defined_is_told_by_function_and_dtypes():
    b = Tensor(np.array([True, False]))
    for f in (np.positive, np.sign, lambda b: np.round(b, 1), lambda b: np.clip(b, None, None)):
        with pytest.raises(TypeError, match=r"^(positive|sign|round|clip): not defined for bool"):
            f(b)
    for fn in (np.add, np.maximum, np.hypot, np.power, np.logaddexp):
        with pytest.raises(TypeError, match=f"^{fn.__name__}: not defined for float64, None"):
            fn(leaf(2), None)
    with pytest.raises(TypeError, match="float_power: .* not None"):
        np.float_power(leaf(2), None)
    for fn in (ag.sum, ag.exp, ag.var):
        with pytest.raises(TypeError, match=f"^{fn.__name__}: not defined for None"):
            fn(None)


# ------------------------------------------------------------------------------------------- and others


def test_an_infinite_point_has_an_angle_that_does_not_turn():
    x = Tensor([1.0, -2.0, INF, 0.5], requires_grad=True)
    y = np.arctan2(x, np.array([INF, -INF, 3.0, 1.0])) + np.arctan2(INF, x)
    (d,) = ag.grad(y.sum(), x)
    np.testing.assert_allclose(d, [0, 0, 0, 0.8])


def test_a_matrix_with_inf_is_as_singular_as_numpys():
    for order in (None, -2, 1, "fro"):
        same(lambda x: np.linalg.cond(x, order), np.array([[1, -INF], [0.5, 3]]))  # noqa: B023


def test_a_vector_of_two_elements_has_no_third_to_multiply_with():
    a = Tensor([[1.0, NAN, 3.0], [2.0, 5.0, INF]], requires_grad=True)
    y = np.cross(a, np.ones(2))
    np.testing.assert_array_equal(y.data, [[-3, 3, NAN], [-INF, INF, -3]])
    assert np.isfinite(ag.grad(y.sum(), a)[0]).all()
    np.testing.assert_array_equal(np.cross(np.ones(2), a).data, -y.data)


def test_coefficients_may_be_arrays():
    for p, x in (
        (leaf(3, 2), leaf()),
        (leaf(2, 2), leaf(4, 1)),
        (leaf(3, 1, 2), leaf(2, 1)),
        (leaf(3), leaf(2, 2)),
    ):
        same(np.polyval, p.data, x.data)
        assert gradcheck(np.polyval, [p, x]) and gradcheck(lambda *a: np.polyval(*a) ** 2, [p, x], order=2)


def test_coordinates_of_trapezoid_broadcast_but_for_the_axis():
    x = np.array([[0.0, 1.0, 3.0]])
    for f in (np.trapezoid, lambda y, x: np.trapezoid(y, np.concatenate([x, x * x]), axis=-1)):
        same(f, np.ones((2, 3)), x)
        assert gradcheck(f, [leaf(2, 3), leaf(1, 3)])
    for shape in ((1, 4), (3, 3), (1, 1), (2,), (2, 3, 2)):
        with pytest.raises(ValueError, match="trapezoid: x of shape"):
            np.trapezoid(leaf(2, 3), leaf(*shape))


@pytest.mark.parametrize("method", ["lower", "midpoint", "nearest", "averaged_inverted_cdf", "inverted_cdf"])
def test_steps_have_no_slope_for_q(method):
    a, q = leaf(5), Tensor([0.21, 0.7], requires_grad=True)
    for fn in (np.quantile, np.nanquantile):
        da, dq = ag.grad(fn(a, q, method=method).sum(), [a, q])
        assert dq.tolist() == [0, 0] and da.sum() == 2
    x = Tensor([-INF, INF, INF], requires_grad=True)
    assert np.quantile(x, q, method="higher").tolist() == [INF, INF]


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_slopes_keep_the_dtype_beside_wide_coordinates(dtype):
    same(lambda f: np.gradient(f, np.arange(4.0) ** 2), np.array([1, 2, 4, 7], dtype), rtol=1e-3)


@pytest.mark.parametrize("axis", ["a", 1.5])
def test_an_axis_that_is_no_number_is_told_by_function(axis):
    x = leaf(2, 3)
    for name in ("median", "nanmedian", "diff", "trapezoid", "gradient", *["trim_zeros"] * NEW):
        with pytest.raises(TypeError, match=f"^{name}: an axis is a whole number, not {axis!r}"):
            getattr(np, name)(x, axis=axis)
    for fn, more in ((ag.cummax, ()), (ag.index_fill, ([0], 1.0))):
        with pytest.raises(TypeError, match=f"^{fn.__name__}: an axis is a whole number, not {axis!r}"):
            fn(x, axis, *more)


@pytest.mark.parametrize("exponent", [True, False, np.True_])
def test_a_boolean_exponent_has_second_derivatives(exponent):
    assert gradcheck(lambda x: x**exponent * x, [leaf(3)], order=2)
