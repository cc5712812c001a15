"""Pooling against numbers worked out by hand; its edges, and what it refuses and how."""

import numpy as np
import pytest

import kernels
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
NAN, INF = np.nan, np.inf
PLANE = np.arange(16.0).reshape(1, 4, 4)


def gradient(fn, x, dtype=np.float64):
    x = Tensor(np.array(x, dtype), requires_grad=True)
    fn(x).sum().backward()
    return x.grad.tolist()


# ------------------------------------------------------------------------------------------ largest


def test_max_pool_by_hand():
    assert F.max_pool2d(PLANE, 2).tolist() == [[[5, 7], [13, 15]]]
    assert F.max_pool2d(PLANE, 3, 2, 1).tolist() == [[[5, 7], [13, 15]]]
    assert F.max_pool2d(PLANE, 3, 2, ceil_mode=True).tolist() == [[[10, 11], [14, 15]]]
    assert F.max_pool2d(PLANE, (1, 2), 1, dilation=(1, 3)).tolist() == [[[3], [7], [11], [15]]]
    assert F.max_pool1d([[1, 3, 2, 5, 4]], 2).tolist() == [[3, 5]]
    assert F.max_pool1d([[1, 2]], 2, 3, 1, ceil_mode=True).tolist() == [[1]]  # a second one begins outside
    assert F.max_pool1d([[1, 2, 3]], 2, 3, 1, ceil_mode=True).tolist() == [[1, 3]]
    assert F.max_pool3d(PLANE.reshape(1, 1, 2, 2, 4), 2).tolist() == [[[[[13, 15]]]]]


def test_the_first_of_equals_has_the_gradient_and_the_index():
    assert gradient(lambda x: F.max_pool1d(x, 3), [[0, 0, 0, 2, 1, 2]]) == [[1, 0, 0, 1, 0, 0]]
    square = [[[0, 1], [1, 0]]]  # row by row: the first is at the right of the first row
    assert gradient(lambda x: F.max_pool2d(x, 2), square) == [[[0, 1], [0, 0]]]
    assert F.max_pool2d(square, 2, return_indices=True)[1].tolist() == [[[1]]]
    assert gradient(lambda x: F.max_pool1d(x, 2, 1), [[1, 2, 1]]) == [[0, 2, 0]]  # in two windows


@pytest.mark.parametrize("many", [False, True])
def test_nan_and_infinity(many):
    """The last nan of a window is its largest; where all is -inf, the first element that is no padding."""
    x = [1, NAN, 3, NAN, 2, 5] + [0] * 60 * many
    y, at = F.max_pool1d([x], len(x), return_indices=True)
    assert np.isnan(y.numpy()).all() and at.tolist() == [[3]] and at.dtype == np.int64
    assert np.flatnonzero(gradient(lambda x: F.max_pool1d(x, x.shape[-1]), [x])).tolist() == [3]
    y, at = F.max_pool2d(np.full((1, 2, 2), -INF), 2, 2, 1, return_indices=True)
    assert (y.numpy() == -INF).all() and at.tolist() == [[[0, 1], [2, 3]]]
    assert gradient(lambda x: F.max_pool2d(x, 2, 2, 1), np.full((1, 2, 2), -INF)) == [[[1, 1], [1, 1]]]


def test_with_and_without_a_gradient_the_numbers_are_the_same():
    x = RNG.normal(size=(3, 2, 9, 8)).astype(np.float32)
    x[0, 0, 0, :3] = NAN, -INF, INF
    for sizes in ((2,), (3, 2, 1), (3, 1, 1, 2), (3, 2, 1, 1, True), ((7, 6),), ((1, 3), (2, 1))):
        with_gradient = F.max_pool2d(Tensor(x, requires_grad=True), *sizes)
        np.testing.assert_array_equal(with_gradient.numpy(), F.max_pool2d(x, *sizes).numpy())
        y, at = F.max_pool2d_with_indices(x, *sizes)
        np.testing.assert_array_equal(y.numpy(), with_gradient.numpy())
        there = np.take_along_axis(x.reshape(3, 2, -1), at.numpy().reshape(3, 2, -1), -1)
        np.testing.assert_array_equal(there.reshape(y.shape), y.numpy())


