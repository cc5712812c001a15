"""Images of another size, sampled on a grid, and shuffled: numbers, edges, errors."""

from functools import partial

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import assert_same, floats
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

ROW = np.array([0.0, 1.0, 4.0, 9.0])[None, None]
SQUARE = np.arange(16.0).reshape(1, 1, 4, 4)


# ---------------------------------------------------------------------------------- of another size


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"size": 6}, [0, 0, 1, 4, 4, 9]),
        ({"size": 6, "mode": "nearest-exact"}, [0, 1, 1, 4, 9, 9]),
        ({"size": 2, "mode": "area"}, [0.5, 6.5]),
        ({"size": 3, "mode": "area"}, [0.5, 2.5, 6.5]),
        ({"size": 2, "mode": "linear"}, [0.5, 6.5]),
        ({"scale_factor": 2, "mode": "linear"}, [0, 0.25, 0.75, 1.75, 3.25, 5.25, 7.75, 9]),
        ({"size": 7, "mode": "linear", "align_corners": True}, [0, 0.5, 1, 2.5, 4, 6.5, 9]),
        ({"scale_factor": 1.6, "mode": "linear"}, [0, 0.4375, 1.1875, 3.0625, 5.5625, 8.6875]),
        ({"scale_factor": 1.6, "mode": "linear", "recompute_scale_factor": True}, [0, 0.5, 1.5, 3.5, 6.5, 9]),
    ],
    ids=str,
)
def test_rows(options, expected):
    np.testing.assert_allclose(F.interpolate(ROW, **options).numpy()[0, 0], expected)


def test_squares():
    """Of a plane, bilinear and bicubic ones give the plane where they see nothing beyond the border."""
    big = F.interpolate(SQUARE, scale_factor=2, mode="bilinear").numpy()[0, 0]
    np.testing.assert_allclose(
        big[1:-1, 1:-1], np.add.outer(np.linspace(1, 11, 6), np.linspace(0.25, 2.75, 6))
    )
    cubic = F.interpolate(SQUARE, size=7, mode="bicubic", align_corners=True).numpy()[0, 0]
    np.testing.assert_allclose(cubic[2:5, 2:5], np.add.outer([4, 6, 8], [1, 1.5, 2]))
    half = F.interpolate(SQUARE, size=2, mode="bilinear", antialias=True).numpy()[0, 0]
    np.testing.assert_allclose(half, np.array([[25, 36], [69, 80]]) / 7)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic", "lanczos"])
def test_a_constant_stays_constant_however_small(mode):
    y = F.interpolate(np.full((1, 2, 31, 17), 3.0), size=(4, 5), mode=mode, antialias=True)
    np.testing.assert_allclose(y.numpy(), 3)


def test_what_is_not_tapped_does_not_poison():
    x = np.array([1.0, np.inf, 3.0, np.nan])[None, None]
    np.testing.assert_array_equal(F.interpolate(x, size=2).numpy(), [[[1, 3]]])
    y = F.interpolate(np.array([[[1.0, 2, 3, np.nan]]]), size=8, mode="linear").numpy()
    assert np.isfinite(y[..., :5]).all() and np.isnan(y[..., 6:]).all()


def test_half_precision_and_integers():
    x = np.array([[[60000.0, 60000.0, 1.0]]], np.float16)
    y = F.interpolate(x, size=1, mode="area")
    assert y.dtype == np.float16 and y.item() == pytest.approx(40000, rel=1e-3)
    assert F.interpolate([[[1, 2]]], size=1, mode="area").item() == 1.5


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 2, 4), {}, "give one of size and scale_factor"),
        ((1, 2, 4), {"size": 2, "scale_factor": 2.0}, "give one of size and scale_factor"),
        ((1, 2, 4), {"size": 2, "mode": "cubic"}, "mode is one of nearest, .*not 'cubic'"),
        ((1, 2, 4), {"size": 2, "mode": "bilinear"}, r"takes input \(N, C, ...\) of 4 axes, not \(1, 2, 4\)"),
        ((2, 4), {"size": 2}, "takes input .* of 3 or 4 or 5 axes"),
        ((1, 2, 4), {"size": (2, 3)}, "size is an integer or 1 of them"),
        ((1, 2, 4, 4), {"scale_factor": (2.0,) * 3}, "scale_factor has 3 numbers for 2 axes"),
        ((1, 2, 4), {"scale_factor": 0.2}, r"input of shape \(1, 2, 4\) would become \(0,\) large"),
        ((1, 2, 4), {"scale_factor": -1.0}, "scale_factor must be positive"),
        ((1, 2, 4), {"scale_factor": float("nan")}, "scale_factor must be positive"),
        ((1, 2, 4), {"size": 0}, "would become"),
        ((1, 0, 4), {"size": 2}, "is empty, only the batch may be"),
        ((1, 2, 4), {"size": 2, "align_corners": False}, "align_corners is not for mode='nearest'"),
        ((1, 2, 4), {"size": 2, "mode": "linear", "antialias": True}, "antialias is for mode"),
        ((1, 2, 4, 4), {"size": 2, "mode": "lanczos"}, "takes antialias=True and no align_corners"),
        ((1, 2, 4), {"size": 2, "recompute_scale_factor": True}, "is for scale_factor, not for size"),
    ],
)
def test_sizes_that_do_not_fit(shape, options, message):
    with pytest.raises(ValueError, match=f"^interpolate: .*{message}"):
        F.interpolate(np.zeros(shape), **options)
    named = {key: value for key, value in options.items() if key != "antialias"}
    if named == options:
        with pytest.raises(ValueError, match=rf"^interpolate of Upsample '0': .*{message}"):
            nn.Sequential(nn.Upsample(**options))(np.zeros(shape))


