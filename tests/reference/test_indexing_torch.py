"""Scattering, masks and selection by order held to PyTorch: values and both derivatives, ties, nan."""

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
    return rng.integers(-1, 2, shape).astype(float)


INDEX = np.array([[0, 2, 1, 0], [1, 1, 3, 0]])
ONCE = np.array([[0, 2, 1, 3], [1, 0, 3, 2]])
ROWS = np.array([2, 0, 2])
MASK = rng.random((3, 4)) < 0.5
HOLES = np.array([[1.0, np.nan, 2, np.nan], [2, 0, 1, 1]])
T = torch.from_numpy

# name: (ours, PyTorch's, inputs)
PAIRS = {
    "scatter": (
        lambda x, s: ag.scatter(x, 1, ONCE, s), lambda x, s: x.scatter(1, T(ONCE), s), normal(3, 4),
        normal(2, 4),
    ),
    "scatter rows": (
        lambda x, s: ag.scatter(x, 0, ROWS[:2, None], s), lambda x, s: x.scatter(0, T(ROWS[:2, None]), s),
        normal(3, 4), normal(2, 1),
    ),
    "scatter number": (
        lambda x: ag.scatter(x, -1, INDEX, 2.5), lambda x: x.scatter(-1, T(INDEX), 2.5), normal(3, 4)
    ),
    "scatter 0-d": (
        lambda x, s: ag.scatter(x, 0, np.array(0), s), lambda x, s: x.scatter(0, torch.tensor(0), s),
        normal(), normal(),
    ),
    "scatter_add": (
        lambda x, s: ag.scatter_add(x, 1, INDEX, s), lambda x, s: x.scatter_add(1, T(INDEX), s), normal(3, 4),
        normal(2, 4),
    ),
    "scatter_add nothing": (
        lambda x, s: ag.scatter_add(x, 0, INDEX[:0], s), lambda x, s: x.scatter_add(0, T(INDEX[:0]), s),
        normal(3, 4), normal(0, 4),
    ),
    **{
        f"scatter_reduce {how} {own} {draw.__name__}": (
            lambda x, s, how=how, own=own: ag.scatter_reduce(x, 1, INDEX, s, how, include_self=own),
            lambda x, s, how=how, own=own: x.scatter_reduce(1, T(INDEX), s, how, include_self=own),
            # without itself x has to differ: PyTorch counts it among equals although it is left out
            draw(2, 4) + (0 if own else 0.5), draw(2, 4),
        )
        for how in ("sum", "prod", "mean", "amax", "amin")
        for own in (True, False)
        for draw in (normal, coarse)
    },
    "index_copy": (
        lambda x, s: ag.index_copy(x, 0, ROWS[:2], s), lambda x, s: x.index_copy(0, T(ROWS[:2]), s),
        normal(3, 4), normal(2, 4),
    ),
    "index_fill": (
        lambda x: ag.index_fill(x, 1, ROWS, 0.5), lambda x: x.index_fill(1, T(ROWS), 0.5), normal(2, 4)
    ),
    "index_fill tensor": (
        lambda x, v: ag.index_fill(x, -2, ROWS, v), lambda x, v: x.index_fill(-2, T(ROWS), v), normal(3, 4),
        normal(),
    ),
    "index_add": (
        lambda x, s: ag.index_add(x, s, (slice(None), ROWS)), lambda x, s: x.index_add(1, T(ROWS), s),
        normal(2, 4), normal(2, 3),
    ),
    "masked_fill": (lambda x: ag.masked_fill(x, MASK, -1), lambda x: x.masked_fill(T(MASK), -1), normal(4)),
    "masked_fill tensor": (
        lambda x, v: ag.masked_fill(x, MASK, v), lambda x, v: x.masked_fill(T(MASK), v), normal(3, 4),
        normal(),
    ),
    "masked_select": (lambda x: ag.masked_select(x, MASK), lambda x: x.masked_select(T(MASK)), normal(3, 1)),
    "masked_scatter": (
        lambda x, s: ag.masked_scatter(x, MASK, s), lambda x, s: x.masked_scatter(T(MASK), s), normal(3, 4),
        normal(3, 5),
    ),
    "topk": (lambda x: ag.topk(x, 3)[0], lambda x: torch.topk(x, 3)[0], normal(3, 5)),
    "topk smallest": (
        lambda x: ag.topk(x, 2, 0, False)[0], lambda x: torch.topk(x, 2, 0, False)[0], normal(3, 5)
    ),
    "topk of nan": (lambda x: ag.topk(x, 3)[0], lambda x: torch.topk(x, 3)[0], HOLES[:, ::-1].copy()),
    "kthvalue": (lambda x: ag.kthvalue(x, 2, 0)[0], lambda x: torch.kthvalue(x, 2, 0)[0], normal(3, 5)),
    "kthvalue keepdims": (
        lambda x: ag.kthvalue(x, 2, 1, True)[0], lambda x: torch.kthvalue(x, 2, 1, True)[0], HOLES[:1]
    ),
    "mode": (lambda x: ag.mode(x, 0)[0], lambda x: torch.mode(x, 0)[0], coarse(5, 3)),
    "sort": (lambda x: ag.sort(x, 0), lambda x: torch.sort(x, dim=0, stable=True)[0], coarse(6, 3)),
    "sort of nan": (ag.sort, lambda x: torch.sort(x, stable=True)[0], HOLES),
    "put": (lambda x, v: put(x, ROWS[:2], v), lambda x, v: x.put(T(ROWS[:2]), v), normal(2, 4), normal(2)),
    "index_put": (
        lambda x, v: ag.index_put(x, v, (ROWS[:2], ROWS[:2])),
        lambda x, v: x.index_put((T(ROWS[:2]), T(ROWS[:2])), v), normal(3, 4), normal(1),
    ),
    "take_along_axis": (
        lambda x: ag.take_along_axis(x, INDEX, 0), lambda x: x.gather(0, T(INDEX)), normal(4, 4)
    ),
    "bincount": (
        lambda w: ag.bincount(ROWS, w, 5),
        lambda w: torch.zeros(5, dtype=w.dtype).index_add(0, T(ROWS), w), normal(3),
    ),
}  # fmt: skip


