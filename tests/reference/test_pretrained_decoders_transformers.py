"""Decoders built, initialised and saved by transformers: the same numbers here, and back."""

import json
import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from decoder_cases import DECODERS, IDS
from tapegrad.autograd import no_grad
from tapegrad.models import from_pretrained
from tapegrad.models.generation.cache import Cache
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread")
REAL = np.arange(14) >= np.array([[0], [3], [9]])  # padding on the left


@pytest.fixture(autouse=True)
def quiet():
    """transformers talks of settings that are as they are meant to be."""
    transformers.utils.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def theirs(settings, dtype=torch.float64):
    """Their model with weights that are large enough to tell things apart, biases and norms among them."""
    torch.manual_seed(0)
    kind = transformers.AutoConfig.for_model(**settings)
    model = transformers.AutoModelForCausalLM.from_config(kind).to(dtype).eval()
    with torch.no_grad():
        for p in model.parameters():
            p += torch.randn_like(p) * (0.3 if p.ndim > 1 else 0.2)
    return model


@pytest.fixture(params=DECODERS)
def pair(request, tmp_path):
    """The model in transformers, and what is loaded here of the folder that it saves."""
    model = theirs(DECODERS[request.param])
    model.save_pretrained(tmp_path)
    return model, from_pretrained(tmp_path)


def test_logits_loss_and_all_gradients(pair):
    model, own = pair
    ids = torch.tensor(IDS)
    out = model(ids, labels=ids)  # their loss is of logits in float32
    torch.nn.functional.cross_entropy(out.logits[:, :-1].reshape(-1, 19), ids[:, 1:].reshape(-1)).backward()
    logits = own(IDS)
    assert not own.training and logits.dtype == np.float64
    np.testing.assert_allclose(logits.numpy(), out.logits.detach().numpy(), **close(model))
    loss = F.cross_entropy(logits[:, :-1].reshape(-1, 19), IDS[:, 1:].reshape(-1))
    loss.backward()
    assert loss.item() == pytest.approx(out.loss.item(), rel=1e-6)
    found = {name: p.grad for name, p in own.named_parameters()}
    expected = {name: p.grad.numpy() for name, p in model.named_parameters()}
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, err_msg=name, **close(model))


def close(model):
    """In float64, of which transformers makes float32 in RMS norms and rotary angles."""
    return {"rtol": 1e-9, "atol": 1e-9} if model.config.model_type == "gpt2" else {"rtol": 1e-5, "atol": 1e-5}


def test_padding_on_the_left(pair):
    model, own = pair
    positions = np.maximum(REAL.cumsum(1) - 1, 0)
    given = {"attention_mask": torch.tensor(REAL.astype(int)), "position_ids": torch.tensor(positions)}
    expected = model(torch.tensor(IDS), **given).logits.detach().numpy()
    found = own(IDS, REAL.astype(int)).numpy()
    if not (hasattr(own, "rope") and own.rope.by_length):  # theirs by the longest of the batch
        np.testing.assert_allclose(found[REAL], expected[REAL], **close(model))
    for row, real in enumerate(REAL):
        alone = own(IDS[row : row + 1, real]).numpy()
        np.testing.assert_allclose(found[row, real], alone[0], rtol=1e-9, atol=1e-9)


def test_twenty_greedy_tokens_cached_or_not(pair):
    model, own = pair
    prompt = torch.tensor(IDS[:1, :5])
    told = {"do_sample": False, "max_new_tokens": 20, "min_new_tokens": 20, "pad_token_id": 0}
    expected = model.generate(prompt, use_cache=False, **told)[0, 5:].tolist()
    with no_grad():
        text, cache, new, cached = IDS[:1, :5].tolist()[0], Cache(), IDS[:1, :5], []
        for _ in range(20):
            logits = own(np.array([text])).numpy()[0, -1].copy()
            step = own(new, cache=cache).numpy()[0, -1].copy()
            np.testing.assert_allclose(step, logits, rtol=1e-9, atol=1e-9)
            logits[2] = step[2] = -np.inf  # the end, which min_new_tokens forbids
            text.append(int(logits.argmax()))
            cached.append(int(step.argmax()))
            new = np.array([cached[-1:]])
            if own.outgrown(1, cache.length):
                cache, new = Cache(), np.array([text])
    assert text[5:] == cached == expected


def test_transformers_loads_what_is_saved_here(pair, tmp_path):
    model, own = pair
    own.save_pretrained(tmp_path / "again")
    back = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "again")
    assert type(back) is type(model) and back.dtype == torch.float64
    ids = torch.tensor(IDS)
    expected = model(ids).logits.detach().numpy()
    np.testing.assert_allclose(back(ids).logits.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    settings = json.loads((tmp_path / "config.json").read_text())
    ours = json.loads((tmp_path / "again" / "config.json").read_text())
    assert settings.items() <= ours.items()
