"""Chains of ops longer than Python's stack is deep, differentiated twice."""

import gc
import tracemalloc

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor


def chain(n):
    """The value, and two derivatives, of a chain of n ops: of y = sin(y) and y = y * 1.0001 by turns."""
    x = Tensor([0.3, 0.7], requires_grad=True)
    with ag.higher_order():
        y = x
        for _ in range(n // 2):
            y = np.sin(y) * 1.0001
    (g,) = ag.grad(y, x, np.ones(2), create_graph=True)
    (h,) = ag.grad(g, x, np.ones(2))
    return y.data, g.data, h.data


def chain_by_hand(n):
    y, g, h = np.array([0.3, 0.7]), np.ones(2), np.zeros(2)
    for _ in range(n // 2):
        s, c = np.sin(y), np.cos(y)
        y, g, h = s * 1.0001, c * g * 1.0001, (c * h - s * g * g) * 1.0001
    return y, g, h


@pytest.mark.parametrize("n", [3000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_long_chain_has_two_derivatives(no_gc, n):
    """Without recursion: neither in the walks, nor when the graphs of both are freed."""
    for found, expected in zip(chain(n), chain_by_hand(n), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_second_derivatives_of_chains_leave_nothing_behind(no_gc):
    chain(400)
    before = len(gc.get_objects())
    for _ in range(5):
        chain(400)
    assert len(gc.get_objects()) - before < 20


def test_memory_of_a_second_derivative_grows_as_the_chain_does(no_gc):
    """Twice the ops take about twice the memory: not four times, as if each kept what came before."""

    def peak(n):
        tracemalloc.start()
        try:
            chain(n)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(100)
    assert peak(800) < 3 * peak(400)
