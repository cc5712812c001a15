"""Embedding: its options, what is refused, and its modules."""

import numpy as np
import pytest

from tapegrad import nn
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


# ------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("padding", [2, -2])
def test_the_padding_has_no_gradient(padding, sparse):
    w = leaf()
    y = F.embedding(IDS, w, padding, sparse=sparse)
    np.testing.assert_array_equal(y.numpy(), TABLE[IDS])
    assert gradient(y, w) == [[1, 1], [1, 1], [0, 0], [1, 1]]
    if sparse:
        assert w.grad.indices.tolist() == [0, 3, 1]


@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_by_frequency(sparse):
    w = leaf(np.float32)
    y = F.embedding([[0, 2], [2, 2]], w, scale_grad_by_freq=True, sparse=sparse)
    assert gradient(y, w) == pytest.approx(np.array([[1, 1], [0, 0], [1, 1], [0, 0]]), abs=1e-6)
    assert w.grad.dtype == np.float32


def test_rows_are_held_to_a_norm_in_place():
    w = leaf()
    y = F.embedding([0, 1, 0], w, max_norm=1.0)
    np.testing.assert_allclose(y.numpy(), [[0.6, 0.8], [0.3, 0.4], [0.6, 0.8]], rtol=1e-6)
    np.testing.assert_allclose(w.numpy(), [[0.6, 0.8], [0.3, 0.4], [6, 8], [1, 0]], rtol=1e-6)
    y.sum().backward()
    assert w.grad.tolist() == [[2, 2], [1, 1], [0, 0], [0, 0]]
    cube = 91 ** (1 / 3)
    for norm_type, row in ((1, [3 / 7, 4 / 7]), (np.inf, [0.75, 1.0]), (3.0, [3 / cube, 4 / cube])):
        w = leaf(np.float32)
        np.testing.assert_allclose(F.embedding(0, w, None, 1.0, norm_type).numpy(), row, rtol=1e-6)
        assert w.dtype == np.float32
    array = TABLE.copy()
    F.embedding(2, array, max_norm=5.0)
    np.testing.assert_allclose(array[2], [3, 4], rtol=1e-6)
    big = Tensor(np.full((1, 2), 1e30, np.float32))
    np.testing.assert_allclose(F.embedding(0, big, max_norm=2.0).numpy(), [2**0.5] * 2, rtol=1e-6)


def test_an_op_that_saved_the_table_notices():
    w = leaf()
    y = (w * w).sum()
    F.embedding(1, w, max_norm=1.0)  # nothing to scale
    y.backward()
    y = (w * w).sum()
    F.embedding(2, w, max_norm=1.0)
    with pytest.raises(RuntimeError, match="was changed in place"):
        y.backward()


@pytest.mark.parametrize(
    "options, kind, message",
    [
        ({"padding_idx": 4}, ValueError, "padding_idx 4 is outside the 4 rows"),
        ({"padding_idx": -5}, ValueError, "padding_idx -5 is outside the 4 rows"),
        ({"padding_idx": 1.5}, TypeError, "float"),
        ({"max_norm": -1.0}, ValueError, "max_norm must be 0 or more, not -1.0"),
        ({"max_norm": np.nan}, ValueError, "max_norm must be 0 or more, not nan"),
        ({"max_norm": "1"}, TypeError, "max_norm is a number, not '1'"),
        ({"max_norm": 1.0, "norm_type": 0}, ValueError, "norm_type must be above 0, not 0"),
    ],
)
def test_options_that_are_none(options, kind, message):
    w = leaf()
    for use in (
        lambda: F.embedding([0], w, **options),
        lambda: F.embedding_bag([[0]], w, **options),
        lambda: nn.Embedding(4, 2, **options),
        lambda: nn.EmbeddingBag(4, 2, **options),
    ):
        with pytest.raises(kind, match=message):
            use()
    np.testing.assert_array_equal(w.numpy(), TABLE)


@pytest.mark.parametrize("ids", [[4], [-1], [[0, 9]]])
def test_ids_outside_change_nothing(ids):
    w = leaf()
    for use in (F.embedding, lambda i, w, **o: F.embedding_bag(np.reshape(i, (1, -1)), w, **o)):
        with pytest.raises(IndexError, match=r"is outside the vocabulary of 4 \(0 to 3\)"):
            use(ids, w, max_norm=0.1)
    np.testing.assert_array_equal(w.numpy(), TABLE)
    with pytest.raises(IndexError, match="outside the vocabulary of 0 rows"):
        F.embedding([0], np.zeros((0, 2)))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int32, np.uint64])
def test_small_ids_do_not_overflow(dtype):
    """A place in the table is more than such an id can hold."""
    w = Tensor(np.zeros((100, 64)), requires_grad=True)
    ids = np.array([5, 99, 5] * 10, dtype)
    F.embedding(ids, w).sum().backward()
    assert np.argwhere(w.grad[:, 0]).ravel().tolist() == [5, 99] and w.grad.sum() == 30 * 64


# ------------------------------------------------------------------------------------------ modules


def test_from_pretrained():
    for kind in (nn.Embedding, nn.EmbeddingBag):
        layer = kind.from_pretrained(TABLE)
        assert layer.weight.dtype == np.float64 and not layer.weight.requires_grad
        assert layer.weight.numpy() is not TABLE and (layer.weight.numpy() == TABLE).all()
        thawed = kind.from_pretrained(TABLE.astype(np.float32), freeze=False, padding_idx=-1)
        assert thawed.weight.requires_grad and thawed.padding_idx == 3
        assert thawed.weight.dtype == np.float32 and thawed.weight.numpy()[3].tolist() == [1, 0]
        assert kind.from_pretrained([[1, 2]]).weight.dtype == np.float32
        with pytest.raises(ValueError, match=rf"{kind.__name__}.from_pretrained: .* shape \(2,\)"):
            kind.from_pretrained([1.0, 2.0])

    class Own(nn.Embedding):
        pass

    assert type(Own.from_pretrained(TABLE)) is Own


def test_how_they_read():
    assert repr(nn.Embedding(5, 3, -1, 2.0, 1.0, True, True)) == (
        "Embedding(5, 3, padding_idx=4, max_norm=2.0, norm_type=1.0, scale_grad_by_freq=True, sparse=True)"
        "  # 15 parameters"
    )
    assert repr(nn.EmbeddingBag(5, 3, padding_idx=1)).startswith(
        "EmbeddingBag(5, 3, mode='mean', padding_idx=1)"
    )
    assert repr(nn.Bilinear(2, 3, 4, False)).startswith(
        "Bilinear(in1_features=2, in2_features=3, out_features=4, bias=False)"
    )


def test_a_layer_says_where_it_is():
    net = nn.Sequential(nn.EmbeddingBag(4, 2))
    with pytest.raises(IndexError, match=r"^embedding_bag of EmbeddingBag '0': id 4 at \(1,\) is outside"):
        net([[0, 4]])
    with pytest.raises(ValueError, match="^embedding_bag of EmbeddingBag '0': an input of shape"):
        net([0, 3])
