"""What only attention and cross-entropy promise: masks, causality, ignored targets, large numbers."""

from types import SimpleNamespace

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, gradcheck, special, versions

pytestmark = pytest.mark.usefixtures("one_blas_thread")

attention = kernels.scaled_dot_product_attention
rng = np.random.default_rng(0)


def leaf(*shape, dtype=np.float64):
    return Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)


def qkv(L=4, S=5, dtype=np.float64):
    return leaf(2, L, 3, dtype=dtype), leaf(2, S, 3, dtype=dtype), leaf(2, S, 2, dtype=dtype)


# ---------------------------------------------------------------------------------------- attention


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("float_mask", [False, True])
def test_rows_that_may_see_nothing_are_zero_and_so_is_their_gradient(float_mask, dtype):
    seen = np.ones((4, 5), bool)
    seen[1] = False
    mask = np.where(seen, 0, -np.inf).astype(dtype) if float_mask else seen
    q, k, v = qkv(dtype=dtype)
    y = attention(q, k, v, mask)
    assert not y.data[:, 1].any() and np.isfinite(y.data).all()
    y.backward(np.ones(y.shape, dtype))
    assert not q.grad[:, 1].any() and q.grad[:, 0].all()
    assert all(np.isfinite(x.grad).all() for x in (q, k, v))
    others = np.delete(np.arange(4), 1)
    np.testing.assert_allclose(y.data[:, others], attention(q[:, others], k, v).data, rtol=1e-5)


def test_rows_that_may_see_nothing_in_second_derivatives():
    q, k, v = qkv()
    mask = np.arange(4)[:, None] >= np.arange(1, 6)  # the first query sees nothing
    assert gradcheck(lambda q, k, v: ag.square(attention(q, k, v, mask)), [q, k, v], order=2)


