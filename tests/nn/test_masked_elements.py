"""What is ignored, hidden or dropped may be nan or inf: 0 times that must not poison the rest.

Nor is anything said of it: warnings are errors.
"""

from itertools import product

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F
from tapegrad.nn.functional.attention import attention_plain
from tapegrad.nn.functional.dropout import dropout_plain
from tapegrad.nn.functional.loss import cross_entropy_plain

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose
NAN, INF = np.nan, np.inf


def run(f, *arrays, seed=1.0):
    """f's result, and the gradients of the arrays for a gradient that is `seed` everywhere."""
    tensors = [Tensor(a, requires_grad=True) for a in arrays]
    y = f(*tensors)
    y.backward(np.full_like(y.data, seed))
    return [y.data, *[t.grad for t in tensors]]


# ---------------------------------------------------------------------------------- cross_entropy

SETTINGS = list(product(["mean", "sum", "none"], [0.0, 0.1], ["rows", "images", "float32"]))


@pytest.mark.parametrize("bad", [[-INF, -INF], [NAN, 0.0], [INF, -INF], [INF, 1.0]], ids=str)
@pytest.mark.parametrize("reduction, label_smoothing, form", SETTINGS)
def test_an_ignored_row_poisons_no_loss(reduction, label_smoothing, form, bad):
    x, target = np.array([[0.0, 1.0], bad], np.float32 if form == "float32" else np.float64), [1, -100]
    options = {"reduction": reduction, "label_smoothing": label_smoothing}
    if form == "images":
        x, target = x.T[None], [target]
    y, dx = run(lambda x: F.cross_entropy(x, target, **options), x)
    loss = 0.3132616875182228 + label_smoothing / 2
    close(y, [loss, 0] if form != "images" and reduction == "none" else [[loss, 0]] if y.ndim else loss, 1e-6)
    slope = 0.2689414213699951 - label_smoothing / 2
    expected = np.array([[slope, -slope], [0, 0]])
    close(dx, expected.T[None] if form == "images" else expected, rtol=1e-6)


def test_an_ignored_row_poisons_no_loss_in_the_plain_form():
    x = np.array([[0.0, 1.0], [INF, NAN]])
    for reduction, smoothing in product(["mean", "sum", "none"], [0.0, 0.1]):
        loss, backward = cross_entropy_plain([True], x, np.array([1, -100]), -100, smoothing, reduction)
        close(np.sum(loss), 0.3132616875182228 + smoothing / 2)
        (dx,) = backward(np.ones_like(loss))
        close(dx[0], [0.2689414213699951 - smoothing / 2, smoothing / 2 - 0.2689414213699951])
        assert (dx[1] == 0).all()


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_an_infinite_gradient_does_not_reach_an_ignored_row(label_smoothing):
    for reduction in ("mean", "sum", "none"):
        options = {"reduction": reduction, "label_smoothing": label_smoothing}
        _, dx = run(lambda x, o=options: F.cross_entropy(x, [0, -100], **o), np.zeros((2, 3)), seed=INF)
        close(dx, [[-INF, INF, INF], [0, 0, 0]])


def test_the_mean_over_no_target_is_nan_and_gives_no_gradient():
    y, dx = run(lambda x: F.cross_entropy(x, [-100, -100]), np.zeros((2, 3)))
    assert np.isnan(y) and (dx == 0).all()


# ---------------------------------------------------------------------------------- attention

L, D = 4, 3
HIDDEN = 2  # the key that nobody may look at
SEEN = np.arange(L) != HIDDEN
HIDE = {
    "bool": np.broadcast_to(SEEN, (L, L)),
    "float": np.where(SEEN, np.arange(L) / 4, -INF) + np.zeros((L, 1)),
    "all heads": np.broadcast_to(SEEN, (2, 1, L)),
}


def plain(mask=None, is_causal=False, keep=None):
    def attend(q, k, v):
        with np.errstate(invalid="ignore"):
            y, backward = attention_plain((True, True, True, False), q, k, v, mask, keep, 0.5, is_causal)
            return [y, *backward(np.ones_like(y))[:3]]

    return attend


