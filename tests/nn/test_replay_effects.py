"""nn.replay: what a loss does beside computing, what is done to its model, copies and nesting."""

import copy
import pickle
import warnings

import numpy as np
import pytest

from replay_cases import Network, assert_same, batch, floats, recordings, squares
from tapegrad import nn
from tapegrad.autograd.replay.shown import shown
from tapegrad.nn import functional as F


def test_counters_caches_and_kept_results():
    class Keeping(Network):
        def __init__(self, what):
            super().__init__()
            self.what, self.count, self.cache = what, 0, None

        def forward(self, x):
            if self.what == "count":
                self.count += 1
            if self.what == "cache" and self.cache is None:
                self.cache = np.ones(2, np.float32)
            out = super().forward(x)
            if self.what == "result":
                self.cache = out
            return out * (1 if self.what != "count" else self.count)

    for what, refused in (
        ("count", "'count' of the model"),
        ("result", "'cache' of the model"),
        ("cache", None),
    ):
        model = Keeping(what)
        plain = copy.deepcopy(model)
        loss_of = nn.replay(model, squares)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            for _ in range(6):
                x, y = batch()
                assert loss_of(x, y).item() == squares(plain, x, y).item()
                assert model.count == plain.count
        assert [refused in str(w.message) for w in told] == [True] * bool(refused)
        assert len(recordings(loss_of)) == (refused is None)
        assert type(getattr(model.cache, "data", np.zeros(1))) is not None
        model.cache is None or model.cache + 1  # nothing of a capture is left


def test_what_functions_keep_is_not_left_over_from_a_capture():
    for keep in ("list", "dict", "nonlocal"):
        kept, last = [], None
        named = {}

        def loss(model, x, y, keep=keep, kept=kept, named=named):
            nonlocal last
            out = model(x)
            if keep == "list":
                kept.append(out)
            elif keep == "dict":
                named["out"] = out
            else:
                last = out
            return F.mse_loss(out, y)

        loss_of = nn.replay(Network(), loss)
        loss_of(*batch())
        with pytest.warns(RuntimeWarning, match="the loss replaces"):
            loss_of(*batch())
        for out in (*kept, *named.values(), *([last] if last is not None else [])):
            assert type(out.data) is np.ndarray


def test_hooks_that_come_and_go():
    model = Network()
    loss_of = nn.replay(model, squares)
    batches = [batch() for _ in range(4)]
    assert_same(model, loss_of, squares, batches)
    handle = model.norm.register_forward_hook(lambda module, args, out: out * 2)
    assert_same(model, loss_of, squares, batches)
    handle.remove()
    assert_same(model, loss_of, squares, batches)
    model.first.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
    assert_same(model, loss_of, squares, batches)
    with model.first.register_forward_pre_hook(lambda module, args: (args[0] * 2,)):  # beside another
        assert_same(model, loss_of, squares, batches)
    assert_same(model, loss_of, squares, batches)


def test_hooks_of_parameters_run_once_for_each_backward():
    """Before a capture or after, with steps in which replays are compared."""
    model, seen = Network(), []
    model.last.bias.register_hook(lambda g: seen.append(1) or g * 0.5)
    loss_of = nn.replay(model, squares)
    assert_same(model, loss_of, squares, [batch() for _ in range(12)])
    assert len(seen) == 24 and len(recordings(loss_of)) == 1


def test_parameters_frozen_and_thawed_between_steps():
    model = Network()
    loss_of = nn.replay(model, squares)
    for wanted in (True, False, True, False):
        model.first.weight.requires_grad = wanted
        assert_same(model, loss_of, squares, [batch() for _ in range(3)])
    model.requires_grad_(False)
    for _ in range(3):
        x, y = batch()
        assert loss_of(x, y).edge is None and loss_of(x, y).item() == squares(model, x, y).item()


def test_gradients_add_up_over_several_batches():
    model, plain = Network(), Network()
    plain.load_state_dict(model.state_dict())
    loss_of = nn.replay(model, squares)
    for _ in range(10):
        x, y = batch()
        loss_of(x, y).backward()
        squares(plain, x, y).backward()
        for p, q in zip(model.parameters(), plain.parameters(), strict=True):
            np.testing.assert_array_equal(p.grad, q.grad)


def test_copies_and_pickles_begin_anew():
    model = Network()
    loss_of = nn.replay(model, squares)
    assert_same(model, loss_of, squares, [batch() for _ in range(4)])
    for twin in (copy.deepcopy(loss_of), pickle.loads(pickle.dumps(loss_of)), copy.copy(loss_of)):
        assert not recordings(twin)
        assert_same(twin.model, twin, squares, [batch() for _ in range(6)])
        assert len(recordings(twin)) == 1
    assert_same(model, loss_of, squares, [batch() for _ in range(2)])
    assert copy.deepcopy(loss_of).model is not model


def test_replays_inside_of_a_loss_are_the_loss():
    model = Network()
    inner = nn.replay(model, squares)

    def loss(model, x, y):
        return inner(x, y) + inner(x * 2, y) + (outer(x[:2], y[:2]) if len(x) == 4 else 0)

    def plain(model, x, y):
        return (
            squares(model, x, y)
            + squares(model, x * 2, y)
            + (plain(model, x[:2], y[:2]) if len(x) == 4 else 0)
        )

    outer = nn.replay(model, loss)
    assert_same(model, outer, plain, [batch() for _ in range(12)])
    assert len(recordings(outer)) == 1 and not recordings(inner)


def test_a_leaf_is_what_it_is_while_it_is_captured():
    leaf = nn.Parameter(floats(2))
    with shown([leaf]):
        assert leaf.__class__ is nn.Parameter and isinstance(leaf, nn.Parameter)
        twins = copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf)), copy.copy(leaf)
        assert type(leaf.data) is np.ndarray and repr(leaf).startswith("Parameter(")
        leaf.data[0] = 2
    for twin in (leaf, *twins):
        assert type(twin) is nn.Parameter
    assert leaf.data[0] == 2


def backwards(model, x, y):
    squares(model, x, y).backward()
    return squares(model, x, y)


def steps(model, x, y):
    nn.optim.SGD(model.parameters(), lr=0.1).step()
    return squares(model, x, y)


def forgets(model, x, y):
    model.zero_grad()
    return squares(model, x, y)


@pytest.mark.parametrize("loss", [backwards, steps, forgets])
def test_a_loss_that_does_more_than_to_compute_is_refused(loss):
    model = Network()
    plain = copy.deepcopy(model)
    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="nn.replay"):
        for _ in range(4):
            x, y = batch()
            loss_of(x, y).backward()
            loss(plain, x, y).backward()
            for p, q in zip(model.parameters(), plain.parameters(), strict=True):
                np.testing.assert_array_equal(p.grad, q.grad)
                assert type(p.grad) is np.ndarray


def test_hooks_of_tensors_inside_of_a_loss():
    model = Network()

    def loss(model, x, y):
        out = model(x)
        out.register_hook(lambda g: g * 2)
        return F.mse_loss(out, y)

    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, [batch() for _ in range(8)])
    assert len(recordings(loss_of)) == 1


def test_training_and_evaluation_in_turn():
    model = Network(0.5)
    loss_of = nn.replay(model, squares)
    for i in range(12):
        model.train(i % 2 == 0)
        state = nn.get_rng_state()
        x, y = batch()
        right = squares(model, x, y).item()
        nn.set_rng_state(state)
        assert loss_of(x, y).item() == right
    assert len(recordings(loss_of)) == 2
