"""Folders with a generation_config.json: what transformers writes by it, `generate` does too."""

import json
from collections import Counter

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tapegrad.models import from_pretrained
from tapegrad.models.generation.rules import repeats

pytestmark = pytest.mark.usefixtures("one_blas_thread")
V = 23
PROMPTS = [[5, 7, 9, 7], [3], [11, 4, 5, 7, 9, 8, 4, 5]]
SIZES = {"vocab_size": V, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
KINDS = {
    "gpt2": (transformers.GPT2LMHeadModel, transformers.GPT2Config,
             {"n_positions": 64, "n_embd": 16, "n_layer": 2, "n_head": 2}),
    "llama": (transformers.LlamaForCausalLM, transformers.LlamaConfig,
              {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2}),
    "t5": (transformers.T5ForConditionalGeneration, transformers.T5Config,
           {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2,
            "decoder_start_token_id": 0}),
}  # fmt: skip
STORED = [
    {},
    {"eos_token_id": [2, 6, 13]},
    {"do_sample": False, "temperature": 0.3, "top_k": 7, "top_p": 0.2},
    {"repetition_penalty": 1.8},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3, "repetition_penalty": 0.7},
    {"min_new_tokens": 9, "eos_token_id": [2, 6, 13, 5]},
    {"min_length": 9, "eos_token_id": [2, 6, 13, 5]},
    {"min_length": 13, "min_new_tokens": 2, "eos_token_id": [2, 6, 13, 5]},
    {"suppress_tokens": [4, 5, 6, 7], "begin_suppress_tokens": [8, 9]},
    {"forced_bos_token_id": 12, "begin_suppress_tokens": [8, 9, 10, 11]},
    {"forced_eos_token_id": [2, 3]},
    {"num_beams": 3, "no_repeat_ngram_size": 2, "min_length": 6, "early_stopping": True},
    {"num_beams": 4, "length_penalty": 2.0, "num_return_sequences": 3, "forced_eos_token_id": 2},
    {"num_beams": 2, "forced_bos_token_id": 12, "suppress_tokens": [3], "repetition_penalty": 1.2},
]


@pytest.fixture(params=KINDS, scope="module")
def folder(request, tmp_path_factory):
    """A folder as transformers saves it."""
    kind, config, sizes = KINDS[request.param]
    torch.manual_seed(0)
    model = kind(config(**SIZES, **sizes))
    for p in model.parameters():
        p.data += 0.4 * torch.randn(p.shape)
    path = tmp_path_factory.mktemp(request.param)
    model.save_pretrained(path)
    return path


def both(folder, stored, place="generation_config.json"):
    """The model of `folder` with these settings, here and in transformers."""
    path = folder / place
    before = path.read_text()
    own = folder / "generation_config.json"
    kept = own.read_text()
    try:
        path.write_text(json.dumps({**json.loads(before), **stored}))
        if place == "config.json":
            own.unlink()
        name = json.loads(before if place == "config.json" else (folder / "config.json").read_text())
        kind = KINDS[name["model_type"]][0]
        return from_pretrained(folder), kind.from_pretrained(folder).eval()
    finally:
        path.write_text(before)
        own.write_text(kept)


def written(model, prompt, n, **options):
    """The rows of texts, padded with 0."""
    rows = list(model.generate([prompt], n, **options))
    return np.array(rows).T


def expected(other, prompt, n, **options):
    ids = torch.tensor([prompt])
    found = other.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=n, **options).numpy()
    return found[:, 1 if other.config.is_encoder_decoder else len(prompt) :]


@pytest.mark.parametrize(
    ("place", "stored"),
    [
        *[("generation_config.json", stored) for stored in STORED],
        *[("config.json", STORED[i]) for i in (1, 6, 13)],
    ],
    ids=str,
)
def test_the_same_texts(folder, stored, place):
    """Where neither file says do_sample, transformers is greedy and `generate` draws: it is told here."""
    model, other = both(folder, {"do_sample": False, **stored}, place)
    for prompt in PROMPTS:
        np.testing.assert_array_equal(written(model, prompt, 14), expected(other, prompt, 14))


