"""Every nonlinearity against torch: values and gradients, also at corners and infinities."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

TF = torch.nn.functional
# Corners of all of them, what overflows by exp in float32, and more of both signs.
CORNERS = [0.0, -0.0, 0.5, -0.5, 1, -1, 3, -3, 6, 20, 21, 30, -30, 100, -100, 1e4, -1e4, 0.1, 0.25, -0.2]
FUNCTIONS = {
    "celu": [{}, {"alpha": 0.5}, {"alpha": 2.0}],
    "elu": [{}, {"alpha": 0.3}, {"alpha": -1.0}],
    "gelu": [{}, {"approximate": "tanh"}],
    "hardshrink": [{}, {"lambd": 0.25}, {"lambd": 0.0}, {"lambd": -1.0}],
    "hardsigmoid": [{}],
    "hardswish": [{}],
    "hardtanh": [{}, {"min_val": -0.5, "max_val": 3.0}, {"min_val": 0.5, "max_val": 0.5}],
    "leaky_relu": [{}, {"negative_slope": 0.2}, {"negative_slope": 0.0}, {"negative_slope": -2.0}],
    "logsigmoid": [{}],
    "mish": [{}],
    "relu": [{}],
    "relu6": [{}],
    "rrelu": [{}],
    "selu": [{}],
    "sigmoid": [{}],
    "silu": [{}],
    "softplus": [{}, {"beta": 2.0, "threshold": 1.0}, {"beta": -1.0}, {"threshold": 1e3}],
    "softshrink": [{}, {"lambd": 0.0}, {"lambd": 3}],
    "softsign": [{}],
    "tanh": [{}],
    "tanhshrink": [{}],
    "threshold": [{"threshold": 0.25, "value": 7.0}, {"threshold": -3.0, "value": 0.0}],
}
EVERY = [(name, options) for name, many in FUNCTIONS.items() for options in many]


@pytest.mark.parametrize("name, options", [one for one in EVERY if one[0] != "hardsigmoid"])
@pytest.mark.parametrize("shape", [(4, 5), (), (0, 3)])
def test_function(name, options, shape):
    compare(getattr(F, name), getattr(TF, name), [RNG.normal(size=shape) * 2], options)


@pytest.mark.parametrize("name, options", EVERY)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_corners(name, options, dtype):
    if dtype == np.float32 and options.get("threshold") == 1e3:
        pytest.skip("torch overflows there")
    x = np.array(CORNERS, dtype)
    mine, other = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, z = getattr(F, name)(mine, **options), getattr(TF, name)(other, **options)
    y.backward(np.ones_like(x))
    z.sum().backward()
    assert y.dtype == mine.grad.dtype == dtype
    tolerance = {np.float64: 1e-9, np.float32: 2e-6, np.float16: 2e-3}[dtype]
    if name == "hardsigmoid":  # of which torch has the slope 1 / 6 in float32 only
        tolerance = max(tolerance, 1e-7)
    finite = np.isfinite(z.detach().numpy())  # torch's softplus and others overflow in float16
    assert np.isfinite(y.data).all() and finite.mean() > 0.9
    np.testing.assert_allclose(y.data[finite], z.detach().numpy()[finite], rtol=tolerance, atol=tolerance)
    finite &= np.isfinite(other.grad.numpy())
    np.testing.assert_allclose(mine.grad[finite], other.grad.numpy()[finite], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", [n for n in FUNCTIONS if n not in ("hardshrink", "hardtanh", "relu6")])
def test_infinity_where_torch_has_an_answer(name):
    x = np.array([np.inf, -np.inf])
    options = FUNCTIONS[name][0]
    y, z = getattr(F, name)(x, **options).numpy(), getattr(TF, name)(torch.tensor(x), **options).numpy()
    assert not np.isnan(y).any()
    np.testing.assert_array_equal(y[~np.isnan(z)], z[~np.isnan(z)])


@pytest.mark.parametrize("name, options", EVERY)
def test_nan_stays_nan(name, options):
    assert np.isnan(getattr(F, name)(np.array([np.nan, 1.0]), **options).numpy()[0])


MODULES = {
    "CELU": [(), (0.5,)],
    "ELU": [(), (0.5,)],
    "GLU": [(), (1,)],
    "Hardshrink": [(), (0.2,)],
    "Hardswish": [()],
    "Hardtanh": [(), (-2.0, 0.5)],
    "LeakyReLU": [(), (0.3,)],
    "LogSigmoid": [()],
    "LogSoftmax": [(1,), (-1,)],
    "Mish": [()],
    "PReLU": [(), (4,), (1, 0.1)],
    "ReLU6": [()],
    "SELU": [()],
    "Softmax2d": [()],
    "Softmin": [(1,)],
    "Softplus": [(), (2.0, 1.0)],
    "Softshrink": [(), (0.2,)],
    "Softsign": [()],
    "Tanhshrink": [()],
    "Threshold": [(0.1, 5.0)],
}


@pytest.mark.parametrize("name, args", [(name, args) for name, many in MODULES.items() for args in many])
def test_module(name, args):
    layers = pair(name, *args)
    compare_layers(layers, [RNG.normal(size=(2, 4, 3, 4)) * 2])
    assert layers[0].extra_repr() == layers[1].extra_repr()


@pytest.mark.parametrize(
    "name", ["CELU", "ELU", "LeakyReLU", "RReLU", "ReLU", "ReLU6", "Hardtanh", "Mish", "SiLU"]
)
def test_inplace_modules_say_so(name):
    ours, theirs = getattr(nn, name)(inplace=True), getattr(torch.nn, name)(inplace=True)
    assert ours.extra_repr() == theirs.extra_repr()


def test_rrelu_with_one_slope():
    options = {"lower": 0.2, "upper": 0.2, "training": True}
    compare(F.rrelu, TF.rrelu, [RNG.normal(size=(3, 4))], options)


@pytest.mark.parametrize("shape", [(3,), (2, 3), (2, 3, 4), (2, 3, 4, 2), ()])
@pytest.mark.parametrize("count", [1, 3])
def test_prelu(shape, count):
    if len(shape) < 2 and count > 1:
        with pytest.raises(RuntimeError):
            TF.prelu(torch.zeros(shape), torch.zeros(count))
        with pytest.raises(ValueError, match="prelu: weight of shape"):
            F.prelu(np.zeros(shape), np.zeros(count))
        return
    compare(F.prelu, TF.prelu, [RNG.normal(size=shape), RNG.normal(size=count)])


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmaxes(name, dim):
    x = RNG.normal(size=(2, 3, 4))
    compare(getattr(F, name), getattr(TF, name), [x], {"dim": dim})
    y = getattr(F, name)(x, dim, dtype=np.float32)
    z = getattr(TF, name)(torch.tensor(x), dim, dtype=torch.float32)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-5)


@pytest.mark.parametrize("scale", [1, 30, 1e3])
def test_log_softmax_of_large_rows(scale):
    """Close to torch's where a row has one large number, in float32."""
    x = (RNG.normal(size=(50, 7)) * scale).astype(np.float32)
    y = F.log_softmax(x).numpy()
    exact = torch.log_softmax(torch.tensor(x).double(), -1).numpy()
    np.testing.assert_allclose(y, exact, rtol=1e-6, atol=2e-7 * abs(x).max())
