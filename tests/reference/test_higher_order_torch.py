"""First, second and third derivatives equal PyTorch's."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special

X = np.random.default_rng(0).uniform(0.5, 1.5, (3, 3))
W = np.random.default_rng(1).standard_normal((3, 3))


def softmax(x):
    return special.softmax(x, -1) if isinstance(x, Tensor) else torch.softmax(x, -1)


def np_or_torch(name):
    return lambda x: getattr(np if isinstance(x, Tensor) else torch, name)(x)


tanh, exp = np_or_torch("tanh"), np_or_torch("exp")

FUNCTIONS = {
    "tanh": lambda x, w: tanh(x),
    "power": lambda x, w: x**3.5,
    "power of a tensor": lambda x, w: x**x,
    "softmax": lambda x, w: softmax(x),
    "matmul": lambda x, w: x @ w @ x,
    "matrix and vector": lambda x, w: (x @ w)[0] @ x,
    "division": lambda x, w: exp(x) / (x + w * w),
    "attention": lambda x, w: softmax(x @ w @ x.mT) @ x,
    "network": lambda x, w: tanh(tanh(x @ w) @ w.mT) * x,
    "reductions": lambda x, w: x.sum(0) * x.mean() * w,
    "indexing": lambda x, w: x[[0, 0, 2]] * x[:, 1:2] * w[0],
    "reshape": lambda x, w: x.reshape(9)[:6].reshape(2, 3) @ x**2,
}


def chain(f, make, grad, sum_of):
    """Three derivatives, each of a weighted sum of the one before, with respect to x and w."""
    x, w = make(X), make(W)
    y = f(x, w)
    found = [y]
    for _ in range(3):
        gx, gw = grad(sum_of(y), [x, w])
        found += [g for g in (gx, gw) if g is not None]
        y = (gx * tanh(x) if gx is not None else 0) + (gw * tanh(w) if gw is not None else 0)
    return found


@pytest.mark.parametrize("name", FUNCTIONS)
def test_three_derivatives(name):
    with ag.higher_order():
        ours = chain(
            FUNCTIONS[name],
            lambda a: Tensor(a, requires_grad=True),
            lambda y, inputs: ag.grad(y, inputs, create_graph=True, allow_unused=True),
            lambda y: (y * y).sum(),
        )
    theirs = chain(
        FUNCTIONS[name],
        lambda a: torch.tensor(a, requires_grad=True),
        lambda y, inputs: torch.autograd.grad(y, inputs, create_graph=True, allow_unused=True),
        lambda y: (y * y).sum(),
    )
    assert len(ours) == len(theirs) >= 4
    for a, b in zip(ours, theirs, strict=True):
        b = b.detach().numpy()
        np.testing.assert_allclose(a.data, b, rtol=1e-9, atol=1e-12 * max(1, np.abs(b).max()))
