"""Rules of the ops in plain numbers: kinks and ties as in PyTorch, limits, dtypes, errors."""

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special
from tapegrad.nn import functional as F

INF, NAN = np.inf, np.nan


def gradient(fn, *inputs, g=None):
    """Gradients of fn(*inputs), summed or weighted by g."""
    tensors = [Tensor(np.array(x, float), requires_grad=True) for x in inputs]
    y = fn(*tensors)
    y.backward(np.ones(y.shape) if g is None else np.array(g, float))
    return [x.grad.tolist() for x in tensors]


# ---------------------------------------------------------------------------------- kinks and ties


@pytest.mark.parametrize(
    ("fn", "x", "expected"),
    [
        (kernels.relu, [-1, 0, -0.0, 2], [0, 0, 0, 1]),
        (ag.absolute, [-2, 0, 3], [-1, 0, 1]),
        (lambda x: ag.clip(x, -1, 1), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]),
        (lambda x: ag.clip(x, None, 1), [-2, 1, 2], [1, 1, 0]),
        (ag.max, [1, 3, 3], [0, 0.5, 0.5]),
        (ag.min, [1, 1, 1, 3], [1 / 3, 1 / 3, 1 / 3, 0]),
        (lambda x: ag.max(x, axis=1), [[1, 1], [0, 2]], [[0.5, 0.5], [0, 1]]),
        (lambda x: ag.maximum(x, 0), [-1, 0, 1], [0, 0.5, 1]),
        (lambda x: ag.minimum(x, x), [-1, 2], [1, 1]),
        (lambda x: x**0, [-1, 0, 2], [0, 0, 0]),
        (lambda x: x**1, [-1, 0, 2], [1, 1, 1]),
        (lambda x: x**2, [-1, 0, 2], [-2, 0, 4]),
        (lambda x: 0**x, [0, 1, 2], [0, 0, 0]),
        (lambda x: np.zeros(3) ** x, [0, 0.5, 2], [0, 0, 0]),
        (ag.std, [2, 2, 2], [0, 0, 0]),
        (lambda x: ag.where(x > 0, x, 0), [-1, 0, 2], [0, 0, 1]),
        (special.logsumexp, [-INF, -INF], [0, 0]),
        (special.logsumexp, [-INF, 1], [0, 1]),
        (special.logsumexp, [1000, 1000], [0.5, 0.5]),
        (lambda x: special.softmax(x, -1)[0], [-INF, 0], [0, 0]),
        (lambda x: special.softmax(x, -1)[0], [1e4, 1e4], [0.25, -0.25]),
        (lambda x: special.log_softmax(x)[1], [1e4, -1e4], [-1, 1]),
        (special.expit, [-1e4, 1e4], [0, 0]),
        (kernels.silu, [-1e4, 0, 1e4], [0, 0.5, 1]),
        (kernels.gelu, [-1e2, 0, 1e2], [0, 0.5, 1]),
        (lambda x: kernels.gelu(x, "tanh"), [-1e2, 0, 1e2], [0, 0.5, 1]),
        (ag.tanh, [-1e4, 0, 1e4], [0, 1, 0]),
        (special.erf, [-30, 30], [0, 0]),
    ],
)
def test_gradient_at_kinks_ties_and_limits(fn, x, expected):
    np.testing.assert_allclose(gradient(fn, x)[0], expected, rtol=1e-15, atol=1e-15)


def test_maximum_and_minimum_give_each_of_two_equals_half():
    assert gradient(ag.maximum, [1, 2, 3], [3, 2, 1]) == [[0, 0.5, 1], [1, 0.5, 0]]
    assert gradient(ag.minimum, [1, 2, 3], [3, 2, 1]) == [[1, 0.5, 0], [0, 0.5, 1]]
    assert gradient(lambda a, b: a**b, [0, 0, 2], [0, 2, 0])[0] == [0, 0, 0]


