"""TensorBoard's files of a run: losses, rate, norms, histograms of weights and gradients, samples."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tapegrad.autograd import grad
from tapegrad.nn import random

from . import checks, report

if TYPE_CHECKING:
    from .training import Run

FILES = "events.out.tfevents.*"
LENGTH = 200  # characters of a sample


def check(folder: Path, resumed: bool) -> None:
    """Before a run: OSError where --log cannot be written to, ValueError if it holds another run's log."""
    checks.require("tensorboardX")
    checks.writable(folder, "--log")
    if not resumed and any(folder.glob(FILES)):
        raise ValueError(f"--log {folder} holds a run's log already: name another folder for a new run")


class Log:
    """What is written of a run, by step; made by `opened`."""

    def __init__(self, writer):
        self.writer = writer

    def step(self, run: Run, loss: float, norm: float) -> None:
        """The loss of a training step, its rate, and the norm of its gradients before they were clipped."""
        for name, value in (
            ("loss/batch", loss),
            ("training/learning_rate", run.optimizer.param_groups[0]["lr"]),
            ("training/gradient_norm", norm),
        ):
            self.writer.add_scalar(name, value, run.step)

    def evaluation(self, run: Run) -> None:
        """The losses of an evaluation, histograms, and a text; no random number of the run is used up."""
        for part in ("train", "val"):
            self.writer.add_scalar(f"loss/{part}", run.history[-1][part], run.step)
        with random.kept():
            for name, p, g in gradients(run):
                self._histogram(f"weights/{name}", p, run.step)
                self._histogram(f"gradients/{name}", g, run.step)
            self.writer.add_text("sample", self._sample(run), run.step)
        self.writer.flush()

    def _histogram(self, name: str, values: np.ndarray, step: int) -> None:
        if np.isfinite(values).all():  # what has no range has no histogram
            self.writer.add_histogram(name, values, step, bins=64)

    def _sample(self, run: Run) -> str:
        prompt = run.val_ids[: run.settings.block]
        run.model.eval()
        written = np.fromiter(report.continued(run, prompt, LENGTH, 0.8), np.int64)
        run.model.train()
        text = f"{run.vocabulary.decode(prompt)}|{run.vocabulary.decode(written)}"
        return "    " + text.replace("\n", "\n    ")  # TensorBoard reads Markdown, in which this is code


def gradients(run: Run) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(name, parameter, gradient) of the model's parameters, on the first blocks of the training text.

    Replicas have each step's gradients in parts, every worker its share, and scale them where they are;
    hence these are computed for the log, always on the same blocks.
    """
    from .training import mean_loss

    blocks = run.blocks["train"]
    named = dict(run.model.named_parameters())
    loss = mean_loss(run.model, *blocks.at(blocks.cover()[: run.settings.batch]))
    for (name, p), g in zip(named.items(), grad(loss, list(named.values())), strict=True):
        yield name, p.data, g.data


@contextmanager
def opened(folder: Path | None, step: int) -> Iterator[Log | None]:
    """A log in this folder that goes on after `step`; None without a folder.

    Open it once the workers are there: it has a thread, and a process with threads is not safely forked.
    """
    if folder is None:
        yield None
        return
    from tensorboardX import SummaryWriter

    # What a run has written that was killed after its last checkpoint is hidden. The suffix: files are named
    # after the second they are made in, and one of the same name would be overwritten.
    purge = step + 1 if step else None
    with SummaryWriter(str(folder), purge_step=purge, filename_suffix=f".{step}") as writer:
        yield Log(writer)
