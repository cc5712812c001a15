"""nn.replay: numbers that the model and the loss hold may change between steps."""

import functools
import types

import numpy as np
import pytest

from replay_cases import Network, assert_same, batch, recordings, squares
from tapegrad import nn

SCALE = 1.0
OPTIONS = {"scale": 1.0, "others": [1.0, 2.0]}
HELD = types.SimpleNamespace(scale=1.0, unread=0)


def helper(value):
    return value * SCALE


def deeper(value):
    return helper(value)


class Settings:
    scale = 1.0


class Rates:
    base = 1.0

    @classmethod
    def rate(cls):
        return cls.base * cls.twice(SCALE)

    @staticmethod
    def twice(value):
        return 2 * value


class Slots:
    __slots__ = ("scale",)

    def __init__(self):
        self.scale = 1.0


class Numbered(Network):
    factor = 1.0

    def __init__(self):
        super().__init__()
        self.temperature = 1.0
        self.options = {"depth": [1.0, 2.0]}
        self.settings = Settings()

    @property
    def halved(self):
        return self.factor / 2

    def forward(self, x):
        x = super().forward(x) / self.temperature * self.halved
        return x * self.options["depth"][0] * self.settings.scale


class Trainer:
    def __init__(self, model):
        self.model = model
        self.weight = 1.0
        self.step = 0

    def loss(self, model, x, y):
        return squares(self.model, x, y) * self.weight

    def __call__(self, model, x, y):
        return self.loss(model, x, y)


def by_closure():
    weight = 1.0

    def loss(model, x, y):
        return squares(model, x, y) * weight

    def change(value):
        nonlocal weight
        weight = value

    return Network(), loss, change


def of_module(change):
    model = Numbered()
    return model, squares, functools.partial(change, model)


def changing_attribute(holder, name):
    return functools.partial(setattr, holder, name)


def by_partial():
    loss = functools.partial(
        lambda model, x, y, options: squares(model, x, y) * options["w"], options={"w": 1.0}
    )
    return Network(), loss, functools.partial(loss.keywords["options"].__setitem__, "w")


def by_default():
    def loss(model, x, y, *, weight=1.0):
        return squares(model, x, y) * weight

    return Network(), loss, lambda value: loss.__kwdefaults__.update(weight=value)


def by_trainer(call):
    trainer = Trainer(Network())
    return trainer.model, trainer if call else trainer.loss, changing_attribute(trainer, "weight")


def by_criterion():
    criterion = nn.CrossEntropyLoss(label_smoothing=0.0)
    loss = lambda model, x, y: criterion(model(x), np.clip(y, 0, 1).astype(int)[:, 0])  # noqa: E731
    return Network(), loss, lambda value: setattr(criterion, "label_smoothing", value / 10)


def by_dropout():
    model = Network(0.5)
    return model, squares, lambda value: setattr(model.dropout, "p", value / 10)


def by_nested():
    model, loss, change = by_closure()
    inner = nn.replay(model, loss)
    return model, lambda model, x, y: inner(x, y) * 2, change


def by_method_of_the_class():
    def doubled(self, x):
        return Network.forward(self, x) * SCALE

    model = type("Other", (Network,), {"forward": doubled, "__module__": __name__})()
    return model, squares, lambda value: globals().update(SCALE=value)


def by(loss, change):
    return lambda: (Network(), loss, change)


def global_change(value):
    globals()["SCALE"] = value


