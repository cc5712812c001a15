"""`tapegrad embed`: a vector for each line, as the model and the folder's files have it."""

import json
import shutil

import numpy as np
import pytest

from tapegrad import models
from tapegrad.autograd import no_grad
from tapegrad.models import text

LINES = ["a cat", "", "grüße", "a text that is longer than others"[:31]]


def vector(folder, line, pooling="mean", normalize=False, skipped=0):
    """Of one text alone, by the states of its tokens after `skipped`."""
    model, ids = models.from_pretrained(folder), text.from_pretrained(folder).encode(line)
    with no_grad():
        states = model.hidden(ids[None]).numpy()[0].astype(np.float64)
    states, places = states[skipped:], np.arange(skipped + 1, len(states) + 1)
    found = {
        "mean": states.mean(axis=0),
        "cls": states[0],
        "max": states.max(axis=0),
        "mean_sqrt_len_tokens": states.sum(axis=0) / len(states) ** 0.5,
        "weightedmean": np.average(states, axis=0, weights=places),
        "lasttoken": states[-1],
    }[pooling]
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
        shutil.copy(path, to)
    for name, content in files.items():
        (to / name).parent.mkdir(exist_ok=True)
        (to / name).write_text(json.dumps(content))
    return to


PATHS = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
MODULES = [{"type": f"sentence_transformers.models.{name}", "path": path} for name, path in PATHS.items()]
CLS = {"word_embedding_dimension": 12, "pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}


def test_vectors_are_made_as_sentence_transformers_files_say(program, folders, tmp_path):
    folder = copied(folders, tmp_path, {"modules.json": MODULES, "1_Pooling/config.json": CLS})
    _, out, err = program("embed", folder, "--text", "a cat")
    assert err == ""
    np.testing.assert_allclose(read(out), [vector(folder, "a cat", "cls", True)], atol=1e-5)
    _, out, _ = program("embed", folder, "--text", "a cat", "--pooling", "mean")
    np.testing.assert_allclose(read(out), [vector(folder, "a cat", "mean", True)], atol=1e-5)


def pooling(settings, **files):
    """The files of a folder whose pooling layer has `settings`; the vectors' lengths are as they are."""
    return {"modules.json": MODULES[:2], "1_Pooling/config.json": settings, **files}


@pytest.mark.parametrize("said", ["cls", ["cls"]])
def test_the_pooling_in_one_word(said, program, folders, tmp_path):
    """sentence-transformers 6 writes it so, with the longest text among the tokenizer's settings."""
    limit = {"model_max_length": 10}
    folder = copied(folders, tmp_path, pooling({"pooling_mode": said}, **{"tokenizer_config.json": limit}))
    _, out, err = program("embed", folder, "--truncate", "--text", "x" * 20)
    assert err == ""
    np.testing.assert_allclose(read(out), [vector(folder, "x" * 9, "cls")], atol=1e-5)


MODES = ["mean", "cls", "max", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]


def test_every_pooling_and_several_joined(program, folders, tmp_path):
    """In a batch: padding is read by none of them."""
    flags = {
        f"pooling_mode_{name}": True
        for name in ("lasttoken", "mean_tokens", "max_tokens", "weightedmean_tokens", "cls_token")
    }
    folder = copied(folders, tmp_path, pooling({"pooling_mode": MODES}))
    _, out, err = program("embed", folder, given="\n".join(LINES))
    assert err == ""
    wanted = [np.concatenate([vector(folder, line, mode) for mode in MODES]) for line in LINES]
    np.testing.assert_allclose(read(out), wanted, atol=1e-5)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(flags))
    _, out, _ = program("embed", folder, "--text", LINES[0])
    order = ("cls", "max", "mean", "weightedmean", "lasttoken")
    np.testing.assert_allclose(
        read(out)[0], np.concatenate([vector(folder, LINES[0], mode) for mode in order]), atol=1e-5
    )


