"""Loss after the same minutes: the training example's model, data and optimizer, in tapegrad and in PyTorch.

Each contestant trains the same number of minutes by its own clock, from the same weights on the same batches
in the same order, with the example's settings and schedule (warm-up, a cosine over the minutes). They have
processes of their own and take turns of a few seconds, so that slow spells of the machine meet all. At the
end the loss is measured on all non-overlapping blocks of the validation text.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import cos, pi

import numpy as np

from tapegrad import nn
from tapegrad.autograd import keep_memory

from . import provenance
from .measure import CORES, ROOT, Candidate, Process, Unavailable, arguments, table, torch_candidate
from .tasks import SIZES, build

sys.path.append(str(ROOT / "examples"))
from common import text as texts
from common.batches import Pairs, split
from common.training import Settings, mean_loss

TASK = SIZES["example"]
CANDIDATES = [
    torch_candidate("torch eager, fused AdamW", "benchmarks.race:torch_training"),
    torch_candidate("torch.compile, fused AdamW", "benchmarks.race:torch_training", compiled=True),
    Candidate(f"tapegrad, {CORES} processes", "benchmarks.race:training", pin=False),
]
TURN = 4.0  # seconds


class Course:
    """What is the same for all: the text, the order of the batches, and the learning rate over time."""

    def __init__(self, data: str | None, minutes: float):
        self.settings = Settings()
        train, val = split(self.ids(data))
        self.train, self.val = Pairs(train, TASK.length), Pairs(val, TASK.length)
        self.rng = np.random.default_rng(self.settings.seed)
        self.limit = 60 * minutes
        self.seconds = 0.0
        self.steps = 0

    @staticmethod
    def ids(data: str | None) -> np.ndarray:
        text = texts.load(data)
        vocabulary = texts.Vocabulary.of(text.text)
        if len(vocabulary) > TASK.vocab:
            raise ValueError(f"{text.name} has {len(vocabulary)} characters, the model knows {TASK.vocab}")
        return vocabulary.encode(text.text)

    def groups(self, params: list) -> list[dict]:
        """Weight decay for matrices only, as in the example."""
        decay = self.settings.weight_decay
        matrices, others = [p for p in params if p.ndim > 1], [p for p in params if p.ndim == 1]
        return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]

    @property
    def rate(self) -> float:
        warm = min(1.0, (self.steps + 1) / self.settings.warmup)
        return self.settings.lr * warm * (1 + cos(pi * min(1.0, self.seconds / self.limit))) / 2

    def run(self, train: Callable[..., float], measure: Callable[..., float], optimizer) -> dict:
        """Train for a turn; {"steps", "seconds"} so far, and "loss" on the validation text at the end."""
        start = before = time.perf_counter()
        while self.seconds < self.limit and before - start < TURN:
            for group in optimizer.param_groups:
                group["lr"] = self.rate
            train(*self.train.at(self.train.draw(self.rng, TASK.batch)))
            self.steps += 1
            now = time.perf_counter()
            self.seconds += now - before
            before = now
        told = {"steps": self.steps, "seconds": self.seconds}
        return told if self.seconds < self.limit else told | {"loss": self.validation(measure)}

    def validation(self, measure: Callable[..., float]) -> float:
        starts = self.val.cover()
        parts = np.array_split(starts, max(1, len(starts) // 32))
        return sum(measure(*self.val.at(part)) * len(part) for part in parts) / len(starts)


@contextmanager
def training(data: str | None, minutes: float) -> Iterator[Callable[[], dict]]:
    keep_memory()
    course, model = Course(data, minutes), build(TASK)
    optimizer = nn.optim.AdamW(course.groups(list(model.parameters())), betas=(0.9, 0.99))
    norm = course.settings.max_norm
    options = {"workers": CORES, "max_norm": norm, "replay": True}  # as in the example
    with nn.parallel.replicate(model, optimizer, mean_loss, **options) as replicas:
        yield lambda: course.run(replicas.step, replicas.evaluate, optimizer)


@contextmanager
def torch_training(data: str | None, minutes: float, compiled: bool = False) -> Iterator[Callable[[], dict]]:
    import torch
    from torch.nn import functional as F

    from .torch_models import twin

    course, model = Course(data, minutes), twin(TASK)
    optimizer = torch.optim.AdamW(course.groups(list(model.parameters())), betas=(0.9, 0.99), fused=True)

    def plain_loss(source, target_in, target_out):
        return F.cross_entropy(model(source, target_in).flatten(0, 1), target_out.flatten())

    loss_function = torch.compile(plain_loss) if compiled else plain_loss

    def train(*batch) -> None:
        loss = loss_function(*map(torch.from_numpy, batch))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), course.settings.max_norm)
        optimizer.step()

    def measure(*batch) -> float:
        with torch.no_grad():
            return plain_loss(*map(torch.from_numpy, batch)).item()

    if compiled:  # not on the clock
        first = course.train.at(np.arange(TASK.batch))
        loss_function(*map(torch.from_numpy, first)).backward()
    yield lambda: course.run(train, measure, optimizer)


def taking_turns(candidates: Sequence[Candidate], job: dict) -> dict[str, dict]:
    """What each tells of its last turn, in which it has a "loss"; or {"skipped": reason}."""
    results: dict[str, dict] = {}
    processes: list[Process] = []
    try:
        for candidate in candidates:
            try:
                process = Process(candidate)
                processes.append(process)
                process.ask(job=job)
            except Unavailable as reason:
                results[candidate.name] = {"skipped": str(reason)}
        running = [process for process in processes if process.name not in results]
        while running:
            for process in list(running):
                told = process.ask(steps=1)["values"][0]
                results[process.name] = told
                if "loss" in told:
                    running.remove(process)
    finally:
        for process in processes:
            process.close()
    return {c.name: results[c.name] for c in candidates}


def main() -> None:
    parser = arguments("race", __doc__)
    parser.add_argument("--minutes", type=float, default=3.0, help="of each contestant (default %(default)s)")
    parser.add_argument("--data", help="as in examples/train_transformer.py")
    args = parser.parse_args()
    minutes = 0.1 if args.quick else args.minutes
    job = {"data": args.data, "minutes": minutes}
    results = provenance.start("race", args.quick)
    results |= {
        "minutes": minutes,
        "text": texts.load(args.data).name,
        "results": taking_turns(CANDIDATES, job),
    }
    rows = []
    for name, found in results["results"].items():
        if "skipped" in found:
            rows.append([name, "-", found["skipped"][:60]])
        else:
            rows.append([name, f"{found['steps']:,}", f"{found['loss']:.3f}"])
    print(f"{results['text']}, {minutes:g} minutes each\n")
    print(table(["", "steps", "validation loss"], rows))
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
