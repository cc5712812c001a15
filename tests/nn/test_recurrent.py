"""Recurrent layers and cells: numbers, states, packed batches, what they refuse, replay, copies."""

import copy
import pickle

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import assert_same, floats, recordings
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F
from tapegrad.nn.functional import _gru, _lstm, _rnn
from tapegrad.nn.functional import _recurrence as recurrence
from tapegrad.nn.parallel import cores
from tapegrad.nn.utils import rnn

close = np.testing.assert_allclose
KINDS = ["RNN", "LSTM", "GRU"]


def filled(name, *sizes, **options):
    """A float64 layer with sines as parameters."""
    layer = getattr(nn, name)(*(sizes or (2, 2)), **options).double()
    for k, p in enumerate(layer.parameters()):
        p.data[...] = np.sin(np.arange(p.size) + k).reshape(p.shape)
    return layer


def h_of(last):
    return last[0] if isinstance(last, tuple) else last


# ---------------------------------------------------------------------------------- numbers

GOLDEN = {  # y, the gradient of the sum of y * y for x, and the sums of those for weight_hh and bias_hh
    "RNN": (
        [[0.90606, 0.353871], [0.862125, -0.854808], [0.844681, -0.381167]],
        [[1.067567, 0.500661], [-0.190117, 0.411127], [-0.592477, 0.315344]],
        (0.395103, 1.719157),
    ),
    "LSTM": (
        [[0.476872, 0.22533], [-0.031948, 0.078577], [-0.146675, 0.100574]],
        [[-0.035266, -0.028003], [-0.04635, 0.007709], [-0.170338, -0.058962]],
        (-0.052864, 0.243704),
    ),
    "GRU": (
        [[0.856576, 0.11923], [-0.116153, 0.745293], [-0.484772, 0.710511]],
        [[0.127779, -0.25954], [-0.278385, -0.503641], [-0.701431, -0.580104]],
        (-1.06923, -0.757757),
    ),
}


@pytest.mark.parametrize("name", KINDS)
def test_golden_numbers(name):
    y, dx, (dw, db) = GOLDEN[name]
    layer = filled(name)
    x = Tensor(np.cos(np.arange(6.0)).reshape(3, 1, 2), requires_grad=True)
    out, last = layer(x)
    (out * out).sum().backward()
    close(out.numpy()[:, 0], y, atol=1e-6)
    close(h_of(last).numpy()[0, 0], y[-1], atol=1e-6)
    close(x.grad[:, 0], dx, atol=1e-6)
    close([layer.weight_hh_l0.grad.sum(), layer.bias_hh_l0.grad.sum()], [dw, db], atol=1e-6)
    with ag.no_grad():  # where nothing is kept
        again, _ = layer(x)
    np.testing.assert_array_equal(again.numpy(), out.numpy())


@pytest.mark.parametrize("name", KINDS)
def test_a_cell_taken_step_by_step_is_the_layer(name):
    layer, cell = filled(name, 3, 4), getattr(nn, name + "Cell")(3, 4).double()
    cell.load_state_dict({key.removesuffix("_l0"): p for key, p in layer.state_dict().items()})
    x, hx, outs = np.random.default_rng(0).normal(size=(5, 2, 3)), None, []
    for one in x:
        hx = cell(one, hx)
        outs.append(h_of(hx))
    y, last = layer(x)
    close(y.numpy(), np.stack([o.numpy() for o in outs]), rtol=1e-12)
    for a, b in zip(last if name == "LSTM" else [last], hx if name == "LSTM" else [hx], strict=True):
        close(a.numpy()[0], b.numpy(), rtol=1e-12)
    y, last = layer(x[:, 0])  # without a batch
    close(y.numpy(), np.stack([o.numpy()[0] for o in outs]), rtol=1e-12)
    assert y.shape == (5, 4) and h_of(last).shape == (1, 4) and h_of(cell(x[0, 0])).shape == (4,)


@pytest.mark.parametrize("name", KINDS)
def test_a_text_in_pieces_with_its_state_handed_on(name):
    layer = filled(name, 3, 4, num_layers=2, batch_first=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 3))
    whole, last = layer(x)
    first, state = layer(x[:, :4])
    second, state = layer(x[:, 4:], state)
    close(np.concatenate([first.numpy(), second.numpy()], 1), whole.numpy(), rtol=1e-12)
    close(h_of(state).numpy(), h_of(last).numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "num_layers": 2}], ids=str)
