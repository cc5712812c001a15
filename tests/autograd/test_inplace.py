"""Writing to Tensors: constants as ndarrays, graphs through their views, and what no write gets past."""

import math
import struct

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor

WRITES = {
    "y[0][1] = 5": lambda y: y[0].__setitem__(1, 5),
    "rows += 1": lambda y: [row.__iadd__(1) for row in y],
    "y.T[:, 0] = 7": lambda y: y.T.__setitem__((slice(None), 0), 7),
    "y.mT[0] *= 2": lambda y: y.mT[0].__imul__(2),
    "y.reshape(-1)[2] = 3": lambda y: y.reshape(-1).__setitem__(2, 3),
    "y[None, 1:].squeeze()[...] = 4": lambda y: y[None, 1:].squeeze().__setitem__(..., 4),
    "y[::-1] -= 1": lambda y: y.__setitem__(slice(None, None, -1), y[::-1].__isub__(1)),
    "np.split(y, 2)[1][:] = 9": lambda y: np.split(y, 2)[1].__setitem__(slice(None), 9),
    "y[y > 2] = 0": lambda y: y.__setitem__(y > 2, 0),
    "y[[0, 0]] += 1": lambda y: y.__setitem__([0, 0], y[[0, 0]] + 1),
    "y /= 2": lambda y: y.__itruediv__(2),
    "np.add(y, 1, out=y)": lambda y: np.add(y, 1, out=y),
    "np.add.at(y, [0, 0], 1)": lambda y: np.add.at(y, [0, 0], 1),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_constant_is_written_to_as_an_ndarray_is(write):
    array = np.arange(6.0).reshape(2, 3)
    borrowed = array.copy()
    y = Tensor(borrowed)
    write(array)
    write(y)
    np.testing.assert_array_equal(y.data, array)
    np.testing.assert_array_equal(borrowed, array)
    assert not y.requires_grad


def test_views_of_a_constant_share_its_memory():
    y = Tensor(np.zeros((2, 2)))
    row, turned = y[0], y.T
    y[0, 1] = 5
    assert row.tolist() == [0, 5] and turned.tolist() == [[0, 0], [5, 0]]
    turned += 1
    assert y.tolist() == [[1, 6], [1, 1]]
    d = y.detach()
    d[1] = 0
    assert y.tolist() == [[1, 6], [0, 0]]


def test_a_constant_keeps_its_dtype_and_shape():
    y = Tensor(np.arange(3))
    with pytest.raises(TypeError, match="float64 does not fit a Tensor of int64"):
        y += 0.5
    with pytest.raises(ValueError, match=r"\(2, 3\) does not fit \(3,\)"):
        y += np.ones((2, 3), int)
    y[0] = 2.9  # as NumPy
    assert y.tolist() == [2, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        np.broadcast_to(y, (2, 3)).__setitem__(0, 1)


@pytest.mark.parametrize("start", [lambda: Tensor(np.zeros((3, 2))), lambda: leaf(3, 2) * 1])
def test_rows_are_added_to_in_a_loop(start):
    v, y = leaf(3, 2, seed=1), start()
    before = y.data.copy()
    for i in range(3):
        y[i] += v[i] * (i + 1)
    for row, w in zip(y, v, strict=True):
        row *= w
    np.testing.assert_allclose(y.data, (before + v.data * [[1], [2], [3]]) * v.data)
    y.sum().backward()
    np.testing.assert_allclose(v.grad, before + 2 * v.data * [[1], [2], [3]])


def test_elements_of_elements_are_written_to_with_a_graph():
    v, y = leaf(), leaf(2, 2) * 1
    y[0][1] = v * v
    y[1][0] += v
    other = y.data.copy()
    np.testing.assert_allclose(other[0, 1], v.data**2)
    y.sum().backward()
    np.testing.assert_allclose(v.grad, 2 * v.data + 1)


def test_a_view_of_what_was_written_to_since_is_refused():
    y, v = leaf(2, 2) * 1, leaf(2)
    first, second = y[0], y[1]
    first += v
    with pytest.raises(RuntimeError, match="take the view again"):
        second += v
    y[1] += v


@pytest.mark.parametrize("view", [lambda y: y.T, lambda y: y.reshape(-1), lambda y: y.swapaxes(0, 1)[0]])
def test_a_change_with_a_graph_that_cannot_be_handed_on_is_refused(view):
    for y in (Tensor(np.zeros((2, 2))), leaf(2, 2) * 1):
        with pytest.raises(TypeError, match=r"write to that one by an index"):
            view(y).__iadd__(leaf())
        before = y.data.copy()
        with pytest.raises(TypeError, match=r"write to that one by an index"):
            view(y)[0] = leaf()
        np.testing.assert_array_equal(y.data, before)


def test_leaves_are_written_to_under_no_grad_only():
    p = leaf(2, 2)
    for write in (lambda: p.__iadd__(1), lambda: p.__setitem__(0, 1), lambda: p[0].__iadd__(1)):
        with pytest.raises(RuntimeError, match="no_grad"):
            write()
    with ag.no_grad():
        p[0] += 1
        p[1][0] = 7
        p *= 2
    assert p.data[1, 0] == 14 and p.requires_grad


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.__iadd__(1),
        lambda c: c.__setitem__(0, 9),
        lambda c: c[0].__iadd__(1),
        lambda c: c.reshape(-1)[1:].__imul__(2),
        lambda c: c.T.__setitem__(1, 2),
        lambda c: c.detach().__isub__(1),
        lambda c: np.exp(c, out=c),
    ],
)
def test_a_write_to_what_backward_has_saved_is_noticed(write):
    x, c = leaf(2, 2), Tensor(np.ones((2, 2)))
    y = (x * c).sum()
    write(c)
    with pytest.raises(RuntimeError, match="changed in place after the forward"):
        y.backward()
    (x * c).sum().backward()
    np.testing.assert_array_equal(x.grad, c.data)


