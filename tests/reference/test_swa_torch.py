"""Averages of models beside PyTorch's: the same numbers, names and states."""

import inspect

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tapegrad import nn
from tapegrad.nn import optim
from tapegrad.nn.optim import swa_utils as ours

theirs = torch.optim.swa_utils
WAYS = {
    "mean": lambda m: {},
    "swa": lambda m: {"avg_fn": m.get_swa_avg_fn()},
    "swa_multi": lambda m: {"multi_avg_fn": m.get_swa_multi_avg_fn()},
    "ema": lambda m: {"avg_fn": m.get_ema_avg_fn(0.9)},
    "ema_multi": lambda m: {"multi_avg_fn": m.get_ema_multi_avg_fn(0.9)},
    "own": lambda m: {"avg_fn": lambda mean, new, n: mean * 0.8 + new * (0.2 / (n + 1))},
}


def models():
    """The same model here and there, with BatchNorm."""
    layers = [("Linear", (4, 8)), ("BatchNorm1d", (8,)), ("Linear", (8, 3))]
    a = nn.Sequential(*[getattr(nn, kind)(*sizes) for kind, sizes in layers])
    b = torch.nn.Sequential(*[getattr(torch.nn, kind)(*sizes) for kind, sizes in layers])
    b.load_state_dict({name: torch.tensor(numbers) for name, numbers in numbers_of(a).items()})
    return a, b


def numbers_of(model):
    state = model.state_dict()
    return {k: v.numpy() if hasattr(v, "numpy") else np.asarray(v) for k, v in state.items()}


def train(model, optimizer, x):
    optimizer.zero_grad()
    (model(x) ** 2).mean().backward()
    optimizer.step()


def assert_same(a, b):
    ours, its = numbers_of(a), numbers_of(b)
    assert list(ours) == list(its)
    for name, numbers in ours.items():
        assert numbers.dtype == its[name].dtype, name
        np.testing.assert_allclose(numbers, its[name], rtol=2e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("use_buffers", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_averages(way, use_buffers):
    if way == "swa_multi" and use_buffers:
        pytest.skip("PyTorch cannot divide num_batches_tracked")
    rng = np.random.default_rng(0)
    a, b = models()
    first, second = optim.SGD(a.parameters(), lr=0.1), torch.optim.SGD(b.parameters(), lr=0.1)
    mine = ours.AveragedModel(a, use_buffers=use_buffers, **WAYS[way](ours))
    its = theirs.AveragedModel(b, use_buffers=use_buffers, **WAYS[way](theirs))
    for _ in range(5):
        x = rng.standard_normal((5, 4)).astype(np.float32)
        train(a, first, x)
        train(b, second, torch.tensor(x))
        mine.update_parameters(a)
        its.update_parameters(b)
        assert_same(mine, its)
    batches = [rng.standard_normal((6, 4)).astype(np.float32) for _ in range(3)]
    ours.update_bn([(x, 0) for x in batches], mine)
    theirs.update_bn([(torch.tensor(x), 0) for x in batches], its)
    assert_same(mine, its)
    mine.eval()
    its.eval()
    want = its(torch.tensor(batches[0])).detach().numpy()
    np.testing.assert_allclose(mine(batches[0]).numpy(), want, rtol=1e-4, atol=1e-5)


def test_states_go_both_ways():
    a, b = models()
    mine, its = ours.AveragedModel(a), theirs.AveragedModel(b)
    mine.update_parameters(a)
    mine.update_parameters(a)
    its.load_state_dict({name: torch.tensor(numbers) for name, numbers in numbers_of(mine).items()})
    assert its.n_averaged == 2
    other = ours.AveragedModel(models()[0])
    other.load_state_dict(numbers_of(its))
    assert other.n_averaged == 2
    assert_same(other, its)


@pytest.mark.parametrize("name", theirs.__all__)
def test_arguments_are_pytorchs(name):
    mine, its = (inspect.signature(getattr(m, name)).parameters for m in (ours, theirs))
    assert [(p.name, p.default) for p in mine.values()] == [(p.name, p.default) for p in its.values()]
