"""Sampling and beams beside transformers' own, on the same weights."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers.generation import logits_process as theirs

from tapegrad.autograd import Tensor
from tapegrad.models import GPT, GPTConfig
from tapegrad.models.generation import beam_search, generate
from tapegrad.models.generation.sampling import likely, penalized

pytestmark = pytest.mark.usefixtures("one_blas_thread")
V, END = 23, 0


def randomized(model, spread=0.35):
    generator = torch.Generator().manual_seed(0)
    for p in model.parameters():
        p.data.add_(torch.randn(p.shape, generator=generator), alpha=spread)
    return model.eval()


@pytest.fixture(scope="module")
def pair():
    """transformers' GPT-2, and the GPT of this package with its weights."""
    sizes = {"vocab_size": V, "n_positions": 40, "n_embd": 16, "n_layer": 2, "n_head": 2}
    config = transformers.GPT2Config(**sizes, bos_token_id=END, eos_token_id=END, pad_token_id=END)
    other = randomized(transformers.GPT2LMHeadModel(config))
    model = GPT(GPTConfig(V, block_size=40, d_model=16, nhead=2, num_layers=2)).eval()
    state = {k: v.numpy() for k, v in other.transformer.state_dict().items()}
    names = {"norm1": "ln_1", "norm2": "ln_2", "linear1": "mlp.c_fc", "linear2": "mlp.c_proj"}
    names |= {"attn.in_proj_": "attn.c_attn.", "attn.out_proj": "attn.c_proj"}
    for name, array in model.state_dict().items():
        if name.startswith("blocks"):
            _, i, rest = name.split(".", 2)
            for ours, its in names.items():
                rest = rest.replace(ours, its)
            found = state[f"h.{i}.{rest}"]
            array[...] = found.T if found.ndim == 2 else found
        else:
            whole = {"tokens": "wte.weight", "head": "wte.weight", "positions": "wpe.weight"}
            array[...] = state[whole.get(name.split(".")[0], name.replace("norm", "ln_f"))]
    return model, other


class Bart:
    """An encoder-decoder of transformers, as this package's `generate` sees one, without a cache."""

    context = 40

    def __init__(self, model):
        self.model, self.config = model, model.config

    def parameters(self):
        return []

    def encode(self, source, attention_mask=None):
        mask = None if attention_mask is None else torch.tensor(attention_mask)
        with torch.no_grad():
            return Tensor(self.model.get_encoder()(torch.tensor(source), mask).last_hidden_state.numpy())

    def decode(self, target, memory, memory_mask=None, cache=None):
        from transformers.modeling_outputs import BaseModelOutput

        with torch.no_grad():
            read = BaseModelOutput(torch.tensor(memory.numpy()))
            mask = None if memory_mask is None else torch.tensor(memory_mask)
            ids = torch.tensor(target)
            return Tensor(
                self.model(
                    encoder_outputs=read, attention_mask=mask, decoder_input_ids=ids, use_cache=False
                ).logits.numpy()
            )


@pytest.fixture(scope="module")
def bart():
    sizes = {"d_model": 16, "max_position_embeddings": 40, "vocab_size": V}
    for side in ("encoder", "decoder"):
        sizes |= {f"{side}_layers": 1, f"{side}_attention_heads": 2, f"{side}_ffn_dim": 32}
    ends = {"bos_token_id": 1, "eos_token_id": END, "pad_token_id": 2, "forced_eos_token_id": None}
    return randomized(transformers.BartForConditionalGeneration(
        transformers.BartConfig(**sizes, **ends, decoder_start_token_id=1)
    ))  # fmt: skip


def prompts(lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(3, V, n) for n in lengths]


def padded(texts, left):
    width = max(map(len, texts))
    ids, mask = np.full((len(texts), width), END), np.zeros((len(texts), width), int)
    for row, real, text in zip(ids, mask, texts, strict=True):
        place = slice(width - len(text), None) if left else slice(len(text))
        row[place], real[place] = text, 1
    return {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(mask)}


