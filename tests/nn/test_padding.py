"""F.pad against numbers worked out by hand; what it refuses and how."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

ROW = np.arange(4.0)[None]


@pytest.mark.parametrize(
    "mode, widths, expected",
    [
        ("constant", (1, 2), [0, 0, 1, 2, 3, 0, 0]),
        ("constant", (-1, 1), [1, 2, 3, 0]),
        ("constant", (-2, -2), []),
        ("reflect", (3, 2), [3, 2, 1, 0, 1, 2, 3, 2, 1]),
        ("reflect", (-1, 2), [1, 2, 3, 2, 1]),
        ("reflect", (3, -2), [3, 2, 1, 0, 1]),  # mirrored first, cut then
        ("replicate", (2, 6), [0, 0, 0, 1, 2, 3, 3, 3, 3, 3, 3, 3]),
        ("replicate", (-5, 2), [3]),
        ("circular", (4, 1), [0, 1, 2, 3, 0, 1, 2, 3, 0]),
        ("circular", (2, -1), [1, 2, 0, 1, 2]),  # cut first, around then
    ],
)
def test_by_hand(mode, widths, expected):
    assert F.pad(ROW, widths, mode).tolist() == [expected]


def test_the_last_axis_comes_first():
    assert F.pad(np.zeros((2, 3, 4)), (1, 2, 3, 4)).shape == (2, 10, 7)
    assert F.pad([[1]], (1, 0, 0, 1), value=7).tolist() == [[7, 1], [7, 7]]
    assert F.pad(np.ones((1, 1, 1)), (1, 0, 0, 1), "replicate").shape == (1, 2, 2)


@pytest.mark.parametrize(
    "mode, widths, expected",
    [
        ("reflect", (1, 2), [1, 3, 2, 1]),
        ("replicate", (2, 1), [3, 1, 1, 2]),
        ("circular", (1, 2), [2, 2, 1, 2]),
        ("constant", (-1, 5), [0, 1, 1, 1]),
    ],
)
def test_gradient_by_hand(mode, widths, expected):
    x = Tensor(ROW, requires_grad=True)
    F.pad(x, widths, mode).sum().backward()
    assert x.grad.tolist() == [expected]


def test_gradients_of_half_precision_are_summed_wider():
    x = Tensor(np.ones((1, 1), np.float16), requires_grad=True)
    F.pad(x, (3000, 1), "replicate").sum().backward()
    assert x.grad.dtype == np.float16 and x.grad.tolist() == [[3002]]


def test_what_is_not_padded_is_a_copy_all_the_same():
    for mode in ("constant", "reflect", "replicate", "circular"):
        for widths in ((0, 0), (-1, 0)):
            x = Tensor(ROW.copy())
            y = F.pad(x, widths, mode)
            y[...] = 9
            assert x.tolist() == ROW.tolist()


def test_integers_and_booleans_keep_their_kind():
    for x in (np.ones((1, 2), np.int8), np.ones((1, 2), bool)):
        for mode in ("constant", "reflect", "replicate", "circular"):
            y = F.pad(x, (1, 1), mode)
            assert y.dtype == x.dtype and y.shape == (1, 4)
    assert F.pad(np.array([True]), (1, 0), value=True).tolist() == [True, True]


def test_layers_by_hand():
    x = np.arange(4.0).reshape(1, 2, 2)
    assert nn.ZeroPad2d((1, 0, 0, 1))(x).tolist() == [[[0, 0, 1], [0, 2, 3], [0, 0, 0]]]
    assert nn.ConstantPad1d(1, 5)(x)[0, 0].tolist() == [5, 0, 1, 5]
    assert nn.ReflectionPad2d(1)(x)[0, 0].tolist() == [3, 2, 3, 2]
    assert nn.ReplicationPad1d((0, 2))(x)[0, 1].tolist() == [2, 3, 3, 3]
    assert nn.CircularPad2d((0, 1, 1, 0))(x).tolist() == [[[2, 3, 2], [0, 1, 0], [2, 3, 2]]]
    assert repr(nn.ReflectionPad2d(1)) == "ReflectionPad2d((1, 1, 1, 1))"
    assert repr(nn.ConstantPad1d(2, 0.5)) == "ConstantPad1d(padding=(2, 2), value=0.5)"


def test_a_training_step_is_replayed():
    def loss(model, x):
        x = F.pad(model(x), (1, 2, -1, 1), "reflect")
        x = F.pad(F.pad(x, (1, -1), value=3), (2, 0, 0, 1), "circular")
        return (F.pad(x, (0, 1, 2, 0), "replicate") ** 2).sum()

    model = nn.Linear(4, 4)
    loss_of = nn.replay(model, loss)  # it warns where it gives up
    for i in range(5):
        x = np.random.default_rng(i).normal(size=(2, 3, 4, 4)).astype(np.float32)
        value = loss_of(x)
        value.backward()
        grad, model.weight.grad, model.bias.grad = model.weight.grad.copy(), None, None
        right = loss(model, x)
        right.backward()
        assert value.item() == right.item()
        np.testing.assert_array_equal(grad, model.weight.grad)
        model.weight.grad = model.bias.grad = None


@pytest.mark.parametrize(
    "shape, widths, options, error, said",
    [
        ((1, 4), (1,), {}, ValueError, "pad has two numbers for each of the last axes, at most 4 for input"),
        ((4,), (1, 1, 1, 1), {}, ValueError, r"at most 2 for input of shape \(4,\), not 4"),
        ((1, 4), (-3, -2), {}, ValueError, r"takes more away than input of shape \(1, 4\) has"),
        ((1, 4), 2, {}, TypeError, "pad is a sequence of integers, not 2"),
        ((1, 4), (1.5, 1), {}, TypeError, "pad is a sequence of integers"),
        ((1, 4), (True, False), {}, TypeError, "pad is a sequence of integers"),
        ((1, 4), (1, 1), {"mode": "edge"}, ValueError, "mode is one of constant, reflect, .*, not 'edge'"),
        ((1, 4), (1, 1), {"mode": "reflect", "value": 1}, ValueError, "'reflect' takes no value"),
        (
            (1, 2, 3, 4),
            (1, 1),
            {"mode": "reflect"},
            ValueError,
            "pads the last axis of 2 or 3, two of 3 or 4",
        ),
        ((1, 4), (4, 0), {"mode": "reflect"}, ValueError, r"pads by less than the length .* \(4,\)"),
        ((1, 4), (0, 5), {"mode": "circular"}, ValueError, r"pads by at most the length .* \(4,\)"),
        ((1, 4), (3, -2), {"mode": "circular"}, ValueError, r"pads by at most the length .* \(2,\)"),
        ((1, 0), (1, 0), {"mode": "replicate"}, ValueError, "finds nothing in input"),
        ((1, 4), (1, 0), {"value": "a"}, ValueError, "value='a' is none that input, of float64, can hold"),
    ],
)
def test_refused(shape, widths, options, error, said):
    with pytest.raises(error, match=f"^pad: .*{said}"):
        F.pad(np.zeros(shape), widths, **options)


@pytest.mark.parametrize(
    "dtype, value", [(int, 2.5), (int, np.nan), (np.uint8, -1), (np.int8, 128), (bool, 2)]
)
def test_a_value_that_does_not_fit_is_refused(dtype, value):
    with pytest.raises(ValueError, match="can hold"):
        F.pad(np.zeros((1, 4), dtype), (1, 1), value=value)


def test_refusals_name_the_layer():
    with pytest.raises(ValueError, match=r"^pad of ReflectionPad2d '0': mode 'reflect' pads by less"):
        nn.Sequential(nn.ReflectionPad2d(9))(np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match=r"^CircularPad1d '0': input has 2 or 3 axes, not shape \(4,\)"):
        nn.Sequential(nn.CircularPad1d(1))(np.zeros(4))
    with pytest.raises(ValueError, match=r"^ZeroPad1d: padding is an integer or 2 of them, not \(1, 2, 3\)"):
        nn.ZeroPad1d((1, 2, 3))
