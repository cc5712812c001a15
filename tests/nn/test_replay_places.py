"""nn.replay: numbers are found in all kinds of places, and told apart."""

import collections
import functools
import sys
import types

import numpy as np
import pytest

from replay_cases import Network, assert_same_numbers, batch, recordings, squares
from tapegrad import nn

SCALE = 1.0


class Settings:
    scale = 1.0


def global_change(value):
    globals()["SCALE"] = value


def check(model, loss, change, values=(1, 2, 1, 3), captures=None):
    loss_of = nn.replay(model, loss)
    for value in values:
        change(value)
        assert_same_numbers(model, loss_of, loss, 3)
    if captures is not None:
        assert len(recordings(loss_of)) == captures


def test_where_numbers_may_be():
    held = types.SimpleNamespace(keys={"a": 1}, nested=[1, [2]], shared=None, queue=collections.deque([1, 2]))

    def keys(model, x, y):
        return squares(model, x, y) * (2 if "b" in held.keys else 1)

    check(Network(), keys, lambda n: setattr(held, "keys", {"ab"[n % 2]: 1}), captures=2)

    def nested(model, x, y):
        return squares(model, x, y) * len(held.nested)

    check(Network(), nested, lambda n: setattr(held, "nested", [1, [2]] if n % 2 else [1, 2, []]), captures=2)

    def queue(model, x, y):
        return squares(model, x, y) * held.queue[0]

    check(Network(), queue, held.queue.rotate, (1, 0, 1, 0), captures=2)

    def cycle(model, x, y):
        return squares(model, x, y) * held.shared[0]

    held.shared = [1]
    held.shared.append(held.shared)
    check(Network(), cycle, lambda n: held.shared.__setitem__(0, n), captures=3)

    def swapped(model, x, y):
        return squares(model, x, y) * (2 if held.shared[0] is held.shared[2] else 1)

    held.shared = [int, str, int]
    check(Network(), swapped, lambda n: held.shared.__setitem__(2, int if n % 2 else str), captures=2)

    def imported(model, x, y):
        import test_replay_places as here

        return squares(model, x, y) * here.SCALE

    sys.modules.setdefault("test_replay_places", sys.modules[__name__])
    check(Network(), imported, global_change)

    def defaults(model, x, y, weight=1.0):
        return squares(model, x, y) * weight

    check(Network(), defaults, lambda n: setattr(defaults, "__defaults__", (float(n),)), captures=3)

    @functools.cache
    def inner(zero):
        return SCALE + zero

    def through_a_cache(model, x, y):
        inner.cache_clear()
        return squares(model, x, y) * inner(0)

    check(Network(), through_a_cache, global_change)


def test_signs_of_zero_nan_and_types_of_numbers_count():
    held = types.SimpleNamespace(zero=0.0)

    def loss(model, x, y):
        return squares(model, x, y) * np.copysign(1.0, held.zero)

    changes = {0: 0.0, 1: -0.0, 2: np.nan}
    model = Network()
    loss_of = nn.replay(model, loss)
    for i in (0, 1, 2, 0, 1, 2):
        held.zero = changes[i]
        assert_same_numbers(model, loss_of, loss, 3)
    assert len(recordings(loss_of)) == 3


def test_objects_in_a_batch_are_looked_into():
    model, settings = Network(), Settings()

    def loss(model, x, y, settings):
        return squares(model, x, y) * settings.scale

    loss_of = nn.replay(model, loss)
    for scale in (1.0, 2.0, 1.0):
        settings.scale = scale
        for _ in range(3):
            x, y = batch()
            assert loss_of(x, y, settings).item() == loss(model, x, y, settings).item()
    assert len(recordings(loss_of)) == 2
    rng = np.random.default_rng(0)
    loss_of = nn.replay(model, lambda model, x, y, rng: squares(model, x, y) * rng.random())
    loss_of(*batch(), rng)
    with pytest.warns(RuntimeWarning, match="draws"):
        loss_of(*batch(), rng)


def test_objects_that_do_not_want_to_be_looked_at():
    class Closed:
        @property
        def __dict__(self):
            raise RuntimeError("private")

        def __getattr__(self, name):
            raise RuntimeError("private")

        __class__ = property(lambda self: 1 / 0)

    closed = Closed()

    def loss(model, x, y):
        return squares(model, x, y) * (2 if closed is None else 1)

    check(Network(), loss, lambda _: None, captures=1)
