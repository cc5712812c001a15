"""Lazy modules: before the first input, at it, and after."""

import copy
import pickle

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn.modules.lazy import LazyModuleMixin, LazyNormMixin

X = np.random.default_rng(0).normal(size=(2, 3, 6, 6)).astype(np.float32)


def model(**options):
    return nn.Sequential(nn.LazyConv2d(4, 3, **options), nn.ReLU(), nn.LazyConvTranspose2d(2, 3))


def test_shapes_come_with_the_first_input():
    net = model()
    assert all(layer.has_uninitialized_params() for layer in (net[0], net[2]))
    assert net(X).shape == (2, 2, 6, 6)
    assert type(net[0]) is nn.Conv2d and type(net[2]) is nn.ConvTranspose2d
    assert net[0].weight.shape == (4, 3, 3, 3) and net[0].in_channels == 3
    assert type(net[0].weight) is nn.Parameter and net[0].weight.requires_grad
    assert 0 < np.abs(net[0].weight.numpy()).max() <= 27**-0.5
    net(X).sum().backward()
    assert net[2].weight.grad.shape == (4, 2, 3, 3)


def test_parameters_stay_the_same_objects():
    net = model()
    before = list(net.parameters())
    net(X)
    assert [a is b for a, b in zip(before, net.parameters(), strict=True)] == [True] * 4


def test_what_has_no_shape_cannot_be_used():
    layer = nn.LazyLinear(2)
    known = "learned from its first input; call the model once"
    for use in (
        lambda: layer.weight.shape,
        lambda: layer.weight + 1,
        lambda: (layer.weight**2).sum(),
        lambda: layer.weight.numpy().sum(),
        lambda: np.asarray(layer.weight.data),
        lambda: nn.functional.linear(X, layer.weight),
        lambda: nn.init.zeros_(layer.weight),
        lambda: len(layer.weight),
    ):
        with pytest.raises(ValueError, match=known):
            use()
    for optimizer in (nn.optim.SGD, nn.optim.AdamW):
        with pytest.raises(ValueError, match=known):
            optimizer(layer.parameters(), lr=0.1)
    assert repr(layer.weight) == "<UninitializedParameter>"
    assert repr(layer) == "LazyLinear(in_features=0, out_features=2)"


def test_casts_and_freezing_come_before_the_shape_too():
    net = model().double()
    net[0].requires_grad_(False)
    net.zero_grad()
    assert net[0].weight.dtype == np.float64
    net(X.astype(np.float64))
    assert not net[0].weight.requires_grad and net[2].weight.requires_grad
    assert net[0].weight.dtype == np.float64 and net.half()[2].bias.dtype == np.float16
    with pytest.raises(TypeError, match="input is float32, its parameters are float64"):
        nn.LazyLinear(2, dtype=np.float64)(X)


def test_copies_are_as_lazy():
    for copied in (copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))):
        net = model()
        net[0].weight.requires_grad = False
        twin = copied(net)
        net(X)
        assert twin[0].has_uninitialized_params() and not twin[0].weight.requires_grad
        twin(X[:, :1])
        assert twin[0].weight.shape == (4, 1, 3, 3) and type(twin[0]) is nn.Conv2d


def test_a_state_gives_shapes():
    net, other = model(), model()
    net(X)
    assert other.load_state_dict(net.state_dict()) == ([], [])
    np.testing.assert_array_equal(other(X).numpy(), net(X).numpy())
    assert type(other[0]) is nn.Conv2d and other[0].in_channels == 3
    linear = nn.LazyLinear(2)
    linear.load_state_dict(nn.Linear(6, 2).state_dict())
    linear(X)
    assert repr(linear) == repr(nn.Linear(6, 2))


def test_a_state_without_shapes():
    net, other = model(), model()
    assert other.load_state_dict(net.state_dict()) == ([], [])
    assert other[0].has_uninitialized_params()
    net(X)
    with pytest.raises(ValueError, match="learned from its first input"):
        net.load_state_dict(other.state_dict())


