"""NumPy's functions that write, and assignment by every kind of index: with a graph as without one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor, gradcheck

few = settings(max_examples=60, deadline=None, derandomize=True, database=None)
MASK = np.array([[True, False, True], [False, True, True]])

# name: (what writes v to y, the shapes of y and v)
WRITES = {
    "copyto": (lambda y, v: np.copyto(y, v), (2, 3), (3,)),
    "copyto where": (lambda y, v: np.copyto(y, v, where=MASK), (2, 3), (2, 1)),
    "fill_diagonal": (lambda y, v: np.fill_diagonal(y, v), (3, 3), ()),
    "fill_diagonal of some": (lambda y, v: np.fill_diagonal(y, v), (2, 4), (3,)),
    "fill_diagonal repeated": (lambda y, v: np.fill_diagonal(y, v), (5, 3), (2,)),
    "fill_diagonal wrapped": (lambda y, v: np.fill_diagonal(y, v, wrap=True), (7, 3), (2,)),
    "fill_diagonal of a cube": (lambda y, v: np.fill_diagonal(y, v), (3, 3, 3), (3,)),
    "place": (lambda y, v: np.place(y, MASK, v), (2, 3), (3,)),
    "place many": (lambda y, v: np.place(y, MASK, v), (2, 3), (9,)),
    "place nothing": (lambda y, v: np.place(y, MASK & False, v), (2, 3), (1,)),
    "put": (lambda y, v: np.put(y, [4, 0, -1], v), (2, 3), (3,)),
    "put repeated": (lambda y, v: np.put(y, [4, 0, 1, 4], v), (2, 3), (2,)),
    "put many": (lambda y, v: np.put(y, [1, 2], v), (2, 3), (2, 2)),
    "put one": (lambda y, v: np.put(y, -2, v), (2, 3), ()),
    "put wrap": (lambda y, v: np.put(y, [-9, 8], v, "wrap"), (2, 3), (2,)),
    "put clip": (lambda y, v: np.put(y, [-9, 8], v, mode="clip"), (2, 3), (2,)),
    "put no value": (lambda y, v: np.put(y, [0], v), (2, 3), (0,)),
    "y.put": (lambda y, v: y.put([1], v), (2, 3), (1,)),
    "put of a number": (lambda y, v: np.put(y, [0], v), (), (1,)),
    "put_along_axis": (lambda y, v: np.put_along_axis(y, np.array([[1], [-1]]), v, 1), (2, 3), (2, 1)),
    "put_along_axis 0": (lambda y, v: np.put_along_axis(y, np.array([[1, 0, 1]]), v, axis=0), (2, 3), (3,)),
    "put_along_axis flat": (lambda y, v: np.put_along_axis(y, np.array([5, 1]), v, None), (2, 3), (2,)),
    "putmask": (lambda y, v: np.putmask(y, MASK, v), (2, 3), (2, 3)),
    "putmask repeated": (lambda y, v: np.putmask(y, MASK, v), (2, 3), (4,)),
    "add.at": (lambda y, v: np.add.at(y, ([0, 0], 1), v), (2, 3), (2,)),
    "subtract.at": (lambda y, v: np.subtract.at(y, [1, 1], v), (2, 3), (2, 3)),
    "multiply.at": (lambda y, v: np.multiply.at(y, [1, 1], v), (2, 3), (2, 3)),
    "divide.at": (lambda y, v: np.divide.at(y, (..., [0, 0]), v), (2, 3), (2, 2)),
    "maximum.at": (lambda y, v: np.maximum.at(y, [1, 1], v), (2, 3), (2, 3)),
    "maximum.at pairs": (
        lambda y, v: np.maximum.at(y, (np.array([[1], [0]]), np.array([1, 1])), v), (2, 3), (2, 2)
    ),
    "minimum.at": (lambda y, v: np.minimum.at(y, [1, 1], v), (2, 3), (2, 3)),
}  # fmt: skip


def result(write, y, v):
    """What y holds after the write to a copy of it."""
    y = y.copy()
    write(y, v)
    return y


@pytest.mark.parametrize("name", WRITES)
def test_writes_are_numpys_and_gradients_go_to_target_and_values(name):
    write, *shapes = WRITES[name]
    y, v = leaf(*shapes[0]), leaf(*shapes[1], seed=1)
    expected = result(write, y.data, v.data)
    for graph in (y, y.detach()):  # a constant that gets a graph
        new = result(write, graph, v)
        assert new.requires_grad or np.array_equal(expected, y.data)
        np.testing.assert_allclose(new.data, expected, rtol=1e-14)
    for constant in (v.detach(), v.data):
        np.testing.assert_array_equal(result(write, y.detach(), constant).data, expected)
        np.testing.assert_allclose(result(write, y, constant).data, expected, rtol=1e-14)
    assert gradcheck(lambda y, v: result(write, y, v), [y, v], reference=lambda y, v: result(write, y, v))
    assert gradcheck(lambda y, v: result(write, y, v) ** 2, [y, v], order=2)


@pytest.mark.parametrize("name", WRITES)
def test_without_a_graph_the_memory_is_written_to(name):
    write, *shapes = WRITES[name]
    borrowed, v = leaf(*shapes[0]).data, leaf(*shapes[1], seed=1)
    expected = result(write, borrowed, v.data)
    write(Tensor(borrowed), v.detach())
    np.testing.assert_array_equal(borrowed, expected)
    p = Tensor(leaf(*shapes[0]).data, requires_grad=True)
    if v.size and "nothing" not in name:
        with pytest.raises(RuntimeError, match=r"use no_grad\(\)"):
            write(p, v)
    with ag.no_grad():
        write(p, v)
    np.testing.assert_array_equal(p.data, expected)
    if not name.startswith(("fill_diagonal", "y.put")):  # which NumPy does not hand over
        with pytest.raises((TypeError, ValueError), match="gradient"):
            write(borrowed, v)
        write(borrowed, v.detach())


def test_a_view_hands_on_what_is_written_to_it():
    y, v = leaf(3, 3) * 1, leaf(2)
    np.put(y[1], [0, 2], v)
    np.fill_diagonal(y[1:], v)
    y.sum().backward()
    np.testing.assert_array_equal(y.data[1], [v.data[0], leaf(3, 3).data[1, 1], v.data[1]])
    assert v.grad.tolist() == [1, 2] and y.data[2, 1] == v.data[1]


BAD = {
    "put": (lambda y: np.put(y, [6], 1.0), IndexError, r"put: index 6 is out of range .* \(2, 3\)"),
    "along": (lambda y: np.put_along_axis(y, np.array([0]), 1.0, 0), ValueError, r"\(1,\) for .* \(2, 3\)"),
    "outside": (lambda y: np.put_along_axis(y, np.array([[3]]), 1.0, 1), IndexError, "index 3 is out"),
    "mask": (lambda y: np.putmask(y, [True], 1.0), ValueError, r"putmask: .*\(1,\) .*\(2, 3\)"),
    "place": (lambda y: np.place(y, [True], 1.0), ValueError, r"place: .*\(1,\) .*\(2, 3\)"),
    "place nothing": (lambda y: np.place(y, MASK, []), ValueError, "place: there are no values"),
    "copyto": (lambda y: np.copyto(y, np.ones(2)), ValueError, r"index_put: .*\(2, 3\).*\(2,\)"),
    "diagonal": (lambda y: np.fill_diagonal(y[0], 1.0), ValueError, "at least 2-d"),
    "index": (lambda y: y.__setitem__(5, 1.0), IndexError, r"index 5 .* axis 0 .*\(2, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call(leaf(2, 3) * 1)


def test_an_index_out_of_range_of_a_constant_is_named():
    with pytest.raises(IndexError, match=r"setitem: index 5 .* axis 1 .* of shape \(2, 3\)"):
        Tensor(np.zeros((2, 3)))[0, 5] = 1.0


def test_copyto_casts_as_it_is_told():
    y = Tensor(np.zeros(2, np.float32))
    v = leaf(2)
    with pytest.raises(TypeError, match="copyto: float64 does not fit a Tensor of float32 by casting='safe'"):
        np.copyto(y, v, casting="safe")
    np.copyto(y, v)
    assert y.dtype == np.float32 and y.requires_grad


# ------------------------------------------------------------------------------------- x[index] = value


@given(hnp.array_shapes(min_dims=0, max_dims=3, min_side=1, max_side=3), st.data())
@few
def test_assignment_by_any_index(shape, data):
    """Values as NumPy's; the gradients of y and v: y's where nothing was written, v's where it stayed."""
    index = st.just(...) | hnp.basic_indices(shape, allow_newaxis=True) | hnp.arrays(bool, shape)
    index = data.draw(index | hnp.integer_array_indices(shape) if shape else index)
    x = leaf(*shape)
    part = x.data[index]
    cut = data.draw(st.integers(0, part.ndim))
    v = leaf(*part.shape[cut:], seed=1)
    expected = x.data.copy()
    expected[index] = v.data
    as_tensors = Tensor(index) if isinstance(index, np.ndarray) and index.ndim else index
    for graph in (x * 1, Tensor(x.data.copy())):
        graph[as_tensors] = v
        np.testing.assert_array_equal(graph.data, expected)
    assert gradcheck(lambda x, v: put(x, index, v), [x, v], reference=lambda x, v: put(x, index, v))


def put(y, index, v):
    y = y.copy()
    y[index] = v
    return y


INDICES = [
    ([0, 2], slice(None), 1), (np.array([True, False, True]), slice(1, None)), (None, 1), (..., None, 0),
    [[0], [1]], (slice(None), np.zeros((2, 1), int), [1, 0]), (0, ..., [1, 1]), np.array(2),
    (np.array(True), 0),
    (slice(None, None, -2), np.array([False, True, True])), ([], 0), (slice(2, 2),), (MASK[0], MASK[1], 0),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_assignment_by_mixed_indices(index):
    x, shape = leaf(3, 3, 2), np.zeros((3, 3, 2))[index].shape
    for v in (leaf(*shape, seed=1), leaf(seed=1)):
        assert gradcheck(lambda x, v: put(x, index, v), [x, v], reference=lambda x, v: put(x, index, v))
        assert gradcheck(lambda x, v: put(x, index, v) ** 2, [x, v], order=2)
