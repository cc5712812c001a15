"""Multi-head attention against plain formulas."""

import math

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
N, H, L, S, D = 2, 3, 4, 5, 2
E = H * D
close = np.testing.assert_allclose


def attention(q, k, v, added):
    """(N, H, L, D) queries: a loop over rows; a row of which all is -inf gives zeros."""
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    weights = np.zeros((*q.shape[:-1], k.shape[-2]))
    for row in np.ndindex(q.shape[:-1]):
        scores = k[row[:-1]] @ q[row] / math.sqrt(q.shape[-1]) + np.broadcast_to(added, weights.shape)[row]
        if np.isfinite(scores).any():
            p = np.exp(scores - scores.max())
            weights[row] = p / p.sum()
            out[row] = weights[row] @ v[row[:-1]]
    return out, weights


def by_hand(layer, query, key, value, added=0.0):
    """Batch-first inputs through the layer's weights with the formula of section 3.2.2."""
    w, b = layer.in_proj_weight.numpy(), layer.in_proj_bias.numpy()
    parts = [x @ w[i * E : (i + 1) * E].T + b[i * E : (i + 1) * E] for i, x in enumerate((query, key, value))]
    q, k, v = (x.reshape(*x.shape[:2], H, D).swapaxes(1, 2) for x in parts)
    out, weights = attention(q, k, v, added)
    out = out.swapaxes(1, 2).reshape(query.shape)
    return out @ layer.out_proj.weight.numpy().T + layer.out_proj.bias.numpy(), weights


@pytest.fixture
def layer():
    nn.manual_seed(0)
    layer = nn.MultiheadAttention(E, H, batch_first=True, dtype=np.float64)
    nn.init.normal_(layer.in_proj_bias)
    return layer


@pytest.fixture
def inputs():
    return [RNG.normal(size=(N, length, E)) for length in (L, S, S)]


def minus_inf(mask):
    return np.where(mask, -np.inf, 0.0)


STEPS = np.triu(np.ones((L, S), bool), 1)
HEADS = RNG.random((N * H, L, S)) < 0.3
PADDING = np.array([[False] * S, [False] * 3 + [True] * 2])
BIAS = RNG.normal(size=(L, S))
MASKS = {
    "none": ({}, 0.0),
    "bool": ({"attn_mask": STEPS}, minus_inf(STEPS)),
    "list": ({"attn_mask": STEPS.tolist()}, minus_inf(STEPS)),
    "float": ({"attn_mask": BIAS}, BIAS),
    "float32": ({"attn_mask": BIAS.astype(np.float32)}, BIAS.astype(np.float32)),
    "heads": ({"attn_mask": HEADS}, minus_inf(HEADS.reshape(N, H, L, S))),
    "padding": ({"key_padding_mask": PADDING}, minus_inf(PADDING)[:, None, None]),
    "causal": ({"is_causal": True}, minus_inf(STEPS)),
    "all": (
        {"attn_mask": BIAS, "key_padding_mask": PADDING, "is_causal": True},
        BIAS + minus_inf(PADDING)[:, None, None] + minus_inf(STEPS),
    ),
}


@pytest.mark.parametrize("options, added", MASKS.values(), ids=MASKS)
def test_masks_with_and_without_weights(layer, inputs, options, added):
    expected, weights = by_hand(layer, *inputs, added)
    y, none = layer(*inputs, need_weights=False, **options)
    close(y.numpy(), expected, atol=1e-12)
    assert none is None
    y, given = layer(*inputs, **options)
    close(y.numpy(), expected, atol=1e-12)
    close(given.numpy(), weights.mean(1), atol=1e-12)
    y, given = layer(*inputs, average_attn_weights=False, **options)
    close(given.numpy(), weights, atol=1e-12)


