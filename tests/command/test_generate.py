"""`tapegrad generate`: what is written is what the model writes, shown as it comes."""

import io
import json
import shutil

import pytest

from tapegrad import models
from tapegrad.command import main
from tapegrad.command.generate import said
from tapegrad.models import text
from tapegrad.models.text import Bytes
from tokenizer_cases import fallback


def expected(folder, prompt, count, **options):
    """What a program of one's own would print."""
    model, tokenizer = models.from_pretrained(folder), text.from_pretrained(folder)
    ids = tokenizer.encode(prompt) if isinstance(prompt, str) else prompt
    tokens = model.generate(ids, count, stop=[257], **options)
    after = () if hasattr(model, "encode") else ids
    return "".join(tokenizer.stream(tokens, after))


@pytest.mark.parametrize("name", ["gpt2", "llama", "t5"])
def test_the_likeliest_unless_told_otherwise(name, program, folders):
    code, out, err = program("generate", folders / name, "--prompt", "hello", "--max-new-tokens", 20)
    assert (code, err) == (0, "")
    assert out == expected(folders / name, "hello", 20, temperature=0) + "\n"


def test_a_process_writes_the_same(process, folders):
    arguments = ["generate", folders / "llama", "--max-new-tokens", "30", "--temperature", "1", "--seed", "3"]
    code, out, err = process(*arguments, given="grüße\n".encode())
    assert (code, err) == (0, "")
    assert out == expected(folders / "llama", "grüße", 30, seed=3) + "\n"


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["--seed", 5], {"seed": 5}),
        (["--temperature", 0.5, "--top-k", 9, "--seed", 5], {"temperature": 0.5, "top_k": 9, "seed": 5}),
        (["--top-p", 0.7, "--min-p", 0.01, "--seed", 5], {"top_p": 0.7, "min_p": 0.01, "seed": 5}),
        (
            ["--repetition-penalty", 3, "--frequency-penalty", 2],
            {"repetition_penalty": 3.0, "frequency_penalty": 2.0, "temperature": 0},
        ),
        (["--num-beams", 3, "--length-penalty", 2], {"num_beams": 3, "length_penalty": 2.0}),
    ],
)
def test_settings(arguments, options, program, folders):
    code, out, _ = program("generate", folders / "gpt2", "--prompt", "ab", "--max-new-tokens", 30, *arguments)
    assert code == 0
    assert out == expected(folders / "gpt2", "ab", 30, **options) + "\n"


@pytest.mark.parametrize(
    ("stored", "arguments", "options"),
    [
        (
            {"do_sample": True, "temperature": 0.3, "top_k": 0, "top_p": 0.9},
            [],
            {"temperature": 0.3, "top_p": 0.9},
        ),
        ({"do_sample": True, "top_k": 4}, ["--temperature", 0], {"temperature": 0}),
        ({"do_sample": False, "temperature": 0.3}, [], {"temperature": 0}),
        ({"repetition_penalty": 1.5}, [], {"temperature": 0, "repetition_penalty": 1.5}),
        ({"num_beams": 3, "length_penalty": 0.1}, [], {"num_beams": 3, "length_penalty": 0.1}),
        ({"num_beams": 3}, ["--seed", 1, "--temperature", 0], {"temperature": 0}),
        ({"num_beams": 3}, ["--length-penalty", 0.1], {"num_beams": 3, "length_penalty": 0.1}),
        ({"num_beams": 3, "num_return_sequences": 2}, [], {"num_beams": 3}),  # one text is shown
        ({"do_sample": True, "num_return_sequences": 2}, [], {"top_k": 50}),
        ({"do_sample": False, "num_return_sequences": 2}, [], {"temperature": 0}),
        ({"no_repeat_ngram_size": 1, "min_new_tokens": 9}, [], {"temperature": 0, "no_repeat_ngram_size": 1}),
        (
            {"do_sample": True, "temperature": 0.3, "top_p": 0.9, "top_k": 0},
            ["--temperature", 0.8],
            {"temperature": 0.8, "top_p": 0.9},
        ),
        ({"max_length": 9, "top_p": 0.4}, ["--temperature", 0.9], {"temperature": 0.9, "top_p": 0.4}),
        (
            {"num_beams": 3, "early_stopping": True},
            ["--num-beams", 2],
            {"num_beams": 2, "early_stopping": True},
        ),
    ],
)
def test_the_folders_own_settings(stored, arguments, options, program, folders, tmp_path):
    for path in (folders / "gpt2").iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({**stored, "eos_token_id": 257}))
    draws = options.get("num_beams") is None and options.get("temperature") != 0
    given = ["--seed", 7] if draws else []
    _, out, err = program("generate", tmp_path, "--prompt", "ab", "--max-new-tokens", 20, *arguments, *given)
    assert err == ""
    options = {"num_return_sequences": 1, **options}
    assert out == expected(tmp_path, "ab", 20, **options, **({"seed": 7} if draws else {})) + "\n"


