"""T5: the cache, padding, buckets of distances, tied and untied heads, bad input."""

import json
from pathlib import Path

import numpy as np
import pytest

from encoder_cases import REAL, T5, T5S, TARGET, model_of, texts
from tapegrad import nn
from tapegrad.autograd import no_grad
from tapegrad.models import T5Config, from_pretrained
from tapegrad.models.generation.cache import Cache
from tapegrad.models.pretrained.t5 import bucket_of

pytestmark = pytest.mark.usefixtures("one_blas_thread")
GOLDEN = json.loads((Path(__file__).parent / "golden" / "encoders.json").read_text())
SOURCE = texts(T5)


@no_grad
@pytest.mark.parametrize("name", T5S)
def test_twenty_greedy_tokens_cached_or_not(name):
    model, expected = model_of(T5S[name]), GOLDEN[name]["text"]
    memory, cache = model.encode(SOURCE[1:2, :7]), Cache()
    text = [model.config.decoder_start_token_id]
    for _ in range(20):
        logits = model.decode(np.array([text]), memory).numpy()[0, -1].copy()
        step = model.decode(np.array([text[-1:]]), memory, cache=cache).numpy()[0, -1]
        np.testing.assert_allclose(step, logits, rtol=1e-9, atol=1e-9)
        logits[1] = -np.inf  # the end of a text, which is not to come
        text.append(int(logits.argmax()))
    assert text == expected


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("name", T5S)
def test_generate_writes_the_same(name, use_cache):
    """One text, and as a row of a batch with a longer source; beams too, as each source by itself."""
    model, told = model_of(T5S[name]), {"use_cache": use_cache, "stop": ()}
    one = [int(token) for token in model.generate(SOURCE[1, :7], 20, temperature=0, **told)]
    assert one == GOLDEN[name]["text"][1:] or 1 in one  # the end, which transformers was not to write
    rows = model.generate([SOURCE[0], SOURCE[1, :7]], 20, temperature=0, **told)
    assert [int(row[1]) for row in rows] == one
    beams = [list(model.generate(source, 6, num_beams=3, **told)) for source in (SOURCE[0], SOURCE[1, :7])]
    rows = list(model.generate([SOURCE[0], SOURCE[1, :7]], 6, num_beams=3, **told))
    assert np.array(rows).T.tolist() == beams


def test_a_text_ends_where_the_config_says():
    model = model_of(T5)
    whole = list(model.generate(SOURCE[1, :7], 9, temperature=0, stop=()))
    model = model_of({**T5, "eos_token_id": whole[3]})
    assert list(model.generate(SOURCE[1, :7], 9, temperature=0)) == whole[: whole.index(whole[3]) + 1]


@no_grad
@pytest.mark.parametrize("ends", [[1, 2, 3, 9], [4, 9], [3, 8, 9]])
def test_steps_of_several_tokens(ends):
    """With sources of different lengths: also in steps of many tokens, distances are the same."""
    model, cache = model_of(T5S["t5-silu"]), Cache()
    whole = model(SOURCE, TARGET, REAL).numpy()
    memory = model.encode(SOURCE, REAL)
    steps = [
        model.decode(TARGET[:, a:b], memory, REAL, cache) for a, b in zip([0, *ends[:-1]], ends, strict=True)
    ]
    np.testing.assert_allclose(np.concatenate([s.numpy() for s in steps], 1), whole, rtol=1e-9, atol=1e-9)
    assert cache.length == 9


@no_grad
def test_a_source_is_read_once():
    model, cache = model_of(T5), Cache()
    memory = model.encode(SOURCE, REAL)
    model.decode(TARGET[:, :1], memory, REAL, cache)
    calls = []
    for block in model.decoder.block:
        block.layer[1].EncDecAttention.k.register_forward_hook(lambda *_: calls.append(1))
    rows = [2, 0, 0, 1]
    cache.select(rows)
    found = model.decode(TARGET[rows, 1:2], memory[rows], REAL[rows], cache).numpy()
    assert not calls
    np.testing.assert_allclose(
        found[:, 0], model(SOURCE, TARGET, REAL).numpy()[rows, 1], rtol=1e-9, atol=1e-9
    )