def test_a_state_that_does_not_fit_changes_nothing():
    net, other = model(), model()
    net(X)
    state = {**net.state_dict(), "more": np.zeros(1)}
    with pytest.raises(ValueError, match="unexpected: more"):
        other.load_state_dict(state)
    assert other[0].has_uninitialized_params() and other[0].weight.requires_grad
    assert other.load_state_dict(state, strict=False).unexpected_keys == ["more"]
    assert other[0].weight.shape == (4, 3, 3, 3)


@pytest.mark.parametrize(
    "layer, shape, match",
    [
        (nn.LazyConv2d(4, 3), (3, 5), r"LazyConv2d: input has 3 or 4 axes, not the shape \(3, 5\)"),
        (nn.LazyConv2d(4, 3, groups=2), (1, 3, 5, 5), "groups=2 has to divide the 3 channels"),
        (nn.LazyLinear(4), (), "no axis to take the features from"),
    ],
)
def test_refused_inputs_leave_it_lazy(layer, shape, match):
    with pytest.raises(ValueError, match=match):
        layer(np.zeros(shape, np.float32))
    assert layer.has_uninitialized_params() and type(layer).__name__.startswith("Lazy")


def test_a_class_of_ones_own():
    class LazyScale(LazyModuleMixin, nn.Module):
        def __init__(self):
            self.scale = nn.UninitializedParameter()
            self.register_buffer("offset", None)
            self.offset = nn.UninitializedBuffer()

        def initialize_parameters(self, input):
            if self.has_uninitialized_params():
                self.scale.materialize(input.shape[-1:])
                nn.init.ones_(self.scale)
                self.offset = self.offset.materialize(input.shape[-1:])
                self.offset[...] = 2

        def forward(self, input):
            return self.scale * input + self.offset

    layer = LazyScale()
    assert list(layer.state_dict()) == ["scale", "offset"]
    twin = copy.deepcopy(layer)
    np.testing.assert_array_equal(layer(X).numpy(), X + 2)
    np.testing.assert_array_equal(layer(X).numpy(), X + 2)  # initialize_parameters is not called again
    twin.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(twin(X).numpy(), X + 2)
    with pytest.raises(NotImplementedError, match="no initialize_parameters"):
        type("Bare", (LazyModuleMixin, nn.Module), {})()(X)


class Norm(nn.Module):
    """As batch normalisation is made."""

    def __init__(self, num_features, eps, momentum, affine, track_running_stats, device, dtype, *, bias=True):
        self.num_features = num_features
        self.weight = nn.Parameter(np.ones(num_features, np.float32)) if affine else None
        self.bias = nn.Parameter(np.zeros(num_features, np.float32)) if affine and bias else None
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, np.ones(num_features, np.float32) if track_running_stats else None)

    def reset_parameters(self):
        nn.init.ones_(self.weight)
        self.running_mean[...] = 5

    def forward(self, input):
        return input - self.running_mean[:, None, None]


class LazyNorm(LazyNormMixin, Norm):
    cls_to_become = Norm


def test_lazy_normalisation():
    layer = LazyNorm()
    assert list(layer.state_dict()) == [
        "weight",
        "bias",
        "running_mean",
        "running_var",
        "num_batches_tracked",
    ]
    twin = copy.deepcopy(layer.double()).float()
    np.testing.assert_allclose(layer(X), X - 5, rtol=1e-6)
    assert type(layer) is Norm and layer.num_features == 3 and layer.running_var.shape == (3,)
    assert layer.running_mean.dtype == layer.weight.dtype == np.float64
    twin.load_state_dict(layer.state_dict())
    assert twin.running_mean.dtype == np.float32 and twin(X).shape == X.shape
    assert type(twin) is Norm and twin.num_features == 3
    bare = LazyNorm(affine=False, track_running_stats=False)
    assert not bare.has_uninitialized_params() and list(bare.state_dict()) == []
    with pytest.raises(ValueError, match=r"input of shape \(6,\) is not \(N, C, ...\)"):
        LazyNorm()(X[0, 0, 0])
