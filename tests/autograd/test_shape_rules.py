"""Shapes: arrays made like a Tensor, views and writes through them, ndarray's methods, bad input."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor

X = np.random.default_rng(0).uniform(0.5, 2, (3, 4))
windows = np.lib.stride_tricks.sliding_window_view


LIKE = {
    "array": lambda x, t: np.array([x[0], x[1] * 2], like=t),
    "array of numbers too": lambda x, t: np.array([[x[0, 0], 1.0], [2, x[0, 1]]], like=t),
    "array ndmin": lambda x, t: np.array(x, ndmin=4, like=t),
    "array copy": lambda x, t: np.array(x, copy=None, like=t),
    "array dtype": lambda x, t: np.array(x, np.float32, order="F", like=t),
    "asarray": lambda x, t: np.asarray(x, like=t),
    "asarray F": lambda x, t: np.asarray(x, order="F", like=t),
    "asanyarray": lambda x, t: np.asanyarray([x, x], like=t),
    "ascontiguousarray": lambda x, t: np.ascontiguousarray(x.T, like=t),
    "ascontiguousarray 0-d": lambda x, t: np.ascontiguousarray(x[0, 0], like=t),
    "asfortranarray": lambda x, t: np.asfortranarray(x, like=t),
    "require": lambda x, t: np.require(x, requirements=["F", "OWNDATA", "W"], like=t),
    "full": lambda x, t: np.full((2, 3, 4), x, order="F", like=t),
    "full_like": lambda x, t: np.full_like(x, x[0, 1] if t is not None else X[0, 1]),
}


@pytest.mark.parametrize("name", LIKE)
def test_arrays_made_like_a_tensor(name):
    x = Tensor(X, requires_grad=True)
    y, z = LIKE[name](x, x), LIKE[name](X, None)
    assert y.requires_grad and y.shape == z.shape and y.dtype == z.dtype
    np.testing.assert_array_equal(y.data, z)
    assert y.data.flags.f_contiguous == z.flags.f_contiguous
    made = LIKE[name](Tensor(X), x)
    assert not made.requires_grad and np.shares_memory(made.data, X) == np.shares_memory(z, X)
    y.sum().backward()
    constants = 3 if name == "array of numbers too" else 0
    np.testing.assert_allclose((x.grad * X).sum(), y.data.sum() - constants, rtol=1e-6)


def test_what_numpy_does_not_let_be_caught_says_what_to_do():
    x = leaf(2)
    for make in (lambda: np.array([x, x]), lambda: np.asarray(x), lambda: np.require(x)):
        with pytest.raises(TypeError, match=r"\.detach\(\).*np\.stack"):
            make()
    y = ag.array([x, [1.0, 2.0]])
    assert y.tolist() == [x.tolist(), [1, 2]] and y.requires_grad
    assert ag.asarray(x) is x and ag.array([[1, 2]]).tolist() == [[1, 2]]


# --------------------------------------------------------------------------------- views and methods


def test_writes_through_views_of_constants_are_seen():
    views = {
        "ravel": lambda y: np.ravel(y),
        "atleast_3d": lambda y: np.atleast_3d(y),
        "diag": lambda y: np.rot90(np.flip(y)),
        "moveaxis": lambda y: np.moveaxis(y, 0, 1),
        "hsplit": lambda y: np.hsplit(y, 2)[1],
        "unstack": lambda y: np.unstack(y)[0],
        "trim_zeros": lambda y: np.trim_zeros(y[0]),
        "windows": lambda y: windows(y, 2, 0, writeable=True),
        "meshgrid": lambda y: np.meshgrid(y[0], sparse=True, copy=False)[0],
        "astype": lambda y: y.astype(float, copy=False),
        "view": lambda y: y.view(),
    }
    for name, view in views.items():
        array, y = X.copy(), Tensor(X.copy())
        for z in (array, y):
            view(z)[..., 0] = 7.0
        np.testing.assert_array_equal(y.data, array, err_msg=name)
        assert (y.data == 7).any(), name
        with pytest.raises(TypeError, match=r"write to that one by an index"):
            view(y)[..., 0] = leaf()


def test_read_only_views_are_read_only():
    y = Tensor(X.copy())
    for view in (np.diag(y), np.diagonal(y), windows(y, 2, 0), np.broadcast_to(y, (2, 3, 4))):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1.0


def test_methods_are_ndarrays():
    x, y = leaf(2, 3), Tensor(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert y.item(1, 2) == 5 and y.item(4) == 4 and y.tobytes("F") == y.data.tobytes("F")
    assert (y.itemsize, y.strides, y.flags.c_contiguous) == (4, (12, 4), True)
    assert y.view(np.int32)[0, 1].item() == np.float32(1).view(np.int32)
    y.view(np.int32)[0, 0] = np.float32(9).view(np.int32).item()
    assert y[0, 0].item() == 9
    assert x.T.copy().flags.c_contiguous and x.T.copy("K").flags.f_contiguous
    y.fill(3)
    assert y.tolist() == [[3, 3, 3]] * 2
    with pytest.raises(TypeError, match=r"detach"):
        x.view(np.int64)
    for name in ("resize", "flat", "itemset"):
        with pytest.raises(AttributeError, match="instead: "):
            getattr(y, name)


def test_indices_of_triangles_and_diagonals():
    x = leaf(3, 3)
    for fn in (np.tril_indices_from, np.triu_indices_from):
        assert x[fn(x, 1)].tolist() == x.data[fn(x.data, 1)].tolist()
    assert x[np.diag_indices_from(x)].tolist() == np.diag(x.data).tolist()
    np.testing.assert_array_equal(ag.indices((2, 3))[1].data, np.indices((2, 3))[1])


def test_questions_about_form_and_memory_are_answered():
    x = leaf(2, 3)
    assert np.shares_memory(x, x.T) and np.may_share_memory(x[0], x) and not np.shares_memory(x, x * 1)
    assert np.result_type(x, np.float32) == np.float64 and not np.can_cast(x.dtype, np.float32)
    assert np.isrealobj(x) and not np.iscomplexobj(x)


def test_numbers_do_not_widen_what_they_are_joined_with():
    x = Tensor(X.astype(np.float32)[0], requires_grad=True)
    for y in (
        np.hstack([x, 1.0]), np.append(x, 2), np.insert(x, 0, np.float64(3)), np.block([x, 1.0]),
        np.column_stack([x, x.astype(np.float32)]), np.concatenate([x, [1.0]], dtype=np.float32),
        np.full_like(x, x[0]), np.resize(x, 7), np.pad(x, 2, "median"),
    ):  # fmt: skip
        assert y.dtype == np.float32 and y.requires_grad


BAD = {
    "matrix_transpose": (lambda: np.matrix_transpose(leaf(3)), ValueError, r"matrix_transpose: .*\(3,\)"),
    "moveaxis": (lambda: np.moveaxis(leaf(2, 3), [0, 1], 0), ValueError, r"moveaxis: .*\(2, 3\)"),
    "moveaxis axis": (lambda: np.moveaxis(leaf(2), 1, 0), ValueError, r"moveaxis: source.* 1 is out"),
    "rollaxis": (lambda: np.rollaxis(leaf(2, 3), 2), ValueError, r"rollaxis: axis=2, .*\(2, 3\)"),
    "flip": (lambda: np.flip(leaf(2), 1), ValueError, "flip: axis 1 is out of bounds"),
    "fliplr": (lambda: np.fliplr(leaf(2)), ValueError, r"fliplr: .*at least 2 axes, .*\(2,\)"),
    "flipud": (lambda: np.flipud(leaf()), ValueError, r"flipud: .*at least 1 axes, .*\(\)"),
    "rot90": (lambda: np.rot90(leaf(2, 2), axes=(0, 0)), ValueError, r"rot90: .*\(2, 2\)"),
    "roll": (lambda: np.roll(leaf(2), 1, 3), ValueError, "roll: axis 3 is out"),
    "repeat": (lambda: np.repeat(leaf(2), [1, 2, 3]), ValueError, r"repeat: .*\(2,\)"),
    "repeat negative": (lambda: np.repeat(leaf(2), [1, -2]), ValueError, "repeat: .*negative"),
    "tile": (lambda: np.tile(leaf(2), -1), ValueError, r"tile: .*negative.*\(2,\)"),
    "resize": (lambda: np.resize(leaf(2), (2, -1)), ValueError, r"resize: .*at least 0, not \(2, -1\)"),
    "broadcast_arrays": (
        lambda: np.broadcast_arrays(leaf(2), leaf(3)),
        ValueError,
        r"broadcast_arrays: .*\(2,\), \(3,\)",
    ),
    "squeeze": (lambda: np.squeeze(leaf(2, 1), 0), ValueError, r"squeeze: .*\(2, 1\)"),
    "expand_dims": (lambda: np.expand_dims(leaf(2), (0, 0)), ValueError, r"expand_dims: .*repeated axis"),
    "diag": (lambda: np.diag(leaf(2, 2, 2)), ValueError, r"diag: .*\(2, 2, 2\)"),
    "tril": (lambda: np.tril(leaf()), (ValueError, TypeError), r"tril: .*\(\)"),
    "meshgrid": (lambda: np.meshgrid(leaf(2), indexing="yx"), ValueError, "'xy' or 'ij', not 'yx'"),
    "stack": (lambda: np.stack([]), ValueError, "at least one"),
    "hstack": (lambda: ag.hstack([]), ValueError, "hstack: takes at least one array"),
    "hstack no list": (lambda: ag.hstack(2.0), TypeError, "hstack: takes a list of arrays, not float"),
    "hstack shapes": (
        lambda: np.hstack([leaf(2, 3), leaf(3)]),
        ValueError,
        r"concatenate: .*\(2, 3\).*\(3,\)",
    ),
    "vstack": (lambda: np.vstack([leaf(2), leaf(3)]), ValueError, r"\(1, 2\) float64, \(1, 3\)"),
    "concatenate dtype": (
        lambda: np.concatenate([leaf(2)], dtype=int, casting="unsafe"),
        TypeError,
        "int64 has no gradient",
    ),
    "concatenate casting": (
        lambda: np.concatenate([leaf(2)], dtype=np.float32, casting="safe"),
        TypeError,
        "concatenate: .*'safe'",
    ),
    "block": (
        lambda: np.block([[leaf(2)], leaf(2)]),
        ValueError,
        "block: the lists in arrays are not of one depth",
    ),
    "block empty": (lambda: ag.block([[leaf(2)], []]), ValueError, r"block: arrays\[1\] is an empty list"),
    "block tuple": (lambda: ag.block([(leaf(2),)]), TypeError, r"block: arrays\[0\] is a tuple"),
    "append": (lambda: np.append(leaf(2), leaf(2, 2), 0), ValueError, r"\(2,\) float64, \(2, 2\)"),
    "insert": (lambda: np.insert(leaf(2), 5, 1.0), IndexError, r"insert: .*5.*\(2,\), axis 0"),
    "insert axis": (lambda: np.insert(leaf(2), 0, 1.0, 3), ValueError, r"insert: axis 3 .*\(2,\)"),
    "insert values": (
        lambda: np.insert(leaf(2, 3), [0, 1], leaf(4), 1),
        ValueError,
        r"insert: .*\(2, 3\).*\(1, 4\)",
    ),
    "insert an integer": (
        lambda: ag.insert([1, 2], 0, leaf()),
        TypeError,
        "insert: values require .*int64; cast",
    ),
    "delete": (lambda: np.delete(leaf(2, 3), 3, 1), IndexError, r"delete: .*3.*\(2, 3\), axis 1"),
    "delete axis": (lambda: np.delete(leaf(2), 0, 1), ValueError, r"delete: axis 1 .*\(2,\)"),
    "delete bools": (
        lambda: np.delete(leaf(3), np.array([True])),
        ValueError,
        r"delete: booleans of shape \(1,\)",
    ),
    "delete a bool": (lambda: np.delete(leaf(3), True), ValueError, r"delete: booleans of shape \(\)"),
    "array_split": (lambda: np.array_split(leaf(3), 0), ValueError, "array_split: .*at least 1, not 0"),
    "array_split axis": (lambda: np.array_split(leaf(3), 2, 1), (ValueError, IndexError), r"split: .*\(3,\)"),
    "split": (lambda: np.split(leaf(5), 2), ValueError, r"split: 2 sections .* length 5 .*\(5,\)"),
    "split floats": (lambda: np.split(leaf(5), [1.5]), TypeError, "split: .*float"),
    "hsplit": (lambda: np.hsplit(leaf(), 1), ValueError, r"hsplit: .*\(\)"),
    "vsplit": (lambda: np.vsplit(leaf(3), 1), ValueError, r"vsplit: .*at least 2 axes.*\(3,\)"),
    "dsplit": (lambda: np.dsplit(leaf(3, 2), 1), ValueError, r"dsplit: .*at least 3 axes.*\(3, 2\)"),
    "unstack": (lambda: np.unstack(leaf()), ValueError, r"unstack: .*\(\)"),
    "unstack axis": (lambda: np.unstack(leaf(2), axis=1), ValueError, r"unstack: axis 1 .*\(2,\)"),
    "windows": (lambda: windows(leaf(3), 4), ValueError, r"sliding_window_view: .*\(3,\)"),
    "windows negative": (lambda: windows(leaf(3), -1), ValueError, "sliding_window_view: .*negative"),
    "windows axes": (lambda: windows(leaf(3, 3), 2), ValueError, "sliding_window_view: .*window_shape"),
    "trim_zeros": (lambda: np.trim_zeros(leaf(3), "x"), ValueError, "trim_zeros: .*not 'x'"),
    "reshape no copy": (lambda: leaf(2, 3).T.reshape(6, copy=False), ValueError, "reshape: .*copy"),
    "asarray no copy": (
        lambda: ag.asarray(leaf(2), np.float32, copy=False),
        ValueError,
        "copy=None allows it",
    ),
    "array no copy": (lambda: ag.array([1.0], copy=False), ValueError, "copy=None allows it"),
    "require": (lambda: ag.require(leaf(2), requirements="X"), ValueError, "require: .*not 'X'"),
    "require both": (lambda: ag.require(leaf(2), requirements="CF"), ValueError, "'C' or 'F', not both"),
    "astype casting": (lambda: leaf(2).astype(np.float32, casting="safe"), TypeError, "astype: .*'safe'"),
    "full_like": (lambda: np.full_like(Tensor([1, 2]), leaf()), TypeError, "int64 has no gradient"),
    "pad by a function": (lambda: np.pad(leaf(2), 1, lambda *_: None), ValueError, "pad: .*no gradient"),
    "pad width": (
        lambda: np.pad(leaf(2), -1, "reflect", reflect_type="odd"),
        ValueError,
        "pad: pad_width is at least 0",
    ),
    "pad of nothing": (lambda: np.pad(leaf(0), 1, "wrap"), ValueError, r"'wrap' finds nothing on axis 0"),
    "pad by nothing": (
        lambda: np.pad(leaf(2), 1, "median", stat_length=0),
        ValueError,
        "pad: mode 'median' finds nothing on axis 0 .*length=0",
    ),
    "pad argument": (lambda: np.pad(leaf(2), 1, "median", end_values=1), ValueError, "takes no end_values"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, text = BAD[name]
    with pytest.raises(kind, match=text):
        call()
