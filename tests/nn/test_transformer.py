"""Transformer layers: figures recorded from PyTorch, masks, stacks, and the way they are built."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor

GOLDEN = json.loads((Path(__file__).parent / "golden" / "transformer_layers.json").read_text())
RNG = np.random.default_rng(0)
N, S, T, E = 2, 5, 4, 8
close = np.testing.assert_allclose


def golden_layer(kind, activation, norm_first):
    """As in the file's recipe: every parameter holds cos(0), cos(1), ... (`cos` there)."""
    layer = kind(4, 2, 16, 0.0, activation, norm_first=norm_first, dtype=np.float64)
    cos = np.float32(GOLDEN["cos"])
    layer.load_state_dict({name: cos[: a.size].reshape(a.shape) for name, a in layer.state_dict().items()})
    return layer


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("kind", ["enc", "dec_causal"])
def test_a_layer_gives_the_recorded_output_and_gradients(kind, activation, norm_first):
    golden = GOLDEN[f"{kind}_{activation}_normfirst{norm_first}"]
    x = np.array(GOLDEN["enc_in"])
    if kind == "enc":
        layer = golden_layer(nn.TransformerEncoderLayer, activation, norm_first)
        inputs = {"dx": Tensor(x, requires_grad=True)}
        y = layer(*inputs.values())
    else:
        layer = golden_layer(nn.TransformerDecoderLayer, activation, norm_first)
        inputs = {"dtgt": Tensor(x[:3], requires_grad=True), "dmem": Tensor(x, requires_grad=True)}
        y = layer(*inputs.values(), nn.Transformer.generate_square_subsequent_mask(3))
        np.testing.assert_array_equal(layer(*inputs.values(), tgt_is_causal=True).numpy(), y.numpy())
    loss = np.square(y).sum()
    loss.backward()
    close(y.numpy(), golden["out"], rtol=1e-12)
    close(loss.item(), golden.get("loss_sumsq", loss.item()), rtol=1e-12)
    for name, tensor in inputs.items():
        close(tensor.grad, golden[name], rtol=1e-10, atol=1e-12)
    norms = {name: np.linalg.norm(p.grad) for name, p in layer.named_parameters()}
    assert list(norms) == list(golden["grad_norms"])
    for name, norm in norms.items():
        close(norm, golden["grad_norms"][name], rtol=1e-11)


def small(**options):
    nn.manual_seed(0)
    return nn.Transformer(E, 2, 2, 2, 16, dropout=0.0, batch_first=True, dtype=np.float64, **options)


def test_the_copies_of_a_layer_start_out_different_only_in_the_whole_transformer():
    layer = nn.TransformerEncoderLayer(E, 2, 16)
    encoder = nn.TransformerEncoder(layer, 3)
    first, last = encoder.layers[0], encoder.layers[2]
    assert first is not layer and first.linear1.weight is not last.linear1.weight
    np.testing.assert_array_equal(first.linear1.weight.numpy(), last.linear1.weight.numpy())
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(E, 2, 16), 2)
    assert decoder.layers[0].linear1.weight is not decoder.layers[1].linear1.weight
    whole = small()
    first, last = whole.encoder.layers
    assert (first.linear1.weight.numpy() != last.linear1.weight.numpy()).all()
    assert encoder.norm is None and isinstance(whole.encoder.norm, nn.LayerNorm)


def test_every_matrix_of_the_whole_starts_within_xaviers_bound_and_reaches_it():
    model = nn.Transformer(32, 4, 1, 1, 64)
    for name, p in model.named_parameters():
        if p.ndim > 1:
            bound = (6 / sum(p.shape)) ** 0.5
            assert 0.98 * bound < abs(p.data).max() <= bound, name


def test_the_whole_is_its_stacks():
    model = small()
    src, tgt = RNG.normal(size=(N, S, E)), RNG.normal(size=(N, T, E))
    y = model(src, tgt, tgt_is_causal=True)
    memory = src
    for layer in model.encoder.layers:
        memory = layer(memory)
    memory, x = model.encoder.norm(memory), tgt
    for layer in model.decoder.layers:
        x = layer(x, memory, tgt_is_causal=True)
    np.testing.assert_array_equal(y.numpy(), model.decoder.norm(x).numpy())


@pytest.mark.parametrize("norm_first", [False, True])
def test_masks_hide_what_they_cover(norm_first):
    model = small(norm_first=norm_first)
    src, tgt = RNG.normal(size=(N, S, E)), RNG.normal(size=(N, T, E))
    padding = np.zeros((N, S), bool)
    padding[:, 3:] = True
    steps = model.generate_square_subsequent_mask(T)
    options = {"src_key_padding_mask": padding, "memory_key_padding_mask": padding, "tgt_mask": steps}
    y = model(src, tgt, **options).numpy()
    close(model(src[:, :3], tgt, tgt_is_causal=True).numpy(), y, rtol=1e-10, atol=1e-12)
    src[:, 3:] += 1
    np.testing.assert_array_equal(model(src, tgt, **options).numpy(), y)
    for t in range(1, T):
        changed = tgt.copy()
        changed[:, t:] += RNG.normal(size=(N, T - t, E))
        z = model(src, changed, **options).numpy()
        np.testing.assert_array_equal(z[:, :t], y[:, :t])
        assert (z[:, t:] != y[:, t:]).any(-1).all()