def test_a_text_ends_with_its_end_token_and_before_a_string(program, folders):
    whole = expected(folders / "llama", "ab", 60, temperature=0)
    stop = whole[20:22]
    _, out, _ = program(
        "generate", folders / "llama", "--prompt", "ab", "--stop", stop, "--stop", "never there"
    )
    assert out == whole[: whole.index(stop)] + "\n"


def test_without_a_number_the_context_is_filled(program, folders):
    """64 positions; the last token is not read."""
    prompt = "a" * 60
    _, out, err = program("generate", folders / "gpt2", "--prompt", prompt)
    assert err == ""
    assert out == expected(folders / "gpt2", prompt, 4, temperature=0) + "\n"


def test_what_continues_a_text_keeps_its_space(program, folders, tmp_path):
    pytest.importorskip("tokenizers")
    config = json.loads((folders / "gpt2" / "config.json").read_text())
    model = models.GPT2(models.GPT2Config.from_dict(config | {"vocab_size": 346, "eos_token_id": 2}))
    tokenizer = text.from_pretrained(fallback(tmp_path))
    word = tokenizer.token_id("▁a")
    model.lm_head.weight.data[...] = 0
    body = model.transformer  # every token is followed by that word
    body.ln_f.weight.data[...], body.ln_f.bias.data[...] = 0, 1
    body.wte.weight.data[word] = 1
    model.save_pretrained(tmp_path)
    _, out, err = program("generate", tmp_path, "--prompt", "a", "--echo", "--max-new-tokens", 2)
    assert (out, err) == ("a a a\n", "")


def test_a_text_ends_without_its_end_token(program, folders, tmp_path):
    model = models.from_pretrained(folders / "gpt2")
    ids = text.from_pretrained(folders / "gpt2").encode("ab")
    tokens = list(model.generate(ids, 12, temperature=0, stop=()))
    assert len(set(tokens[:5])) > 1
    end = next(token for token in tokens[4:] if token not in tokens[:4])
    for path in (folders / "gpt2").iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": end}))
    _, out, _ = program("generate", tmp_path, "--prompt", "ab")
    assert out == "".join(Bytes().stream(tokens[: tokens.index(end)])) + "\n"


def test_echo(program, folders):
    _, out, _ = program("generate", folders / "gpt2", "--prompt", "héllo", "--echo", "--max-new-tokens", 3)
    assert out == "héllo" + expected(folders / "gpt2", "héllo", 3, temperature=0) + "\n"


def test_of_standard_input_only_the_last_line_break_is_left_out(program, folders):
    for given in "a\n\n", "a\n", "a":
        _, out, _ = program("generate", folders / "llama", "--max-new-tokens", 9, given=given)
        assert out == expected(folders / "llama", given.removesuffix("\n"), 9, temperature=0) + "\n"


def test_what_is_written_is_shown_as_it_comes(start, folders):
    """The first letters are there while the program still waits to be read further."""
    with start("generate", folders / "llama", "--chat", "--max-new-tokens", "5") as started:
        for line in "hi", "you":
            started.stdin.write(f"{line}\n".encode())
            started.stdin.flush()
            while started.stdout.read(1) != b"\n":
                pass
            assert started.poll() is None
        started.stdin.close()
        assert started.wait(timeout=100) == 0


def test_each_piece_is_flushed(folders, monkeypatch):
    seen = []

    class Terminal(io.StringIO):
        def flush(self):
            seen.append(self.getvalue())

    monkeypatch.setattr("sys.stdout", Terminal())
    assert main(["generate", str(folders / "llama"), "--prompt", "ab", "--max-new-tokens", "30"]) == 0
    whole = expected(folders / "llama", "ab", 30, temperature=0) + "\n"
    pieces = [new for new in dict.fromkeys(seen) if new]
    assert pieces[-1] == whole and len(pieces) > 10


def test_a_conversation(program, folders):
    folder = folders / "llama"
    arguments = ["--chat", "--system", "be kind", "--max-new-tokens", 7]
    code, out, err = program("generate", folder, *arguments, given="hi\n  \nand you\n")
    assert (code, err) == (0, "")
    said, answers = "system: be kind\n", ""
    for message in "hi", "and you":
        said += f"user: {message}\nassistant: "
        ids = Bytes().encode(said)
        answer = expected(folder, ids, 7, temperature=0)
        said, answers = f"{said}{answer}\n", f"{answers}{answer}\n"
    assert out == answers
    _, one, _ = program("generate", folder, *arguments, "--prompt", "hi")
    assert one == answers[: len(one)]


