"""Optimizers, clipping and gains against PyTorch itself."""

import copy
import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tapegrad import nn
from tapegrad.autograd.sparse import SparseRows
from tapegrad.nn import init, optim
from tapegrad.nn.optim import flat
from tapegrad.nn.utils import clip_grad_norm_

SHAPES = [(30, 20), (20,), (40, 30), (1,), (7, 5, 3)]  # cut into pieces
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
    ("RMSprop", {}),
    ("RMSprop", {"alpha": 0.9, "eps": 1e-3, "momentum": 0.8, "weight_decay": 0.1, "foreach": True}),
    ("RMSprop", {"lr": 0.1, "centered": True, "momentum": 0.5, "weight_decay": 0.1, "maximize": True}),
    ("RMSprop", {"centered": True}),
    ("Adagrad", {}),
    ("Adagrad", {"lr": 0.1, "lr_decay": 0.2, "eps": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("Adagrad", {"initial_accumulator_value": 0.5, "foreach": True}),
    ("Adagrad", {"lr_decay": 0.1, "fused": True}),
    ("Adadelta", {}),
    ("Adadelta", {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1, "maximize": True}),
    ("Adadelta", {"rho": 1.0, "foreach": True}),
    ("Adamax", {}),
    ("Adamax", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("Adamax", {"betas": (0.0, 0.0), "foreach": True}),
    ("NAdam", {}),
    ("NAdam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1}),
    ("NAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True, "foreach": True}),
    ("RAdam", {}),
    ("RAdam", {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.1, "maximize": True}),
    ("RAdam", {"weight_decay": 0.1, "decoupled_weight_decay": True, "foreach": True}),
    ("RAdam", {"betas": (0.9, 0.3)}),  # whose mean of squares is never long enough
    ("ASGD", {}),
    ("ASGD", {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 6, "weight_decay": 0.1, "maximize": True}),
    ("Rprop", {}),
    ("Rprop", {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.02, 0.3), "maximize": True}),
    ("Rprop", {"lr": 0.0, "foreach": True}),
]
IDS = [f"{name}-{'-'.join(options)}" for name, options in CASES]
NAMES = sorted({name for name, _ in CASES})


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    monkeypatch.setattr(flat, "CHUNK", 500)


def pairs(dtype):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in SHAPES]
    return [nn.Parameter(a.copy()) for a in arrays], [torch.nn.Parameter(torch.tensor(a)) for a in arrays]


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_many_steps(name, options, dtype, tolerance):
    ours, theirs = pairs(dtype)
    a, b = getattr(optim, name)(ours, **options), getattr(torch.optim, name)(theirs, **options)
    rng = np.random.default_rng(1)
    for step in range(50):
        for i, (p, q) in enumerate(zip(ours, theirs, strict=True)):
            g = rng.standard_normal(p.shape).astype(dtype)
            skipped = i == 1 and step % 4 == 0
            p.grad, q.grad = (None, None) if skipped else (g, torch.tensor(g))
        a.step()
        b.step()
    assert_same((a, ours), (b, theirs), tolerance)


def assert_same(ours, theirs, tolerance):
    """Optimizers with their parameters, in parameters, states and options."""
    (a, params), (b, their_params) = ours, theirs
    for p, q in zip(params, their_params, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=tolerance, atol=tolerance)
    state, their_state = a.state_dict()["state"], b.state_dict()["state"]
    assert state.keys() == their_state.keys()
    for index, entry in their_state.items():
        entry = {key: value for key, value in entry.items() if value is not None}
        assert state[index].keys() == entry.keys()
        for key, value in entry.items():
            np.testing.assert_allclose(state[index][key], np.asarray(value), rtol=tolerance, atol=tolerance)
    for group, their_group in zip(a.param_groups, b.param_groups, strict=True):
        assert group.keys() == their_group.keys()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_groups_whose_rates_change(name, dtype, tolerance):
    """From 0 on, and back to 0; options of their own; parameters that come in later."""
    ours, theirs = pairs(dtype)
    other = {"etas": (0.4, 1.1)} if name == "Rprop" else {"weight_decay": 0.2, "maximize": True}
    made = []
    for module, params in ((optim, ours), (torch.optim, theirs)):
        groups = [{"params": params[:2], "lr": 0.0}, {"params": params[3], **other}]
        made.append(getattr(module, name)(groups, lr=0.1))
    rng = np.random.default_rng(1)
    for step in range(40):
        if step == 5:
            for optimizer, params in zip(made, (ours, theirs), strict=True):
                optimizer.add_param_group({"params": params[4:], "lr": 0.02})
        for p, q in zip(ours, theirs, strict=True):
            g = rng.standard_normal(p.shape).astype(dtype)
            p.grad, q.grad = (None, None) if rng.random() < 0.2 else (g, torch.tensor(g))
        for optimizer in made:
            for group in optimizer.param_groups:
                group["lr"] = 0.01 * (step % 7)
            optimizer.step()
    assert_same((made[0], ours), (made[1], theirs), tolerance)


ZERO = {"Rprop": {}, "ASGD": {}, "SGD": {}}  # what has no eps


@pytest.mark.parametrize("name", NAMES)
def test_gradients_that_are_0_or_whose_squares_overflow(name):
    """Without a warning, and where PyTorch's numbers are nan these are nan."""
    start = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    ours, theirs = nn.Parameter(start.copy()), torch.nn.Parameter(torch.tensor(start))
    options = ZERO.get(name, {"eps": 0.0})
    a, b = getattr(optim, name)([ours], **options), getattr(torch.optim, name)([theirs], **options)
    for g in ([0, 1, 1e300, -1e300, 1e200], [0, 0, 1, -1e300, 1], [1, 1e-300, 1, 1, 1]):
        ours.grad, theirs.grad = np.array(g, float), torch.tensor(g, dtype=torch.float64)
        a.step()
        b.step()
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), rtol=1e-12)


