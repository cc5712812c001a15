"""NumPy's functions and operators on Tensors: the right answer and gradient or an error, no silent zeros."""

import math
import operator

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

X = np.random.default_rng(0).uniform(0.5, 2, (2, 3))


def leaf(dtype=np.float64):
    return Tensor(X.astype(dtype), requires_grad=True)


@pytest.mark.parametrize(
    "f",
    [
        *(
            np.exp,
            np.log,
            np.sqrt,
            np.tanh,
            np.sin,
            np.cos,
            np.square,
            np.negative,
            np.absolute,
            abs,
            operator.neg,
        ),
        *(np.sum, np.mean, np.max, np.min, np.amax, np.var, np.std, np.transpose, np.squeeze, operator.pos),
        lambda x: np.add(x, X),
        lambda x: np.add(X, x),
        lambda x: np.power(x, 2),
        lambda x: 2**x,
        lambda x: X**x,
        lambda x: X + x,
        lambda x: X - x,
        lambda x: X * x,
        lambda x: X / x,
        lambda x: X @ x.T,
        lambda x: X[0] - x,
        lambda x: [1, 2, 3] - x,
        lambda x: x * [1.0, 2.0, 3.0],
        lambda x: (1, 2, 3) / x,
        lambda x: x - [[1], [2]],
        lambda x: 1 - x,
        lambda x: 1 / x,
        lambda x: np.float64(2) - x,
        lambda x: np.float32(2) / x,
        lambda x: np.int64(2) * x,
        lambda x: np.array(2.0) - x,
        lambda x: True * x,
        lambda x: np.maximum(1, x),
        lambda x: np.minimum(x, X[::-1]),
        lambda x: np.sum(x, axis=1, keepdims=True),
        lambda x: np.concatenate([x, X]),
        lambda x: np.concatenate((X, x), axis=1),
        lambda x: np.stack([X, x, X]),
        lambda x: np.split(x, 3, axis=1)[1],
        lambda x: np.reshape(x, (3, 2)),
        lambda x: np.swapaxes(x, 0, 1),
        lambda x: np.expand_dims(x, 1),
        lambda x: np.broadcast_to(x, (4, 2, 3)),
        lambda x: np.where(X > 1, x, 0),
        lambda x: np.where(x > 1, x, -x),
        lambda x: np.clip(x, 0.8, 1.5),
        lambda x: np.take(x, [0, 0, 1], axis=1),
        lambda x: np.take_along_axis(x, np.array([[0, 0], [1, 2]]), axis=1),
        lambda x: np.pad(x, 1),
        lambda x: np.einsum("ij,kj->ik", x, X),
        lambda x: np.einsum(x, [0, 1], X, [2, 1], [0, 2]),
        lambda x: np.einsum(x, [0, ..., 1], [1, ...]),
        lambda x: np.dot(X, x.T),
        lambda x: x.dot(X[0]),
        lambda x: x.dot(np.ones((2, 3, 2))),
        lambda x: np.dot(2, x),
        lambda x: x % 0.7,
        lambda x: 5 % x,
        lambda x: np.remainder(x, -0.7),
        lambda x: np.fmod(-x, 0.7),
        lambda x: divmod(x, 0.7)[1],
        lambda x: divmod(5, x)[1],
        lambda x: np.divmod(x, 0.7)[1],
        lambda x: np.sort(x, axis=0),
        lambda x: x.cumsum(0),
        lambda x: np.cumsum(x),
        lambda x: np.prod(x, axis=1),
        lambda x: np.multiply.reduce(x),
        lambda x: x.ravel("F"),
        lambda x: x.flatten(),
        lambda x: x.copy(),
        lambda x: x.repeat([1, 2, 0], 1),
        lambda x: x.diagonal(1),
        lambda x: np.trace(x),
        lambda x: np.pad(x, 1, "wrap"),
        lambda x: np.concatenate(x),
        lambda x: np.stack(x, -1),
        lambda x: np.stack(x[None]),
        lambda x: np.add.reduce(x),
        lambda x: np.add.reduce(x, axis=1),
        lambda x: np.add.reduce(x, 1, keepdims=True),
        lambda x: np.add.reduce(x, axis=None),
        lambda x: np.maximum.reduce(x),
        lambda x: np.minimum.reduce(x, axis=1),
        lambda x: sum(x),
        lambda x: x[None, 0, ..., [0, 1]],
        lambda x: x.sum(1).reshape(2, 1).transpose().mT.T,
    ],
)
def test_numpys_spelling_gives_numpys_result_and_a_gradient(f):
    x = leaf()
    y = f(x)
    expected = f(X)
    assert type(y) is Tensor and y.requires_grad
    assert y.dtype == expected.dtype
    np.testing.assert_allclose(y.data, expected, rtol=1e-15)
    ag.gradcheck(f, [x], reference=f)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * np.float64(2),
        lambda x: np.float64(2) * x,
        lambda x: x / np.sqrt(64),
        lambda x: np.multiply(np.float64(2), x),
        lambda x: x ** np.float64(2),
        lambda x: x + np.int64(2),
        lambda x: x * np.arange(3),
        lambda x: np.arange(3) * x,
        lambda x: x + Tensor(np.arange(3)),
        lambda x: x + np.uint32([1, 2, 3]),
        lambda x: x + [1, 2, 3],
        lambda x: x * (X > 1),
        lambda x: x * 2.5,
        lambda x: np.where(X > 1, x, np.float64(0)),
        lambda x: np.maximum(x, np.float64(1)),
        lambda x: np.concatenate([x, np.arange(3)[None]]),
        lambda x: np.clip(x, np.float64(0.8), np.float64(1.5)),
    ],
)
def test_scalars_and_integers_do_not_widen_float32(f):
    x = leaf(np.float32)
    y = f(x)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "f", [lambda x: x + X, lambda x: X + x, lambda x: x * Tensor(X), lambda x: x * np.array(2.0)]
)
def test_two_float_arrays_promote_as_in_numpy(f):
    assert f(leaf(np.float32)).dtype == np.float64