def spoilt(k, v, row, bad, where):
    k, v = k.copy(), v.copy()
    if "key" in where:
        k[:, row, 1:] = bad
    if "value" in where:
        v[:, row, 1] = bad
    return k, v


def draw(dtype=np.float64, length=L):
    return [RNG.normal(size=(2, length, D)).astype(dtype) for _ in range(3)]


every_bad = pytest.mark.parametrize(
    "bad, where", list(product([NAN, INF, -INF], ["key", "value", "key and value"]))
)


@every_bad
@pytest.mark.parametrize("mask", HIDE.values(), ids=HIDE)
def test_a_hidden_key_poisons_nothing(mask, bad, where):
    q, k, v = draw()
    expected = run(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask), q, k, v)
    k, v = spoilt(k, v, HIDDEN, bad, where)
    found = run(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask), q, k, v)
    for a, b, c in zip(found, expected, plain(np.asarray(mask))(q, k, v), strict=True):
        close(a, b, atol=1e-12)
        close(c, b, atol=1e-12)


@every_bad
@pytest.mark.parametrize("length", [L, 300])  # one block, and several whose weights are computed again
def test_a_later_key_poisons_nothing(length, bad, where):
    q, k, v = draw(length=length)
    expected = F.scaled_dot_product_attention(q, k, v, is_causal=True).numpy()[:, :-1]
    k, v = spoilt(k, v, length - 1, bad, where)
    with np.errstate(invalid="ignore"):  # the last position sees it
        y, dq, *_ = run(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), q, k, v)
    y = y[:, :-1]
    close(y, expected, atol=1e-12)
    assert np.isfinite(dq[:, :-1]).all()
    found = plain(is_causal=True)(q, k, v)
    close(found[0][:, :-1], expected, atol=1e-12)
    close(found[1][:, :-1], dq[:, :-1], atol=1e-12)


@pytest.mark.parametrize("bad", [NAN, INF])
def test_a_dropped_weight_takes_nothing_from_its_value(bad):
    q, k, v = draw()
    keep = np.broadcast_to(SEEN, (2, L, L))
    attend = F.attention._scaled_dot_product_attention
    expected = run(lambda q, k, v: attend(q, k, v, None, keep, 0.5), q, k, v)
    k, v = spoilt(k, v, HIDDEN, bad, "value")
    found = run(lambda q, k, v: attend(q, k, v, None, keep, 0.5), q, k, v)
    for a, b, c in zip(found, expected, plain(keep=keep)(q, k, v), strict=True):
        close(a, b, atol=1e-12)
        close(c, b, atol=1e-12)


def test_a_query_that_sees_nothing_poisons_no_key():
    q, k, v = draw()
    mask = np.ones((L, L), bool)
    mask[1] = False
    expected = run(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask), q, k, v)
    q[:, 1] = NAN
    found = run(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mask), q, k, v)
    for a, b, c in zip(found, expected, plain(mask)(q, k, v), strict=True):
        close(a, b, atol=1e-12)
        close(c, b, atol=1e-12)
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype=np.float64)
    x = RNG.normal(size=(1, L, 4))
    bad = x.copy()
    bad[:, 1] = NAN
    for need_weights in (True, False):
        y = layer(bad, x, x, attn_mask=~mask, need_weights=need_weights)[0].numpy()
        close(y, layer(x, x, x, attn_mask=~mask, need_weights=need_weights)[0].numpy(), atol=1e-12)


def test_what_is_seen_is_still_seen():
    q, k, v = draw()
    v[0, 1, 1] = INF
    y = F.scaled_dot_product_attention(q, k, v, HIDE["bool"]).numpy()
    assert (y[0, :, 1] == INF).all() and np.isfinite(y[..., [0, 2]]).all() and np.isfinite(y[1]).all()


# ---------------------------------------------------------------------------------- dropout and embedding


