"""Parametrizations, the older norms and pruning with torch's weights: outputs, gradients, states."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import torch.nn.utils.prune as torch_prune

from tapegrad import nn
from tapegrad.nn.utils import prune

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4))


def pair(outputs=3):
    theirs = torch.nn.Linear(4, outputs).double()
    ours = nn.Linear(4, outputs, dtype=np.float64)
    load(ours, theirs)
    return ours, theirs


def load(ours, theirs):
    assert ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()}) == (
        [],
        [],
    )


def agree(ours, theirs, steps=3):
    """Outputs, gradients and states in several calls, which may change the states."""
    for _ in range(steps):
        y, z = ours(X), theirs(torch.tensor(X))
        np.testing.assert_allclose(y.numpy(), z.detach().numpy(), rtol=1e-9, atol=1e-12)
        ours.zero_grad()
        theirs.zero_grad()
        (y**2).sum().backward()
        (z**2).sum().backward()
        for (name, p), (other, q) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert name == other
            np.testing.assert_allclose(p.grad, q.grad.numpy(), rtol=1e-8, atol=1e-10)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for name, array in ours.state_dict().items():
        np.testing.assert_allclose(array, state[name].numpy(), rtol=1e-9, atol=1e-12, err_msg=name)


def agree_without(ours, theirs):
    nn.utils.parametrize.remove_parametrizations(ours, "weight")
    torch.nn.utils.parametrize.remove_parametrizations(theirs, "weight")
    agree(ours, theirs, 1)


@pytest.mark.parametrize("dim", [0, 1, None, -1])
def test_weight_norm(dim):
    ours, theirs = pair()
    nn.utils.parametrizations.weight_norm(ours, dim=dim)
    torch.nn.utils.parametrizations.weight_norm(theirs, dim=dim)
    agree(ours, theirs, 1)
    agree_without(ours, theirs)


@pytest.mark.parametrize("options", [{}, {"dim": 1}, {"dim": -1, "n_power_iterations": 3}, {"eps": 0.1}])
def test_spectral_norm(options):
    ours, theirs = pair()
    nn.utils.parametrizations.spectral_norm(ours, **options)
    torch.nn.utils.parametrizations.spectral_norm(theirs, **options)
    load(ours, theirs)
    agree(ours, theirs)
    agree(ours.eval(), theirs.eval())
    agree_without(ours, theirs)


@pytest.mark.parametrize("outputs", [3, 4, 6])
@pytest.mark.parametrize("kind", [None, "matrix_exp", "cayley", "householder"])
@pytest.mark.parametrize("trivialized", [True, False])
def test_orthogonal(outputs, kind, trivialized):
    ours, theirs = pair(outputs)
    options = {"orthogonal_map": kind, "use_trivialization": trivialized}
    nn.utils.parametrizations.orthogonal(ours, **options)
    torch.nn.utils.parametrizations.orthogonal(theirs, **options)
    if trivialized:  # its base is partly random
        load(ours, theirs)
    agree(ours, theirs, 1)
    with torch.no_grad():  # on the diagonal are signs, of which torch takes the whole part
        original = theirs.parametrizations.weight.original
        original += torch.tensor(RNG.normal(size=original.shape)).tril(-1)
    load(ours, theirs)
    agree(ours, theirs, 1)
    agree_without(ours, theirs)


@pytest.mark.parametrize(
    ("name", "options"),
    [("weight_norm", {"dim": d}) for d in (0, 1, None)] + [("spectral_norm", {"dim": d}) for d in (0, 1)],
)
def test_the_older_norms(name, options):
    ours, theirs = pair()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        getattr(nn.utils, name)(ours, **options)
        getattr(torch.nn.utils, name)(theirs, **options)
    load(ours, theirs)
    agree(ours, theirs)
    agree(ours.eval(), theirs.eval())
    getattr(nn.utils, f"remove_{name}")(ours)
    getattr(torch.nn.utils, f"remove_{name}")(theirs)
    agree(ours, theirs, 1)


def test_own_parametrizations():
    def build(library, triu):
        class Symmetric(library.Module):
            def forward(self, X):
                return triu(X) + triu(X, 1).T

            def right_inverse(self, A):
                return triu(A)

        class Doubled(library.Module):
            def forward(self, X):
                return X * 2

        return Symmetric(), Doubled()

    from tapegrad import autograd as ag

    ours, theirs = pair(4)
    for a, b in zip(build(nn, ag.triu), build(torch.nn, torch.triu), strict=True):
        nn.utils.parametrize.register_parametrization(ours, "weight", a)
        torch.nn.utils.parametrize.register_parametrization(theirs, "weight", b)
        agree(ours, theirs, 1)
    agree_without(ours, theirs)


def test_pruning():
    (ours, theirs), (more, others) = pair(), pair(5)
    steps = [
        ("l1_unstructured", ("weight", 0.3), {}),
        ("ln_structured", ("weight", 1), {"n": 2, "dim": 0}),
        ("l1_unstructured", ("weight", 2), {}),
        ("identity", ("bias",), {}),
    ]
    for name, args, options in steps:
        getattr(prune, name)(ours, *args, **options)
        getattr(torch_prune, name)(theirs, *args, **options)
        agree(ours, theirs, 1)
    mask = RNG.integers(0, 2, (3, 4))
    prune.custom_from_mask(ours, "weight", mask)
    torch_prune.custom_from_mask(theirs, "weight", torch.tensor(mask))
    agree(ours, theirs, 1)
    prune.global_unstructured([(ours, "weight"), (more, "weight")], prune.L1Unstructured, amount=0.4)
    pairs = [(theirs, "weight"), (others, "weight")]
    torch_prune.global_unstructured(pairs, torch_prune.L1Unstructured, amount=0.4)
    agree(more, others, 1)
    for name in ("weight", "bias"):
        prune.remove(ours, name)
        torch_prune.remove(theirs, name)
        agree(ours, theirs, 1)
