"""What a run shows: that it cannot look ahead, its loss curve, and the text that it writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tapegrad.autograd import no_grad
from tapegrad.nn.parallel import limit_threads

if TYPE_CHECKING:
    from .training import Run


@no_grad
def leak(run: Run) -> float:
    """How much editing the second half of a block changes the logits in its first: exactly 0 if causal."""
    *inputs, _ = run.blocks["val"].at(run.blocks["val"].cover()[:1])
    half = run.settings.block // 2
    edited = inputs[-1].copy()
    edited[:, half:] = (edited[:, half:] + 1) % len(run.vocabulary)
    run.model.eval()
    with limit_threads(run.model, run.settings.block):
        before, after = (run.model(*inputs[:-1], ids).data[:, :half] for ids in (inputs[-1], edited))
    run.model.train()
    return float(np.abs(before - after).max(initial=0))


def continued(run: Run, prompt: np.ndarray, length: int, temperature: float) -> Iterator[int]:
    """Yield `length` ids that continue `prompt`."""
    block = run.settings.block
    if run.settings.model == "gpt":
        yield from run.model.generate(prompt, length, temperature=temperature)
        return
    ids = list(prompt)
    while length > 0:  # each block written becomes the next to be read
        source = np.array(ids[-block:])
        for token in run.model.generate(source, source[-1:], min(block, length), temperature=temperature):
            ids.append(token)
            yield token
        length -= block


def write_samples(run: Run, prompt: np.ndarray, length: int) -> None:
    """Print the prompt with what the model makes of it, character by character."""
    run.model.eval()
    for temperature, how in ((0.0, "greedily"), (0.8, "by sampling at temperature 0.8")):
        print(f"\n--- continued {how} ---\n{run.vocabulary.decode(prompt)}", end="|")
        for token in continued(run, prompt, length, temperature):
            print(run.vocabulary.decode(np.array([token])), end="", flush=True)
        print()


def draw(
    history: list[dict[str, float]], counts: list[tuple[str, float]], path: Path, scale: str = "linear"
) -> None:
    """Write the curves of training and validation loss, with the best count model as a line, to `path`.

    `scale`: "log" where the loss falls to near 0.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    steps = [h["step"] for h in history]
    for part, style in (("train", "C0-"), ("val", "C1-")):
        losses = [h[part] for h in history]
        axes.plot(
            steps,
            losses,
            style,
            marker=".",
            label=f"{'validation' if part == 'val' else part} {losses[-1]:.3f}",
        )
    if counts:
        name, loss = min(counts, key=lambda item: item[1])
        axes.axhline(loss, color="gray", linestyle=":", label=f"{name} counts {loss:.3f}")
    axes.set(xlabel="step", ylabel="loss (nats a character)", yscale=scale)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
