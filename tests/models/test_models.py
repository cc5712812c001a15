"""GPT and the encoder-decoder Transformer: shapes, causality, ties, learning."""

from dataclasses import replace

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread")

GPT_CONFIG = GPTConfig(11, block_size=8, d_model=16, nhead=2, num_layers=2)
CONFIG = TransformerConfig(11, 8, 16, 2, num_encoder_layers=2, num_decoder_layers=1)
RNG = np.random.default_rng(0)


def gpt(**changes):
    nn.manual_seed(0)
    return GPT(replace(GPT_CONFIG, **changes))


def transformer(**changes):
    nn.manual_seed(0)
    return Transformer(replace(CONFIG, **changes))


def size(model):
    return sum(p.size for p in model.parameters())


# ---------------------------------------------------------------------------------- shapes and sizes


@pytest.mark.parametrize("length", [1, 5, 8])
def test_logits_for_every_token(length):
    ids = RNG.integers(0, 11, (3, length))
    logits = gpt()(ids)
    assert logits.shape == (3, length, 11) and logits.dtype == np.float32
    logits = transformer()(ids, ids[:, :2])
    assert logits.shape == (3, min(length, 2), 11) and logits.dtype == np.float32


def test_gpt_has_the_parameters_of_its_formula():
    c, v, t, layers = 16, 11, 8, 2
    block = 2 * 2 * c + (4 * c * c + 4 * c) + (8 * c * c + 5 * c)  # norms, attention, feed-forward
    assert size(gpt()) == v * c + t * c + layers * block + 2 * c
    assert size(gpt(tie_weights=False)) == size(gpt()) + v * c
    assert size(gpt(bias=False)) == size(gpt()) - layers * (2 * c + 4 * c + 5 * c) - c
    assert size(gpt(dim_feedforward=10)) == size(gpt()) - layers * (64 - 10) * (2 * c + 1)


def test_the_head_is_tied_or_not():
    for make in (gpt, transformer):
        tied, untied = make(tie_weights=True), make(tie_weights=False)
        assert tied.head.weight is tied.tokens.weight and untied.head.weight is not untied.tokens.weight
        assert size(untied) == size(tied) + 11 * 16
        assert list(tied.state_dict()) == list(untied.state_dict())
        np.testing.assert_array_equal(tied.state_dict()["head.weight"], tied.tokens.weight.numpy())


def test_sinusoids_are_no_parameters():
    assert size(transformer()) == size(transformer(learned_positions=False)) + 2 * 8 * 16


@pytest.mark.parametrize("make", [gpt, transformer])
def test_initial_weights_repeat_with_the_seed_and_predict_evenly(make):
    a, b = make(), make()
    c = type(a)(a.config)
    for name, array in a.state_dict().items():
        np.testing.assert_array_equal(array, b.state_dict()[name])
        if array.ndim > 1:
            assert (array != c.state_dict()[name]).any(), name
    ids = RNG.integers(0, 11, (4, 8))
    logits = a(ids) if make is gpt else a(ids, ids)
    loss = F.cross_entropy(logits.reshape(-1, 11), np.arange(32) % 11).item()
    assert abs(loss - np.log(11)) < 0.1


def sizes(model):
    """The root of the mean square of every matrix."""
    return {name: np.sqrt(np.square(p.data).mean()) for name, p in model.named_parameters() if p.ndim > 1}


@pytest.mark.parametrize("layers", [1, 4])
def test_gpt_starts_with_gpt2s_sizes(layers):
    """0.02, and what is added to the stream smaller, so that the sum of 2 * layers has the size of one."""
    model = gpt(d_model=64, block_size=64, vocab_size=64, num_layers=layers)
    found = sizes(model)
    added = [name for name in found if name.endswith(("out_proj.weight", "linear2.weight"))]
    assert len(added) == 2 * layers
    for name, size in found.items():
        assert size == pytest.approx(0.02 / (2 * layers) ** 0.5 if name in added else 0.02, rel=0.1), name
    for name, p in model.named_parameters():
        assert p.ndim > 1 or (p.data == name.endswith("weight")).all(), name


