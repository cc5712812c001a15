"""Embedding, EmbeddingBag, Bilinear and training with sparse gradients give PyTorch's numbers."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import compare_layers, pair
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(20, 6))
IDS = RNG.integers(0, 20, (7, 9))
OFFSETS = np.array([0, 0, 5, 17, 17, 40, 63])


def both(name, ids, dtype=np.float64, seed=1, **options):
    """(result, table, gradient) here and in torch."""
    found = []
    for F_, tensor, convert in (
        (F, lambda x: Tensor(x, requires_grad=True), lambda x: x),
        (torch.nn.functional, lambda x: torch.tensor(x, requires_grad=True), torch.tensor),
    ):
        w = tensor(TABLE.astype(dtype))
        given = {k: convert(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        scale = given.get("per_sample_weights")
        if scale is not None:
            scale = given["per_sample_weights"] = tensor(options["per_sample_weights"].astype(dtype))
        y = getattr(F_, name)(convert(ids), w, **given)
        (y * convert(np.random.default_rng(seed).normal(size=tuple(y.shape)).astype(dtype))).sum().backward()
        grad = w.grad.to_dense() if options.get("sparse") else w.grad
        found.append([y.data, w.data, grad, *([] if scale is None else [scale.grad])])
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == dtype
        tolerance = 1e-9 if dtype == np.float64 else 1e-4
        np.testing.assert_allclose(ours, np.asarray(theirs.detach()), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("padding_idx", [None, 3, -2])
@pytest.mark.parametrize(
    "norm", [{}, {"max_norm": 1.5}, {"max_norm": 1.0, "norm_type": 1.0}, {"max_norm": 9.0}]
)
@pytest.mark.parametrize("option", [{}, {"scale_grad_by_freq": True}, {"sparse": True}])
def test_embedding(dtype, padding_idx, norm, option):
    both("embedding", IDS, dtype, padding_idx=padding_idx, **norm, **option)


@pytest.mark.parametrize("norm_type", [0.5, 1.0, 2.0, 3.0, np.inf])
def test_norms(norm_type):
    both("embedding", IDS, max_norm=0.7, norm_type=norm_type)


BAGS = {
    "rows": (IDS, {}),
    "offsets": (IDS.reshape(-1), {"offsets": OFFSETS}),
    "last": (IDS.reshape(-1), {"offsets": OFFSETS, "include_last_offset": True}),
    "int32": (IDS.astype(np.int32), {}),
}
OPTIONS = [{}, {"padding_idx": 4}, {"padding_idx": -1, "max_norm": 1.0}, {"sparse": True}]


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("bags, option", [*itertools.product(BAGS, OPTIONS)])
def test_bags(bags, mode, option):
    if mode == "max":
        option = {**option, "sparse": False}
    ids, options = BAGS[bags]
    both("embedding_bag", ids, mode=mode, **options, **option)


@pytest.mark.parametrize("bags, option", [*itertools.product(BAGS, OPTIONS)])
def test_weights_of_samples(bags, option):
    ids, options = BAGS[bags]
    scale = RNG.normal(size=ids.shape)
    both("embedding_bag", ids, mode="sum", per_sample_weights=scale, **options, **option)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_many_ids(mode):
    """So many that they are added in the faster ways."""
    ids = RNG.integers(0, 20, (40, 300))
    both("embedding_bag", ids, np.float32, mode=mode)
    starts = np.sort(RNG.integers(0, ids.size, 50))
    starts[0] = 0
    both("embedding_bag", ids.reshape(-1), np.float32, mode=mode, offsets=starts)
    both("embedding", ids, np.float32)


def test_modules():
    compare_layers(pair("Embedding", 20, 6, 3, scale_grad_by_freq=True), [IDS])
    compare_layers(pair("EmbeddingBag", 20, 6, mode="sum", padding_idx=3), [IDS])
    compare_layers(pair("EmbeddingBag", 20, 6, include_last_offset=True), [IDS.reshape(-1), OFFSETS])
    compare_layers(pair("Bilinear", 3, 4, 5), [RNG.normal(size=(2, 6, 3)), RNG.normal(size=(2, 6, 4))])
    compare_layers(pair("Bilinear", 3, 4, 5, bias=False), [RNG.normal(size=3), RNG.normal(size=4)])


@pytest.mark.parametrize("name", ["Embedding", "EmbeddingBag"])
def test_attributes_and_repr(name):
    for options in ({}, {"padding_idx": -3}, {"max_norm": 2.0, "norm_type": 1.0, "scale_grad_by_freq": True}):
        ours, theirs = getattr(nn, name)(9, 4, **options), getattr(torch.nn, name)(9, 4, **options)
        assert ours.extra_repr() == theirs.extra_repr()
        for attribute in type(theirs).__constants__:
            assert getattr(ours, attribute) == getattr(theirs, attribute)


def test_initial_values_of_bilinear():
    ours, theirs = nn.Bilinear(16, 9, 50), torch.nn.Bilinear(16, 9, 50)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert np.abs(p.numpy()).max() <= 0.25 and abs(p.numpy().std() / q.detach().numpy().std() - 1) < 0.2


# ------------------------------------------------------------------------------------------ training


def trained(library, make, wanted):
    """The table after steps that look at different rows, accumulate, and have a dense step among them."""
    layer = make(library.nn.Embedding)
    optimizer = wanted(library.optim, layer.parameters())
    generator = np.random.default_rng(2)
    for _ in range(6):
        for _ in range(2):
            ids = generator.integers(0, 20, (3, 4))
            y = layer(ids if library is OURS else torch.tensor(ids))
            seed = generator.normal(size=(3, 4, 6))
            (y * (seed if library is OURS else torch.tensor(seed))).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return layer.weight.data


class OURS:
    nn = nn
    optim = nn.optim


def table(kind):
    weight = TABLE if kind is nn.Embedding else torch.tensor(TABLE)
    return kind(20, 6, sparse=True, _weight=weight.copy() if kind is nn.Embedding else weight)


@pytest.mark.parametrize("options", [{}, {"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
def test_sgd(options):
    def wanted(optim, params):
        return optim.SGD(params, lr=0.1, **options)

    np.testing.assert_allclose(trained(OURS, table, wanted), trained(torch, table, wanted), rtol=1e-9)


@pytest.mark.parametrize("options", [{}, {"eps": 0.1}, {"betas": (0.5, 0.6), "lr": 0.1}])
def test_adam_is_sparse_adam(options):
    def wanted(optim, params):
        return getattr(optim, "Adam" if optim is nn.optim else "SparseAdam")(params, **options)

    np.testing.assert_allclose(trained(OURS, table, wanted), trained(torch, table, wanted), rtol=1e-9)
