"""Arguments of NumPy's functions: values, dtypes and gradients are those that NumPy's numbers say."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

X = np.random.default_rng(0).uniform(0.5, 2, (3, 4))
MASK = X > 0.55
ROW = np.array([True, False, True, True])
ODD = {"mode": "reflect", "reflect_type": "odd"}


def leaf(x=X):
    return Tensor(np.array(x, float), requires_grad=True)


SAME = {
    **{
        f"{fn.__name__} {sorted(kwargs)} {i}": lambda x, fn=fn, kwargs=kwargs: fn(x, **kwargs)
        for fn in (np.sum, np.prod)
        for i, kwargs in enumerate(
            [
                {"where": MASK},
                {"axis": 0, "where": ROW},
                {"axis": 1, "where": MASK, "keepdims": True, "initial": 1.5},
                {"axis": (0, -1), "initial": 2},
                {"axis": (), "where": MASK},
                {"where": False},
                {"axis": 1, "where": ROW.tolist()},
            ]
        )
    },
    **{
        f"{fn.__name__} {sorted(kwargs)} {i}": lambda x, fn=fn, kwargs=kwargs: fn(x, **kwargs)
        for fn in (np.mean, np.var, np.std)
        for i, kwargs in enumerate(
            [{"where": MASK}, {"axis": 1, "where": ROW}, {"axis": -1, "where": MASK, "keepdims": True}]
        )
    },
    **{
        f"{fn.__name__} {sorted(kwargs)}": lambda x, fn=fn, kwargs=kwargs: fn(x, **kwargs)
        for fn in (np.max, np.min)
        for kwargs in (
            {"axis": 0, "initial": 1.03},
            {"axis": 1, "where": MASK, "initial": 1.03},
            {"where": ROW, "initial": 1.03, "keepdims": True},
        )
    },
    "var correction": lambda x: np.var(x, 1, correction=1),
    "var ddof of a half": lambda x: np.var(x, 1, ddof=0.5),
    "std correction, where": lambda x: np.std(x, 1, where=MASK, correction=1),
    "clip min": lambda x: np.clip(x, min=0.81),
    "clip min, max": lambda x: np.clip(x, min=0.81, max=1.52),
    "clip by arrays": lambda x: np.clip(x, X[:1] - 0.1, X[:, :1] + 0.2),
    "clip of nothing": lambda x: np.clip(x, None, None),
    ".clip": lambda x: x.clip(max=1.52),
    ".clip(a, b)": lambda x: x.clip(0.81, 1.52),
    "take wrap": lambda x: np.take(x, [-13, 12, 7, 7], mode="wrap"),
    "take clip": lambda x: np.take(x, [[-1, 9]], 1, mode="clip"),
    ".take": lambda x: x.take([5, 1], axis=0, mode="wrap"),
    "reshape F": lambda x: np.reshape(x, (4, 3), order="F"),
    ".reshape F": lambda x: x.reshape(2, -1, order="F"),
    ".ravel F": lambda x: x.ravel("F"),
    ".flatten F": lambda x: x.flatten(order="F"),
    ".cumsum": lambda x: x.cumsum(axis=1),
    ".trace": lambda x: x.trace(offset=1),
    ".diagonal": lambda x: x.diagonal(-1, 1, 0),
    "trace of a stack": lambda x: np.trace(np.reshape(x, (2, 3, 2)), 0, 2, 0),
    "einsum lists": lambda x: np.einsum(x, [0, 1], X, [2, 1], [2, 0]),
    "einsum lists, implicit": lambda x: np.einsum(x, [1, 0]),
    "einsum lists, dots": lambda x: np.einsum(x, [..., 3], x, [..., 3], [...]),
    "einsum of a number": lambda x: np.einsum(",ij->ji", 2.0, x),
    "einsum all at once": lambda x: np.einsum("ij,kj,kl->il", x, X, x, optimize=False),
    "einsum along a path": lambda x: np.einsum(
        "ij,kj,kl->il", x, X, X, optimize=["einsum_path", (1, 2), (0, 1)]
    ),
    "dot of stacks": lambda x: np.dot(np.reshape(x, (2, 2, 3)), np.ones((2, 3, 2))),
    "stack of an array": lambda x: np.stack(x, axis=1),
    "concatenate of an array": lambda x: np.concatenate(x[..., None], axis=-1),
    "concatenate of a stack": lambda x: np.concatenate(np.reshape(x, (2, 3, 2)), 1),
    "ramp": lambda x: np.pad(x, ((0, 3), (2, 1)), "linear_ramp", end_values=((1, 2), (3, 4))),
    "reflect more than there is": lambda x: np.pad(x, ((5, 7), (0, 9)), "reflect"),
    "symmetric more than there is": lambda x: np.pad(x, ((5, 7), (0, 9)), "symmetric"),
    "wrap more than there is": lambda x: np.pad(x, (8, 1), "wrap"),
    "edge": lambda x: np.pad(x, ((1, 0), (0, 2)), "edge"),
    "mean of an edge": lambda x: np.pad(x, 2, "mean", stat_length=((1, 2), (3, 9))),
    "largest": lambda x: np.pad(x, 1, "maximum"),
    "smallest of an edge": lambda x: np.pad(x, (2, 1), "minimum", stat_length=2),
    "constants of sides": lambda x: np.pad(x, 1, constant_values=((1, 2), (3, 4))),
    "sort": lambda x: np.sort(x, 0, kind="stable"),
    "repeat": lambda x: np.repeat(x, [2, 0, 1], axis=0),
    "remainder of negatives": lambda x: np.remainder(-x, X[0] - 0.07),
    "fmod of negatives": lambda x: np.fmod(-x, X[0] - 0.07),
    "divmod": lambda x: divmod(-x, 0.7)[1],
}


@pytest.mark.parametrize("name", SAME)
def test_numbers_and_gradients(name):
    f = SAME[name]
    x, expected = leaf(), f(X)
    y = f(x)
    assert isinstance(y, Tensor) and y.shape == np.shape(expected) and y.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(y.data, expected, rtol=1e-13)
    assert ag.gradcheck(f, [x], reference=f) and ag.gradcheck(f, [x], reference=f, order=2)


@pytest.mark.parametrize("fn", [np.sum, np.prod, np.mean, np.var, np.std, np.cumsum])
def test_dtype(fn):
    for own, other in ((np.float64, np.float32), (np.float32, np.float64), (np.float16, np.float32)):
        x = Tensor(X.astype(own), requires_grad=True)
        y, expected = fn(x, axis=0, dtype=other), fn(X.astype(own), axis=0, dtype=other)
        assert y.dtype == expected.dtype == other
        np.testing.assert_allclose(y.data, expected, rtol=1e-5)
        y.sum().backward()
        assert x.grad.dtype == own
    integers = Tensor(np.arange(6).reshape(2, 3))
    assert fn(integers, axis=0).dtype == fn(integers.data, axis=0).dtype
    if fn in (np.sum, np.cumsum):
        assert fn(Tensor(X), axis=0, dtype=int).dtype == np.int64
        with pytest.raises(TypeError, match=rf"{fn.__name__}: int64 has no gradient"):
            fn(leaf(), axis=0, dtype=int)
    with pytest.raises(TypeError, match="cumsum: int64 has no gradient"):
        leaf().cumsum(0, int)


def test_a_mean_that_is_known():
    x = leaf()
    mean = x.mean(axis=1, keepdims=True)
    for f in (ag.var, ag.std):
        plain = f(x, 1)
        y = f(x, 1, mean=mean.detach())
        np.testing.assert_allclose(y.data, plain.data, rtol=1e-14)
        a, b = (ag.grad(v.sum(), x)[0].data for v in (y, plain))
        np.testing.assert_allclose(a, b, rtol=1e-12)
        with pytest.raises(TypeError, match=r"no gradient for mean=; pass it \.detach\(\)ed"):
            f(x, 1, mean=mean)
        masked = f(x, 1, mean=np.ones((3, 1)), where=MASK)
        expected = getattr(np, f.__name__)(X, 1, mean=np.ones((3, 1)), where=MASK)
        np.testing.assert_allclose(masked.data, expected, rtol=1e-14)


def test_where_alone_is_nonzero():
    for y, z in zip(np.where(leaf() > 1), np.where(X > 1), strict=True):
        np.testing.assert_array_equal(y.data, z)
    np.testing.assert_array_equal(ag.where([0, 2, 0, 1])[0].data, [1, 3])


@pytest.mark.parametrize(
    "mode", ["reflect", "symmetric", "edge", "wrap", "linear_ramp", "maximum", "minimum", "mean"]
)
def test_padding_of_constants_is_numpys_to_the_bit(mode):
    for data in (X, np.array([[1, 2, 7], [3, 3, 5]])):
        y, z = np.pad(Tensor(data), ((1, 2), (0, 3)), mode), np.pad(data, ((1, 2), (0, 3)), mode)
        assert y.dtype == z.dtype
        np.testing.assert_array_equal(y.data, z)
    with ag.no_grad():
        np.testing.assert_array_equal(np.pad(leaf(), 1, mode).data, np.pad(X, 1, mode))


def test_padding_of_other_kinds():
    np.testing.assert_array_equal(np.pad(Tensor(X), 1, "median").data, np.pad(X, 1, "median"))
    np.testing.assert_array_equal(np.pad(Tensor(X), 1, **ODD).data, np.pad(X, 1, **ODD))
    assert np.pad(leaf(), 1, "empty").shape == (5, 6)
    by_axis = np.pad(leaf(), {-1: (1, 2)})
    np.testing.assert_array_equal(by_axis.data, np.pad(X, ((0, 0), (1, 2))))


def test_divmod_of_constants_and_swapped():
    for a, b in ((leaf(), 0.7), (5, leaf()), (leaf(), leaf()), (Tensor([7, 8]), 3)):
        found = divmod(a, b)
        expected = divmod(*(v.data if isinstance(v, Tensor) else v for v in (a, b)))
        for y, z in zip(found, expected, strict=True):
            np.testing.assert_array_equal(y.data, z)
            assert y.dtype == z.dtype
    y = leaf() * 1
    y %= 0.7
    np.testing.assert_array_equal(y.data, X % 0.7)


REFUSED = {
    "two limits": (lambda: np.clip(leaf(), 0, 1, min=2), ValueError, "two names of one limit"),
    "ddof and correction": (lambda: ag.var(X, ddof=1, correction=1), ValueError, "var: ddof and correction"),
    "half a where": (lambda: np.where(MASK, leaf()), ValueError, "both x and y"),
    "a mask without a start": (lambda: np.max(leaf(), where=MASK), ValueError, "max: .*initial"),
    "an order": (lambda: leaf().reshape(-1, order="K"), ValueError, "order is 'C', 'F' or 'A', not 'K'"),
    "a mode of take": (lambda: leaf().take([9], mode="x"), ValueError, "take: .*'clip', 'raise', or 'wrap'"),
    "another argument": (lambda: ag.pad(X, 1, "edge", end_values=1), ValueError, "takes no end_values"),
    "a mode of pad": (lambda: np.pad(leaf(), 1, "sideways"), ValueError, "'sideways' is none of constant, "),
    "a letter too many": (lambda: np.einsum(leaf(), [0, 52]), TypeError, "numbers from 0 to 51"),
    "no subscripts": (lambda: ag.einsum(leaf(), leaf()), TypeError, "einsum: takes subscripts as a string"),
    "a result's place": (lambda: np.sum(leaf(), out=np.zeros(())), TypeError, "np.sum: out= is an ndarray"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named(name):
    call, kind, message = REFUSED[name]
    with pytest.raises(kind, match=message):
        call()
