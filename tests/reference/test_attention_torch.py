"""Attention with every kind of mask against torch: outputs, weights and all gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad.autograd import Tensor
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


PATTERNS = {"xxx": "q is k is v", "xyy": "k is v", "xxy": "q is k", "xyx": "q is v", "xyz": "all differ"}


@pytest.mark.parametrize("pattern", PATTERNS, ids=PATTERNS.values())
@pytest.mark.parametrize("need_weights", [True, False])
def test_every_pattern_of_identity(pattern, need_weights):
    layers = pair("MultiheadAttention", E, H, batch_first=True)
    names = sorted(set(pattern))

    def call(layer):
        def f(*xs):
            return layer(*(xs[names.index(name)] for name in pattern), need_weights=need_weights)

        return f

    compare(*map(call, layers), [RNG.normal(size=(N, T, E)) for _ in names], {}, layers)


MORE_KEYS = {
    "bias_kv": {"add_bias_kv": True},
    "zero_attn": {"add_zero_attn": True},
    "both": {"add_bias_kv": True, "add_zero_attn": True},
    "kdim": {"kdim": 3, "vdim": 7},
    "kdim only, no bias": {"kdim": 3, "bias": False},
    "all": {"kdim": 3, "vdim": 7, "add_bias_kv": True, "add_zero_attn": True},
}


@pytest.mark.parametrize("options", MORE_KEYS.values(), ids=MORE_KEYS)
@pytest.mark.parametrize("mask", ["none", "bool", "float heads", "both", "float padding"])
@pytest.mark.parametrize("weights", WEIGHTS, ids=["output", "average", "each head"])
def test_more_keys_and_other_widths(options, mask, weights):
    layers = pair("MultiheadAttention", E, H, batch_first=True, **options)
    widths = E, options.get("kdim", E), options.get("vdim", E)
    inputs = [RNG.normal(size=(N, *shape)) for shape in zip((T, S, S), widths, strict=True)]
    compare_layers(layers, inputs, MASKS[mask] | weights)
    layers = pair("MultiheadAttention", E, H, **options)
    compare_layers(layers, [x.swapaxes(0, 1).copy() for x in inputs], MASKS[mask] | weights)


def test_positional_arguments():
    args = (E, H, 0.0, False, True, True, 3, 7, True)
    inputs = [RNG.normal(size=(N, length, width)) for length, width in ((T, E), (S, 3), (S, 7))]
    compare_layers(pair("MultiheadAttention", *args), inputs)


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


@pytest.mark.parametrize("mask", [None, "bool", "float"])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_grouped_queries(mask, groups):
    inputs = [RNG.normal(size=(N, heads, T, E)) for heads in (6, groups, groups)]
    given = {"bool": RNG.random((N, 1, T, T)) < 0.8, "float": RNG.normal(size=(N, 6, T, T))}.get(mask)
    options = {"enable_gqa": True, "attn_mask": given}
    compare(F.scaled_dot_product_attention, torch.nn.functional.scaled_dot_product_attention, inputs, options)


# ------------------------------------------------------------------- the module as a function


def weights_of(separate, more, bias):
    """Names and values of multi_head_attention_forward's parameters."""
    kdim, vdim = (5, 7) if separate else (E, E)
    given = {"in_proj_weight": None, "in_proj_bias": None, "bias_k": None, "bias_v": None}
    shapes = {"out_proj_weight": (E, E)}
    if separate:
        shapes |= {"q_proj_weight": (E, E), "k_proj_weight": (E, kdim), "v_proj_weight": (E, vdim)}
    else:
        shapes["in_proj_weight"] = (3 * E, E)
    shapes |= {"bias_k": (1, 1, E), "bias_v": (1, 1, E)} if more else {}
    shapes |= {"in_proj_bias": (3 * E,), "out_proj_bias": (E,)} if bias else {}
    return (kdim, vdim), given | {name: RNG.normal(size=shape) for name, shape in shapes.items()}


FORWARD = [
    # separate, bias_k and bias_v, zeros, bias, static, batch
    (False, False, False, True, False, True),
    (False, True, True, True, False, True),
    (True, False, False, True, False, False),
    (True, True, False, False, False, True),
    (True, False, True, True, True, True),
    (False, False, True, False, True, False),
]


@pytest.mark.parametrize("separate, more, zeros, bias, static, batch", FORWARD)
@pytest.mark.parametrize("mask", ["none", "bool", "float padding", "both"])
@pytest.mark.parametrize("weights", WEIGHTS, ids=["output", "average", "each head"])
def test_multi_head_attention_forward(separate, more, zeros, bias, static, batch, mask, weights):
    (kdim, vdim), named = weights_of(separate, more, bias)
    inputs = [RNG.normal(size=(n, N, width)) for n, width in ((T, E), (S, kdim), (S, vdim))]
    masks = dict(MASKS[mask])
    if not batch:
        inputs = [x[:, 1] for x in inputs]
        masks |= {"key_padding_mask": masks["key_padding_mask"][1]} if "key_padding_mask" in masks else {}
    if static:
        shape = ((N if batch else 1) * H, S, E // H)
        named |= {name: RNG.normal(size=shape) for name in ("static_k", "static_v")}
    present = [name for name, value in named.items() if value is not None]
    absent = dict.fromkeys(name for name, value in named.items() if value is None)
    absent = absent if bias else absent | {"out_proj_bias": None}
    more = {"embed_dim_to_check": E, "num_heads": H, "add_zero_attn": zeros, "dropout_p": 0.5}
    more |= {"training": False, "use_separate_proj_weight": separate} | weights

    def call(forward, options):
        def f(q, k, v, *given):
            given = dict(zip(present, given, strict=True))
            return forward(q, k, v, **given, **absent, **more, **options)

        return f

    for_torch = {name: torch.tensor(x) for name, x in masks.items()}
    ours = call(F.multi_head_attention_forward, masks)
    theirs = call(torch.nn.functional.multi_head_attention_forward, for_torch)
    mine = [Tensor(x, requires_grad=True) for x in (*inputs, *(named[name] for name in present))]
    other = [torch.tensor(x.data, requires_grad=True) for x in mine]
    y, z = ours(*mine), theirs(*other)
    loss, torch_loss = 0, 0
    for a, b in zip(y, z, strict=True):
        if b is None:
            assert a is None
            continue
        np.testing.assert_allclose(a.numpy(), b.detach().numpy(), rtol=1e-9, atol=1e-11)
        g = RNG.normal(size=a.shape)
        loss, torch_loss = loss + (a * g).sum(), torch_loss + (b * torch.tensor(g)).sum()
    loss.backward()
    torch_loss.backward()
    for name, a, b in zip(["q", "k", "v", *present], mine, other, strict=True):
        expected = np.zeros(a.shape) if b.grad is None else b.grad.numpy()
        found = np.zeros(a.shape) if a.grad is None else a.grad
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9, err_msg=name)
