"""Functions that pick, choose, count and write by index, made of ops: held to NumPy's and to differences."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor, gradcheck

rng = np.random.default_rng(0)
MASK = rng.random((3, 4)) < 0.5
BINS = np.linspace(-1, 1, 4)
AT = rng.uniform(-1.2, 1.2, (3, 4))
IDS = np.array([[2, 0, -1], [1, 1, 2]])


def wave(row):
    return np.stack([np.sin(row).sum(), row[0] * row[-1]])


# name: (function of np or ag, and arrays; their shapes)
SAME = {
    "select": (lambda f, x, y: f.select([x > 5, AT > 0, MASK], [x, x * y, y], y * y), (3, 4), (4,)),
    "select default": (lambda f, x: f.select([AT > 0], [x]), (3, 4)),
    "piecewise": (lambda f, x: f.piecewise(x, [AT > 0.5, AT < -0.5], [np.sin, lambda v: v * v, 3.0]), (3, 4)),
    "piecewise of one": (lambda f, x: f.piecewise(x, MASK[0], [np.sin]), (4,)),
    "piecewise with arguments": (
        lambda f, x: f.piecewise(x, [MASK], [lambda v, a, b: v * a + b], 2, b=5), (3, 4)
    ),
    "piecewise of a number": (lambda f, x: f.piecewise(x, [True, False], [np.sin, np.cos]), ()),
    "compress": (lambda f, x: f.compress([True, False, True], x, 1), (2, 4)),
    "compress all": (lambda f, x: f.compress([0, 1, 1], x), (2, 4)),
    "extract": (lambda f, x: f.extract(MASK, x), (3, 4)),
    "where": (lambda f, x: f.where(MASK, x, 0), (3, 4)),
    "unique": (lambda f, x: f.unique(x), (3, 2)),
    "unique axis": (lambda f, x: f.unique(x, axis=1), (2, 3)),
    "unique of some": (lambda f, x: f.unique(x, True, True, True)[0], (0,)),
    "unique_values": (lambda f, x: f.unique_values(x), (3,)),
    "unique_counts": (lambda f, x: f.unique_counts(x).values, (3,)),
    "unique_inverse": (lambda f, x: f.unique_inverse(x).values, (3,)),
    "unique_all": (lambda f, x: f.unique_all(x).values, (3, 2)),
    "bincount": (lambda f, w: f.bincount([1, 0, 1, 5], w, 9), (4,)),
    "histogram": (lambda f, w: f.histogram(AT, 5, weights=w)[0], (3, 4)),
    "histogram edges": (lambda f, w: f.histogram(AT, BINS, weights=w)[0], (3, 4)),
    "histogram range": (lambda f, w: f.histogram(AT, 3, (-0.5, 1), weights=w)[0], (3, 4)),
    "histogram density": (lambda f, w: f.histogram(AT, BINS, density=True, weights=w * w)[0], (3, 4)),
    "histogram2d": (lambda f, w: f.histogram2d(AT[0], AT[1], 3, weights=w)[0], (4,)),
    "histogram2d density": (
        lambda f, w: f.histogram2d(AT[0], AT[1], [BINS, 2], density=True, weights=w + 9)[0], (4,)
    ),
    "histogramdd": (lambda f, w: f.histogramdd(AT, (2, 1, 2, 3), weights=w)[0], (3,)),
    "histogramdd list": (lambda f, w: f.histogramdd((AT[0], AT[1]), 2, density=True, weights=w + 9)[0], (4,)),
    "apply_along_axis": (lambda f, x: f.apply_along_axis(wave, 1, x), (2, 3, 2)),
    "apply_along_axis 0": (lambda f, x: f.apply_along_axis(np.sum, 0, x), (3, 2)),
    "apply_along_axis of matrices": (
        lambda f, x: f.apply_along_axis(lambda r: r[:, None] * r, -2, x), (2, 3, 2)
    ),
    "apply_over_axes": (lambda f, x: f.apply_over_axes(np.sum, x, [0, -1]), (2, 3, 2)),
    "choose": (lambda f, x, y: f.choose([[0, 1, 1]], [x, y]), (2, 3), (3,)),
}  # fmt: skip


@pytest.mark.parametrize("f", [np, ag], ids=["np", "ag"])
@pytest.mark.parametrize("name", SAME)
def test_values_and_gradients_of_both_orders(name, f):
    fn, *shapes = SAME[name]
    xs = [leaf(*shape, seed=i) for i, shape in enumerate(shapes)]
    expected = fn(np, *(x.data for x in xs))
    y = fn(f, *xs)
    assert type(y) is Tensor and y.dtype == expected.dtype
    np.testing.assert_allclose(y.data, expected, rtol=1e-13)
    assert gradcheck(lambda *xs: fn(f, *xs), xs, reference=lambda *xs: fn(np, *xs))
    assert gradcheck(lambda *xs: fn(f, *xs) ** 2, xs, order=2)


@pytest.mark.parametrize("name", SAME)
def test_float32_is_kept(name):
    fn, *shapes = SAME[name]
    xs = [Tensor(leaf(*shape).data.astype(np.float32), requires_grad=True) for shape in shapes]
    y = fn(ag, *xs)
    assert y.dtype == np.float32 and all(g.dtype == np.float32 for g in ag.grad(y.sum(), xs))


WITHOUT = {
    "nonzero": lambda f, x: f.nonzero(x > 0)[0],
    "argwhere": lambda f, x: f.argwhere(x > 0),
    "flatnonzero": lambda f, x: f.flatnonzero(x > 0),
    "where": lambda f, x: f.where(x > 0)[1],
    "argsort": lambda f, x: f.argsort(x, 0),
    "argpartition": lambda f, x: f.argpartition(x, 1, 0)[1],
    "lexsort": lambda f, x: f.lexsort((x[0], x[1])),
    "searchsorted": lambda f, x: f.searchsorted(BINS, x, side="right"),
    "digitize": lambda f, x: f.digitize(x, BINS),
    "isin": lambda f, x: f.isin(x, [0.5]),
    "histogram": lambda f, x: f.histogram(x, 4)[0],
    "histogram edges": lambda f, x: f.histogram(x, 4)[1],
    "histogram2d": lambda f, x: f.histogram2d(x[0], x[1])[0],
    "histogramdd": lambda f, x: f.histogramdd(x, 2)[0],
    "histogram_bin_edges": lambda f, x: f.histogram_bin_edges(x, 3),
    "bincount": lambda f, x: f.bincount((x[0] > 0).astype(int)),
    "unique_counts": lambda f, x: f.unique_counts(x).counts,
    "unravel_index": lambda f, x: f.unravel_index(f.argmax(x), x.shape)[1],
    "ravel_multi_index": lambda f, x: f.ravel_multi_index(f.nonzero(x > 0), x.shape),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_what_has_no_gradient_is_constant_and_numpys(name):
    x = leaf(3, 4)
    for f in (ag, np):
        y = WITHOUT[name](f, x)
        assert type(y) is Tensor and not y.requires_grad
        np.testing.assert_array_equal(y.data, WITHOUT[name](np, x.data))


def test_ix_opens_a_grid_of_tensors():
    x = leaf(3, 4)
    y = x[np.ix_(Tensor([2, 0]), Tensor([1, 1, 3]))]
    np.testing.assert_array_equal(y.data, x.data[np.ix_([2, 0], [1, 1, 3])])
    y.sum().backward()
    assert x.grad.tolist() == [[0, 2, 0, 1], [0] * 4, [0, 2, 0, 1]]


def test_sets_refuse_to_lose_a_gradient():
    x = leaf(3)
    for fn in (np.intersect1d, np.union1d, np.setdiff1d, np.setxor1d):
        with pytest.raises(TypeError, match="would lose the gradient"):
            fn(x, x)
        np.testing.assert_array_equal(fn(x.detach(), [0.0]).data, fn(x.data, [0.0]))


def test_unique_gives_the_first_of_equals_the_gradient():
    x = Tensor([3.0, 1, 3, np.nan, 1, np.nan], requires_grad=True)
    y, index, inverse, counts = np.unique(x, True, True, True)
    (y * [1, 2, 3]).sum().backward()
    assert x.grad.tolist() == [2, 1, 0, 3, 0, 0]
    assert index.tolist() == [1, 0, 3] and counts.tolist() == [2, 2, 2]
    assert np.array_equal(y.data[inverse.data], x.data, equal_nan=True)
    assert np.unique(x, equal_nan=False).shape == (4,)


def test_select_lets_no_nan_through_that_was_not_chosen():
    x = Tensor([-1.0, 0, 4], requires_grad=True)
    with np.errstate(all="ignore"):
        y = np.select([x > 0], [np.sqrt(x)], x * 2)
    assert y.tolist() == [-2, 0, 2]
    y = np.piecewise(x, [x > 0, x <= 0], [np.sqrt, lambda v: v * 2])
    y.sum().backward()
    assert x.grad.tolist() == [2, 2, 0.25]


def test_weights_on_the_edges_of_bins_go_where_numpy_puts_them():
    a = np.array([-1, -1 / 3, 1 / 3, 1, np.nextafter(1, 2), -2, 1 - 1e-16, np.nan])
    w = leaf(8)
    y = np.histogram(a, BINS, weights=w)[0]
    np.testing.assert_allclose(y.data, np.histogram(a, BINS, weights=w.data)[0], rtol=1e-12)
    y.sum().backward()
    assert w.grad.tolist() == [1, 1, 1, 1, 0, 0, 1, 0]


def test_functions_for_plain_python_say_what_to_do():
    x = leaf(3)
    for call in (lambda: np.vectorize(lambda v: v + 1)(x), lambda: np.frompyfunc(lambda v: v + 1, 1, 1)(x)):
        with pytest.raises(TypeError, match="gradient"):
            call()


@pytest.mark.parametrize("how", ["amax", "amin"])
def test_equals_share_the_gradient_of_extremes(how):
    x, s = Tensor([1.0, 5.0, 1.0], requires_grad=True), Tensor([1.0, 1, 5, 1], requires_grad=True)
    ag.scatter_reduce(x, 0, [0, 0, 1, 2], s, how).backward(np.array([3.0, 2, 4]))
    assert x.grad.tolist() == [1, 1, 2] and s.grad.tolist() == [1, 1, 1, 2]
    x.grad = s.grad = None
    ag.scatter_reduce(x, 0, [0, 0, 1, 1], s, how, include_self=False).backward(np.array([3.0, 2, 4]))
    expected = [1.5, 1.5, 2, 0] if how == "amax" else [1.5, 1.5, 0, 2]
    assert x.grad.tolist() == [0, 0, 4] and s.grad.tolist() == expected


def test_products_of_zeros_have_the_gradient_of_the_others():
    x, s = Tensor([2.0, 3.0], requires_grad=True), Tensor([0.0, 4, 0, 0], requires_grad=True)
    ag.scatter_reduce(x, 0, [0, 0, 1, 1], s, "prod").sum().backward()
    assert x.grad.tolist() == [0, 0] and s.grad.tolist() == [8, 0, 0, 0]


def test_half_precision_is_summed_in_float32():
    x, s = Tensor(np.zeros(2, np.float16), requires_grad=True), np.ones(5000, np.float16)
    for how, expected in (("sum", 5000), ("mean", 1), ("prod", 1)):
        y = ag.scatter_reduce(x, 0, np.zeros(5000, int), s, how, include_self=False)
        assert y.dtype == np.float16 and y.tolist() == [expected, 0]
    assert np.bincount(np.zeros(5000, int), Tensor(s, requires_grad=True)).tolist() == [5000]


# ----------------------------------------------------------------------------------------------- bad input

X = leaf(2, 3)
BAD = {
    "sort order": (lambda: np.sort(X, order="a"), ValueError, "sort: order= names fields"),
    "sort kind": (lambda: np.sort(X, kind="bogo"), ValueError, "sort: kind= is one of .*, not 'bogo'"),
    "sort both": (lambda: ag.sort(X, kind="stable", stable=True), ValueError, "sort: kind= and stable="),
    "sort axis": (lambda: np.sort(X, 2), ValueError, r"sort: axis 2 is out of bounds .*\(2, 3\)"),
    "partition kth": (lambda: np.partition(X, 3), ValueError, r"partition: kth.* out of bounds .*\(2, 3\)"),
    "topk": (lambda: ag.topk(X, 4), ValueError, r"topk: k = 4 is not in 0..3, for axis -1 of shape \(2, 3\)"),
    "topk float": (lambda: ag.topk(X, 2.0), ValueError, r"topk: k = 2.0"),
    "topk axis": (lambda: ag.topk(X, 1, 2), ValueError, "topk: axis 2 is out of bounds"),
    "kthvalue": (lambda: ag.kthvalue(X, 0), ValueError, r"kthvalue: k = 0 is not in 1..3"),
    "mode": (lambda: ag.mode(np.zeros((2, 0))), ValueError, r"mode: k = 1 is not in 1..0"),
    "take": (lambda: np.take(X, [3], 1), IndexError, r"take: index 3 is out of bounds .*axis 1 .*\(2, 3\)"),
    "choose": (lambda: np.choose([2, 0, 0], [X, X]), ValueError, "choose: invalid entry"),
    "choose floats": (lambda: np.choose(X, [X, X]), TypeError, "choose: a is of integers, not float64"),
    "select": (lambda: np.select([X > 0], [X, X]), ValueError, "select: takes as many .* not 1 and 2"),
    "select floats": (lambda: np.select([X], [X]), TypeError, "select: a condition is boolean, not float64"),
    "piecewise": (lambda: np.piecewise(X, [X > 0], [1, 2, 3]), ValueError, "with 1 .* 1 or 2 .* not 3"),
    "compress": (lambda: np.compress(X > 0, X), ValueError, r"compress: .* one axis, not .*\(2, 3\)"),
    "compress long": (lambda: np.compress([1] * 4, X, 1), IndexError, "take: index 3 is out of bounds"),
    "bincount": (lambda: np.bincount([0, 1], leaf(3)), ValueError, r"bincount: x of shape \(2,\) .*\(3,\)"),
    "bincount floats": (lambda: ag.bincount([0.5], leaf(1)), TypeError, "bincount: "),
    "bincount negative": (lambda: ag.bincount([-1], leaf(1)), ValueError, "bincount: .*negative"),
    "histogram": (lambda: np.histogram(X, 3, weights=leaf(2)), ValueError, "weights.* same shape"),
    "masks": (lambda: ag.masked_fill(X, X, 0), TypeError, "masked_fill: a mask is boolean, not float64"),
    "mask": (lambda: ag.masked_select(X, [True] * 4), ValueError, r"masked_select: .*\(4,\) .*\(2, 3\)"),
    "fill": (lambda: ag.masked_fill(X, X > 0, [1.0]), ValueError, r"masked_fill: value is one .*\(1,\)"),
    "masked_scatter": (lambda: ag.masked_scatter(X, True, [1.0]), ValueError, "1 elements for 6"),
    "rows": (lambda: np.apply_along_axis(np.sum, 0, leaf(3, 0)), ValueError, r"no row .* shape \(3, 0\)"),
    "over": (lambda: np.apply_over_axes(lambda x, a: x[0, 0], X, 0), ValueError, r"shape \(\) of \(2, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()


def test_indices_along_an_axis_of_a_large_array():
    rng = np.random.default_rng(0)
    for shape, axis in (((40, 50), 0), ((40, 50), 1), ((9, 20, 11), 1), ((500,), 0)):
        x = rng.standard_normal(shape)
        index = rng.integers(-shape[axis], shape[axis], shape).astype(np.int32)
        expected = np.take_along_axis(x, index, axis)
        leaf = Tensor(x, requires_grad=True)
        y = ag.take_along_axis(leaf, index, axis)
        np.testing.assert_array_equal(y.data, expected)
        y.backward(np.ones(shape))
        counts = np.apply_along_axis(np.bincount, axis, index % shape[axis], minlength=shape[axis])
        np.testing.assert_array_equal(leaf.grad, counts)
        np.testing.assert_array_equal(
            ag.scatter_add(np.zeros(shape), axis, index, np.ones(shape)).data, counts
        )
        for wrong in (shape[axis], -shape[axis] - 1):
            index[(-1,) * x.ndim] = wrong
            with pytest.raises(IndexError, match=f"index {wrong} is out of bounds for axis {axis} with size"):
                ag.take_along_axis(leaf, index, axis)