def test_integers_stay_integers():
    y, at = F.max_pool1d(np.array([[-3, -1, -2, -9]], np.int8), 3, 1, 1, return_indices=True)
    assert y.dtype == np.int8 and y.tolist() == [[-1, -1, -1, -2]] and at.tolist() == [[1, 1, 1, 2]]


def test_many_planes_are_worked_on_in_blocks():
    x = RNG.normal(size=(5, 7, 64, 64)).astype(np.float32)  # 143360 numbers
    t = Tensor(x, requires_grad=True)
    blocks = x.reshape(5, 7, 32, 2, 32, 2)
    y = F.max_pool2d(t, 2)
    np.testing.assert_array_equal(y.numpy(), blocks.max(axis=(3, 5)))
    y.backward(np.arange(y.size, dtype=np.float32).reshape(y.shape))
    own = t.grad.reshape(blocks.shape)
    np.testing.assert_array_equal(own.sum(axis=(3, 5)), np.arange(y.size).reshape(y.shape))
    np.testing.assert_array_equal((own != 0).sum(), y.size - 1)
    np.testing.assert_allclose(F.avg_pool2d(x, 2).numpy(), blocks.mean(axis=(3, 5)), rtol=1e-5, atol=1e-6)


# --------------------------------------------------------------------------------------- mean and norm


def test_avg_pool_by_hand():
    assert F.avg_pool2d(PLANE, 2).tolist() == [[[2.5, 4.5], [10.5, 12.5]]]
    assert F.avg_pool1d([[2, 4, 6]], 2, 1, 1).tolist() == [[1, 3, 5, 3]]
    assert F.avg_pool1d([[2, 4, 6]], 2, 1, 1, count_include_pad=False).tolist() == [[2, 3, 5, 6]]
    assert F.avg_pool1d([[2, 4, 6]], 2, ceil_mode=True).tolist() == [[3, 6]]  # of one, not of two
    assert F.avg_pool2d(PLANE, 4, divisor_override=2).tolist() == [[[60]]]
    assert F.avg_pool3d(np.ones((1, 2, 2, 2)), 2).tolist() == [[[[1]]]]
    assert gradient(lambda x: F.avg_pool1d(x, 2, 1), [[1, 2, 3]]) == [[0.5, 1, 0.5]]


def test_an_infinite_element_stays_in_its_windows():
    x = np.array([[[1.0, INF, 2, 3, 4, NAN, 5, 6]]])
    assert F.avg_pool1d(x, 2).tolist()[0][0][::3] == [INF, 5.5]
    y = F.adaptive_avg_pool1d(x, 3).numpy()[0, 0]  # 1 inf 2, 2 3 4 nan, nan 5 6
    assert y[0] == INF and np.isnan(y[1:]).all()
    assert F.adaptive_avg_pool1d(x[..., :4], 3).tolist() == [[[INF, INF, 2.5]]]
    assert F.avg_pool1d(x[..., :4], 4).tolist() == [[[INF]]]


def test_half_precision_is_summed_wider():
    x = np.full((1, 100, 100), 100, np.float16)  # whose sum is a million, beyond float16
    for fn in (lambda x: F.avg_pool2d(x, 100), lambda x: F.adaptive_avg_pool2d(x, 1)):
        assert fn(x).dtype == np.float16 and fn(x).tolist() == [[[100]]]
    assert F.lp_pool2d(x[:, :2, :2] * 3, 2, 2).tolist() == [[[600]]]
    x = np.zeros((1, 4201), np.float16)  # whose middle is the largest of 2101 windows; float16 stops at 2048
    x[0, 2100] = 1
    assert sum(gradient(lambda x: F.max_pool1d(x, 2101, 1), x, np.float16)[0]) == 2101 // 2 * 2