@pytest.mark.parametrize("tied", [True, False])
def test_tokens_and_positions_enter_the_transformer_at_size_1(tied):
    changes = {"d_model": 64, "block_size": 64, "vocab_size": 64, "tie_weights": tied}
    found = sizes(transformer(**changes))
    assert found["tokens.weight"] == pytest.approx(1 / 8 if tied else 1, rel=0.1)
    assert tied or found["head.weight"] == pytest.approx(0.02, rel=0.1)
    for positions in ("source_positions.weight", "target_positions.weight"):
        assert found[positions] == pytest.approx(1, rel=0.1)
    model = transformer(**changes, learned_positions=False)
    ids = RNG.integers(0, 64, (3, 5))
    for positions in (model.source_positions, model.target_positions):
        entered = model.embed(ids, positions).numpy() - positions.weight[:5]
        np.testing.assert_allclose(entered, model.tokens.weight.numpy()[ids] * (8 if tied else 1), atol=1e-6)


@pytest.mark.parametrize("make", [gpt, transformer])
def test_too_long_a_text_is_refused(make):
    ids = np.zeros((1, 9), int)
    with pytest.raises(
        ValueError, match=r"^PositionalEncoding '.*positions': .*\(1, 9, 16\) is longer than max_"
    ):
        make()(ids) if make is gpt else make()(ids, ids[:, :1])
    if make is transformer:
        with pytest.raises(ValueError, match="'target_positions'"):
            make()(ids[:, :1], ids)


# ---------------------------------------------------------------------------------- what a token sees


@pytest.mark.parametrize("norm_first", [None, True, False], ids=["gpt", "pre-norm", "post-norm"])
def test_no_token_sees_a_later_one(norm_first):
    """Exactly: not one bit of the earlier logits changes, and all the later ones do."""
    model = gpt() if norm_first is None else transformer(norm_first=norm_first)
    source = RNG.integers(0, 11, (2, 8))

    def run(ids):
        return (model(ids) if norm_first is None else model(source, ids)).numpy()

    ids = RNG.integers(0, 11, (2, 8))
    logits = run(ids)
    for t in range(1, 8):
        changed = ids.copy()
        changed[:, t:] = (ids[:, t:] + RNG.integers(1, 11, (2, 8 - t))) % 11
        after = run(changed)
        np.testing.assert_array_equal(after[:, :t], logits[:, :t])
        assert (after[:, t:] != logits[:, t:]).any(-1).all()


def test_every_target_token_sees_every_source_token():
    model = transformer()
    source, target = RNG.integers(0, 11, (1, 8)), RNG.integers(0, 11, (1, 8))
    logits = model(source, target).numpy()
    for s in range(8):
        changed = source.copy()
        changed[0, s] = (source[0, s] + 1) % 11
        assert (model(changed, target).numpy() != logits).any(-1).all()


def test_the_texts_of_a_batch_do_not_see_each_other():
    model = gpt().double()
    ids = RNG.integers(0, 11, (3, 8))
    logits = model(ids).numpy()
    np.testing.assert_allclose(model(ids[1:2]).numpy(), logits[1:2], atol=1e-12)


def test_dropout_while_training_only():
    for model, inputs in [(gpt(dropout=0.5), 1), (transformer(dropout=0.5), 2)]:
        given = [RNG.integers(0, 11, (2, 8))] * inputs
        assert (model(*given).numpy() != model(*given).numpy()).any()
        model.eval()
        np.testing.assert_array_equal(model(*given).numpy(), model(*given).numpy())


@pytest.mark.parametrize("make", [gpt, transformer])
def test_the_configured_dropout_is_everywhere(make):
    kinds = nn.Dropout, nn.MultiheadAttention, nn.PositionalEncoding
    found = [m for m in make(dropout=0.25).modules() if isinstance(m, kinds)]
    assert {type(m) for m in found} == set(kinds)
    assert {m.p if isinstance(m, nn.Dropout) else m.dropout for m in found} == {0.25}