@pytest.mark.parametrize("need_weights", [True, False])
def test_masks_do_not_widen_float32(layer, inputs, need_weights):
    x = [each.astype(np.float32) for each in inputs]
    masks = {"attn_mask": BIAS, "key_padding_mask": minus_inf(PADDING), "is_causal": True}
    y, _ = layer.float()(*x, need_weights=need_weights, **masks)
    assert BIAS.dtype == np.float64 and y.dtype == np.float32


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_query_that_may_see_nothing_gets_zeros_and_gives_no_gradient(layer, need_weights):
    x = Tensor(RNG.normal(size=(N, S, E)), requires_grad=True)
    mask = np.zeros((S, S), bool)
    mask[2] = True
    y, weights = layer(x, x, x, attn_mask=mask, need_weights=need_weights)
    close(y.numpy()[:, 2], np.broadcast_to(layer.out_proj.bias.numpy(), (N, E)), atol=1e-12)
    y[:, 2].sum().backward()
    assert (x.grad == 0).all()
    if need_weights:
        assert (weights.numpy()[:, 2] == 0).all()


def test_layouts_agree(layer, inputs):
    expected, weights = layer(*inputs)
    layer.batch_first = False
    y, given = layer(*[x.swapaxes(0, 1) for x in inputs])
    close(y.numpy().swapaxes(0, 1), expected.numpy(), atol=1e-12)
    close(given.numpy(), weights.numpy(), atol=1e-12)
    for batch_first in (True, False):  # without a batch it makes no difference
        layer.batch_first = batch_first
        one = [x[1] for x in inputs]
        y, given = layer(*one, key_padding_mask=PADDING[1], attn_mask=HEADS[:H])
        assert y.shape == (L, E) and given.shape == (L, S)
        added = minus_inf(PADDING[1]) + minus_inf(HEADS[:H])
        close(y.numpy(), by_hand(layer, *[x[None] for x in one], added)[0][0], atol=1e-12)


# Which of three inputs stands for query, key and value.
SAME = {"q=k=v": (0, 0, 0), "q=k": (0, 0, 1), "k=v": (0, 1, 1), "q=v": (0, 1, 0), "all different": (0, 1, 2)}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("which", SAME.values(), ids=SAME)
def test_inputs_that_are_the_same_object_are_as_good_as_copies(layer, which, need_weights):
    """Outputs by hand, and all gradients: what has one name for two gets the sum of their gradients."""
    arrays = RNG.normal(size=(3, N, S, E))
    g = RNG.normal(size=(N, S, E))

    def run(*given):
        layer.zero_grad()
        y, _ = layer(*given, need_weights=need_weights)
        (y * g).sum().backward()
        return y.numpy(), [p.grad.copy() for p in layer.parameters()]

    shared = [Tensor(x, requires_grad=True) for x in arrays]
    copies = [Tensor(arrays[i].copy(), requires_grad=True) for i in which]
    y, grads = run(*[shared[i] for i in which])
    z, others = run(*copies)
    close(y, by_hand(layer, *[arrays[i] for i in which])[0], atol=1e-12)
    close(z, y, atol=1e-12)
    for a, b in zip(grads, others, strict=True):
        close(a, b, atol=1e-11)
    for i in set(which):
        close(shared[i].grad, sum(x.grad for x, of in zip(copies, which, strict=True) if of == i), atol=1e-12)


def test_gradients_of_three_inputs_against_differences(layer, inputs):
    ag.gradcheck(
        lambda *xs: layer(*xs, need_weights=False)[0],
        [Tensor(x, requires_grad=True) for x in inputs],
        reference=lambda *xs: by_hand(layer, *xs)[0],
    )


def test_initial_values_are_pytorchs():
    layer = nn.MultiheadAttention(64, 4)
    for weight, bound in [(layer.in_proj_weight, (6 / (64 + 192)) ** 0.5), (layer.out_proj.weight, 1 / 8)]:
        assert 0.99 * bound < abs(weight.data).max() <= bound
    assert not layer.in_proj_bias.data.any() and not layer.out_proj.bias.data.any()