@pytest.mark.parametrize("mode", ["linear", "bilinear", "trilinear", "bicubic", "area"])
def test_a_transposed_map_is_the_same_map(mode):
    """<f(x), g> = <x, f'(g)>, for a linear f whose backward is f'."""
    n = {"linear": 1, "trilinear": 3}.get(mode, 2)
    rng = np.random.default_rng(0)
    for options in ({"size": 9}, {"size": 2}, {"scale_factor": 1.7}):
        x = Tensor(rng.normal(size=(2, 1, *(5, 4, 3)[:n])), requires_grad=True)
        y = F.interpolate(x, mode=mode, **options)
        g = rng.normal(size=y.shape)
        y.backward(g)
        np.testing.assert_allclose((y.numpy() * g).sum(), (x.numpy() * x.grad).sum(), rtol=1e-12)


def test_bicubic_at_the_border():
    y = F.interpolate(SQUARE, size=8, mode="bicubic").numpy()[0, 0, 0]
    np.testing.assert_allclose(y[:3], [-0.52734375, -0.23046875, 0.24609375])


def test_an_empty_batch():
    assert F.interpolate(np.zeros((0, 2, 3)), size=5, mode="linear").shape == (0, 2, 5)
    assert F.grid_sample(np.zeros((0, 2, 3, 3)), np.zeros((0, 4, 5, 2))).shape == (0, 2, 4, 5)


def test_a_training_step_is_replayed():
    layers = nn.Upsample(scale_factor=2, mode="bilinear"), nn.PixelUnshuffle(2), nn.ChannelShuffle(2)
    model = nn.Sequential(nn.Linear(4, 4), *layers)
    rng = np.random.default_rng(0)

    def loss(model, x, grid):
        return (F.grid_sample(model(x), grid) ** 2).sum()

    batches = [(floats(1, 2, 4, 4), rng.uniform(-1, 1, (1, 3, 3, 2)).astype(np.float32)) for _ in range(5)]
    assert_same(model, nn.replay(model, loss), loss, batches)


# ---------------------------------------------------------------------------------- on a grid


def test_the_identity_grid_gives_the_image():
    for align in (False, True):
        grid = F.affine_grid(np.eye(2, 3)[None], (1, 1, 4, 4), align)
        for mode in ("bilinear", "nearest", "bicubic"):
            sampled = F.grid_sample(SQUARE, grid, mode, align_corners=align).numpy()
            np.testing.assert_allclose(sampled, SQUARE, atol=1e-12)


@pytest.mark.parametrize(
    ("padding", "expected"), [("zeros", [0, 0, 7.5]), ("border", [4, 11, 7.5]), ("reflection", [5, 10, 7.5])]
)
def test_outside_of_the_image(padding, expected):
    grid = np.array([[[[-1.75, -0.25], [1.75, 0.25], [0.0, 0.0]]]])
    sampled = F.grid_sample(SQUARE, grid, padding_mode=padding).numpy().ravel()
    np.testing.assert_allclose(sampled, expected)


def test_gradients_of_reflected_places():
    """Half a pixel outside of the left edge, and of the right one: the image runs backwards there."""
    grid = Tensor(np.array([[[[-1.25, 0.0], [1.25, 0.0]]]]), requires_grad=True)
    F.grid_sample(SQUARE, grid, padding_mode="reflection").backward(np.ones((1, 1, 1, 2)))
    free = Tensor(np.array([[[[-0.7, 0.0], [0.7, 0.0], [-1.3, 0.0], [1.3, 0.0]]]]), requires_grad=True)
    F.grid_sample(SQUARE, free, padding_mode="reflection").sum().backward()
    np.testing.assert_allclose(free.grad[0, 0, :, 0], [2, 2, -2, -2])


def test_places_that_are_no_numbers():
    grid = np.array([[[[np.nan, 0.0], [np.inf, 0.0], [0.0, -np.inf]]]])
    np.testing.assert_array_equal(F.grid_sample(SQUARE, grid, "nearest").numpy().ravel(), [0, 0, 0])
    assert np.isfinite(F.grid_sample(SQUARE, grid, padding_mode="border").numpy()).all()