def test_a_person_is_asked_for_each_message(monkeypatch, capsys):
    lines = iter(["one\n", "\n", "two"])

    class Terminal:
        def isatty(self):
            return True

        def readline(self):
            return next(lines, "")

    monkeypatch.setattr("sys.stdin", Terminal())
    assert list(said()) == ["one", "two"]
    assert capsys.readouterr() == ("", "> > > > ")


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("vit", ["--prompt", "a"], "holds a ViT, which writes no text"),
        ("bert", ["--prompt", "a"], "holds a Bert, which writes no text"),
        ("gpt2", ["--prompt", "a" * 99], "100 prompt tokens and 1 new ones do not fit into the context, 64"),
        ("gpt2", ["--prompt", "a" * 50, "--max-new-tokens", 20], "give at most 14 for max_new_tokens"),
        ("t5", ["--prompt", ""], ""),
    ],
)
def test_what_cannot_be(name, arguments, message, program, folders):
    code, out, err = program("generate", folders / name, *arguments)
    assert (code == 1) is bool(message) and err.count("\n") == bool(message)
    assert message in err and "generate: generate:" not in err


def test_input_that_is_no_text(process, folders):
    code, out, err = process("generate", folders / "llama", given=b"\xff\xfe")
    assert (code, out) == (1, "")
    assert err == "tapegrad generate: standard input is no text in utf-8: invalid start byte\n"


@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])
@pytest.mark.parametrize("arguments", [["generate"], ["generate", "--chat"], ["embed"]], ids=str)
def test_input_that_is_no_text_in_any_locale(arguments, errors, monkeypatch, capsys, folders):
    given = io.TextIOWrapper(io.BytesIO(b"a\n\xff\xfe\n"), "utf-8", errors)  # as in the locale C
    monkeypatch.setattr("sys.stdin", given)
    name, *more = arguments
    assert main([name, str(folders / ("bert" if name == "embed" else "llama")), *more]) == 1
    assert "standard input is no text in utf-8: invalid start byte\n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["--prompt", "--system", "--stop"])
def test_an_argument_that_is_no_text(name, program, folders):
    code, out, err = program("generate", folders / "llama", name, "a\udcff")
    assert (code, out) == (2, "") and f"argument {name}: it is no text in UTF-8 (see" in err


def test_a_model_without_a_tokenizer_or_a_chat_template(program, folders, tmp_path):
    model = models.from_pretrained(folders / "llama")
    model.save_pretrained(tmp_path)
    pytest.importorskip("tokenizers")
    code, _, err = program("generate", tmp_path, "--prompt", "a")
    assert code == 1 and "has no tokenizer.json" in err
    Bytes().save_pretrained(tmp_path)
    code, out, err = program("generate", tmp_path, "--chat", given="a\n")
    assert (code, out) == (1, "") and "has no chat template" in err


@pytest.mark.parametrize("special", [{}, {"eos_token": "</s>"}])
def test_a_vocabulary_that_is_not_the_models(special, program, folders, tmp_path):
    config = json.loads((folders / "gpt2" / "config.json").read_text()) | {"vocab_size": 200}
    del config["eos_token_id"]
    models.GPT2(models.GPT2Config.from_dict(config)).save_pretrained(tmp_path)
    Bytes(special).save_pretrained(tmp_path)
    code, _, err = program("generate", tmp_path, "--prompt", "😀")
    assert code == 1 and err.count("\n") == 1
    assert (
        "the vocabulary has ids 0 to 199" in err or "text ends with id 256, but the model has 200 ids" in err
    )


def test_the_folders_strings_end_a_text(program, folders, tmp_path):
    whole = expected(folders / "llama", "ab", 60, temperature=0)
    for path in (folders / "llama").iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "generation_config.json").write_text(json.dumps({"stop_strings": [whole[20:22]]}))
    _, out, _ = program("generate", tmp_path, "--prompt", "ab", "--max-new-tokens", 60)
    assert out == whole[: whole.index(whole[20:22])] + "\n"


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ('{"top_p": 3, "do_sample": true}', "from the model's folder: top_p must be above 0"),
        ('{"bad_words_ids": [[1]]}', "has bad_words_ids [[1]], which is not computed here"),
        ('{"stop_strings": 5}', "stop_strings of model.generation_config are strings that are not empty"),
        ('{"stop_strings": [5]}', "stop_strings of model.generation_config are strings that"),
        ("{", "generation_config.json is no right JSON"),
        ("3", "generation_config.json is to "),
    ],
)
def test_settings_of_a_folder_that_cannot_be(stored, message, program, folders, tmp_path):
    for path in (folders / "gpt2").iterdir():
        shutil.copy(path, tmp_path)
    (tmp_path / "generation_config.json").write_text(stored)
    code, out, err = program("generate", tmp_path, "--prompt", "a")
    assert (code, out, err.count("\n")) == (1, "", 1) and message in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--seed", -1],
        ["--temperature", "nan"],
        ["--top-p", 2],
        ["--num-beams", 0],
        ["--num-beams", 2, "--seed", 1],
        ["--length-penalty", 2, "--seed", 1],
        ["--length-penalty", 2],  # the folder has no beams
        ["--length-penalty", 1e300, "--num-beams", 2],
        ["--repetition-penalty", 1e300],
        ["--max-new-tokens", -1],
    ],
)
def test_arguments_that_mean_nothing(arguments, program, folders):
    code, out, err = program("generate", folders / "gpt2", "--prompt", "a", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "(see tapegrad generate --help)" in err
