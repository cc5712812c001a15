"""checkpoint beside torch.utils.checkpoint: gradients of the same network, and of its gradients."""

import numpy as np
import pytest

from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor

torch = pytest.importorskip("torch")
checkpoint = pytest.importorskip("torch.utils.checkpoint")


def networks():
    nn.manual_seed(0)
    ours = nn.Sequential(*(layer for _ in range(4) for layer in (nn.Linear(3, 3), nn.Tanh()))).double()
    theirs = torch.nn.Sequential(
        *(layer for _ in range(4) for layer in (torch.nn.Linear(3, 3), torch.nn.Tanh()))
    ).double()
    theirs.load_state_dict({name: torch.tensor(array) for name, array in ours.state_dict().items()})
    return ours, theirs


X = np.random.default_rng(0).standard_normal((5, 3))


@pytest.mark.parametrize("segments", [1, 2, 3, 8])
def test_segments(segments):
    ours, theirs = networks()
    x, t = Tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    out = nn.utils.checkpoint_sequential(ours, segments, x)
    right = checkpoint.checkpoint_sequential(theirs, segments, t, use_reentrant=False)
    np.testing.assert_allclose(out.data, right.detach().numpy(), rtol=1e-12)
    (out * out).sum().backward()
    (right * right).sum().backward()
    np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-10)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-10, atol=1e-14)
    names, node = [], out.node
    while node is not None and node.edges:
        names.append(node.name)
        node = node.edges[0][0]
    assert names.count("checkpoint") == segments - 1


def test_second_derivatives():
    ours, theirs = networks()
    x, t = Tensor(X, requires_grad=True), torch.tensor(X, requires_grad=True)
    with ag.higher_order():
        (g,) = ag.grad(ag.checkpoint(ours, x).sum(), x, create_graph=True)
        (g * g).sum().backward()
    out = checkpoint.checkpoint(theirs, t, use_reentrant=False)
    (h,) = torch.autograd.grad(out.sum(), t, create_graph=True)
    (h * h).sum().backward()
    np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-9, atol=1e-14)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        right = np.zeros(p.shape) if q.grad is None else q.grad.numpy()
        found = np.zeros(p.shape) if p.grad is None else p.grad
        np.testing.assert_allclose(found, right, rtol=1e-9, atol=1e-14)
