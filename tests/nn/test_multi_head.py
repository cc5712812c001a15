"""F.multi_head_attention_forward: nn.MultiheadAttention as a function."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
N, H, L, S, E = 2, 3, 4, 5, 6
PADDING = np.array([[False] * S, [False] * 3 + [True] * 2])


def test_multi_head_attention_forward_is_what_the_module_computes():
    layer = nn.MultiheadAttention(E, H, add_bias_kv=True, dtype=np.float64)
    x, memory = RNG.normal(size=(L, N, E)), RNG.normal(size=(S, N, E))
    weights = layer.in_proj_weight, layer.in_proj_bias, layer.bias_k, layer.bias_v
    out = layer.out_proj.weight, layer.out_proj.bias
    y, seen = F.multi_head_attention_forward(
        x, memory, memory, E, H, *weights, False, 0.0, *out, key_padding_mask=PADDING
    )
    z, expected = layer(x, memory, memory, PADDING)
    np.testing.assert_array_equal(y.data, z.data)
    np.testing.assert_array_equal(seen.data, expected.data)


def test_multi_head_attention_forward_refuses():
    x, w = np.ones((L, N, E)), np.ones((3 * E, E))

    def refused(message, *given, query=x, heads=H, **options):
        args = [w, None, None, None, False, 0.0, w[:E], None]
        args[: len(given)] = given
        with pytest.raises(ValueError, match="^multi_head_attention_forward: " + message):
            F.multi_head_attention_forward(query, x, x, E, heads, *args, **options)

    refused("embed_dim_to_check 6 is no multiple of num_heads 4", heads=4)
    refused("use_separate_proj_weight=False needs in_proj_weight, of which there are None", None)
    refused("use_separate_proj_weight=True needs q_proj_weight, k_", use_separate_proj_weight=True)
    refused(r"in_proj_weight of shape \(17, 6\), expected \(18, 6\)", w[1:])
    refused("bias_k and bias_v are given together", w, None, np.ones((1, 1, E)))
    refused(r"query of shape \(4, 2, 5\), expected \(.., .., 6\)", query=x[..., 1:])
    refused(r"static_k of shape \(3, 4, 2\), expected \(6, .., 2\)", static_k=np.ones((3, 4, 2)))
    refused("keys .* and values .* differ in length", static_k=np.ones((N * H, 7, 2)))
    more = np.ones((1, 1, E))
    refused("bias_k and bias_v cannot be added", w, None, more, more, static_k=np.ones((N * H, L, 2)))
