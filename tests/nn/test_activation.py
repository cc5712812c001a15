"""Nonlinearities without torch: golden numbers, corners, large arrays, `inplace`, random slopes, errors."""

import warnings

import numpy as np
import pytest

import kernels
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose

# At -2, -0.5, 0, 0.5 and 4: by formulas in 30 digits.
GOLDEN = {
    "celu": [-0.8646647168, -0.3934693403, 0, 0.5, 4],
    "elu": [-0.8646647168, -0.3934693403, 0, 0.5, 4],
    "gelu": [-0.0455002639, -0.1542687694, 0, 0.3457312306, 3.9998733150],
    "hardshrink": [-2, 0, 0, 0, 4],
    "hardsigmoid": [1 / 6, 2.5 / 6, 0.5, 3.5 / 6, 1],
    "hardswish": [-1 / 3, -1.25 / 6, 0, 1.75 / 6, 4],
    "hardtanh": [-1, -0.5, 0, 0.5, 1],
    "leaky_relu": [-0.02, -0.005, 0, 0.5, 4],
    "logsigmoid": [-2.1269280110, -0.9740769842, -0.6931471806, -0.4740769842, -0.0181499279],
    "mish": [-0.2525014827, -0.2207437747, 0, 0.3752452113, 3.9974128070],
    "relu": [0, 0, 0, 0.5, 4],
    "relu6": [0, 0, 0, 0.5, 4],
    "rrelu": [-11 / 24, -11 / 96, 0, 0.5, 4],
    "selu": [-1.5201664687, -0.6917581878, 0, 0.5253504937, 4.2028039496],
    "silu": [-0.2384058440, -0.1887703344, 0, 0.3112296656, 3.9280551601],
    "softplus": [0.1269280110, 0.4740769842, 0.6931471806, 0.9740769842, 4.0181499279],
    "softshrink": [-1.5, 0, 0, 0, 3.5],
    "softsign": [-2 / 3, -1 / 3, 0, 1 / 3, 0.8],
    "tanhshrink": [-1.0359724199, -0.03788284274, 0, 0.03788284274, 3.0006707003],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_numbers(name):
    close(getattr(F, name)([-2, -0.5, 0, 0.5, 4]).numpy(), GOLDEN[name], rtol=1e-9, atol=1e-12)


def squares(model, x):
    return (model(x) ** 2).sum()


def slope(f, x, dtype=np.float64):
    x = Tensor(np.array(x, dtype), requires_grad=True)
    f(x).backward(np.ones(x.shape, dtype))
    return x.grad.tolist()


def test_slopes_at_corners_are_pytorchs():
    """At a corner the slope is that of one side, as in PyTorch."""
    assert slope(F.relu, [0, -0.0]) == [0, 0]
    assert slope(F.leaky_relu, [0.0]) == [0.01]
    assert slope(lambda x: F.elu(x, 3.0), [0.0]) == [3]
    assert slope(F.relu6, [0, 6]) == slope(F.hardtanh, [-1, 1]) == [0, 0]
    assert slope(F.hardswish, [-3, 3]) == [0, 1] and slope(F.hardsigmoid, [-3, 3]) == [0, 0]
    assert slope(F.hardshrink, [-0.5, 0.5]) == slope(F.softshrink, [-0.5, 0.5]) == [0, 0]
    assert slope(lambda x: F.threshold(x, 1, 5), [1]) == [0]
    assert slope(lambda x: F.softplus(x, 1, 2), [2]) == slope(F.sigmoid, [0]) * 0 + slope(F.softplus, [2])
    weight = Tensor(np.array([0.25]), requires_grad=True)
    assert slope(lambda x: F.prelu(x, weight), [0.0]) == [0.25] and weight.grad.tolist() == [0]


LIMITS = {  # at -inf and inf; of others they are 0 and inf
    **dict.fromkeys(("hardshrink", "leaky_relu", "rrelu", "softshrink", "tanhshrink"), [-np.inf, np.inf]),
    **dict.fromkeys(("celu", "elu"), [-1, np.inf]),
    **dict.fromkeys(("hardtanh", "softsign", "tanh"), [-1, 1]),
    **dict.fromkeys(("hardsigmoid", "sigmoid"), [0, 1]),
    "logsigmoid": [-np.inf, 0],
    "relu6": [0, 6],
    "selu": [-1.7580993408, np.inf],
}


@pytest.mark.parametrize("name", [*GOLDEN, "sigmoid", "tanh"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_huge_and_infinite_numbers_have_their_limits(name, dtype):
    """And nothing warns: neither values nor slopes are nan."""
    most = float(np.finfo(dtype).max) / 2
    f = getattr(F, name)
    x = Tensor(np.array([-np.inf, -most, most, np.inf], dtype), requires_grad=True)
    y = f(x)
    y.backward(np.ones(4, dtype))
    assert not np.isnan(y.data).any()
    close(x.grad, np.repeat(slope(f, [-1e4, 1e4], dtype), 2), atol=1e-6)
    close(y.data[[0, -1]], LIMITS.get(name, [0, np.inf]), rtol=1e-3)


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_of_huge_numbers_among_others_and_in_a_replay(approximate):
    near = np.linspace(-6, 6, 50)
    far = near.copy()
    far[::9] *= 1e200

    def f(x):
        return F.gelu(x, approximate)

    huge = abs(far) > 1e4
    close(f(far).data, np.where(huge, np.maximum(far, 0), f(near).data))
    close(slope(f, far), np.where(huge, far > 0, slope(f, near)))

    layer = nn.Linear(1, 1, bias=False, dtype=np.float64)
    step = nn.replay(layer, lambda layer, x: f(layer(x)).sum())
    for x in (near, near, far, near):
        layer.zero_grad()
        step(x[:, None]).backward()
        close(layer.weight.grad.item(), slope(f, layer.weight.data[0] * x) @ x, rtol=1e-12)


CURVES = {
    "elu": (0.7, 1.3, 0.9),
    "gelu": (),
    "hardsigmoid": (),
    "hardswish": (),
    "leaky_relu": (0.2,),
    "logsigmoid": (),
    "mish": (),
    "silu": (),
    "softplus": (2.0, 3.0),
    "softsign": (),
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_more_than_one_block(name, dtype):
    """Large arrays are done in blocks; the same numbers as in one piece, in any layout."""
    op = getattr(kernels, name)
    for x in (
        RNG.normal(size=(600, 500)),
        RNG.normal(size=(500, 600)).T,
        RNG.normal(size=(4, 140, 999))[:, ::-1, ::2],
    ):
        x = x.astype(dtype) * 3
        g = RNG.normal(size=x.shape).astype(dtype)
        y, backward = op.body((True,), x, *CURVES[name])
        z, plain = op.plain((True,), x, *CURVES[name])
        tolerance = 1e-12 if dtype == np.float64 else 2e-6
        close(y, z, rtol=tolerance, atol=tolerance)
        close(backward(g)[0], plain(g)[0], rtol=tolerance, atol=10 * tolerance)
        assert y.dtype == backward(g)[0].dtype == dtype and y.shape == x.shape


@pytest.mark.parametrize(
    ("name", "options"),
    [("hardsigmoid", ())]
    + [("leaky_relu", (a,)) for a in (0.2, 0.0, -1.5)]
    + [("threshold", options) for options in [(0.1, 7.0), (-0.5, 0.0), (0.3, 0.3), (-np.inf, 1.0)]],
)
def test_masks_of_more_than_one_block(name, options):
    """Numbers with inf, nan and corners among them, where the slope is kept as a mask."""
    op = getattr(kernels, name)
    x = (RNG.normal(size=(700, 500)) * 3).astype(np.float32)
    x[:, :7] = [np.inf, -np.inf, np.nan, 0, 3, -3, 0.3]
    g = RNG.normal(size=x.shape).astype(np.float32)
    with np.errstate(invalid="ignore"):  # of inf * 0
        y, backward = op.body((True,), x, *options)
        z, plain = op.plain((True,), x, *options)
    close(y, z, rtol=1e-6)
    close(backward(g)[0], plain(g)[0], rtol=1e-6)
    assert y.dtype == backward(g)[0].dtype == np.float32


def test_no_slope_is_made_where_none_is_wanted():
    with ag.no_grad():
        x = Tensor(np.ones(200_000), requires_grad=True)
        assert not F.silu(x).requires_grad
    assert kernels.silu.body((False,), np.ones(3))[1].__closure__[0].cell_contents is None


INPLACE = ["celu", "elu", "hardtanh", "leaky_relu", "relu", "rrelu", "selu", "threshold"]


@pytest.mark.parametrize("name", INPLACE)
def test_names_with_an_underscore_change_their_input(name):
    options = (0.1, 2.0) if name == "threshold" else ()
    leaf = Tensor(RNG.normal(size=5), requires_grad=True)
    x, y = leaf * 1, getattr(F, name)(leaf, *options)
    assert getattr(F, name + "_")(x, *options) is x
    np.testing.assert_array_equal(x.data, y.data)
    (grad,), (expected,) = ag.grad(x.sum(), [leaf]), ag.grad(y.sum(), [leaf])
    np.testing.assert_array_equal(grad.data, expected.data)
    z = Tensor(np.array([-1.0, 1.0]))
    getattr(F, name)(z, *options, inplace=True)
    np.testing.assert_array_equal(z.data, getattr(F, name)([-1.0, 1.0], *options).data)
    with pytest.raises(RuntimeError, match="leaf"):
        getattr(F, name + "_")(leaf, *options)


def test_rrelu_draws_a_slope_for_each_element_while_training():
    layer, x = nn.RReLU(0.2, 0.4), Tensor(np.full((100, 100), -1.0), requires_grad=True)
    nn.manual_seed(0)
    y = layer(x)
    assert 0.2 <= -y.data.max() < 0.201 and 0.399 < -y.data.min() <= 0.4
    assert abs(y.data.mean() + 0.3) < 0.002
    y.sum().backward()
    close(x.grad, -y.data)
    nn.manual_seed(0)
    np.testing.assert_array_equal(layer(x).data, y.data)
    assert (F.rrelu(np.ones((3, 3)), training=True).data == 1).all()
    close(layer.eval()(x).data, -0.3)
    assert layer(x.data.astype(np.float16)).dtype == np.float16


def test_random_slopes_are_drawn_anew_in_a_replay():
    layer = nn.Sequential(nn.Linear(4, 50), nn.RReLU(0.0, 1.0))
    step = nn.replay(layer, squares)
    x = np.ones((3, 4), np.float32)
    assert len({step(x).item() for _ in range(5)}) == 5


@pytest.mark.parametrize(
    "kind", ["PReLU", "Softplus", "Mish", "ELU", "LeakyReLU", "Hardswish", "GLU", "LogSoftmax"]
)
def test_a_replayed_step_gives_the_same(kind):
    layer = nn.Sequential(nn.Linear(4, 6), getattr(nn, kind)())
    step = nn.replay(layer, squares)
    for _ in range(4):
        x = RNG.normal(size=(3, 4)).astype(np.float32)
        layer.zero_grad()
        step(x).backward()
        found = [p.grad.copy() for p in layer.parameters()]
        layer.zero_grad()
        squares(layer, x).backward()
        for a, p in zip(found, layer.parameters(), strict=True):
            np.testing.assert_array_equal(a, p.grad)


def test_prelu_is_learned():
    layer = nn.PReLU(3, 0.1)
    assert (
        layer.weight.shape == (3,)
        and layer.weight.dtype == np.float32
        and (layer.weight.data == np.float32(0.1)).all()
    )
    x = -np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    y = layer(x)
    close(y.data, x * np.float32(0.1))
    y.sum().backward()
    close(layer.weight.grad, x.sum(axis=(0, 2)))
    layer.weight.data[...] = 7
    layer.reset_parameters()
    assert (layer.weight.data == np.float32(0.1)).all()
    assert nn.PReLU(dtype=np.float64)(np.array(-1.0)).item() == -0.25


def test_old_names_of_hardtanh():
    with pytest.warns(FutureWarning, match="min_value= is old; min_val= says the same"):
        layer = nn.Hardtanh(min_value=-3, max_val=0.5)
    assert (layer.min_val, layer.max_val) == (-3, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert repr(nn.Hardtanh(-2, 2)) == "Hardtanh(min_val=-2, max_val=2)"


ROWS = np.ones((2, 3))
BAD = {
    "celu": (lambda: F.celu([1.0], 0), ValueError, "celu: alpha is a divisor"),
    "CELU": (lambda: nn.Sequential(nn.CELU(0.0))([1.0]), ValueError, "celu of CELU '0': alpha"),
    "softplus": (lambda: F.softplus([1.0], 0), ValueError, "softplus: beta is a divisor"),
    "hardtanh": (lambda: F.hardtanh([1.0], 2, 1), ValueError, "min_val .2. must not be above max_val .1."),
    "Hardtanh": (lambda: nn.Hardtanh(1, 1), ValueError, "must be below"),
    "softshrink": (lambda: F.softshrink([1.0], -1), ValueError, "lambd must not be negative, got -1"),
    "softshrink nan": (lambda: F.softshrink([1.0], np.nan), ValueError, "must not be negative, got nan"),
    "rrelu": (lambda: F.rrelu([1.0], 0.5, 0.1), ValueError, "lower .0.5. must not be above upper .0.1."),
    "glu": (lambda: F.glu(ROWS), ValueError, "glu: input of shape .2, 3. has no halves along dim -1"),
    "glu axis": (lambda: F.glu(ROWS, 2), IndexError, "dim 2 is no axis of input of shape .2, 3."),
    "glu 0-d": (lambda: F.glu(1.0), IndexError, "glu: dim -1 is no axis"),
    "prelu": (lambda: F.prelu(ROWS, np.ones(2)), ValueError, "shape .2,. .* expected .1,. or .3,."),
    "prelu rank": (lambda: F.prelu(ROWS, np.ones((1, 3))), ValueError, "weight of shape .1, 3."),
    "prelu dtype": (
        lambda: F.prelu(ROWS, np.ones(1, "f4")),
        TypeError,
        "float64, weight is float32",
    ),
    "PReLU": (lambda: nn.PReLU()(ROWS), TypeError, "^PReLU: input is float64, its parameters are float32"),
    "softmax": (lambda: F.softmax([1.0], None), ValueError, "softmax: say along which axis"),
    "softmin": (lambda: nn.Softmin(None)([1.0]), ValueError, "softmin of Softmin.*: say along which axis"),
    "Softmax2d": (lambda: nn.Softmax2d()(ROWS), ValueError, "of shape .2, 3., expected .N, C, H, W."),
    "gumbel": (lambda: F.gumbel_softmax([1.0], 0), ValueError, "tau must be above 0, not 0"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()


# ------------------------------------------------------------------------------------------------- gumbel


def test_gumbel_softmax_samples_from_the_softmax():
    logits = np.log([0.1, 0.2, 0.7])
    nn.manual_seed(0)
    y = F.gumbel_softmax(np.broadcast_to(logits, (20_000, 3)), hard=True)
    assert ((y.data == 0) | (y.data == 1)).all() and (y.data.sum(1) == 1).all()
    close(y.data.mean(0), [0.1, 0.2, 0.7], atol=0.01)
    nn.manual_seed(0)
    soft = F.gumbel_softmax(np.broadcast_to(logits, (20_000, 3)), tau=0.5)
    np.testing.assert_array_equal(soft.data.argmax(1), y.data.argmax(1))
    close(soft.data.sum(1), 1)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_hard_gumbel_softmax_has_the_gradient_of_the_soft_one(dim):
    x = Tensor(RNG.normal(size=(3, 4)).astype(np.float32), requires_grad=True)
    g, grads = RNG.normal(size=(3, 4)).astype(np.float32), []
    for hard in (True, False):
        nn.manual_seed(1)
        y = F.gumbel_softmax(x, 2.0, hard, dim=dim)
        assert y.dtype == np.float32
        close(y.data.sum(axis=dim), 1, rtol=1e-5)
        grads.append(ag.grad((y * g).sum(), [x])[0].data)
    np.testing.assert_array_equal(*grads)
    assert np.abs(grads[0]).max() > 0.01
    with pytest.warns(DeprecationWarning, match="eps= has no effect"):
        F.gumbel_softmax(x, eps=1e-3)


def test_softmaxes_of_modules():
    x = RNG.normal(size=(2, 3, 4, 5))
    close(nn.Softmax2d()(x).numpy().sum(axis=1), 1)
    close(nn.Softmax2d()(x[0]).numpy(), nn.Softmax2d()(x).numpy()[0])
    close(nn.Softmin(1)(x).numpy(), nn.Softmax(1)(-x).numpy())
    close(np.exp(nn.LogSoftmax(2)(x).numpy()), nn.Softmax(2)(x).numpy())


def test_log_softmax_in_more_than_one_block():
    """With rows that overflow, vanish or hold -inf; also where the slope is not asked for."""
    x = RNG.normal(size=(700, 500))
    x[::7] += RNG.choice([-1000, -200, -20, 20, 200, 1000], (100, 1))
    x[3, ::2] = -np.inf
    for data in (x, x.astype(np.float32)):
        g = RNG.normal(size=x.shape).astype(data.dtype)
        y, backward = ag.special.log_softmax.body((True,), data, -1)
        z, plain = ag.special.log_softmax.plain((True,), x, -1)
        tolerance = 1e-10 if data is x else 1e-4
        close(y, z, rtol=tolerance, atol=tolerance)
        close(backward(g)[0], plain(g.astype(float))[0], rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal(ag.special.log_softmax.body((False,), data, -1)[0], y)
