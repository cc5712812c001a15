"""The classifier as a user runs it: to the end, stopped anywhere and resumed, and with bad input."""

import importlib
import math
import signal
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
STEPS = 6  # of an epoch
TINY = ["--epochs", "2", "--width", "2", "--batch", "200", "--dropout", "0.2", "--out", "run"]


@pytest.fixture
def program(monkeypatch, tmp_path):
    """The module of the example, in an empty folder."""
    pytest.importorskip("sklearn")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module("train_classifier")


@pytest.fixture
def example(program, monkeypatch):
    """The same without its picture, which takes longer than the rest."""
    monkeypatch.setattr(program.curves, "draw", lambda history, rates, path: None)
    return program


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Where a run is that nothing has stopped."""
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(EXAMPLES))
        example = importlib.import_module("train_classifier")
        patch.setattr(example.curves, "draw", lambda history, rates, path: None)
        assert example.main([*TINY, "--out", str(folder)]) == 0
    return folder


def state(example, path: str | Path) -> dict:
    return example.load(Path(path))


def same(a, b) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b)


def at_image(monkeypatch, example, count: int, action) -> None:
    """Call `action` while the image number `count` of the run is made."""
    made = []

    def shifted(images, rng, before=example.digits.shifted):
        made.append(1)
        if len(made) == count:
            action()
        return before(images, rng)

    monkeypatch.setattr(example.digits, "shifted", shifted)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


def test_runs_to_the_end(program, capsys):
    assert program.main(TINY) == 0
    out = capsys.readouterr().out
    assert "1,222 digits" in out and "epoch  2: loss" in out and "test accuracy" in out
    assert Path("run/curves.png").read_bytes().startswith(b"\x89PNG")
    assert Path("run/curves.png").stat().st_size > 10_000
    assert not list(Path("run").glob(".*"))
    last = state(program, "run/last.ckpt")["progress"]
    assert len(last["losses"]) == len(last["rates"]) == 2 * STEPS
    assert last["epoch"] == len(last["history"]) == 2
    means = [np.mean(last["losses"][:STEPS]), np.mean(last["losses"][STEPS:])]
    np.testing.assert_allclose([h["train"] for h in last["history"]], means)
    assert last["best"] == min(h["val"] for h in last["history"])


def test_the_rate_warms_up_and_falls_along_a_cosine(example, monkeypatch):
    monkeypatch.setattr(example.digits, "shifted", lambda images, rng: images)  # what takes time
    assert example.main([*TINY, "--epochs", "5"]) == 0
    rates = state(example, "run/last.ckpt")["progress"]["rates"]
    warm = 3e-3 * np.linspace(0.1, 1, 4)
    cosine = 3e-3 * (1 + np.cos(np.pi * np.arange(27) / 27)) / 2
    np.testing.assert_allclose(rates, [*warm[:-1], *cosine], rtol=1e-6)


@pytest.mark.parametrize(("step", "workers"), [(4, "2"), (6, "0"), (7, "2"), (12, "0")])
def test_stopped_and_resumed_ends_with_the_same_bits(example, whole, monkeypatch, capsys, step, workers):
    """In the middle of an epoch, in its last step, in the first of the next, in the last of all."""
    with monkeypatch.context() as patch:
        at_image(patch, example, 200 * step - 5, press)
        assert example.main(TINY) == 130
    assert f"Stopped at step {step}; saved. To go on: python" in capsys.readouterr().out
    assert len(state(example, "run/last.ckpt")["progress"]["losses"]) == step
    example.manual_seed(12345)
    assert example.main(["--resume", "--out", "run", "--workers", workers]) == 0
    for name in ("last.ckpt", "best.ckpt"):
        assert same(state(example, f"run/{name}"), state(example, whole / name))


def test_a_killed_run_goes_on_from_its_last_checkpoint(example, whole, monkeypatch):

    def killed():
        raise SystemExit

    with monkeypatch.context() as patch:
        at_image(patch, example, 2100, killed)  # step 11; the checkpoint is of step 8
        with pytest.raises(SystemExit):
            example.main([*TINY, "--save-every", "4"])
    assert len(state(example, "run/last.ckpt")["progress"]["losses"]) == 8
    assert example.main(["--resume", "--out", "run"]) == 0
    assert same(state(example, "run/last.ckpt"), state(example, whole / "last.ckpt"))


def test_early_stopping_and_the_best_checkpoint(example, monkeypatch, capsys):
    """Two epochs without a better loss: it stops, and the test is of the best epoch's weights."""
    losses = iter([1.0, 0.5, 0.7, 0.5, 0.4])
    tested = []

    def evaluate(model, loader):
        tested.append({name: np.copy(array) for name, array in model.state_dict().items()})
        return (next(losses), 0.5) if len(loader.dataset) < 300 else (0.3, 0.75)

    monkeypatch.setattr(example, "evaluate", evaluate)
    assert example.main([*TINY, "--epochs", "9", "--patience", "2"]) == 0
    best, last = (state(example, f"run/{name}.ckpt") for name in ("best", "last"))
    assert last["progress"]["epoch"] == 4 and best["progress"]["epoch"] == 2
    assert last["progress"]["best"] == best["progress"]["best"] == 0.5 and last["progress"]["worse"] == 2
    assert same(tested[1], best["model"]) and same(tested[4], best["model"])
    assert not same(tested[3], best["model"]) and same(tested[3], last["model"])
    assert "test accuracy 75.00%" in capsys.readouterr().out


