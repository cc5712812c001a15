"""Images of another size, sampled and shuffled, against torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad.nn import functional as F

T = torch.nn.functional
IMAGES = {1: (2, 3, 7), 2: (2, 3, 5, 7), 3: (1, 2, 4, 5, 3)}
AXES = {"linear": [1], "bilinear": [2], "bicubic": [2], "trilinear": [3]}
# With 2.3 torch takes other places backward than forward: where three axes become 6 of 3, as if it were 2.
SIZES = [{"size": 1}, {"size": 4}, {"size": 12}, {"scale_factor": 0.45}, {"scale_factor": 2.4}]
SIZES += [{"scale_factor": 2}, {"scale_factor": 1.3, "recompute_scale_factor": True}]


def images(n):
    return RNG.normal(size=IMAGES[n])


@pytest.mark.parametrize("options", SIZES, ids=str)
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "area"])
def test_steps(mode, n, options):
    compare(F.interpolate, T.interpolate, [images(n)], {"mode": mode, **options})


@pytest.mark.parametrize("options", SIZES, ids=str)
@pytest.mark.parametrize("align_corners", [None, False, True])
@pytest.mark.parametrize("mode", AXES)
def test_slopes(mode, align_corners, options):
    for n in AXES[mode]:
        given = {"mode": mode, "align_corners": align_corners, **options}
        compare(F.interpolate, T.interpolate, [images(n)], given)


@pytest.mark.parametrize("options", SIZES, ids=str)
@pytest.mark.parametrize(
    ("mode", "align_corners"),
    [("bilinear", None), ("bilinear", True), ("bicubic", False), ("bicubic", True), ("lanczos", None)],
)
def test_antialias(mode, align_corners, options):
    given = {"mode": mode, "align_corners": align_corners, "antialias": True, **options}
    theirs = {**given, "align_corners": bool(align_corners)} if mode == "lanczos" else given
    compare(F.interpolate, lambda x, **_: T.interpolate(x, **theirs), [images(2)], given)


@pytest.mark.parametrize("scale_factor", [(0.5, 2.0), (1.0, 3.0), (1.1, 1.0)])
def test_a_factor_for_each_axis(scale_factor):
    for mode in ("nearest", "bilinear"):
        compare(F.interpolate, T.interpolate, [images(2)], {"mode": mode, "scale_factor": scale_factor})


@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "bicubic"])
def test_float32_finds_the_same_places(mode):
    """Where an output falls between two inputs is decided in the dtype of the image."""
    x = RNG.normal(size=(1, 1, 97, 64)).astype(np.float32)
    for factor in (0.3, 0.7, 1.1, 2.9):
        ours = F.interpolate(x, scale_factor=factor, mode=mode).numpy()
        theirs = T.interpolate(torch.tensor(x), scale_factor=factor, mode=mode).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("Upsample", (None, 2.5)),
        ("Upsample", ((3, 9), None, "bicubic", True)),
        ("UpsamplingNearest2d", (8,)),
        ("UpsamplingBilinear2d", (None, (1.5, 2.0))),
        ("ChannelShuffle", (2,)),
        ("PixelShuffle", (2,)),
    ],
)
def test_modules(name, args):
    compare_layers(pair(name, *args), [RNG.normal(size=(2, 4, 5, 6))])


def test_pixel_unshuffle():
    for shape in ((2, 3, 6, 9), (3, 6, 9), (2, 2, 1, 3, 3)):
        compare_layers(pair("PixelUnshuffle", 3), [RNG.normal(size=shape)])
        compare(F.pixel_unshuffle, T.pixel_unshuffle, [RNG.normal(size=shape)], {"downscale_factor": 3})


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
@pytest.mark.parametrize("n", [2, 3])
def test_grid_sample(n, mode, padding_mode, align_corners):
    if mode == "bicubic" and n == 3:
        return
    grid = RNG.uniform(-2.5, 2.5, (2, *(3, 4, 5)[:n], n))
    given = {"mode": mode, "padding_mode": padding_mode, "align_corners": align_corners}
    x = RNG.normal(size=(2, 3, *(4, 5, 6)[:n]))
    if mode == "nearest":  # nothing depends smoothly on the grid: there its gradient is zeros, here None
        compare(
            lambda x: F.grid_sample(x, grid, **given),
            lambda x: T.grid_sample(x, torch.tensor(grid), **given),
            [x],
        )
    else:
        compare(F.grid_sample, T.grid_sample, [x, grid], given)


@pytest.mark.parametrize("padding_mode", ["border", "reflection", "zeros"])
def test_grid_sample_at_the_borders(padding_mode):
    """Exactly on the first and last pixels, on the edges and on images of one pixel."""
    places = np.array([-1.0, 1.0, -0.75, 0.75, 0.0, -1.25])
    grid = np.stack(np.meshgrid(places, places), -1)[None]
    for shape in ((1, 2, 4, 4), (1, 2, 1, 4), (1, 1, 1, 1)):
        for align in (False, True):
            given = {"padding_mode": padding_mode, "align_corners": align}
            compare(F.grid_sample, T.grid_sample, [RNG.normal(size=shape), grid], given)


@pytest.mark.filterwarnings("ignore:Since version 1.3.0, affine_grid")  # of images of one pixel
@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("size", [(2, 3, 4, 5), (2, 1, 1, 3), (2, 1, 3, 4, 2)])
def test_affine_grid(size, align_corners):
    n = len(size) - 2
    theta = RNG.normal(size=(2, n, n + 1))
    compare(F.affine_grid, T.affine_grid, [theta], {"size": size, "align_corners": align_corners})
