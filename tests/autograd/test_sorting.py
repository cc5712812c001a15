"""Sorting, partition, topk, kthvalue and mode: values, and where the gradient of each goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor, gradcheck


@given(hnp.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=5), st.data())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_sorting_functions_pick_what_they_give(shape, data):
    """Full of ties and nan: values are NumPy's, each gradient arrives once, and where the value came from."""
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    numbers = data.draw(st.integers(0, 2**31))
    x = np.random.default_rng(numbers).choice([0.0, 1, -1, 2, np.nan, np.inf], shape)
    n = x.size if axis is None else shape[axis]
    k = data.draw(st.integers(0, n - 1)) if n else None
    functions = {"sort": lambda f, x: f.sort(x, axis)}
    if x.size:
        functions["partition"] = lambda f, x: f.partition(x, k, axis)
    for fn in functions.values():
        t = Tensor(x, requires_grad=True)
        y = fn(ag, t)
        np.testing.assert_array_equal(y.data, fn(np, x))
        g = np.arange(1.0, y.size + 1).reshape(y.shape)
        y.backward(g)
        assert sorted(t.grad.ravel().tolist()) == sorted(g.ravel().tolist())
        where = np.argsort(t.grad, axis=None)
        assert np.array_equal(x.ravel()[where], y.data.ravel(), equal_nan=True)


@given(hnp.array_shapes(min_dims=1, max_dims=3, max_side=5), st.booleans(), st.data())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_topk_kthvalue_and_mode_are_parts_of_what_is_sorted(shape, largest, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = np.random.default_rng(data.draw(st.integers(0, 2**31))).choice([0.0, 1, -1, np.nan, np.inf], shape)
    k, up = data.draw(st.integers(1, shape[axis])), np.sort(x, axis)
    down = np.flip(up, axis)
    top, index = ag.topk(Tensor(x), k, axis, largest)
    np.testing.assert_array_equal(top.data, (down if largest else up).take(range(k), axis))
    np.testing.assert_array_equal(top.data, np.take_along_axis(x, index.data, axis))
    loose = ag.topk(Tensor(x), k, axis, largest, sorted=False)
    np.testing.assert_array_equal(np.sort(loose.values.data, axis), np.sort(top.data, axis))
    value, index = ag.kthvalue(Tensor(x), k, axis, keepdims=True)
    np.testing.assert_array_equal(value.data, up.take([k - 1], axis))
    np.testing.assert_array_equal(value.data, np.take_along_axis(x, index.data, axis))
    value, index = ag.mode(Tensor(x), axis, True)
    counts = [(x == v).sum(axis, keepdims=True) for v in (-np.inf, -1, 0, 1, np.inf)]
    most = np.maximum(np.max(counts, 0), 1)
    found = (x == value.data).sum(axis, keepdims=True)
    assert np.array_equal(found, most) or np.isnan(x).any()
    np.testing.assert_array_equal(value.data, np.take_along_axis(x, index.data, axis))


def test_topk_of_equals_takes_them_in_their_order():
    x = Tensor([2.0, 5, 2, 5, 5], requires_grad=True)
    assert ag.topk(x, 4).indices.tolist() == [1, 3, 4, 0] or ag.topk(x, 4).indices.tolist() == [1, 3, 4, 2]
    assert ag.topk(x, 5).indices.tolist() == [1, 3, 4, 0, 2]
    assert ag.topk(x, 5, largest=False).indices.tolist() == [0, 2, 1, 3, 4]
    assert ag.topk(Tensor(7.0), 1).values.shape == () and ag.topk(x, 0).values.shape == (0,)
    assert ag.topk(Tensor(np.zeros((2, 0))), 0).values.shape == (2, 0)
    assert ag.mode(x).values.item() == 5 and ag.mode(Tensor([2.0, 1, 2, 1])).values.item() == 1
    assert ag.kthvalue(Tensor(7.0), 1).values.item() == 7


@pytest.mark.parametrize(
    "fn", [lambda x: ag.topk(x, 2)[0], lambda x: ag.kthvalue(x, 2, 0)[0], lambda x: ag.mode(x)[0]]
)
def test_picked_values_have_gradients_of_both_orders(fn):
    assert gradcheck(lambda x: fn(x) ** 2, [leaf(3, 4)]) and gradcheck(
        lambda x: fn(x) ** 2, [leaf(3, 4)], order=2
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sorting_puts_the_first_of_equals_first(dtype):
    x = Tensor(np.random.default_rng(0).integers(0, 9, (3, 500)).astype(dtype), requires_grad=True)
    g = np.tile(np.arange(500, dtype=dtype), (3, 1))
    np.sort(x).backward(g)
    expected = np.argsort(np.argsort(x.data, kind="stable"))
    np.testing.assert_array_equal(x.grad, expected)
    holes = Tensor(np.where(x.data > 4, np.nan, x.data), requires_grad=True)
    np.sort(holes, axis=0).backward(g)
    order = np.argsort(holes.data, 0, kind="stable")
    np.testing.assert_array_equal(holes.grad, np.take_along_axis(g, np.argsort(order, 0), 0))


def test_sort_and_partition_in_place():
    x = leaf(3, 4)
    y, z = x * 1, x * 1
    y.sort(0, stable=True)
    z.partition(1)
    np.testing.assert_array_equal(y.data, np.sort(x.data, 0))
    np.testing.assert_array_equal(z.data, np.partition(x.data, 1))
    assert y.requires_grad and z.requires_grad
    assert np.sort(Tensor(3.0), None).tolist() == [3.0]


def test_topk_beside_rows_of_equals_and_of_nan():
    x = np.array([[3.0, 1, np.nan, 2], [5, 5, 5, 1], [0, 1, 2, 3]])  # 1, 3 and 2 that reach the second
    values, indices = ag.topk(Tensor(x), 2)
    np.testing.assert_array_equal(values.data, [[np.nan, 3], [5, 5], [3, 2]])
    assert indices.tolist()[::2] == [[2, 0], [3, 2]]
    values, indices = ag.topk(Tensor(-x), 2, largest=False)  # nan is not among the smallest
    np.testing.assert_array_equal(values.data, [[-3, -2], [-5, -5], [-3, -2]])
    assert indices.tolist()[::2] == [[0, 3], [3, 2]]
