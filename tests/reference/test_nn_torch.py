"""Layers, losses and functions with the same weights in torch: outputs and all gradients."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad import nn
from tapegrad.nn import functional as F

N, S, E = 2, 5, 6


# ---------------------------------------------------------------------------------- layers


@pytest.mark.parametrize(
    "name, args, options",
    [
        ("Linear", (E, 3), {}),
        ("Linear", (E, 3), {"bias": False}),
        ("LayerNorm", (E,), {}),
        ("LayerNorm", ((S, E), 0.1), {}),
        ("LayerNorm", (E,), {"bias": False}),
        ("LayerNorm", (E,), {"elementwise_affine": False}),
        ("RMSNorm", (E,), {}),
        ("RMSNorm", ((S, E), 0.1), {}),
        ("RMSNorm", (E,), {"elementwise_affine": False}),
        ("GELU", (), {}),
        ("GELU", ("tanh",), {}),
        ("ReLU", (), {}),
        ("SiLU", (), {}),
        ("Tanh", (), {}),
        ("Sigmoid", (), {}),
        ("Softmax", (1,), {}),
        ("Dropout", (0.0,), {}),
    ],
)
def test_layer(name, args, options):
    compare_layers(pair(name, *args, **options), [RNG.normal(size=(N, S, E))])


@pytest.mark.parametrize("padding_idx", [None, 0, -1])
def test_embedding(padding_idx):
    compare_layers(pair("Embedding", 5, 4, padding_idx), [RNG.integers(0, 5, (N, S))])


@pytest.mark.parametrize("name", ["Linear", "LayerNorm", "Embedding", "MultiheadAttention"])
def test_weights_start_out_alike(name):
    """The same constants; where random, the same standard deviation, and bounds if there are any."""
    args = {"Linear": (64, 256), "LayerNorm": (9,), "Embedding": (128, 64), "MultiheadAttention": (64, 4)}
    args = args[name]
    nn.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = getattr(nn, name)(*args), getattr(torch.nn, name)(*args)
    assert [*ours.state_dict()] == [*theirs.state_dict()]
    for (key, a), b in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        b = b.numpy()
        assert a.shape == b.shape and a.dtype == b.dtype
        assert np.isclose(a.std(), b.std(), rtol=0.05 if a.ndim > 1 else 0.4), key
        assert np.isclose(a.mean(), b.mean(), atol=0.05), key
        if name != "Embedding":
            assert np.isclose(abs(a).max(), abs(b).max(), rtol=0.05), key


# ---------------------------------------------------------------------------------- functions and losses


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("shape", [(7, 4), (4,), (2, 4, 3), (2, 4, 3, 2)])
def test_cross_entropy(shape, label_smoothing, reduction):
    target = RNG.integers(0, 4, (*shape[:1], *shape[2:]) if len(shape) > 1 else ())
    options = {"reduction": reduction, "label_smoothing": label_smoothing}
    x = RNG.normal(size=shape)
    compare(F.cross_entropy, torch.nn.functional.cross_entropy, [x, target], options)
    compare_layers(pair("CrossEntropyLoss", **options), [x, target])
    if target.ndim:
        target[0] = 1
        options["ignore_index"] = 1
        compare(F.cross_entropy, torch.nn.functional.cross_entropy, [x, target], options)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_mse(reduction):
    compare_layers(pair("MSELoss", reduction=reduction), [RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))])


@pytest.mark.parametrize(
    "name, options",
    [
        ("softmax", {"dim": 1}),
        ("log_softmax", {"dim": 0}),
        ("gelu", {"approximate": "tanh"}),
        ("dropout", {"p": 0.5, "training": False}),
        ("layer_norm", {"normalized_shape": (4,), "eps": 0.1}),
        ("rms_norm", {"normalized_shape": (4,), "eps": 0.1}),
    ],
)
def test_functions_take_torchs_arguments(name, options):
    compare(getattr(F, name), getattr(torch.nn.functional, name), [RNG.normal(size=(2, 3, 4))], options)