def put(x, index, v):
    x = x * 1
    np.put(x, index, v)
    return x


@pytest.mark.parametrize("name", PAIRS)
def test_values_gradients_and_second_derivatives(name):
    ours, theirs, *inputs = PAIRS[name]
    a = [Tensor(x, requires_grad=True) for x in inputs]
    b = [torch.tensor(x, requires_grad=True) for x in inputs]
    with ag.higher_order():
        y = ours(*a)
    z = theirs(*b)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-13, atol=1e-13)
    with ag.higher_order():
        g = ag.grad((y**3).sum(), a, create_graph=True)
    h = torch.autograd.grad((z**3).sum(), b, create_graph=True)
    for d, e in zip(g, h, strict=True):
        np.testing.assert_allclose(d.data, e.detach().numpy(), rtol=1e-12, atol=1e-12)
    if "prod" in name and "coarse" in name:
        return  # PyTorch refuses a second derivative by zeros
    second = ag.grad(sum((d * d).sum() for d in g), a)
    for d, e in zip(second, torch.autograd.grad(sum((e * e).sum() for e in h), b), strict=True):
        np.testing.assert_allclose(d.data, e.numpy(), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("how", ["amax", "amin"])
def test_nan_goes_through_as_in_pytorch(how):
    x, s = np.zeros((2, 4)), HOLES
    y = ag.scatter_reduce(Tensor(x, requires_grad=True), 1, INDEX, s, how)
    z = torch.tensor(x).scatter_reduce(1, T(INDEX), torch.tensor(s), how)
    np.testing.assert_array_equal(y.data, z.numpy())
    y[1].sum().backward()  # where there is none, no nan arrives


def test_indices_are_those_of_pytorch_where_no_two_are_equal():
    x = normal(4, 7)
    for ours, theirs in (
        (ag.topk(x, 3, 0), torch.topk(T(x), 3, 0)),
        (ag.topk(x, 5, largest=False), torch.topk(T(x), 5, largest=False)),
        (ag.kthvalue(x, 4), torch.kthvalue(T(x), 4)),
        (ag.kthvalue(x, 1, 0), torch.kthvalue(T(x), 1, 0)),
    ):
        np.testing.assert_array_equal(ours.indices.data, theirs.indices.numpy())
    y = coarse(9, 4)
    np.testing.assert_array_equal(ag.mode(y, 0).indices.data, torch.mode(T(y), 0).indices.numpy())