def test_what_is_padded_influences_nobody():
    """Not even nan, and no gradient: rows of different lengths give what each gives alone."""
    model = model_of(T5S["t5-untied"])
    model.shared.weight.data[22] = np.nan
    source = np.where(REAL, SOURCE % 22, 22)
    target = TARGET % 22
    for left in (False, True):
        ids, real = (source[:, ::-1], REAL[:, ::-1]) if left else (source, REAL)
        found = model(ids, target, real)
        for i, mine in enumerate(real):
            alone = model(ids[i : i + 1, mine], target[i : i + 1]).numpy()[0]
            np.testing.assert_allclose(found.numpy()[i], alone, rtol=1e-9, atol=1e-9)
        found.sum().backward()
    assert all(np.isfinite(p.grad).all() for p in model.parameters())


@no_grad
def test_no_token_sees_a_later_one():
    model = model_of(T5)
    logits = model(SOURCE, TARGET, REAL).numpy()
    changed = TARGET.copy()
    changed[:, 4:] = (TARGET[:, 4:] + 1) % 23
    after = model(SOURCE, changed, REAL).numpy()
    np.testing.assert_array_equal(after[:, :4], logits[:, :4])
    assert (after[:, 4:] != logits[:, 4:]).any(-1).all()


def test_buckets():
    """By hand, of 32 and distances up to 128: each of 16, half of them for one distance."""
    c = T5Config()
    distance = np.array([0, 1, 7, 8, 11, 12, 15, 16, 22, 23, 31, 32, 63, 64, 90, 91, 127, 128, 9999])
    expected = [0, 1, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 13, 14, 14, 15, 15, 15, 15]
    np.testing.assert_array_equal(bucket_of(-distance, c, True), expected)
    np.testing.assert_array_equal(bucket_of(distance[1:], c, True), np.array(expected[1:]) + 16)
    assert not bucket_of(distance, c, False).any()  # what comes later is not seen
    back = bucket_of(-np.arange(200), c, False)
    assert back[:17].tolist() == list(range(17)) and back[127:].tolist() == [31] * 73
    assert (np.diff(back) >= 0).all()


def test_attention_is_not_scaled_and_the_tied_head_is():
    narrow, wide = (model_of({**T5, "feed_forward_proj": kind}) for kind in ("relu", "gated-gelu"))
    x = np.random.default_rng(2).normal(size=(1, 2, 12))
    for model in (narrow, wide):
        expected = x @ model.shared.weight.data.T / 12**0.5
        np.testing.assert_allclose(model.head(nn.Parameter(x)).numpy(), expected, rtol=1e-12)
    attention = narrow.encoder.block[0].layer[0].SelfAttention
    with no_grad():
        y = attention(nn.Parameter(x), *attention.keys(nn.Parameter(x)), None).numpy()
    q, k, v = ((x @ part.weight.data.T).reshape(2, 3, 5) for part in (attention.q, attention.k, attention.v))
    scores = np.exp(np.einsum("qhd,khd->hqk", q, k))
    seen = np.einsum("hqk,khd->qhd", scores / scores.sum(-1, keepdims=True), v).reshape(2, 15)
    np.testing.assert_allclose(y[0], seen @ attention.o.weight.data.T, rtol=1e-12)


# ---------------------------------------------------------------------------------- files