def test_a_packed_batch_is_each_of_its_sequences_alone(name, options):
    layer = filled(name, 3, 4, **options)
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=(n, 3)) for n in (2, 5, 1, 5)]
    packed, last = layer(rnn.pack_sequence(parts, enforce_sorted=False))
    for i, (part, y) in enumerate(zip(parts, rnn.unpack_sequence(packed), strict=True)):
        alone, end = layer(part)
        close(y.numpy(), alone.numpy(), rtol=1e-12)
        close(h_of(last).numpy()[:, i], h_of(end).numpy(), rtol=1e-12)


def test_dropout_is_between_layers_and_in_training_alone():
    layer = filled("LSTM", 3, 50, num_layers=2, dropout=0.5)
    x = np.ones((2, 1, 3))
    nn.manual_seed(0)
    first, second = layer(x)[0].numpy(), layer(x)[0].numpy()
    nn.manual_seed(0)
    np.testing.assert_array_equal(layer(x)[0].numpy(), first)
    assert (first != second).any() and (first != 0).all()
    layer.dropout = 1.0
    y, (h, _) = layer(x)
    layer.eval()
    np.testing.assert_array_equal(layer(x)[0].numpy(), layer(x)[0].numpy())
    np.testing.assert_array_equal(h[0].numpy(), layer(x)[1][0][0].numpy())  # none before the first layer
    layer.weight_ih_l1.data[...] = 0
    np.testing.assert_array_equal(y.numpy(), layer(x)[0].numpy())
    with pytest.warns(UserWarning, match="GRU: dropout=0.1 does nothing with num_layers=1"):
        nn.GRU(1, 1, dropout=0.1)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("sizes", [None, (3, 3, 1)], ids=str)
@pytest.mark.parametrize("width", [32, 64])
def test_products_in_blocks_are_the_whole_ones(name, sizes, width, monkeypatch):
    """As with one thread of a BLAS that has kernels for small products, and without."""
    layer, rng = filled(name, 5, width), np.random.default_rng(0)
    for p in layer.parameters():
        p.data[...] = rng.normal(size=p.shape) / 4
    x = rng.normal(size=(3, 3, 5) if sizes is None else (sum(sizes), 5))
    made, cuts = [], []
    cut = recurrence.cut
    for small in (True, False):
        for kernel in (_rnn, _lstm, _gru):
            monkeypatch.setattr(kernel, "in_blocks", lambda small=small: small)
            monkeypatch.setattr(kernel, "cut", lambda *args: cuts.append(cut(*args)) or cuts[-1])
        given = Tensor(x, requires_grad=True)
        y, last = layer(given if sizes is None else rnn.PackedSequence(given, sizes))
        y = y if sizes is None else y.data
        layer.zero_grad()
        ((y * y).sum() + h_of(last).sum()).backward()
        made.append([y.numpy(), h_of(last).numpy(), given.grad, *(p.grad for p in layer.parameters())])
    assert [c.ndim for c in cuts] == [3, 3, 2, 2]
    for a, b in zip(*made, strict=True):
        close(a, b, rtol=1e-11, atol=1e-12)


def test_blocks_are_for_one_thread_and_kernels_that_gain(monkeypatch):
    class Library:
        num_threads, architecture = 1, "SkylakeX"

    for found, expected in [(None, False), ([], False), ([Library()], True)]:
        monkeypatch.setattr(cores, "blas_libraries", lambda found=found: found)
        assert recurrence.in_blocks() == expected
    for name, value in [("num_threads", 2), ("num_threads", 1), ("architecture", "Haswell")]:
        monkeypatch.setattr(Library, name, value)
        assert recurrence.in_blocks() == (value == 1)
    weights = np.zeros((64, 1000), np.float32)
    assert recurrence.cut(weights, 31, True).shape == (2, 32, 1000)
    assert recurrence.cut(weights, 32, True) is weights  # which would be too much
    assert recurrence.cut(weights[:33], 1, True).shape == (33, 1000)


@pytest.mark.parametrize("name", KINDS)
def test_huge_inputs_shut_the_gates_without_a_word(name):
    layer = getattr(nn, name)(1, 2)
    x = Tensor(np.float32([[[1e30]], [[-1e30]]]), requires_grad=True)
    y, _ = layer(x)
    y.sum().backward()
    assert np.isfinite(y.numpy()).all() and np.isfinite(x.grad).all()


@pytest.mark.parametrize("name", KINDS)
def test_float16_is_computed_in_float32(name):
    layer, half = getattr(nn, name)(3, 4), getattr(nn, name)(3, 4).half()
    half.load_state_dict(layer.state_dict())
    layer.load_state_dict(half.state_dict())
    x = floats(5, 2, 3).astype(np.float16)
    y, last = half(x)
    assert y.dtype == h_of(last).dtype == np.float16
    np.testing.assert_array_equal(y.numpy(), layer(x.astype(np.float32))[0].numpy().astype(np.float16))


