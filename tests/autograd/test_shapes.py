"""NumPy's functions of shapes that are made of ops: on Tensors they give what they give on ndarrays.

Held to NumPy are values, dtypes, whose memory the result is in, and gradients of first and second order.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from leaves import leaf
from tapegrad.autograd import Tensor, gradcheck

NEW = np.lib.NumpyVersion(np.__version__) >= "2.2.0"  # where NumPy itself does otherwise before

X = np.random.default_rng(0).uniform(0.5, 2, (3, 4))
V, S, C = X[0].copy(), np.array(1.5), X.reshape(2, 3, 2)
windows = np.lib.stride_tricks.sliding_window_view
few = settings(max_examples=40, deadline=None, derandomize=True, database=None)

# Of each: what is called, with functions of NumPy alone, and the arrays.
CALLS = {
    "ravel": (np.ravel, X),
    "ravel F": (lambda x: np.ravel(x, "F"), X),
    "ravel F of a transposed one": (lambda x: np.ravel(x.T, order="F"), X),
    "ravel A": (lambda x: np.ravel(x.T, "A"), X),
    "ravel K": (lambda x: np.ravel(x.transpose(2, 0, 1), "K"), C),
    "ravel K reversed": (lambda x: np.ravel(x[::-1, :, ::-1], "K"), C),
    "ravel of a number": (np.ravel, S),
    "x.ravel": (lambda x: x.ravel(order="A"), X),
    "x.flatten": (lambda x: x.flatten(), X),
    "x.flatten K": (lambda x: x.T.flatten("K"), X),
    "x.flatten F": (lambda x: x.flatten("F"), C),
    "reshape A": (lambda x: np.reshape(x.T, (2, 6), order="A"), X),
    "reshape copy": (lambda x: np.reshape(x, (2, 6), copy=True), X),
    "x.reshape no copy": (lambda x: x.reshape(2, 6, copy=False), X),
    "x.reshape F": (lambda x: x.reshape((2, -1), order="F"), X),
    "permute_dims": (lambda x: np.permute_dims(x, (2, 0, 1)), C),
    "matrix_transpose": (np.matrix_transpose, C),
    "linalg.matrix_transpose": (np.linalg.matrix_transpose, X),
    "moveaxis": (lambda x: np.moveaxis(x, [0, 1], [-1, 0]), C),
    "rollaxis": (lambda x: np.rollaxis(x, 2), C),
    "rollaxis to the end": (lambda x: np.rollaxis(x, 0, 3), C),
    "rollaxis negative": (lambda x: np.rollaxis(x, -1, -2), C),
    "rollaxis in place": (lambda x: np.rollaxis(x, 1, 1), C),
    "fliplr": (np.fliplr, X),
    "flipud": (np.flipud, V),
    "roll": (lambda x: np.roll(x, (1, -1), (0, 1)), X),
    "rot90": (lambda x: np.rot90(x, 2, (1, 0)), X),
    "resize": (lambda x: np.resize(x, (2, 3)), V),
    "resize longer": (lambda x: np.resize(x, (3, 3, 2)), V),
    "resize a number": (lambda x: np.resize(x, 3), S),
    "resize to nothing": (lambda x: np.resize(x, (0, 3)), X),
    "atleast_1d": (np.atleast_1d, S),
    "atleast_2d": (np.atleast_2d, V),
    "atleast_3d": (np.atleast_3d, X),
    "atleast_3d of a vector": (np.atleast_3d, V),
    "atleast_1d of several": (lambda x, y: np.atleast_1d(x, y), S, X),
    "atleast_3d of several": (lambda x, y: np.atleast_3d(x, y, y), S, C),
    "broadcast_arrays": (np.broadcast_arrays, V, X, S),
    "broadcast_arrays of one": (np.broadcast_arrays, X),
    "diagflat": (lambda x: np.diagflat(x, -1), X[:2, :2]),
    "x.diagonal": (lambda x: x.diagonal(1, -1, 0), C),
    "meshgrid": (np.meshgrid, V, V[:3], X[:, 0]),
    "meshgrid of one": (np.meshgrid, V),
    "meshgrid ij": (lambda x, y: np.meshgrid(x, y, indexing="ij"), V, V[:2]),
    "meshgrid sparse": (lambda x, y: np.meshgrid(x, y, sparse=True), V, V[:2]),
    "meshgrid views": (lambda x, y: np.meshgrid(x, y, copy=False, indexing="ij"), V, V[:2]),
    "hstack": (lambda x, y: np.hstack([x, y]), X, X[:, :1]),
    "hstack of vectors": (lambda x, y: np.hstack((x, y)), V, S),
    "vstack": (lambda x, y: np.vstack([x, y, x]), X, V),
    "vstack of rows": (np.vstack, X),
    "dstack": (lambda x, y: np.dstack([x, y]), X, C.reshape(3, 4, 1)),
    "dstack of vectors": (lambda x, y: np.dstack([x, y]), V, V),
    "column_stack": (lambda x, y: np.column_stack([x, y]), X, X[:, 0]),
    "column_stack of numbers": (lambda x: np.column_stack([x, x]), S),
    "concat": (lambda x, y: np.concat([x, y], axis=0), X, X[:1]),
    "concatenate dtype": (lambda x, y: np.concatenate([x, y], dtype=np.float64, casting="safe"), X, X),
    "stack dtype": (lambda x, y: np.stack([x, y], 1, dtype=np.float64), V, V),
    "block": (lambda x, y: np.block([[x, y], [y, x]]), X, X),
    "block of lists": (lambda x, y: np.block([x, y]), X, X),
    "block of numbers": (lambda x, y: np.block([[x, y], [1.0, x]]), S, S),
    "block one": (np.block, X),
    "block deep": (lambda x, y: np.block([[[x], [y]]]), V, V),
    "append": (lambda x, y: np.append(x, y), X, V),
    "append axis": (lambda x, y: np.append(x, y, axis=-1), X, X[:, :2]),
    "insert bool": (lambda x: np.insert(x, np.array([True, False, True]) if NEW else [0, 2], 5.0, axis=0), X),
    "insert number": (lambda x, y: np.insert(x, -1, y), V, S),
    "insert rows": (lambda x, y: np.insert(x, 1, y, axis=0), X, X),
    "insert unsorted": (lambda x, y: np.insert(x, [3, 0, 3], y, axis=1), X, V[:3]),
    "insert nothing": (lambda x: np.insert(x, [], 1.0), V),
    "delete": (lambda x: np.delete(x, 1, 0), X),
    "delete flat": (lambda x: np.delete(x, [0, -1, 0]), X),
    "delete slice": (lambda x: np.delete(x, slice(None, None, 2), axis=1), X),
    "delete bools": (lambda x: np.delete(x, np.array([True, False, True]), axis=0), X),
    "delete a tuple": (lambda x: np.delete(x, (0, 2), axis=1), X),
    "delete nothing": (lambda x: np.delete(x, []), V),
    "array_split": (lambda x: np.array_split(x, 3, axis=1), X),
    "array_split many": (lambda x: np.array_split(x, 5), X),
    "array_split at": (lambda x: np.array_split(x, np.array([1, 3]), axis=-1), X),
    "hsplit": (lambda x: np.hsplit(x, 2), X),
    "hsplit of a vector": (lambda x: np.hsplit(x, [1]), V),
    "vsplit": (lambda x: np.vsplit(x, 3), X),
    "dsplit": (lambda x: np.dsplit(x, 2), C),
    "unstack": (lambda x: np.unstack(x, axis=-1), C),
    "windows": (lambda x: windows(x, (2, 2)), X),
    "windows of one axis": (lambda x: windows(x, 3, axis=-1), X),
    "trim_zeros": (lambda x: np.trim_zeros(x * [0, 1, 0, 0]), V),
    "trim_zeros front": (lambda x: np.trim_zeros(x * [0, 1, 1, 0], "F"), V),
    "trim_zeros of nothing": (lambda x: np.trim_zeros(x * 0), V),
    "expand_dims": (lambda x: np.expand_dims(x, (0, -1)), X),
    "squeeze": (lambda x: np.squeeze(x[None, :, None], (0, 2)), X),
    "x.squeeze": (lambda x: x[None].squeeze(axis=0), X),
    "broadcast_to": (lambda x: np.broadcast_to(x, (2, 3, 4), subok=True), V),
    "tile": (lambda x: np.tile(x, (2, 1, 2)), X),
    "repeat": (lambda x: np.repeat(x, np.array([0, 1, 2]), axis=0), X),
    "x.repeat": (lambda x: x.repeat(2, axis=1), X),
    "astype": (lambda x: np.astype(x, np.float64, copy=False), X),
    "x.astype": (lambda x: x.astype(float, "F", "safe", copy=True), X),
    "copy": (lambda x: np.copy(x, order="F"), X),
    "x.view": (lambda x: x.view(), X),
    "x.fill": (lambda x: (y := x * 1, y.fill(2.0), y + x)[2], X),
    **{
        f"pad {mode} {how}": (lambda x, mode=mode, how=how: np.pad(x, ((2, 1), (0, 5)), mode, **how), X)
        for mode, how in [
            ("median", {}), ("median", {"stat_length": 2}), ("reflect", {"reflect_type": "odd"}),
            ("symmetric", {"reflect_type": "odd"}), ("mean", {"stat_length": (1, 2)}), ("wrap", {}),
        ]
    },
}  # fmt: skip
WIDE = ("astype", "x.astype", "concatenate dtype", "stack dtype")
every_call = pytest.mark.parametrize("name", CALLS)


def listed(outputs):
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


@every_call
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_constant_gives_what_an_ndarray_gives(name, dtype):
    f, *arrays = CALLS[name]
    expected = f(*arrays)
    made = f(*[Tensor(a.astype(dtype)) for a in arrays])
    assert type(made) is (Tensor if isinstance(expected, np.ndarray) else type(expected))
    for y, z in zip(listed(made), listed(expected), strict=True):
        assert type(y) is Tensor and not y.requires_grad and y.shape == z.shape
        assert y.dtype == (np.float64 if name in WIDE else dtype)
        np.testing.assert_allclose(y.data, z, rtol=1e-6 if dtype == np.float32 else 0)


@every_call
def test_memory_is_shared_where_numpy_shares_it(name):
    f, *arrays = CALLS[name]
    for x, (y, z) in zip(arrays, [(f(*map(Tensor, arrays)), f(*arrays))] * len(arrays), strict=True):
        for a, b in zip(listed(y), listed(z), strict=True):
            assert np.shares_memory(a.data, x) == np.shares_memory(b, x)
            if np.shares_memory(b, x) and name not in ("broadcast_arrays", "meshgrid views"):  # which warn
                assert a.data.flags.writeable == b.flags.writeable


@every_call
def test_gradients(name):
    f, *arrays = CALLS[name]
    leaves = [Tensor(a, requires_grad=True) for a in arrays]
    assert gradcheck(lambda *xs: listed(f(*xs)), leaves, reference=lambda *xs: listed(f(*xs)))
    assert gradcheck(lambda *xs: [y * y for y in listed(f(*xs))], leaves, order=2)


# ------------------------------------------------------------------------------- edges, by hypothesis too

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)


def check(f, x):
    """f moves elements: values as NumPy's, and <g, f(x)> = <gradient, x>."""
    t = Tensor(x, requires_grad=True)
    y = f(t)
    for part, expected in zip(listed(y), listed(f(x)), strict=True):
        np.testing.assert_array_equal(part.data, expected)
    seeds = [np.random.default_rng(i).standard_normal(part.shape) for i, part in enumerate(listed(y))]
    total = sum((part * g).sum() for part, g in zip(listed(y), seeds, strict=True))
    total.backward()
    np.testing.assert_allclose((t.grad * x).sum(), total.item(), rtol=1e-9, atol=1e-12)


