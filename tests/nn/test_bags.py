"""Sums, means and maxima of rows of a table, with padding, empty bags and weights; what is refused."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor
from tapegrad.autograd.sparse import SparseRows
from tapegrad.nn import functional as F

TABLE = np.array([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0], [1.0, 0.0]])
IDS = np.array([0, 2, 2, 3, 1])


def leaf(dtype=np.float64):
    return Tensor(TABLE, requires_grad=True, dtype=dtype)


def gradient(y, w):
    w.grad = None
    y.sum().backward()
    return w.grad.to_dense().tolist() if isinstance(w.grad, SparseRows) else w.grad.tolist()


def test_bags():
    w = leaf()
    sums = F.embedding_bag(IDS, w, [0, 2, 2, 4], mode="sum")
    assert sums.numpy().tolist() == [[9, 12], [0, 0], [7, 8], [0.3, 0.4]]
    assert gradient(sums, w) == [[1, 1], [1, 1], [2, 2], [1, 1]]
    means = F.embedding_bag(IDS, w, [0, 2, 2, 4])
    assert means.numpy().tolist() == [[4.5, 6], [0, 0], [3.5, 4], [0.3, 0.4]]
    assert gradient(means, w) == [[0.5, 0.5], [1, 1], [1, 1], [0.5, 0.5]]
    largest = F.embedding_bag(IDS, w, [0, 2, 2, 4], mode="max")
    assert largest.numpy().tolist() == [[6, 8], [0, 0], [6, 8], [0.3, 0.4]]
    assert gradient(largest, w) == [[0, 0], [1, 1], [2, 2], [0, 0]]
    rows = F.embedding_bag([[0, 2], [3, 1]], w)
    np.testing.assert_allclose(rows.numpy(), [[4.5, 6], [0.65, 0.2]])


def test_the_first_of_equals_has_the_gradient_and_nan_is_the_largest():
    w = Tensor([[1.0, 2.0], [1.0, 5.0], [0.0, np.nan]], requires_grad=True)
    y = F.embedding_bag([[1, 0, 1], [0, 1, 2]], w, mode="max")
    np.testing.assert_array_equal(y.numpy(), [[1, 5], [1, np.nan]])
    assert gradient(y, w) == [[1, 0], [1, 1], [0, 1]]


def test_weights_of_samples_have_gradients():
    w, scale = leaf(), Tensor([1.0, 2.0, 3.0, 4.0, 5.0], requires_grad=True)
    y = F.embedding_bag(IDS, w, [0, 2], mode="sum", per_sample_weights=scale)
    np.testing.assert_allclose(y.numpy(), [[15, 20], [23.5, 26]])
    (y * [[1, 2], [3, 4]]).sum().backward()
    np.testing.assert_allclose(scale.grad, [11, 22, 50, 3, 2.5])
    np.testing.assert_array_equal(w.grad, [[1, 2], [15, 20], [11, 16], [12, 16]])


@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_of_bags_by_frequency(sparse):
    """By the meaning of the words; PyTorch 2.13 gives other numbers on the CPU, and refuses sparse ones."""
    w, ids = leaf(), np.array([[1, 0, 2], [0, 3, 0]])
    options = {"mode": "sum", "scale_grad_by_freq": True, "sparse": sparse}
    assert gradient(F.embedding_bag(ids, w, **options), w) == pytest.approx(np.ones((4, 2)))
    scale = np.array([[1.0, 2, 3], [4, 5, 6]])
    y = F.embedding_bag(ids, w, per_sample_weights=scale, **options)
    assert gradient(y, w) == pytest.approx(np.outer([4, 1, 3, 5], [1, 1]))


@pytest.mark.parametrize("mode, first, gradients", [("sum", [9, 12], 1), ("mean", [4.5, 6], 0.5)])
def test_padding_is_left_out_of_bags(mode, first, gradients):
    for padding in (3, -1):
        w = leaf()
        y = F.embedding_bag([[3, 0, 2], [3, 3, 3]], w, mode=mode, padding_idx=padding)
        np.testing.assert_array_equal(y.numpy(), [first, [0, 0]])
        assert gradient(y, w) == [[gradients] * 2, [0, 0], [gradients] * 2, [0, 0]]
    w.data[3] = np.inf
    y = F.embedding_bag([[3, 0, 2]], w, padding_idx=3, mode="max")
    assert y.numpy().tolist() == [[6, 8]]


def test_bags_that_end_before_the_ids():
    w, scale = leaf(), Tensor(np.ones(5), requires_grad=True)
    y = F.embedding_bag(IDS, w, [0, 2, 3], include_last_offset=True, mode="sum", per_sample_weights=scale)
    assert y.numpy().tolist() == [[9, 12], [6, 8]]
    y.sum().backward()
    assert scale.grad.tolist() == [7, 14, 14, 0, 0]
    assert F.embedding_bag(IDS, w, [0], include_last_offset=True).shape == (0, 2)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_empty_bags_and_tables(mode):
    empty = np.zeros(0, int)
    assert F.embedding_bag(empty, leaf(), [0, 0], mode=mode).numpy().tolist() == [[0, 0], [0, 0]]
    assert F.embedding_bag(empty, leaf(), empty, mode=mode).shape == (0, 2)
    assert F.embedding_bag(np.zeros((2, 0), int), leaf(), mode=mode).numpy().tolist() == [[0, 0], [0, 0]]
    assert F.embedding_bag(empty, np.zeros((0, 2)), [0], mode=mode).numpy().tolist() == [[0, 0]]
    w = leaf()
    assert gradient(F.embedding_bag(empty, w, [0, 0], mode=mode), w) == np.zeros((4, 2)).tolist()


def test_half_precision_bags_are_summed_in_float32():
    w = Tensor(np.ones((2, 1), np.float16), requires_grad=True)
    y = F.embedding_bag(np.zeros((1, 5000), int), w, mode="sum")
    assert y.dtype == np.float16 and y.numpy().tolist() == [[5000]]
    y.sum().backward()
    assert w.grad.dtype == np.float16 and w.grad.tolist() == [[5000], [0]]
    assert F.embedding_bag(np.zeros((1, 5000), int), w).numpy().tolist() == [[1]]


BAD = [
    (lambda w: F.embedding_bag(IDS, w), ValueError, r"input of shape \(5,\) needs offsets"),
    (lambda w: F.embedding_bag([[0]], w, [0]), ValueError, "bags in rows, no offsets"),
    (lambda w: F.embedding_bag([[[0]]], w), ValueError, r"not of shape \(1, 1, 1\)"),
    (lambda w: F.embedding_bag(IDS, w, [1, 2]), ValueError, "the first of the offsets is 0, not 1"),
    (lambda w: F.embedding_bag(IDS, w, [0, 3, 2]), ValueError, r"must not fall, .* \[0, 3, 2\]"),
    (lambda w: F.embedding_bag(IDS, w, [0, 6]), ValueError, "nor pass the 5 ids"),
    (lambda w: F.embedding_bag(IDS, w, [[0]]), ValueError, r"offsets are \(bags,\), not of shape \(1, 1\)"),
    (lambda w: F.embedding_bag(IDS, w, [0.0]), TypeError, "offsets must be integers, not float64"),
    (
        lambda w: F.embedding_bag(IDS, w, [], include_last_offset=True),
        ValueError,
        r"are \(bags \+ 1,",
    ),
    (lambda w: F.embedding_bag(IDS * 1.0, w, [0]), TypeError, "ids must be integers"),
    (lambda w: F.embedding_bag([[True]], w), TypeError, "ids must be integers, not bool"),
    (
        lambda w: F.embedding_bag([[0]], w, mode="min"),
        ValueError,
        "mode is .*, not 'min'",
    ),
    (lambda w: F.embedding_bag([[0]], w[0]), ValueError, r"weight is \(vocabulary, width\), not of shape"),
    (lambda w: F.embedding_bag([[0]], w, mode="max", sparse=True), ValueError, "sparse=True goes with"),
    (
        lambda w: F.embedding_bag([[0]], w, mode="max", scale_grad_by_freq=True),
        ValueError,
        "scale_grad_by_freq=True goes with mode='sum' or 'mean'",
    ),
    (
        lambda w: F.embedding_bag([[0]], w, per_sample_weights=[[1.0]]),
        ValueError,
        "per_sample_weights are for mode='sum', not 'mean'",
    ),
    (
        lambda w: F.embedding_bag([[0]], w, mode="sum", per_sample_weights=[1.0]),
        ValueError,
        r"per_sample_weights of shape \(1,\) for an input of shape \(1, 1\)",
    ),
    (
        lambda w: F.embedding_bag([[0]], w, mode="sum", per_sample_weights=np.ones((1, 1), np.float32)),
        TypeError,
        r"are float32, weight is float64; use per_sample_weights.astype\(np.float64\)",
    ),
]


@pytest.mark.parametrize("use, kind, message", BAD)
def test_bags_that_are_refused(use, kind, message):
    with pytest.raises(kind, match=f"embedding_bag: .*{message}"):
        use(leaf())


def test_the_order_of_old():
    w = leaf()
    with pytest.warns(DeprecationWarning, match="input, the ids, comes before weight"):
        y = F.embedding_bag(w, np.array([[0, 2]]))
    assert y.numpy().tolist() == [[4.5, 6]]