def test_another_pooling_than_one_that_is_not_covered(program, folders, tmp_path):
    folder = copied(folders, tmp_path, pooling({"pooling_mode": "median"}))
    code, _, err = program("embed", folder, "--text", "a")
    assert code == 1 and "pools by median, which is not covered; --pooling makes other vectors" in err
    _, out, err = program("embed", folder, "--text", "a", "--pooling", "cls")
    assert err == ""
    np.testing.assert_allclose(read(out), [vector(folder, "a", "cls")], atol=1e-5)


def test_layers_lie_where_the_list_says(program, folders, tmp_path):
    inner = tmp_path / "0_Transformer"
    inner.mkdir()
    copied(folders, inner, {"sentence_roberta_config.json": {"max_seq_length": 5}})
    (tmp_path / "my_pooling").mkdir()
    (tmp_path / "my_pooling" / "config.json").write_text(json.dumps({"pooling_mode": "max"}))
    paths = ("0_Transformer", "my_pooling", "")
    listed = [module | {"path": path} for module, path in zip(MODULES, paths, strict=True)]
    (tmp_path / "modules.json").write_text(json.dumps(listed))
    _, out, err = program("embed", tmp_path, "--text", "a cat", "--truncate")
    assert err == ""
    np.testing.assert_allclose(read(out), [vector(inner, "a ca", "max", True)], atol=1e-5)


PROMPTS = {"prompts": {"query": "q: ", "none": None}, "default_prompt_name": "query"}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("include", [True, False])
def test_prompts(include, mode, program, folders, tmp_path):
    """The tokenizer of the tiny models puts a token before the three letters of the prompt."""
    said = {"pooling_mode": mode, "include_prompt": include}
    folder = copied(folders, tmp_path, pooling(said, **{"config_sentence_transformers.json": PROMPTS}))
    skipped = 0 if include else 4
    wanted = [vector(folder, "q: " + line, mode, skipped=skipped) for line in ("a cat", "a")]
    for choice in ((), ("--prompt", "query")):
        _, out, err = program("embed", folder, "--text", "a cat", "--text", "a", *choice)
        assert err == ""
        np.testing.assert_allclose(read(out), wanted, atol=1e-5)
    _, out, _ = program("embed", folder, "--text", "a cat", "--prompt", "none")
    np.testing.assert_allclose(read(out), [vector(folder, "a cat", mode)], atol=1e-5)


def test_prompts_that_are_none(program, folders, tmp_path):
    folder = copied(folders, tmp_path, {"config_sentence_transformers.json": PROMPTS})
    code, out, err = program("embed", folder, "--text", "a", "--prompt", "passage")
    assert (code, out) == (1, "") and "no prompt 'passage'; the folder has query, none" in err
    code, out, err = program("embed", folders / "bert", "--text", "a", "--prompt", "passage")
    assert (code, out) == (1, "") and "no prompt 'passage'; the folder has none" in err
    said = {"pooling_mode": "mean", "include_prompt": False}
    files = pooling(said, **{"sentence_bert_config.json": {"max_seq_length": 4}})
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    code, out, err = program("embed", folder, "--text", "a", "--truncate")
    assert (code, out) == (1, "") and "text 1 is empty, and the prompt is not read for it" in err


