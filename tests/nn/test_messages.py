"""Slips that are easily made: taken if what is meant is clear, or refused with what to write."""

import copy
import pickle

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor, no_grad
from tapegrad.nn import init, optim

FILLS = [
    init.uniform_,
    init.normal_,
    init.trunc_normal_,
    init.ones_,
    init.zeros_,
    init.xavier_uniform_,
    init.xavier_normal_,
    init.kaiming_uniform_,
    init.kaiming_normal_,
    lambda x: init.constant_(x, 3.0),
]


@pytest.mark.parametrize("fill", FILLS, ids=lambda f: f.__name__)
def test_initialisers_take_the_array_of_a_tensor(fill):
    layer = nn.Linear(3, 2)
    nn.manual_seed(0)
    expected = fill(Tensor(np.full((2, 3), 9.0, np.float32))).numpy()
    nn.manual_seed(0)
    array = layer.weight.data
    assert fill(array) is array
    np.testing.assert_array_equal(layer.weight.numpy(), expected)
    with pytest.raises(TypeError, match="fills Tensors and arrays in place, not a list"):
        fill([[0.0]])


def test_a_filled_array_is_a_write_that_backward_notices():
    layer = nn.Linear(2, 2)
    y = layer(Tensor(np.ones((1, 2), np.float32), requires_grad=True)).sum()
    init.zeros_(layer.weight.data)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_path_comes_first(tmp_path):
    model, path = nn.Linear(2, 2), tmp_path / "file"
    for args in [(model, path), (path, model), (model,)]:
        with pytest.raises(
            TypeError, match=r"nn.save\(.*\): a path comes first, all else by name, as in nn.save"
        ):
            nn.save(*args)
    assert not path.exists()
    nn.save(path, model=model)
    for args in [(model, path), (path, model)]:
        with pytest.raises(TypeError, match=r"nn.load\(.*Linear.*\): a path comes first"):
            nn.load(*args)
    nn.load(str(path), model=model)


WRONG = [
    ({"lr": "1e-3"}, "lr must be a number, got '1e-3'"),
    ({"lr": None}, "lr must be a number, got None"),
    ({"lr": np.array([0.1])}, "lr must be a number, got array"),
    ({"weight_decay": "0"}, "weight_decay must be a number"),
]
ADAM = [
    ({"betas": ("0.9", 0.999)}, "betas must be 2 numbers, got"),
    ({"betas": "ab"}, "betas must be 2 numbers, got 'ab'"),
    ({"eps": [1e-8, None]}, "eps must be a number"),
]
SGD = [
    ({"momentum": "0.9"}, "momentum must be a number"),
    ({"nesterov": "yes"}, "nesterov must be True or False"),
]
OTHERS = [
    ("RMSprop", ({"centered": 1}, "centered must be True or False, got 1")),
    ("RMSprop", ({"alpha": "0.9"}, "alpha must be a number, got '0.9'")),
    ("Adagrad", ({"lr_decay": None}, "lr_decay must be a number, got None")),
    ("Adadelta", ({"rho": (0.9, 0.9)}, "rho must be a number")),
    ("NAdam", ({"decoupled_weight_decay": 0.1}, "decoupled_weight_decay must be True or False, got 0.1")),
    ("ASGD", ({"t0": "0"}, "t0 must be a number, got '0'")),
    ("Rprop", ({"etas": 0.5}, "etas must be 2 numbers, got 0.5")),
    ("Lion", ({"betas": 0.9}, "betas must be 2 numbers, got 0.9")),
]
OUT_OF_RANGE = [
    ("RMSprop", {"lr": -1.0}, "lr must be 0 or more, got -1.0"),
    ("RMSprop", {"momentum": -0.5}, "momentum must be 0 or more, got -0.5"),
    ("RMSprop", {"alpha": -1}, "alpha must be 0 or more, got -1"),
    ("RMSprop", {"eps": float("nan")}, "eps must be 0 or more, got nan"),
    ("Adagrad", {"lr_decay": -0.5}, "lr_decay must be 0 or more, got -0.5"),
    ("Adagrad", {"initial_accumulator_value": -1}, "initial_accumulator_value must be 0 or more, got -1"),
    ("Adagrad", {"eps": -1}, "eps must be 0 or more, got -1"),
    ("Adadelta", {"rho": 1.1}, r"rho must be a number in \[0, 1\], got 1.1"),
    ("Adadelta", {"eps": -1}, "eps must be 0 or more, got -1"),
    ("Adamax", {"betas": (0.0, 1.0)}, r"betas must be 2 numbers in \[0, 1\), got \(0.0, 1.0\)"),
    ("Adamax", {"weight_decay": -1}, "weight_decay must be 0 or more, got -1"),
    ("NAdam", {"momentum_decay": -0.2}, "momentum_decay must be 0 or more, got -0.2"),
    ("NAdam", {"betas": (1.0, 0.0)}, "betas must be 2 numbers in"),
    ("RAdam", {"betas": (-0.1, 0.9)}, "betas must be 2 numbers in"),
    ("RAdam", {"eps": -1}, "eps must be 0 or more, got -1"),
    ("ASGD", {"weight_decay": -0.5}, "weight_decay must be 0 or more, got -0.5"),
    ("Rprop", {"etas": (1.0, 0.5)}, r"etas must be a number in \(0, 1\) and one above 1, got \(1.0, 0.5\)"),
    ("Rprop", {"etas": (0.5, 1.2, 1.3)}, r"etas must be 2 numbers, got \(0.5, 1.2, 1.3\)"),
    ("Lion", {"betas": (0.9, 1.0)}, "betas must be 2 numbers in"),
    ("Lion", {"weight_decay": -1}, "weight_decay must be 0 or more, got -1"),
]