@pytest.mark.parametrize("part", ["attn.out_proj", "linear2"])
def test_dropout_takes_from_both_additions_of_a_block(part):
    """With probability 1 from a block whose other addition is nothing."""
    block = gpt().blocks[0]
    x = RNG.normal(size=(2, 3, 16)).astype(np.float32)
    for name, array in block.state_dict().items():
        array[...] = 1 if name.startswith(part) else array * name.startswith(("norm", "attn.in", "linear1"))
    assert (block(x).numpy() != x).any()
    block.dropout.p = 1.0
    np.testing.assert_array_equal(block(x).numpy(), x)


# ---------------------------------------------------------------------------------- by hand


@pytest.mark.parametrize("bias", [True, False])
def test_gpt_is_its_parts(bias):
    model = gpt(bias=bias).double()
    for array in model.state_dict().values():
        array += RNG.normal(size=array.shape) * 0.1
    ids = RNG.integers(0, 11, (2, 7))
    x = model.tokens.weight[ids] + model.positions.weight[:7]
    for block in model.blocks:
        attn, y = block.attn, block.norm1(x)
        qkv = F.linear(y, attn.in_proj_weight, attn.in_proj_bias)
        x = x + attn.out_proj(F.multi_head_attention([qkv], 2, is_causal=True))
        x = x + block.linear2(F.gelu(block.linear1(block.norm2(x)), "tanh"))
    np.testing.assert_allclose(model(ids).numpy(), (model.norm(x) @ model.tokens.weight.T).numpy(), rtol=1e-9)


@pytest.mark.parametrize("norm_first", [True, False])
def test_transformer_is_its_parts(norm_first):
    model = transformer(norm_first=norm_first, tie_weights=True)
    whole = nn.Transformer(
        16, 2, 2, 1, 64, 0.0, lambda x: F.gelu(x, "tanh"), batch_first=True, norm_first=norm_first
    )
    whole.load_state_dict(model.transformer.state_dict())
    source, target = RNG.integers(0, 11, (2, 7)), RNG.integers(0, 11, (2, 5))
    table = model.tokens.weight
    read = table[source] * 4 + model.source_positions.weight[:7]
    written = table[target] * 4 + model.target_positions.weight[:5]
    logits = whole(read, written, tgt_is_causal=True) @ table.T
    np.testing.assert_allclose(model(source, target).numpy(), logits.numpy(), rtol=1e-5, atol=1e-6)


# ---------------------------------------------------------------------------------- learning


def train(model, batches, lr):
    """The mean losses of the first and the last ten steps."""
    optimizer = nn.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    losses = []
    for *inputs, target in batches:
        loss = F.cross_entropy(model(*inputs).reshape(-1, 11), target.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.mean(losses[:10]), np.mean(losses[-10:])


def test_gpt_learns_a_batch_by_heart():
    text = np.random.default_rng(0).permuted(np.tile(np.arange(11), (4, 1)), axis=1)[:, :9]
    assert len(set(text[:, 0])) == 4  # so that everything after it can be known
    model = gpt(d_model=32)
    first, last = train(model, [(text[:, :-1], text[:, 1:])] * 120, lr=1e-2)
    assert first > 1.5
    assert last < 0.02


@pytest.mark.parametrize(
    "options, steps, lr",
    [
        ({}, 220, 6e-3),
        ({"norm_first": False}, 220, 6e-3),
        pytest.param({"learned_positions": False}, 1000, 3e-3, marks=pytest.mark.slow),
    ],
    ids=["pre-norm", "post-norm", "sinusoids"],
)
def test_transformer_learns_to_reverse(options, steps, lr):
    """Also texts it never saw: the answer is in the source only, at another position."""
    model = transformer(d_model=32, num_encoder_layers=1, **options)
    rng = np.random.default_rng(0)

    def batch(n=32):
        source = rng.integers(1, 11, (n, 5))
        target = np.concatenate([np.zeros((n, 1), int), source[:, ::-1]], axis=1)
        return source, target[:, :-1], target[:, 1:]

    first, last = train(model, (batch() for _ in range(steps)), lr)
    assert first > 1.5 and last < 0.1
    source, _, answers = batch(5)
    for text, answer in zip(source, answers, strict=True):
        assert list(model.generate(text, [0], 5, temperature=0)) == answer.tolist()