@given(shapes, st.data())
@few
def test_moves_of_any_shape_and_axes(shape, data):
    n, x = len(shape), np.random.default_rng(0).uniform(0.5, 2, shape)
    axis = data.draw(st.integers(-n, n - 1))
    other = data.draw(st.integers(-n, n - 1))
    k = data.draw(st.integers(-9, 9))
    sections = data.draw(st.integers(1, 5))
    length = shape[axis]
    places = st.lists(st.integers(-length, length - 1), max_size=4) if length else st.just([])
    at = data.draw(places)
    check(lambda x: np.moveaxis(x, axis, other), x)
    check(lambda x: np.rollaxis(x, axis, other), x)
    check(lambda x: np.roll(x, (k, 1), (axis, other)), x)
    check(lambda x: np.flip(x, axis), x)
    check(lambda x: np.array_split(x, sections, axis), x)
    check(lambda x: np.array_split(x, at, axis), x)
    check(lambda x: np.delete(x, at, axis), x)
    check(lambda x: np.insert(x, at, 0.0, axis), x)
    check(lambda x: np.tile(x, [sections, 2]), x)
    check(lambda x: np.repeat(x, np.abs(np.arange(length) + k) % 3, axis), x)
    check(lambda x: np.resize(x, (sections, 2)) if x.size else x * 1, x)
    check(lambda x: np.ravel(x.swapaxes(axis, other), "K"), x)
    if length:
        check(lambda x: windows(x, sections % length + 1, axis), x)
        check(lambda x: np.unstack(x, axis=axis), x)
    if n > 1:
        check(lambda x: np.tril(x, k), x)
        check(lambda x: np.triu(x, k), x)
    if n > 1 and axis % n != other % n:
        check(lambda x: np.rot90(x, k, (axis, other)), x)