@pytest.mark.parametrize("p", [0.5, 1.0])
@pytest.mark.parametrize("bad", [NAN, INF])
def test_what_is_dropped_is_zero_whatever_it_was(bad, p):
    x = np.full((40, 50), bad)
    y, dx = run(lambda x: F.dropout(x, p), x, seed=bad)
    dropped = y == 0
    assert dropped.any() and dropped.all() == (p == 1)
    np.testing.assert_array_equal(dx == 0, dropped)
    np.testing.assert_array_equal(y[~dropped], bad)
    keep = np.array([True, False])
    y, backward = dropout_plain(np.array([bad, bad]), keep, 0.5)
    np.testing.assert_array_equal([y, backward(y)[0]], [[bad, 0], [bad, 0]])


@pytest.mark.parametrize("rows", [5, 500])  # summed by a product, and by sorting
def test_a_padding_row_that_is_nan_poisons_no_other(rows):
    table = RNG.normal(size=(rows, 3))
    table[1] = NAN
    y, dw = run(lambda w: F.embedding([[0, 1], [2, 2]], w, padding_idx=1), table, seed=INF)
    assert np.isfinite(y[[0, 1, 1], [0, 0, 1]]).all() and np.isnan(y[0, 1]).all()
    assert (dw[[0, 2]] == INF).all() and (dw[1] == 0).all() and (dw[3:] == 0).all()


# ---------------------------------------------------------------------------------- nn.MultiheadAttention

PADDED = np.array([[False, False, True, False], [False, False, False, True]])


def multihead(key, value, weights_of_loss=False, **options):
    """Output, weights, and the gradients of query and of all parameters."""
    nn.manual_seed(0)
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype=np.float64)
    query = Tensor(np.arange(16.0).reshape(2, 2, 4) / 16, requires_grad=True)
    y, weights = layer(query, key, value, **options)
    loss = y.sum() if not weights_of_loss else y.sum() + (weights * np.arange(4.0)).sum()
    loss.backward()
    made = [y.data, query.grad, *[p.grad for p in layer.parameters()]]
    return made if weights is None else [weights.data, *made]


@pytest.mark.parametrize("options", [{}, {"need_weights": False}, {"weights_of_loss": True}], ids=str)
@pytest.mark.parametrize("mask", ["bool", "float", "both", "both bool"])
@pytest.mark.parametrize("bad", [NAN, INF])
@pytest.mark.parametrize("where", ["key", "value", "key and value", "one object"])
def test_padding_poisons_neither_output_nor_weights(options, mask, bad, where):
    key, value = RNG.normal(size=(2, 2, 4, 4))
    masks = {"key_padding_mask": PADDED if mask == "bool" else np.where(PADDED, -INF, 0.5)}
    if mask == "both":
        masks = {"key_padding_mask": PADDED, "attn_mask": RNG.normal(size=(2, 4))}
    if mask == "both bool":  # key 0 is seen by one query, key 1 by the other
        masks = {"key_padding_mask": PADDED, "attn_mask": np.eye(2, 4, dtype=bool)}
    value = key if where == "one object" else value
    expected = multihead(key, value, **masks, **options)
    if where != "value":
        key[PADDED] = bad
    if "value" in where:
        value[PADDED] = bad
    for a, b in zip(multihead(key, value, **masks, **options), expected, strict=True):
        close(a, b, atol=1e-12)


@pytest.mark.parametrize("need_weights", [True, False])
def test_padding_in_self_attention_poisons_no_other_position(need_weights):
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype=np.float64)
    x = RNG.normal(size=(2, 4, 4))
    options = {"key_padding_mask": PADDED, "need_weights": need_weights}
    expected = layer(x, x, x, **options)[0].numpy()
    x[PADDED] = NAN
    y = layer(x, x, x, **options)[0].numpy()
    close(y[~PADDED], expected[~PADDED], atol=1e-12)
    assert np.isnan(y[PADDED]).all()


@pytest.mark.parametrize("need_weights", [True, False])
def test_a_later_position_poisons_no_earlier_one(need_weights):
    layer = nn.MultiheadAttention(4, 2, batch_first=True, dtype=np.float64)
    x = RNG.normal(size=(2, 4, 4))
    options = {"is_causal": True, "need_weights": need_weights}
    expected = layer(x, x, x, **options)[0].numpy()
    x[:, -1] = NAN
    close(layer(x, x, x, **options)[0].numpy()[:, :-1], expected[:, :-1], atol=1e-12)