@pytest.mark.parametrize(("L", "S"), [(4, 4), (3, 5), (5, 3)])
def test_causal_mask_is_aligned_at_the_top_left(L, S):
    """As in PyTorch: query i sees keys 0..i, whatever the two lengths are."""
    q, k, v = qkv(L, S)
    a, b = attention(q, k, v, is_causal=True), attention(q, k, v, np.tri(L, S, dtype=bool))
    np.testing.assert_allclose(a.data, b.data, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(a.data[:, 0], v.data[:, 0], rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("length", [6, 70])  # one block of queries, and three
def test_causality_is_exact(length, dtype):
    """No bit of an earlier output depends on a later key or value, and no gradient flows there."""
    q, k, v = qkv(length, length, dtype)
    y = attention(q, k, v, is_causal=True)
    for i in range(length):
        k2, v2 = k.data.copy(), v.data.copy()
        k2[:, i + 1 :] = 1e3 * rng.standard_normal(k2[:, i + 1 :].shape)
        v2[:, i + 1 :] += 7
        z = attention(q, Tensor(k2), Tensor(v2), is_causal=True)
        assert np.array_equal(y.data[:, : i + 1], z.data[:, : i + 1])
        dk, dv = ag.grad(y[:, i].sum(), [k, v], retain_graph=True)
        assert not dk.data[:, i + 1 :].any() and not dv.data[:, i + 1 :].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_scores_do_not_overflow(dtype):
    q, k, v = qkv(dtype=dtype)
    y = attention(q * 1000, k * 1000, v, scale=1.0)  # scores of about 1e6: one key has all the weight
    y.backward(np.ones(y.shape, dtype))
    best = (q.data @ k.data.mT).argmax(-1)
    np.testing.assert_allclose(y.data, np.take_along_axis(v.data, best[..., None], 1), rtol=1e-6)
    assert all(np.isfinite(x.grad).all() for x in (q, k, v))


def test_very_negative_float_masks():
    """-inf and a very negative float hide a key alike; a large shift of all of them changes nothing."""
    q, k, v = qkv()
    seen = np.arange(5) < 3
    hidden = attention(q, k, v, seen).data
    for low in (-np.inf, np.finfo(np.float64).min / 2, -1e9):
        np.testing.assert_allclose(attention(q, k, v, np.where(seen, 0, low)).data, hidden, rtol=1e-12)
    np.testing.assert_allclose(attention(q, k, v, np.full(5, -1e4)).data, attention(q, k, v).data, rtol=1e-9)


@pytest.mark.parametrize("shape", [(5,), (1, 5), (4, 1), (4, 5), (2, 1, 1), (2, 4, 5), ()])
def test_gradient_of_a_float_mask(shape):
    """Summed to the shape it was broadcast from."""
    q, k, v = qkv()
    mask = leaf(*shape)
    assert gradcheck(attention, [q, k, v, mask])
    shape in ((4, 1), (2, 1, 1), ()) and np.testing.assert_allclose(
        ag.grad(attention(q, k, v, mask).sum(), mask)[0].data, 0, atol=1e-15
    )


def test_a_mask_that_adds_axes():
    q, k, v = leaf(4, 3), leaf(5, 3), leaf(5, 2)
    mask = np.stack([np.ones((4, 5), bool), np.tri(4, 5, dtype=bool)])
    y = attention(q, k, v, mask)
    for i in range(2):
        np.testing.assert_allclose(y.data[i], attention(q, k, v, mask[i]).data, rtol=1e-14)
    assert gradcheck(lambda *qkv: attention(*qkv, mask), [q, k, v])


def test_dropout_of_attention_weights():
    q, k, v = qkv()
    whole = attention(q, k, v)
    np.testing.assert_array_equal(
        attention(q, k, v, keep=np.ones((4, 5), bool), dropout_p=0.0).data, whole.data
    )
    np.testing.assert_allclose(
        attention(q, k, v, keep=np.ones((4, 5), bool), dropout_p=0.5).data, 2 * whole.data, rtol=1e-14
    )
    nothing = attention(q, k, v, keep=np.zeros((4, 5), bool), dropout_p=1.0)
    nothing.backward(np.ones(nothing.shape))
    assert not nothing.data.any() and not any(x.grad.any() for x in (q, k, v))


def same_as_plain(op, *inputs, **attrs):
    """Outputs and gradients of the fast form are those of the plain one."""
    needs = [x.dtype != bool for x in inputs]
    (y, backward), (z, plain_backward) = (form(needs, *inputs, **attrs) for form in (op.body, op.plain))
    np.testing.assert_allclose(y, z, rtol=1e-11, atol=1e-13)
    g = rng.standard_normal(np.shape(y))
    for a, b, wanted in zip(backward(g), plain_backward(g), needs, strict=True):
        if wanted:
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("width", [4, 20])  # weights that are computed again in backward, and kept
@pytest.mark.parametrize("is_causal", [False, True])
@pytest.mark.parametrize("kind", ["bool", "float", "dropout"])
def test_attention_in_many_blocks(width, is_causal, kind):
    """Of the batch (3 items of 4 heads) and of the queries (300); some rows of large scores."""
    q, k, v = (rng.standard_normal((3, 300, 4, width)).swapaxes(1, 2) for _ in range(3))
    q[1, 2, 290:] *= 1000
    pairs = rng.random((3, 1, 300, 300))
    mask = pairs < 0.9 if kind == "bool" else np.where(pairs < 0.9, pairs, -np.inf)
    attrs = {"keep": np.repeat(pairs < 0.8, 4, 1), "dropout_p": 0.2} if kind == "dropout" else {}
    same_as_plain(attention, q, k, v, mask, is_causal=is_causal, **attrs)


def test_long_attention_keeps_no_weights():
    q, k, v = (leaf(1, 2, 512, 2, dtype=np.float32) for _ in range(3))
    y = attention(q, k, v, is_causal=True)
    saved = {name: a.size for name, a in versions.saved_arrays(y.node)}
    assert sum(saved.values()) <= 5 * q.size and "p" not in saved


def test_weights_are_not_kept_for_a_backward_that_will_not_be():
    x = rng.standard_normal((4, 3))
    for wanted in (True, False):
        _, backward = attention.body([wanted] * 3 + [False], x, x, x)
        assert ("p" in dict(versions.saved_arrays(SimpleNamespace(backward=backward)))) == wanted


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_in_more_than_one_chunk(approximate):
    same_as_plain(kernels.gelu, rng.standard_normal((300, 500)) * 3, approximate=approximate)


# ------------------------------------------------------------------------------------ cross-entropy


@pytest.mark.parametrize("attrs", [{}, {"label_smoothing": 0.1}, {"reduction": "none", "ignore_index": 5}])
def test_cross_entropy_in_more_than_one_block(attrs):
    """With rows whose exponentials overflow, vanish, or are as large as they may be."""
    x = rng.standard_normal((150, 1000))
    x[::7] += rng.choice([-1000, -200, -20, 20, 200, 1000], (22, 1))
    same_as_plain(kernels.cross_entropy, x, targets=np.arange(150) % 11, **attrs)


def test_perfect_and_uniform_predictions():
    assert kernels.cross_entropy(Tensor(np.array([[100.0, 0.0]])), [0]).item() == 0
    np.testing.assert_allclose(kernels.cross_entropy(Tensor(np.zeros((3, 7))), [0, 3, 6]).item(), np.log(7))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_logits_do_not_overflow(dtype):
    x = Tensor(np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4]], dtype), requires_grad=True)
    loss = kernels.cross_entropy(x, [1, 0], reduction="none")
    np.testing.assert_allclose(loss.data, [2e4, np.log(2)], rtol=1e-6)
    loss.sum().backward()
    np.testing.assert_allclose(x.grad, [[1, -1, 0], [-0.5, 0.5, 0]], atol=1e-7)


