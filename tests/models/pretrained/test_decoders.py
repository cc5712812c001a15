"""GPT-2 and Llama's kind: transformers' numbers, the cache, padding, who sees whom."""

import json
from pathlib import Path

import numpy as np
import pytest

from decoder_cases import DECODERS, IDS, TINY_GPT2, TINY_LLAMA, model_of
from tapegrad.autograd import no_grad
from tapegrad.models.generation.cache import Cache
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread")
GOLDEN = json.loads((Path(__file__).parent / "golden" / "decoders.json").read_text())
REAL = np.arange(14) >= np.array([[0], [3], [9]])  # padding on the left


@pytest.fixture(params=DECODERS, scope="module")
def case(request):
    """A model, and what transformers computes of it."""
    return model_of(DECODERS[request.param]), GOLDEN[request.param]


def close(model):
    """In float64, of which transformers makes float32 in RMS norms and rotary angles."""
    return 1e-7 if model.config.model_type == "gpt2" else 1e-5


def test_every_case_has_golden_numbers():
    assert GOLDEN.keys() == DECODERS.keys()


def test_logits_loss_and_its_gradients(case):
    from decoder_cases import weights

    model, golden = case
    logits = model(IDS)
    np.testing.assert_allclose(
        logits.numpy()[0, [2, -1]], golden["logits"], rtol=close(model), atol=close(model)
    )
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, 19), IDS[:, 1:].reshape(-1))
    loss.backward()
    assert loss.item() == pytest.approx(golden["loss"], rel=close(model))
    slope = sum(np.vdot(p.grad, weights("along " + name, p.shape)) for name, p in model.named_parameters())
    assert slope == pytest.approx(golden["slope"], rel=100 * close(model))  # a sum of large numbers
    model.zero_grad()


@no_grad
def test_twenty_greedy_tokens_cached_or_not(case):
    model, golden = case
    text, cache, new, cached = IDS[0, :5].tolist(), Cache(), IDS[:1, :5], []
    for _ in range(20):
        logits, step = (
            model(np.array([text])).numpy()[0, -1].copy(),
            model(new, cache=cache).numpy()[0, -1].copy(),
        )
        np.testing.assert_allclose(step, logits, rtol=1e-9, atol=1e-9)
        logits[2] = step[2] = -np.inf  # the end of a text, which is not to come
        text.append(int(logits.argmax()))
        cached.append(int(step.argmax()))
        new = np.array([cached[-1:]])
        if model.outgrown(1, cache.length):
            cache, new = Cache(), np.array([text])
    assert text[5:] == cached == golden["text"]


@pytest.mark.parametrize("use_cache", [True, False])
def test_generate_writes_the_same(case, use_cache):
    """One text, and as a row of a batch with shorter ones."""
    model, golden = case
    new = model.generate(IDS[0, :5], 20, temperature=0, stop=(), use_cache=use_cache)
    first, second = list(new), golden["text"]
    if 2 not in first:  # the end, which transformers was not to write
        assert first == second
    rows = model.generate([IDS[1, :3], IDS[0, :5]], 20, temperature=0, stop=(), use_cache=use_cache)
    assert [int(row[1]) for row in rows] == first


@no_grad
def test_what_is_padded_influences_nobody(case):
    """Rows of different lengths give what each gives alone, also with a cache; padding is nan."""
    model, _ = case
    table = model.transformer.wte if hasattr(model, "transformer") else model.model.embed_tokens
    row, kept = table.weight.data[18], table.weight.data[18].copy()
    ids = np.where(REAL, IDS % 18, 18)
    alone = [model(ids[i : i + 1, real]).numpy()[0, :, :18] for i, real in enumerate(REAL)]
    row[...] = np.nan
    try:
        whole, steps = model(ids, REAL).numpy(), in_steps(model, ids)
    finally:
        row[...] = kept
    assert by_length(model) is (steps.shape[1] < 14)
    for found in (whole,) if by_length(model) else (whole, steps):
        for i, real in enumerate(REAL):
            np.testing.assert_allclose(found[i, real, :18], alone[i], rtol=1e-9, atol=1e-9)


def by_length(model):
    """Whether its angles depend on the length of the text."""
    return getattr(getattr(model, "rope", None), "by_length", False)


def in_steps(model, ids):
    """Logits of padded texts from steps with a cache, as far as it can be kept."""
    steps, cache, ends = [], Cache(), [6, 10, 11, 12, 13, 14]
    for start, end in zip([0, *ends], ends, strict=False):
        real = REAL[:, :end].astype(int)
        if model.outgrown(end - start, cache.length, real):
            with pytest.raises(ValueError, match="give all ids and a new Cache"):
                model(ids[:, start:end], real, cache)
            break
        steps.append(model(ids[:, start:end], real, cache).numpy())
    return np.concatenate(steps, 1)


