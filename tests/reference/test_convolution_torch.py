"""Convolutions, transposed ones, folding and lazy modules with the same weights in torch."""

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from against_torch import RNG, compare, compare_layers, pair
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

LENGTHS = 9, 8, 7


def shape_of(name, channels):
    return (2, channels, *LENGTHS[: int(name[-2])])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1},
        {"padding": 3, "dilation": 2},
        {"groups": 2, "bias": False},
        {"groups": 4},
        {"groups": 4, "stride": 2, "padding": 2},
        {"stride": 3, "groups": 2, "padding": 4},
        {"padding": "same", "dilation": 3},
        {"padding": "valid"},
        {"padding": 2, "padding_mode": "reflect"},
        {"padding": 1, "padding_mode": "replicate", "stride": 2},
        {"padding": "same", "padding_mode": "circular", "dilation": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["Conv1d", "Conv2d", "Conv3d"])
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch makes a copy
def test_convolution(name, options):
    kernel = 2 if options.get("padding") == "same" else 3
    ours, theirs = pair(name, 4, 8, kernel, **options)
    compare_layers((ours, theirs), [RNG.normal(size=shape_of(name, 4))])
    compare_layers((ours, theirs), [RNG.normal(size=shape_of(name, 4)[1:])])
    assert ours.extra_repr() == theirs.extra_repr()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"stride": 3, "padding": 2, "dilation": 2},
        {"dilation": 3, "output_padding": 2, "groups": 2},
        {"groups": 4, "bias": False, "stride": 2},
        {"padding": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"])
def test_transposed_convolution(name, options):
    ours, theirs = pair(name, 4, 8, 3, **options)
    compare_layers((ours, theirs), [RNG.normal(size=shape_of(name, 4))])
    compare_layers((ours, theirs), [RNG.normal(size=shape_of(name, 4)[1:])])
    assert ours.extra_repr() == theirs.extra_repr()


def test_numbers_for_each_axis():
    options = {"stride": (2, 1, 3), "padding": (1, 0, 2), "dilation": (1, 2, 1)}
    for name in ("Conv3d", "ConvTranspose3d"):
        layers = pair(name, 2, 3, (3, 1, 2), **options)
        compare_layers(layers, [RNG.normal(size=shape_of(name, 2))])
        assert (layers[0].kernel_size, layers[0].stride) == (layers[1].kernel_size, layers[1].stride)


@pytest.mark.parametrize("output_size", [(17, 15), (18, 16), (2, 3, 17, 16), [18, 15]])
def test_output_size(output_size):
    layers = pair("ConvTranspose2d", 4, 3, 3, stride=2, padding=1)
    compare_layers(layers, [RNG.normal(size=shape_of("2d", 4))], {"output_size": output_size})


@pytest.mark.parametrize(
    "shape, kernels, stride, padding",  # of sizes at which the fast forms cut into blocks
    [
        ((3, 3, 40, 33), (8, 3, 3, 3), 1, 1),
        ((9, 64, 5, 4), (70, 64, 3, 3), 1, 1),
        ((2, 72, 24, 24), (8, 72, 3, 3), 2, 1),
        ((1, 40, 130, 130), (4, 40, 3, 3), 1, 1),
        ((5, 20, 3, 3), (128, 20, 3, 3), 1, 1),
    ],
)
def test_large(shape, kernels, stride, padding):
    inputs = [RNG.normal(size=s) for s in (shape, kernels, kernels[:1])]
    options = {"stride": stride, "padding": padding}
    compare(F.conv2d, torch.nn.functional.conv2d, inputs, options)


@pytest.mark.parametrize(
    "shape, stride, kernel", [((3, 5, 9, 40), 1, 3), ((2, 3, 20, 37), 2, 5), ((2, 3, 50), 1, 3)]
)
def test_a_kernel_for_each_channel(shape, stride, kernel):
    n, channels = len(shape) - 2, shape[1]
    inputs = [RNG.normal(size=s) for s in (shape, (channels, 1, *[kernel] * n), (channels,))]
    name = f"conv{n}d"
    options = {"stride": stride, "padding": 1, "groups": channels}
    compare(getattr(F, name), getattr(torch.nn.functional, name), inputs, options)


@pytest.mark.parametrize("number", [np.inf, np.nan])
@pytest.mark.parametrize("groups", [1, 4])
def test_what_is_not_finite_goes_no_further(number, groups):
    x = RNG.normal(size=(2, 4, 6, 20))
    x[1, 2, 3, 4] = number
    w = RNG.normal(size=(4, 4 // groups, 3, 3))
    with np.errstate(invalid="ignore"):
        y = F.conv2d(x, w, padding=1, groups=groups).numpy()
    z = torch.conv2d(torch.tensor(x), torch.tensor(w), padding=1, groups=groups).numpy()
    np.testing.assert_allclose(y, z, rtol=1e-9, atol=1e-11)


def test_order_in_memory_is_of_no_importance():
    x = RNG.normal(size=(2, 7, 6, 4)).transpose(0, 3, 1, 2)
    w = RNG.normal(size=(3, 3, 4, 5)).T[:, :, ::-1]
    for options in ({}, {"padding": 1, "stride": 2}):
        a, b = (Tensor(v, requires_grad=True) for v in (x, w))
        c, d = (torch.tensor(v.copy(), requires_grad=True) for v in (x, w))
        y, z = F.conv2d(a, b, **options), torch.nn.functional.conv2d(c, d, **options)
        g = RNG.normal(size=(2, *y.shape[2:], y.shape[1])).transpose(0, 3, 1, 2)
        y.backward(g)
        z.backward(torch.tensor(g))
        for ours, theirs in ((y.numpy(), z.detach()), (a.grad, c.grad), (b.grad, d.grad)):
            np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-9, atol=1e-10)


def test_second_derivatives():
    x, w = RNG.normal(size=(2, 2, 5, 4)), RNG.normal(size=(3, 2, 3, 2))

    def penalty(conv, x, w, grad):
        y = (conv(x, w, stride=2, padding=1) ** 3).sum()
        (g,) = grad(y, x)
        return (g**2).sum()

    a, b = Tensor(x, requires_grad=True), Tensor(w, requires_grad=True)
    c, d = (torch.tensor(v, requires_grad=True) for v in (x, w))
    with ag.higher_order():
        ours = penalty(F.conv2d, a, b, lambda y, x: ag.grad(y, [x], create_graph=True))
    theirs = penalty(
        torch.nn.functional.conv2d, c, d, lambda y, x: torch.autograd.grad(y, x, create_graph=True)
    )
    ours.backward()
    theirs.backward()
    np.testing.assert_allclose(a.grad, c.grad.numpy(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(b.grad, d.grad.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "options", [{}, {"dilation": 2, "padding": (2, 1)}, {"stride": (3, 2), "padding": 1}]
)
@pytest.mark.parametrize("shape", [(2, 3, 9, 8), (3, 9, 8)])
def test_unfold_and_fold(options, shape):
    ours, theirs = pair("Unfold", (3, 2), **options)
    compare(ours, theirs, [RNG.normal(size=shape)])
    columns = RNG.normal(size=ours(np.zeros(shape)).shape)
    back, theirs_back = pair("Fold", shape[-2:], (3, 2), **options)
    compare(back, theirs_back, [columns])
    assert ours.extra_repr() == theirs.extra_repr() and back.extra_repr() == theirs_back.extra_repr()


LAZY = [("LazyLinear", (5,), (4, 3))]
for n in (1, 2, 3):
    LAZY += [
        (f"LazyConv{n}d", (6, 3), (2, 4, *LENGTHS[:n])),
        (f"LazyConvTranspose{n}d", (6, 3), (4, *LENGTHS[:n])),
    ]


@pytest.mark.parametrize("name, args, shape", LAZY)
def test_lazy(name, args, shape):
    ours, theirs = (
        getattr(nn, name)(*args, dtype=np.float64),
        getattr(torch.nn, name)(*args, dtype=torch.float64),
    )
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert theirs.extra_repr().startswith(ours.extra_repr())
    twin = copy.deepcopy(ours)
    x = RNG.normal(size=shape)
    ours(x)
    theirs(torch.tensor(x))
    assert type(ours).__name__ == type(theirs).__name__
    assert theirs.extra_repr().startswith(ours.extra_repr())
    state = theirs.state_dict()
    assert {k: v.shape for k, v in ours.state_dict().items()} == {k: tuple(v.shape) for k, v in state.items()}
    ours.load_state_dict(state)
    compare_layers((ours, theirs), [x])
    twin.load_state_dict(state)
    assert not twin.has_uninitialized_params()
    theirs.zero_grad()
    compare_layers((twin, theirs), [x])
    assert type(twin) is type(ours)


def test_initial_values_have_the_same_bounds():
    for name, fan_in in (("Conv2d", 4 * 9), ("ConvTranspose2d", 8 * 9)):
        layer = getattr(nn, name)(8, 16, 3, groups=2)
        for p in layer.parameters():
            assert 0.9 < np.abs(p.numpy()).max() * fan_in**0.5 <= 1 or p.ndim == 1
            assert np.abs(p.numpy()).max() <= fan_in**-0.5
        theirs = getattr(torch.nn, name)(8, 16, 3, groups=2)
        assert 0.9 < theirs.weight.abs().max().item() * fan_in**0.5 <= 1
