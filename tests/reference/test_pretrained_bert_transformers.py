"""BERT and RoBERTa built, initialised and saved by transformers: the same numbers here, and back."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from encoder_cases import BERTS, LABELS, REAL, head, texts, types
from pretrained_pairs import all_gradients, close, quiet, theirs  # noqa: F401
from tapegrad.models import from_pretrained
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread", "quiet")


@pytest.fixture(params=BERTS)
def pair(request, tmp_path):
    """The model in transformers, what is loaded here of the folder that it saves, and what both read."""
    settings = BERTS[request.param]
    model = theirs(settings)
    model.save_pretrained(tmp_path)
    given = {"attention_mask": REAL.astype(int), "token_type_ids": types(settings)}
    return model, from_pretrained(tmp_path), texts(settings), given


def outputs(model, own, ids, given):
    """What both give, at real tokens where there is one for each."""
    out = model(torch.tensor(ids), **{name: torch.tensor(array) for name, array in given.items()})
    expected = [x for x in out.values() if x is not None]
    found = own(ids, **given)
    found = [x for x in found if x is not None] if isinstance(found, tuple) else [found]
    real = given["attention_mask"].astype(bool)
    return [
        (f[real], e[torch.tensor(real)]) if f.ndim == 3 else (f, e)
        for f, e in zip(found, expected, strict=True)
    ]


def test_outputs_loss_and_all_gradients(pair):
    model, own, ids, given = pair
    assert not own.training
    losses = []
    for found, expected in outputs(model, own, ids, given):
        assert found.dtype == np.float64
        close(found, expected)
        last = found.shape[-1]
        labels = np.arange(found.size // last) % last
        losses.append(
            (
                F.cross_entropy(found.reshape(-1, last), labels),
                torch.nn.functional.cross_entropy(expected.reshape(-1, last), torch.tensor(labels)),
            )
        )
    loss, their_loss = (sum(side) for side in zip(*losses, strict=True))
    close(loss, their_loss)
    loss.backward()
    their_loss.backward()
    all_gradients(own, model, base="" if own.config.head else f"{own.base}.")


def test_without_mask_or_types(pair):
    model, own, ids, _ = pair
    found = own(ids)
    expected = model(torch.tensor(ids))[0]
    close(found[0] if isinstance(found, tuple) else found, expected)


def test_embeddings_are_means_of_real_tokens(pair):
    model, own, ids, given = pair
    tensors = {name: torch.tensor(array) for name, array in given.items()}
    states = model(torch.tensor(ids), output_hidden_states=True, **tensors).hidden_states[-1]
    real = tensors["attention_mask"][..., None]
    mean = (states * real).sum(1) / real.sum(1)
    close(own.embed(ids, **given), mean)
    close(own.embed(ids, **given, normalize=True), torch.nn.functional.normalize(mean, dim=1))


def test_transformers_loads_what_is_saved_here(pair, tmp_path):
    model, own, ids, given = pair
    own.save_pretrained(tmp_path / "again")
    back, info = type(model).from_pretrained(tmp_path / "again", output_loading_info=True)
    assert not any(info.values()), info
    assert back.dtype == torch.float64
    for found, expected in outputs(back, own, ids, given):
        close(found, expected)
    settings = json.loads((tmp_path / "config.json").read_text())
    ours = json.loads((tmp_path / "again" / "config.json").read_text())
    assert settings.items() <= ours.items()


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_a_headless_model_of_a_checkpoint_with_a_head(name, tmp_path):
    settings = BERTS[f"{name}-masked"]
    model = theirs(settings)
    model.save_pretrained(tmp_path)
    file = tmp_path / "config.json"
    told = {**json.loads(file.read_text()), "architectures": None}
    file.write_text(json.dumps(told))
    own = from_pretrained(tmp_path)
    expected = getattr(model, name)(torch.tensor(texts(settings)), torch.tensor(REAL.astype(int)))
    states, pooled = own(texts(settings), REAL)
    assert pooled is None  # as no weights for it were trained
    close(states[REAL], expected.last_hidden_state[torch.tensor(REAL)])


def test_labels(tmp_path):
    theirs(head(BERTS["bert"], "BertForSequenceClassification", **LABELS)).save_pretrained(tmp_path)
    assert from_pretrained(tmp_path).config.labels == ("no", "perhaps", "yes")
