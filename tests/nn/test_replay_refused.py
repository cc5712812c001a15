"""nn.replay: losses that cannot be replayed, always or this once, are noticed and run as they are."""

import copy

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import Network, assert_same, floats, gpt, mlp, recordings, squares
from tapegrad import nn
from tapegrad.nn import functional as F


def test_a_condition_that_comes_out_differently():
    model = Network()
    taken = []

    def loss(model, x, y):
        if (x > 0).all():
            taken.append("up")
            return squares(model, x, y) * 2
        return squares(model, x, y)

    loss_of = nn.replay(model, loss)
    batches = [(floats(4, 3), floats(4, 2)) for _ in range(4)]
    batches[2] = np.abs(batches[2][0]), batches[2][1]
    assert_same(model, loss_of, loss, batches)
    assert taken == ["up"] * 2  # as the loss, and in place of the replay
    assert len(recordings(loss_of)) == 1


def test_a_first_batch_that_is_unlike_the_others():
    model = Network()

    def loss(model, x, y):
        return squares(model, x, y) * (2 if (x > 0).all() else 1)

    batches = [(floats(4, 3), floats(4, 2)) for _ in range(5)]
    batches[0] = np.abs(batches[0][0]), batches[0][1]
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, batches)
    assert len(recordings(loss_of)) == 1


def test_conditions_that_never_come_out_alike():
    model = Network()

    def loss(model, x, y):
        return squares(model, x, y) * (2 if x[0, 0] > 0 else 1)

    x, y = np.abs(floats(4, 3)), floats(4, 2)
    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="differently from batch to batch"):
        for i in range(20):
            assert loss_of(x * (-1) ** i, y).item() == loss(model, x * (-1) ** i, y).item()


def test_random_numbers_are_not_lost_where_a_replay_is_given_up():
    nn.manual_seed(0)  # outputs above and below 0
    model = Network(0.5)

    def loss(model, x, y):
        out = model(x)
        return F.mse_loss(out, y) * (2 if (out > 0).all() else 1)

    batches = [(floats(1, 3), floats(1, 2)) for _ in range(40)]
    assert_same(model, nn.replay(model, loss), loss, batches)


def test_bad_input_has_the_error_it_always_has():
    model, loss, batches = gpt()
    loss_of = nn.replay(model, loss)
    for batch in batches:
        loss_of(*batch).backward()
    ids, target = batches[0]
    with pytest.raises(IndexError, match="outside the vocabulary of 11"):
        loss_of(ids + 5, target)
    with pytest.raises(ValueError, match="longer than"):
        loss_of(np.zeros((2, 7), int), np.zeros((2, 7), int))


HIDDEN = floats(4, 2)


def by_item(model, x, y):
    return squares(model, x, y) * float(np.abs(x).max())


def by_other_array(model, x, y):
    np.copyto(HIDDEN, np.array(x[:, :2]))  # np.array makes a plain array, whose numbers are then constants
    return squares(model, x, y) + np.array(x).sum()


def by_method(model, x, y):
    return squares(model, x, y) + x.repeat(2)[-1]


def by_leaf(model, x, y):
    return squares(model, x, y) * LEAF


def by_nothing(model, x, y):
    return ag.Tensor(1.0, requires_grad=True) * 2


LEAF = ag.Tensor(np.float32(2), requires_grad=True)


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (by_item, "read into Python"),
        (by_other_array, "other numbers than the loss"),
        (by_method, "a method of ndarray"),
        (by_leaf, "a leaf besides"),
        (by_nothing, "no Tensor that was computed from the arrays"),
    ],
)
def test_what_cannot_be_replayed_is_said_once_and_run_as_it_is(loss, reason):
    model = Network()
    loss_of = nn.replay(model, loss)
    batches = [(floats(4, 3), floats(4, 2)) for _ in range(4)]
    with pytest.warns(RuntimeWarning, match=reason):
        first = [loss_of(*batch).item() for batch in batches[:2]]
    assert first == [loss(model, *batch).item() for batch in batches[:2]]
    for batch in batches[2:]:
        assert loss_of(*batch).item() == loss(model, *batch).item()
    assert not recordings(loss_of)


def test_an_array_that_stays_the_same_is_compared_when_it_changes():
    model, loss, batches = mlp()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    loss_of = nn.replay(model, loss)
    x, y = batches[0]
    for other, _ in batches:
        loss_of(other, y)
    assert len(calls) == 3
    for more in (1, 2, 3):
        loss_of(x, y + more)
        assert len(calls) == 5


def test_the_same_batch_again_proves_nothing():
    model = Network()
    loss_of = nn.replay(model, by_other_array)
    x, y = floats(4, 3), floats(4, 2)
    for _ in range(3):
        assert loss_of(x, y).item() == by_other_array(model, x, y).item()
    with pytest.warns(RuntimeWarning, match="other numbers"):
        loss_of(floats(4, 3), floats(4, 2))


def test_a_number_of_results_that_depends_on_numbers():
    model = Network()

    def loss(model, x, y):
        return squares(model, x, y) + np.unique(np.round(x)).astype(np.float32).sum()

    assert_same(model, nn.replay(model, loss), loss, [(floats(4, 3), floats(4, 2)) for _ in range(6)])


def test_a_buffer_that_the_model_replaces_only_later():
    """In the capture, that is: what it puts into the model then is taken out again."""

    class Counting(Network):
        def __init__(self):
            super().__init__()
            self.calls = 0
            self.register_buffer("average", np.zeros(3, np.float32))

        def forward(self, x):
            self.calls += 1
            if self.calls > 1:
                self.average = self.average * 0.9 + x.mean(axis=0) * 0.1
            return super().forward(x - self.average)

    model = Counting()
    twin = copy.deepcopy(model)
    loss_of = nn.replay(model, squares)
    batches = [(floats(4, 3), floats(4, 2)) for _ in range(4)]
    with pytest.warns(RuntimeWarning, match="replaces 'calls' of the model"):
        for batch in batches:
            assert loss_of(*batch).item() == squares(twin, *batch).item()
    assert type(model.average) is np.ndarray
    np.testing.assert_array_equal(model.average, twin.average)


def test_a_buffer_that_the_model_replaces():
    class Counting(Network):
        def __init__(self):
            super().__init__()
            self.register_buffer("average", np.zeros(3, np.float32))

        def forward(self, x):
            self.average = self.average * 0.9 + x.mean(axis=0) * 0.1
            return super().forward(x - self.average)

    model = Counting()
    loss_of = nn.replay(model, squares)
    with pytest.warns(RuntimeWarning, match="replaces 'average' of the model"):
        for _ in range(2):
            loss_of(floats(4, 3), floats(4, 2))
    for _ in range(3):  # no recording is tried again
        loss_of(floats(4, 3), floats(4, 2))
    assert type(model.average) is np.ndarray


def test_a_replay_of_another_dtype_is_another_result():
    """As of a loss that asks for NumPy's scalars, which are arrays in a capture."""
    model = Network()

    def loss(model, x, y):
        out = squares(model, x, y)
        return out if isinstance(x.sum(), np.floating) else out.astype(np.float64)

    loss_of = nn.replay(model, loss)
    loss_of(floats(4, 3), floats(4, 2))
    with pytest.warns(RuntimeWarning, match="other numbers"):
        assert loss_of(floats(4, 3), floats(4, 2)).dtype == np.float32
