"""nanoGPT's training: from the same weights on the same batches the losses are torch's."""

import sys
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
