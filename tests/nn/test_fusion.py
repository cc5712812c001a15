"""A batch norm in evaluation put into the layer before it; vectors of parameters; layers without numbers."""

import os

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import init
from tapegrad.nn import utils as U

RNG = np.random.default_rng(0)


class Norm(nn.Module):
    """What a batch norm is in evaluation, of channels on axis 1."""

    def __init__(self, n, affine=True):
        self.num_features, self.eps = n, 1e-3
        self.weight = nn.Parameter(RNG.normal(size=n)) if affine else None
        self.bias = nn.Parameter(RNG.normal(size=n)) if affine else None
        self.register_buffer("running_mean", RNG.normal(size=n))
        self.register_buffer("running_var", RNG.uniform(0.5, 2, n))

    def forward(self, x):
        along = (-1, *[1] * (x.ndim - 2))
        y = (x - self.running_mean.reshape(along)) / np.sqrt(self.running_var.reshape(along) + self.eps)
        return y if self.weight is None else y * self.weight.reshape(*along) + self.bias.reshape(*along)


class Pointwise(nn.Module):
    """A convolution with a window of one."""

    def __init__(self, bias, transpose):
        self.weight = nn.Parameter(RNG.normal(size=(3, 4, 1) if not transpose else (4, 3, 1)))
        self.bias = nn.Parameter(RNG.normal(size=3)) if bias else None
        self.axis = 1 if transpose else 0

    def forward(self, x):
        y = ag.einsum("oi,nil->nol" if self.axis == 0 else "io,nil->nol", self.weight[..., 0], x)
        return y if self.bias is None else y + self.bias.reshape(-1, 1)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("transpose", [True, False])
def test_a_convolution_takes_in_its_norm(bias, affine, transpose):
    conv, norm, x = Pointwise(bias, transpose).eval(), Norm(3, affine).eval(), RNG.normal(size=(2, 4, 5))
    fused = U.fuse_conv_bn_eval(conv, norm, transpose)
    np.testing.assert_allclose(fused(x).data, norm(conv(x)).data, rtol=1e-12)
    assert fused.weight is not conv.weight and fused.weight.requires_grad
    assert isinstance(fused.bias, nn.Parameter)


@pytest.mark.parametrize("n", [3, 1])
def test_a_linear_layer_takes_in_its_norm(n):
    linear, norm = nn.Linear(4, 3, dtype=np.float64).eval(), Norm(n).eval()
    x = RNG.normal(size=(2, 4))
    y = linear(x) if n == 3 else linear(x)[:, None]
    np.testing.assert_allclose(
        U.fuse_linear_bn_eval(linear, norm)(x).data, norm(y).data.reshape(2, 3), rtol=1e-12
    )


def test_fusion_refuses():
    linear, norm = nn.Linear(4, 3, dtype=np.float64), Norm(2)
    for function in (U.fuse_linear_bn_eval, U.fuse_conv_bn_eval):
        with pytest.raises(ValueError, match="call eval"):
            function(linear, norm)
    linear.eval(), norm.eval()
    with pytest.raises(ValueError, match="linear.out_features 3 and bn.num_features 2 differ"):
        U.fuse_linear_bn_eval(linear, norm)
    with pytest.raises(ValueError, match=r"running mean of shape \(2,\) for weight of shape \(3, 4\)"):
        U.fuse_conv_bn_eval(linear, norm)
    norm.running_mean = None
    with pytest.raises(ValueError, match="Norm has no running statistics"):
        U.fuse_conv_bn_eval(linear, norm)


def test_frozen_weights_stay_frozen_and_dtypes_are_kept():
    w = nn.Parameter(np.ones((2, 2), np.float32), requires_grad=False)
    mean = np.zeros(2)
    weight, bias = U.fuse_linear_bn_weights(w, None, mean, mean + 1, 0.0, None, None)
    assert weight.dtype == bias.dtype == np.float32 and not weight.requires_grad and not bias.requires_grad
    np.testing.assert_array_equal(weight.data, w.data)


# ---------------------------------------------------------------------------------- vectors of parameters


