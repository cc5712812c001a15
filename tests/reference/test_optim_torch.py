"""Optimizers, clipping and gains against PyTorch itself."""

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tapegrad import nn
from tapegrad.nn import init, optim
from tapegrad.nn.utils import clip_grad_norm_

SHAPES = [(30, 20), (20,), (300, 300), (1,), (7, 5, 3)]  # the third is cut into pieces
CASES = [
    ("SGD", {}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.1, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("Adam", {}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "weight_decay": 0.1}),
    ("AdamW", {}),
    ("AdamW", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-4, "weight_decay": 0.3}),
    ("Adam", {"lr": 0.01, "amsgrad": True, "maximize": True, "weight_decay": 0.1}),
    ("Adam", {"lr": 0.01, "weight_decay": 0.1, "decoupled_weight_decay": True, "fused": False}),
    ("AdamW", {"lr": 0.01, "amsgrad": True, "foreach": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01, "maximize": True}),
]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Torch's workers and OpenBLAS's stand in each other's way: a step of 1 ms may take 50."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def pairs(dtype):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    return [nn.Parameter(a.copy()) for a in arrays], [torch.nn.Parameter(torch.tensor(a)) for a in arrays]


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{name}-{'-'.join(o)}" for name, o in CASES])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_many_steps(name, options, dtype, tolerance):
    ours, theirs = pairs(dtype)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    rng = np.random.default_rng(1)
    for step in range(100):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            g = rng.standard_normal(p.shape).astype(dtype)
            skipped = i == 1 and step % 4 == 0
            p.grad, q.grad = (None, None) if skipped else (g, torch.tensor(g))
        a.step()
        b.step()
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance)
    state = a.state_dict()["state"]
    for index, entry in b.state_dict()["state"].items():
        for key, value in entry.items():
            if value is not None:
                np.testing.assert_allclose(state[index][key], value.numpy(), rtol=tolerance, atol=tolerance)


def tensors(state):
    """A state of ours with tensors for arrays, as PyTorch wants it."""
    entries = {i: {k: torch.as_tensor(v) for k, v in entry.items()} for i, entry in state["state"].items()}
    return {**state, "state": entries}


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{name}-{'-'.join(o)}" for name, o in CASES])
def test_a_state_goes_on_in_the_other_library(name, options):
    def step(optimizer, params, steps, seed, wrap):
        rng = np.random.default_rng(seed)
        for _ in range(steps):
            for p in params:
                p.grad = wrap(rng.standard_normal(tuple(p.shape)))
            optimizer.step()

    ours, theirs = pairs(np.float64)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    step(a, ours, 3, 1, np.asarray)
    step(b, theirs, 3, 1, torch.tensor)
    a2, b2 = getattr(optim, name)(ours, lr=7), getattr(torch.optim, name)(theirs, lr=7)
    from_theirs, from_ours = copy.deepcopy(b.state_dict()), copy.deepcopy(tensors(a.state_dict()))
    a2.load_state_dict(from_theirs)
    b2.load_state_dict(from_ours)
    step(a2, ours, 3, 2, np.asarray)
    step(b2, theirs, 3, 2, torch.tensor)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW"])
def test_defaults(name):
    ours, theirs = pairs(np.float32)
    a, b = getattr(optim, name)(ours), getattr(torch.optim, name)(theirs)
    for key, value in a.defaults.items():
        assert b.defaults[key] == value, key


@pytest.mark.parametrize("max_norm", [0.1, 5.0, 1e6])
def test_clipping(max_norm):
    ours, theirs = pairs(np.float32)
    for p, q in zip(ours, theirs, strict=True):
        p.grad = p.data.copy()
        q.grad = torch.tensor(p.grad)
    norm = clip_grad_norm_(ours, max_norm)
    assert norm == pytest.approx(torch.nn.utils.clip_grad_norm_(theirs, max_norm).item(), rel=1e-6)
    for p, q in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    "nonlinearity", ["linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"]
)
def test_gains(nonlinearity):
    assert init.calculate_gain(nonlinearity) == pytest.approx(torch.nn.init.calculate_gain(nonlinearity))


FILLS = [
    "uniform_",
    "normal_",
    "xavier_uniform_",
    "xavier_normal_",
    "kaiming_uniform_",
    "kaiming_normal_",
    "trunc_normal_",
]


@pytest.mark.parametrize("name", FILLS)
def test_initial_values_have_the_same_distribution(name):
    ours = np.sort(getattr(init, name)(nn.Parameter(np.zeros((200, 300, 2), np.float32))).data.ravel())
    theirs = np.sort(getattr(torch.nn.init, name)(torch.zeros(200, 300, 2)).numpy().ravel())
    grid = np.linspace(min(ours[0], theirs[0]), max(ours[-1], theirs[-1]), 1000)
    apart = np.abs(np.searchsorted(ours, grid) - np.searchsorted(theirs, grid)).max() / ours.size
    assert apart < 2.5 * math.sqrt(2 / ours.size)  # Kolmogorov and Smirnov's test, p about 4e-6