@pytest.mark.parametrize("name, options, message", OUT_OF_RANGE)
def test_options_of_optimizers_are_in_their_range(name, options, message):
    p = nn.Parameter(np.zeros(1))
    with pytest.raises(ValueError, match=f"^{name}: {message}"):
        getattr(optim, name)([p], **options)
    if "lr" in options:  # which a schedule may have made: it is loaded
        return
    trained = getattr(optim, name)([p])
    state = trained.state_dict()
    state["param_groups"][0].update(options)
    with pytest.raises(ValueError, match=f"^{name}: {message}"):
        trained.load_state_dict(state)


@pytest.mark.parametrize(
    "kind, options, message",
    [
        *((kind, *case) for kind in (optim.Adam, optim.AdamW) for case in WRONG + ADAM),
        *((optim.SGD, *case) for case in WRONG + SGD),
        *((kind, *case) for kind in (optim.Adamax, optim.NAdam, optim.RAdam) for case in WRONG + ADAM),
        *((getattr(optim, name), *case) for name, case in OTHERS),
    ],
)
def test_options_of_optimizers_are_numbers(kind, options, message):
    p = nn.Parameter(np.zeros(1))
    with pytest.raises(TypeError, match=f"^{kind.__name__}: {message}"):
        kind([p], **options)
    with pytest.raises(TypeError, match=f"^{kind.__name__}: {message}"):
        kind([{"params": [p], **options}])
    assert kind([p], lr=np.float32(0.1)).param_groups[0]["lr"] == np.float32(0.1)


def test_one_beta_is_not_enough():
    with pytest.raises(TypeError, match="betas must be 2 numbers, got 0.9"):
        optim.Adam([nn.Parameter(np.zeros(1))], betas=0.9)


def test_a_shallow_copy_is_the_same_value():
    """matplotlib makes one of what it is to draw."""
    x = Tensor([1.0, 2.0], requires_grad=True)
    y = copy.copy(x * 2)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2])
    assert copy.copy(x).is_leaf and copy.copy(x).requires_grad
    with pytest.raises(RuntimeError, match="only a leaf can be pickled"):
        pickle.dumps(y)


def test_plotting_says_how():
    plt = pytest.importorskip("matplotlib.pyplot")
    x = Tensor([1.0, 2.0], requires_grad=True)
    try:
        for y in (x, x * 2):
            with pytest.raises(TypeError, match=r"use .numpy\(\) or .detach\(\)"):
                plt.plot(y)
            np.testing.assert_array_equal(plt.plot(y.detach())[0].get_ydata(), y.numpy())
        with no_grad():
            plt.plot(x * 2)
    finally:
        plt.close("all")