def test_parameters_as_a_vector_and_back():
    net = nn.Sequential(nn.Linear(3, 2, dtype=np.float64), nn.Linear(2, 1, dtype=np.float64))
    vector = U.parameters_to_vector(net.parameters())
    np.testing.assert_array_equal(vector.data, np.concatenate([p.data.ravel() for p in net.parameters()]))
    (vector**2).sum().backward()
    np.testing.assert_array_equal(net[1].weight.grad, 2 * net[1].weight.data)
    kept = net[0].weight.data
    U.vector_to_parameters(Tensor(np.arange(11.0)), net.parameters())
    assert net[0].weight.data is kept and (kept == [[0, 1, 2], [3, 4, 5]]).all() and net[1].bias.item() == 10
    with pytest.raises(ValueError, match=r"vec of shape \(3,\) for 11 numbers"):
        U.vector_to_parameters(np.zeros(3), net.parameters())
    with pytest.raises(ValueError, match="there are no parameters"):
        U.parameters_to_vector([])
    y = (net[0].weight ** 2).sum()
    U.vector_to_parameters(np.zeros(11), net.parameters())
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_a_layer_without_initial_values():
    state = nn.get_rng_state()
    layer = U.skip_init(nn.Linear, 300, 200, bias=False, dtype=np.float64)
    assert nn.get_rng_state() == state and layer.weight.shape == (200, 300) and layer.bias is None
    for fill in (init.ones_, init.normal_, init.orthogonal_, init.trunc_normal_, init.xavier_uniform_):
        fill(layer.weight)  # afterwards they do what they do
        assert np.isfinite(layer.weight.data).all() and layer.weight.data.any()
    for what, words in [
        (nn.Tanh, "Tanh takes no device="),
        (3, "makes a Module from its class"),
        (int, "makes a"),
    ]:
        with pytest.raises(TypeError, match=words):
            U.skip_init(what)


def test_models_without_initial_values_take_no_memory():
    """However nested: arrays of a size that the system gives out untouched, which takes it no memory."""

    class Net(nn.Module):
        def __init__(self):
            self.mixed = nn.Sequential(nn.Linear(2000, 2000), nn.ModuleList([nn.Embedding(2000, 2000)]))
            self.attention, self.step = nn.MultiheadAttention(1000, 4), nn.LSTM(1000, 1000)
            self.own = nn.Parameter.empty((2000, 2000))
            self.norm = nn.LayerNorm(8)

    state = nn.get_rng_state()
    before = anonymous_memory()
    with U.no_init():
        net = Net()
    # Where an earlier test let the C library keep memory, an array's head may lie in a huge page of 2 MB.
    assert anonymous_memory() - before < 18_000_000 < sum(p.nbytes for p in net.parameters()) / 5
    assert nn.get_rng_state() == state and (net.norm.weight.data == 1).all()
    assert net.own.requires_grad and net.own.dtype == np.float32 and not net.own.data.base
    with pytest.raises(RuntimeError, match="afterwards"), U.no_init():
        raise RuntimeError("afterwards initial values are drawn again")
    assert np.isfinite(nn.Linear(3, 4).weight.data).all() and nn.get_rng_state() != state
    assert not nn.Parameter.empty(3, np.int64, requires_grad=False).requires_grad
    with pytest.raises(TypeError, match="only a float Tensor can require a gradient"):
        nn.Parameter.empty(3, np.int64)


def anonymous_memory():
    """Bytes of memory that this process has touched, of files apart."""
    if not os.path.exists("/proc/self/status"):
        pytest.skip("the system does not say it")
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssAnon"))


def test_nothing_is_drawn_while_initial_values_are_skipped():
    class Layer(nn.Module):
        def __init__(self, device=None):
            self.weight = nn.Parameter(np.full((4, 4, 3), 5.0))
            for name in set(init.__all__) - {"calculate_gain", "eye_", "sparse_"}:
                getattr(init, name)(self.weight, *([1.0] if name == "constant_" else []))
            self.matrix = nn.Parameter(np.full((4, 4), 5.0))
            init.sparse_(init.eye_(self.matrix), 0.5)

    state = nn.get_rng_state()
    layer = U.skip_init(Layer)
    assert (layer.weight.data == 5).all() and (layer.matrix.data == 5).all() and nn.get_rng_state() == state
    assert not (Layer().weight.data == 5).any()