def sparse(shape, rng):
    """A gradient of three rows, one of them given twice, for both libraries."""
    rows = rng.integers(0, shape[0], 3)
    rows, values = np.append(rows, rows[0]), rng.standard_normal((4, shape[1]))
    theirs = torch.sparse_coo_tensor(rows[None], values, shape, check_invariants=True)
    return SparseRows(rows, values, shape), theirs


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("Adagrad", {}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.3, "initial_accumulator_value": 0.2, "maximize": True}),
        ("SparseAdam", {"lr": 0.1, "maximize": True}),
        ("SGD", {"lr": 0.1, "maximize": True}),
    ],
)
def test_sparse_gradients(name, options):
    ours, theirs = pairs(np.float64)
    a, b = getattr(optim, name)(ours[:1], **options), getattr(torch.optim, name)(theirs[:1], **options)
    rng = np.random.default_rng(1)
    for _ in range(30):
        ours[0].grad, theirs[0].grad = sparse(SHAPES[0], rng)
        a.step()
        with torch.sparse.check_sparse_tensor_invariants():
            b.step()
    assert_same((a, ours), (b, theirs), 1e-12)


def test_a_state_before_the_first_step():
    """Adagrad's, which PyTorch has from the beginning."""
    ours, theirs = pairs(np.float64)
    given = {"initial_accumulator_value": 0.5}
    a, b = optim.Adagrad(ours, **given), torch.optim.Adagrad(theirs, **given)
    assert_same((a, ours), (b, theirs), 0)
    a2, b2 = optim.Adagrad(ours), torch.optim.Adagrad(theirs)
    a2.load_state_dict(b.state_dict())
    b2.load_state_dict(tensors(a.state_dict()))
    for p, q in zip(ours, theirs, strict=True):
        p.grad, q.grad = p.data.copy(), q.detach().clone()
    a2.step()
    b2.step()
    assert_same((a2, ours), (b2, theirs), 1e-12)


def test_a_rate_that_is_a_tensor_is_loaded():
    ours, theirs = pairs(np.float64)
    betas = torch.tensor(0.5), torch.tensor(0.75)
    b = torch.optim.Adam(theirs, lr=torch.tensor(0.25, dtype=torch.float64), betas=betas, capturable=True)
    a = optim.Adam(ours)
    a.load_state_dict(b.state_dict())
    assert (a.param_groups[0]["lr"], a.param_groups[0]["betas"]) == (0.25, (0.5, 0.75))


def tensors(state):
    """A state of ours with tensors for arrays, as PyTorch wants it."""
    entries = {i: {k: torch.as_tensor(v) for k, v in entry.items()} for i, entry in state["state"].items()}
    return {**state, "state": entries}


@pytest.mark.parametrize(("name", "options"), CASES, ids=IDS)
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
    # mu_product, in float32 in both, is in float64 in PyTorch from then on
    tolerance = 1e-6 if name == "NAdam" else 1e-12
    assert_same((a2, ours), (b2, theirs), tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_defaults(name):
    ours, theirs = pairs(np.float32)
    a, b = getattr(optim, name)(ours), getattr(torch.optim, name)(theirs)
    assert a.defaults == b.defaults


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
