"""clip_grad_norm_: all gradients scaled together, also where squares overflow or nothing can be mended."""

import math

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn.utils import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm


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


@pytest.mark.parametrize(
    ("norm_type", "norm"),
    [(1, 12.0), (2.0, math.sqrt(3 * 3 + 4 * 4 + 25)), (math.inf, 5.0), (3, 216 ** (1 / 3))],
)
def test_other_norms(norm_type, norm):
    params = with_gradients(np.array([3.0, -4.0]), np.array([[5.0]]))
    assert get_total_norm([p.grad for p in params], norm_type) == pytest.approx(norm, rel=1e-12)
    assert clip_grad_norm_(params, 1.0, norm_type=norm_type, foreach=True) == pytest.approx(norm, rel=1e-12)
    assert get_total_norm([p.grad for p in params], norm_type) == pytest.approx(1, rel=1e-5)


def test_norms_of_little_and_of_much():
    assert get_total_norm([]) == get_total_norm([], math.inf) == get_total_norm(np.zeros(0), 3) == 0.0
    assert get_total_norm(np.zeros(3), 3) == 0.0
    large = np.array([3e38, 3e38], np.float32)
    assert get_total_norm(large, 4) == pytest.approx(float(large[0]) * 2**0.25)
    assert get_total_norm([np.array([1e-200, 1e-200])], 3) / 1e-200 == pytest.approx(2 ** (1 / 3))
    assert get_total_norm(Tensor([1.0, -2.0]), -math.inf) == 1.0
    assert math.isnan(get_total_norm([np.array([math.nan])], 3))
    assert get_total_norm([np.array([math.inf])], 3) == math.inf
    with pytest.raises(ValueError, match="norm is nan"):
        get_total_norm([np.array([math.nan])], math.inf, error_if_nonfinite=True)


def test_clipping_in_two_steps():
    params = with_gradients(np.array([3.0, 4.0]))
    clip_grads_with_norm_(params, 1.0, get_total_norm(params[0].grad))
    np.testing.assert_allclose(params[0].grad, [0.6, 0.8], rtol=1e-6)
    clip_grads_with_norm_(params[0], 10.0, 1.0)
    np.testing.assert_allclose(params[0].grad, [0.6, 0.8], rtol=1e-6)
    clip_grads_with_norm_(params, 1.0, math.nan)
    np.testing.assert_allclose(params[0].grad, [0.6, 0.8], rtol=1e-6)


def test_clipping_to_values():
    params = [*with_gradients(np.array([3.0, -4.0, math.nan, 0.5])), nn.Parameter(np.ones(1))]
    clip_grad_value_(params, 2)
    np.testing.assert_array_equal(params[0].grad, [2, -2, math.nan, 0.5])
    clip_grad_value_(params[0], 1.0, foreach=False)
    np.testing.assert_array_equal(params[0].grad, [1, -1, math.nan, 0.5])


def test_the_norm_is_a_number_that_is_asked_for_itself():
    layer = nn.Linear(2, 2)
    layer(np.ones((1, 2), np.float32)).sum().backward()
    norm = nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
    assert isinstance(norm, float) and type(norm.item()) is float and norm.item() == norm
    assert norm.item() == pytest.approx(6**0.5)
    assert (layer.weight.grad / norm).dtype == (norm * layer.weight.grad).dtype == np.float32
    assert (layer.weight * norm).dtype == np.float32 and type(norm / 2) is float
    assert type(nn.utils.get_total_norm([layer.weight.grad]).item()) is float