def test_lp_pool_by_hand():
    assert F.lp_pool1d([[3, 4, 6, 8]], 2, 2).tolist() == [[5, 10]]
    assert F.lp_pool1d([[-3, 4, -6, 8]], INF, 2).tolist() == [[4, 8]]
    assert F.lp_pool1d([[-3, 4, -6, 8]], -INF, 2).tolist() == [[3, 6]]
    np.testing.assert_allclose(gradient(lambda x: F.lp_pool1d(x, 2, 2), [[3, 4]]), [[0.6, 0.8]])


# ------------------------------------------------------------------------------ adaptive and fractional


def test_adaptive_pools_by_hand():
    x = np.arange(1.0, 8)[None, None]  # 7 into 3: 1 2 3, 3 4 5, 5 6 7
    assert F.adaptive_avg_pool1d(x, 3).tolist() == [[[2, 4, 6]]]
    y, at = F.adaptive_max_pool1d(x, 3, return_indices=True)
    assert y.tolist() == [[[3, 5, 7]]] and at.tolist() == [[[2, 4, 6]]]
    assert gradient(lambda x: F.adaptive_avg_pool1d(x, 3), x) == [
        [[1 / 3, 1 / 3, 2 / 3, 1 / 3, 2 / 3, 1 / 3, 1 / 3]]
    ]
    assert F.adaptive_avg_pool2d(PLANE, (None, 1)).tolist() == [[[1.5], [5.5], [9.5], [13.5]]]
    assert F.adaptive_avg_pool2d(PLANE, 1).tolist() == [[[7.5]]]
    assert F.adaptive_max_pool1d([[1, 2]], 4).tolist() == [[1, 1, 2, 2]]  # more than there were
    for fn in (F.adaptive_avg_pool2d, F.adaptive_max_pool2d):
        assert fn(PLANE, (0, 3)).shape == (1, 0, 3)


def test_fractional_pool_by_hand():
    """10 into 4 windows of 2, in steps of 8/3: with 0.5 they begin at 0, 3 (4.0 - 1.33), 5 and 8."""
    x = np.arange(10.0)[None, None] + np.zeros((1, 3, 1))
    samples = np.array([[[0.5, 0.0]]])
    y, at = F.fractional_max_pool2d(x, (1, 2), (3, 4), return_indices=True, _random_samples=samples)
    assert y.tolist() == [[[1, 4, 6, 9]] * 3] and at.tolist() == [
        [[1, 4, 6, 9], [11, 14, 16, 19], [21, 24, 26, 29]]
    ]


def test_fractional_pool_is_drawn_anew_and_repeats_with_a_seed():
    layer = nn.FractionalMaxPool2d(2, output_ratio=(0.5, 0.6), return_indices=True)
    x = RNG.normal(size=(2, 3, 20, 20)).astype(np.float32)
    nn.manual_seed(1)
    first, second = layer(x)[1].numpy(), layer(x)[1].numpy()
    nn.manual_seed(1)
    np.testing.assert_array_equal(layer(x)[1].numpy(), first)
    assert first.shape == (2, 3, 10, 12) and (first != second).any()
    assert (first[0, 0] != first[0, 1]).any()  # each plane by itself


# -------------------------------------------------------------------------------------------- the way back


def test_max_unpool_by_hand():
    y, at = F.max_pool2d(PLANE, 2, return_indices=True)
    back = F.max_unpool2d(y, at, 2)
    expected = np.where(np.isin(PLANE, [5, 7, 13, 15]), PLANE, 0)
    np.testing.assert_array_equal(back.numpy(), expected)
    longer = np.arange(5.0)[None]  # of which the last one is in no window
    y, at = F.max_pool1d(longer, 2, return_indices=True)
    assert F.max_unpool1d(y, at, 2).tolist() == [[0, 1, 0, 3]]
    assert F.max_unpool1d(y, at, 2, output_size=longer.shape[1:]).tolist() == [[0, 1, 0, 3, 0]]
    assert nn.MaxUnpool1d(2)(y[None], at[None], (1, 1, 5)).shape == (1, 1, 5)