# ---------------------------------------------------------------------------------- one token


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.6},
        {"top_k": 7},
        {"top_p": 0.3},
        {"top_p": 0.9},
        {"min_p": 0.05},
        {"temperature": 1.7, "top_k": 300, "top_p": 0.8, "min_p": 0.02},
    ],
    ids=str,
)
def test_the_chances_of_each_token(settings):
    kinds = {
        "temperature": theirs.TemperatureLogitsWarper,
        "top_k": theirs.TopKLogitsWarper,
        "top_p": theirs.TopPLogitsWarper,
        "min_p": theirs.MinPLogitsWarper,
    }
    for seed in range(20):
        logits = np.random.default_rng(seed).normal(size=1000).astype(np.float32) * 3
        scores = torch.tensor(logits)[None]
        for name, value in settings.items():
            scores = kinds[name](value)(None, scores)
        tokens, p = likely(logits, **settings)
        found = np.zeros(1000)
        found[slice(None) if tokens is None else tokens] = p / p.sum()
        np.testing.assert_allclose(found, scores.softmax(-1)[0].numpy(), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("penalty", [0.7, 1.0, 1.3])
def test_the_repetition_penalty(penalty):
    logits = np.random.default_rng(0).normal(size=50).astype(np.float32)
    ids = np.array([3, 7, 7, 12])
    expected = theirs.RepetitionPenaltyLogitsProcessor(penalty)(
        torch.tensor(ids)[None], torch.tensor(logits)[None]
    )
    np.testing.assert_allclose(penalized(logits, ids, [], penalty), expected[0].numpy(), rtol=1e-6)


# ---------------------------------------------------------------------------------- texts


@pytest.mark.parametrize("penalty", [1.0, 1.2])
@pytest.mark.parametrize("lengths", [[5], [5, 2, 8]], ids=str)
def test_greedy_texts(pair, lengths, penalty):
    model, other = pair
    texts = prompts(lengths)
    if penalty != 1 and len(lengths) > 1:
        lengths, texts = [5, 5], prompts([5, 5])  # there, padding counts as repeated
    given = padded(texts, left=True)
    expected = other.generate(**given, max_new_tokens=20, do_sample=False, repetition_penalty=penalty)
    expected = expected[:, max(lengths) :].numpy()
    settings = {"temperature": 0, "repetition_penalty": penalty, "stop": END}
    found = np.array(list(model.generate(texts, 20, **settings))).T
    np.testing.assert_array_equal(found, expected)


BEAMS = [
    {"num_beams": 2},
    {"num_beams": 3, "num_return_sequences": 3},
    {"num_beams": 4, "num_return_sequences": 2, "length_penalty": 0.3},
    {"num_beams": 4, "length_penalty": 2.0, "early_stopping": True, "num_return_sequences": 4},
    {"num_beams": 3, "length_penalty": 1.5, "early_stopping": "never", "num_return_sequences": 3},
    {"num_beams": 3, "length_penalty": -1.0, "early_stopping": "never", "num_return_sequences": 3},
    {"num_beams": 4, "repetition_penalty": 1.4, "num_return_sequences": 2},
    {"num_beams": 25, "num_return_sequences": 25},  # more than there are tokens
]
STOPS = [[END], [END, 5, 9], []]


def compare(found, expected, prompt):
    """Texts and scores, of every hypothesis that is kept."""
    texts = [h for best in found for h in best]
    scores = expected.sequences_scores.numpy()
    np.testing.assert_allclose([h.score for h in texts], scores, rtol=1e-4, atol=1e-5)
    for h, row in zip(texts, expected.sequences[:, prompt:].numpy(), strict=True):
        np.testing.assert_array_equal(h.tokens, row[: len(h.tokens)])
        assert (row[len(h.tokens) :] == expected.pad).all()


def searched(other, given, settings, stop, n):
    more = {"eos_token_id": stop or None, "pad_token_id": 2, "output_scores": True}
    found = other.generate(
        **given, max_new_tokens=n, do_sample=False, return_dict_in_generate=True, **settings, **more
    )
    found.pad = 2
    return found


@pytest.mark.parametrize("settings", BEAMS, ids=str)
@pytest.mark.parametrize("stop", STOPS, ids=str)
@pytest.mark.parametrize("lengths", [[4], [5, 2, 8]], ids=str)
def test_beams_of_a_decoder(pair, settings, stop, lengths):
    model, other = pair
    if "repetition_penalty" in settings:
        lengths = [5] * len(lengths)
    other.generation_config.eos_token_id = None
    texts = prompts(lengths, seed=len(lengths))
    expected = searched(other, padded(texts, left=True), settings, stop, 12)
    compare(beam_search(model, texts, 12, stop=stop, **settings), expected, max(lengths))


@pytest.mark.parametrize("settings", BEAMS, ids=str)
@pytest.mark.parametrize("stop", STOPS, ids=str)
def test_beams_of_an_encoder_decoder(bart, settings, stop):
    bart.generation_config.eos_token_id = None
    texts = prompts([5, 2, 8], seed=9)
    expected = searched(bart, padded(texts, left=False), settings, stop, 10)
    found = beam_search(Bart(bart), texts, 10, stop=stop, use_cache=False, **settings)
    compare(found, expected, 1)


def test_greedy_answers_of_an_encoder_decoder(bart):
    texts = prompts([5, 2, 8], seed=9)
    expected = bart.generate(
        **padded(texts, left=False), max_new_tokens=15, do_sample=False, eos_token_id=[END, 4]
    )
    steps = generate(Bart(bart), texts, 15, temperature=0, stop=[END, 4], use_cache=False)
    found = np.array(list(steps)).T
    np.testing.assert_array_equal(found, expected[:, 1:].numpy())
