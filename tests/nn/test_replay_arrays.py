"""nn.replay: arrays beside the batch may change, those of other models too."""

import copy
import types

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import Network, assert_same, assert_same_numbers, batch, recordings, squares
from tapegrad import nn
from tapegrad.nn import functional as F


def test_arrays_that_change_in_place():
    """Those that a replay reads are followed; of others it is noticed at once."""
    weights, mask = np.ones(2, np.float32), np.ones(2, np.float32)

    def read(model, x, y):
        return ((model(x) - y) ** 2 * weights).mean()

    def derived(model, x, y):
        return ((model(x) - y) ** 2 * np.exp(mask)).mean()

    model = Network()
    loss_of = nn.replay(model, read)
    for _ in range(4):
        assert_same_numbers(model, loss_of, read, 3)
        weights *= 2
    assert len(recordings(loss_of)) == 1
    loss_of = nn.replay(model, derived)
    assert_same_numbers(model, loss_of, derived, 3)
    mask *= 2
    with pytest.warns(RuntimeWarning, match="other numbers"):
        assert_same_numbers(model, loss_of, derived, 1)
    assert_same_numbers(model, loss_of, derived, 1)


def test_large_arrays_are_looked_at_in_samples():
    table = np.ones((500, 40, 2), np.float32)

    def loss(model, x, y):
        return squares(model, x, y) * np.float32(table.sum())

    model = Network()
    loss_of = nn.replay(model, loss)
    assert_same_numbers(model, loss_of, loss, 3)
    table[::2] *= 3
    with pytest.warns(RuntimeWarning, match="other numbers"):
        assert_same_numbers(model, loss_of, loss, 1)


def test_arrays_that_are_replaced():
    held = types.SimpleNamespace(weights=np.ones(2, np.float32))

    def loss(model, x, y):
        return ((model(x) - y) ** 2 * np.exp(held.weights)).mean()

    model = Network()
    loss_of = nn.replay(model, loss)
    for _ in range(3):
        assert_same(model, loss_of, loss, [batch() for _ in range(3)])
        held.weights = held.weights * 2


class Averaging(Network):
    """Running statistics, in place."""

    def __init__(self):
        super().__init__()
        self.register_buffer("average", np.zeros(3, np.float32))

    def forward(self, x):
        if self.training:
            self.average *= 0.9
            self.average += 0.1 * x.mean(axis=0)
        return super().forward(x - self.average)


def test_running_statistics_are_those_of_the_loss_alone():
    model = Averaging()
    plain = copy.deepcopy(model)
    loss_of = nn.replay(model, squares)
    with pytest.warns(RuntimeWarning, match="nn.replay"):
        for _ in range(5):
            x, y = batch()
            assert loss_of(x, y).item() == squares(plain, x, y).item()
            np.testing.assert_array_equal(model.average, plain.average)
    model.eval()
    assert_same(model, loss_of, squares, [batch() for _ in range(6)])
    assert len(recordings(loss_of)) == 1
    model.average += 1
    assert_same(model, loss_of, squares, [batch() for _ in range(3)])


def test_parameters_that_the_loss_writes_to_are_refused():
    model = Network()

    def loss(model, x, y):
        with ag.no_grad():
            model.first.weight *= 0.9
        return squares(model, x, y)

    plain = copy.deepcopy(model)
    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="nn.replay"):
        for _ in range(4):
            x, y = batch()
            assert loss_of(x, y).item() == loss(plain, x, y).item()
    np.testing.assert_array_equal(model.first.weight.data, plain.first.weight.data)


def distilled(teacher):
    def loss(model, x, y):
        with ag.no_grad():
            aim = teacher(x)
        return F.mse_loss(model(x), aim) + squares(model, x, y)

    return loss


def test_a_teacher_that_moves_along():
    """In place, as averages of weights do; its numbers count too."""
    model, teacher = Network(), Network(0.5)
    teacher.eval()
    loss = distilled(teacher)
    loss_of = nn.replay(model, loss)
    for _ in range(12):
        assert_same_numbers(model, loss_of, loss, 1)
        for p, q in zip(teacher.parameters(), model.parameters(), strict=True):
            p.data[...] = 0.5 * p.data + 0.5 * q.data
    assert len(recordings(loss_of)) == 1
    teacher.train()
    assert_same(model, loss_of, loss, [batch() for _ in range(4)])
    teacher.load_state_dict(model.state_dict())
    assert_same(model, loss_of, loss, [batch() for _ in range(4)])


def test_what_depends_on_a_teachers_weights_alone_is_replayed():
    model, teacher = Network(), Network()

    def loss(model, x, y):
        return squares(model, x, y) * (teacher.last.weight.detach() ** 2).sum()

    loss_of = nn.replay(model, loss)
    for _ in range(6):
        assert_same(model, loss_of, loss, [batch()])
        teacher.last.weight.data *= 0.9
    assert len(recordings(loss_of)) == 1


def test_a_teacher_with_other_arrays_in_each_step_is_refused():
    model, teacher = Network(), Network()
    loss = distilled(teacher)
    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="another array in each step"):
        for _ in range(12):
            assert_same(model, loss_of, loss, [batch()])
            teacher.last.weight.data = teacher.last.weight.data * 0.9
    assert_same(model, loss_of, loss, [batch() for _ in range(3)])
