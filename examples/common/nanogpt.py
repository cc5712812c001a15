"""nanoGPT's training of characters: its presets, schedule and estimate of the loss.

https://github.com/karpathy/nanoGPT: config/train_shakespeare_char.py, and with what its README says for a
computer without a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from tapegrad.models import GPT, GPTConfig
from tapegrad.nn import random

from . import training
from .training import Run

PRESETS = {
    "shakespeare-char-cpu": {},
    "shakespeare-char": {
        "steps": 5000, "block": 256, "batch": 64, "width": 384, "heads": 6, "layers": 6, "dropout": 0.2,
        "eval_batches": 200,
    },
}  # fmt: skip
PUBLISHED = {"shakespeare-char-cpu": 1.88, "shakespeare-char": 1.4697}  # validation losses in its README


@dataclass
class Settings(training.Settings):
    """All that decides how a run goes; the defaults are those of the preset shakespeare-char-cpu."""

    model: str = "gpt"
    preset: str = "shakespeare-char-cpu"
    steps: int | None = 2000
    minutes: float | None = None
    batch: int = 12
    layers: int = 4
    lr: float = 1e-3
    min_lr: float = 1e-4
    weight_decay: float = 0.1
    eval_interval: int = 250
    eval_batches: int = 20

    @classmethod
    def chosen(cls, given: dict) -> Settings:
        return cls(**PRESETS[given.get("preset", cls.preset)] | given)

    @property
    def folder(self) -> str:
        return self.preset

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("warmup", "eval_interval", "eval_batches"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name.replace('_', '-')} must be 1 or more, not {getattr(self, name)}")
        if self.steps is None or self.steps < 1:
            raise ValueError(f"--steps must be 1 or more, not {self.steps}")
        if not 0 <= self.min_lr <= self.lr or self.lr == 0:
            raise ValueError(f"--min-lr {self.min_lr} must be from 0 to --lr {self.lr}, which is above 0")

    def build(self, vocabulary: int) -> GPT:
        """No biases, and the exact GELU."""
        return GPT(
            GPTConfig(
                vocabulary,
                self.block,
                self.width,
                self.heads,
                self.layers,
                dropout=self.dropout,
                bias=False,
                gelu="none",
            )
        )

    def rate(self, step: int) -> float:
        """Of the step after so many: linear warm-up to lr, then half a cosine down to min_lr."""
        if step < self.warmup:
            return self.lr * (step + 1) / (self.warmup + 1)
        done = min(1.0, (step - self.warmup) / max(1, (self.steps or 0) - self.warmup))
        return self.min_lr + (1 + cos(pi * done)) / 2 * (self.lr - self.min_lr)

    def random_blocks(self, blocks: dict, step: int) -> dict[str, np.ndarray]:
        """Where the blocks of nanoGPT's estimate of the loss start: `eval_batches` random batches of each
        part; here they follow from the seed and the step, and leave the batches of training as they are."""
        rng = np.random.default_rng([self.seed, step])
        return {part: b.draw(rng, self.eval_batches * self.batch) for part, b in blocks.items()}


class NanoRun(Run):
    """A run that tells how long it will take before it has taken that long."""

    Settings = Settings
    settings: Settings

    def _rate(self, step: int) -> float:
        return self.settings.rate(step) / self.settings.lr

    @property
    def next_evaluation(self) -> int:
        interval = self.settings.eval_interval
        return (int(self.history[-1]["step"]) // interval + 1) * interval

    def evaluated(self) -> dict[str, np.ndarray]:
        return self.settings.random_blocks(self.blocks, self.step)

    def train(self, log_folder: Path | None = None) -> bool:
        s = self.settings
        start, projected = perf_counter(), self._project()
        begun = perf_counter()
        if not super().train(log_folder):
            return False
        took = duration(perf_counter() - begun)
        print(f"{took} for these steps and evaluations, projected {duration(projected)}; "
              f"{duration(begun - start)} to find that out")  # fmt: skip
        theirs = f"; nanoGPT's README has {PUBLISHED[s.preset]}, from its own seed"
        beside = theirs if self._as_published() else ""
        print(f"validation loss by nanoGPT's estimate ({s.eval_batches} random batches) "
              f"{self.history[-1]['val']:.3f} at the end, {self.best:.3f} at best{beside}")  # fmt: skip
        return True

    def _as_published(self) -> bool:
        """Whether the losses can be compared with nanoGPT's."""
        s = self.settings
        own = {name: getattr(s, name) for name in ("preset", "data", "seed", "workers", "accumulate")}
        return self.text.name == "tiny Shakespeare" and s == Settings.chosen(own)

    def _project(self) -> float:
        """Say how fast steps and evaluations of a copy are, and how long the rest will take: its seconds."""
        s = self.settings
        step, block = self._rehearsed()
        steps = max(0, (s.steps or 0) - self.step)
        marks = -(-(self.step + steps) // s.eval_interval) - self.step // s.eval_interval
        evaluations = marks + (not self.history)
        seconds = steps * step + evaluations * 2 * s.eval_batches * s.batch * block
        print(f"measured on a copy: {1e3 * step:,.1f} ms a step, {s.batch * s.block / step:,.0f} tokens/s; "
              f"{steps:,} steps and {evaluations} evaluations will take {duration(seconds)}")  # fmt: skip
        return seconds

    def _rehearsed(self) -> tuple[float, float]:
        """Seconds of a training step, and of the evaluation of a block."""
        with random.kept():
            copy = type(self)(self.settings, self.text, self.out)
            copy.model.train()
            blocks = copy.evaluated()["val"][:32]
            with copy.replicate() as replicas:
                steps = timed(lambda: copy.train_step(replicas), skip=2, least=3)
                parts = timed(lambda: copy.measure(replicas, "val", blocks), skip=2, least=1)
        return median(steps), min(parts) / len(blocks)


def timed(
    work: Callable[[], object], skip: int, least: int, most: int = 20, limit: float = 2.0
) -> list[float]:
    """Seconds of each call but the first ones, which prepare: `most`, or fewer once `limit` is over."""
    seconds: list[float] = []
    while len(seconds) < skip + least or (len(seconds) < skip + most and sum(seconds[skip:]) < limit):
        start = perf_counter()
        work()
        seconds.append(perf_counter() - start)
    return seconds[skip:]


def duration(seconds: float) -> str:
    """In words: 42 s, 3 min 5 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"