def test_mean_is_over_the_targets_that_count():
    x = leaf(4, 3)
    targets = np.array([2, -100, 0, -100])
    loss = kernels.cross_entropy(x, targets)
    np.testing.assert_allclose(loss.item(), kernels.cross_entropy(x[::2], targets[::2]).item(), rtol=1e-15)
    loss.backward()
    assert not x.grad[1::2].any() and x.grad[::2].all()
    each = kernels.cross_entropy(x, targets, reduction="none")
    assert each.shape == (4,) and not each.data[1::2].any()
    np.testing.assert_allclose(each.sum().item() / 2, loss.item(), rtol=1e-15)


@pytest.mark.parametrize(("reduction", "expected"), [("mean", np.nan), ("sum", 0.0), ("none", [0.0, 0.0])])
def test_all_targets_ignored(reduction, expected):
    """The mean of nothing is nan, as in PyTorch, and no warning is given."""
    x = leaf(2, 3)
    loss = kernels.cross_entropy(x, [-1, -1], ignore_index=-1, reduction=reduction)
    np.testing.assert_array_equal(loss.data, expected)
    loss.sum().backward()
    assert reduction == "mean" or not x.grad.any()


def test_ignore_index_may_be_a_class():
    """Padding is often id 0."""
    x = leaf(3, 4)
    np.testing.assert_allclose(
        kernels.cross_entropy(x, [0, 2, 0], ignore_index=0).item(),
        kernels.cross_entropy(x[1:2], [2]).item(),
        rtol=1e-15,
    )


def test_label_smoothing_of_one_ignores_the_target():
    x = leaf(2, 3)
    a, b = (kernels.cross_entropy(x, t, label_smoothing=1.0).item() for t in ([0, 1], [2, 2]))
    np.testing.assert_allclose([a, b], -special.log_softmax(x, -1).mean().item(), rtol=1e-14)


@pytest.mark.parametrize(
    "kind", [list, np.array, Tensor, np.uint8, np.int16, lambda t: np.array(t)[::-1].copy()[::-1]]
)
def test_kinds_of_targets(kind):
    x = leaf(3, 4)
    expected = -np.take_along_axis(special.log_softmax(x, -1).data, np.array([[1], [0], [3]]), 1).mean()
    np.testing.assert_allclose(kernels.cross_entropy(x, kind([1, 0, 3])).item(), expected, rtol=1e-14)


def test_logits_in_float16_range_of_minus_infinity():
    """A class ruled out by -inf has probability and gradient 0."""
    x = Tensor(np.array([[0.0, -np.inf, 0.0]]), requires_grad=True)
    loss = kernels.cross_entropy(x, [2])
    loss.backward()
    np.testing.assert_allclose(loss.item(), np.log(2))
    np.testing.assert_allclose(x.grad, [[0.5, 0, -0.5]])


def test_attention_over_values_with_a_batch_of_their_own():
    rng = np.random.default_rng(0)
    q, k, v = (ag.Tensor(rng.normal(size=s), requires_grad=True) for s in ((3, 4), (5, 4), (2, 5, 2)))
    y = kernels.scaled_dot_product_attention(q, k, v)
    np.testing.assert_allclose(y.data, special.softmax(q @ k.mT / 2, -1).data @ v.data)
    ag.gradcheck(kernels.scaled_dot_product_attention, [q, k, v])


def test_attention_without_any_key_gives_zeros():
    y = kernels.scaled_dot_product_attention(np.ones((3, 4)), np.ones((0, 4)), np.ones((0, 2)))
    np.testing.assert_array_equal(y.data, np.zeros((3, 2)))


def test_an_infinite_gradient_of_one_id_spoils_no_other():
    w = Tensor(np.zeros((5, 3)), requires_grad=True)
    kernels.embedding(w, np.array([1, 2, 1])).backward(np.array([[1.0] * 3, [np.inf] * 3, [2.0] * 3]))
    np.testing.assert_array_equal(w.grad[:, 0], [0, 3, np.inf, 0, 0])


@pytest.mark.parametrize(
    ("widths", "heads"), [([10], 1), ([12], 3), ([4, 4], 1), ([0], 1), ([4, 4, 4, 6], 2)]
)
def test_what_is_not_query_key_and_value(widths, heads):
    with pytest.raises(ValueError, match="query, key and value of one width"):
        kernels.multi_head_attention([np.ones((2, 3, w)) for w in widths], num_heads=heads)
