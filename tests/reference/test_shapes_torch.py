"""Functions of shapes held to PyTorch: values, gradients and second derivatives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

rng = np.random.default_rng(0)
A, B, C, V = (rng.standard_normal(s) for s in [(3, 4), (3, 2), (2, 3, 4), (4,)])
windows = np.lib.stride_tricks.sliding_window_view
COUNTS = [2, 0, 1, 3]

# name: (NumPy's, PyTorch's, inputs)
PAIRS = {
    "ravel": (np.ravel, torch.ravel, C),
    "flatten": (lambda x: x.flatten(), torch.flatten, C),
    "permute": (lambda x: np.permute_dims(x, (2, 0, 1)), lambda x: x.permute(2, 0, 1), C),
    "mT": (np.matrix_transpose, lambda x: x.mT, C),
    "moveaxis": (lambda x: np.moveaxis(x, (0, 1), (2, 0)), lambda x: torch.movedim(x, (0, 1), (2, 0)), C),
    "flip": (lambda x: np.flip(x, (0, 2)), lambda x: torch.flip(x, (0, 2)), C),
    "fliplr": (np.fliplr, torch.fliplr, A),
    "flipud": (np.flipud, torch.flipud, A),
    "rot90": (lambda x: np.rot90(x, 3, (1, 2)), lambda x: torch.rot90(x, 3, (1, 2)), C),
    "roll": (lambda x: np.roll(x, (1, -2), (0, 2)), lambda x: torch.roll(x, (1, -2), (0, 2)), C),
    "roll flat": (lambda x: np.roll(x, 5), lambda x: torch.roll(x, 5), A),
    "repeat": (
        lambda x: np.repeat(x, COUNTS, -1),
        lambda x: torch.repeat_interleave(x, torch.tensor(COUNTS), -1),
        A,
    ),
    "repeat flat": (lambda x: np.repeat(x, 3), lambda x: torch.repeat_interleave(x, 3), A),
    "tile": (lambda x: np.tile(x, (2, 1, 3)), lambda x: torch.tile(x, (2, 1, 3)), A),
    "atleast_2d": (np.atleast_2d, torch.atleast_2d, V),
    "atleast_3d": (np.atleast_3d, torch.atleast_3d, A),
    "diag": (lambda x: np.diag(x, -1), lambda x: torch.diag(x, -1), V),
    "diag of a matrix": (lambda x: np.diag(x, 1), lambda x: torch.diag(x, 1), A),
    "diagflat": (lambda x: np.diagflat(x, 1), lambda x: torch.diagflat(x, 1), A),
    "tril": (lambda x: np.tril(x, -1), lambda x: torch.tril(x, -1), C),
    "triu": (lambda x: np.triu(x, 2), lambda x: torch.triu(x, 2), C),
    "hstack": (lambda *x: np.hstack(x), lambda *x: torch.hstack(x), A, B),
    "vstack": (lambda *x: np.vstack(x), lambda *x: torch.vstack(x), A, V),
    "dstack": (lambda *x: np.dstack(x), lambda *x: torch.dstack(x), A, A),
    "column_stack": (lambda *x: np.column_stack(x), lambda *x: torch.column_stack(x), A, A[:, 0]),
    "broadcast": (
        lambda *x: np.stack(np.broadcast_arrays(*x)),
        lambda *x: torch.stack(torch.broadcast_tensors(*x)),
        V,
        A,
    ),
    "meshgrid": (
        lambda *x: np.stack(np.meshgrid(*x, indexing="ij")),
        lambda *x: torch.stack(torch.meshgrid(*x, indexing="ij")),
        V,
        V[:3],
    ),
    "meshgrid xy": (
        lambda *x: np.stack(np.meshgrid(*x)),
        lambda *x: torch.stack(torch.meshgrid(*x, indexing="xy")),
        V,
        V[:3],
    ),
    "array_split": (lambda x: np.array_split(x, 3, 1)[0], lambda x: torch.tensor_split(x, 3, 1)[0], A),
    "hsplit": (lambda x: np.hsplit(x, [1, 3])[1], lambda x: torch.hsplit(x, [1, 3])[1], A),
    "vsplit": (lambda x: np.vsplit(x, 3)[2], lambda x: torch.vsplit(x, 3)[2], A),
    "dsplit": (lambda x: np.dsplit(x, 2)[1], lambda x: torch.dsplit(x, 2)[1], C),
    "unstack": (lambda x: np.unstack(x, axis=1)[1], lambda x: torch.unbind(x, 1)[1], C),
    "windows": (lambda x: windows(x, 3, 1), lambda x: x.unfold(1, 3, 1), A),
    "windows of two axes": (lambda x: windows(x, (2, 3)), lambda x: x.unfold(0, 2, 1).unfold(1, 3, 1), A),
    "block": (
        lambda x, y: np.block([[x, y], [y, x]]),
        lambda x, y: torch.cat([torch.cat([x, y], 1), torch.cat([y, x], 1)]),
        A,
        B,
    ),
    "reflect": (
        lambda x: np.pad(x, ((0, 0), (0, 0), (3, 2)), "reflect"),
        lambda x: F.pad(x, (3, 2), "reflect"),
        C,
    ),
    "astype": (lambda x: x.astype(np.float32), lambda x: x.float(), A),
    "full_like": (lambda x: np.full_like(x, x[0, 0]), lambda x: x[0, 0].expand(3, 4), A),
    "array": (lambda x: ag.array([x[0], x[1]]), lambda x: torch.stack([x[0], x[1]]), A),
}


@pytest.mark.parametrize("name", PAIRS)
def test_values_gradients_and_second_derivatives_are_pytorchs(name):
    ours, theirs, *arrays = PAIRS[name]
    xs = [Tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    with ag.higher_order():
        y = ours(*xs)
        loss = (y * y * y).sum()
    z = theirs(*ts)
    np.testing.assert_array_equal(y.data, z.detach().numpy())
    g = ag.grad(loss, xs, create_graph=True)
    h = torch.autograd.grad((z * z * z).sum(), ts, create_graph=True)
    for a, b in zip(g, h, strict=True):
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-6 if name == "astype" else 1e-12)
    second = ag.grad(sum((a * a).sum() for a in g), xs)
    expected = torch.autograd.grad(sum((a * a).sum() for a in h), ts)
    for a, b in zip(second, expected, strict=True):
        np.testing.assert_allclose(a.data, b.numpy(), rtol=1e-5 if name == "astype" else 1e-12)
