"""Sparse gradients: rows and values that stand for a table, in sums, hooks and copies."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor
from tapegrad.autograd.sparse import SparseRows
from tapegrad.nn import functional as F

IDS = np.array([3, 0, 3, 1])
VALUES = np.arange(1.0, 9).reshape(4, 2)
DENSE = np.array([[3.0, 4], [7, 8], [0, 0], [6, 8], [0, 0]])


def rows(indices=IDS, values=VALUES, shape=(5, 2)):
    return SparseRows(np.array(indices, int), np.array(values, float), shape)


def table(dtype=np.float64):
    return Tensor(np.arange(10.0).reshape(5, 2), requires_grad=True, dtype=dtype)


def test_rows_stand_for_a_table():
    g = rows()
    assert (g.shape, g.ndim, g.dtype, g.nbytes) == ((5, 2), 2, np.float64, 4 * 8 + 8 * 8)
    np.testing.assert_array_equal(g.to_dense(), DENSE)
    one = g.coalesce()
    assert one.indices.tolist() == [0, 1, 3] and one.values.tolist() == [[3, 4], [7, 8], [6, 8]]
    assert one.is_coalesced and one.coalesce() is one and not g.is_coalesced
    np.testing.assert_array_equal(one.to_dense(), DENSE)
    assert rows([], np.zeros((0, 2))).coalesce().to_dense().tolist() == np.zeros((5, 2)).tolist()
    assert "SparseRows(indices=array([3, 0, 3, 1])" in repr(g)


@pytest.mark.parametrize("indices, values", [([0], VALUES), (IDS, VALUES[:, :1]), ([[0] * 4], VALUES)])
def test_rows_that_do_not_fit(indices, values):
    with pytest.raises(ValueError, match=r"SparseRows: indices of .* for a shape of \(5, 2\)"):
        rows(indices, values)


def test_sums():
    both = rows() + rows([2], [[1, 1]])
    assert isinstance(both, SparseRows)
    right = DENSE.copy()
    right[2] += 1
    np.testing.assert_array_equal(both.to_dense(), right)
    for total in (rows() + np.ones((5, 2)), np.ones((5, 2)) + rows()):
        assert type(total) is np.ndarray
        np.testing.assert_array_equal(total, DENSE + 1)
    held = np.ones((5, 2))
    inside = held
    inside += rows()
    assert inside is held and (held == DENSE + 1).all()
    for scaled in (rows() * 2, 2 * rows(), np.float64(2) * rows(), rows() / 0.5):
        np.testing.assert_array_equal(scaled.to_dense(), 2 * DENSE)
    with pytest.raises(ValueError, match=r"\(5, 2\) and of \(6, 2\)"):
        rows() + rows(shape=(6, 2))
    with pytest.raises(ValueError, match=r"sparse gradient of \(5, 2\) and an array of shape \(2,\)"):
        rows() + np.ones(2)


def test_many_sums_do_not_grow():
    total = rows()
    for _ in range(20):
        total = total + rows()
    assert total.indices.size <= 2 * 5
    np.testing.assert_array_equal(total.to_dense(), 21 * DENSE)


def test_float16_is_summed_in_float32():
    g = SparseRows(np.zeros(5000, int), np.ones((5000, 1), np.float16), (2, 1))
    assert g.coalesce().values.tolist() == [[5000]] and g.dtype == np.float16
    assert g.to_dense().tolist() == [[5000], [0]] and g.to_dense().dtype == np.float16


@pytest.mark.parametrize("use", [np.asarray, np.abs, np.linalg.norm, list, lambda g: np.sum([g])])
def test_it_never_becomes_an_array_without_a_word(use):
    with pytest.raises(TypeError, match=r"gradient is sparse.* use \.to_dense\(\)"):
        use(rows())
    out = np.zeros((5, 2))
    with pytest.raises(TypeError, match="gradient is sparse"):
        out[...] = rows()
    with pytest.raises(TypeError, match="gradient is sparse"):
        out *= rows()
    with pytest.raises(TypeError):
        rows() + 1
    with pytest.raises(TypeError):
        rows() * VALUES


# ------------------------------------------------------------------------------------------ the engine


def lookup(w, ids=IDS):
    return (F.embedding(ids, w, sparse=True) * VALUES[: len(ids)]).sum()


def test_a_leaf_has_rows():
    w = table()
    lookup(w).backward()
    assert isinstance(w.grad, SparseRows) and w.grad.indices.tolist() == IDS.tolist()
    np.testing.assert_array_equal(w.grad.to_dense(), DENSE)


def test_two_lookups_and_two_backwards_are_joined():
    w = table()
    (lookup(w) + lookup(w, [4])).backward()
    lookup(w).backward()
    assert isinstance(w.grad, SparseRows)
    right = 2 * DENSE
    right[4] += VALUES[0]
    np.testing.assert_array_equal(w.grad.to_dense(), right)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_a_tied_weight_adds_a_dense_gradient(order):
    w, dense = table(), lambda w: (w * 2).sum()
    parts = [lambda w: lookup(w), dense, lambda w: lookup(w)]
    sum(part(w) for part in parts[order:] + parts[:order]).backward()
    assert type(w.grad) is np.ndarray
    np.testing.assert_array_equal(w.grad, 2 * DENSE + 2)
    for first, then in ((lookup, dense), (dense, lookup)):
        w = table()
        first(w).backward()
        then(w).backward()
        assert type(w.grad) is np.ndarray
        np.testing.assert_array_equal(w.grad, DENSE + 2)


def test_the_gradient_is_the_leafs_own():
    w, seed = table(), np.ones((4, 2))
    F.embedding(IDS, w, sparse=True).backward(seed)
    ids = w.grad.indices
    assert not np.shares_memory(w.grad.values, seed) and not np.shares_memory(ids, IDS)
    w.grad.values[...] = 7
    assert (seed == 1).all()


def test_of_what_is_computed_the_gradient_is_whole():
    w = table()
    lookup(w * 2).backward()
    np.testing.assert_array_equal(w.grad, 2 * DENSE)
    constant = Tensor(np.ones((5, 2)))
    assert F.embedding(IDS, constant, sparse=True).edge is None


def test_grad_gives_whole_ones_also_of_higher_order():
    w = table()
    (g,) = ag.grad(lookup(w), w)
    assert isinstance(g, Tensor) and w.grad is None
    np.testing.assert_array_equal(g.data, DENSE)
    with ag.higher_order():
        y = (F.embedding(IDS, w, sparse=True) ** 3).sum()
        (g,) = ag.grad(y, w, create_graph=True)
        (h,) = ag.grad(g.sum(), w)
    counts = np.bincount(IDS, minlength=5)[:, None]
    np.testing.assert_allclose(h.data, 6 * w.data * counts)
    assert ag.gradcheck(lambda w: F.embedding(IDS, w, sparse=True), [w], order=2)


def test_hooks_see_rows_and_may_replace_them():
    w, seen = table(), []
    handle = w.register_hook(seen.append)
    lookup(w).backward()
    assert isinstance(seen[0], SparseRows) and not seen[0].values.flags.writeable
    assert w.grad.values.flags.writeable
    handle.remove()
    for hook, kind in ((lambda g: g * 2, SparseRows), (lambda g: g.to_dense() * 2, np.ndarray)):
        w = table()
        w.register_hook(hook)
        lookup(w).backward()
        assert type(w.grad) is kind
        np.testing.assert_array_equal(w.grad + np.zeros((5, 2)), 2 * DENSE)
    w = table()
    w.register_hook(lambda g: rows())
    with pytest.raises(TypeError, match="gradient is sparse"):
        (w * 2).sum().backward()


def test_it_can_be_set_copied_pickled_and_cast():
    w = table()
    g = rows()
    w.grad = g
    assert w.grad is not g and not np.shares_memory(w.grad.values, g.values)
    for twin in (copy.deepcopy(w), pickle.loads(pickle.dumps(w))):
        np.testing.assert_array_equal(twin.grad.to_dense(), DENSE)
    w.become(w.data.astype(np.float32))
    assert w.grad.dtype == np.float32 and w.grad.values.tolist() == VALUES.tolist()
    with pytest.raises(ValueError, match=r"a gradient of \(5, 2\) float64 for a Tensor of \(5, 2\) float32"):
        w.grad = rows()
