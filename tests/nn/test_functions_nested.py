"""Modules whose parameters are replaced: what they list inside, calls inside calls, and checkpoints."""

import gc

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 3))
Y = RNG.normal(size=(5, 2))


def model():
    nn.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def arrays(module):
    return {name: p.data.copy() for name, p in module.named_parameters()}


def differences(f, at, name, index, eps=1e-5):
    """The derivative of f, of a dict of arrays, by one of the numbers."""
    ends = []
    for step in (eps, -eps):
        moved = {key: a.copy() for key, a in at.items()}
        moved[name][index] += step
        ends.append(np.asarray(f(moved).data).item())
    return (ends[0] - ends[1]) / (2 * eps)


def test_a_module_lists_the_parameters_that_are_in_place():
    m = model()

    def decayed(x):
        return F.mse_loss(m(x), Y) + sum((p**2).sum() for p in m.parameters())

    value, found = nn.value_and_grad(m, decayed)(X)
    decayed(X).backward()
    assert value > F.mse_loss(m(X), Y).item()
    for name, p in m.named_parameters():
        np.testing.assert_allclose(found[name], p.grad, rtol=1e-12, atol=1e-15)

    class Listing(nn.Module):
        def __init__(self):
            self.inner = m

        def forward(self, x):
            assert all(isinstance(p, nn.Parameter) for p in self.parameters())
            return dict(self.named_parameters()), self.state_dict()

    zeros = {f"inner.{name}": 0 * a for name, a in arrays(m).items()}
    listed, state = nn.functional_call(Listing(), zeros, X)
    assert [*listed] == [*state] == [*zeros] and not any(p.data.any() for p in listed.values())
    assert not any(a.any() for a in state.values())


def test_a_call_inside_of_another_decides():
    m, zeros = model(), {name: 0 * a for name, a in arrays(model()).items()}
    assert nn.value_and_grad(m, lambda: nn.functional_call(m, zeros, X).sum())()[0] == 0

    class Twice(nn.Module):
        def __init__(self):
            self.inner = m

        def forward(self, x):
            return self.inner(x), nn.functional_call(self.inner, zeros, x), self.inner(x)

    ones = {f"inner.{name}": 0 * a + 1 for name, a in arrays(m).items()}
    first, inside, after = nn.functional_call(Twice(), ones, X)
    assert not inside.data.any() and first.data.all()
    np.testing.assert_array_equal(first.data, after.data)


def test_a_shared_parameter_is_listed_once_inside():
    m = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)).double()
    m[1].weight = m[0].weight

    def norm(_):
        return sum((p**2).sum() for p in m.parameters())

    _, found = nn.value_and_grad(m, norm)(X)
    np.testing.assert_allclose(found["0.weight"], 2 * m[0].weight.data)


def test_the_loss_after_a_step_by_the_names_the_module_gives():
    m = model()

    def loss(parameters, x=X):
        return F.mse_loss(nn.functional_call(m, parameters, x), Y)

    def after():
        now = dict(m.named_parameters())
        slopes = ag.grad(loss)(now)
        return loss({name: p - 0.1 * slopes[name] for name, p in now.items()}, X[::-1])

    def after_by_hand(at):
        slopes = ag.grad(loss)(at)
        return loss({name: a - 0.1 * slopes[name] for name, a in at.items()}, X[::-1])

    _, found = nn.value_and_grad(m, after)()
    for name, g in found.items():
        index = (0,) * g.ndim
        expected = differences(after_by_hand, arrays(m), name, index)
        np.testing.assert_allclose(g[index], expected, rtol=1e-6, atol=1e-9)


def test_value_and_grad_inside_of_itself_gives_second_derivatives():
    m = model()

    def squared(run):
        _, found = run()
        return sum((g**2).sum() for g in found.values())

    def slopes():
        return nn.value_and_grad(m, lambda: F.mse_loss(m(X), Y))()

    value, found = nn.value_and_grad(m, lambda: squared(slopes))()

    def by_hand(at):
        def loss(p):
            return F.mse_loss(nn.functional_call(m, p, X), Y)

        return Tensor(squared(lambda: ag.value_and_grad(loss)(at)))

    np.testing.assert_allclose(value, by_hand(arrays(m)).data, rtol=1e-12)
    for name, g in found.items():
        index = (0,) * g.ndim
        expected = differences(by_hand, arrays(m), name, index)
        np.testing.assert_allclose(g[index], expected, rtol=1e-6, atol=1e-9)