def saved(model, folder, change=lambda weights: weights, **settings):
    """The folder of a model, its weights and settings changed."""
    model.save_pretrained(folder)
    weights = {name: x.copy() for name, x in nn.load_weights(folder).items()}
    nn.save_weights(folder / "model.safetensors", change(weights))
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return folder


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("is_tied", [True, False])
def test_the_file_says_whether_the_head_is_tied(is_tied, said, tmp_path):
    """As transformers writes them, version 1.1 has a head of its own, and config.json ties it."""
    model = model_of({**T5, "tie_word_embeddings": is_tied, "scale_decoder_outputs": False})
    expected = model(SOURCE, TARGET, REAL).numpy()
    back = from_pretrained(saved(model, tmp_path, tie_word_embeddings=said))
    assert (back.lm_head.weight is back.shared.weight) is is_tied is back.config.tie_word_embeddings
    np.testing.assert_array_equal(back(SOURCE, TARGET, REAL).numpy(), expected)
    back.save_pretrained(tmp_path / "again")
    twin = from_pretrained(tmp_path / "again")
    np.testing.assert_array_equal(twin(SOURCE, TARGET, REAL).numpy(), expected)


def test_names_of_older_files(tmp_path):
    def older(weights):
        shared = weights["shared.weight"]
        unused = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight"
        copies = [f"{side}.embed_tokens.weight" for side in ("encoder", "decoder")]
        return {**weights, **{name: shared.copy() for name in copies}, unused: np.ones((8, 3))}

    model = model_of(T5)
    expected = model(SOURCE, TARGET).numpy()
    back = from_pretrained(saved(model, tmp_path, older))
    np.testing.assert_array_equal(back(SOURCE, TARGET).numpy(), expected)


def test_the_first_token_of_a_target():
    assert T5Config().decoder_start_token_id == 0
    assert T5Config.from_dict({"model_type": "t5", "pad_token_id": 3}).decoder_start_token_id == 3
    given = {"model_type": "t5", "pad_token_id": 3, "decoder_start_token_id": 5}
    assert T5Config.from_dict(given).decoder_start_token_id == 5


def test_what_mt5_is_unless_said():
    c = T5Config.from_dict({"model_type": "mt5"})
    assert c.gated and c.act == "gelu_new" and not c.scaled
    assert T5Config().scaled and not T5Config(tie_word_embeddings=False).scaled


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "source, target, mask, error, words",
    [
        (SOURCE[0], TARGET, None, ValueError, r"T5: ids of shape \(11,\)"),
        (SOURCE, TARGET / 1, None, TypeError, "integers, not float64"),
        (SOURCE + 20, TARGET, None, IndexError, "23"),
        (SOURCE, TARGET - 20, None, IndexError, "23"),
        (SOURCE, TARGET, REAL[:, 1:], ValueError, r"attention_mask of shape \(3, 10\), expected \(3, 11\)"),
        (SOURCE, TARGET, 1.0 - 1e9 * ~REAL, ValueError, "is to be 1 for tokens and 0 for padding"),
        (SOURCE[:2], TARGET, None, ValueError, r"memory of shape \(2, 11, 12\) for ids \(3, 9\), expected"),
    ],
)
def test_input_that_does_not_fit(source, target, mask, error, words):
    with pytest.raises(error, match=words):
        model_of(T5)(source, target, mask)


def test_masks_of_another_memory():
    model = model_of(T5)
    memory = model.encode(SOURCE)
    with pytest.raises(ValueError, match=r"memory_mask of shape \(2, 11\), expected \(3, 11\)"):
        model.decode(TARGET, memory, REAL[:2])
    with pytest.raises(ValueError, match=r"memory of shape \(3, 11, 11\)"):
        model.decode(TARGET, memory[..., 1:])


@no_grad
@pytest.mark.parametrize("use_cache", [True, False])
def test_targets_of_different_lengths(use_cache):
    model = model_of(T5)
    targets = [[4, 2, 6], [5], [6, 7, 8, 9]]
    told = {"temperature": 0, "stop": (), "use_cache": use_cache}
    sources = [SOURCE[1, :7], SOURCE[0], SOURCE[1, :3]]
    rows = np.array(list(model.generate(sources, 8, target=targets, **told))).T
    for source, target, row in zip(sources, targets, rows, strict=True):
        assert list(model.generate(source, 8, target=target, **told)) == row.tolist()
