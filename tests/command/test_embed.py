"""`tapegrad embed`: a vector for each line, as the model and the folder's files have it."""

import json

import numpy as np
import pytest

from tapegrad import models
from tapegrad.autograd import no_grad
from tapegrad.models import text

LINES = ["a cat", "", "grüße", "a text that is longer than others"[:31]]


def vector(folder, line, pooling="mean", normalize=False):
    """Of one text alone."""
    model, ids = models.from_pretrained(folder), text.from_pretrained(folder).encode(line)
    with no_grad():
        states = model.hidden(ids[None]).numpy()[0].astype(np.float64)
    found = states.mean(axis=0) if pooling == "mean" else states[0]
    return found / np.linalg.norm(found) if normalize else found


def read(out):
    return np.array([json.loads(line) for line in out.splitlines()])


def test_a_line_for_each_line(process, folders):
    code, out, err = process("embed", folders / "bert", given="\n".join(LINES).encode())
    assert (code, err) == (0, "")
    np.testing.assert_allclose(read(out), [vector(folders / "bert", line) for line in LINES], atol=1e-5)


def test_texts_of_the_command_line_and_batches(program, folders):
    arguments = [word for line in LINES for word in ("--text", line)]
    _, whole, _ = program("embed", folders / "bert", *arguments)
    _, parts, _ = program("embed", folders / "bert", *arguments, "--batch-size", 3)
    assert read(whole).shape == (4, 12)
    np.testing.assert_allclose(read(whole), [vector(folders / "bert", line) for line in LINES], atol=1e-5)
    np.testing.assert_allclose(read(parts), read(whole), atol=1e-6)


def test_a_file(program, folders, tmp_path):
    path = tmp_path / "vectors.npy"
    code, out, _ = program("embed", folders / "bert", "-o", path, "--normalize", given="\n".join(LINES))
    assert (code, out) == (0, "")
    found = np.load(path)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [vector(folders / "bert", x, normalize=True) for x in LINES], atol=1e-5)


def copied(folders, to, files):
    for path in (folders / "bert").iterdir():
        (to / path.name).symlink_to(path)
    for name, content in files.items():
        (to / name).parent.mkdir(exist_ok=True)
        (to / name).write_text(json.dumps(content))
    return to


MODULES = [
    {"type": f"sentence_transformers.models.{name}"} for name in ("Transformer", "Pooling", "Normalize")
]
CLS = {"word_embedding_dimension": 12, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}


def test_vectors_are_made_as_sentence_transformers_files_say(program, folders, tmp_path):
    folder = copied(folders, tmp_path, {"modules.json": MODULES, "1_Pooling/config.json": CLS})
    _, out, err = program("embed", folder, "--text", "a cat")
    assert err == ""
    np.testing.assert_allclose(read(out), [vector(folder, "a cat", "cls", True)], atol=1e-5)
    _, out, _ = program("embed", folder, "--text", "a cat", "--pooling", "mean")
    np.testing.assert_allclose(read(out), [vector(folder, "a cat", "mean", True)], atol=1e-5)


@pytest.mark.parametrize("said", ["cls", ["cls"]])
def test_the_pooling_in_one_word(said, program, folders, tmp_path):
    """sentence-transformers 6 writes it so, with the longest text among the tokenizer's settings."""
    limit = {"model_max_length": 10}
    folder = copied(
        folders, tmp_path, {"1_Pooling/config.json": {"pooling_mode": said}, "tokenizer_config.json": limit}
    )
    _, out, err = program("embed", folder, "--truncate", "--text", "x" * 20)
    assert err == ""
    np.testing.assert_allclose(read(out), [vector(folder, "x" * 9, "cls")], atol=1e-5)


def test_another_pooling_than_one_that_is_not_covered(program, folders, tmp_path):
    folder = copied(folders, tmp_path, {"1_Pooling/config.json": {"pooling_mode": ["mean", "max"]}})
    code, _, err = program("embed", folder, "--text", "a")
    assert code == 1 and "pools by mean and max, which is not covered; --pooling mean, or cls" in err
    _, out, err = program("embed", folder, "--text", "a", "--pooling", "cls")
    assert err == ""
    np.testing.assert_allclose(read(out), [vector(folder, "a", "cls")], atol=1e-5)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"1_Pooling/config.json": {"pooling_mode_max_tokens": True}},
            "pools by max_tokens, which is not covered",
        ),
        (
            {"1_Pooling/config.json": CLS | {"pooling_mode_mean_tokens": True}},
            "pools by cls_token and mean_tokens",
        ),
        ({"modules.json": [*MODULES, {"type": "sentence_transformers.models.Dense"}]}, "has a Dense layer"),
        ({"modules.json": {"a": 1}}, "is to be a list of layers"),
        ({"1_Pooling/config.json": {"pooling_mode": "max"}}, "pools by max, which is not covered"),
        ({"1_Pooling/config.json": {"pooling_mode": None}}, "pools by None, which is not covered"),
        (
            {"sentence_bert_config.json": {"max_seq_length": "9"}},
            "length is to be 1 or more, not '9",
        ),
        ({"sentence_bert_config.json": {"max_seq_length": 0}}, "length is to be 1 or more, not 0"),
    ],
)
def test_what_is_not_covered_is_refused(files, message, program, folders, tmp_path):
    code, out, err = program("embed", copied(folders, tmp_path, files), "--text", "a")
    assert (code, out) == (1, "")
    assert message in err and err.count("\n") == 1


def test_texts_that_are_too_long(program, folders, tmp_path):
    """32 positions, one of them the bos token's."""
    long = "x" * 40
    code, out, err = program("embed", folders / "bert", given=f"a\n{long}\n")
    assert (code, out) == (1, "")
    assert "text 2 has 41 tokens, and the model reads 32; --truncate reads so many" in err
    _, out, _ = program("embed", folders / "bert", "--truncate", given=f"{long}\n")
    np.testing.assert_allclose(read(out), [vector(folders / "bert", "x" * 31)], atol=1e-5)
    folder = copied(folders, tmp_path, {"sentence_bert_config.json": {"max_seq_length": 10}})
    _, out, _ = program("embed", folder, "--truncate", given=f"{long}\n")
    np.testing.assert_allclose(read(out), [vector(folders / "bert", "x" * 9)], atol=1e-5)


def test_input_that_is_no_text(process, folders):
    code, out, err = process("embed", folders / "bert", given=b"a\n\xff\xfe\n")
    assert (code, out) == (1, "")
    assert err == "tapegrad embed: standard input is no text in utf-8: invalid start byte\n"


def test_models_that_do_not_embed(program, folders, tmp_path):
    code, _, err = program("embed", folders / "gpt2", "--text", "a")
    assert code == 1 and "holds a GPT2; vectors are made by BERT and RoBERTa" in err
    code, out, _ = program("embed", folders / "bert", given="")
    assert (code, out) == (0, "")
    code, _, err = program("embed", folders / "bert", "-o", tmp_path / "a.npy", given="")
    assert code == 1 and "there is no text" in err and not (tmp_path / "a.npy").exists()
