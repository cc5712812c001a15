"""clip_grad_norm_: all gradients scaled together, also where squares overflow or nothing can be mended."""

import math

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn.utils import clip_grad_norm_


def with_gradients(*gradients):
    params = [nn.Parameter(np.zeros_like(g)) for g in gradients]
    for p, g in zip(params, gradients, strict=True):
        p.grad = g.copy()
    return params


def test_clipping_scales_all_gradients_together():
    params = [*with_gradients(np.array([3.0, 0.0]), np.array([[4.0]])), nn.Parameter(np.ones(2))]
    assert clip_grad_norm_(params, 10.0) == 5.0
    np.testing.assert_array_equal(params[1].grad, [[4.0]])  # small enough
    assert clip_grad_norm_(iter(params), 1.0) == 5.0
    np.testing.assert_allclose(params[0].grad, np.array([3.0, 0.0]) / (5 + 1e-6), rtol=1e-12)
    np.testing.assert_allclose(params[1].grad, np.array([[4.0]]) / (5 + 1e-6), rtol=1e-12)
    assert params[2].grad is None
    assert clip_grad_norm_(params[0], math.inf) == pytest.approx(0.6)
    assert clip_grad_norm_([], 1.0) == 0.0


def test_clipping_survives_squares_that_overflow():
    (p,) = with_gradients(np.array([3e30, 4e30], np.float32))
    assert clip_grad_norm_(p, 1.0) == pytest.approx(5e30)
    np.testing.assert_allclose(p.grad, [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_clipping_of_gradients_that_are_not_finite(bad):
    params = with_gradients(np.array([1.0, bad], np.float32), np.ones(3, np.float32))
    assert not math.isfinite(clip_grad_norm_(params, 1.0))
    np.testing.assert_array_equal(params[0].grad, np.array([1.0, bad], np.float32))
    np.testing.assert_array_equal(params[1].grad, np.ones(3))
    with pytest.raises(ValueError, match="not|nan|inf"):
        clip_grad_norm_(params, 1.0, error_if_nonfinite=True)