class Checkpointed(nn.Module):
    def __init__(self, on):
        self.inner = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Dropout(0.3), nn.Tanh()).double()
        self.on = on

    def block(self, x):
        return ag.checkpoint(self.inner, x) if self.on else self.inner(x)

    def forward(self, x):
        return (self.block(self.block(x)) ** 2).mean()


def both_ways(run):
    """What run(module) gives with a checkpoint inside and without one."""
    results = []
    for on in (False, True):
        nn.manual_seed(3)
        module = Checkpointed(on)
        results.append((run(module), module.state_dict()))
    return results


@pytest.mark.parametrize(
    "run",
    [
        lambda m: nn.value_and_grad(m, lambda: m(Tensor(X)))()[1],
        lambda m: ag.grad(lambda p: nn.functional_call(m, p, Tensor(X)))(
            {name: 2 * a for name, a in arrays(m).items()}
        ),
        lambda m: ag.hvp(lambda p: nn.functional_call(m, p, Tensor(X)), (arrays(m),), (arrays(m),)),
        lambda m: {"x": ag.grad(lambda x: nn.functional_call(m, {"inner.0.weight": np.eye(3)}, x))(X)},
    ],
)
def test_a_checkpoint_computes_again_with_what_was_in_place(run):
    (plain, state), (again, state_again) = both_ways(run)
    for name in plain:
        np.testing.assert_allclose(again[name], plain[name], rtol=1e-10, atol=1e-14)
    for name in state:
        np.testing.assert_array_equal(state_again[name], state[name])


def test_backward_of_a_checkpoint_inside_of_another_call_of_the_module():
    m, at = model(), {name: Tensor(a, requires_grad=True) for name, a in arrays(model()).items()}
    nn.functional_call(m, at, X).sum().backward()
    expected = {name: p.grad for name, p in at.items()}
    for p in at.values():
        p.grad = None
    y = nn.functional_call(nn.Sequential(Once(m)), {f"0.m.{name}": p for name, p in at.items()}, X)

    class Other(nn.Module):
        def __init__(self):
            self.m = m

        def forward(self, x):
            before = self.m(x).data.copy()
            y.sum().backward()
            np.testing.assert_array_equal(self.m(x).data, before)

    nn.functional_call(Other(), {f"m.{name}": 0 * a for name, a in arrays(m).items()}, X)
    for name, p in at.items():
        np.testing.assert_array_equal(p.grad, expected[name])


class Once(nn.Module):
    def __init__(self, m):
        self.m = m

    def forward(self, x):
        return ag.checkpoint(self.m, Tensor(x))


def test_what_is_none_is_refused_by_name():
    with pytest.raises(TypeError, match=r"^functional_call: '0\.bias' is None; leave it out"):
        nn.functional_call(model(), {"0.bias": None}, X)


def test_a_lazy_module_is_called_before():
    # its first call would make parameters of its own, in place of those that are given
    lazy = nn.Sequential(nn.LazyLinear(2, dtype=np.float64))
    at = {"0.weight": np.ones((2, 3)), "0.bias": np.zeros(2)}
    with pytest.raises(ValueError, match=r"^functional_call: '0\.weight' has no numbers yet.*call the model"):
        nn.functional_call(lazy, at, X)
    with pytest.raises(ValueError, match=r"^value_and_grad: '0\.weight' has no numbers yet.*call the model"):
        nn.value_and_grad(lazy, lambda: lazy(X).sum())()
    lazy(X)
    np.testing.assert_allclose(nn.functional_call(lazy, at, X).data, np.tile(X.sum(1)[:, None], 2))
    assert nn.value_and_grad(lazy, lambda: lazy(X).sum())()[1]["0.bias"].tolist() == [5, 5]


def test_nothing_is_left_to_the_garbage_collector():
    m, at = model(), arrays(model())
    calls = {
        "functional_call": lambda: nn.functional_call(m, at, X),
        "gradient": lambda: ag.grad(lambda p: nn.functional_call(m, p, X).sum())(at),
        "value_and_grad": nn.value_and_grad(m, lambda: m(X).sum()),
        "checkpoint": lambda: nn.value_and_grad(m, lambda: ag.checkpoint(m, Tensor(X)).sum())(),
        "parameters": lambda: [*m.parameters()],
    }
    for name, call in calls.items():
        call()
        gc.collect()
        gc.disable()
        try:
            call()
            assert gc.collect() == 0, name
        finally:
            gc.enable()
