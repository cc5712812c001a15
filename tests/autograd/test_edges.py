"""Numbers, lists, 0-d, empty, ties, nan, repeated indices: what NumPy's functions do with them."""

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special

NAN, INF = np.nan, np.inf
MORE = {"repeat": (2,), "take": (0,), "expand_dims": (0,), "swapaxes": (0, 0), "reshape": (-1,)}
OF_ONE = """
sum mean max min var std prod cumsum sort ravel copy transpose squeeze repeat take diagonal trace argmax
argsort nonzero exp expm1 log log1p absolute square sqrt negative positive sin cos tanh expand_dims swapaxes
reshape round clip sign
"""
GIVEN = {
    "float": 2.0,
    "int": 3,
    "bool": True,
    "float32": np.float32(2),
    "float16": np.float16(2),
    "int8": np.int8(2),
    "list": [3.0, 1.0, 2.0],
    "integers": [[1, 2], [3, 4]],
    "tuple": (1, 2.5),
    "unsigned": np.uint8([[200, 100]]),
    "booleans": np.array([[True, False], [True, True]]),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize("given", GIVEN)
@pytest.mark.parametrize("name", OF_ONE.split())
@np.errstate(all="ignore")
@pytest.mark.filterwarnings("ignore:Mean of empty:RuntimeWarning", "ignore:Degrees of:RuntimeWarning")
def test_anything_that_numpy_takes_for_an_array(name, given):
    """The same numbers, shape and dtype, or an error where NumPy has one."""
    value, more = GIVEN[given], MORE.get(name, (0, 1) if name == "clip" else ())
    ours, theirs = getattr(ag, name), getattr(np, name)
    try:
        expected = theirs(value, *more)
    except Exception as error:
        kinds = type(error).__mro__[:-3]  # the nearest that takes a message, on Python 3.10
        with pytest.raises(kinds):
            ours(value, *more)
        return
    if name in ("var", "std") and given == "float16":  # in float32, ours: both are 0
        assert ours(value).item() == 0
        return
    found = ours(value, *more)
    for y, z in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected)), strict=True):
        assert y.shape == np.shape(z) and y.dtype == np.asarray(z).dtype
        np.testing.assert_allclose(y.data, z, rtol=1e-3 if y.dtype == np.float16 else 1e-6)


WHOLE = [2.0, 3, True, [1, 2], (0.5, 1), np.int8([1, 2]), np.uint8([3, 200]), np.array([True, False])]


@pytest.mark.parametrize("name", sorted(set(kernels.ops_in(special))))
@pytest.mark.parametrize("value", WHOLE, ids=str)
def test_special_functions_of_whole_numbers_are_of_float64(name, value):
    fn = getattr(special, name)
    n = fn.facts.inputs
    y, expected = fn(*[value] * n), fn(*[np.asarray(value, float)] * n)
    assert y.dtype == np.float64
    np.testing.assert_array_equal(y.data, expected.data)


def test_a_number_of_numpys_alone_keeps_its_dtype_and_beside_an_array_does_not_matter():
    assert ag.exp(np.float32(1)).dtype == np.float32
    assert ag.add(np.float32(1), 2.0).dtype == np.float32
    assert ag.add(np.float32(1), np.float64(2)).dtype == np.float64
    assert ag.add(1, 2).dtype == np.int64 and ag.exp(1).dtype == np.float64
    assert ag.multiply(np.ones(2, np.float32), np.float64(2)).dtype == np.float32


BINARY = """
+ - * / @ % ** maximum fmod where clip dot stack einsum index_put
"""


@pytest.mark.parametrize("op", BINARY.split())
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16])
@pytest.mark.parametrize("swapped", [False, True])
def test_whatever_stands_beside_float32_does_not_widen_it(op, dtype, swapped):
    fn = {
        "+": ag.add, "-": ag.subtract, "*": ag.multiply, "/": ag.divide, "@": ag.matmul, "%": ag.remainder,
        "**": ag.power, "maximum": ag.maximum, "fmod": ag.fmod, "clip": ag.clip, "dot": ag.dot,
        "where": lambda a, b: ag.where(np.array([1.0, 0.0]), a, b),
        "stack": lambda a, b: ag.stack([a, b, np.zeros((2, 2), dtype)]),
        "einsum": lambda a, b: ag.einsum("ij,jk", a, b),
        "index_put": lambda a, b: ag.index_put(a, b, ...) if a.dtype == np.float32 else ag.add(a, b),
    }[op]  # fmt: skip
    x, other = Tensor(np.ones((2, 2), np.float32), requires_grad=True), np.ones((2, 2), dtype)
    y = fn(other, x) if swapped else fn(x, other)
    assert y.dtype == np.float32
    (d,) = ag.grad(y.sum(), x)
    assert d.dtype == np.float32