def test_an_empty_batch():
    layer = nn.LSTM(3, 4, bidirectional=True)
    x = Tensor(np.zeros((2, 0, 3), np.float32), requires_grad=True)
    y, (h, c) = layer(x)
    assert y.shape == (2, 0, 8) and h.shape == c.shape == (2, 0, 4)
    y.sum().backward()
    assert x.grad.shape == x.shape and (layer.weight_hh_l0.grad == 0).all()


# ---------------------------------------------------------------------------------- the module


def test_parameters_and_attributes():
    layer = nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)
    assert layer.mode == "LSTM" and layer.dropout == 0.0 and layer.num_layers == 2
    keys = [*layer.state_dict()]
    assert keys[:6] == [
        *("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hr_l0"),
        "weight_ih_l0_reverse",
    ]
    assert layer.weight_ih_l1_reverse.shape == (16, 4) and layer.weight_hr_l1.shape == (2, 4)
    assert [len(part) for part in layer.all_weights] == [5] * 4
    assert layer.all_weights[1][0] is layer.weight_ih_l0_reverse and layer.flatten_parameters() is None
    assert [len(part) for part in nn.GRU(3, 4, bias=False).all_weights] == [2]
    assert max(abs(p.numpy()).max() for p in layer.parameters()) <= 0.5


def test_a_weight_that_is_replaced_counts():
    """As dropout of weights or weight normalisation does it."""
    layer = filled("GRU")
    x = np.ones((3, 1, 2))
    before = layer(x)[0].numpy()
    raw = layer.weight_hh_l0
    del layer.weight_hh_l0
    layer.raw = raw
    layer.weight_hh_l0 = layer.raw * 0.5
    y, _ = layer(x)
    y.sum().backward()
    assert (y.numpy() != before).any() and layer.raw.grad.any()


@pytest.mark.parametrize("name", KINDS)
def test_copies_and_pickles(name):
    layer = getattr(nn, name)(3, 4, num_layers=2)
    x = floats(2, 2, 3)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        np.testing.assert_array_equal(other(x)[0].numpy(), layer(x)[0].numpy())
        other.weight_ih_l0.data[...] = 0
        assert layer.weight_ih_l0.numpy().any()
    packed = rnn.pack_sequence([x[:, 0], x[:1, 1]])
    for other in (copy.deepcopy(packed), pickle.loads(pickle.dumps(packed))):
        assert type(other) is rnn.PackedSequence and other.unsorted_indices is None
        np.testing.assert_array_equal(other.data.numpy(), packed.data.numpy())


class Reader(nn.Module):
    """Of tokens, to the scores of the next one."""

    def __init__(self, kind, **options):
        self.embedding = nn.Embedding(7, 5)
        self.layer = kind(5, 6, batch_first=True, **options)
        width = 6 * (2 if options.get("bidirectional") else 1)
        self.head = nn.Linear(width, 7)

    def forward(self, ids):
        y, last = self.layer(self.embedding(ids))
        return self.head(y) + h_of(last).sum()


def next_tokens(model, ids):
    return F.cross_entropy(model(ids[:, :-1]).reshape(-1, 7), ids[:, 1:].reshape(-1))


@pytest.mark.parametrize("kind", [nn.RNN, nn.LSTM, nn.GRU])
@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True, "dropout": 0.3}], ids=str)
def test_a_training_step_is_replayed(kind, options):
    nn.manual_seed(0)
    model = Reader(kind, **options)
    rng = np.random.default_rng(0)
    loss_of = nn.replay(model, next_tokens)
    assert_same(model, loss_of, next_tokens, [(rng.integers(0, 7, (3, 6)),) for _ in range(4)])
    assert len(recordings(loss_of)) == 1


@pytest.mark.parametrize("name, gates", [("RNN", 1), ("LSTM", 4), ("GRU", 3)])
def test_flops_are_those_of_the_weights(name, gates):
    y, _ = getattr(nn, name)(3, 5)(floats(7, 2, 3))
    rows = 7 * 2
    assert ag.Graph(y).nodes[-1].flops == rows * gates * 5 * (2 * 3 + 2 * 5 + 2 * 4)


def test_it_learns():
    """To repeat what it saw two steps ago, which takes a memory."""
    nn.manual_seed(0)
    layer, head = nn.LSTM(1, 8), nn.Linear(8, 1)
    parameters = [*layer.parameters(), *head.parameters()]
    optimizer = nn.optim.Adam(parameters, lr=0.02)
    x = np.random.default_rng(0).choice(np.float32([-1, 1]), (12, 16, 1))
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.mse_loss(head(layer(x)[0])[2:], x[:-2])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] > 0.8 and losses[-1] < 0.1