@given(hnp.array_shapes(max_dims=2, max_side=4), st.data())
@few
def test_odd_reflections_of_any_width(shape, data):
    x = np.random.default_rng(0).uniform(0.5, 2, shape)
    widths = data.draw(st.lists(st.tuples(*[st.integers(0, 11)] * 2), min_size=x.ndim, max_size=x.ndim))
    for mode in ("reflect", "symmetric"):
        t = Tensor(x, requires_grad=True)
        y = np.pad(t, widths, mode, reflect_type="odd")
        np.testing.assert_array_equal(y.data, np.pad(x, widths, mode, reflect_type="odd"))
        g = np.random.default_rng(1).standard_normal(y.shape)
        y.backward(g)
        np.testing.assert_allclose((t.grad * x).sum(), (g * y.data).sum(), rtol=1e-9, atol=1e-9)


def test_what_is_nan_elsewhere_stays_there():
    """A padded element has a gradient for those it is made of alone."""
    x = leaf(4)
    g = np.ones(8)
    g[1] = np.nan
    np.pad(x, 2, "reflect", reflect_type="odd").backward(g)
    assert np.isnan(x.grad).tolist() == [True, True, False, False]


def test_sums_of_half_precision_are_exact():
    x = Tensor(np.ones(2, np.float16), requires_grad=True)
    for f in (lambda x: np.tile(x, 4096), lambda x: np.resize(x, 8192), lambda x: np.repeat(x, [4096] * 2)):
        x.grad = None
        f(x).backward(np.ones(8192))
        assert x.grad.dtype == np.float16 and x.grad.tolist() == [4096, 4096]
    x = Tensor(np.ones(4096, np.float16), requires_grad=True)
    windows(x, 2049).backward(np.ones((2048, 2049)))
    assert x.grad.dtype == np.float16 and x.grad.max() == 2048


def test_median_padding_of_nan_is_nan():
    x = np.array([1.0, np.nan, 3])
    t = Tensor(x, requires_grad=True)
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(np.pad(t, 1, "median", stat_length=2).data[[0, -1]], [np.nan, np.nan])
