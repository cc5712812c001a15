"""The gradient of an array of which parts are read is put together once."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, pieces
from tapegrad.autograd.ops import index
from tapegrad.autograd.pieces import Pieces
from tapegrad.autograd.sparse import SparseRows

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4))
MASK = np.eye(6, 4, dtype=bool)


@pytest.fixture
def joins(monkeypatch):
    """The number of pieces each time that some are put together."""
    counts = []
    whole = Pieces.whole
    monkeypatch.setattr(Pieces, "whole", lambda self: counts.append(len(self.values)) or whole(self))
    return counts


def test_rows_of_a_sequence_are_one_gradient(joins):
    x = Tensor(X, requires_grad=True)
    sum((np.tanh(row) * i).sum() for i, row in enumerate(x)).backward()
    assert joins == [6]
    np.testing.assert_allclose(x.grad, np.arange(6)[:, None] / np.cosh(X) ** 2)


def test_no_more_is_kept_than_the_whole(joins):
    x = Tensor(X, requires_grad=True)
    sum((x[i % 2 :] ** 2).sum() for i in range(9)).backward()
    assert joins and max(joins) <= 2
    np.testing.assert_allclose(x.grad, 2 * X * np.array([5, *[9] * 5])[:, None])


PARTS = {
    "apart": lambda x: np.exp(x[:2]).sum() * x[2:4].sum() + x[5, 1] ** 3,
    "overlapping": lambda x: (x[1:] * x[:-1] ** 2).sum() + (x[::-1] * x).sum() + (x[..., 1:] ** 2).sum(),
    "more than the whole": lambda x: sum((x[i % 3 :] ** 3).sum() for i in range(7)),
    "the whole first": lambda x: (x**3).sum() * x[0, 0] + x[1].sum() ** 2,
    "the whole last": lambda x: np.sin(x[1]).sum() * (x[2] ** 2).sum() + (x**2 * x[3]).sum(),
    "new axes": lambda x: (x[:, None, ..., 1:] * x[None, ::2, :3]).sum() ** 2,
    "parts of parts": lambda x: (x[1:][:, 2:][0] * x[3][None, 2:]).sum() ** 2,
    "masks and indices beside": lambda x: (
        (x[[0, 0, 2]] ** 2).sum() * x[0, 1] + x[np.eye(6, 4, dtype=bool)].sum()
    ),
    "of several outputs": lambda x: sum(
        (y[0] * y[1:]).sum() ** 2 + (y**3).sum() for y in np.split(x, 2) if y.size
    ),
    "of the second output alone": lambda x: (np.split(x, 2)[1][0] ** 2).sum(),
}


@pytest.mark.parametrize("f", PARTS.values(), ids=PARTS)
def test_parts_and_wholes(f):
    x = [Tensor(X, requires_grad=True)]
    assert ag.gradcheck(f, x) and ag.gradcheck(f, x, order=2) and ag.gradcheck(f, x, order=3)


def test_gradients_are_arrays_for_hooks_and_retained_ones():
    seen = []
    x = Tensor(X, requires_grad=True)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda g: seen.append((type(g), g.shape)))
    (y[0].sum() + y[1:3].sum()).backward()
    assert seen == [(np.ndarray, X.shape)]
    np.testing.assert_array_equal(y.grad, np.repeat([1.0, 1, 1, 0, 0, 0], 4).reshape(6, 4))
    np.testing.assert_array_equal(x.grad, 2 * y.grad)


def test_beside_a_sparse_gradient():
    from tapegrad.nn import functional as F

    for first in (True, False):
        table = Tensor(X, requires_grad=True)
        picked = F.embedding(np.array([1, 1, 4]), table, sparse=True).sum()
        parts = (table[1] * 3).sum() + table[5, 0]
        (picked + parts if first else parts + picked).backward()
        grad = table.grad.to_dense() if isinstance(table.grad, SparseRows) else table.grad
        expected = np.zeros_like(X)
        expected[1], expected[4], expected[5, 0] = 5, 1, 1
        np.testing.assert_array_equal(grad, expected)


def test_a_gradient_that_is_handed_on_is_not_added_to():
    x, w = Tensor(X, requires_grad=True), Tensor(X, requires_grad=True)
    s = x + w * 2  # hands one array on to both
    ((s * 3).sum() + (x[0] * 5).sum()).backward()  # the piece comes first
    np.testing.assert_array_equal(w.grad, np.full((6, 4), 6.0))
    np.testing.assert_array_equal(x.grad, np.repeat([8.0, 3, 3, 3, 3, 3], 4).reshape(6, 4))


def test_an_index_that_is_empty_or_of_no_axes():
    x = Tensor(np.float64(3.0), requires_grad=True)
    (x[()] * x[...] * x[None]).sum().backward()
    assert x.grad == 27.0
    y = Tensor(X, requires_grad=True)
    (y[6:].sum() + y[2:2, 0].sum()).backward()
    assert y.grad.shape == X.shape and not y.grad.any()


def test_basic_indices():
    basic = [0, slice(1, None), ..., None, (), (0, None, slice(2), ...)]
    assert all(map(index.is_basic, basic))
    assert not any(map(index.is_basic, [True, [0], np.array([1]), (0, np.array(True)), np.int64(0)]))
    assert pieces.whole(X) is X