ATTRIBUTES = {
    "integer limits": lambda x: ag.clip(x, np.zeros(2, np.int32), None),
    "a list of limits": lambda x: np.clip(x, None, [1, 2]),
    "initial": lambda x: ag.sum(x, initial=np.float64(1)),
    "ddof": lambda x: ag.var(x, ddof=np.array(1)),
    "correction": lambda x: ag.std(x, 0, correction=np.int64(1)),
    "mean": lambda x: ag.var(x, 0, mean=np.array([[1, 1]])),
    "a wide mean": lambda x: ag.std(x, 0, mean=np.array([[0.5, 1]])),
    "where": lambda x: ag.mean(x, where=np.array([True, False])),
    "where in var": lambda x: ag.var(x, 1, where=np.array([[True, True], [True, False]])),
    "end_values": lambda x: ag.pad(x, 1, "linear_ramp", end_values=np.float64(2)),
    "constant_values": lambda x: ag.pad(x, 1, constant_values=np.float64(2)),
    "numbers in a list": lambda x: ag.stack([x[0, 0], 1.0, np.float64(2), True]),
    "numbers in lists": lambda x: ag.concatenate([x, [[1, 2]]]),
    "repeats": lambda x: ag.repeat(x, np.int64(2)),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_do_not_widen_float32(name):
    x = Tensor(np.array([[1, 2], [3, 5]], np.float32), requires_grad=True)
    y = ATTRIBUTES[name](x)
    assert y.dtype == np.float32
    (d,) = ag.grad(y.sum(), x)
    assert d.dtype == np.float32


# ----------------------------------------------------------------------------------- lists of Tensors

LISTS = {
    "sum": lambda x: ag.sum([x, x]),
    "max": lambda x: ag.max([[x, 1.0], [2.5, x]], axis=1),
    "exp": lambda x: ag.exp((x, x)),
    "softmax": lambda x: special.softmax([x, 1.0, 2.0]),
    "matmul": lambda x: ag.matmul([[x, 1.0], [2.0, x]], [[1.0], [x]]),
    "concatenate": lambda x: ag.concatenate([[x, 1.0], [2.0]]),
    "stack": lambda x: ag.stack([[x, 1.0], [2.0, x]], axis=1),
    "dot": lambda x: ag.dot([x, 2.0], [3.0, x]),
    "einsum": lambda x: ag.einsum("i,i", [x, 2.0], [3.0, x]),
    "where": lambda x: ag.where([True, False], [x, x], [1.0, 2.0]),
    "pad": lambda x: ag.pad([x, 2.0], 1, "edge"),
    "clip": lambda x: ag.clip([x, 5.0], 0, [x, x]),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_with_tensors_are_arrays_and_keep_the_gradient(name):
    x = Tensor(1.5, requires_grad=True)
    assert ag.gradcheck(LISTS[name], [x])


def test_a_list_that_is_no_array_says_so():
    x = Tensor(1.5, requires_grad=True)
    with pytest.raises(ValueError, match="same shape"):
        ag.sum([x, [x, x]])


# ------------------------------------------------------------------------------------- 0-d and empty


def test_axes_without_elements():
    for shape, axis in (((5, 0, 0), -1), ((2, 0), 1), ((0, 3), 0), ((0,), None)):
        for f in (special.softmax, special.log_softmax):
            x = Tensor(np.zeros(shape), requires_grad=True)
            y = f(x, axis)
            y.backward(np.ones(shape))
            assert y.shape == x.grad.shape == shape
        y = special.logsumexp(np.zeros(shape), axis)
        assert (y.data == -INF).all() and y.shape == np.sum(np.zeros(shape), axis).shape


@pytest.mark.parametrize(
    "f", [special.softmax, special.log_softmax, special.logsumexp, ag.sum, ag.std, ag.max, ag.cumsum]
)
def test_of_one_number(f):
    x = Tensor(2.0, requires_grad=True)
    y = f(x)
    y.backward(np.ones(y.shape))
    assert x.grad.shape == () and np.isfinite(x.grad)


def test_axes_of_none_and_numbers():
    x = Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    np.testing.assert_array_equal(np.take_along_axis(x, np.array([5, 0]), axis=None).data, [5, 0])
    np.testing.assert_array_equal(ag.take_along_axis(x, [[2], [0]], 1).data, [[2], [3]])
    y = np.concatenate([x, [7.0], 8.0], axis=None)
    np.testing.assert_array_equal(y.data, [0, 1, 2, 3, 4, 5, 7, 8])
    y.backward(np.arange(8.0))
    np.testing.assert_array_equal(x.grad, x.data)
    np.testing.assert_array_equal(np.transpose(x[0], 0).data, x.data[0])
    np.testing.assert_array_equal(np.sort(-x, axis=None).data, -x.data.ravel()[::-1])
    assert np.pad(Tensor(2.0), 1).item() == 2


# -------------------------------------------------------------------------------------- nan and ties


@pytest.mark.parametrize("f", [ag.maximum, ag.minimum])
def test_nan_hands_the_gradient_on(f):
    a, b = Tensor([NAN, 1, NAN, 2], requires_grad=True), Tensor([1, NAN, NAN, 2], requires_grad=True)
    f(a, b).sum().backward()
    assert a.grad.tolist() == b.grad.tolist() == [1, 1, 1, 0.5]


@pytest.mark.parametrize("f", [ag.max, ag.min])
def test_nan_takes_the_gradient_of_an_extreme(f):
    x = Tensor([[1, NAN, 2, NAN], [3, 3, 3, 3]], requires_grad=True)
    f(x, 1).backward(np.array([4.0, 8.0]))
    assert x.grad.tolist() == [[0, 2, 0, 2], [2, 2, 2, 2]]


def test_limits_take_the_gradient_of_what_they_replace():
    x, low, high = (Tensor(v, requires_grad=True) for v in ([-2.0, -1, 0, 1, 2, 0, NAN], -1.0, np.array(1.0)))
    ag.clip(x, low, high).sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 0, 1, 0]
    assert (low.grad, high.grad) == (1, 1)
    low, high = Tensor([2.0, 2], requires_grad=True), Tensor([1.0, 1], requires_grad=True)
    y = ag.clip([0.0, 5.0], low, high)  # limits in the wrong order: the upper one wins
    y.sum().backward()
    assert y.data.tolist() == [1, 1] and low.grad.tolist() == [0, 0] and high.grad.tolist() == [1, 1]


@np.errstate(invalid="ignore")
def test_what_a_mask_leaves_out_cannot_poison_the_rest():
    x = Tensor([1.0, NAN, 3.0, INF], requires_grad=True)
    mask = np.isfinite(x.data)
    for f in (ag.sum, ag.mean, ag.var, ag.std, ag.prod, lambda x, where: ag.max(x, where=where, initial=0)):
        x.grad = None
        y = f(x, where=mask)
        y.backward()
        assert np.isfinite(y.data) and np.isfinite(x.grad).all() and not x.grad[~mask].any()


# ------------------------------------------------------------------------------------------- indices


def test_an_element_named_twice_by_one_number_gets_it():
    x, v = Tensor([1.0, 2, 3], requires_grad=True), Tensor(5.0, requires_grad=True)
    y = x * 1
    y[[0, 0]] = 5.0
    y[[2, 2]] = v
    y.backward(np.array([1.0, 10, 100]))
    assert y.data.tolist() == [5, 2, 5]
    assert x.grad.tolist() == [0, 10, 0] and v.grad == 100


def test_rows_named_twice_by_one_row_get_it():
    x, v = Tensor(np.zeros((3, 2)), requires_grad=True), Tensor([[1.0, 2.0]], requires_grad=True)
    y = x * 1
    y[[2, 0, 2]] = v
    y.backward(np.array([[1.0, 2], [3, 4], [5, 6]]))
    assert y.data.tolist() == [[1, 2], [0, 0], [1, 2]]
    assert x.grad.tolist() == [[0, 0], [3, 4], [0, 0]] and v.grad.tolist() == [[6, 8]]


def test_of_values_for_one_place_the_last_stays_and_has_the_gradient():
    x, v = (
        Tensor(np.zeros((3, 2)), requires_grad=True),
        Tensor(np.arange(6.0).reshape(3, 2), requires_grad=True),
    )
    y = x * 1
    y[[0, 2, 0]] = v
    y.backward(np.array([[1.0, 2], [3, 4], [5, 6]]))
    assert y.data.tolist() == [[4, 5], [0, 0], [2, 3]]
    assert v.grad.tolist() == [[0, 0], [5, 6], [1, 2]] and x.grad.tolist() == [[0, 0], [3, 4], [0, 0]]


def test_index_add_broadcasts():
    for shape, index in (((), [0, 0]), ((3,), [1, 0, 1]), ((1, 3), [1, 1]), ((1,), ...), ((2, 1), [1, 1])):
        x, v = Tensor(np.ones((2, 3)), requires_grad=True), Tensor(np.full(shape, 2.0), requires_grad=True)
        y = ag.index_add(x, v, index)
        expected = np.ones((2, 3))
        np.add.at(expected, index, v.data)
        np.testing.assert_array_equal(y.data, expected)
        y.sum().backward()
        assert v.grad.shape == shape and v.grad.sum() == np.ones((2, 3))[index].size


# ------------------------------------------------------------------------------------------- methods


def test_in():
    t = Tensor([[1.0, 2], [3, 4]], requires_grad=True)
    assert 2.0 in t and 7 not in t and [3.0, 4.0] in t and Tensor(4.0) in t


@pytest.mark.parametrize("data", [[1.0], [[1.0, 2.0]]])
def test_reshape_without_a_shape(data):
    with pytest.raises(TypeError, match="takes the new shape"):
        Tensor(data).reshape()


def test_transpose_says_where_pytorch_would_exchange_two_axes():
    t = Tensor(np.arange(6.0).reshape(2, 3))
    for x, axes in ((t, (-2, -1)), (t[None], (-2, -1)), (t[None], (1, 2)), (t[0], (0, 1))):
        with pytest.raises(ValueError, match=rf"swapaxes\({axes[0]}, {axes[1]}\) exchanges"):
            x.transpose(*axes)
    for axes in ((0, 1), (1, 0), (-1, -2), (-1, 0)):
        np.testing.assert_array_equal(t.transpose(*axes).data, t.data.transpose(*axes))
    np.testing.assert_array_equal(np.transpose(t, (-2, -1)).data, t.data)  # NumPy's meaning


def test_sort_is_in_place_as_ndarrays():
    x = Tensor([3.0, 1.0, 2.0], requires_grad=True)
    y = x * 1
    assert y.sort() is None
    (y * [1.0, 10, 100]).sum().backward()
    assert y.data.tolist() == [1, 2, 3] and x.grad.tolist() == [100, 1, 10]
    with pytest.raises(RuntimeError, match="leaf"):
        x.sort()
    c = Tensor([2.0, 1.0])
    memory = c.data
    c.sort()
    assert memory.tolist() == [1, 2]


BARE = ["copy", "ravel", "flatten", "prod", "cumsum", "argsort", "diagonal", "trace", "nonzero", "tolist"]
METHODS = [*((m, ()) for m in BARE), ("dot", (np.eye(2),)), ("round", (1,)), ("repeat", (2, 0))]


@pytest.mark.parametrize("name, args", METHODS)
def test_methods_are_ndarrays(name, args):
    data = np.array([[1.26, 0.0], [3.0, 4.0]])
    found, expected = getattr(Tensor(data), name)(*args), getattr(data, name)(*args)
    for y, z in zip(*(v if isinstance(v, tuple) else (v,) for v in (found, expected)), strict=True):
        np.testing.assert_array_equal(y, z)
    if name in ("copy", "flatten"):
        assert not np.shares_memory(found.data, data)
