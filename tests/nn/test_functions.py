"""Modules as functions of their parameters: functional_call and value_and_grad."""

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
    made = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    made.double()
    return made


def arrays(module):
    return {name: p.data.copy() for name, p in module.named_parameters()}


def test_other_parameters_and_then_the_same_as_before():
    m = model().eval()
    before = {name: id(value) for name, value in m.state_dict(keep_vars=True).items()}
    zeros = {name: np.zeros_like(a) for name, a in arrays(m).items()}
    assert not nn.functional_call(m, zeros, X).data.any()
    assert not nn.functional_call(m, [zeros], (X,)).data.any()
    one = nn.Linear(3, 2).double()
    assert not nn.functional_call(
        one, {n: a * 0 for n, a in arrays(one).items()}, None, {"input": X}
    ).data.any()
    bias = nn.functional_call(m, {**zeros, "3.bias": np.array([1.0, 2.0])}, X)
    np.testing.assert_array_equal(bias.data, np.tile([1.0, 2.0], (5, 1)))
    part = nn.functional_call(m, {"3.weight": zeros["3.weight"]}, X)
    np.testing.assert_array_equal(part.data, np.tile(m[3].bias.data, (5, 1)))
    assert before == {name: id(value) for name, value in m.state_dict(keep_vars=True).items()}


def test_an_error_leaves_the_module_as_it_was():
    m = model()
    before = {name: id(value) for name, value in m.state_dict(keep_vars=True).items()}
    with pytest.raises(ValueError):
        nn.functional_call(m, {"0.weight": np.zeros((4, 7))}, X)
    with pytest.raises(AttributeError, match="foo"):
        nn.functional_call(m, {"0.weight": np.zeros((4, 3)), "foo.weight": X}, X)
    assert before == {name: id(value) for name, value in m.state_dict(keep_vars=True).items()}


def test_buffers_that_are_given_take_the_changes():
    m = model()
    given = {name: value.copy() for name, value in m.state_dict().items()}
    before = {name: value.copy() for name, value in m.state_dict().items()}
    nn.functional_call(m, given, X)
    for name, value in m.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    assert given["1.running_mean"].any()


def test_gradients_of_functional_calls_are_those_of_the_module():
    m = model()
    F.mse_loss(m(X), Y).backward()
    g = ag.grad(lambda p: F.mse_loss(nn.functional_call(m, p, X), Y))(arrays(m))
    tensors = ag.grad(lambda p: F.mse_loss(nn.functional_call(m, p, X), Y))(dict(m.named_parameters()))
    value, found = nn.value_and_grad(m, lambda x, y: F.mse_loss(m(x), y))(X, y=Y)
    assert type(value) is np.ndarray and list(found) == list(g)
    for name, p in m.named_parameters():
        np.testing.assert_allclose(g[name], p.grad, rtol=1e-10, atol=1e-14)
        np.testing.assert_allclose(tensors[name].data, p.grad, rtol=1e-10, atol=1e-14)
        np.testing.assert_array_equal(found[name], g[name])


def test_per_sample_gradients_are_a_jacobian():
    m = model().eval()

    def losses(p):
        return ((nn.functional_call(m, p, X) - Y) ** 2).mean(axis=1)

    rows = ag.jacobian(losses)(arrays(m))
    for i in range(5):
        one = slice(i, i + 1)
        _, g = nn.value_and_grad(m, lambda one=one: F.mse_loss(m(X[one]), Y[one]))()
        for name in g:
            assert rows[name].shape == (5, *g[name].shape)
            np.testing.assert_allclose(rows[name][i], g[name], rtol=1e-10, atol=1e-14)


def test_frozen_and_shared_parameters():
    m = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3))
    m[1].weight = m[0].weight
    m[1].bias.requires_grad = False
    value, found = nn.value_and_grad(m, lambda x: m(x).sum())(np.float32(X))
    assert list(found) == ["0.weight"]
    m(np.float32(X)).sum().backward()
    np.testing.assert_allclose(found["0.weight"], m[0].weight.grad, rtol=1e-5)
    m.requires_grad_(False)
    with pytest.raises(ValueError, match="no parameter of Sequential requires a gradient"):
        nn.value_and_grad(m, lambda x: m(x).sum())(X)


def test_shared_parameters_are_replaced_under_all_names():
    m = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False)).double()
    m[1].weight = m[0].weight
    eye = np.eye(3)
    for name in ("0.weight", "1.weight"):
        np.testing.assert_allclose(nn.functional_call(m, {name: eye}, X).data, X)
        apart = nn.functional_call(m, {name: eye}, X, tie_weights=False)
        np.testing.assert_allclose(apart.data, X @ m[0].weight.data.T)
    both = {"0.weight": eye, "1.weight": 2 * eye}
    with pytest.raises(
        ValueError, match="'0.weight' and '1.weight' are shared by Sequential.*tie_weights=False"
    ):
        nn.functional_call(m, both, X)
    np.testing.assert_allclose(nn.functional_call(m, both, X, tie_weights=False).data, 2 * X)
    nn.functional_call(m, {"0.weight": eye}, X, strict=True)


def test_names_that_do_not_fit():
    m = nn.Linear(3, 2).double()
    w = np.zeros((2, 3))
    nn.functional_call(m, {"weight": w, "wieght": w}, X)  # as in PyTorch
    with pytest.raises(RuntimeError, match=r"\['wieght'\], and missing ones: \['bias'\]; strict=False"):
        nn.functional_call(m, {"weight": w, "wieght": w}, X, strict=True)
    with pytest.raises(ValueError, match=r"\['weight'\] are in two of the dicts"):
        nn.functional_call(m, [{"weight": w}, {"weight": w}], X)
    with pytest.raises(ValueError, match="is a int, and must be a dict"):
        nn.functional_call(m, 3, X)
    with pytest.raises(TypeError, match="the first argument is a function, no Module"):
        nn.functional_call(lambda x: x, {}, X)
    with pytest.raises(TypeError, match="value_and_grad: the first argument is a function, no Module"):
        nn.value_and_grad(lambda x: x, m)


def test_weights_that_are_computed_are_computed_from_what_is_given():
    from tapegrad.nn.utils import parametrizations, parametrize

    m = parametrizations.weight_norm(nn.Linear(3, 2)).double()
    doubled = {name: 2 * a for name, a in arrays(m).items()}
    expected = 2 * m(X).data
    doubled["parametrizations.weight.original1"] = arrays(m)["parametrizations.weight.original1"]
    with parametrize.cached():
        m(X)
        np.testing.assert_allclose(nn.functional_call(m, doubled, X).data, expected, rtol=1e-12)
        np.testing.assert_allclose(m(X).data, expected / 2, rtol=1e-12)


def test_a_step_of_training_inside_of_a_derivative():
    # how the loss after a step depends on the step's width
    m = model().eval()

    def after(rate):
        _, g = nn.value_and_grad(m, lambda: F.mse_loss(m(X * rate), Y))()
        return sum((part**2).sum() for part in g.values())

    eps = 1e-5
    difference = (after(Tensor(1 + eps)) - after(Tensor(1 - eps))) / (2 * eps)
    np.testing.assert_allclose(ag.grad(after)(1.0), difference, rtol=1e-6)
