"""nanoGPT's training: from the same weights on the same batches the losses are torch's."""

import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.append(str(Path(__file__).resolve().parent.parent.parent))

from benchmarks import nanogpt, torch_nanogpt

WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "a", "lazy", "dog", "how", "daft", "zebras", "vex"]


@pytest.fixture
def course(tmp_path):
    """The preset for a computer without a GPU, on a text of words in random order."""
    path = tmp_path / "text.txt"
    path.write_text(" ".join(np.random.default_rng(0).choice(WORDS, 4000)))
    return lambda **changed: nanogpt.Course(str(path), "shakespeare-char-cpu", **changed)


def test_a_hundred_steps_have_torchs_losses(course):
    """Warm-up, the highest rate and clipping, weight decay of matrices, and the estimate at the end."""
    ours, theirs = course(steps=100), course(steps=100)
    for settings in (ours.settings, theirs.settings):
        settings.warmup, settings.eval_batches = 20, 2
    with nanogpt.started(ours, workers=1) as (train, measure, optimizer):
        losses = [ours.step(train, optimizer) for _ in range(100)]
        ours.evaluate(measure)
    train, measure, optimizer = torch_nanogpt.trained(theirs)
    expected = [theirs.step(train, optimizer) for _ in range(100)]
    theirs.evaluate(measure)
    assert expected[-1] < expected[0] - 1.5  # it has learned
    np.testing.assert_allclose(losses, expected, rtol=0, atol=1e-3)
    assert ours.estimates[0] == (100, pytest.approx(theirs.estimates[0][1], abs=1e-3))


def test_gradients_are_torchs(course):
    """On weights of which every one matters, so that no gradient is rounding alone."""
    made = course()
    model, twin = made.model(), torch_nanogpt.twin(made)
    x, y = made.blocks["train"].at(made.blocks["train"].cover()[:4])
    loss = nanogpt.mean_loss(model, x, y)
    loss.backward()
    expected = twin(torch.from_numpy(x), torch.from_numpy(y))
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    theirs = dict(twin.named_parameters())
    for name, p in model.named_parameters():
        wanted = theirs[name].grad.numpy()
        np.testing.assert_allclose(
            p.grad.data, wanted, rtol=1e-3, atol=1e-5 * abs(wanted).max(), err_msg=name
        )


def test_what_nanogpts_seed_draws_is_trained_on(course, tmp_path, monkeypatch):
    """From its weights, on its batches, in its order; how many batches an estimate takes changes them."""
    monkeypatch.setattr(nanogpt, "TURN", 1000.0)
    made = course(steps=3)
    made.settings.eval_interval, made.settings.eval_batches = 2, 1
    drawn = torch_nanogpt.drawn(made)
    assert drawn["estimates"].shape == (3, 2, 12) and len(drawn["train"]) >= 3
    again = torch_nanogpt.drawn(course(steps=3))
    assert (again["tokens.weight"] == drawn["tokens.weight"]).all()
    assert (again["train"][0] == drawn["train"][0]).all() and (again["train"][1] != drawn["train"][1]).any()
    np.savez(tmp_path / "drawn.npz", **drawn)
    read: list[list] = [[], []]
    for seen, start in zip(read, (nanogpt.started, torch_started), strict=True):
        own = course(steps=3, drawn=str(tmp_path / "drawn.npz"))
        own.settings.eval_interval, own.settings.eval_batches = 2, 1
        with start(own) as (train, measure, optimizer):
            told = own.run(lambda *b, f=train, s=seen: s.append(b[0]) or f(*b), measure, optimizer)
        seen.append(told["estimates"])
    blocks = made.blocks["train"]
    for step, x in enumerate(read[0][:3]):
        np.testing.assert_array_equal(x, blocks.at(drawn["train"][step])[0])
        np.testing.assert_array_equal(x, read[1][step])
    np.testing.assert_allclose(read[0][3], read[1][3], atol=1e-4)
    assert [step for step, _ in read[0][3]] == [0, 2, 3]


@contextmanager
def torch_started(course):
    yield torch_nanogpt.trained(course)
