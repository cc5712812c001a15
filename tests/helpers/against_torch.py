"""The same layer here and in torch, with the same weights. Import after pytest.importorskip("torch")."""

import numpy as np
import torch

from tapegrad import nn
from tapegrad.autograd import Tensor

RNG = np.random.default_rng(0)


def pair(name, *args, **options):
    """The layer here and in torch with the same float64 weights, all random."""
    ours = getattr(nn, name)(*args, **options).double()
    theirs = getattr(torch.nn, name)(*args, **options).double()
    state = {key: torch.tensor(RNG.normal(size=p.shape)) for key, p in theirs.state_dict().items()}
    theirs.load_state_dict(state)
    assert ours.load_state_dict(state) == ([], [])
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]
    return ours, theirs


def compare(ours, theirs, inputs, options=None, modules=(), tolerance=None):
    """Call both with arrays as inputs and as masks: outputs, gradients of inputs and of `modules` agree.

    To about 1e-9 of each number, or to `tolerance` of the largest of an array.
    """
    options = options or {}
    mine = [Tensor(x, requires_grad=True) if x.dtype.kind == "f" else x for x in inputs]
    other = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    y = _outputs(ours(*mine, **options))
    z = _outputs(theirs(*other, **{key: _for_torch(option) for key, option in options.items()}))
    loss, torch_loss = 0, 0
    for a, b in zip(y, z, strict=True):
        close(a.numpy(), b.detach().numpy(), 1e-9, 1e-11, tolerance)
        g = RNG.normal(size=a.shape)
        loss, torch_loss = (a * g).sum() + loss, (b * torch.tensor(g)).sum() + torch_loss
    loss.backward()
    torch_loss.backward()
    for a, b in zip(mine, other, strict=True):
        if isinstance(a, Tensor):
            close(a.grad, b.grad.numpy(), 1e-9, 1e-10, tolerance)
    if modules:
        compare_gradients(*modules, tolerance=tolerance)


def compare_layers(layers, inputs, options=None):
    compare(*layers, inputs, options, layers)


def compare_gradients(ours, theirs, tolerance=None):
    grads = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
    for name, p in ours.named_parameters():
        close(p.grad, grads[name], 1e-8, 1e-9, tolerance, name)


def close(found, wanted, rtol, atol, tolerance=None, name=""):
    if tolerance is not None:
        rtol, atol = tolerance, tolerance * max(1, np.max(np.abs(wanted), initial=0))
    np.testing.assert_allclose(found, wanted, rtol=rtol, atol=atol, err_msg=name)


def _outputs(out):
    return [one for one in out if one is not None] if isinstance(out, tuple) else [out]


def _for_torch(option):
    return torch.tensor(option) if isinstance(option, np.ndarray) else option
