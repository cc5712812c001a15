"""Properties that hold for any shapes: broadcasting, ops that only move elements, indices."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import kernels
import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

few = settings(max_examples=30, deadline=None, derandomize=True, database=None)
shapes = hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=3)
pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=3)


def array(shape, seed=0):
    return np.random.default_rng(seed).uniform(0.5, 2, shape)


@pytest.mark.parametrize(
    "op", [ag.add, ag.subtract, ag.multiply, ag.divide, ag.power, ag.maximum, ag.minimum]
)
@given(pairs)
@few
def test_elementwise_ops_broadcast(op, broadcast):
    """Like copies of the inputs at the full shape, whose gradients are then summed over the copies."""
    arrays = [array(shape, seed) for seed, shape in enumerate(broadcast.input_shapes)]
    g = array(broadcast.result_shape, 2)
    tensors = [Tensor(x, requires_grad=True) for x in arrays]
    copies = [Tensor(np.broadcast_to(x, g.shape).copy(), requires_grad=True) for x in arrays]
    y, full = op(*tensors), op(*copies)
    np.testing.assert_array_equal(y.data, full.data)
    y.backward(g)
    full.backward(g)
    for x, copy in zip(tensors, copies, strict=True):
        lead = g.ndim - x.ndim
        stretched = tuple(i for i in range(g.ndim) if i < lead or x.shape[i - lead] != g.shape[i])
        np.testing.assert_allclose(x.grad, copy.grad.sum(axis=stretched).reshape(x.shape), rtol=1e-12)


@given(shapes, st.data())
@few
def test_moving_ops_move_the_gradient_back(shape, data):
    """Where every element of the output is one of the input, so is its gradient: <g, op(x)> = <dx, x>."""
    n = len(shape)
    axes = data.draw(st.permutations(range(n)))
    signed = [a - n * data.draw(st.integers(0, 1)) for a in axes]
    new = data.draw(st.integers(-n - 1, n))
    moves = [
        lambda x: ag.transpose(x, signed),
        lambda x: ag.expand_dims(x, new),
        lambda x: ag.reshape(x, shape[::-1]),
        lambda x: ag.squeeze(x),
        lambda x: ag.stack([x, x], new),
        lambda x: ag.broadcast_to(x, (2, *shape)),
        lambda x: ag.pad(x, data.draw(st.integers(0, 2))) if n else x * 1,
        *([lambda x: ag.swapaxes(x, *signed[:2])] if n > 1 else []),
        *([lambda x: ag.concatenate([x, x], signed[0])] if n else []),
    ]
    for move in moves:
        x = Tensor(array(shape), requires_grad=True)
        y = move(x)
        g = array(y.shape, 1)
        y.backward(g)
        assert x.grad.shape == shape
        np.testing.assert_allclose((g * y.data).sum(), (x.grad * x.data).sum(), rtol=1e-12)


@given(shapes, st.data())
@few
def test_reductions_over_any_axes(shape, data):
    n = len(shape)
    axes = data.draw(st.none() | st.lists(st.integers(0, max(n - 1, 0)), max_size=n, unique=True).map(tuple))
    if axes:
        axes = tuple(a - n * data.draw(st.integers(0, 1)) for a in axes)
    keepdims = data.draw(st.booleans())
    for op, peer in ((ag.sum, np.sum), (ag.mean, np.mean), (ag.max, np.max), (ag.var, np.var)):
        if 0 in shape and op is not ag.sum:
            continue
        x = Tensor(array(shape), requires_grad=True)
        y = op(x, axis=axes, keepdims=keepdims)
        np.testing.assert_allclose(y.data, peer(x.data, axis=axes, keepdims=keepdims), rtol=1e-12, atol=1e-12)
        g = array(y.shape, 1)
        y.backward(g)
        total = {ag.sum: x.size / max(y.size, 1) * g.sum(), ag.mean: g.sum(), ag.max: g.sum(), ag.var: 0}[op]
        np.testing.assert_allclose(x.grad.sum(), total, rtol=1e-10, atol=1e-10)


@given(shapes.filter(len), st.data())
@few
def test_basic_indices(shape, data):
    index = data.draw(hnp.basic_indices(shape, allow_newaxis=True))
    check_getitem(shape, index)


@given(hnp.array_shapes(max_dims=3, max_side=3), st.data())
@few
def test_integer_array_indices(shape, data):
    check_getitem(shape, data.draw(hnp.integer_array_indices(shape)))


def check_getitem(shape, index):
    x = Tensor(array(shape), requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.data, x.data[index])
    g = array(y.shape, 1)
    y.backward(g)
    expected = np.zeros(shape)
    np.add.at(expected, index, g)
    np.testing.assert_allclose(x.grad, expected, rtol=1e-14)


@given(shapes.filter(len), st.data())
@few
def test_split_and_concatenate_undo_each_other(shape, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    cuts = sorted(data.draw(st.lists(st.integers(0, shape[axis]), max_size=3)))
    x = Tensor(array(shape), requires_grad=True)
    y = np.concatenate(np.split(x, cuts, axis), axis)
    np.testing.assert_array_equal(y.data, x.data)
    g = array(shape, 1)
    y.backward(g)
    np.testing.assert_array_equal(x.grad, g)


# ---------------------------------------------------------------------------- Tensors as indices


def test_tensors_stand_wherever_an_index_array_may():
    ids = np.array([2, 0, 2])
    x = Tensor(array((3, 3)), requires_grad=True)
    pairs = [
        (x[Tensor(ids)], x[ids]),
        (x[:, Tensor(ids)], x[:, ids]),
        (x[Tensor(ids), Tensor(ids)], x[ids, ids]),
        (x[x > 1], x[x.data > 1]),
        (x[Tensor(np.array(1))], x[1]),
        (ag.take(x, Tensor(ids), 1), ag.take(x, ids, 1)),
        (np.take_along_axis(x, Tensor(ids[None]), 0), np.take_along_axis(x, ids[None], 0)),
        (kernels.embedding(x, Tensor(ids)), kernels.embedding(x, ids)),
        (kernels.embedding(x, ids.tolist()), x[ids]),
        (np.where(x > 1, x, 0), np.where(x.data > 1, x, 0)),
        (ag.clip(x, Tensor(np.float64(0.8)), None), ag.clip(x, 0.8, None)),
    ]
    for y, z in pairs:
        np.testing.assert_array_equal(y.data, z.data)
        a, b = ag.grad(y.sum(), x), ag.grad(z.sum(), x)
        np.testing.assert_array_equal(a[0].data, b[0].data)


def test_in_place_assignment_and_np_add_at_are_recorded():
    x, v = Tensor(array((3, 2)), requires_grad=True), Tensor(array((2, 2), 1), requires_grad=True)
    y = x * 1
    y[[0, 2]] = v * 2
    np.add.at(y, [1, 1], v)
    (y * y.data).sum().backward()
    g = y.data
    np.testing.assert_allclose(x.grad, g * [[0], [1], [0]])
    np.testing.assert_allclose(v.grad, 2 * g[[0, 2]] + g[[1, 1]])
