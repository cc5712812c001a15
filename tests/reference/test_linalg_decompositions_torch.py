"""Inverses, decompositions and determinants held to PyTorch: values, gradients, second derivatives."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from cases.case import normal, positive_definite, real_spectrum, well_conditioned
from matrices import symmetric
from tapegrad.autograd import Tensor, linalg

rng = np.random.default_rng(0)
T = torch.linalg
SQUARE, TALL, WIDE = (well_conditioned(rng, s) for s in [(2, 3, 3), (2, 4, 2), (2, 2, 4)])
SPD, REAL, B = positive_definite(rng, (2, 3, 3)), real_spectrum(rng, (3, 3)), normal(rng, (3, 2))


def up_to_signs(v):
    """Of vectors in columns: what does not depend on their signs."""
    return v[..., :, None, :] * v[..., None, :, :]


# name: (ours, PyTorch's, inputs), or one function where its names are the same on both sides.
SAME = {
    "inv": (lambda L, x: L.inv(x), SQUARE),
    "det": (lambda L, x: L.det(x), SQUARE),
    "slogdet": (lambda L, x: L.slogdet(x)[1], SQUARE),
    "solve": (lambda L, a, b: L.solve(a, b), SQUARE, B),
    "solve vector": (lambda L, a, b: L.solve(a, b), SQUARE[0], B[:, 0]),
    "lstsq": (lambda L, a, b: L.lstsq(a, b)[0], TALL[0], normal(rng, (4, 2))),
    "pinv": (lambda L, x: L.pinv(x), TALL),
    "pinv wide": (lambda L, x: L.pinv(x), WIDE),
    "pinv rank 2": (lambda L, a, b: L.pinv(a @ b, rtol=1e-9), TALL, WIDE),
    "pinv hermitian": (lambda L, x: L.pinv(symmetric(x), hermitian=True), SPD),
    "cholesky": (lambda L, x: L.cholesky(x), SPD),
    "cholesky upper": (lambda L, x: L.cholesky(x, upper=True), SPD),
    "Q": (lambda L, x: L.qr(x)[0], TALL),
    "R": (lambda L, x: L.qr(x)[1], WIDE),
    "QR complete": (lambda L, x: L.qr(x, mode="complete")[0] @ L.qr(x, mode="complete")[1] ** 2, WIDE),
    "U": (lambda L, x: up_to_signs(L.svd(x, full_matrices=False)[0]), TALL),
    "S": (lambda L, x: L.svd(x, full_matrices=False)[1], WIDE),
    "Vh": (lambda L, x: up_to_signs(L.svd(x, full_matrices=False)[2].mT), WIDE),
    "U and Vh": (lambda L, x: L.svd(x, full_matrices=False)[0] @ L.svd(x, full_matrices=False)[2], TALL),
    "svdvals": (lambda L, x: L.svdvals(x), TALL),
    "eigh w": (lambda L, x: L.eigh(x)[0], SPD),
    "eigh V": (lambda L, x: up_to_signs(L.eigh(x)[1]), SPD),
    "eigh U": (lambda L, x: up_to_signs(L.eigh(x, UPLO="U")[1]), SPD),
    "eigvalsh": (lambda L, x: L.eigvalsh(x), SPD),
    "equal eigenvalues": (lambda L, x: L.eigvalsh(x)[0], np.diag([1.0, 1, 2])),
    "equal singular values": (lambda L, x: L.svdvals(x)[0], np.eye(3)),
    "zero": (lambda L, x: L.svdvals(x), np.zeros((2, 2))),
    "tensorinv": (lambda L, x: L.tensorinv(x.reshape(3, 1, 3), ind=2), SQUARE[0]),
    "tensorsolve": (lambda L, a, b: L.tensorsolve(a.reshape(3, 1, 3), b[:, :1]), SQUARE[0], B),
    **{f"cond {p}": (lambda L, x, p=p: L.cond(x, p), SQUARE) for p in (None, 2, -2, "nuc")},
}
PAIRS = {
    name: (lambda *x, f=f: f(np.linalg, *x), lambda *x, f=f: f(T, *x), *x) for name, (f, *x) in SAME.items()
}
PAIRS |= {
    "expm": (linalg.expm, torch.matrix_exp, 3 * SQUARE),
    **{  # T.cond cannot be differentiated: it writes to what it needs
        f"cond {p}": (
            lambda x, p=p: np.linalg.cond(x, p),
            lambda x, p=p: T.matrix_norm(x, p) * T.matrix_norm(T.inv(x), p), SQUARE,
        )
        for p in (1, -1, np.inf, -np.inf, "fro")
    },
    "lower": (
        lambda a, b: linalg.solve_triangular(a, b, lower=True),
        lambda a, b: T.solve_triangular(a, b, upper=False), SQUARE, B,
    ),
    "unit": (
        lambda a, b: linalg.solve_triangular(a, b, unit_diagonal=True),
        lambda a, b: T.solve_triangular(a, b, upper=True, unitriangular=True), SQUARE, B,
    ),
    "transposed": (
        lambda a, b: linalg.solve_triangular(a, b, trans=1),
        lambda a, b: T.solve_triangular(a.mT, b, upper=False),
        SQUARE, B,
    ),
    "eig w": (
        lambda x: np.linalg.eig(x)[0],
        lambda x: T.eig(x)[0].real[order(T.eigvals(x), np.linalg.eigvals(REAL))], REAL,
    ),
    "eig V": (
        lambda x: up_to_signs(np.linalg.eig(x)[1]),
        lambda x: up_to_signs(T.eig(x)[1].real[:, order(T.eigvals(x), np.linalg.eigvals(REAL))]), REAL,
    ),
}  # fmt: skip


def order(w, like):
    """Where the eigenvalues w stand in the order of `like`."""
    ranks = np.argsort(np.argsort(like))
    return torch.argsort(w.real.detach())[torch.tensor(ranks)]


@pytest.mark.parametrize("name", PAIRS)
def test_values_gradients_and_second_derivatives_are_pytorchs(name):
    """The second ones where a loss is a square, and where no values are equal."""
    ours, theirs, *arrays = PAIRS[name]
    xs = [Tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    with ag.higher_order():
        y = ours(*xs)
    z = theirs(*ts)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-10, atol=1e-12)
    g = np.random.default_rng(1).standard_normal(y.shape)
    first = ag.grad(y, xs, g, create_graph=True)
    others = torch.autograd.grad(z, ts, torch.tensor(g), create_graph=True)
    close(first, others)
    if "equal" in name or name == "zero":
        return
    first = ag.grad(sum([(d * d).sum() for d in first]), xs)
    others = torch.autograd.grad(sum([(d * d).sum() for d in others]), ts)
    close(first, others)


def close(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        b = b.detach().numpy()
        np.testing.assert_allclose(a.data, b, rtol=1e-9, atol=1e-10 * max(1, np.abs(b).max()))
