"""The training run: batches, steps, evaluation, checkpoints; interrupted and resumed without a difference."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from math import cos, inf, pi
from pathlib import Path
from typing import Any

import numpy as np

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F
from tapegrad.nn import optim
from tapegrad.nn.random import generator

from . import log
from .batches import Pairs, Windows, split
from .interrupt import until_interrupt
from .text import Text, Vocabulary


@dataclass
class Settings:
    """All that decides how a run goes; stored in its checkpoints."""

    data: str | None = None
    model: str = "transformer"
    steps: int | None = None
    minutes: float | None = 4.4
    seed: int = 1
    block: int = 64
    batch: int = 16
    width: int = 128
    heads: int = 4
    layers: int = 2
    dropout: float = 0.0
    lr: float = 3e-3
    warmup: int = 100
    weight_decay: float = 0.01
    max_norm: float = 1.0
    workers: int | str = "auto"
    accumulate: int = 1

    @classmethod
    def chosen(cls, given: dict[str, Any]) -> Settings:
        """Those of a new run, `given` on the command line."""
        return cls(**({"minutes": None} if "steps" in given else {}) | given)

    @property
    def folder(self) -> str:
        """What it is called in runs/."""
        return self.model

    def __post_init__(self) -> None:
        if self.workers == "auto":  # one for each core, as long as it has work enough
            self.workers = max(1, min(len(nn.parallel.available_cores()), self.batch // 4))
        for name in ("block", "batch", "width", "heads", "layers", "workers", "accumulate"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} must be 1 or more, not {getattr(self, name)}")
        if int(self.workers) * self.accumulate > self.batch:
            pieces = f" in --accumulate {self.accumulate} pieces each" if self.accumulate > 1 else ""
            raise ValueError(
                f"--workers {self.workers}{pieces} cannot share a --batch of {self.batch} blocks"
            )
        if self.seed < 0:
            raise ValueError(f"--seed must not be negative, not {self.seed}")
        if self.width % self.heads:
            raise ValueError(f"--width {self.width} is not divisible by --heads {self.heads}")
        if (self.steps is not None and self.steps < 0) or (
            self.minutes is not None and not self.minutes >= 0
        ):
            raise ValueError("--steps and --minutes must not be negative")

    def build(self, vocabulary: int) -> Transformer | GPT:
        """The model, freshly initialised."""
        shared = {
            "block_size": self.block,
            "d_model": self.width,
            "nhead": self.heads,
            "dropout": self.dropout,
        }
        if self.model == "gpt":
            return GPT(GPTConfig(vocabulary, num_layers=self.layers, **shared))
        layers = {"num_encoder_layers": self.layers, "num_decoder_layers": self.layers}
        return Transformer(TransformerConfig(vocabulary, **layers, **shared))


class Run:
    """A model, its data and optimizer, and how far training has come."""

    Settings = Settings
    EVALUATED = 128  # blocks

    def __init__(self, settings: Settings, data: Text, out: Path):
        self.settings = settings
        self.text = data
        self.out = out
        self.vocabulary = Vocabulary.of(data.text)
        self.ids = self.vocabulary.encode(data.text)
        blocks = Windows if settings.model == "gpt" else Pairs
        train, self.val_ids = split(self.ids)
        self.blocks = {"train": blocks(train, settings.block), "val": blocks(self.val_ids, settings.block)}
        self.model = settings.build(len(self.vocabulary))
        self.step = 0
        self.seconds = 0.0  # trained so far, in this and earlier sessions
        self.optimizer = optim.AdamW(self._groups(), lr=settings.lr, betas=(0.9, 0.99))
        self.schedule = optim.lr_scheduler.LambdaLR(self.optimizer, self._rate)
        self.best = inf
        self.history: list[dict[str, float]] = []
        self.counts: list[tuple[str, float]] = []

    def _groups(self) -> list[dict]:
        """Weight decay for matrices only."""
        parameters = list(self.model.parameters())
        return [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.settings.weight_decay},
            {"params": [p for p in parameters if p.ndim == 1], "weight_decay": 0.0},
        ]

    @property
    def progress(self) -> float:
        """From 0 to 1: the part of the steps, or of the time, that is over."""
        s = self.settings
        by_steps = 0.0 if s.steps is None else self.step / s.steps if s.steps else 1.0
        by_time = 0.0 if s.minutes is None else self.seconds / (60 * s.minutes) if s.minutes else 1.0
        return min(1.0, max(by_steps, by_time))

    def _rate(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to 0."""
        return min(1.0, (step + 1) / self.settings.warmup) * (1 + cos(pi * self.progress)) / 2

    # ------------------------------------------------------------------ training

    @contextmanager
    def replicate(self) -> Iterator[nn.parallel.Replicas]:
        """The model on several cores: to train, and to measure losses."""
        s = self.settings
        with (
            nn.parallel.limit_threads(self.model, s.batch * s.block),
            nn.parallel.replicate(
                self.model,
                self.optimizer,
                mean_loss,
                workers=s.workers,
                max_norm=s.max_norm,
                replay=True,
                accumulate=s.accumulate,
            ) as replicas,
        ):
            yield replicas

    def train_step(self, replicas: nn.parallel.Replicas, logged: log.Log | None = None) -> float:
        batch = self.blocks["train"].at(self.blocks["train"].draw(generator(), self.settings.batch))
        loss = replicas.step(*batch)
        self.step += 1
        if logged is not None:
            logged.step(self, loss, replicas.norm)
        self.schedule.step()
        return loss

    def train(self, log_folder: Path | None = None) -> bool:
        """Train to the end; False if interrupted by Ctrl-C. The last checkpoint is saved either way."""
        from tqdm import tqdm

        self.model.train()
        form = "{percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}"
        with (
            until_interrupt() as interrupted,
            self.replicate() as replicas,
            log.opened(log_folder, self.step) as logged,
            tqdm(total=1.0, bar_format=form) as bar,
        ):
            if not self.history:
                self.evaluate(replicas, logged)
            session = time.perf_counter() - self.seconds
            bar.update(self.progress)
            loss = self.history[-1]["train"]
            while self.progress < 1 and not interrupted:
                loss = 0.98 * loss + 0.02 * self.train_step(replicas, logged)
                self.seconds = time.perf_counter() - session
                if self.step >= self.next_evaluation or self.progress >= 1:
                    self.evaluate(replicas, logged)
                    self.save("last")
                speed = self.step * self.settings.batch * self.settings.block / self.seconds
                val = self.history[-1]["val"]
                bar.postfix = f"step {self.step:,}, loss {loss:.3f}, val {val:.3f}, {speed:,.0f} tokens/s"
                bar.update(self.progress - bar.n)
            self.save("last")
        return not interrupted

    @property
    def next_evaluation(self) -> int:
        """The step of the next evaluation: about 25 in all, closer at the start, where the loss drops."""
        last = int(self.history[-1]["step"])
        total = self.step / max(self.progress, 1e-9)
        return last + max(20, int(min(total / 25, last / 2)))

    # ------------------------------------------------------------------ evaluation

    def measure(self, replicas: nn.parallel.Replicas, part: str, starts: np.ndarray) -> float:
        """Mean loss on the blocks of a part of the text that start there."""
        self.model.eval()
        total = 0.0
        pieces = replicas.workers * replicas.accumulate
        groups = max(1, min(len(starts) // pieces, -(-len(starts) // 32)))
        for batch in np.array_split(starts, groups):
            total += replicas.evaluate(*self.blocks[part].at(batch)) * len(batch)
        self.model.train()
        return total / len(starts)

    def evaluated(self) -> dict[str, np.ndarray]:
        """Where the blocks of an evaluation start: spread over each part of the text, always the same."""
        every = {part: blocks.cover() for part, blocks in self.blocks.items()}
        return {
            part: starts[np.linspace(0, len(starts) - 1, min(self.EVALUATED, len(starts))).astype(int)]
            for part, starts in every.items()
        }

    def evaluate(self, replicas: nn.parallel.Replicas, logged: log.Log | None = None) -> None:
        """Add to the history; keep the model if it is the best so far on validation text."""
        losses = {part: self.measure(replicas, part, starts) for part, starts in self.evaluated().items()}
        self.history.append({"step": self.step, "seconds": self.seconds, **losses})
        if losses["val"] < self.best:
            self.best = losses["val"]
            self.save("best")
        if logged is not None:
            logged.evaluation(self)

    def test_best(self) -> float:
        """Go back to the weights of the best checkpoint; their mean loss on the whole validation text."""
        nn.load(self.out / "best.safetensors", model=self.model, rng=False)
        with self.replicate() as replicas:
            return self.measure(replicas, "val", self.blocks["val"].cover())

    # ------------------------------------------------------------------ checkpoints

    def save(self, name: str) -> None:
        nn.save(
            self.out / f"{name}.safetensors",
            model=self.model,
            optimizer=self.optimizer,
            schedule=self.schedule,
            step=self.step,
            settings=asdict(self.settings),
            characters=self.vocabulary.characters,
            seconds=self.seconds,
            best=self.best,
            history=self.history,
        )

    def load(self, path: Path) -> None:
        """Go on from a checkpoint, bit for bit as if never stopped (with --steps)."""
        stored = nn.load(path)
        if stored["characters"] != self.vocabulary.characters:
            raise ValueError(f"{path} was trained on text with other characters than {self.text.name} has")
        self.step, self.seconds = stored["step"], stored["seconds"]  # the schedule reads them
        self.best, self.history = stored["best"], stored["history"]
        nn.load(path, model=self.model, optimizer=self.optimizer, schedule=self.schedule)


def mean_loss(model: nn.Module, *batch: np.ndarray) -> Tensor:
    """Mean cross-entropy, in nats a character, of the last array of a batch given the others."""
    *inputs, target = batch
    logits = model(*inputs)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))
