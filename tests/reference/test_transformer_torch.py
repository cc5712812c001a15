"""Transformer layers and stacks with the same weights in torch: names, outputs and all gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare_layers, pair
from tapegrad import nn

N, S, T, E, H = 2, 5, 4, 6, 3
SRC_PADDING = np.array([[False] * S, [False] * 3 + [True] * 2])
TGT_PADDING = np.array([[False] * T, [False] * 3 + [True]])
MEMORY_MASK = np.arange(T)[:, None] < np.arange(S) - 2
BIAS = RNG.normal(size=(S, S))

pytestmark = pytest.mark.filterwarnings(
    "ignore:enable_nested_tensor is True"
)  # torch's fast path is not taken


def steps(size):
    return np.triu(np.ones((size, size), bool), 1)


def inputs(*lengths, batch_first=True):
    arrays = [RNG.normal(size=(N, length, E)) for length in lengths]
    return arrays if batch_first else [x.swapaxes(0, 1).copy() for x in arrays]


LAYER = {"dim_feedforward": 7, "dropout": 0.0}


ENCODER_MASKS = {
    "none": {},
    "causal": {"src_mask": steps(S)},
    "float": {"src_mask": BIAS, "src_key_padding_mask": SRC_PADDING * -2.0},
    "padding": {"src_key_padding_mask": SRC_PADDING},
}


@pytest.mark.parametrize("masks", ENCODER_MASKS.values(), ids=ENCODER_MASKS)
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoder_layer(activation, norm_first, masks):
    options = {"activation": activation, "norm_first": norm_first, "batch_first": True, **LAYER}
    compare_layers(pair("TransformerEncoderLayer", E, H, **options), inputs(S), masks)


@pytest.mark.parametrize(
    "masks",
    [
        {},
        {"tgt_mask": steps(T)},
        {"memory_mask": MEMORY_MASK, "memory_key_padding_mask": SRC_PADDING},
        {"tgt_mask": steps(T), "tgt_key_padding_mask": TGT_PADDING, "memory_key_padding_mask": SRC_PADDING},
    ],
    ids=lambda masks: " ".join(masks) or "none",
)
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_decoder_layer(batch_first, norm_first, masks):
    options = {"norm_first": norm_first, "batch_first": batch_first, **LAYER}
    layers = pair("TransformerDecoderLayer", E, H, **options)
    compare_layers(layers, inputs(T, S, batch_first=batch_first), masks)


@pytest.mark.parametrize(
    "options",
    [{"bias": False}, {"layer_norm_eps": 0.1}, {"bias": False, "norm_first": True, "activation": "gelu"}],
)
@pytest.mark.parametrize("kind, lengths", [("Encoder", [S]), ("Decoder", [T, S])])
def test_options(kind, lengths, options):
    layers = pair(f"Transformer{kind}Layer", E, H, batch_first=True, **LAYER, **options)
    compare_layers(layers, inputs(*lengths))
    compare_layers(layers, [x[0] for x in inputs(*lengths)])  # without a batch; gradients add up


WHOLE = {
    "src_mask": BIAS,
    "tgt_mask": steps(T),
    "memory_mask": MEMORY_MASK,
    "src_key_padding_mask": SRC_PADDING * -1.5,
    "tgt_key_padding_mask": TGT_PADDING,
    "memory_key_padding_mask": SRC_PADDING,
}


@pytest.mark.parametrize("masks", [{}, {"tgt_mask": steps(T)}, WHOLE], ids=["none", "causal", "all"])
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
def test_transformer(batch_first, norm_first, masks):
    layers = pair("Transformer", E, H, 2, 3, 7, 0.0, norm_first=norm_first, batch_first=batch_first)
    compare_layers(layers, inputs(S, T, batch_first=batch_first), masks)


@pytest.mark.parametrize("norm", [True, False])
def test_stacks_of_a_layer(norm):
    """Both sides build the stack from a layer; the state_dict has the same names."""
    stacks = []
    for lib in (nn, torch.nn):
        last = lib.LayerNorm(E) if norm else None
        encoder = lib.TransformerEncoder(lib.TransformerEncoderLayer(E, H, **LAYER), 2, last)
        decoder = lib.TransformerDecoder(lib.TransformerDecoderLayer(E, H, **LAYER), num_layers=3, norm=last)
        stacks.append((encoder.double(), decoder.double()))
    for (ours, theirs), lengths in zip(zip(*stacks, strict=True), [(S,), (T, S)], strict=True):
        ours.load_state_dict(theirs.state_dict())
        assert list(ours.state_dict()) == list(theirs.state_dict())
        theirs.train()
        compare_layers((ours, theirs), inputs(*lengths, batch_first=False))


def test_causal_flags_and_masks():
    """torch wants the mask beside is_causal; here either is enough."""
    ours, theirs = pair("Transformer", E, H, 1, 1, 7, 0.0, batch_first=True)
    src, tgt = inputs(S, T)
    mask = torch.nn.Transformer.generate_square_subsequent_mask(T)
    np.testing.assert_array_equal(ours.generate_square_subsequent_mask(T), mask.numpy())
    expected = theirs(torch.tensor(src), torch.tensor(tgt), tgt_mask=mask.double(), tgt_is_causal=True)
    for options in ({"tgt_is_causal": True}, {"tgt_mask": mask.numpy()}):
        y = ours(src, tgt, **options).numpy()
        np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-9, atol=1e-11)


def test_weights_start_out_alike():
    """The same constants, bounds and standard deviations, layer by layer."""
    nn.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = (lib.Transformer(64, 4, 1, 1, 256, batch_first=True) for lib in (nn, torch.nn))
    for (name, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        b = b.numpy()
        assert a.shape == b.shape and a.dtype == b.dtype
        assert np.isclose(a.std(), b.std(), rtol=0.05 if a.ndim > 1 else 0.4), name
        assert np.isclose(abs(a).max(), abs(b).max(), rtol=0.05), name
