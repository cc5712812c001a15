"""Embedding and EmbeddingBag: options, bags, sparse gradients in training, and what is refused."""

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


# ------------------------------------------------------------------------------------------ bags


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


# ------------------------------------------------------------------------------------------ training


def trained(layer, optimizer, steps=3):
    """A table after some steps, each of which looks at other rows, with clipping."""
    opt = optimizer(layer.parameters())
    for step in range(steps):
        (layer(IDS[step : step + 3]) ** 2).sum().backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 5.0)
        opt.step()
        opt.zero_grad()
    return layer.weight.numpy().copy()


@pytest.mark.parametrize("momentum", [{}, {"momentum": 0.9}, {"momentum": 0.5, "dampening": 0.2}])
@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_with_sparse_gradients_is_sgd(momentum, nesterov):
    options = {**momentum, "nesterov": nesterov and len(momentum) == 1}

    def optimizer(params):
        return nn.optim.SGD(params, 0.1, **options)

    layers = [nn.Embedding(4, 2, sparse=sparse, _weight=TABLE) for sparse in (True, False)]
    np.testing.assert_allclose(*[trained(layer, optimizer) for layer in layers], rtol=1e-12)


def test_adam_changes_the_rows_that_it_sees():
    layer = nn.Embedding(4, 2, sparse=True, _weight=TABLE)
    opt = nn.optim.Adam(layer.parameters(), 0.1)
    layer([0, 2, 0]).sum().backward()
    opt.step()
    np.testing.assert_allclose(layer.weight.numpy() - TABLE, np.outer([-1, 0, -1, 0], [0.1, 0.1]), atol=1e-7)
    opt.zero_grad()
    layer([3]).sum().backward()
    opt.step()
    state = opt.state_dict()["state"][0]
    assert state["step"] == 2
    np.testing.assert_allclose(state["exp_avg"][:, 0], [0.2, 0, 0.1, 0.1])
    np.testing.assert_allclose((layer.weight.numpy() - TABLE)[:3, 0], [-0.1, 0, -0.1], atol=1e-7)


def test_eps_stands_beside_the_root_as_in_sparse_adam():
    layer = nn.Embedding(4, 2, sparse=True, _weight=TABLE)
    opt = nn.optim.Adam(layer.parameters(), 0.1, betas=(0.0, 0.99), eps=0.1)
    layer([0]).sum().backward()
    opt.step()
    np.testing.assert_allclose(layer.weight.numpy()[0] - TABLE[0], -0.1 * 0.1 / (0.1 + 0.1), rtol=1e-9)


def test_weight_decay_is_refused_before_anything_changes():
    net = nn.Sequential(nn.Embedding(4, 2, sparse=True, _weight=TABLE), nn.Linear(2, 1).double())
    before = [p.numpy().copy() for p in net.parameters()]
    sgd = nn.optim.SGD(net.parameters(), 0.1, weight_decay=0.1)
    for optimizer in (sgd, nn.optim.AdamW(net.parameters())):
        net(IDS).sum().backward()
        with pytest.raises(ValueError, match="weight_decay changes all rows of a table") as error:
            optimizer.step()
        for p, old in zip(net.parameters(), before, strict=True):
            np.testing.assert_array_equal(p.numpy(), old)
        assert '{"params": [table], "weight_decay": 0}' in str(error.value)
    nn.optim.AdamW([{"params": [net[0].weight], "weight_decay": 0}, {"params": net[1].parameters()}]).step()
    assert (net[0].weight.numpy() != TABLE).all()


def test_an_optimizer_that_knows_nothing_of_rows():
    class Sign(nn.optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 0.1, "weight_decay": 0})

        def update(self, group, t, p, g, *scratch):
            p -= group["lr"] * np.sign(g)

    layer = nn.Embedding(4, 2, sparse=True)
    opt = Sign(layer.parameters())
    layer([0]).sum().backward()
    with pytest.raises(TypeError, match="Sign: takes no sparse gradients; use SGD or Adam, or sparse=False"):
        opt.step()


def test_gradients_are_cleared_and_clipped():
    layer = nn.Embedding(4, 2, sparse=True, _weight=TABLE)
    layer([0, 0, 1]).sum().backward()
    assert nn.utils.clip_grad_norm_(layer.parameters(), 1.0) == pytest.approx(10**0.5)
    assert isinstance(layer.weight.grad, SparseRows)
    clipped = np.array([2, 1, 0, 0]) / 10**0.5
    np.testing.assert_allclose(layer.weight.grad.to_dense()[:, 0], clipped, rtol=1e-5)
    for clear in (layer.zero_grad, nn.optim.SGD(layer.parameters()).zero_grad):
        layer([0]).sum().backward()
        clear(set_to_none=False)
        assert layer.weight.grad.indices.size == 0 and (layer.weight.grad.to_dense() == 0).all()
        clear()
        assert layer.weight.grad is None


def test_a_step_of_no_rows():
    layer = nn.Embedding(4, 2, sparse=True, padding_idx=0)
    before = layer.weight.numpy().copy()
    layer([0]).sum().backward()
    nn.optim.Adam(layer.parameters()).step()
    np.testing.assert_array_equal(layer.weight.numpy(), before)


# ------------------------------------------------------------------------------- replay and replicas


def steps(layer, batches, replayed):
    def loss(model, ids):
        return (model(ids) ** 2).mean()

    of = nn.replay(layer, loss) if replayed else lambda ids: loss(layer, ids)
    opt = nn.optim.Adam(layer.parameters(), 0.1)
    for ids in batches:
        of(ids).backward()
        opt.step()
        opt.zero_grad()
    return layer.weight.numpy().copy(), of


BATCHES = np.random.default_rng(0).integers(0, 30, (8, 6, 5))


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Embedding(30, 8, padding_idx=3, scale_grad_by_freq=True),
        lambda: nn.EmbeddingBag(30, 8, mode="sum"),
        lambda: nn.EmbeddingBag(30, 8, mode="mean", scale_grad_by_freq=True),
        lambda: nn.EmbeddingBag(30, 8, mode="max"),
    ],
)
def test_a_replayed_step_is_the_same(make):
    found = []
    for replayed in (False, True):
        nn.manual_seed(0)
        table, of = steps(make(), BATCHES, replayed)
        found.append(table)
    assert repr(of) == f"Replay({type(make()).__name__}, 1 captures)"
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "options, why",
    [
        ({"sparse": True}, "sparse=False is replayed"),
        ({"max_norm": 1.0}, "changes arrays in place"),
        ({"max_norm": 100.0}, "max_norm changes the table"),
    ],
)
def test_what_is_not_replayed_says_so(options, why):
    found = []
    for replayed in (False, True):
        nn.manual_seed(0)
        layer = nn.Embedding(30, 8, **options)
        if replayed:
            with pytest.warns(RuntimeWarning, match=why):
                found.append(steps(layer, BATCHES, True)[0])
        else:
            found.append(steps(layer, BATCHES, False)[0])
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize(
    "options, why", [({"sparse": True}, "use sparse=False"), ({"max_norm": 0.1}, "max_norm")]
)
def test_replicas_refuse(options, why):
    layer = nn.Embedding(30, 8, **options)
    before = layer.weight.numpy().copy()
    opt = nn.optim.SGD(layer.parameters(), 0.1)

    def loss(model, ids):
        return (model(ids) ** 2).mean()

    replicas = nn.parallel.replicate(layer, opt, loss, workers=2, kind="threads")
    with replicas, pytest.raises((TypeError, RuntimeError), match=why):
        replicas.step(BATCHES[0])
    np.testing.assert_array_equal(layer.weight.numpy(), before)