def test_images_are_moved_anew_in_each_epoch_and_the_same_for_every_worker(example):
    known, _ = example.digits.load(1)
    moved, again = example.Digits(known, seed=1), example.Digits(known, seed=1)
    first = moved[3][0]
    moved[5]
    assert np.array_equal(moved[3][0], first) and np.array_equal(again[3][0], first)
    seen = set()
    for epoch in range(40):
        moved.epoch = epoch
        seen.add(moved[3][0].tobytes())
    assert len(seen) == 9
    assert np.array_equal(example.Digits(known)[3][0], known.images[3])


def test_not_a_number_stops_and_leaves_a_checkpoint_to_go_on_from(example, monkeypatch, capsys):
    def poison():
        weight = training[0].model.head[2].weight
        weight.data[0, 0] = math.nan

    training = []
    make = example.Training
    monkeypatch.setattr(example, "Training", lambda options: training.append(make(options)) or training[0])
    at_image(monkeypatch, example, 1500, poison)
    assert example.main([*TINY, "--save-every", "1"]) == 2
    err = capsys.readouterr().err
    assert err == "error: step 8: the loss is nan; a smaller --lr may help\n"
    kept = state(example, "run/last.ckpt")
    assert len(kept["progress"]["losses"]) == 7
    assert all(np.isfinite(array).all() for array in kept["model"].values())


def test_gradients_that_overflow_change_no_weight(example, capsys):
    with np.errstate(all="ignore"):
        assert example.main([*TINY, "--lr", "1e30"]) == 2
    assert "a smaller --lr may help" in capsys.readouterr().err
    assert all(np.isfinite(a).all() for a in state(example, "run/last.ckpt")["model"].values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], "--epochs must be 1 or more, not 0"),
        (["--lr", "-1"], "--lr must be 0 or more, not -1.0"),
        (["--lr", "nan"], "--lr must be 0 or more, not nan"),
        (["--seed", "-1"], "--seed must be 0 or more"),
        (["--batch", "5000"], "--batch 5000 is more than the 1222 digits"),
        (["--patience", "0"], "--patience must be 1 or more"),
        (["--save-every", "0"], "--save-every must be 1 or more"),
        (["--workers", "-1"], "--workers must be 0 or more"),
        (["--dropout", "2"], "p must be from 0 to 1, not 2.0"),
        (["--out", "file"], "--out file cannot be written to (File exists)"),
        (["--out", "file/run"], "--out file/run cannot be written to"),
        (["--resume"], "no run to resume in run: no last.ckpt"),
    ],
)
def test_bad_input_is_told_in_one_line(example, capsys, arguments, message):
    Path("file").write_text("")
    assert example.main([*TINY, *arguments]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and message in err and err.count("\n") == 1


def test_resume_refuses_what_does_not_fit(example, capsys):
    assert example.main([*TINY, "--epochs", "1"]) == 0
    path = Path("run/last.ckpt")
    kept = path.read_bytes()

    def refused(*arguments: str) -> str:
        capsys.readouterr()
        assert example.main(["--out", "run", *arguments]) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ") and err.count("\n") == 1
        return err

    assert "run holds a run: --resume goes on with it" in refused()
    assert "--width, --lr cannot change" in refused("--resume", "--width", "4", "--lr", "0.1")
    assert path.read_bytes() == kept
    path.write_bytes(kept[: len(kept) // 2])
    assert "last.ckpt" in refused("--resume")
    example.save({"step": 1}, path)
    assert "not one that this program made" in refused("--resume")
    path.write_bytes(kept)
    assert example.main(["--resume", "--out", "run", "--epochs", "1"]) == 0  # over already: the test alone
    assert "test accuracy" in capsys.readouterr().out


@pytest.mark.slow
def test_digits_are_told_apart(example, capsys):
    """To about what the program promises, in fewer epochs than it takes by itself."""
    assert example.main(["--epochs", "8", "--out", "run"]) == 0
    assert float(capsys.readouterr().out.split("test accuracy ")[-1].split("%")[0]) >= 97
