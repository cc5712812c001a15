"""Tensor: what it is, in-place rules, copies, errors that name the op."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor

# ----------------------------------------------------------------------------------------- what it is


def test_data_is_not_copied():
    a = np.ones(3)
    assert Tensor(a).data is a and Tensor(Tensor(a)).data is a and Tensor(a).numpy() is a
    assert Tensor([1, 2]).dtype == np.int64 and Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert Tensor(3.0).shape == ()
    assert Tensor(a, dtype=np.float64).data is a
    narrow = Tensor(a, dtype=np.float32)
    assert narrow.dtype == np.float32 and narrow.tolist() == [1, 1, 1] and a.dtype == np.float64


@pytest.mark.parametrize("data", [1j, "text", None, [None], object(), {"a": 1}])
def test_only_numbers(data):
    with pytest.raises(TypeError, match="float, integer or boolean"):
        Tensor(data)


def test_properties():
    x = leaf(2, 3, dtype=np.float32)
    assert (x.shape, x.ndim, x.size, x.dtype, x.nbytes, len(x)) == ((2, 3), 2, 6, np.float32, 24, 2)
    assert x.tolist() == x.data.tolist() and x[0, 0].item() == x.data[0, 0]
    assert [row.tolist() for row in x] == x.tolist()
    with pytest.raises(TypeError):
        len(leaf())
    with pytest.raises(TypeError, match="0-d"):
        iter(leaf())


def test_requires_grad_and_is_leaf():
    x, c = leaf(3), Tensor(np.ones(3))
    assert x.requires_grad and x.is_leaf and x.node is not None
    assert not c.requires_grad and c.is_leaf and c.node is None and c.grad is None
    y = x * c
    assert y.requires_grad and not y.is_leaf
    assert not (c * 2).requires_grad and (c * 2).is_leaf
    c.requires_grad = True
    c.requires_grad = True
    (c * 2).sum().backward()
    np.testing.assert_array_equal(c.grad, [2, 2, 2])
    c.requires_grad = False
    assert not (c * 2).requires_grad
    for wanted in (True, False):
        with pytest.raises(RuntimeError, match="leaf only"):
            y.requires_grad = wanted
    for data in ([1, 2], [True]):
        with pytest.raises(TypeError, match="only a float Tensor"):
            Tensor(data, requires_grad=True)


def test_detach():
    x = leaf(3)
    y = x * 2
    d = y.detach()
    assert not d.requires_grad and d.data is y.data
    (y * d).sum().backward()
    np.testing.assert_allclose(x.grad, 2 * d.data)


@pytest.mark.parametrize("make", [copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t)), copy.copy])
def test_copies(make):
    x = leaf(3, dtype=np.float32)
    twin = make(x)
    assert twin.requires_grad and twin.is_leaf and twin.dtype == np.float32 and twin.node is not x.node
    assert np.shares_memory(twin.data, x.data) == (make is copy.copy)
    np.testing.assert_array_equal(twin.data, x.data)
    (twin * 2).sum().backward()
    assert x.grad is None
    assert not make(Tensor(np.ones(3))).requires_grad
    if make is copy.copy:  # of any other Tensor the same value, with its graph
        make(x * 2).sum().backward()
        np.testing.assert_array_equal(x.grad, [2, 2, 2])
        return
    with pytest.raises(RuntimeError, match=r"use detach\(\) first"):
        make(x * 2)


def test_deepcopy_keeps_identity_and_gradient():
    x = leaf(3)
    (x * 2).sum().backward()
    a, b = copy.deepcopy([x, x])
    assert a is b and a is not x
    np.testing.assert_array_equal(a.grad, x.grad)
    assert not np.shares_memory(a.grad, x.grad)


def test_identity_hash_and_elementwise_equality():
    x = leaf(3)
    assert {x: 1}[x] == 1 and x in {x}
    assert (x == x).tolist() == [True] * 3
    assert x != None  # noqa: E711
    assert (x == "text") is False


def test_numbers_and_text():
    x = Tensor(2.5, requires_grad=True)
    assert x.item() == 2.5 and bool(x) and f"{x:.3f}" == "2.500" and f"{x * 2:.1e}" == "5.0e+00"
    c = x.detach()
    assert float(c) == 2.5 and int(c) == 2 and complex(c) == 2.5
    assert [10, 20, 30][Tensor(1)] == 20
    assert repr(x) == "Tensor(2.5, requires_grad=True)"
    assert repr(x * 2) == "Tensor(5., op=multiply)"
    assert repr(Tensor(np.float32([1, 2]))) == "Tensor([1., 2.], dtype=float32)"
    assert str(Tensor([[1, 2], [3, 4]])) == f"{Tensor([[1, 2], [3, 4]])}"
    with pytest.raises(ValueError, match="ambiguous"):
        bool(leaf(2))
    with pytest.raises(TypeError):
        [10, 20][x]


def test_an_integer_result_is_a_constant():
    @ag.op
    def rank(x):
        return np.argsort(np.argsort(x)), lambda g: (None,)

    x = leaf(3)
    assert not rank(x).requires_grad and rank(x).dtype.kind == "i"
    assert x.astype(np.float32).requires_grad
    with pytest.raises(TypeError, match=r"int64 has no gradient; use \.detach\(\)"):
        x.astype(np.int64)


# ------------------------------------------------------------------------------------------- in place


def test_a_leaf_cannot_be_changed_while_recording():
    x = leaf(3)
    before = x.data.copy()
    with pytest.raises(RuntimeError, match=r"leaf .* in place; use no_grad\(\)"):
        x += 1
    with pytest.raises(RuntimeError, match="leaf"):
        x[0] = 1
    with pytest.raises(RuntimeError, match="leaf"):
        np.add(x, 1, out=x)
    with pytest.raises(RuntimeError, match="leaf"):
        np.add.at(x, 0, 1)
    np.testing.assert_array_equal(x.data, before)


def test_a_leaf_is_written_to_under_no_grad():
    x = leaf(3)
    data, node, before = x.data, x.node, x.data.copy()
    with ag.no_grad():
        x += 1
        x *= 2
        x[0] = 0
        x[1:] -= 1
        np.add.at(x, [2, 2], 1)
        np.multiply(x, 2, out=x)
    assert x.data is data and x.node is node and x.requires_grad
    np.testing.assert_allclose(data, [0, 2 * (2 * (before[1] + 1) - 1), 2 * (2 * (before[2] + 1) - 1 + 2)])


def test_an_inner_tensor_is_rebound_and_its_gradients_are_right():
    x = leaf(3)

    def f(x):
        y = x * 2
        z = y  # the same object
        before = y * y
        y += x
        y *= y
        assert z is y
        y -= before
        y /= 3
        y **= 2
        return y

    ag.gradcheck(f, [x])
    np.testing.assert_allclose(f(x).data, (((3 * x.data) ** 2 - 4 * x.data**2) / 3) ** 2)
    ag.gradcheck(f, [x], order=2)


def test_what_used_a_tensor_before_it_was_rebound_is_not_changed():
    x = leaf(3)
    y = np.exp(x)  # saves y
    z = y * y
    data = y.data.copy()
    y += 100
    z.sum().backward()
    np.testing.assert_allclose(x.grad, 2 * data * data)


def test_matmul_in_place():
    x, w = leaf(3, 3), leaf(3, 3, seed=1)

    def f(x, w):
        y = x * 1
        y @= w
        return y

    ag.gradcheck(f, [x, w])


def test_a_constant_becomes_part_of_the_graph():
    x = leaf(3)
    array = np.zeros(3)
    total = Tensor(array)
    for _ in range(3):
        total += x
    total.sum().backward()
    np.testing.assert_array_equal(x.grad, [3, 3, 3])
    assert (array == 0).all()


def test_in_place_keeps_shape_and_dtype():
    y = leaf(3) * 1
    with pytest.raises(ValueError, match=r"shape \(2, 3\) does not fit \(3,\)"):
        y += np.ones((2, 3))
    single = leaf(3, dtype=np.float32)
    z = single * 1
    z += np.ones(3)
    assert z.dtype == np.float32
    z.sum().backward()
    assert single.grad.dtype == np.float32
    count = Tensor([1, 2])
    with pytest.raises(TypeError, match="float64 does not fit a Tensor of int64"):
        count += 0.5
    count += 1
    assert count.tolist() == [2, 3] and count.dtype == np.int64


def test_a_view_with_a_graph_that_could_not_hand_on_its_change_is_not_changed():
    y = leaf(3, 3) * 1
    for view in (
        y.T,
        y.reshape(9),
        np.split(y, 3)[0],
        y.swapaxes(0, 1),
        np.expand_dims(y, 0),
        y[None].squeeze(),
    ):
        with pytest.raises(TypeError, match="a view of another Tensor"):
            view += 1
        with pytest.raises(TypeError, match="a view of another Tensor"):
            np.exp(view, out=view)


def test_setitem():
    x, v = leaf(4), leaf(2, seed=1)

    def f(x, v):
        y = x * 1
        y[1:3] = v * v
        y[0] = 5.0
        y[y.data < -100] = 0
        return y * y

    ag.gradcheck(f, [x, v])
    ag.gradcheck(f, [x, v], order=2)
    f(x, v).sum().backward()
    assert (x.grad[:3] == 0).all() and x.grad[3] != 0
    y = x * 1
    with pytest.raises(ValueError, match="index_put: "):
        y[0] = np.ones(3)
    with pytest.raises(IndexError):
        y[9] = 0


def test_setitem_into_a_constant():
    x = leaf(2)
    y = Tensor(np.zeros((2, 2)))
    y[0] = x
    y[1, 1] = x[0] * 3
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [4, 1])


# ---------------------------------------------------------------------------------- errors of the ops


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda x: x + np.ones(2),
            ValueError,
            r"^add: .*broadcast.* \(inputs: \(3, 4\) float64, \(2,\) float64\)$",
        ),
        (lambda x: x @ x, ValueError, r"^matmul: .*\(inputs: \(3, 4\) float64, \(3, 4\) float64\)$"),
        (lambda x: x[7], IndexError, r"^getitem: index 7 is out of bounds"),
        (lambda x: x.sum(axis=5), np.exceptions.AxisError, r"^sum: axis 5 is out of bounds"),
        (lambda x: x.reshape(5), ValueError, r"^reshape: cannot reshape"),
        (
            lambda x: np.concatenate([x, np.ones(3)]),
            ValueError,
            r"^concatenate: .*\(3, 4\) float64, \(3,\) float64",
        ),
        (lambda x: x.mean(dim=-1), TypeError, r"^mean: .*'dim'; NumPy's spelling: dim= is axis="),
        (lambda x: x.sum(axis=1, keepdim=True), TypeError, r"keepdim= is keepdims="),
        (lambda x: ag.sum(), TypeError, r"sum\(\) misses its argument 'x'"),
        (lambda x: x + None, TypeError, "unsupported operand"),
        (lambda x: x * 1j, TypeError, "complex"),
        (lambda x: x * np.ones(4, complex), TypeError, r"multiply: cannot use complex128 data"),
        (lambda x: x * np.array([None] * 4), TypeError, r"multiply: cannot use object data"),
        (lambda x: ag.add(x, "text"), TypeError, r"add: cannot use"),
    ],
)
def test_errors_name_the_op_and_its_inputs(call, error, message):
    with pytest.raises(error, match=message):
        call(leaf(3, 4))


def test_axis_error_is_both_kinds():
    for kind in (ValueError, IndexError):
        with pytest.raises(kind, match="sum: axis 5"):
            leaf(3).sum(axis=5)


def test_the_traceback_reaches_into_the_op():
    with pytest.raises(ValueError) as caught:
        leaf(3, 4) @ leaf(3, 4)
    assert [entry.name for entry in caught.traceback][-1] == "matmul"


@pytest.mark.parametrize(
    "name, hint",
    [
        ("permute", "transpose"),
        ("unsqueeze", "expand_dims"),
        ("masked_fill", r"ag\.masked_fill"),
        ("exp", r"np\.exp\(x\)"),
        ("numel", r"x\.size"),
        ("no_such_name", "has no attribute 'no_such_name'$"),
    ],
)
def test_names_of_pytorch_give_numpys(name, hint):
    with pytest.raises(AttributeError, match=hint):
        getattr(leaf(3), name)
    assert not hasattr(leaf(3), name)


def test_module_names_of_pytorch_give_numpys():
    with pytest.raises(AttributeError, match="np.concatenate"):
        ag.cat  # noqa: B018
    with pytest.raises(AttributeError, match="has no 'nonsense'$"):
        ag.nonsense  # noqa: B018
