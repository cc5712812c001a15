"""T5 built, initialised and saved by transformers: the same numbers here, and back."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers.models.t5.modeling_t5 import T5Attention

from encoder_cases import REAL, T5, T5S, TARGET, texts
from pretrained_pairs import all_gradients, close, exact_norms, quiet, theirs  # noqa: F401
from tapegrad.autograd import no_grad
from tapegrad.models import T5Config, from_pretrained
from tapegrad.models.generation.cache import Cache
from tapegrad.models.pretrained.t5 import bucket_of
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread", "quiet")
SOURCE = texts(T5)
TOLERANCE = 1e-5  # transformers computes the mean square of its norms in float32


@pytest.fixture(params=T5S)
def pair(request, tmp_path):
    """The model in transformers, and what is loaded here of the folder that it saves."""
    settings = T5S[request.param]
    name = "MT5ForConditionalGeneration" if request.param == "mt5" else "T5ForConditionalGeneration"
    model = theirs(settings, name)
    if request.param == "t5-untied":
        model.lm_head.weight = torch.nn.Parameter(torch.randn(23, 12, dtype=torch.float64))
    model.save_pretrained(tmp_path)
    return model, from_pretrained(tmp_path)


def logits_of(model, source=SOURCE, target=TARGET, real=REAL):
    given = {"attention_mask": torch.tensor(real.astype(int))}
    return model(torch.tensor(source), decoder_input_ids=torch.tensor(target), **given).logits


def test_logits_loss_and_all_gradients(pair):
    model, own = pair
    expected = logits_of(model)
    found = own(SOURCE, TARGET, REAL)
    assert found.dtype == np.float64
    close(found, expected, TOLERANCE)
    loss = F.cross_entropy(found[:, :-1].reshape(-1, 23), TARGET[:, 1:].reshape(-1))
    their_loss = torch.nn.functional.cross_entropy(
        expected[:, :-1].reshape(-1, 23), torch.tensor(TARGET[:, 1:].reshape(-1))
    )
    close(loss, their_loss, TOLERANCE)
    loss.backward()
    their_loss.backward()
    all_gradients(own, model, TOLERANCE)


def test_numbers_are_exact_where_their_norm_is_not_rounded(pair):
    model, own = pair
    exact_norms(model)
    expected = logits_of(model)
    found = own(SOURCE, TARGET, REAL)
    close(found, expected)
    (found**2).mean().backward()
    (expected**2).mean().backward()
    all_gradients(own, model)


def test_twenty_greedy_tokens_cached_or_not(pair):
    model, own = pair
    start = getattr(model.config, "decoder_start_token_id", 0)
    assert own.config.decoder_start_token_id == start
    told = {"do_sample": False, "max_new_tokens": 20, "min_new_tokens": 20, "decoder_start_token_id": start}
    source = SOURCE[1:2, :7]
    expected = model.generate(torch.tensor(source), use_cache=False, **told)[0, 1:].tolist()
    with no_grad():
        memory, cache = own.encode(source), Cache()
        text = new = [start]
        for _ in range(20):
            logits = own.decode(np.array([text]), memory).numpy()[0, -1].copy()
            step = own.decode(np.array([new]), memory, cache=cache).numpy()[0, -1].copy()
            close(step, logits)
            logits[1] = step[1] = -np.inf  # the end, which min_new_tokens forbids
            assert logits.argmax() == step.argmax()
            new = [int(step.argmax())]
            text = [*text, *new]
    assert text[1:] == expected


@pytest.mark.parametrize("use_cache", [True, False])
def test_beams_of_sources_of_different_lengths(pair, use_cache):
    model, own = pair
    start = own.config.decoder_start_token_id
    told = {"num_beams": 3, "length_penalty": 0.7, "early_stopping": False}
    theirs_too = {"do_sample": False, "use_cache": False, "decoder_start_token_id": start, **told}
    ids, mask = (torch.tensor(x) for x in (SOURCE, REAL.astype(int)))
    expected = model.generate(ids, attention_mask=mask, max_new_tokens=12, **theirs_too)
    sources = [row[real] for row, real in zip(SOURCE, REAL, strict=True)]
    rows = np.array(list(own.generate(sources, 12, use_cache=use_cache, **told)))
    np.testing.assert_array_equal(rows.T, expected[:, 1 : 1 + len(rows)].numpy())
    assert len(rows) == expected.shape[1] - 1


@pytest.mark.parametrize("both_ways", [True, False])
@pytest.mark.parametrize(("buckets", "far"), [(32, 128), (8, 20), (4, 3), (16, 1000), (64, 64), (32, 100)])
def test_buckets(buckets, far, both_ways):
    config = T5Config(relative_attention_num_buckets=buckets, relative_attention_max_distance=far)
    distance = np.arange(-3000, 3000)
    expected = T5Attention._relative_position_bucket(torch.tensor(distance), both_ways, buckets, far)
    np.testing.assert_array_equal(bucket_of(distance, config, both_ways), expected.numpy())


def test_transformers_loads_what_is_saved_here(pair, tmp_path):
    model, own = pair
    own.save_pretrained(tmp_path / "again")
    back, info = type(model).from_pretrained(tmp_path / "again", output_loading_info=True)
    assert not any(info.values()), info
    close(logits_of(back), logits_of(model), 1e-12)
    settings = json.loads((tmp_path / "config.json").read_text())
    ours = json.loads((tmp_path / "again" / "config.json").read_text())
    ours["tie_word_embeddings"] = settings["tie_word_embeddings"]  # here as the weights are
    assert settings.items() <= ours.items()
