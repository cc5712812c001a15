"""Keywords and methods of NumPy's ufuncs with Tensors, and `like=`."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, gradcheck, protocols

X = np.random.default_rng(0).uniform(0.5, 2, (2, 3))
TWO = [np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.fmin, np.hypot, np.arctan2]
TWO += [np.logaddexp, np.fmod, np.remainder, np.copysign, np.float_power, np.greater, np.logical_or]
few = settings(max_examples=8, deadline=None, derandomize=True, database=None)


def leaf(x=X, dtype=None):
    return Tensor(np.array(x, dtype), requires_grad=True)


# ------------------------------------------------------------------------------------------- methods


@pytest.mark.parametrize("ufunc", TWO, ids=lambda u: u.__name__)
@given(hnp.array_shapes(min_dims=0, max_dims=2, min_side=0), hnp.array_shapes(min_dims=0, max_dims=2))
@few
def test_outer(ufunc, a, b):
    a, b = (np.random.default_rng(i).uniform(0.5, 2, shape) for i, shape in enumerate((a, b)))
    y, z = ufunc.outer(leaf(a), leaf(b)), ufunc.outer(a, b)
    assert y.dtype == z.dtype and y.shape == z.shape
    np.testing.assert_allclose(y.data, z, rtol=5e-16)
    np.testing.assert_allclose(ufunc.outer(a, Tensor(b)).data, z, rtol=5e-16)


def test_gradient_of_outer():
    assert gradcheck(lambda a, b: np.divide.outer(a, b), [leaf(), leaf(X[0])], reference=np.divide.outer)
    assert gradcheck(lambda a: np.hypot.outer([1.0, 2.0], a), [leaf()], order=2)
    y = np.subtract.outer([leaf(1.0), 2.0], Tensor(3.0), dtype=np.float32)
    assert y.requires_grad and y.dtype == np.float32 and y.data.tolist() == [-2, -1]


def test_reduce_of_logaddexp():
    mask = np.array([True, False, True])
    for ufunc in (np.logaddexp, np.logaddexp2):
        for options in ({}, {"axis": 1, "keepdims": True}, {"axis": -1, "initial": 0.5},
                        {"axis": 1, "where": mask, "initial": -np.inf}):  # fmt: skip
            assert gradcheck(
                lambda x, u=ufunc, o=options: u.reduce(x, **o),
                [leaf()],
                reference=lambda x, u=ufunc, o=options: u.reduce(x, **o),
            )


def test_reduce_takes_dtype_out_and_axis_in_their_places():
    target = Tensor(np.zeros(2))
    assert np.add.reduce(leaf(), 1, None, target) is target and target.requires_grad
    np.testing.assert_array_equal(target.data, X.sum(1))
    for ufunc in (np.maximum, np.minimum, np.add, np.multiply):
        assert ufunc.reduce(leaf(), dtype=np.float32).dtype == np.float32
        np.testing.assert_allclose(ufunc.reduce(leaf(), (0, 1)).data, ufunc.reduce(X, (0, 1)), rtol=1e-15)
    assert np.logical_and.reduce(leaf()).dtype == bool  # a constant, of whatever
    assert np.greater.outer(leaf(X[0]), [1.0]).shape == (3, 1)


def test_accumulate_is_the_op_whose_fact_names_it(monkeypatch):
    seen = {}

    def running(x, **kwargs):
        seen.update(kwargs)
        return x * 2

    monkeypatch.setitem(protocols.FUNCTIONS, np.subtract.accumulate, running)
    np.testing.assert_array_equal(np.subtract.accumulate(leaf()).data, 2 * X)
    assert seen == {"axis": 0}
    target = Tensor(np.zeros((2, 3)))
    assert np.subtract.accumulate(leaf(), 1, np.float32, target) is target and seen["axis"] == 1
    np.testing.assert_array_equal(target.data, (2 * X.astype(np.float32)).astype(float))


def test_what_has_no_op_is_refused_where_a_gradient_is_wanted():
    for name in ("reduceat", "at"):
        for ufunc in (np.power, np.hypot):
            args = ([0, 1], leaf(1.0)) if name == "at" else ([0, 1],)
            with pytest.raises(TypeError, match=rf"np\.{ufunc.__name__}\.{name} has no gradient here"):
                getattr(ufunc, name)(leaf(X[0]) * 1, *args)
    c = Tensor(X[0].copy())
    loss = (leaf(X[0]) * c).sum()
    np.subtract.at(c, [0, 0], Tensor(1.0))
    assert c.data[0] == X[0, 0] - 2
    with pytest.raises(RuntimeError, match="in place"):  # it was noticed
        loss.backward()
    np.testing.assert_array_equal(np.add.reduceat(Tensor(X), [0, 1]).data, np.add.reduceat(X, [0, 1]))
    assert np.add.accumulate(Tensor(X), out=(total := Tensor(np.zeros((2, 3))))) is total
    np.testing.assert_array_equal(total.data, X.cumsum(0))


def test_add_at_into_an_array():
    total = np.zeros(2)
    np.add.at(total, [0, 0], Tensor(np.ones(2)))
    assert total.tolist() == [2, 0]
    with pytest.raises(TypeError, match=r"np\.add\.at: .* is written into an ndarray"):
        np.add.at(total, [0, 0], leaf(np.ones(2)))


# ------------------------------------------------------------------------------------------ keywords

SMOOTH = {"arccosh": (X + 1,), "arcsin": (X / 3,), "arctanh": (X / 3,), "log": (X,), "divide": (X, X[::-1])}


@pytest.mark.parametrize("name", SMOOTH)
@given(hnp.arrays(bool, (2, 3)), st.booleans())
@few
def test_what_where_leaves_out_has_no_part(name, mask, given_out):
    """Its numbers may be any: no warning (they are errors), no gradient, and out as it was."""
    ufunc, arrays = getattr(np, name), [a.copy() for a in SMOOTH[name]]
    for a in arrays:
        a[~mask] = 0 if name in ("log", "divide") else 1
    tensors = [leaf(a) for a in arrays]
    kept = np.full((2, 3), 7.0) if given_out else np.zeros((2, 3))
    out = {"out": Tensor(kept.copy())} if given_out else {}
    y = ufunc(*tensors, where=mask, **out)
    np.testing.assert_array_equal(y.data, ufunc(*arrays, where=mask, out=kept))
    y.sum().backward()
    if mask.all():
        fresh = [leaf(a) for a in arrays]
        ufunc(*fresh).sum().backward()
        assert all(np.array_equal(t.grad, f.grad) for t, f in zip(tensors, fresh, strict=True))
    assert all(np.isfinite(t.grad).all() and not t.grad[~mask].any() for t in tensors)


def test_where_of_whole_numbers_and_of_what_is_constant():
    y = np.floor_divide(Tensor([4, 5]), Tensor([0, 2]), where=[False, True])
    assert y.data.tolist() == [0, 2] and y.dtype == int
    out = Tensor(np.array([True, True]))
    assert np.isnan(leaf([1.0, 1.0]), where=np.array([True, False]), out=out).data.tolist() == [False, True]


def test_dtype_and_casting():
    x = leaf(dtype=np.float32)
    y = np.multiply(x, X, dtype=np.float32)
    assert y.dtype == np.float32 and np.exp(x, dtype=np.float64).dtype == np.float64
    np.testing.assert_array_equal(np.exp(x, dtype=np.float64).data, np.exp(x.data, dtype=np.float64))
    y.sum().backward()
    assert x.grad.dtype == np.float32
    assert np.less(x, 1, dtype=bool).dtype == bool
    assert np.ldexp(x, 1, dtype=np.float64).dtype == np.float64
    with pytest.raises(TypeError, match="np.add: float64 does not go to float32 by 'safe' casting"):
        np.add(leaf(), 1, dtype=np.float32, casting="safe")
    with pytest.raises(TypeError, match="int64 has no gradient"):
        np.add(leaf(), 1, dtype=np.int64, casting="unsafe")
    for out in (np.zeros(2, int), Tensor(np.zeros(2, int))):
        with pytest.raises(TypeError, match="float64"):
            np.add(Tensor([1.5, 2]), 1, out=out)
        assert np.add(Tensor([1.5, 2]), 1, out=out, casting="unsafe") is out and out.tolist() == [2, 3]


def test_order_and_subok_change_nothing_and_signature_is_refused():
    np.testing.assert_array_equal(np.exp(leaf(), order="F", subok=False).data, np.exp(X))
    assert np.add(Tensor(X), 1, signature="dd->d").shape == (2, 3)
    with pytest.raises(TypeError, match=r"np\.add with signature= has no gradient"):
        np.add(leaf(), 1, signature="dd->d")


def test_out_in_its_place_and_of_a_larger_shape():
    target = Tensor(np.zeros((2, 2, 3)))
    x = leaf()
    assert np.add(x, 1, target) is target
    np.testing.assert_array_equal(target.data, [X + 1, X + 1])
    target.sum().backward()
    assert (x.grad == 2).all()
    with pytest.raises(ValueError, match="does not fit"):
        np.add(x, 1, Tensor(np.zeros(3)))
    for call in (lambda o: np.fix(leaf(), o), lambda o: np.round(leaf(), 0, o)):
        out = Tensor(np.zeros((2, 3)))
        assert call(out) is out and out.requires_grad


@pytest.mark.parametrize("ufunc", [np.modf, np.frexp])
def test_out_of_two_results(ufunc):
    expected = ufunc(X)
    first, second = Tensor(np.zeros((2, 3))), np.zeros((2, 3), expected[1].dtype)
    x = leaf()
    a, b = ufunc(x, out=(first, None))
    assert a is first and a.requires_grad and b.shape == (2, 3)
    a, b = ufunc(Tensor(X), np.zeros((2, 3)), second)
    assert b is second and type(a) is np.ndarray
    for y, z in zip((first.data, second), expected, strict=True):
        np.testing.assert_array_equal(y, z)
    a, b = ufunc(x, where=X > 1)
    assert not a.data[X <= 1].any() and not b.data[X <= 1].any()
    with pytest.raises(TypeError, match="would be lost"):
        ufunc(x, np.zeros((2, 3)), None)


# ---------------------------------------------------------------------------------------------- like=


def test_arrays_like_a_tensor_are_tensors():
    t = leaf()
    made = {
        "zeros": np.zeros((2,), like=t), "ones": np.ones(2, np.float32, like=t), "eye": np.eye(2, like=t),
        "tri": np.tri(2, like=t), "identity": np.identity(2, like=t), "arange": np.arange(1, 3, like=t),
        "empty": np.empty((0,), like=t), "full": np.full((2,), 3, like=t), "array": np.array([1, 2], like=t),
        "asarray": np.asarray([1.0], np.float32, like=t), "asanyarray": np.asanyarray(X, like=t),
        "fromiter": np.fromiter([1, 2], float, like=t), "ascontiguousarray": np.ascontiguousarray(X, like=t),
    }  # fmt: skip
    for name, y in made.items():
        assert type(y) is Tensor and not y.requires_grad, name
    assert made["ones"].dtype == made["asarray"].dtype == np.float32
    assert made["full"].data.tolist() == [3, 3] and made["arange"].data.tolist() == [1, 2]


def test_arrays_of_tensors_like_a_tensor_keep_the_gradient():
    t, x = leaf(2.0), leaf()
    y = np.array([[t, 1.0], [3.0, t]], like=t)
    y.backward(np.array([[1.0, 10], [100, 1000]]))
    assert y.data.tolist() == [[2, 1], [3, 2]] and t.grad == 1001
    assert np.asarray(x, like=x) is x and np.asarray([x, x], like=x).shape == (2, 2, 3)
    copied = np.array(x, np.float32, ndmin=3, like=x)
    assert copied.shape == (1, 2, 3) and copied.dtype == np.float32 and copied.requires_grad
    assert np.array(x, like=x) is not x and not np.shares_memory(np.array(x, like=x).data, x.data)
    assert gradcheck(lambda t: np.full((2, 3), t, like=t), [leaf(X[0])])
    assert gradcheck(lambda t: np.full_like(leaf(), t), [leaf(2.0)])
    assert np.full_like(x, t, dtype=np.float32, shape=4).data.tolist() == [2] * 4


def test_a_list_of_tensors_says_how_it_becomes_an_array():
    for make in (np.array, np.asarray):
        with pytest.raises(TypeError, match=r"np\.stack\(\[\.\.\.\]\)"):
            make([leaf(1.0), leaf(2.0)])
    np.testing.assert_array_equal(np.stack([leaf(1.0), leaf(2.0)]).data, [1, 2])  # the advice
    with ag.no_grad():
        assert np.full_like(leaf(), leaf(2.0)).shape == (2, 3)