@pytest.mark.parametrize(
    ("fn", "x", "expected"),
    [
        (special.logsumexp, [-INF, -INF], -INF),
        (special.logsumexp, [1e4, 1e4], 1e4 + np.log(2)),
        (special.softmax, [1e4, -1e4, 1e4], [0.5, 0, 0.5]),
        (special.log_softmax, [1e4, -1e4], [0, -2e4]),
        (special.expit, [-1e4, 0, 1e4], [0, 0.5, 1]),
        (special.erf, [-INF, -6, 0, INF], [-1, -1, 0, 1]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers_do_not_overflow(fn, x, expected, dtype):
    np.testing.assert_allclose(fn(Tensor(np.array(x, dtype))).data, expected, rtol=1e-6)


def test_erf_keeps_the_relative_accuracy_of_small_arguments():
    x = np.array([1e-300, 1e-20, 1e-3, 0.46875, 0.4688, 5.9])
    import math

    np.testing.assert_allclose(special.erf(Tensor(x)).data, [math.erf(v) for v in x], rtol=1e-15)
    x = np.linspace(-7, 7, 3001, dtype=np.float32)
    single = special.erf(Tensor(x)).data
    assert single.dtype == np.float32 and np.abs(single).max() == 1
    np.testing.assert_allclose(single, [math.erf(v) for v in x], rtol=5e-7)


def test_padding_row_of_an_embedding_gets_no_gradient():
    ids = np.array([[0, 2], [2, 1]])
    for padding, expected in (
        (None, [[1, 1], [1, 1], [2, 2]]),
        (2, [[1, 1], [1, 1], [0, 0]]),
        (-3, [[0, 0], [1, 1], [2, 2]]),
    ):
        assert (
            gradient(lambda w, padding=padding: kernels.embedding(w, ids, padding), np.ones((3, 2)))[0]
            == expected
        )


def test_split_into_parts_of_which_one_is_used():
    x = Tensor(np.arange(6.0), requires_grad=True)
    parts = np.split(x, 3)
    assert isinstance(parts, list)
    (parts[1] * [2, 3]).sum().backward()
    assert x.grad.tolist() == [0, 0, 2, 3, 0, 0]


def test_dropout_of_everything():
    assert gradient(lambda x: kernels.dropout(x, np.zeros(2, bool), 1.0), [1, 2])[0] == [0, 0]


# ------------------------------------------------------------------------------------------ dtypes

X = Tensor(np.ones((2, 2), np.float32), requires_grad=True)
WIDE = np.float64(0.5)
INTEGERS = np.array([[1, 2], [3, 4]])
STAYS_FLOAT32 = {
    "x / np.sqrt(64)": lambda: X / np.sqrt(64),
    "np.float64 * x": lambda: WIDE * X,
    "x + 1": lambda: X + 1,
    "1.5 - x": lambda: 1.5 - X,
    "x ** 0.5": lambda: X**0.5,
    "2 ** x": lambda: 2**X,
    "x * integers": lambda: X * INTEGERS,
    "integers / x": lambda: INTEGERS / X,
    "x ** integers": lambda: X**INTEGERS,
    "x @ integers": lambda: X @ INTEGERS,
    "x * booleans": lambda: X * (INTEGERS > 2),
    "x + list": lambda: X + [1, 2],
    "x * integer Tensor": lambda: X * Tensor(INTEGERS),
    "np.maximum(x, 0)": lambda: np.maximum(X, 0),
    "np.where(mask, x, 0.0)": lambda: np.where(INTEGERS > 2, X, 0.0),
    "np.where(mask, x, WIDE)": lambda: np.where(INTEGERS > 2, X, WIDE),
    "np.where(mask, integers, x)": lambda: np.where(INTEGERS > 2, INTEGERS, X),
    "np.concatenate([x, integers])": lambda: np.concatenate([X, INTEGERS]),
    "np.stack([integers, x])": lambda: np.stack([INTEGERS, X]),
    "np.einsum(x, integers)": lambda: np.einsum("ij,jk", X, INTEGERS),
    "x.clip(WIDE)": lambda: X.clip(WIDE),
    "kernels.dropout(p=WIDE)": lambda: kernels.dropout(X, INTEGERS > 2, WIDE),
    "attention(scale=WIDE)": lambda: kernels.scaled_dot_product_attention(X, X, X, scale=WIDE),
    "cross_entropy(label_smoothing=WIDE)": lambda: kernels.cross_entropy(X, [0, 1], label_smoothing=WIDE),
    "layer_norm(eps=WIDE)": lambda: kernels.layer_norm(X, eps=WIDE),
    "rms_norm(eps=WIDE)": lambda: kernels.rms_norm(X, eps=WIDE),
    "x.mean()": lambda: X.mean(),
    "x.std(0)": lambda: X.std(0),
    "x += WIDE": lambda: _plus(X * 1, WIDE),
    "x[i] = WIDE": lambda: _put(X * 1, WIDE),
    "np.pad(x)": lambda: np.pad(X, 1, constant_values=WIDE),
}


def _plus(x, value):
    x += value
    return x


def _put(x, value):
    x[0] = value
    return x


@pytest.mark.parametrize("spelling", STAYS_FLOAT32)
def test_scalars_and_integers_do_not_widen_float32(spelling):
    y = STAYS_FLOAT32[spelling]()
    assert y.dtype == np.float32
    (d,) = ag.grad(y, X, np.ones_like(y.data))
    assert d.dtype == np.float32


def test_two_float_dtypes_promote_as_in_numpy():
    x, y = Tensor(np.ones(2, np.float32), True), Tensor(np.ones(2), True)
    z = x * y
    z.backward(np.ones(2))
    assert (z.dtype, x.grad.dtype, y.grad.dtype) == (np.float64, np.float32, np.float64)


# --------------------------------------------------------------------------------------- bad input


def zeros(*shape):
    return Tensor(np.zeros(shape), requires_grad=True)


IDS = np.array([[0, 1], [2, 3]])
BAD = {
    "broadcast": (lambda: zeros(2, 3) + zeros(4), ValueError, r"add: .*\(2, 3\) float64, \(4,\) float64"),
    "matmul": (lambda: zeros(2, 3) @ zeros(4, 5), ValueError, r"matmul: .*\(2, 3\).*\(4, 5\)"),
    "linear": (lambda: kernels.linear(zeros(2, 3), zeros(5, 4)), ValueError, r"linear: .*\(2, 3\).*\(5, 4\)"),
    "reshape": (lambda: zeros(2, 3).reshape(4, 2), ValueError, r"reshape: .*size 6 into shape \(4,2\)"),
    "transpose": (lambda: zeros(2, 3).transpose(0, 0), ValueError, "transpose: repeated axis"),
    "axis": (lambda: zeros(2, 3).sum(axis=2), ValueError, "sum: axis 2 is out of bounds"),
    "concatenate": (
        lambda: np.concatenate([zeros(2, 3), zeros(2, 4)]),
        ValueError,
        r"concatenate: .*\(2, 3\).*\(2, 4\)",
    ),
    "concatenate axis": (
        lambda: np.concatenate([zeros(2), zeros(2)], 1),
        ValueError,
        "concatenate: axis 1 is out of",
    ),
    "stack": (lambda: np.stack([zeros(2), zeros(3)]), ValueError, r"stack: .*\(2,\).*\(3,\)"),
    "split": (lambda: np.split(zeros(5), 2), ValueError, "split: .*equal"),
    "index": (lambda: zeros(2, 3)[5], IndexError, r"getitem: index 5 .*\(2, 3\)"),
    "indices": (lambda: zeros(2, 3)[0, 0, 0], IndexError, "getitem: too many indices"),
    "pad": (lambda: np.pad(zeros(3), 1, mode="sideways"), ValueError, "pad: .*'sideways' is none of"),
    "gelu": (lambda: kernels.gelu(zeros(3), "fast"), ValueError, "gelu: .*'none' or 'tanh', not 'fast'"),
    "astype": (lambda: zeros(3).astype(int), TypeError, "astype: int64 has no gradient"),
    "einsum terms": (
        lambda: ag.einsum("ij,jk", zeros(2, 3)),
        ValueError,
        "'ij,jk' has 2 operands, 1 were given",
    ),
    "einsum axes": (
        lambda: ag.einsum("ij,jk", zeros(2, 3), zeros(3)),
        ValueError,
        "'jk' has 2 axes, its operand has 1",
    ),
    "einsum sublists": (
        lambda: np.einsum(zeros(2), "i"),
        TypeError,
        "einsum: .* as a string .* list of numbers",
    ),
    "einsum sizes": (
        lambda: ag.einsum("ij,jk", zeros(2, 3), zeros(2, 3)),
        ValueError,
        r"^einsum: .*\(2, 3\)",
    ),
    "id": (
        lambda: F.embedding(IDS, zeros(3, 2)),
        IndexError,
        r"embedding: id 3 at \(1, 1\) .*of 3",
    ),
    "negative id": (
        lambda: F.embedding(-1, zeros(3, 2)),
        IndexError,
        r"id -1 at \(0,\) .*vocabulary of 3",
    ),
    "float ids": (
        lambda: F.embedding([0.0], zeros(3, 2)),
        TypeError,
        "embedding: ids must be integers, not float64",
    ),
    "target": (
        lambda: kernels.cross_entropy(zeros(2, 3), [0, 7]),
        IndexError,
        r"cross_entropy: target 7 at position \(1,\)",
    ),
    "negative target": (
        lambda: kernels.cross_entropy(zeros(2, 3), [0, -1]),
        IndexError,
        r"target -1 .* 0\.\.2 .*-100",
    ),
    "float targets": (
        lambda: kernels.cross_entropy(zeros(2, 3), [0.0, 1.0]),
        TypeError,
        "targets must be integers",
    ),
    "targets' shape": (
        lambda: kernels.cross_entropy(zeros(2, 3), [[0, 1]]),
        ValueError,
        r"\(1, 2\) for .*\(2, 3\), not \(2,\)",
    ),
    "dim": (lambda: zeros(2).sum(dim=0), TypeError, r"sum: .*NumPy's spelling: dim= is axis="),
    "keepdim": (lambda: ag.max(zeros(2), 0, keepdim=True), TypeError, "keepdim= is keepdims="),
    "view": (lambda: zeros(2).view(-1), TypeError, r"view: takes a dtype; .*x\.reshape\(shape\)"),
    "unsqueeze": (lambda: zeros(2).unsqueeze(0), AttributeError, "np.expand_dims"),
    "cat": (lambda: ag.cat([zeros(2)]), AttributeError, "np.concatenate"),
    "a misspelled op": (lambda: ag.summ(zeros(2)), AttributeError, "no 'summ'"),
    "a missing argument": (lambda: ag.matmul(zeros(2)), TypeError, r"matmul\(\) misses its argument 'b'"),
    "an unknown argument": (lambda: ag.sum(zeros(2), order=2), TypeError, "sum: .*'order'"),
    "text": (lambda: zeros(2) + "a", TypeError, "unsupported operand|cannot use"),
    "no gradient for ids": (
        lambda: kernels.embedding(zeros(3, 2), zeros(2)),
        TypeError,
        r"no gradient for ids=",
    ),
    "no array": (lambda: ag.concatenate([zeros(), 1.0]), ValueError, "concatenate: zero-dimensional arrays"),
    "not supported": (lambda: np.roots(zeros(2)), TypeError, "np.roots has no gradient here"),
    "no such ufunc": (lambda: np.hypot.reduce(zeros(2)), TypeError, "np.hypot.reduce has no gradient here"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()


def test_sigmoid_is_accurate_in_both_tails():
    x = ag.Tensor([-80.0, -20.0, 20.0, 80.0], requires_grad=True, dtype=np.float32)
    y = special.expit(x)
    np.testing.assert_allclose(y.data, 1 / (1 + np.exp([80.0, 20.0, -20.0, -80.0])), rtol=1e-6)
    ag.log(y).sum().backward()
    np.testing.assert_allclose(x.grad, [1, 1, 0, 0], atol=1e-6)


def test_a_value_may_have_more_axes_than_its_place():
    a, b = (ag.Tensor(np.ones(shape), requires_grad=True) for shape in ((3, 4), (1, 4)))
    y = a * 1
    y[0] = b
    (y * y).sum().backward()
    np.testing.assert_array_equal(b.grad, [[2, 2, 2, 2]])
    np.testing.assert_array_equal(a.grad.sum(axis=1), [0, 8, 8])