def test_second_derivatives_of_a_grid():
    rng = np.random.default_rng(0)
    places = rng.uniform(-0.8, 0.8, (1, 2, 3, 2))
    x, grid = Tensor(SQUARE * 0.1, requires_grad=True), Tensor(places, requires_grad=True)
    for mode in ("bilinear", "bicubic"):
        assert ag.gradcheck(partial(F.grid_sample, mode=mode), [x, grid], order=2)


@pytest.mark.parametrize(
    ("x", "grid", "options", "error", "message"),
    [
        (
            (1, 1, 4, 4),
            (1, 3, 3, 3),
            {},
            ValueError,
            r"\(1, 1, 4, 4\) with grid of shape \(1, 3, 3, 3\)",
        ),
        ((2, 1, 4, 4), (1, 3, 3, 2), {}, ValueError, "expected"),
        ((1, 4, 4), (1, 3, 2), {}, ValueError, "expected"),
        ((1, 1, 0, 4), (1, 3, 3, 2), {}, ValueError, "has no pixels"),
        ((1, 1, 4, 4), (1, 3, 3, 2), {"mode": "linear"}, ValueError, "mode is 'bilinear'"),
        ((1, 1, 4, 4, 4), (1, 3, 3, 3, 3), {"mode": "bicubic"}, ValueError, "mode is 'bilinear'"),
        (
            (1, 1, 4, 4),
            (1, 3, 3, 2),
            {"padding_mode": "wrap"},
            ValueError,
            "padding_mode is one of zeros",
        ),
    ],
)
def test_grids_that_do_not_fit(x, grid, options, error, message):
    with pytest.raises(error, match=f"^grid_sample: .*{message}"):
        F.grid_sample(np.zeros(x), np.zeros(grid), **options)


def test_a_grid_of_another_dtype():
    with pytest.raises(TypeError, match=r"input is float32 and grid float64; use grid.astype\(np.float32\)"):
        F.grid_sample(np.zeros((1, 1, 2, 2), np.float32), np.zeros((1, 2, 2, 2)))


@pytest.mark.parametrize(
    ("theta", "size", "message"),
    [
        ((1, 2, 2), (1, 1, 3, 3), r"theta of shape \(1, 2, 2\) for size \(1, 1, 3, 3\)"),
        ((2, 2, 3), (1, 1, 3, 3), "expected"),
        ((1, 2, 3), (1, 1, 3), "expected"),
        ((1, 2, 3), (1, 1, 0, 3), "size must be positive"),
    ],
)
def test_maps_that_do_not_fit(theta, size, message):
    with pytest.raises(ValueError, match=f"^affine_grid: .*{message}"):
        F.affine_grid(np.zeros(theta), size)


# ---------------------------------------------------------------------------------- shuffled


def test_shuffles():
    x = np.arange(8).reshape(1, 4, 1, 2)
    np.testing.assert_array_equal(F.pixel_shuffle(x, 2).numpy()[0, 0], [[0, 2, 1, 3], [4, 6, 5, 7]])
    np.testing.assert_array_equal(F.pixel_unshuffle(F.pixel_shuffle(x, 2), 2).numpy(), x)
    np.testing.assert_array_equal(F.channel_shuffle(x, 2).numpy()[0, :, 0, 0], [0, 4, 2, 6])
    leaf = Tensor(np.ones((4, 1, 2)), requires_grad=True)
    (F.pixel_shuffle(leaf, 2) * np.arange(8).reshape(1, 2, 4)).sum().backward()
    np.testing.assert_array_equal(leaf.grad.ravel(), [0, 2, 1, 3, 4, 6, 5, 7])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: F.pixel_shuffle(np.zeros((3, 2, 2)), 2),
            ValueError,
            r"upscale_factor\^2 = 4 does not",
        ),
        (lambda: F.pixel_shuffle(np.zeros((2, 2)), 1), ValueError, "has fewer than 3 axes"),
        (
            lambda: F.pixel_shuffle(np.zeros((4, 2, 2)), 2.0),
            TypeError,
            "upscale_factor is an integer, not 2",
        ),
        (lambda: F.pixel_shuffle(np.zeros((4, 2, 2)), 0), ValueError, "upscale_factor must be positive"),
        (lambda: F.pixel_unshuffle(np.zeros((1, 3, 2)), 2), ValueError, "downscale_factor 2 does not divide"),
        (lambda: F.channel_shuffle(np.zeros((1, 3, 2)), 2), ValueError, "groups 2 does not divide 3"),
        (lambda: F.channel_shuffle(np.zeros((1, 4, 2)), True), TypeError, "groups is an integer, not True"),
    ],
)
def test_shuffles_that_do_not_fit(call, error, message):
    with pytest.raises(error, match=message):
        call()