# --------------------------------------------------------------------------------------- all together


def test_costs():
    """A comparison for each element of each window; additions, one axis after the other."""
    shapes = [(2, 3, 4, 6)], [(2, 3, 2, 2)]
    assert kernels.max_pool.facts.flops(*shapes, {"kernel": (2, 3)}) == 24 * 6
    assert kernels.avg_pool.facts.flops(*shapes, {"kernel": (2, 3)}) == 6 * (2 * 6 * 2 + 2 * 2 * 3)


def test_empty_batches():
    x = np.zeros((0, 3, 6, 6), np.float32)
    layers = [
        nn.MaxPool2d(2),
        nn.MaxPool2d(6),
        nn.AvgPool2d(2),
        nn.AvgPool2d(6),
        nn.LPPool2d(2, 2),
        nn.AdaptiveAvgPool2d(2),
    ]
    layers += [
        nn.AdaptiveAvgPool2d(4),
        nn.AdaptiveMaxPool2d(2),
        nn.AdaptiveMaxPool2d(4),
        nn.FractionalMaxPool2d(2, 3),
    ]
    for layer in layers:
        t = Tensor(x, requires_grad=True)
        y = layer(t)
        y.sum().backward()
        assert y.shape[:2] == (0, 3) and t.grad.shape == x.shape


def test_a_training_step_with_every_pool_is_replayed():
    def run(x):
        y, at = F.max_pool2d(x, 2, return_indices=True)
        z = F.max_unpool2d(y, at, 2) + F.max_pool2d(x, 3, 1, 1) + F.avg_pool2d(x, 3, 1, 1, False, False)
        total = F.adaptive_avg_pool2d(z, 5).sum() + F.adaptive_max_pool2d(z, (5, 7)).sum()
        total = total + F.lp_pool2d(ag.absolute(z) + 1, 2, 2).sum() + F.max_pool2d(z, 12).sum()
        return total + F.fractional_max_pool2d(z, 2, 3).sum() + F.adaptive_avg_pool2d(z, 1).sum()

    model = nn.Linear(12, 12)
    loss_of = nn.replay(model, lambda model, x: run(model(x)))  # it warns where it gives up
    for _ in range(5):
        x = RNG.normal(size=(2, 3, 12, 12)).astype(np.float32)
        state = nn.get_rng_state()
        value = loss_of(x)
        value.backward()
        grad = model.weight.grad.copy()
        model.weight.grad = model.bias.grad = None
        nn.set_rng_state(state)
        right = run(model(x))
        right.backward()
        assert value.item() == right.item()
        np.testing.assert_array_equal(model.weight.grad, grad)
        model.weight.grad = model.bias.grad = None


X = np.zeros((2, 3, 4, 4), np.float32)
AT = np.zeros(X.shape, int)


