"""Attention with every kind of mask against torch: outputs, weights and all gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad.nn import functional as F

N, S, T, E, H = 2, 5, 4, 6, 3
PADDING = np.array([[False] * S, [False] * 3 + [True] * 2])
STEPS = np.triu(np.ones((T, T), bool), 1)
QUERY_MASK = RNG.random((T, S)) < 0.3
QUERY_MASK[:, 0] = False
HEADS_MASK = RNG.random((N * H, T, S)) < 0.3
HEADS_MASK[:, :, 0] = False
MASKS = {
    "none": {},
    "bool": {"attn_mask": QUERY_MASK},
    "float": {"attn_mask": RNG.normal(size=(T, S))},
    "heads": {"attn_mask": HEADS_MASK},
    "float heads": {"attn_mask": RNG.normal(size=(N * H, T, S))},
    "padding": {"key_padding_mask": PADDING},
    "float padding": {"key_padding_mask": RNG.normal(size=(N, S))},
    "both": {"key_padding_mask": PADDING, "attn_mask": QUERY_MASK},
}
WEIGHTS = [{"need_weights": False}, {}, {"average_attn_weights": False}]


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("weights", WEIGHTS, ids=["output", "average", "each head"])
@pytest.mark.parametrize("batch_first", [True, False])
def test_multihead_attention(mask, weights, batch_first):
    inputs = [RNG.normal(size=(N, length, E)) for length in (T, S, S)]
    inputs = inputs if batch_first else [np.swapaxes(x, 0, 1).copy() for x in inputs]
    compare_layers(pair("MultiheadAttention", E, H, batch_first=batch_first), inputs, MASKS[mask] | weights)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("which", [(0, 0, 0), (0, 0, 1), (0, 1, 1), (0, 1, 0), (0, 1, 2)])
def test_inputs_in_common(which, bias):
    """`which` of the inputs is query, key and value; those that are no query may be longer if it is not."""
    layers = pair("MultiheadAttention", E, H, bias=bias, batch_first=True)

    def call(layer):
        return lambda *xs: layer(*[xs[i] for i in which], need_weights=False)

    length = S if 0 not in which[1:] else T
    inputs = [RNG.normal(size=(N, T, E)), *RNG.normal(size=(max(which), N, length, E))]
    compare(*map(call, layers), inputs, {}, layers)


@pytest.mark.parametrize("weights", WEIGHTS, ids=["output", "average", "each head"])
def test_without_batch(weights):
    masks = {"attn_mask": HEADS_MASK[:H], "key_padding_mask": PADDING[1]} | weights
    compare_layers(pair("MultiheadAttention", E, H), [RNG.normal(size=(n, E)) for n in (T, S, S)], masks)


def test_causal_attention():
    """torch wants the mask beside is_causal."""
    ours, theirs = pair("MultiheadAttention", E, H)
    x = RNG.normal(size=(T, N, E))
    y, _ = ours(x, x, x, is_causal=True)
    z, _ = theirs(*[torch.tensor(x)] * 3, attn_mask=torch.tensor(STEPS), is_causal=True)
    np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-10, atol=1e-12)


FUNCTION_MASKS = [{}, {"is_causal": True}, {"scale": 0.3}, {"attn_mask": ~STEPS}, {"attn_mask": STEPS * 0.7}]


@pytest.mark.parametrize("masks", FUNCTION_MASKS)
def test_scaled_dot_product_attention(masks):
    inputs = [RNG.normal(size=(N, H, T, width)) for width in (2, 2, 3)]
    compare(F.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention, inputs, masks)
