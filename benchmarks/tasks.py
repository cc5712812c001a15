"""What is trained: models and batches, the same in every process, and tapegrad's training step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from itertools import cycle

import numpy as np

from tapegrad import nn
from tapegrad.autograd import Tensor, keep_memory
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F

ADAMW = {"lr": 3e-4, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.01}


@dataclass(frozen=True)
class Task:
    """`kind`: gpt, or transformer, which has `layers` in the encoder and as many in the decoder."""

    vocab: int
    width: int
    heads: int
    layers: int
    length: int
    batch: int
    kind: str = "gpt"

    def job(self) -> dict:
        return asdict(self)

    def __str__(self) -> str:
        layers = f"{self.layers}+{self.layers}" if self.kind == "transformer" else f"{self.layers}"
        batch = f"batch {self.batch} x {self.length}"
        return f"{layers} layers of width {self.width}, {self.vocab:,} tokens, {batch}"


SIZES = {
    "tiny": Task(65, 64, 4, 2, 32, 8),
    "mid": Task(65, 128, 4, 4, 64, 12),
    "large": Task(65, 384, 6, 6, 256, 8),
    "vocab": Task(16384, 256, 4, 4, 128, 8),
    "example": Task(65, 128, 4, 2, 64, 16, "transformer"),
}


def build(task: Task) -> GPT | Transformer:
    """The model, with the same weights at each call."""
    nn.manual_seed(0)
    sizes = {"block_size": task.length, "d_model": task.width, "nhead": task.heads}
    if task.kind == "gpt":
        return GPT(GPTConfig(task.vocab, num_layers=task.layers, **sizes))
    layers = {"num_encoder_layers": task.layers, "num_decoder_layers": task.layers}
    return Transformer(TransformerConfig(task.vocab, **layers, **sizes))


def batches(task: Task, count: int = 16) -> list[tuple[np.ndarray, ...]]:
    """The same ones at each call: the inputs of the model, then the target."""
    rng = np.random.default_rng(0)
    inputs = 2 if task.kind == "transformer" else 1
    made = rng.integers(0, task.vocab, (count, inputs + 1, task.batch, task.length))
    return [tuple(batch) for batch in made]


def loss_of(model, *batch) -> Tensor:
    """The mean over a batch."""
    *inputs, target = batch
    logits = model(*inputs)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


@contextmanager
def training(
    replicas: str | None = None, workers: int = 2, replay: bool = False, **job
) -> Iterator[Callable[[], float]]:
    """A step of tapegrad: forward, backward, AdamW on the next batch; gives the loss.

    `replicas`: "threads" or "processes" of nn.parallel, each on its part of the batch. `replay`: from a
    recording, see nn.replay.
    """
    task = Task(**job)
    keep_memory()
    model = build(task)
    optimizer = nn.optim.AdamW(model.parameters(), **ADAMW)
    data = cycle(batches(task))
    if replicas:
        from tapegrad.nn.parallel import replicate

        options = {"workers": workers, "kind": replicas, "replay": replay}
        with replicate(model, optimizer, loss_of, **options) as together:
            yield lambda: together.step(*next(data))
        return

    model_loss = nn.replay(model, loss_of) if replay else partial(loss_of, model)

    def step() -> float:
        loss = model_loss(*next(data))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    yield step
