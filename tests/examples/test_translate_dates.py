"""The translator of dates as a user runs it: trained, asked, interrupted, resumed, and with bad input."""

import importlib
import io
import signal
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import no_grad
from tapegrad.models import Transformer, TransformerConfig

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = ["--batch", "8", "--width", "16", "--heads", "2", "--layers", "1", "--workers", "1", "--out", "run"]


@pytest.fixture
def example(monkeypatch, tmp_path):
    """The program's module, in an empty folder, with few days."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module("translate_dates")
    days = [date(2021, 1, 1) + timedelta(i) for i in range(120)]
    parts = {"train": days[:60], "val": days[60:80], "test": days[80:]}
    monkeypatch.setattr(module.translation, "split_days", lambda seed: parts)
    return module


@pytest.fixture
def model(example):
    """One with preferences."""
    nn.manual_seed(0)
    config = TransformerConfig(len(example.translation.VOCABULARY), 40, 16, 2, 1, 2)
    model = Transformer(config).eval()
    for p in model.parameters():
        p.data *= 3
    return model


def weights(path):
    return dict(nn.load_weights(path))


def same(a, b):
    first, second = weights(a), weights(b)
    return first.keys() == second.keys() and all(np.array_equal(first[k], second[k]) for k in first)


def test_runs_to_the_end_and_answers(example, capsys, monkeypatch):
    assert example.main([*TINY, "--steps", "30", "--lr", "0.05", "--ask", "4 September 2021"]) == 0
    out = capsys.readouterr().out
    assert "120 days" in out and "60 to train on, 20 to validate, 40 to test with" in out
    assert "exact match on 40 days that training had in no form: greedily" in out
    assert "  Turkish  " in out and "year in two digits" in out and "\n4 september 2021: " in out
    for name in ("loss.png", "attention.png"):
        assert (Path("run") / name).read_bytes().startswith(b"\x89PNG")
    history = nn.load("run/last.safetensors")["history"]
    assert history[-1]["val"] < history[0]["val"] - 0.1 and history[-1]["step"] == 30
    translated = example.translation.restored(SimpleNamespace(out=Path("run")), example.DateRun)
    (answer,) = example.translation.translated(translated.model, ["4 september 2021"], 4)
    assert f"4 september 2021: {example.shown(answer)} (" in out  # the same model, from its checkpoint
    assert not translated.model.training
    assert history[-1].keys() == {"step", "seconds", "train", "val"}

    # trained already: it is asked at once
    kept = Path("run/last.safetensors").read_bytes()
    typed = iter(["3. mai 2021", "", "never read"])
    monkeypatch.setattr("builtins.input", lambda prompt: next(typed))
    assert example.main(["--ask", "--out", "run"]) == 0
    assert "3. mai 2021: " in capsys.readouterr().out and next(typed) == "never read"
    assert example.main(["--ask", "4.9.2021", "日", "x" * 41, "--out", "run"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("4.9.2021: ")
    assert err == (
        "error: no date has the character '日' in it, in any of the languages\n"
        "error: a date has 1 to 40 characters, and this has 41\n"
    )
    assert Path("run/last.safetensors").read_bytes() == kept


def test_the_newest_model_is_asked(example, capsys, monkeypatch):
    for _ in range(2):
        assert example.main([*TINY[:-2], "--steps", "2"]) == 0
    used = []
    restored = example.translation.restored
    monkeypatch.setattr(example.translation, "restored", lambda o, k: used.append(o.out) or restored(o, k))
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    monkeypatch.setattr(example.DateRun, "train", None)
    assert example.main(["--ask"]) == 0
    assert used == [Path("runs/dates-2")]


def at_batch(monkeypatch, example, number, action):
    made = []

    def draw(self, rng, count, before=example.translation.Dates.draw):
        made.append(1)
        if len(made) == number:
            action()
        return before(self, rng, count)

    monkeypatch.setattr(example.translation.Dates, "draw", draw)


def test_interrupted_and_resumed_ends_with_the_same_bits(example, capsys, monkeypatch):
    assert example.main([*TINY, "--steps", "12", "--dropout", "0.1"]) == 0
    Path("run").rename("whole")
    with monkeypatch.context() as patch:
        at_batch(patch, example, 5, lambda: signal.raise_signal(signal.SIGINT))
        assert example.main([*TINY, "--steps", "12", "--dropout", "0.1"]) == 130
    assert "Stopped at step 5; saved. To go on: python" in capsys.readouterr().out
    nn.manual_seed(99)
    assert example.main(["--resume", "--out", "run"]) == 0
    assert same("run/last.safetensors", "whole/last.safetensors")
    assert same("run/best.safetensors", "whole/best.safetensors")


def test_ctrl_c_at_the_prompt_ends_it(example, capsys, monkeypatch):
    assert example.main([*TINY, "--steps", "1"]) == 0
    monkeypatch.setattr("builtins.input", lambda prompt: signal.raise_signal(signal.SIGINT))
    assert example.main(["--ask", "--out", "run"]) == 130
    assert capsys.readouterr().err.endswith("\nStopped\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "-1"], "--steps and --minutes must not be negative"),
        (["--batch", "0"], "--batch must be 1 or more, not 0"),
        (["--heads", "3"], "--width 16 is not divisible by --heads 3"),
        (["--seed", "-1"], "--seed must not be negative"),
        (["--out", "file"], "--out file cannot be written to (File exists)"),
        (["--resume"], "no run to resume in run: no last.safetensors"),
        (["--ask", "--out", "strange"], "strange/last.safetensors is a checkpoint, but not one that this"),
        (["--ask", "--out", "broken"], "last.safetensors"),
    ],
)
def test_bad_input_is_told_in_one_line(example, capsys, arguments, message):
    Path("file").write_text("")
    for name in ("strange", "broken"):
        Path(name).mkdir()
    nn.save("strange/last.safetensors", step=1)
    Path("broken/last.safetensors").write_bytes(b"no checkpoint")
    assert example.main([*TINY, *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and message in err and err.count("\n") == 1


def test_a_run_of_another_program_is_refused(example, capsys):
    assert example.main([*TINY, "--steps", "1"]) == 0
    assert example.main([*TINY, "--steps", "1"]) == 2
    assert "run holds a run already" in capsys.readouterr().err
    assert example.main(["--resume", "--out", "run", "--width", "32"]) == 2
    assert "--width cannot change" in capsys.readouterr().err
    nn.save("run/last.safetensors", step=1)
    assert example.main(["--resume", "--out", "run"]) == 2
    assert "not one that this program made" in capsys.readouterr().err


# ---------------------------------------------------------------------- what it makes of texts


@no_grad
def test_answers_are_the_likeliest_characters(example, model):
    """One text at a time, without padding, mask and cache."""
    t = example.translation
    texts = ["4.9.2021", "le 1er mai 2021", "segunda-feira, 22 de fevereiro de 2021"]
    found = t.translated(model, texts, at_once=2)
    assert len(set(found)) == 3
    for text, answer in zip(texts, found, strict=True):
        source, ids = t.VOCABULARY.encode(text)[None], t.VOCABULARY.encode(t.START)
        for _ in range(10):
            ids = np.append(ids, model(source, ids[None]).numpy()[0, -1].argmax())
        assert t.VOCABULARY.decode(ids[1:]) == answer
        found = t.ranked(model, text.upper())
        assert [p for _, p in found] == sorted((p for _, p in found), reverse=True)
        assert found[0][0] == t.translated(model, [text], num_beams=4)[0]
        for best, p in found:
            whole = t.VOCABULARY.encode(t.START + best)
            logs = nn.functional.log_softmax(model(source, whole[None, :-1]), -1).numpy()[0]
            assert p == pytest.approx(np.exp(logs[np.arange(10), whole[1:]].sum()), rel=1e-4)


@no_grad
def test_attention_is_what_the_decoder_computes_with(example, model, monkeypatch):
    """The weights times the values, through the last projection, are what each layer's attention gives."""
    attention_map = example.attention_map
    source, target = np.arange(7), np.arange(3, 8)
    given = []
    layers = [layer.multihead_attn for layer in model.transformer.decoder.layers]
    handles = [m.register_forward_hook(lambda m, inputs, out: given.append((inputs, out[0]))) for m in layers]
    model(source[None], target[None])
    for handle in handles:
        handle.remove()
    weights = attention_map.cross_attention(model, source, target)
    assert weights.shape == (2, 2, 5, 7)
    for m, (inputs, out), w in zip(layers, given, weights, strict=True):
        value = inputs[1].numpy()[0] @ m.in_proj_weight.numpy()[32:].T + m.in_proj_bias.numpy()[32:]
        heads = value.reshape(7, 2, 8).swapaxes(0, 1)
        joined = (w @ heads).swapaxes(0, 1).reshape(5, 16)
        np.testing.assert_allclose(m.out_proj(joined).numpy(), out.numpy()[0], rtol=1e-3, atol=1e-4)
    again = attention_map.cross_attention(model, source, target)
    np.testing.assert_array_equal(again, weights)  # no hook is left
    even, sharp = np.full((2, 5, 7), 1 / 7), np.eye(7)[[[0, 1, 2, 3, 4]] * 2]
    assert attention_map.sharpest([np.stack([even, sharp])]) == 1
    assert attention_map.sharpest([np.stack([sharp, even])] * 2 + [np.stack([even, sharp])]) == 0


