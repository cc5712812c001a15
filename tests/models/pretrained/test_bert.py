"""BERT and RoBERTa: padding, positions, vectors of texts, older files, bad input."""

import numpy as np
import pytest

from encoder_cases import BERTS, IDS, REAL, model_of, texts, types
from tapegrad import nn
from tapegrad.models import from_pretrained

pytestmark = pytest.mark.usefixtures("one_blas_thread")
NAMES = ["bert", "bert-text", "bert-token", "roberta", "roberta-text", "roberta-token"]


def first(found):
    return found[0] if isinstance(found, tuple) else found


@pytest.mark.parametrize("name", NAMES)
def test_what_is_padded_influences_nobody(name):
    """Not even nan, and no gradient: rows of different lengths give what each gives alone."""
    settings = BERTS[name]
    model, ids, kinds = model_of(settings), texts(settings), types(settings)
    table = model.body.embeddings.word_embeddings.weight.data
    table[settings.get("pad_token_id", 0)] = np.nan
    found = first(model(ids, REAL, kinds))
    vectors = model.embed(ids, REAL, kinds).numpy()
    for i, real in enumerate(REAL):
        row = ids[i : i + 1, real], None, kinds[i : i + 1, real]
        alone = first(model(*row)).numpy()[0]
        mine = found.numpy()[i][real] if found.ndim == 3 else found.numpy()[i]
        np.testing.assert_allclose(mine, alone, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(vectors[i], model.embed(*row).numpy()[0], rtol=1e-9, atol=1e-9)
    (found[REAL] if found.ndim == 3 else found).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert len(gradients) > 30 and all(np.isfinite(g).all() for g in gradients)


def test_padding_on_the_left():
    """RoBERTa counts the real tokens; BERT counts all, as transformers does."""
    for name, same in (("roberta", True), ("bert", False)):
        model = model_of(BERTS[name])
        ids = np.where(REAL[:, ::-1], IDS, BERTS[name].get("pad_token_id", 0))
        found = model.embed(ids, REAL[:, ::-1]).numpy()
        alone = np.stack(
            [model.embed(row[None, real[::-1]]).numpy()[0] for row, real in zip(ids, REAL, strict=True)]
        )
        assert np.allclose(found, alone, rtol=1e-9, atol=1e-9) is same


def test_padding_has_a_position_of_its_own():
    """Which is that of the token's id: as in transformers, where no mask hides it."""
    model = model_of(BERTS["roberta"])
    ids = texts(BERTS["roberta"])
    before = first(model(ids)).numpy()
    model.body.embeddings.position_embeddings.weight.data[1] += 1
    after = first(model(ids)).numpy()
    np.testing.assert_array_equal((before != after).any(-1).all(1), ~REAL.all(1))


def test_the_mean_is_of_real_tokens():
    model = model_of(BERTS["bert"])
    ids = texts(BERTS["bert"])
    states = model.hidden(ids, REAL).numpy()
    expected = np.stack([x[real].mean(0) for x, real in zip(states, REAL, strict=True)])
    np.testing.assert_allclose(model.embed(ids, REAL).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(model.embed(ids).numpy(), model.hidden(ids).numpy().mean(1), rtol=1e-12)
    unit = model.embed(ids, REAL.astype(int), normalize=True).numpy()
    np.testing.assert_allclose(unit, expected / np.linalg.norm(expected, axis=1, keepdims=True), rtol=1e-12)


def test_a_mask_of_ones_is_none():
    model = model_of(BERTS["roberta-masked"])
    np.testing.assert_array_equal(model(IDS, np.ones(IDS.shape)).numpy(), model(IDS).numpy())


def test_names_of_older_files(tmp_path):
    """Norms with gamma and beta, a buffer of positions, another head, no base."""
    model = model_of(BERTS["bert"])
    expected = first(model(IDS)).numpy()
    model.save_pretrained(tmp_path)
    given = {}
    for name, array in nn.load_weights(tmp_path).items():
        name = name.removeprefix("bert.").replace("LayerNorm.weight", "LayerNorm.gamma")
        given[name.replace("LayerNorm.bias", "LayerNorm.beta")] = array.copy()
    given["embeddings.position_ids"] = np.arange(16)
    given["cls.seq_relationship.weight"] = given["classifier.weight"] = np.ones((2, 12))
    nn.save_weights(tmp_path / "model.safetensors", given)
    np.testing.assert_array_equal(first(from_pretrained(tmp_path)(IDS)).numpy(), expected)


@pytest.mark.parametrize("name", ["bert-masked", "bert-untied", "roberta-untied"])
@pytest.mark.parametrize("kept", ["bias", "decoder.bias"])
def test_the_bias_of_words_under_either_name(name, kept, tmp_path):
    model = model_of(BERTS[name])
    expected = model(IDS).numpy()
    model.save_pretrained(tmp_path)
    start = "cls.predictions." if name.startswith("bert") else "lm_head."
    given = {key: x.copy() for key, x in nn.load_weights(tmp_path).items() if key != start + "bias"}
    bias = given.pop(start + "decoder.bias", None)
    given[start + kept] = model.state_dict()[start + "decoder.bias"] if bias is None else bias
    nn.save_weights(tmp_path / "model.safetensors", given)
    np.testing.assert_array_equal(from_pretrained(tmp_path)(IDS).numpy(), expected)


def test_without_the_weights_of_a_pooler(tmp_path):
    model = model_of(BERTS["roberta"])
    model.save_pretrained(tmp_path)
    given = {key: x.copy() for key, x in nn.load_weights(tmp_path).items() if "pooler" not in key}
    nn.save_weights(tmp_path / "model.safetensors", given)
    states, pooled = from_pretrained(tmp_path)(IDS)
    np.testing.assert_array_equal(states.numpy(), model(IDS)[0].numpy())
    assert pooled is None


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "ids, mask, kinds, error, words",
    [
        (IDS[0], None, None, ValueError, r"Bert: ids of shape \(11,\), expected \(batch, length\)"),
        (IDS / 1, None, None, TypeError, "integers, not float64"),
        (IDS + 10, None, None, IndexError, "23"),
        (IDS - 10, None, None, IndexError, "23"),
        (IDS, REAL[:, :10], None, ValueError, r"Bert: attention_mask of shape \(3, 10\), expected \(3, 11\)"),
        (IDS, REAL[:1], None, ValueError, r"attention_mask of shape \(1, 11\), expected \(3, 11\)"),
        (IDS, REAL[:, None], None, ValueError, r"attention_mask of shape \(3, 1, 11\)"),
        (IDS, np.where(REAL, 0, -np.inf), None, ValueError, "is to be 1 for tokens and 0 for padding"),
        (IDS, np.full(IDS.shape, "x"), None, TypeError, "of booleans or of 0 and 1, not <U1"),
        (
            IDS,
            None,
            types(BERTS["bert"])[:1],
            ValueError,
            r"token_type_ids of shape \(1, 11\), expected \(3, 11\)",
        ),
        (IDS, None, IDS, IndexError, "3"),
    ],
)
def test_input_that_does_not_fit(ids, mask, kinds, error, words):
    with pytest.raises(error, match=words):
        model_of(BERTS["bert"])(ids, mask, kinds)


def test_texts_that_are_too_long():
    long = np.full((1, 17), 5)
    bert, roberta = model_of(BERTS["bert"]), model_of(BERTS["roberta"])
    assert (bert.context, roberta.context) == (16, 14)  # as padding has a position, and one is before it
    bert(long[:, 1:])
    roberta(long[:, 3:])
    with pytest.raises(ValueError, match="Bert: a text of 17 tokens, but its context is 16"):
        bert(long)
    with pytest.raises(ValueError, match="Bert: a text of 15 tokens, but its context is 14"):
        roberta(long[:, 2:])
    padded = np.where(np.arange(17) < 14, long, 1)
    roberta(padded, padded != 1)  # padding takes no position


def test_a_text_of_padding_alone_has_no_vector():
    with pytest.raises(ValueError, match="Bert.embed: text 1 has no token, only padding"):
        model_of(BERTS["bert"]).embed(IDS, np.arange(3)[:, None] != np.ones((1, 11)))