@pytest.mark.parametrize(
    "f",
    [
        *(
            np.isfinite,
            np.spacing,
            np.argmax,
            np.argsort,
            np.any,
            np.zeros_like,
            np.ones_like,
        ),
        lambda x: x > 1,
        lambda x: x <= X,
        lambda x: operator.lt(X, x),
        lambda x: x == x,
        lambda x: x != [1, 2, 3],
        lambda x: np.greater(x, 1),
        lambda x: (x > 1) & (x < 2) | ~(x > 0) ^ (x > 1),
        lambda x: np.logical_and(x > 1, X),
        lambda x: np.full_like(x, 3),
        lambda x: np.zeros_like(x, shape=(7,), dtype=np.float32),
        lambda x: x.argmax(axis=1),
        lambda x: (x > 1).all(axis=0),
    ],
)
def test_what_has_no_derivative_is_a_constant(f):
    y, expected = f(leaf()), f(X)
    assert type(y) is Tensor and not y.requires_grad
    np.testing.assert_array_equal(y.data, expected)
    assert y.dtype == np.asarray(expected).dtype


def test_constant_functions_with_other_results():
    x = leaf()
    assert np.allclose(x, X) is True and np.array_equal(x, X) is True
    assert np.shape(x) == (2, 3) and np.ndim(x) == 2 and np.size(x) == 6
    rows, columns = np.nonzero(x > 1)
    np.testing.assert_array_equal(X[rows.data, columns.data], X[X > 1])


@pytest.mark.parametrize(
    "f",
    [
        *(
            np.linspace,
            np.vectorize(lambda v: v),
            np.frompyfunc(abs, 1, 1),
        ),
        lambda x: X.dot(x.T),
        lambda x: np.union1d(x, x),
        lambda x: np.subtract.accumulate(x),
        lambda x: np.add.reduceat(x, [0, 1]),
        lambda x: np.power.at(Tensor(np.zeros(3)), 0, x[0, 0]),
        lambda x: np.add.at(np.zeros((2, 3)), 0, x[0]),
        lambda x: np.add(x, 1, out=np.zeros((2, 3))),
        lambda x: np.sum(x, out=np.zeros(())),
        lambda x: np.concatenate([x, x], out=np.zeros((4, 3))),
        lambda x: operator.iadd(X.copy(), x),
        lambda x: np.asarray(x),
        lambda x: np.array([x, x]),
        lambda x: np.array([x, x], dtype=object),
        lambda x: np.ascontiguousarray(x),
        lambda x: np.zeros((2, 3)).__setitem__(slice(None), x),
        lambda x: np.copyto(np.zeros((2, 3)), x),
        lambda x: np.put(np.zeros(3), [0, 1, 2], x[0]),
        lambda x: np.full((2, 3), x),
        lambda x: np.random.default_rng(0).normal(x),
        lambda x: math.sqrt(x),
        lambda x: X[x],
        lambda x: np.take(X, x),
        lambda x: X.clip(x, 2),
    ],
)
def test_what_is_not_supported_raises(f):
    with pytest.raises((TypeError, IndexError)) as caught:
        f(leaf())
    assert not isinstance(caught.value, AttributeError)