@no_grad
def test_no_token_sees_a_later_one(case):
    model, _ = case
    if by_length(model):
        pytest.skip("a longer text turns all keys in another way")
    logits = model(IDS).numpy()
    for t in (1, 5, 13):
        changed = IDS.copy()
        changed[:, t:] = (IDS[:, t:] + 1) % 19
        after = model(changed).numpy()
        np.testing.assert_array_equal(after[:, :t], logits[:, :t])
        assert (after[:, t:] != logits[:, t:]).any(-1).all()


@no_grad
@pytest.mark.parametrize("window", [1, 2, 3, 13, 14, None])
def test_a_window_counts_the_position_itself(window):
    """One layer: position t sees s for t - window < s <= t, with a cache or without."""
    model = model_of(
        {**TINY_LLAMA, "model_type": "mistral", "sliding_window": window, "num_hidden_layers": 1}
    )
    logits = model(IDS[:1]).numpy()[0]
    for s in (0, 4):
        changed = IDS[:1].copy()
        changed[0, s] = (changed[0, s] + 1) % 19
        differs = (model(changed).numpy()[0] != logits).any(-1)
        np.testing.assert_array_equal(differs, [s <= t < s + (window or 14) for t in range(14)])
    cache = Cache()
    steps = [model(IDS[:1, :6], cache=cache), *(model(IDS[:1, [t]], cache=cache) for t in range(6, 14))]
    np.testing.assert_allclose(np.concatenate([s.numpy()[0] for s in steps]), logits, rtol=1e-9, atol=1e-9)


def test_hidden_states_and_head_are_the_forward(case):
    model, _ = case
    x = model.hidden(IDS)
    assert x.shape[:2] == IDS.shape
    np.testing.assert_allclose(model.head(x).numpy(), model(IDS).numpy(), rtol=1e-12)


@pytest.mark.parametrize("settings", [TINY_GPT2, {**TINY_LLAMA, "attention_dropout": 0.3}])
def test_dropout_while_training_only(settings):
    model = model_of(settings)
    np.testing.assert_array_equal(model(IDS).numpy(), model(IDS).numpy())
    model.train()
    assert (model(IDS).numpy() != model(IDS).numpy()).any()


@pytest.mark.parametrize("part", ["embd_pdrop", "resid_pdrop", "attn_pdrop"])
def test_each_dropout_of_gpt2(part):
    off = {"embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}
    model = model_of({**TINY_GPT2, **off, part: 0.5}).train()
    assert (model(IDS).numpy() != model(IDS).numpy()).any()


def test_initial_weights():
    for settings in (TINY_GPT2, {**TINY_LLAMA, "pad_token_id": 3, "attention_bias": True}):
        kind = type(model_of(settings))
        wide = "n_embd" if settings is TINY_GPT2 else "hidden_size"
        model = kind(kind.config_class.from_dict({**settings, wide: 96, "n_inner": 960, "vocab_size": 200}))
        for name, p in model.named_parameters():
            if p.ndim > 1:
                std = 0.02 / 6**0.5 if name.endswith("c_proj.weight") else 0.02
                assert np.square(p.data).mean() ** 0.5 == pytest.approx(std, rel=0.1), name
            else:
                assert (p.data == name.endswith("weight")).all(), name
    assert (model.model.embed_tokens.weight.data[3] == 0).all()


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("settings", [TINY_GPT2, TINY_LLAMA])
@pytest.mark.parametrize(
    "ids, kind, words",
    [
        (IDS[0], ValueError, r"shape \(14,\), expected \(batch, length\)"),
        (IDS[:, :0], ValueError, "not empty"),
        (IDS / 1, TypeError, "integers, not float64"),
        (IDS + 10, IndexError, "19"),
        (IDS - 10, IndexError, "19"),
    ],
)
def test_ids_that_are_none(settings, ids, kind, words):
    with pytest.raises(kind, match=words):
        model_of(settings)(ids)


def test_a_mask_of_other_positions():
    for settings in (TINY_GPT2, TINY_LLAMA):
        with pytest.raises(ValueError, match=r"attention_mask of shape \(3, 13\)"):
            model_of(settings)(IDS, REAL[:, 1:])


@no_grad
def test_a_text_longer_than_learned_positions():
    model = model_of({**TINY_GPT2, "n_positions": 14})
    assert model.context == 14
    cache = Cache()
    model(IDS, cache=cache)
    for call in (lambda: model(np.zeros((1, 15), int)), lambda: model(IDS[:, :1], cache=cache)):
        with pytest.raises(ValueError, match="GPT2: a text of 15 tokens, but its context is 14"):
            call()
    padded = np.zeros((1, 20), int)
    model(padded, np.arange(20)[None] >= 6)  # padding takes no position
    assert model_of(TINY_LLAMA).context is None
