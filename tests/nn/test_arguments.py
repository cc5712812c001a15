"""Arguments as PyTorch has them: names, places, and those that are taken or refused for its order alone."""

import inspect

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3))
LAYERS = [
    nn.Linear(4, 4),
    nn.LayerNorm(4),
    nn.RMSNorm(4),
    nn.GELU(),
    nn.ReLU(),
    nn.SiLU(),
    nn.Tanh(),
    nn.Sigmoid(),
    nn.Softmax(),
    nn.Dropout(0.0),
    nn.PositionalEncoding(4),
    nn.Sequential(nn.Tanh()),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_the_first_argument_of_forward_is_input(layer):
    x = RNG.normal(size=(2, 4)).astype(np.float32)
    np.testing.assert_array_equal(layer(input=x).numpy(), layer(x).numpy())


def test_the_first_argument_of_functions_is_input():
    others = """scaled_dot_product_attention multi_head_attention multi_head_attention_forward gumbel_softmax
        bilinear affine_grid cdist cosine_embedding_loss cosine_similarity ctc_loss linear_cross_entropy
        margin_ranking_loss one_hot pairwise_distance triplet_margin_loss
        triplet_margin_with_distance_loss"""
    for name in set(F.__all__) - set(others.split()):
        assert next(iter(inspect.signature(getattr(F, name)).parameters)) == "input", name
    assert nn.Embedding(3, 2)(input=[1]).shape == (1, 2)
    assert nn.CrossEntropyLoss()(input=[[0.0, 0.0]], target=[1]).item() == pytest.approx(np.log(2))


# ---------------------------------------------------------------------------------- places


def test_places_of_attention():
    layer = nn.MultiheadAttention(8, 2, 0.1, False, True, True, 3, 5, True, "cpu", np.float64)
    assert layer.dropout == 0.1 and layer.batch_first and layer.in_proj_bias is None
    assert layer.bias_k.shape == (1, 1, 8) and layer.add_zero_attn and (layer.kdim, layer.vdim) == (3, 5)
    assert layer.out_proj.weight.dtype == np.float64


@pytest.mark.parametrize("kind", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
def test_places_of_layers(kind):
    layer = kind(8, 2, 16, 0.1, F.gelu, 0.5, True, True, False, None, np.float64)
    assert layer.norm1.eps == 0.5 and layer.self_attn.batch_first and layer.norm_first
    assert layer.linear1.bias is None and layer.linear1.weight.dtype == np.float64


def test_places_of_the_transformer():
    whole = nn.Transformer(8, 2, 1, 1, 16, 0.1, "gelu", None, None, 0.5, True, True, False, "cpu", np.float64)
    assert whole.batch_first and whole.encoder.norm.eps == 0.5 and whole.decoder.layers[0].norm_first
    assert whole.encoder.norm.bias is None and {p.dtype for p in whole.parameters()} == {np.dtype(float)}
    own = nn.Linear(8, 8)
    custom = nn.Transformer(8, 2, 1, 1, 16, custom_encoder=own)
    assert custom.encoder is own and custom.decoder.layers[0].linear1.weight.dtype == np.float32
    layer = nn.TransformerEncoderLayer(8, 2, 16)
    assert len(nn.TransformerEncoder(layer, 2, None, False, False).layers) == 2


def test_places_of_losses_and_tables():
    loss = nn.CrossEntropyLoss(None, None, 1, None, "sum", 0.1)
    assert (loss.ignore_index, loss.reduction, loss.label_smoothing) == (1, "sum", 0.1)
    x, t = np.zeros((2, 3)), [1, 2]
    assert F.cross_entropy(x, t, None, None, 1, None, "sum", 0.1).item() == loss(x, t).item()
    assert nn.MSELoss(None, None, "sum")([1.0], [3.0]).item() == 4
    table = np.arange(6.0).reshape(3, 2)
    layer = nn.Embedding(3, 2, -3, 9.0, 1.0, True, True, table, True, None, np.float64)
    assert layer.padding_idx == 0 and (layer.max_norm, layer.norm_type) == (9.0, 1.0)
    assert layer.scale_grad_by_freq and layer.sparse
    bags = nn.EmbeddingBag(3, 2, 9.0, 1.0, True, "sum", True, table, True, 1, "cpu", np.float64)
    assert (bags.mode, bags.include_last_offset, bags.padding_idx) == ("sum", True, 1)
    np.testing.assert_array_equal(bags([2, 1, 2], [0, 2, 3]).numpy(), [[4, 5], [4, 5]])
    layer.max_norm = None
    np.testing.assert_array_equal(layer([2]).numpy(), [[4, 5]])
    assert not layer.weight.requires_grad and layer.weight.numpy() is not table
    with pytest.raises(ValueError, match=r"_weight of shape \(3, 2\), expected \(4, 2\)"):
        nn.Embedding(4, 2, _weight=table)


# ---------------------------------------------------------------------------------- device, dtype, inplace

MADE = {
    "Linear": (2, 2),
    "Bilinear": (2, 2, 2),
    "Embedding": (2, 2),
    "EmbeddingBag": (2, 2),
    "LayerNorm": (2,),
    "RMSNorm": (2,),
    "MultiheadAttention": (2, 1),
    "PositionalEncoding": (2, 5, 0.0, True),
    "TransformerEncoderLayer": (2, 1, 2),
    "TransformerDecoderLayer": (2, 1, 2),
    "Transformer": (2, 1, 1, 1, 2),
}


@pytest.mark.parametrize("name, args", MADE.items(), ids=MADE)
def test_device_and_dtype(name, args):
    kind = getattr(nn, name)
    for dtype, expected in [(None, np.float32), (np.float64, np.float64), ("float16", np.float16)]:
        assert {p.dtype for p in kind(*args, device="cpu", dtype=dtype).parameters()} == {np.dtype(expected)}
    with pytest.raises(ValueError, match=rf"^{name}: device='cuda:0' is not there"):
        kind(*args, device="cuda:0")


CHANGE = {  # what takes `inplace`, as a function and in a layer
    "relu": (F.relu, nn.ReLU),
    "silu": (F.silu, nn.SiLU),
    "dropout": (lambda x, inplace: F.dropout(x, 0.5, True, inplace), nn.Dropout),
}


@pytest.mark.parametrize("name", CHANGE)
def test_inplace_changes_the_input(name):
    f, kind = CHANGE[name]
    for change in (f, lambda x, inplace: kind(inplace=inplace)(x)):
        leaf, other = (Tensor(X, requires_grad=True) for _ in range(2))
        nn.manual_seed(0)
        expected = change(other * 1, False)
        x = leaf * 1
        nn.manual_seed(0)
        assert change(x, True) is x
        np.testing.assert_array_equal(x.numpy(), expected.numpy())
        (x * X).sum().backward()
        (expected * X).sum().backward()
        np.testing.assert_array_equal(leaf.grad, other.grad)

        array = X.copy()
        constant = Tensor(array)
        nn.manual_seed(0)
        change(constant, True)
        np.testing.assert_array_equal(array, expected.numpy())  # as an ndarray's own operators do
        with pytest.raises(RuntimeError, match="a leaf that requires a gradient is not changed in place"):
            change(leaf, True)


def test_dtype_of_softmax():
    x = np.array([[1, 2]])
    for f in (F.softmax, F.log_softmax):
        y = f(x, -1, dtype=np.float32)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y.numpy(), f(x.astype(float), 1).numpy(), rtol=1e-6)
        with pytest.raises(ValueError, match="softmax: say along which axis, dim=-1"):
            f(x, None)
    half = np.full(1000, 10.0, np.float16)
    assert F.softmax(half, 0, dtype=np.float32).dtype == np.float32


# ---------------------------------------------------------------------------------- refused, with a way out


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"size_average": False}, "sum"),
        ({"size_average": True}, "mean"),
        ({"reduce": False}, "none"),
        ({"reduce": False, "size_average": True}, "none"),
        ({"reduce": True, "size_average": False}, "sum"),
    ],
)
def test_what_came_before_reduction(old, new):
    for f, layer, target in ((F.cross_entropy, nn.CrossEntropyLoss, [0, 1]), (F.mse_loss, nn.MSELoss, X)):
        expected = f(X, np.array(target), reduction=new).numpy()
        with pytest.warns(DeprecationWarning, match=f"reduction='{new}' says the same"):
            np.testing.assert_array_equal(f(X, np.array(target), **old).numpy(), expected)
        with pytest.warns(DeprecationWarning, match=f"^{layer.__name__}: size_average= and reduce= are old"):
            made = layer(**old)
        np.testing.assert_array_equal(made(X, target).numpy(), expected)


@pytest.mark.parametrize("f", [F.cross_entropy, F.mse_loss])
def test_a_reduction_that_is_none(f):
    with pytest.raises(ValueError, match=f"{f.__name__}: reduction is 'mean', 'sum' or 'none', not 'all'"):
        f(X, X, reduction="all")