def test_the_picture_has_every_character_and_the_sharpest_layer(example, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: drawn.append(self) or save(self, *a, **k))
    even, sharp = np.full((2, 3, 4), 1 / 4), np.eye(4)[[[0, 3, 2]] * 2]
    texts = [("first", "4 ab", "xyz"), ("second", "cdef", "uvw"), ("third", "ghij", "rst")]
    example.attention_map.draw(texts, [np.stack([even, sharp, even])] * 3, Path("map.png"))
    assert Path("map.png").read_bytes().startswith(b"\x89PNG")
    (figure,) = drawn
    assert "layer 2 of 3" in figure.get_suptitle()
    for axes, (title, read, answer) in zip(figure.axes, texts, strict=False):
        assert axes.get_title(loc="left") == title
        assert "".join(t.get_text() for t in axes.get_xticklabels()) == read.replace(" ", "␣")
        assert "".join(t.get_text() for t in axes.get_yticklabels()) == answer
        np.testing.assert_array_equal(axes.images[0].get_array(), sharp[0])


def test_shares_of_right_answers(example):
    t = example.translation

    def pair(answer, language="Dutch", kind="name", short=False, mistakes=0):
        return t.Example("...", "2021-09-04", language, kind, short, mistakes), answer

    pairs = [
        *[pair("2021-09-04")] * 2,
        pair("2021-08-04", mistakes=1),
        pair("1921-09-04", "Polish", "number", short=True),
        pair("2021-0904", "Polish", "shortened"),
        pair("2021-08-05", "Polish", "number"),
    ]
    assert t.share(pairs) == "33.33" and t.share([]) == "-"
    rows = {line[:20].strip(): line[20:].split() for line in t.table(pairs).splitlines()}
    assert rows["Dutch"] == ["66.67", "-", "-", "66.67"]
    assert rows["Polish"] == ["-", "0.00", "0.00", "0.00"]
    assert rows["no mistake"] == ["40.00", "of", "5"] and rows["one mistake"] == ["0.00", "of", "1"]
    assert rows["year in two digits"] == ["0.00", "of", "1"] and rows["two mistakes"][0] == "-"
    assert sorted(t.confusion(pairs).split(", ")) == [
        "1 by the form", "1 by the month", "1 by the month and day", "1 by the year",
    ]  # fmt: skip


@pytest.mark.slow
def test_it_learns_to_read_dates(monkeypatch, tmp_path, capsys):
    """With a third of the steps that it takes by itself."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = importlib.import_module("translate_dates")
    assert example.main(["--steps", "800", "--out", str(tmp_path / "run")]) == 0
    assert float(capsys.readouterr().out.split("greedily ")[1].split()[0]) > 95
