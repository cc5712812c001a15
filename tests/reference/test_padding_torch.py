"""F.pad and its layers as in torch: values, gradients, and what is refused."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad.nn import functional as F

TF = torch.nn.functional
SHAPES = {1: (2, 3, 5), 2: (2, 3, 4, 5), 3: (1, 2, 4, 3, 5)}


def same(x, options):
    """The same numbers from both, of what has no gradient."""
    ours, theirs = F.pad(x, **options).numpy(), TF.pad(torch.tensor(x), **options).numpy()
    np.testing.assert_array_equal(ours, theirs)
    assert ours.dtype == theirs.dtype


@pytest.mark.parametrize(
    "shape, widths",
    [((3,), (1, 2)), ((2, 3), (0, 1, 2, 0)), ((2, 3, 4), (-1, 2, 1, -2)), ((2, 3), (-2, -1)), ((2, 3), ())]
    + [((1, 2, 1, 2, 1, 2), (1, 0, 0, 1, 1, 1, 0, 0, 2, 1, 1, 1)), ((), ()), ((0, 3), (1, 1))],
)
def test_constant(shape, widths):
    x = RNG.normal(size=shape)
    compare(F.pad, TF.pad, [x], {"pad": widths})
    compare(F.pad, TF.pad, [x], {"pad": widths, "mode": "constant", "value": 2.5})
    for y in ((x > 0), (x * 9).astype(int)):
        same(y, {"pad": widths, "value": 1})


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize(
    "n, widths",
    [
        (1, (2, 1)),
        (1, (3, 0)),
        (1, (-1, 2)),
        (1, (1, -3)),
        (1, (-1, -2)),
        (1, (0, 0)),
        (2, (2, 1, 3, 0)),
        (2, (1, 1, -1, 2)),
        (2, (0, 0, -1, -1)),
        (3, (2, 1, 1, 2, 3, 0)),
        (3, (-1, 2, 0, 0, 1, -2)),
    ],
)
def test_from_inside(mode, n, widths):
    x = RNG.normal(size=SHAPES[n])
    for part in (x, x[0], x[:0]):
        compare(F.pad, TF.pad, [part], {"pad": widths, "mode": mode})
    same((x * 9).astype(int), {"pad": widths, "mode": mode})


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", ["Circular", "Constant", "Reflection", "Replication", "Zero"])
def test_layers(n, name):
    x = RNG.normal(size=SHAPES[n])
    value = [1.5] if name == "Constant" else []
    for widths in (2, (2, 1, 0, 1, 1, -1)[: 2 * n]):
        layers = pair(f"{name}Pad{n}d", widths, *value)
        assert repr(layers[0]) == repr(layers[1]) and layers[0].padding == layers[1].padding
        compare_layers(layers, [x])
        compare_layers(layers, [x[0]])


@pytest.mark.parametrize(
    "shape, widths, options",
    [
        ((2, 3), (1,), {}),
        ((2, 3), (1, 1, 1, 1, 1, 1), {}),
        ((2, 3), (-2, -2), {}),
        ((2, 3), (1, 1), {"mode": "edge"}),
        ((2, 3), 1, {}),
        ((2, 3), (1.5, 1), {}),
        ((2, 3), (1, 1), {"mode": "reflect", "value": 1.0}),
        ((3,), (1, 1), {"mode": "reflect"}),
        ((2, 3, 4, 5), (1, 1), {"mode": "replicate"}),
        ((2, 3), (3, 0), {"mode": "reflect"}),
        ((2, 3), (4, 0), {"mode": "circular"}),
        ((2, 0), (1, 0), {"mode": "replicate"}),
    ],
)
def test_refused_here_and_there(shape, widths, options):
    with pytest.raises((ValueError, TypeError), match="^pad: "):
        F.pad(np.ones(shape), widths, **options)
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        TF.pad(torch.ones(shape), widths, **options)
