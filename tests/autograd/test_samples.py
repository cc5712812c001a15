"""Gradients of each sample alone are those of the whole Jacobian, in the work of one sample."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor, jacobians, samples
from tapegrad.autograd.samples import Samples
from tapegrad.autograd.stacked import Stacked
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
N, T, D = 5, 3, 4
X, Y = RNG.normal(size=(N, D)), RNG.normal(size=(N, T, D))
W = 0.5 * RNG.normal(size=(D, D))


def attention(w):
    q, k = Y @ w, Y @ w.T
    scores = ag.special.softmax(q @ k.mT / 2, axis=-1)
    return np.tanh(scores @ (Y @ w) + w[0]).mean((1, 2))


def normalized(w):
    h = X @ w
    h = h - h.mean(-1, keepdims=True)
    return (h / np.sqrt((h * h).mean(-1, keepdims=True) + 0.1))[..., :2]


APART = {
    "a network": lambda w: ((np.tanh(X @ w + w[0]) @ w.T - 1) ** 2).mean(1),
    "two outputs": lambda w: np.tanh(X @ w)[:, 1:3],
    "attention": attention,
    "relu": lambda w: (F.relu(X @ w) @ w[:, :1])[:, 0],
    "rows of a sequence": lambda w: np.exp(-((Y @ w) ** 2)).reshape(N, T * D)[:, ::5].sum(-1),
    "samples on another axis": lambda w: np.tanh(w @ X.T).T.sum(1),
    "a weight beside the samples": lambda w: np.where(X > 0, X * w[0], 0).sum(1) / (w * w).sum(),
    "normalized": normalized,
    "linear, cross entropy": lambda w: F.cross_entropy(F.linear(X, w), np.arange(N) % D, reduction="none"),
}
MIXED = {
    "sums over samples": lambda w: np.cumsum(np.tanh(X @ w), 0).sum(1),
    "normalized over samples": lambda w: ((X @ w) / np.square(X @ w).sum(0)).sum(1),
    "in another order": lambda w: np.tanh(X @ w)[::-1].sum(1) + np.roll(X @ w, 1, 0)[:, 0],
    "all with all": lambda w: np.tanh((X @ w) @ (X @ w).T),
    "no samples": lambda w: np.exp(w),
}


def check(f, monkeypatch):
    found = ag.jacobian(f, mode="reverse")(W)
    for way in ("of_samples", "in_stacks"):
        monkeypatch.setattr(jacobians, way, lambda y, inputs: None)
    np.testing.assert_allclose(found, ag.jacobian(f, mode="reverse")(W), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", APART)
def test_the_zeros_of_other_samples_are_never_written_out(name, monkeypatch):
    monkeypatch.setattr(samples, "WIDEST", 0)  # of what is written out
    monkeypatch.setattr(jacobians, "in_stacks", None)
    check(APART[name], monkeypatch)


@pytest.mark.parametrize("widest", [0, samples.WIDEST])
@pytest.mark.parametrize("name", MIXED)
def test_samples_that_an_op_mixes(name, widest, monkeypatch):
    monkeypatch.setattr(samples, "WIDEST", widest)
    check(MIXED[name], monkeypatch)


def test_gradients_of_a_module_for_each_sample():
    model = nn.Sequential(nn.Linear(D, 6), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 2)).to(np.float64)
    parameters = {name: p.data for name, p in model.named_parameters()}
    targets = np.arange(N) % 2

    def losses(parameters, x, targets):
        return F.cross_entropy(nn.functional_call(model, parameters, (x,)), targets, reduction="none")

    found = ag.jacobian(losses)(parameters, X, targets)
    for i in range(N):
        alone = ag.grad(lambda p, i=i: losses(p, X[i : i + 1], targets[i : i + 1]).sum())(parameters)
        for name in parameters:
            np.testing.assert_allclose(found[name][i], alone[name], rtol=1e-10, atol=1e-12)


def test_with_respect_to_the_samples_themselves():
    found = ag.jacobian(lambda x: np.tanh(x @ W).sum(1), mode="reverse")(X)
    assert found.shape == (N, N, D) and not found[0, 1:].any()
    np.testing.assert_allclose(found[range(N), range(N)], ag.grad(lambda x: np.tanh(x @ W).sum())(X))


def test_a_slope_that_is_infinite_stays_with_its_sample():
    x = np.array([4.0, 0.0, 1.0])
    with np.errstate(all="ignore"):
        found = ag.jacobian(lambda w: np.sqrt(w * x), mode="reverse")(np.ones(1))
    np.testing.assert_array_equal(np.isfinite(found[:, 0]), [True, False, True])


def test_hooks_see_whole_gradients():
    seen = []

    def f(w):
        y = X @ w
        y.register_hook(lambda g: seen.append(type(g)))
        return y.sum(1)

    ag.jacobian(f, mode="reverse")(W)
    assert seen and set(seen) == {np.ndarray}


# ------------------------------------------------------------------ each rule is what the whole stack gives

M = RNG.normal(size=(6, 6, 6)) + 3
MASK = M > 3
RULES = {
    "-g": lambda g: -g,
    "g * x": lambda g: g * M,
    "x * g": lambda g: M[0] * g,
    "more axes": lambda g: g * M[None, None],
    "g / x": lambda g: g / M,
    "divided": lambda g: M / (g + 1) + 1 / (1 + g * 0),
    "a quotient of one": lambda g: 2.0 / g,
    "g + g": lambda g: g * 2 + g * M,
    "g - a sum": lambda g: g - (g * M).sum(-1, keepdims=True),
    "g + x": lambda g: g + M,
    "g * g": lambda g: g * g,
    "g @ x": lambda g: g @ M[0],
    "x @ g": lambda g: M[0, :4] @ g,
    "a stack @ g": lambda g: M[:, :2] @ g,
    "g @ a stack": lambda g: g @ M[:, :, :5],
    "larger stacks": lambda g: (g @ M[None]) + (M[None] @ g),
    "g @ g": lambda g: g @ g,
    "sum": lambda g: g.sum(),
    "sums": lambda g: np.add.reduce(g, (0, 1)) + g.sum(axis=(-1, 1)).T,
    "sum kept": lambda g: g.sum(1, keepdims=True),
    "sum from": lambda g: np.sum(g, 0, initial=2.0),
    "max": lambda g: np.max(g, 0),
    "reshape": lambda g: g.reshape(36, 6),
    "reshape last": lambda g: g.reshape(6, -1),
    "reshape apart": lambda g: g.reshape(2, 3, 6, 3, 2),
    "transpose": lambda g: g.transpose(2, 0, 1),
    "T": lambda g: g.T,
    "swapaxes": lambda g: np.swapaxes(g, -1, 0),
    "mT": lambda g: g.mT,
    "broadcast": lambda g: np.broadcast_to(g, (2, 6, 6, 6)),
    "where": lambda g: np.where(MASK, g, 0),
    "where not": lambda g: np.where(MASK, 0.0, g),
    "where else": lambda g: np.where(MASK, g, 2.0),
    "part": lambda g: g[1],
    "parts": lambda g: g[:, None, ..., 2, :],
    "turned": lambda g: g[:, :, ::-1],
    "indices": lambda g: g[[0, 2, 2]],
    "cumsum": lambda g: np.cumsum(g, 0),
    "concatenate": lambda g: np.concatenate([g, g * 2], axis=1),
    "like": lambda g: np.zeros_like(g) + g,
    "cast": lambda g: g.astype(np.float32),
    "sqrt": lambda g: np.sqrt(g + 20),
    "exp": np.exp,
}


@pytest.mark.parametrize("c", [1, 2])
@pytest.mark.parametrize("blocks", [2, 6])
@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@np.errstate(divide="ignore")
def test_a_rule_gives_what_the_whole_stack_gives(rule, axis, blocks, c):
    g = Samples(RNG.normal(size=(c, 6, 6, 6)), axis, blocks)
    whole = g.dense()
    assert whole.n == blocks * c and np.count_nonzero(whole.data) == g.data.size
    found, right = rule(g).dense(), rule(Stacked(whole.data, whole.n))
    assert found.n == right.n and found.dtype == right.dtype
    np.testing.assert_allclose(found.data, right.data, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("axis", range(3))
def test_the_whole_stack_has_zeros_beside_each_block(axis):
    data = RNG.normal(size=(2, 2, 6, 4))
    blocks = data.shape[axis + 1] // 2
    found = np.moveaxis(Samples(data, axis, 2).dense().data.reshape(2, 2, 2, 6, 4), axis + 2, 2)
    parts = np.moveaxis(data, axis + 1, 1)
    for i in range(2):
        own = slice(i * blocks, (i + 1) * blocks)
        np.testing.assert_array_equal(found[i][:, own], parts[:, own])
        assert not np.delete(found[i], own, axis=1).any()


def test_blocks_in_other_places_are_not_added():
    data = RNG.normal(size=(2, 6, 6, 6))
    a, b = Samples(data, 0, 6), Samples(data, 1, 6)
    np.testing.assert_allclose((a - b).dense().data, a.dense().data - b.dense().data)


def test_what_is_written_out_is_not_kept_where_it_may_change():
    g = Samples(np.ones((1, 4, 2)), 0, 4)
    before = g.dense().data.sum()
    g *= 2
    assert g.dense().data.sum() == 2 * before


def test_is_not_written_to():
    g = Samples(np.ones((1, 4, 2)), 0, 4)
    with pytest.raises(TypeError, match="not written to"):
        g[0] = 1
    with pytest.raises(TypeError, match="not written to"):
        g += 2
    g *= 2
    whole = np.zeros_like(g)
    whole[...] = g
    assert whole.n == 4 and whole.data.sum() == 16


def test_a_constant_output():
    found = ag.jacobian(lambda w: Tensor(X[:, 0]), mode="reverse")(W)
    assert found.shape == (N, D, D) and not found.any()