def test_a_write_beside_what_backward_has_saved_does_not_matter():
    x, c = leaf(2), Tensor(np.ones((2, 2)))
    y = (x * c[0]).sum()
    c[1] = 5
    y.backward()


NUMBERS = {
    "c[0] = t": lambda t: np.zeros(1).__setitem__(0, t),
    "a.fill(t)": lambda t: np.zeros(3).fill(t),
    "math.exp(t)": math.exp,
    "np.fromiter": lambda t: np.fromiter([t, t], float),
    "float(t)": float,
    "int(t)": int,
    "complex(t)": complex,
    "np.array([t])": lambda t: np.array([t, 1.0]),
    "np.asarray(t, float)": lambda t: np.asarray(t, float),
    "np.full": lambda t: np.full(3, t),
    "np.float64(t)": np.float64,
    "struct.pack": lambda t: struct.pack("d", t),
    "round(t)": round,
    "a.put": lambda t: np.zeros(3).put([0], t),
    "a.itemset by flat": lambda t: np.zeros(3).flat.__setitem__(0, t),
}


@pytest.mark.parametrize("use", NUMBERS.values(), ids=NUMBERS)
def test_a_value_that_carries_a_gradient_does_not_turn_into_a_number(use):
    for t in (leaf(), leaf() * 2):
        with pytest.raises((TypeError, ValueError, struct.error)):  # NumPy puts its own around ours
            use(t)


def test_the_refusal_names_the_ways_out():
    with pytest.raises(ValueError) as caught:
        np.zeros(1)[0] = leaf()
    assert ".item()" in str(caught.value.__cause__) and "np.stack" in str(caught.value.__cause__)
    t = leaf()
    assert t.item() == float(t.detach()) and np.stack([t, t]).requires_grad
    with ag.no_grad():
        assert float(t) == t.item() and math.exp(t) == math.exp(t.item())


@pytest.mark.parametrize("use", [u for name, u in NUMBERS.items() if name not in ("round(t)",)])
def test_a_constant_turns_into_a_number(use):
    use(Tensor(1.5))


# ------------------------------------------------------------------------- functions of NumPy that write