def test_src_and_memory_may_be_causal_too():
    model = small()
    src, tgt = RNG.normal(size=(N, S, E)), RNG.normal(size=(N, S, E))
    flags = {"src_is_causal": True, "tgt_is_causal": True, "memory_is_causal": True}
    steps = dict.fromkeys(["src_mask", "tgt_mask", "memory_mask"], ~np.tri(S, dtype=bool))
    y = model(src, tgt, **flags).numpy()
    close(model(src, tgt, **steps).numpy(), y, atol=1e-12)
    src[:, 2:] += 1
    np.testing.assert_array_equal(model(src, tgt, **flags).numpy()[:, :2], y[:, :2])


def test_layouts_agree():
    model = small()
    src, tgt = RNG.normal(size=(N, S, E)), RNG.normal(size=(N, T, E))
    y = model(src, tgt).numpy()
    for module in model.modules():
        if isinstance(module, nn.MultiheadAttention):
            module.batch_first = False
    close(model(src.swapaxes(0, 1), tgt.swapaxes(0, 1)).numpy().swapaxes(0, 1), y, atol=1e-12)
    close(model(src[0], tgt[0]).numpy(), y[0], atol=1e-12)  # without a batch


def test_dropout_is_drawn_while_training_and_repeats_with_a_seed():
    model = nn.Transformer(E, 2, 1, 1, 16, dropout=0.5, batch_first=True)
    src, tgt = np.ones((N, S, E), np.float32), np.ones((N, T, E), np.float32)

    def run():
        nn.manual_seed(5)
        return model(src, tgt).numpy()

    first = run()
    np.testing.assert_array_equal(run(), first)
    assert (model(src, tgt).numpy() != first).any()
    model.eval()
    np.testing.assert_array_equal(run(), model(src, tgt).numpy())
    assert (run() != first).any()


@pytest.mark.parametrize("kind", [nn.TransformerEncoderLayer, nn.TransformerDecoderLayer])
@pytest.mark.parametrize("norm_first", [True, False])
def test_every_dropout_stands_where_it_should(kind, norm_first):
    """With probability 1 it takes out what it stands behind, as zero weights there do."""
    ends = ("self_attn.out_proj", "multihead_attn.out_proj", "linear2")
    attn, cross, feed = ([f"{end}.weight", f"{end}.bias"] for end in ends)
    cut = {"self_attn": attn[:1], "dropout": feed[:1], "dropout1": attn, "dropout2": feed}
    if kind is nn.TransformerDecoderLayer:
        cut |= {"multihead_attn": cross[:1], "dropout2": cross, "dropout3": feed}
    layer = kind(E, 2, 16, dropout=0.0, norm_first=norm_first, dtype=np.float64)
    layer.load_state_dict({name: RNG.normal(size=a.shape) for name, a in layer.state_dict().items()})
    x = [RNG.normal(size=(T, N, E))] * (1 + layer.looks_at_memory)
    assert cut.keys() == {name for name, _ in layer.named_children() if "attn" in name or "dropout" in name}
    for name, weights in cut.items():
        other = copy.deepcopy(layer)
        one = getattr(layer, name)
        attribute = "dropout" if isinstance(one, nn.MultiheadAttention) else "p"
        setattr(one, attribute, 1.0)
        for weight in weights:
            other.state_dict()[weight][...] = 0
        close(layer(*x).numpy(), other(*x).numpy(), atol=1e-12, err_msg=name)
        setattr(one, attribute, 0.0)


def test_options():
    layer = nn.TransformerEncoderLayer(E, 2, 16, activation=np.tanh, bias=False, layer_norm_eps=0.1)
    assert all(name.endswith("weight") for name in layer.state_dict())
    assert layer.norm2.eps == 0.1 and layer.norm1.bias is None
    assert layer(np.ones((S, N, E), np.float32)).shape == (S, N, E)
    with pytest.raises(ValueError, match="leaky"):
        nn.TransformerEncoderLayer(E, 2, activation="leaky")
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    assert mask.tolist() == [[0, -np.inf, -np.inf], [0, 0, -np.inf], [0, 0, 0]] and mask.dtype == np.float32


def test_errors_name_the_layer():
    model = small()
    src, tgt = RNG.normal(size=(N, S, E)), RNG.normal(size=(N, T, E))
    with pytest.raises(ValueError, match=r"^MultiheadAttention 'encoder.layers.0.self_attn': query of shape"):
        model(src[..., 1:], tgt)
    with pytest.raises(ValueError, match=r"^MultiheadAttention 'decoder.layers.0.multihead_attn': .* differ"):
        model(src[:1], tgt)
    with pytest.raises(ValueError, match=r"'decoder.layers.0.self_attn': attn_mask of shape \(5, 5\)"):
        model(src, tgt, tgt_mask=np.zeros((S, S)))