@pytest.mark.parametrize(
    "call, error, said",
    [
        (lambda: F.max_pool2d(X, 5), ValueError, r"max_pool2d: windows of \(5, 5\) do not fit into \(4, 4\)"),
        (lambda: F.max_pool2d(X, 3, dilation=2), ValueError, r"windows of \(5, 5\)"),
        (
            lambda: F.max_pool2d(X[0, 0], 2),
            ValueError,
            r"\(N, C, H, W\) or \(C, H, W\), not of shape \(4, 4\)",
        ),
        (lambda: F.max_pool1d(X, 2), ValueError, r"max_pool1d: input is \(N, C, L\) or \(C, L\)"),
        (lambda: F.max_pool2d(X[:, :0], 2), ValueError, "is empty on another axis than the batch"),
        (lambda: F.max_pool2d(X, 0), ValueError, "kernel_size is at least 1"),
        (lambda: F.max_pool2d(X, 2, 0), ValueError, "stride is at least 1"),
        (lambda: F.max_pool2d(X, 2, dilation=0), ValueError, "dilation is at least 1"),
        (lambda: F.max_pool2d(X, 2, padding=2), ValueError, "padding is from 0 to half of the kernel"),
        (lambda: F.avg_pool2d(X, 2, padding=-1), ValueError, "padding is from 0 to half of the kernel"),
        (lambda: F.max_pool2d(X[..., :1], 2, 1, 1, 2), ValueError, "a window sees padding alone"),
        (lambda: F.max_pool2d(X, 2.0), TypeError, "kernel_size is an integer or 2 of them, not 2.0"),
        (lambda: F.max_pool2d(X, (2, 2, 2)), ValueError, r"2 of them, not \(2, 2, 2\)"),
        (lambda: F.max_pool2d(X > 0, 2), TypeError, "input is of booleans"),
        (lambda: F.avg_pool2d(X, 2, divisor_override=0), ValueError, "divisor_override is an integer but 0"),
        (lambda: F.avg_pool2d(X, 2, divisor_override=2.5), TypeError, "divisor_override is an integer"),
        (lambda: F.lp_pool2d(X, 0, 2), ValueError, "norm_type is a number but 0"),
        (lambda: F.lp_pool2d(X, NAN, 2), ValueError, "norm_type is a number but 0"),
        (lambda: F.lp_pool2d(X, "2", 2), TypeError, "norm_type is a number, not '2'"),
        (lambda: F.adaptive_avg_pool2d(X, -1), ValueError, "output_size is at least 0"),
        (lambda: F.adaptive_avg_pool2d(X, (1, 2, 3)), ValueError, "output_size is an integer or None, or 2"),
        (lambda: F.adaptive_max_pool2d(X, 2.5), TypeError, "output_size is an integer or None"),
        (lambda: F.fractional_max_pool2d(X, 2), ValueError, "give one of output_size and output_ratio"),
        (lambda: F.fractional_max_pool2d(X, 2, 4), ValueError, r"but are \(4, 4\) and \(2, 2\)"),
        (lambda: F.fractional_max_pool2d(X, 2, output_ratio=1.5), ValueError, "numbers between 0 and 1"),
        (
            lambda: F.fractional_max_pool2d(X, 2, 2, _random_samples=np.zeros((1, 3, 2))),
            ValueError,
            r"_random_samples are of shape \(2, 3, 2\), not \(1, 3, 2\)",
        ),
        (
            lambda: F.fractional_max_pool2d(X, 2, 3, _random_samples=np.full((2, 3, 2), NAN)),
            ValueError,
            "_random_samples are numbers from 0 to 1",
        ),
        (lambda: F.max_unpool2d(X, X, 2), TypeError, "indices are integers"),
        (lambda: F.max_unpool2d(X, AT[..., :3], 2), ValueError, r"indices of shape \(2, 3, 4, 3\)"),
        (lambda: F.max_unpool2d(X, AT + 64, 2), IndexError, r"index 64 is outside of the 64 places"),
        (lambda: F.max_unpool2d(X, AT - 1, 2), IndexError, "index -1 is outside"),
        (lambda: F.max_unpool2d(X, AT, 2, output_size=(4, 4)), ValueError, r"stride \(2, 2\) from \(8, 8\)"),
        (lambda: F.max_unpool2d(X, AT, 1, padding=3), ValueError, "padding is too large"),
        (lambda: nn.FractionalMaxPool2d(2, 3, 0.5), ValueError, "FractionalMaxPool2d: give one of"),
        (lambda: nn.FractionalMaxPool3d(0, 3), ValueError, "kernel_size is at least 1"),
        (lambda: nn.Sequential(nn.MaxPool2d(9))(X), ValueError, r"^max_pool2d of MaxPool2d '0': windows"),
        (lambda: nn.Sequential(nn.AvgPool1d(2))(X), ValueError, r"^avg_pool1d of AvgPool1d '0': input is"),
    ],
)
def test_refused(call, error, said):
    with pytest.raises(error, match=said):
        call()