def test_errors_name_what_is_supported():
    for f, near in ((np.sort_complex, "complex"),):
        with pytest.raises(TypeError, match=rf"has no gradient here.*\.detach\(\).*{near}"):
            f(leaf())
    with pytest.raises(TypeError, match=r"np\.subtract\.accumulate"):
        np.subtract.accumulate(leaf())


def test_a_constant_turns_into_an_array():
    c = Tensor(X)
    assert np.asarray(c) is X or np.shares_memory(np.asarray(c), X)
    copied = np.array(c)
    assert not np.shares_memory(copied, X)
    np.testing.assert_array_equal(copied, X)
    assert np.asarray(c, dtype=np.float32).dtype == np.float32
    assert np.array([c, c]).shape == (2, 2, 3) and np.array([c, c]).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.asarray(c, dtype=np.float32, copy=False)
    out = np.zeros((2, 3))
    out[...] = c
    np.testing.assert_array_equal(out, X)
    np.testing.assert_array_equal(np.unique(c).data, np.unique(X))
    np.testing.assert_array_equal((c % 2).data, X % 2)
    np.testing.assert_array_equal(np.full_like(c, c[0, 0]).data, np.full_like(X, X[0, 0]))


def test_a_tensor_that_requires_a_gradient_says_how_to_get_the_array():
    with pytest.raises(TypeError, match=r"use \.numpy\(\) or \.detach\(\)"):
        np.asarray(leaf())
    with ag.no_grad():
        np.testing.assert_array_equal(np.unique(leaf()).data, np.unique(X))


def test_out_onto_a_tensor():
    x = leaf()
    y = x * 1
    z = np.exp(y, out=y)
    assert z is y
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.exp(X))
    target = Tensor(np.zeros(3))
    np.sum(x, axis=0)
    result = np.add.reduce(x, axis=0, out=target)
    assert result is target and target.requires_grad
    np.add(X, X, out=(constant := Tensor(np.zeros((2, 3)))))
    np.testing.assert_array_equal(constant.data, X + X)
    with pytest.raises(ValueError, match="does not fit"):
        np.exp(x, out=Tensor(np.zeros(7)))


def test_add_at():
    x = leaf()
    total = Tensor(np.zeros(3))
    np.add.at(total, [0, 0, 2], x[0])
    np.testing.assert_allclose(total.data, [X[0, 0] + X[0, 1], 0, X[0, 2]])
    (total * total).sum().backward()
    np.testing.assert_allclose(x.grad[0], 2 * total.data[[0, 0, 2]])


def test_lists_of_tensors_are_the_arrays_that_numpy_would_make_of_them():
    x = leaf()
    y = (x + [x[0, 0], 1, 2]) * 2
    np.testing.assert_array_equal(y.data, (X + [X[0, 0], 1, 2]) * 2)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [[6, 2, 2], [2, 2, 2]])
    with pytest.raises(ValueError, match="same shape"):
        x + [x, 1]


def test_the_first_argument_has_numpys_name_too():
    x = leaf()
    for y in (
        np.ravel(a=x),
        np.sum(a=x),
        np.pad(array=x, pad_width=1),
        np.split(ary=x, indices_or_sections=2)[0],
    ):
        assert y.requires_grad
    with pytest.raises(TypeError):
        np.ravel(b=x)


def test_einsum_and_concatenate_of_constants_only():
    y = np.concatenate([Tensor(X), X])
    assert type(y) is Tensor and not y.requires_grad
    assert not np.einsum("ij->i", Tensor(X)).requires_grad
