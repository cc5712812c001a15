"""Optimizers that a program writes itself, with a step() of their own."""

import copy
import pickle

import numpy as np
import pytest

from own_optimizers import Lookahead, Momentum, assert_equal, parameters, train
from tapegrad import nn
from tapegrad.nn.optim import SGD, AdamW, Optimizer
from tapegrad.nn.optim.lr_scheduler import StepLR


def test_a_step_of_ones_own_is_that_of_sgd():
    own, ours = (
        train(kind) for kind in (Momentum(parameters((3,), (2, 2))), SGD(parameters((3,), (2, 2)), 0.1, 0.9))
    )
    for a, b in zip(own, ours, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_hooks_closures_and_schedules_of_ones_own_optimizer():
    p, q = parameters((3,), (2,))
    optimizer, seen = Momentum([{"params": [p], "name": "first"}, {"params": [q], "lr": 0.2}]), []
    handles = [
        optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(len(args))),
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append("after")),
    ]
    schedule = StepLR(optimizer, 1)
    assert optimizer.step(lambda: 5.0) == 5.0
    schedule.step()
    assert seen == [2, "after"] and [group["lr"] for group in optimizer.param_groups] == [
        0.1 * 0.1,
        0.2 * 0.1,
    ]
    for handle in handles:
        handle.remove()
    optimizer.step()
    assert seen == [2, "after"]


def test_the_state_of_ones_own_optimizer_is_saved(tmp_path):
    optimizer = Momentum(parameters((3,), (2, 2)))
    train(optimizer)
    copies = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]
    nn.save(tmp_path / "run", optimizer=optimizer)
    for way in ("file", "state"):
        again = Momentum(parameters((3,), (2, 2)), lr=9.0)
        if way == "file":
            nn.load(tmp_path / "run", optimizer=again)
        else:
            again.load_state_dict(optimizer.state_dict())
        for p, q in zip(again.param_groups[0]["params"], optimizer.param_groups[0]["params"], strict=True):
            p.data[...] = q.data
            assert again.state[p]["step"] == 3 and again.state[p]["v"] is not optimizer.state[q]["v"]
        copies.append(again)
    expected = train(optimizer)
    for each in copies:
        assert_equal(train(each), expected)


def test_what_a_state_of_ones_own_may_hold(tmp_path):
    optimizer, again = Momentum(parameters((2,))), Momentum(parameters((2,)))
    (p,), (q,) = (each.param_groups[0]["params"] for each in (optimizer, again))
    given = {"text": "x", "no": None, "many": [np.ones(2), {"deep": 2.5}], "n": np.int64(3), "t": p}
    optimizer.state[p] = dict(given)
    nn.save(tmp_path / "run", optimizer=optimizer)
    nn.load(tmp_path / "run", optimizer=again)
    np.testing.assert_equal(again.state[q], {**given, "t": p.data})
    optimizer.state[p]["f"] = print
    with pytest.raises(TypeError, match="nn.save: optimizer.0.f is a builtin_function"):
        nn.save(tmp_path / "other", optimizer=optimizer)
    optimizer.state["f"] = {"n": 1}
    with pytest.raises(
        ValueError, match="Momentum: state has what is none of its parameters; keep that in an"
    ):
        optimizer.state_dict()


def test_a_wrapper_shares_the_groups_of_what_it_wraps():
    p, q = parameters((3,), (3,))
    q.data[...] = p.data
    wrapped, plain = Lookahead(SGD([p], lr=0.5)), SGD([q], lr=0.5)
    for rate in (0.5, 0.1):
        wrapped.param_groups[0]["lr"] = rate
        for group in plain.param_groups:
            group["lr"] = rate / 2
        assert wrapped.base.param_groups[0] is wrapped.param_groups[0]
        for x, y in zip(train(wrapped, 1), train(plain, 1), strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-12)


def test_without_step_or_update():
    class Bare(Optimizer):
        pass

    optimizer = Bare(parameters((2,)), {"lr": 0.1})
    with pytest.raises(NotImplementedError, match="Bare has neither step"):
        optimizer.step()
    with pytest.raises(
        TypeError, match=r"Momentum: has no buffers, as its step\(\) is its own; write update"
    ):
        list(Momentum(parameters((2,))).buffers())


def test_options_of_the_programs_own():
    p, q = parameters((3,), (2,))
    optimizer = AdamW([{"params": [p], "name": "head", "lr_scale": 0.5}, {"params": [q]}])
    assert optimizer.param_groups[0]["name"] == "head" and "name" not in optimizer.param_groups[1]
    for name in ("momentum", "weigth_decay", "beta"):
        with pytest.raises(ValueError, match=f"AdamW: no option {name}; there are lr, betas"):
            AdamW([{"params": [p], name: 0.5}])
