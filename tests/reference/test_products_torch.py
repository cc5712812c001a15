"""Products and norms beside PyTorch's: values, gradients, second derivatives; also at zeros, ties and nan."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, linalg

TL = torch.linalg
INF, NAN = np.inf, np.nan


def normal(*shape):
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape)


def compare(ours, theirs, *arrays):
    """f, its gradient, and that of the gradient's squares, but where PyTorch's is nan for what is 0 here."""
    xs = [Tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    with ag.higher_order():
        y = ours(*xs)
        z = theirs(*ts)
        np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-12)
        g = np.random.default_rng(1).standard_normal(y.shape)
        first = ag.grad(y, xs, g, create_graph=True)
        other = torch.autograd.grad(z, ts, torch.tensor(g), create_graph=True, materialize_grads=True)
        for a, b in zip(first, other, strict=True):
            np.testing.assert_allclose(a.data, b.detach().numpy(force=True), rtol=1e-11, atol=1e-12)
        loss = sum((a * a).sum() for a in first) + sum((0 * x).sum() for x in xs)
        their_loss = sum((b * b).sum() for b in other) + sum((0 * t).sum() for t in ts)
    for a, b in zip(ag.grad(loss, xs), torch.autograd.grad(their_loss, ts), strict=True):
        b = b.numpy(force=True)
        b = np.where(np.isnan(b), 0, b)  # of the second derivative where a norm is 0
        np.testing.assert_allclose(a.data, b, rtol=1e-10, atol=1e-10)


PAIRS = {
    "inner": (ag.inner, torch.inner, normal(2, 3), normal(4, 3)),
    "outer": (ag.outer, torch.outer, normal(2), normal(3)),
    "vdot": (ag.vdot, torch.vdot, normal(4), normal(4)),
    "vecdot": (lambda a, b: ag.vecdot(a, b, axis=0), lambda a, b: TL.vecdot(a, b, dim=0),
               normal(3, 2), normal(3, 2)),
    "kron": (ag.kron, torch.kron, normal(2, 3), normal(4)),
    "tensordot": (lambda a, b: ag.tensordot(a, b, 2), torch.tensordot, normal(2, 3, 4), normal(3, 4, 5)),
    "tensordot axes": (
        lambda a, b: ag.tensordot(a, b, ([0, 2], [1, 0])),
        lambda a, b: torch.tensordot(a, b, ([0, 2], [1, 0])),
        normal(2, 3, 4), normal(4, 2),
    ),
    "cross": (lambda a, b: linalg.cross(a, b, axis=1), lambda a, b: TL.cross(a, b, dim=1),
              normal(2, 3, 2), normal(2, 3, 2)),
    "multi_dot": (lambda *x: linalg.multi_dot(x), lambda *x: TL.multi_dot(x),
                  normal(2), normal(2, 5), normal(5, 3)),
    "matrix_power": (lambda x: linalg.matrix_power(x, 5), lambda x: TL.matrix_power(x, 5), normal(2, 3, 3)),
    "matrix_power 0": (lambda x: linalg.matrix_power(x, 0), lambda x: TL.matrix_power(x, 0) + 0 * x,
                       normal(3, 3)),
    "vander": (lambda x: ag.vander(x, 4, True), lambda x: TL.vander(x, N=4), normal(3)),
    "block_diag": (linalg.block_diag, torch.block_diag, normal(2, 3), normal(1, 2), normal(3)),
    "trace": (linalg.trace, lambda x: x.diagonal(dim1=-2, dim2=-1).sum(-1), normal(2, 3, 3)),
    **{
        f"einsum {t}": (lambda *x, t=t: ag.einsum(t, *x), lambda *x, t=t: torch.einsum(t, *x), *inputs)
        for t, *inputs in [
            ("bij,bjk->bik", normal(2, 3, 4), normal(2, 4, 3)),
            ("bhid,bhjd->bhij", normal(2, 2, 3, 4), normal(2, 2, 5, 4)),
            ("ij,ij->i", normal(2, 3), normal(2, 3)),
            ("bi,bj->bij", normal(2, 3), normal(2, 4)),
            ("ijb,jkb->kbi", normal(2, 3, 2), normal(3, 4, 2)),
            ("bij,bjk->bik", normal(1, 3, 4), normal(2, 4, 3)),
            ("ii,ij,jk->k", normal(3, 3), normal(3, 2), normal(2, 4)),
            ("...ij,...kj->...ik", normal(2, 1, 2, 3), normal(4, 3, 3)),
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
def test_products(name):
    compare(*PAIRS[name])


X = normal(3, 4)
FIFTH = np.arange(12).reshape(3, 4) == 5
KINDS = {
    "normal": X, "zeros": X * 0, "a zero": np.where(np.arange(4) == 1, 0, X), "ties": np.sign(X),
    "row": X[:1], "nan": np.where(FIFTH, NAN, X), "inf": np.where(FIFTH, INF, X),
}  # fmt: skip


@pytest.mark.parametrize("axis", [None, 0, -1])
@pytest.mark.parametrize("ord", [2, 1, 0, INF, -INF, 3, 2.5, 4])
@pytest.mark.parametrize("kind", ["normal", "zeros", "a zero", "ties", "row"])
def test_norms_of_vectors(kind, ord, axis):
    compare(
        lambda x: linalg.vector_norm(x, ord=ord, axis=axis, keepdims=True),
        lambda x: TL.vector_norm(x, ord, axis, keepdim=True),
        KINDS[kind],
    )


@pytest.mark.parametrize("ord", [1.5, 0.5, -1, -2])
def test_norms_of_other_powers(ord):
    compare(lambda x: linalg.norm(x, ord, 1), lambda x: TL.vector_norm(x, ord, 1), X)


@pytest.mark.parametrize("ord", [2, 1, INF, -INF, 3, 1.5, 0.5])
@pytest.mark.parametrize("kind", ["nan", "inf", "zeros", "a zero"])
@np.errstate(invalid="ignore")  # NumPy warns of inf / inf where PyTorch is silent
def test_gradients_of_norms_of_vectors(kind, ord):
    x, t = Tensor(KINDS[kind], requires_grad=True), torch.tensor(KINDS[kind], requires_grad=True)
    linalg.norm(x, ord, 1).sum().backward()
    TL.vector_norm(t, ord, 1).sum().backward()
    expected = t.grad.numpy()
    if kind == "nan" and ord in (1, INF, -INF):  # the sign of nan, which PyTorch takes for 0
        expected[np.isnan(KINDS[kind])] = NAN
    np.testing.assert_allclose(x.grad, expected, rtol=1e-12)


@pytest.mark.parametrize("ord", ["fro", 1, -1, INF, -INF])
@pytest.mark.parametrize("kind", ["normal", "ties", "row"])
def test_norms_of_matrices(kind, ord):
    compare(lambda x: linalg.matrix_norm(x, ord=ord), lambda x: TL.matrix_norm(x, ord), KINDS[kind])
    stack = np.stack([KINDS[kind]] * 2)
    compare(lambda x: linalg.norm(x, ord, (2, 0)), lambda x: TL.norm(x, ord, (2, 0)), stack)