WRITERS = {
    "copyto": lambda c: np.copyto(c, 5.0),
    "fill_diagonal": lambda c: np.fill_diagonal(c, 5.0),
    "place": lambda c: np.place(c, np.ones((2, 2), bool), [5.0]),
    "put": lambda c: np.put(c, [0], [5.0]),
    "put_along_axis": lambda c: np.put_along_axis(c, np.zeros((1, 2), int), 5.0, axis=0),
    "putmask": lambda c: np.putmask(c, np.ones((2, 2), bool), 5.0),
    "power.at": lambda c: np.power.at(c, (0, [0, 1]), 2.0),
    "out=": lambda c: np.cumprod(c + 1, axis=0, out=c),
    "nan_to_num": lambda c: np.nan_to_num(c, copy=False),
}


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_numpys_functions_write_is_noticed_by_backward(write):
    w = Tensor(np.ones((2, 2)), requires_grad=True)
    c = Tensor(np.ones((2, 2)))
    loss = (w * c).sum()
    write(c)
    with pytest.raises(RuntimeError, match="in place"):
        loss.backward()


def test_out_of_numpys_functions_follows_the_rules_of_writes():
    w = Tensor(np.array([1.4, 2.4]), requires_grad=True)
    y = w * 1
    z = y * y
    assert np.round(y, out=y) is y and y.node.name == "round" and y.tolist() == [1, 2]
    z.sum().backward()
    np.testing.assert_allclose(w.grad, [2.8, 4.8])
    with pytest.raises(RuntimeError, match=r"use no_grad\(\)"):
        np.round(w, out=w)
    c = Tensor(np.arange(4.0))
    np.clip(c, 1, 2, out=c)
    assert c.tolist() == [1, 1, 2, 2] and np.mean(c, axis=None, out=None).item() == 1.5
    assert np.round(c, 0, c) is c and np.sum(c, 0, np.float32, None, True).dtype == np.float32
    with pytest.raises(TypeError, match=r"out\[\.\.\.\] = isnan"):
        ag.isnan(c, out=c)
    into = np.zeros(())
    assert np.sum(c, out=into) is into and into == 6
    with pytest.raises(TypeError, match="out= is an ndarray"):
        np.sum(w, out=into)


def test_a_view_of_a_constant_that_has_a_graph_since_is_refused():
    w = Tensor(np.ones(3), requires_grad=True)
    c = Tensor(np.zeros((2, 3)))
    first, second = c
    corner = second[1:]
    c += w
    for stale in (first, second, corner):
        with pytest.raises(RuntimeError, match="take the view again"):
            stale[...] = 7.0
    c[1] = 7.0
    assert c.tolist() == [[1, 1, 1], [7, 7, 7]]


@pytest.mark.parametrize(
    "view",
    [lambda u: u[:-1], lambda u: u.reshape(3, 1), lambda u: u[1:][:1], lambda u: np.broadcast_to(u, (2, 3))],
)
@pytest.mark.parametrize("write", ["index", "in place", "by NumPy"])
@pytest.mark.parametrize("constant", [False, True])
def test_a_view_that_would_not_see_a_write_is_not_read(view, write, constant):
    """In NumPy it would see it; here it is told to be taken again, whatever reads it."""
    x = leaf(3)
    u = Tensor(np.ones(3)) if constant else x * 1
    seen = view(u)
    if write == "index":
        u[0] = x[1]
    elif write == "in place":
        u *= x
    else:
        np.copyto(u, x)
    for read in (lambda v: v + 1, repr, np.sum, lambda v: v.shape, lambda v: (x[:1] * v).sum().backward()):
        with pytest.raises(RuntimeError, match="a view of a Tensor that was written to since; take the view"):
            read(seen)
    assert view(u).requires_grad


def test_views_taken_in_a_loop_of_writes_hand_them_on():
    x = leaf(2, 2)
    u = Tensor(np.zeros((2, 2)))
    for i in range(2):
        row = u[i]
        row += x[i] * (i + 1)
        np.testing.assert_array_equal(u[i].data, row.data)
        row *= 2
    np.testing.assert_array_equal(u.data, 2 * x.data * [[1], [2]])


def test_a_gradient_is_not_written_into_truth_values():
    with pytest.raises(TypeError, match="a value with a gradient does not fit a Tensor of bool"):
        Tensor(np.zeros(2, bool))[0] = leaf(2)[0]