HOLDERS = {
    "closure": by_closure,
    "global": by(lambda m, x, y: squares(m, x, y) * SCALE, global_change),
    "a helper's global": by(lambda m, x, y: helper(squares(m, x, y)), global_change),
    "a helper's helper": by(lambda m, x, y: deeper(squares(m, x, y)), global_change),
    "a function inside": by(lambda m, x, y: (lambda z: z * SCALE)(squares(m, x, y)), global_change),
    "a global dict": by(
        lambda m, x, y: squares(m, x, y) * OPTIONS["scale"], functools.partial(OPTIONS.__setitem__, "scale")
    ),
    "a list in it": by(
        lambda m, x, y: squares(m, x, y) * OPTIONS["others"][1],
        functools.partial(OPTIONS["others"].__setitem__, 1),
    ),
    "a namespace": by(lambda m, x, y: squares(m, x, y) * HELD.scale, changing_attribute(HELD, "scale")),
    "a class": by(lambda m, x, y: squares(m, x, y) * Settings.scale, changing_attribute(Settings, "scale")),
    "a classmethod": by(lambda m, x, y: squares(m, x, y) * Rates.rate(), changing_attribute(Rates, "base")),
    "a staticmethod's global": by(lambda m, x, y: squares(m, x, y) * Rates.rate(), global_change),
    "slots": lambda: (
        lambda held: (
            Network(),
            lambda m, x, y: squares(m, x, y) * held.scale,
            changing_attribute(held, "scale"),
        )
    )(Slots()),
    "getattr": by(
        lambda m, x, y: squares(m, x, y) * getattr(HELD, "sca" + "le"), changing_attribute(HELD, "scale")
    ),
    "a NumPy scalar": lambda: (lambda made: (*made[:2], lambda value: made[2](np.float32(value))))(
        by_closure()
    ),
    "default": by_default,
    "partial": by_partial,
    "self": lambda: by_trainer(False),
    "an object that is called": lambda: by_trainer(True),
    "a criterion's label_smoothing": by_criterion,
    "p of dropout": by_dropout,
    "a module's number": lambda: of_module(lambda m, value: setattr(m, "temperature", value + 1)),
    "a module's list": lambda: of_module(lambda m, value: m.options["depth"].__setitem__(0, value)),
    "a module's object": lambda: of_module(lambda m, value: setattr(m.settings, "scale", value)),
    "a class attribute in a property": lambda: of_module(lambda _, value: setattr(Numbered, "factor", value)),
    "an attribute before the class's": lambda: of_module(lambda m, value: setattr(m, "factor", value)),
    "another replay": by_nested,
    "a global in forward": by_method_of_the_class,
}


@pytest.mark.parametrize("made", HOLDERS.values(), ids=HOLDERS)
def test_a_number_that_changes_is_another_capture(made):
    model, loss, change = made()
    change(1.0)
    loss_of = nn.replay(model, loss)
    for value in (1.0, 3.0, 0.0, 1.0, 3.0):
        change(value)
        assert_same(model, loss_of, loss, [batch() for _ in range(3)])
    assert len(recordings(loss_of)) == 3
    change(1.0)
    assert_same(model, loss_of, loss, [batch()])


def test_what_no_code_names_changes_nothing():
    trainer = Trainer(Network())
    trainer.model.forward = trainer.model.forward  # a bound method among the attributes
    calls = []
    trainer.model.register_forward_hook(lambda *_: calls.append(len(calls)))
    loss_of = nn.replay(trainer.model, trainer.loss)
    for step in range(6):
        trainer.step = HELD.unread = step
        loss_of(*batch()).backward()
    assert len(calls) == 4 and len(recordings(loss_of)) == 1  # compared in the fourth step after the capture


def test_a_number_that_changes_with_each_step():
    model, loss, change = by_closure()
    loss_of = nn.replay(model, loss)
    for step in range(40):
        change(step / 40)
        assert_same(model, loss_of, loss, [batch()])
    assert not recordings(loss_of)


def test_a_number_from_nowhere_is_found_by_the_comparison():
    model = Network()
    numbers = iter([1.0] * 8 + [2.0] * 1000)  # which nobody sees before it is asked

    def loss(model, x, y):
        return squares(model, x, y) * next(numbers)

    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="other numbers than the loss"):
        for _ in range(600):
            x, y = batch()
            value = loss_of(x, y).item()
    assert value == squares(model, x, y).item() * 2


def test_the_comparison_is_in_steps_4_8_16_after_the_capture():
    model, calls = Network(), []
    model.register_forward_hook(lambda *_: calls.append(1))
    loss_of = nn.replay(model, squares)
    counts = [0]
    for _ in range(40):
        loss_of(*batch())
        counts.append(len(calls))
    assert {step: n for step, n in enumerate(np.diff(counts)) if n} == {0: 1, 1: 2, 5: 1, 9: 1, 17: 1, 33: 1}
