"""BERT, T5 and ViT: transformers' numbers, folders, initial weights, dropout, labels."""

import copy
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from encoder_cases import BERTS, IDS, REAL, T5, T5S, TARGET, VITS, images, model_of, sample, texts, types
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.models import BertConfig, T5Config, ViTConfig, from_pretrained

pytestmark = pytest.mark.usefixtures("one_blas_thread")
GOLDEN = json.loads((Path(__file__).parent / "golden" / "encoders.json").read_text())
CASES = {**BERTS, **T5S, **VITS}


def call(model, settings):
    """What a model makes of the texts or images of the cases: a list of outputs."""
    if settings["model_type"] == "vit":
        found = model(images(settings))
    elif settings["model_type"].endswith("t5"):
        found = model(texts(settings), TARGET, REAL)
    else:
        found = model(texts(settings), REAL, types(settings))
    return list(found) if isinstance(found, tuple) else [found]


def check(model, outputs, golden):
    """Samples of the outputs, and the length of the gradient of their squares' means."""
    for found, expected in zip(outputs, golden["outputs"], strict=True):
        np.testing.assert_allclose(sample(found.numpy()), expected, rtol=1e-8, atol=1e-8)
    kept = [x[REAL] if x.shape[:2] == REAL.shape else x for x in outputs]
    sum((x**2).mean() for x in kept).backward()
    square = sum(np.vdot(p.grad, p.grad) for p in model.parameters() if p.grad is not None)
    assert square**0.5 == pytest.approx(golden["slope"], rel=1e-9)


def test_every_case_has_golden_numbers():
    assert GOLDEN.keys() == {*CASES, "vit larger"}


@pytest.mark.parametrize("name", CASES)
def test_outputs_and_gradients(name):
    model = model_of(CASES[name])
    check(model, call(model, CASES[name]), GOLDEN[name])


@pytest.mark.parametrize("name", CASES)
def test_float32_stays(name):
    model, exact = model_of(CASES[name]).float(), model_of(CASES[name])
    for found, expected in zip(call(model, CASES[name]), call(exact, CASES[name]), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-3, atol=1e-4)
    if CASES[name]["model_type"] not in ("vit", "t5", "mt5"):
        assert model.embed(texts(CASES[name]), REAL, normalize=True).dtype == np.float32


def test_a_batch_of_none():
    none = np.zeros((0, 5), int)
    assert model_of(BERTS["roberta-text"])(none, none).shape == (0, 2)
    assert model_of(T5)(none, none, none).shape == (0, 5, 23)
    assert model_of(VITS["vit"])(np.zeros((0, 3, 12, 12))).shape == (0, 3)


def test_tensors_are_taken_as_arrays_are():
    model, t5 = model_of(BERTS["bert-text"]), model_of(T5)
    ids, real, target = (Tensor(x) for x in (IDS, REAL, TARGET))
    np.testing.assert_array_equal(model(ids, real, ids % 3).numpy(), model(IDS, REAL, IDS % 3).numpy())
    np.testing.assert_array_equal(t5(ids, target, real).numpy(), t5(IDS, TARGET, REAL).numpy())


def test_a_larger_image():
    model = model_of(VITS["vit"])
    pixels = images({**VITS["vit"], "image_size": [20, 16]})
    check(model, [model(pixels, interpolate_pos_encoding=True)], GOLDEN["vit larger"])