def test_keys_that_everybody_sees():
    """A learned key and value (bias_k, bias_v), then zeros: behind the others, whatever masks hide."""
    layer = nn.MultiheadAttention(E, H, add_bias_kv=True, add_zero_attn=True, batch_first=True, dtype="f8")
    x = RNG.normal(size=(1, 3, E))
    for masks in ({"attn_mask": np.ones((3, 3), bool)}, {"attn_mask": np.full((3, 3), -np.inf)}):
        y, weights = layer(x, x, x, **masks)
        assert weights.shape == (1, 3, 5) and (weights.numpy()[..., :3] == 0).all()
        assert (weights.numpy()[..., 3:] > 0).all()
        close(y.numpy(), layer(x, x, x, need_weights=False, **masks)[0].numpy(), atol=1e-12)
    _, weights = layer(x, x, x, is_causal=True)
    np.testing.assert_array_equal(
        weights.numpy()[0] == 0, [[0, 1, 1, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    )


def test_other_widths_of_key_and_value():
    layer = nn.MultiheadAttention(E, H, kdim=3, vdim=7, batch_first=True)
    names = ["q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias"]
    assert list(layer.state_dict()) == [*names, "out_proj.weight", "out_proj.bias"]
    assert layer.k_proj_weight.shape == (E, 3) and layer.v_proj_weight.shape == (E, 7)
    x = np.zeros((N, L, E), np.float32)
    with pytest.raises(ValueError, match=r"key of shape \(2, 4, 6\), expected \(.., .., 3\)"):
        layer(x, x, x)


def test_without_bias(inputs):
    layer = nn.MultiheadAttention(E, H, bias=False, batch_first=True, dtype=np.float64)
    assert list(layer.state_dict()) == ["in_proj_weight", "out_proj.weight"]
    y, _ = layer(*inputs)
    layer.in_proj_bias, layer.out_proj.bias = Tensor(np.zeros(3 * E)), Tensor(np.zeros(E))
    close(y.numpy(), by_hand(layer, *inputs)[0], atol=1e-12)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("p", [0.5, 1.0])
def test_dropout_only_while_training_and_repeatable(inputs, need_weights, p):
    layer = nn.MultiheadAttention(E, H, dropout=p, batch_first=True, dtype=np.float64)

    def run():
        nn.manual_seed(1)
        return layer(*inputs, need_weights=need_weights)[0].numpy()

    first = run()
    np.testing.assert_array_equal(run(), first)
    expected, _ = by_hand(layer, *inputs)
    assert np.isfinite(first).all() and abs(first - expected).max() > 0.01
    assert p < 1 or (first == layer.out_proj.bias.numpy()).all()
    layer.eval()
    close(run(), expected, atol=1e-12)


def test_dropout_keeps_the_mean(layer, inputs):
    layer.dropout = 0.3
    expected, _ = by_hand(layer, *inputs)
    many = [np.tile(x, (2000, 1, 1)) for x in inputs]
    for need_weights in (True, False):
        y, _ = layer(*many, need_weights=need_weights)
        assert abs(y.numpy().reshape(2000, *expected.shape).mean(0) - expected).max() < 0.05


def test_attention_refuses(layer, inputs):
    net = nn.Module()
    net.attn = net.forward = layer
    query, key, value = inputs

    def refused(kind, message, *args, **masks):
        with pytest.raises(kind, match="^MultiheadAttention 'attn': " + message):
            net(*args, **masks)

    refused(ValueError, r"query of shape \(2, 4, 5\), expected", query[..., 1:], key, value)
    refused(ValueError, r"value of shape \(2, 5, 5\), expected", query, key, value[..., 1:])
    refused(ValueError, "query .* differ in batch or length .*batch_first=True", query, key, value[:, 1:])
    refused(ValueError, "query .* differ in batch or length", query[:1], key, value)
    refused(TypeError, "input is float32", query.astype(np.float32), key, value)
    refused(ValueError, r"attn_mask of shape \(5, 4\), expected \(4, 5\)", *inputs, attn_mask=STEPS.T)
    refused(ValueError, r".* expected \(4, 5\) or \(6, 4, 5\)", *inputs, attn_mask=HEADS[:H])
    refused(TypeError, "attn_mask must be bool or float, not int", *inputs, attn_mask=STEPS.astype(int))
    refused(ValueError, r".* shape \(5,\), expected \(2, 5\)", *inputs, key_padding_mask=PADDING[0])
    for heads in (2, 0):
        with pytest.raises(ValueError, match=f"embed_dim 5 is no multiple of num_heads {heads}"):
            nn.MultiheadAttention(5, heads)


# ---------------------------------------------------------------------------------- the function


def test_scaled_dot_product_attention_takes_masks_of_what_may_be_seen():
    q, k, v = (RNG.normal(size=(N, H, length, D)) for length in (L, S, S))
    for mask, added in [(~STEPS, minus_inf(STEPS)), (BIAS, BIAS), (BIAS.astype("f4"), BIAS.astype("f4"))]:
        close(F.scaled_dot_product_attention(q, k, v, mask).numpy(), attention(q, k, v, added)[0], atol=1e-12)
    causal = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=1 / math.sqrt(D))
    close(causal.numpy(), attention(q, k, v, minus_inf(STEPS))[0], atol=1e-12)
    q32, k32, v32 = (x.astype(np.float32) for x in (q, k, v))
    assert F.scaled_dot_product_attention(q32, k32, v32, BIAS).dtype == np.float32
    assert (F.scaled_dot_product_attention(q, k, v, dropout_p=1.0).numpy() == 0).all()
    with pytest.raises(TypeError, match="scaled_dot_product_attention: attn_mask must be bool or float"):
        F.scaled_dot_product_attention(q, k, v, STEPS.astype(int))
    with pytest.raises(ValueError, match="between 0 and 1"):
        F.scaled_dot_product_attention(q, k, v, dropout_p=-0.5)


def test_scaled_dot_product_attention_refuses_what_does_not_fit():
    x = np.ones((2, 4, 3, 5))
    for q, k, v, mask in [
        (x[0, 0, 0], x[0, 0, 0], x[0, 0, 0], None),
        (x, x[..., :4], x, None),
        (x, x, x[:, :, :2], None),
        (x, x[:, :3], x[:, :3], None),
        (x, x, x, np.ones((2, 3), bool)),
        (x[:, :, :1], x, x, np.ones((3, 3), bool)),
    ]:
        with pytest.raises(ValueError, match="scaled_dot_product_attention: query .*, expected"):
            F.scaled_dot_product_attention(q, k, v, mask)


def test_grouped_queries_share_keys():
    q, k = RNG.normal(size=(2, 6, 3, 4)), RNG.normal(size=(2, 2, 5, 4))
    y = F.scaled_dot_product_attention(q, k, k, enable_gqa=True)
    close(y.numpy(), F.scaled_dot_product_attention(q, *[np.repeat(k, 3, 1)] * 2).numpy(), rtol=1e-12)
    for heads in (x := np.ones((4, 3, 4)), x[0], x[:0]):
        with pytest.raises(ValueError, match=r"enable_gqa, .* must divide those of query \(2, 6, 3, 4\)"):
            F.scaled_dot_product_attention(q, heads, heads, enable_gqa=True)


def test_dropout_is_drawn_for_every_item_of_a_broadcast_batch():
    query, memory = np.ones((3, 4, 2)), RNG.normal(size=(3, 5, 2))
    memory[:] = memory[0]
    for q, k in [(query[:1], memory), (query, memory[:1])]:
        y = F.scaled_dot_product_attention(q, k, memory, dropout_p=0.5).numpy()
        assert y.shape == (3, 4, 2) and (y[0] != y[1]).any() and (y[1] != y[2]).any()


@pytest.mark.parametrize("size", [1, 3, 70])
@pytest.mark.parametrize("scale", [0.1, 1, 1e3, 1e18])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_few_queries_without_a_gradient(size, scale, dtype):
    """They take a shorter way: the same numbers, however large the scores are."""
    rng = np.random.default_rng(size)
    q, k, v = (rng.normal(size=(2, 3, n, 4)).astype(dtype) for n in (2, size, size))
    q, k = q * dtype(scale), k * dtype(scale)
    if scale == 1e18 and dtype is np.float32:
        q[0, 0, 0, 0] = k[0, 0, 0, 0] = 3e38  # a score that overflows
    with np.errstate(over="ignore", invalid="ignore"):
        expected = F.scaled_dot_product_attention(Tensor(q, requires_grad=True), k, v).numpy()
        found = F.scaled_dot_product_attention(q, k, v).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert found.dtype == dtype


def test_a_few_queries_that_see_nothing():
    """No key, or scores that are all -inf."""
    q, k = np.ones((2, 1, 4)), np.ones((2, 0, 4))
    np.testing.assert_array_equal(F.scaled_dot_product_attention(q, k, k).numpy(), np.zeros((2, 1, 4)))
    with np.errstate(over="ignore"):
        far = F.scaled_dot_product_attention(np.full((1, 2), 1e200), np.full((3, 2), -1e200), np.ones((3, 2)))
    np.testing.assert_array_equal(far.numpy(), np.zeros((1, 2)))