SETTINGS, OWN = "sentence_bert_config.json", "config_sentence_transformers.json"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (pooling({"pooling_mode_median": True}), "pools by pooling_mode_median, which is not covered"),
        (pooling({"pooling_mode": None}), "pools by None, which is not covered"),
        (pooling({"pooling_mode": ["mean", {}]}), "pools by {}, which is not covered"),
        ({"1_Pooling/config.json": CLS}, "has 1_Pooling/config.json, but not modules.json"),
        ({"modules.json": MODULES[:2]}, "1_Pooling/config.json"),
        (
            {"modules.json": [*MODULES, MODULES[0] | {"type": "sentence_transformers.models.Dense"}]},
            "a Dense",
        ),
        ({"modules.json": [MODULES[0] | {"type": "my_code.Transformer"}]}, "other code, my_code.Transformer"),
        ({"modules.json": [*MODULES, MODULES[1]]}, "layers Transformer, Pooling, Normalize, Pooling; those"),
        ({"modules.json": MODULES[:1]}, "has the layers Transformer; those"),
        ({"modules.json": {"a": 1}}, "is to be a list of layers"),
        ({"modules.json": [{"type": MODULES[0]["type"]}]}, "is to be a list of layers with their paths"),
        (
            {"modules.json": [MODULES[0], MODULES[1] | {"path": "../other"}]},
            "names ../other, which is not in",
        ),
        (
            {"modules.json": [MODULES[0] | {"path": "/etc"}, MODULES[1]]},
            "names /etc, which is not in the folder",
        ),
        ({"adapter_config.json": {}}, "has an adapter"),
        ({SETTINGS: {"max_seq_length": "9"}}, "length is to be 1 or more, not '9"),
        ({SETTINGS: {"max_seq_length": 0}}, "length is to be 1 or more, not 0"),
        ({SETTINGS: {"max_seq_length": True}}, "length is to be 1 or more, not True"),
        ({SETTINGS: {"transformer_task": "fill-mask"}}, 'has transformer_task "fill-mask", which is not'),
        ({SETTINGS: {"query_length": 7}}, "has query_length 7, which is not covered"),
        ({SETTINGS: {"do_lower_case": True}}, "do_lower_case is for tokenizers of Hugging Face's files"),
        ({OWN: {"model_type": "SparseEncoder"}}, "the model is a SparseEncoder"),
        ({OWN: {"prompts": ["a"]}}, "prompts are to be texts by their names"),
        ({OWN: {"default_prompt_name": "query"}}, "there is no prompt 'query'; the folder has none"),
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


@pytest.mark.parametrize(
    ("own", "tokenizer", "limit"),
    [(10, 20, 10), (20, 10, 20), (None, 10, 10), (99, 10, 32), (None, 1e30, 32)],
)
def test_the_folder_has_a_limit_below_the_models(own, tokenizer, limit, program, folders, tmp_path):
    """sentence-transformers cuts silently there; the first layer's goes before the tokenizer's."""
    files = {SETTINGS: {"max_seq_length": own}, "tokenizer_config.json": {"model_max_length": tokenizer}}
    folder = copied(folders, tmp_path, files)
    code, out, _ = program("embed", folder, "--text", "x" * (limit - 1))
    assert code == 0
    code, nothing, err = program("embed", folder, "--text", "x" * limit)
    assert (code, nothing) == (1, "")
    assert f"text 1 has {limit + 1} tokens, and the model reads {limit}; --truncate" in err
    assert program("embed", folder, "--truncate", "--text", "x" * limit) == (0, out, "")


def test_the_end_of_long_texts(program, folders, tmp_path):
    folder = copied(folders, tmp_path, {"tokenizer_config.json": {"truncation_side": "left"}})
    assert program("embed", folder, "--truncate", "--text", "x" * 31)[0] == 0
    code, out, err = program("embed", folder, "--truncate", "--text", "x" * 32)
    assert (code, out) == (1, "") and "truncation_side asks for the end of texts" in err


def test_where_no_file_can_be_written(program, folders, tmp_path):
    """Known before anything is read: an input that never ends is no waste of time."""
    for path, reason in (("no/a.npy", "No such file or directory"), ("a.npy", "Is a directory")):
        (tmp_path / "a.npy").mkdir(exist_ok=True)
        code, out, err = program("embed", folders / "nothing", "-o", tmp_path / path)
        assert (code, out, err) == (1, "", f"tapegrad embed: {tmp_path / path}: {reason}\n")


def test_an_argument_that_is_no_text(program, folders):
    code, out, err = program("embed", folders / "bert", "--text", "a\udcff")
    assert (code, out) == (2, "") and "argument --text: it is no text in UTF-8 (see" in err


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
