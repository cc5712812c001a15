"""Reductions and scans held to PyTorch to the second derivative, with ties, zeros and nan."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


def coarse(*shape):
    """Small whole numbers: full of ties and zeros."""
    return rng.integers(-2, 3, shape).astype(float)


HOLES = np.where(rng.random((3, 5)) < 0.3, np.nan, coarse(3, 5))
HOLES[:, 0] = 1.5
TIES = coarse(4, 6)
Q = np.array([0.0, 0.13, 0.5, 0.9, 1.0])
STEP = np.array([0.0, 0.5, 0.7, 1.6, 2.0, 3.5])

# name: (ours, PyTorch's, inputs)
PAIRS = {
    **{
        f"{name} {kind}": (
            lambda x, f=name: getattr(ag, f)(x, 1), lambda x, f=name: getattr(torch, f)(x, 1), x
        )
        for name in ("cumsum", "cumprod", "logcumsumexp", "prod", "sum", "mean")
        for kind, x in (("normal", normal(4, 6)), ("coarse", TIES), ("one", normal(3, 1)))
    },
    **{
        f"{name} {axis}": (
            lambda x, f=name, i=axis: getattr(ag, f)(x, i)[0],
            lambda x, f=name, i=axis: getattr(torch, f)(x, i).values,
            TIES,
        )
        for name in ("cummax", "cummin")
        for axis in (0, -1)
    },
    "cummax of nan": (lambda x: ag.cummax(x, 1)[0], lambda x: torch.cummax(x, 1).values, HOLES),
    "cumprod 1-d": (lambda x: ag.cumprod(x), lambda x: torch.cumprod(x, 0), np.array([2.0, 0, 3, 0, 5, 1])),
    "prod of two zeros": (ag.prod, torch.prod, np.array([2.0, 0, 3, 0])),
    "prod of one zero": (ag.prod, torch.prod, np.array([2.0, 0, 3, 5])),
    "amax": (lambda x: ag.max(x, (0, 1)), lambda x: torch.amax(x, (0, 1)), TIES),
    "amin": (lambda x: ag.min(x, 0), lambda x: torch.amin(x, 0), TIES),
    "nansum": (lambda x: ag.nansum(x, 0), lambda x: torch.nansum(x, 0), HOLES),
    "nanmean": (lambda x: ag.nanmean(x, 1), lambda x: torch.nanmean(x, 1), HOLES),
    "median": (lambda x: ag.median(x, 1), lambda x: torch.median(x, 1).values, normal(3, 5)),
    "nanmedian": (lambda x: ag.nanmedian(x), lambda x: torch.nanmedian(x), np.array([3, np.nan, 1, 2])),
    **{
        f"quantile {method}": (
            lambda x, q, m=method: ag.quantile(x, q, 1, method=m),
            lambda x, q, m=method: torch.quantile(x, q, 1, interpolation=m),
            normal(3, 7), Q if method == "linear" else Q.tolist(),
        )
        for method in ("linear", "lower", "higher", "midpoint", "nearest")
    },
    "nanquantile": (lambda x: ag.nanquantile(x, 0.37, 1), lambda x: torch.nanquantile(x, 0.37, 1), HOLES),
    "quantile of nan": (lambda x: ag.quantile(x, 0.3, 0), lambda x: torch.quantile(x, 0.3, 0), HOLES[:, :1]),
    "std": (lambda x: ag.std(x, (0, 1), correction=1), torch.std, normal(3, 4)),
    "var": (lambda x: ag.var(x, 0, ddof=1), lambda x: torch.var(x, 0), normal(3, 4)),
    "diff": (
        lambda x, a: ag.diff(x, 2, 0, append=a), lambda x, a: torch.diff(x, 2, 0, append=a),
        TIES, normal(2, 6),
    ),
    "gradient": (lambda x: ag.gradient(x, axis=1), lambda x: torch.gradient(x, dim=1)[0], TIES),
    "gradient, uneven": (
        lambda x: ag.gradient(x, STEP, axis=1, edge_order=1),
        lambda x: torch.gradient(x, spacing=(torch.tensor(STEP),), dim=1)[0], TIES,
    ),
    "trapezoid": (lambda y, x: ag.trapezoid(y, x), lambda y, x: torch.trapezoid(y, x), TIES, STEP),
    "trapezoid dx": (
        lambda y: ag.trapezoid(y, dx=0.3, axis=0), lambda y: torch.trapezoid(y, dx=0.3, dim=0), TIES
    ),
    "cov": (ag.cov, torch.cov, normal(3, 5)),
    "cov, weighted": (
        lambda x: ag.cov(x, fweights=[1, 2, 1, 3, 1], aweights=Q + 1),
        lambda x: torch.cov(x, fweights=torch.tensor([1, 2, 1, 3, 1]), aweights=torch.tensor(Q + 1)),
        normal(3, 5),
    ),
    "corrcoef": (ag.corrcoef, torch.corrcoef, normal(3, 5)),
    "convolve": (
        lambda a, v: ag.convolve(a, v, "valid"),
        lambda a, v: torch.conv1d(a[None, None], v.flip(0)[None, None])[0, 0], normal(7), normal(3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_values_gradients_and_second_derivatives_are_pytorchs(name):
    ours, theirs, *arrays = PAIRS[name]
    xs = [Tensor(a, requires_grad=True) if isinstance(a, np.ndarray) else a for a in arrays]
    ts = [torch.tensor(a, dtype=torch.float64, requires_grad=isinstance(a, np.ndarray)) for a in arrays]
    with ag.higher_order():
        y, z = ours(*xs), theirs(*ts)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-12)
    wanted = [i for i, x in enumerate(xs) if isinstance(x, Tensor)]
    g = np.random.default_rng(1).standard_normal(y.shape)
    mine = ag.grad(y, [xs[i] for i in wanted], g, create_graph=True)
    other = torch.autograd.grad(z, [ts[i] for i in wanted], torch.tensor(g), create_graph=True)
    for a, b in zip(mine, other, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-11, atol=1e-12)
    if not any(b.requires_grad for b in other):
        return
    seeds = [np.random.default_rng(2).standard_normal(a.shape) for a in mine]
    total = sum((a * s).sum() for a, s in zip(mine, seeds, strict=True))
    second = ag.grad(total, [xs[i] for i in wanted], allow_unused=True) if total.requires_grad else [None] * 9
    total = sum((b * torch.tensor(s)).sum() for b, s in zip(other, seeds, strict=True))
    theirs = torch.autograd.grad(total, [ts[i] for i in wanted], allow_unused=True)
    for a, b in zip(second, theirs, strict=False):
        expected = 0 if b is None else b.numpy()
        np.testing.assert_allclose(0 if a is None else a.data, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["cummax", "cummin"])
@pytest.mark.parametrize("x", [TIES, HOLES, np.array(2.0)], ids=["ties", "nan", "number"])
def test_places_of_extrema_are_pytorchs(name, x):
    values, places = getattr(ag, name)(x, -1)
    expected = getattr(torch, name)(torch.tensor(x), -1)
    np.testing.assert_array_equal(values.data, expected.values.numpy())
    np.testing.assert_array_equal(places.data, expected.indices.numpy())