@pytest.mark.parametrize(
    ("given", "theirs"),
    [
        ({"temperature": 0}, {"do_sample": False, "num_beams": 1}),
        ({"num_beams": 3}, {"do_sample": False, "num_beams": 3}),
        ({"num_beams": 1, "temperature": 0, "stop": [9]},
         {"do_sample": False, "num_beams": 1, "eos_token_id": 9}),
        ({"num_beams": 2, "no_repeat_ngram_size": 0},
         {"do_sample": False, "num_beams": 2, "no_repeat_ngram_size": 0}),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "stored",
    [
        {"do_sample": True, "top_k": 50, "temperature": 0.6, "top_p": 0.9, "no_repeat_ngram_size": 2},
        {"num_beams": 4, "early_stopping": True, "no_repeat_ngram_size": 2},
    ],
)
def test_what_is_given_wins(folder, stored, given, theirs):
    model, other = both(folder, stored)
    for prompt in PROMPTS:
        np.testing.assert_array_equal(
            written(model, prompt, 12, **given), expected(other, prompt, 12, **theirs)
        )


@pytest.mark.parametrize(
    ("stored", "given"),
    [
        ({"do_sample": True, "temperature": 0.5, "top_k": 4}, {}),
        ({"do_sample": True, "top_p": 0.4}, {}),
        ({"do_sample": True, "temperature": 0.7, "top_k": 0, "min_p": 0.2}, {}),
        ({"do_sample": True, "temperature": 0.3, "top_k": 4}, {"temperature": 1.5}),
        ({"do_sample": True, "temperature": 0.3, "top_k": 2}, {"top_k": 6}),
    ],
)
def test_the_same_chances(folder, stored, given):
    """Of 3000 first tokens each share is within five deviations of what transformers' warpers leave."""
    model, other = both(folder, stored)
    prompt, n = PROMPTS[2], 3000
    config = other.generation_config
    config.update(**given)
    ids = torch.tensor([prompt])
    start = {"decoder_input_ids": torch.tensor([[0]])} if other.config.is_encoder_decoder else {}
    with torch.no_grad():
        scores = other(ids, **start).logits[:, -1]
    from transformers.generation import logits_process as theirs

    for name, kind in (
        ("temperature", "TemperatureLogitsWarper"),
        ("top_k", "TopKLogitsWarper"),
        ("top_p", "TopPLogitsWarper"),
        ("min_p", "MinPLogitsWarper"),
    ):
        if getattr(config, name):
            scores = getattr(theirs, kind)(getattr(config, name))(None, scores)
    p = scores.softmax(-1)[0].numpy()
    (drawn,) = model.generate([prompt], 1, num_return_sequences=n, seed=0, **given)
    found = np.array([Counter(drawn.tolist())[i] for i in range(V)]) / n
    assert (found[p == 0] == 0).all()
    np.testing.assert_array_less(abs(found - p), 5 * np.sqrt(p * (1 - p) / n) + 1e-3)


def test_a_saved_folder_is_transformers_again(folder, tmp_path):
    stored = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "eos_token_id": [2, 3], "max_length": 99}
    model, other = both(folder, stored)
    model.save_pretrained(tmp_path)
    again = transformers.GenerationConfig.from_pretrained(tmp_path)
    assert again.to_dict() == other.generation_config.to_dict()
    assert from_pretrained(tmp_path).generation_config == model.generation_config


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_repeats(size):
    from transformers.generation.logits_process import NoRepeatNGramLogitsProcessor

    rng = np.random.default_rng(size)
    for length in range(1, 12):
        text = rng.integers(0, 3, length)
        scores = NoRepeatNGramLogitsProcessor(size)(torch.tensor(text)[None], torch.zeros(1, 4))[0]
        assert sorted(set(repeats(text, size))) == np.flatnonzero(np.isinf(scores.numpy())).tolist()


@pytest.mark.parametrize("name", ["gpt2", "llama", "mistral", "qwen2", "qwen3", "smollm3", "t5", "mt5"])
def test_the_end_of_texts_where_config_json_says_nothing(name):
    from tapegrad.models import pretrained

    kind = getattr(pretrained, pretrained.CLASSES[name])
    own = kind.config_class.from_dict({"model_type": name})
    assert own.eos_token_id == transformers.AutoConfig.for_model(name).eos_token_id


def test_every_setting_of_transformers_is_known():
    """Those that change which text is written are followed or refused; the others are listed here."""
    from tapegrad.models.generation.defaults import NAMES, SPECIAL

    how_and_what_else = {
        "use_cache", "cache_implementation", "cache_config", "max_cache_len", "compile_config", "use_mtp",
        "disable_compile", "output_attentions", "output_hidden_states", "output_scores", "output_logits",
        "return_dict_in_generate", "is_assistant", "num_assistant_tokens", "num_assistant_tokens_schedule",
        "assistant_confidence_threshold", "prompt_lookup_num_tokens", "max_matching_ngram_size",
        "assistant_early_exit", "assistant_lookbehind", "target_lookbehind", "assistant_ensemble_weight",
        "speculation_type", "prefill_chunk_size", "low_memory",
        "continuous_batching_config", "transformers_version",
        "remove_invalid_values",  # nan is refused here
        "max_length", "max_new_tokens", "max_time",  # are the caller's
    }  # fmt: skip
    theirs = {name for name in vars(transformers.GenerationConfig()) if not name.startswith("_")}
    assert theirs - {*NAMES, *SPECIAL} <= how_and_what_else