@pytest.mark.parametrize("name", CASES)
def test_there_and_back(name, tmp_path):
    model = model_of(CASES[name])
    before = call(model, CASES[name])
    model.save_pretrained(tmp_path)
    back = from_pretrained(tmp_path)
    assert type(back) is type(model) and not back.training
    assert back.config.to_dict() == {**model.settings(), **back.config.to_dict()}
    for twin in (back, copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        for found, expected in zip(call(twin, CASES[name]), before, strict=True):
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert len(list(back.parameters())) == len(list(model.parameters()))  # tied ones are one


@pytest.mark.parametrize("name", ["bert-text", "roberta-text", "t5", "vit"])
def test_dropout_while_training_only(name):
    more = {} if name == "t5" else {"hidden_dropout_prob": 0.1}
    settings = {**CASES[name], **more}
    model = model_of(settings)
    once, again = call(model, settings)[0], call(model, settings)[0]
    np.testing.assert_array_equal(once.numpy(), again.numpy())
    model.train()
    assert (call(model, settings)[0].numpy() != once.numpy()).any()


@pytest.mark.parametrize(
    "part", ["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]
)
@pytest.mark.parametrize("name", ["bert-text", "bert-token", "roberta-text"])
def test_each_dropout_of_bert(name, part):
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0, "classifier_dropout": 0.0}
    settings = {**BERTS[name], **off}
    still = call(model_of(settings).train(), settings)[0].numpy()
    np.testing.assert_array_equal(still, call(model_of(settings), settings)[0].numpy())
    assert (call(model_of({**settings, part: 0.5}).train(), settings)[0].numpy() != still).any()


def test_initial_weights():
    wide = {"hidden_size": 96, "intermediate_size": 96, "vocab_size": 200}
    for name in ("bert-masked", "roberta-text", "vit"):
        settings = {**CASES[name], **wide}
        kind = type(model_of(CASES[name]))
        model = kind(kind.config_class.from_dict(settings))
        for key, p in model.named_parameters():
            if p.ndim > 1:
                assert (p.data**2).mean() ** 0.5 == pytest.approx(0.02, rel=0.4), key
            else:
                assert (p.data == key.endswith("weight")).all(), key
        if name != "vit":
            pad = model.config.pad_token_id
            assert not model.body.embeddings.word_embeddings.weight.data[pad].any()
            position = model.body.embeddings.position_embeddings.weight.data[pad]
            assert position.any() == (name == "bert-masked")
    t5 = type(model_of(T5S["t5"]))(T5Config(num_layers=1, vocab_size=400, d_model=64, d_kv=16, d_ff=256))
    sizes = {".q.": 64 * 16, ".k.": 64, ".v.": 64, ".o.": 8 * 16, ".wi.": 64, ".wo.": 256, "bias": 64}
    for key, p in t5.named_parameters():
        if p.ndim == 1:
            assert (p.data == 1).all()
            continue
        size = next((size for word, size in sizes.items() if word in key), 1)
        assert (p.data**2).mean() ** 0.5 == pytest.approx(size**-0.5, rel=0.2), key


def test_labels():
    assert model_of(BERTS["bert-text"]).config.labels == ("no", "perhaps", "yes")
    assert BertConfig().labels == ("LABEL_0", "LABEL_1")
    assert BertConfig.from_dict({"model_type": "bert", "num_labels": 3}).labels[2] == "LABEL_2"
    many = {str(i): f"n{i}" for i in reversed(range(12))}
    assert ViTConfig(id2label=many).labels == tuple(f"n{i}" for i in range(12))


def test_it_trains_after_loading(tmp_path):
    off = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model_of({**BERTS["roberta-text"], **off}).float().save_pretrained(tmp_path)
    model = from_pretrained(tmp_path).train()
    optimizer = nn.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(20):
        loss = nn.functional.cross_entropy(model(texts(BERTS["roberta"]), REAL), np.array([0, 1, 0]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


# ---------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    "kind, settings, words",
    [
        (BertConfig, {"hidden_act": "glue"}, "no activation is called 'glue'; there are gelu, "),
        (
            BertConfig,
            {"position_embedding_type": "relative_key"},
            "is to be \"absolute\".*not 'relative_key'",
        ),
        (BertConfig, {"is_decoder": True}, "is_decoder is to be false"),
        (BertConfig, {"is_causal": True}, "is_causal is to be false, as each"),
        (BertConfig, {"add_cross_attention": True}, "add_cross_attention is to be false"),
        (BertConfig, {"num_attention_heads": 7}, "hidden_size is to be a multiple of num_attention_heads, 7"),
        (
            BertConfig,
            {"architectures": ["BertForMultipleChoice"]},
            "is to be one of BertModel, BertForMaskedLM",
        ),
        (BertConfig, {"architectures": [["BertModel"]]}, "is to be one of BertModel"),
        (BertConfig, {"architectures": ["RobertaModel"]}, "is to be one of BertModel"),
        (BertConfig, {"pad_token_id": 30522}, "pad_token_id is to be less than vocab_size, 30522"),
        (BertConfig, {"model_type": "roberta", "pad_token_id": None}, "pad_token_id is to leave room"),
        (
            BertConfig,
            {"model_type": "roberta", "max_position_embeddings": 2},
            "pad_token_id is to leave room",
        ),
        (BertConfig, {"id2label": {"0": "a", "2": "b"}}, "id2label is to have the keys 0, 1, 2"),
        (BertConfig, {"id2label": {"a": "b"}}, "id2label is to have the keys 0, 1, 2"),
        (BertConfig, {"num_labels": 0}, "num_labels is to be from 1 to 1000000, not 0"),
        (ViTConfig, {"num_labels": 10**12}, "num_labels is to be from 1 to 1000000"),
        (BertConfig, {"vocab_size": "many"}, "vocab_size is to be int"),
        (T5Config, {"feed_forward_proj": "gated-glue"}, "no activation is called 'glue'"),
        (T5Config, {"feed_forward_proj": "twice-gelu"}, "no activation is called 'twice-gelu'"),
        (T5Config, {"relative_attention_num_buckets": 2}, "is to be even and 4 or more"),
        (T5Config, {"relative_attention_num_buckets": 33}, "is to be even and 4 or more"),
        (T5Config, {"relative_attention_max_distance": 16}, "is to be more than half the buckets, 16"),
        (T5Config, {"is_decoder": True}, "is_decoder is to be false"),
        (T5Config, {"is_causal": True}, "is_causal is to be left out"),
        (ViTConfig, {"hidden_act": "glue"}, "no activation is called 'glue'"),
        (ViTConfig, {"image_size": [224, 0]}, "image_size is to be one number or two"),
        (ViTConfig, {"patch_size": [1, 2, 3]}, "patch_size is to be one number or two"),
        (ViTConfig, {"patch_size": 225}, "patch_size is to fit into image_size, 224"),
        (ViTConfig, {"architectures": ["ViTForMaskedImageModeling"]}, "ViTForImageClassification, ViTModel"),
    ],
)
def test_settings_that_do_not_fit(kind, settings, words):
    start = {"model_type": kind().model_type}
    with pytest.raises(ValueError, match=words):
        kind.from_dict({**start, **settings})
