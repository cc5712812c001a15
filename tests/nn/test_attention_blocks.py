"""Attention in blocks: however scores are cut, the same numbers, and none twice."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F
from tapegrad.nn.functional import _attend as attend

RNG = np.random.default_rng(0)


def results(q, k, v, g, **options):
    attend._plan.cache_clear()
    leaves = [Tensor(a, requires_grad=True) for a in (q, k, v)]
    y = F.scaled_dot_product_attention(*leaves, **options)
    y.backward(g)
    return [y.numpy(), *(np.asarray(leaf.grad) for leaf in leaves)]


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (2, 3, 2), (0, 3), (2, 0)])
@pytest.mark.parametrize("options", [{}, {"is_causal": True}, {"attn_mask": "drawn"}])
@pytest.mark.parametrize("most", [1, 36, 80, 200, 500])
def test_blocks_change_nothing(monkeypatch, lead, options, most):
    q, k, v, g = RNG.normal(size=(4, *lead, 6, 4))
    if options.get("attn_mask"):
        options = {"attn_mask": RNG.random((*lead, 6, 6)) < 0.7}
    expected = results(q, k, v, g, **options)
    monkeypatch.setattr(attend, "SCORES", most)
    try:
        for found, whole in zip(results(q, k, v, g, **options), expected, strict=True):
            np.testing.assert_allclose(found, whole, rtol=1e-12, atol=1e-14)
    finally:
        attend._plan.cache_clear()


def test_parts_are_as_large_as_they_may_be(monkeypatch):
    monkeypatch.setattr(attend, "SCORES", 100)
    taken = np.zeros((3, 5, 4), int)
    for front in attend._fronts((3, 5, 4), 20):
        part = taken[front]
        assert part.size == 4  # of the 5 that fit, those of the last axis
        part += 1
    assert (taken == 1).all()
    assert [taken[front].size for front in attend._fronts((3, 5, 4), 10)] == [8, 8, 4] * 3
    assert [taken[front].size for front in attend._fronts((3, 5, 4), 1)] == [60]
    assert attend._fronts((), 1000) == [(...,)]
