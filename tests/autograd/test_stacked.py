"""Jacobians by many gradients in one walk are those by one gradient after the other."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from cases import CASES
from cases.case import listed
from tapegrad.autograd import Tensor, jacobians
from tapegrad.autograd.stacked import Stacked

X = np.random.default_rng(0).uniform(0.5, 1.5, (3, 4))


def one_by_one(monkeypatch):
    for way in ("of_samples", "in_stacks"):
        monkeypatch.setattr(jacobians, way, lambda y, inputs: None)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_of_every_op(case, monkeypatch):
    xs = case.draw()

    def f(*xs):
        return [y for y in listed(case(case.op, xs)) if y.dtype.kind == "f"]

    if not xs or sum(y.size for y in f(*map(Tensor, xs))) > 200:
        return
    places = tuple(range(len(xs)))
    found = ag.jacobian(f, places, mode="reverse")(*xs)
    one_by_one(monkeypatch)
    expected = ag.jacobian(f, places, mode="reverse")(*xs)
    for row, other in zip(found, expected, strict=True):
        for a, b in zip(row, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def loss(x):
    y = np.concatenate([np.tanh(x @ x.T), x[:, :2] ** 2], axis=1)
    return (np.where(y > 0.5, y, y**3).mean(0) * x.sum()).sum() / x[1, 2]


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize("widest", [36, 60, 2**21])
def test_in_parts_and_in_both_modes(mode, widest, monkeypatch):
    walks = []
    walk = jacobians.engine.walk
    monkeypatch.setattr(jacobians, "WIDEST", widest)
    monkeypatch.setattr(jacobians, "of_samples", lambda y, inputs: None)
    monkeypatch.setattr(jacobians.engine, "walk", lambda *a, **k: walks.append(a) or walk(*a, **k))
    gradient = ag.jacobian(ag.grad(loss), mode=mode)(X)
    assert sum(type(seeds[0]) is Stacked for _, seeds in walks) == {36: 6, 60: 3}.get(widest, 1)
    one_by_one(monkeypatch)
    np.testing.assert_allclose(gradient, ag.jacobian(ag.grad(loss), mode=mode)(X), rtol=1e-12)


def test_what_depends_on_the_numbers_is_done_one_by_one():
    @ag.op
    def clipped(x):
        def backward(g):
            return (g * 0.5 if (g > 0.5).any() else g * 2,)

        return 1 * x, backward

    @ag.op
    def own(x):
        def backward(g):
            return (np.asarray(g) * 3,)

        return 3 * x, backward

    np.testing.assert_array_equal(ag.jacobian(clipped, mode="reverse")(X[0]), 0.5 * np.eye(4))
    np.testing.assert_array_equal(ag.jacobian(own, mode="reverse")(X[0]), 3 * np.eye(4))


def test_a_view_is_not_written_to_behind_its_back():
    buffer = Stacked(np.zeros((2, 3)))
    part = buffer[0]
    with pytest.raises(TypeError, match="a view is written to"):
        part[...] = Stacked(np.ones((5, 3)), 5)
    buffer[0] = Stacked(np.ones((5, 3)), 5)
    assert buffer.n == 5 and buffer.data.sum() == 15


def test_hooks_see_one_gradient_at_a_time():
    seen = []

    def f(x):
        y = x * 2
        y.register_hook(lambda g: seen.append(g.shape))
        return y

    ag.jacobian(f, mode="reverse")(X[0])
    assert seen == [(4,)] * 4


PICK = np.array([0, 2])
ALL = slice(None)
INDICES = [1, (1, 2), PICK, (ALL, PICK), (PICK, ALL, PICK), (0, ALL, PICK), ..., (None, PICK), (PICK,) * 3]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indices_mean_the_same_behind_an_axis(index):
    data = np.arange(5 * 27.0).reshape(5, 3, 3, 3)
    expected = np.stack([row[index] for row in data])
    np.testing.assert_array_equal(Stacked(data, 5)[index].data, expected)
