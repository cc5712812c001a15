"""Recurrent layers, cells and packed sequences with the same weights in torch: outputs and all gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.utils.rnn as theirs_rnn

from against_torch import RNG, compare, compare_gradients, compare_layers, pair
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn.utils import rnn

T, N, E, H = 5, 3, 4, 6
OPTIONS = [
    {},
    {"bias": False},
    {"num_layers": 2, "batch_first": True},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "dropout": 0.0},
]
LAYERS = [
    *((name, options) for name in ("RNN", "LSTM", "GRU") for options in OPTIONS),
    ("RNN", {"nonlinearity": "relu"}),
    ("LSTM", {"proj_size": 2}),
    ("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True}),
]
ids = [f"{name}-{'-'.join(options)}" for name, options in LAYERS]


def flat(fn):
    """A layer whose states come in as further arguments and go out beside y."""

    def call(x, *states, **options):
        hx = None if not states else states[0] if len(states) == 1 else states
        y, last = fn(x, hx, **options)
        return y, *(last if isinstance(last, tuple) else (last,))

    return call


def first_states(name, options, batch=(N,)):
    count = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    widths = [options.get("proj_size") or H, H][: 2 if name == "LSTM" else 1]
    return [RNG.normal(size=(count, *batch, width)) for width in widths]


@pytest.mark.parametrize("name, options", LAYERS, ids=ids)
def test_layer(name, options):
    layers = pair(name, E, H, **options)
    x = RNG.normal(size=(N, T, E) if options.get("batch_first") else (T, N, E))
    both = [flat(layer) for layer in layers]
    compare(*both, [x], modules=layers)
    for layer in layers:
        layer.zero_grad()
    compare(*both, [x, *first_states(name, options)], modules=layers)
    compare(*both, [RNG.normal(size=(T, E)), *first_states(name, options, ())])
    assert layers[0].extra_repr() == layers[1].extra_repr()


@pytest.mark.parametrize("name, options", LAYERS, ids=ids)
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [2, 5, 1, 4], [1]], ids=str)
def test_packed(name, options, lengths):
    ours, theirs = pair(name, E, H, **options)
    x, batch = RNG.normal(size=(len(lengths), max(lengths), E)), len(lengths)
    states = first_states(name, options, (batch,))
    made = []
    for layer, kit, tensor in [
        (ours, rnn, lambda a: Tensor(a, requires_grad=True)),
        (theirs, theirs_rnn, lambda a: torch.tensor(a, requires_grad=True)),
    ]:
        given = [tensor(a) for a in (x, *states)]
        packed = kit.pack_padded_sequence(given[0], lengths, batch_first=True, enforce_sorted=False)
        y, *ends = flat(layer)(packed, *given[1:])
        assert type(y) is kit.PackedSequence
        padded, sizes = kit.pad_packed_sequence(y, total_length=6, padding_value=-1.0)
        made.append((given, [padded, *ends], sizes, y))
    (a, outs, sizes, packed), (b, outs_b, sizes_b, packed_b) = made
    np.testing.assert_array_equal(sizes, sizes_b.numpy())
    for i in (1, 2, 3):
        np.testing.assert_array_equal(packed[i], packed_b[i].numpy())
    loss, loss_b = 0, 0
    for y, z in zip(outs, outs_b, strict=True):
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-11)
        g = RNG.normal(size=y.shape)
        loss, loss_b = (y * g).sum() + loss, (z * torch.tensor(g)).sum() + loss_b
    loss.backward()
    loss_b.backward()
    for given, other in zip(a, b, strict=True):
        np.testing.assert_allclose(given.grad, other.grad.numpy(), rtol=1e-9, atol=1e-10)
    compare_gradients(ours, theirs)


@pytest.mark.parametrize(
    "name, options",
    [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu"}), ("LSTMCell", {}), ("GRUCell", {"bias": False})],
)
def test_cell(name, options):
    ours, theirs = layers = pair(name, E, H, **options)
    assert ours.extra_repr() == theirs.extra_repr()
    compare_layers(layers, [RNG.normal(size=(N, E))])
    for layer in layers:
        layer.zero_grad()
    count = 2 if name == "LSTMCell" else 1

    def called(cell):
        return lambda x, *states: cell(x, states if count > 1 else states[0])

    for batch in ((N,), ()):
        states = [RNG.normal(size=(*batch, H)) for _ in range(count)]
        compare(called(ours), called(theirs), [RNG.normal(size=(*batch, E)), *states])


@pytest.mark.parametrize("name", ["RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell"])
def test_weights_start_out_alike(name):
    ours, theirs = getattr(nn, name)(3, 64), getattr(torch.nn, name)(3, 64)
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert a.shape == b.shape and a.dtype == np.float32
        assert abs(a.numpy()).max() <= 1 / 8 and np.isclose(a.numpy().std(), b.detach().std(), rtol=0.3)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("padding_side", ["right", "left"])
@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
def test_pad_sequence(batch_first, padding_side, shape):
    parts = [RNG.normal(size=(n, *shape)) for n in (2, 4, 0, 1)]
    options = {"batch_first": batch_first, "padding_side": padding_side, "padding_value": 3.0}
    compare(
        lambda *parts: rnn.pad_sequence(parts, **options),
        lambda *parts: theirs_rnn.pad_sequence(list(parts), **options),
        parts,
    )


@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_packing_and_back(shape):
    parts = [RNG.normal(size=(n, *shape)) for n in (2, 4, 4, 1)]

    def way(kit):
        def call(*parts):
            packed = kit.pack_sequence(list(parts), enforce_sorted=False)
            return packed.data, *kit.unpack_sequence(packed)

        return call

    compare(way(rnn), way(theirs_rnn), parts)
    ids = [np.arange(3), np.arange(2)]
    packed = rnn.pack_sequence(ids)
    other = theirs_rnn.pack_sequence([torch.tensor(i) for i in ids])
    for a, b in zip(packed[:2], other[:2], strict=True):
        np.testing.assert_array_equal(a, b.numpy())
    assert packed[2:] == other[2:] == (None, None)
    padded, lengths = rnn.pad_packed_sequence(packed, padding_value=7)
    expected, sizes = theirs_rnn.pad_packed_sequence(other, padding_value=7)
    assert padded.dtype == np.int64 and lengths.tolist() == sizes.tolist()
    np.testing.assert_array_equal(padded.numpy(), expected.numpy())
