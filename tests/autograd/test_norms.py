"""Norms: NumPy's for every order and axis; PyTorch's gradients at zeros and ties; dtypes and errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, gradcheck, linalg

INF, NAN = np.inf, np.nan
ORDERS = (None, 2, 1, 0, 3, 2.5, 1.5, 0.5, -1, -2, -0.5, INF, -INF)


def leaf(x, dtype=np.float64):
    return Tensor(np.array(x, dtype), requires_grad=True)


def gradient(f, x):
    """That of the sum of f(x)."""
    x = leaf(x)
    f(x).sum().backward()
    return x.grad


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_of_any_axes_and_orders(data):
    shape = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    axes = data.draw(st.permutations(range(len(shape))))[: data.draw(st.integers(1, min(2, len(shape))))]
    axis = tuple(i - len(shape) * data.draw(st.booleans()) for i in axes)
    orders = ORDERS if len(axis) == 1 else (None, "fro", 1, -1, INF, -INF)
    given = {"ord": data.draw(st.sampled_from(orders)), "keepdims": data.draw(st.booleans())}
    given["axis"] = axis[0] if len(axis) == 1 and data.draw(st.booleans()) else axis
    x = np.random.default_rng(shape).uniform(0.3, 2, shape) * np.random.default_rng(0).choice([-1, 1], shape)
    y, expected = linalg.norm(leaf(x), **given), np.linalg.norm(x, **given)
    np.testing.assert_allclose(y.data, expected, rtol=1e-12)
    assert y.shape == np.shape(expected)
    assert gradcheck(
        lambda x: np.linalg.norm(x, **given), [leaf(x)], reference=lambda x: np.linalg.norm(x, **given)
    )
    assert gradcheck(lambda x: np.linalg.norm(x, **given) ** 2, [leaf(x)], order=2)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", [None, 0, (0, 2), (2, 1), (0, 1, 2), ()])
@pytest.mark.parametrize("ord", [2, 1, 0, -1, 3, INF])
def test_vector_norm_is_numpys(ord, axis, keepdims):
    x = np.random.default_rng(0).uniform(0.3, 2, (2, 3, 2))
    given = {"ord": ord, "axis": axis, "keepdims": keepdims}
    y = np.linalg.vector_norm(leaf(x), **given)
    expected = np.abs(x) if axis == () and ord else np.linalg.vector_norm(x, **given)
    if axis == ():
        assert y.shape == x.shape
        return np.testing.assert_allclose(y.data, np.ones_like(x) if ord == 0 else expected, rtol=1e-14)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y.data, expected, rtol=1e-14)
    assert gradcheck(lambda x: linalg.vector_norm(x, **given), [leaf(x)])


@pytest.mark.parametrize("ord", ["fro", 1, -1, INF, -INF])
def test_matrix_norm_is_numpys(ord):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    for keepdims in (False, True):
        y = np.linalg.matrix_norm(leaf(x), ord=ord, keepdims=keepdims)
        np.testing.assert_allclose(y.data, np.linalg.matrix_norm(x, ord=ord, keepdims=keepdims), rtol=1e-14)


@pytest.mark.parametrize(
    "ord, x, expected",
    [
        (2, [0, 0, 0], [0, 0, 0]),
        (2, [3, 0, -4], [0.6, 0, -0.8]),
        (1, [2, 0, -3], [1, 0, -1]),
        (0, [2, 0, -3], [0, 0, 0]),
        (3, [0, 0, 0], [0, 0, 0]),
        (1.5, [0, 0, 0], [0, 0, 0]),
        (0.5, [0, 0, 0], [0, 0, 0]),
        (3, [2, 0, 0], [1, 0, 0]),
        (0.5, [4, 0, 0], [1, 0, 0]),
        (0.5, [1, 0, -1], [2, 0, -2]),
        (INF, [1, -3, 3], [0, -0.5, 0.5]),
        (INF, [0, 0], [0, 0]),
        (-INF, [1, -1, 3], [0.5, -0.5, 0]),
        (-INF, [0, 1, 0], [0, 0, 0]),
        (INF, [1, NAN, 3], [0, NAN, 0]),
        (300, [1e3, 1e-3], [1, 0]),
    ],
)  # fmt: skip
def test_gradients_at_zeros_ties_and_nan(ord, x, expected):
    f = linalg.norm if ord != 300 else lambda x, p: linalg.norm(x / 1e3, p) * 1e3
    np.testing.assert_allclose(gradient(lambda x: f(x, ord), x), expected, rtol=1e-12)


def test_equal_rows_and_columns_share_the_gradient():
    x = [[1, -2, 0], [2, 1, 0]]
    np.testing.assert_array_equal(gradient(lambda x: linalg.norm(x, 1), x), [[0.5, -0.5, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(gradient(lambda x: linalg.norm(x, INF), x), [[0.5, -0.5, 0], [0.5, 0.5, 0]])
    np.testing.assert_array_equal(gradient(lambda x: linalg.norm(x, -1), x), [[0, 0, 0], [0, 0, 0]])


@pytest.mark.parametrize("ord", [2, 1, 3, INF])
@pytest.mark.parametrize("axis", [None, 1])
def test_second_derivatives_of_zeros_are_zero(ord, axis):
    x = leaf(np.zeros((2, 3)))
    with ag.higher_order():
        y = linalg.norm(x.reshape(-1) if axis is None else x, ord, axis).sum()
    (d,) = ag.grad(y, x, create_graph=True)
    (dd,) = ag.grad((d + 0 * x).sum(), x)  # of 1 and inf it is a constant
    assert not d.data.any() and not dd.data.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_of_numbers_near_the_ends_of_the_range(dtype):
    info = np.finfo(dtype)
    for scale in (np.sqrt(info.max) / 8, np.sqrt(info.tiny) * 4):
        x = np.array([[3, 4], [0, 0]], dtype) * dtype(scale)
        for axis in (None, 1, 0):
            y = linalg.norm(leaf(x, dtype), axis=axis)
            np.testing.assert_allclose(y.data, np.linalg.norm(x, axis=axis), rtol=1e-6)
            assert y.dtype == dtype and np.all(np.isfinite(y.data))
        np.testing.assert_allclose(gradient(linalg.norm, x.astype(float)), [[0.6, 0.8], [0, 0]], rtol=1e-6)


def test_dtypes():
    assert linalg.norm(Tensor([3, 4])).data == 5 and linalg.norm([3, 4]).dtype == np.float64
    for dtype in (np.float16, np.float32):
        for ord in (2, 1, 0, 3, INF):
            x = leaf([300, 400], dtype)  # whose square float16 does not hold
            y = linalg.norm(x, ord)
            y.backward()
            assert y.dtype == x.grad.dtype == dtype
            np.testing.assert_allclose(y.item(), np.linalg.norm([300.0, 400], ord), rtol=2e-3)


def test_infinity_and_nan_as_numpys_and_without_a_word():
    x = np.array([[1, INF], [NAN, 1], [3, -4]])
    for ord in (2, 1, 3, INF, -INF):
        y = linalg.norm(leaf(x), ord, axis=1)
        np.testing.assert_allclose(y.data, np.linalg.norm(x, ord, axis=1))


BAD = {
    "ord of vectors": (lambda x: linalg.norm(x, "fro", 1), "ord='fro' is none of vectors"),
    "ord of matrices": (lambda x: linalg.norm(x, 3), 'ord=3 is none of matrices; "fro"'),
    "a word": (lambda x: np.linalg.matrix_norm(x, ord="frob"), "linalg.matrix_norm: ord='frob'"),
    "three axes": (lambda x: linalg.norm(x[None], 2), r"linalg.norm: .*x \(1, 2, 3\).*vector_norm"),
    "an axis twice": (lambda x: linalg.norm(x, axis=(0, -2)), "names an axis twice"),
    "an axis too far": (lambda x: np.linalg.norm(x, axis=2), r"axis 2 of an array of shape \(2, 3\)"),
    "a number": (lambda x: linalg.matrix_norm(x[0]), r"matrix_norm: takes matrices .*\(3,\)"),
    "smallest of none": (lambda x: linalg.norm(x[:0], -INF, 0), r"norm: zero-size .*\(0, 3\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call(leaf(np.ones((2, 3))))


def test_an_axis_is_an_integer():
    with pytest.raises(TypeError, match=r"an axis is an integer, not 0\.5"):
        linalg.norm(leaf([1.0]), axis=0.5)
