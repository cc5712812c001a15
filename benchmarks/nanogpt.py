"""Seconds to nanoGPT's loss: its preset for a computer without a GPU, in tapegrad and in PyTorch.

All train the same model from the same weights on the same batches, with nanoGPT's settings, schedule and
evaluations (examples/train_gpt.py), the torch twin in a loop as nanoGPT's is. Weights and batches are those
that nanoGPT's own seed draws, where torch is there to draw them. They have processes of their own and take
turns of a few seconds, so that slow spells of the machine meet all. On the clock are steps and evaluations;
compiling is not. At the end the loss is measured by nanoGPT's estimate, 20 random batches, and on all of the
validation text.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import numpy as np

from tapegrad import nn
from tapegrad.autograd import keep_memory
from tapegrad.models import GPT

from . import provenance
from .measure import CORES, ROOT, Candidate, arguments, table, torch_candidate
from .race import taking_turns

sys.path.append(str(ROOT / "examples"))
from common import text as texts
from common.batches import Windows, split
from common.nanogpt import PRESETS, Settings
from common.training import mean_loss

TORCH = "benchmarks.nanogpt:torch_training"
CANDIDATES = [
    torch_candidate("torch eager, fused AdamW", TORCH),
    torch_candidate("torch.compile, fused AdamW", TORCH, compiled=True),
    Candidate(f"tapegrad, {CORES} processes", "benchmarks.nanogpt:training", pin=False),
]
TURN = 4.0  # seconds


class Course:
    """What is the same for all: the text, the weights, the order of the batches, the rate of each step."""

    def __init__(self, data: str | None, preset: str, steps: int | None = None, drawn: str | None = None):
        """`drawn` is a file of weights and batches, see torch_nanogpt.py; else a seed gives them."""
        self.settings = Settings.chosen({"preset": preset} | ({} if steps is None else {"steps": steps}))
        text = texts.load(data).text
        self.vocabulary = texts.Vocabulary.of(text)
        parts = zip(("train", "val"), split(self.vocabulary.encode(text)), strict=True)
        self.blocks = {part: Windows(ids, self.settings.block) for part, ids in parts}
        self.rng = np.random.default_rng(self.settings.seed)
        self.drawn = {} if drawn is None else dict(np.load(drawn))
        self.seconds: list[float] = []  # of each step
        self.evaluating = 0.0  # seconds
        self.estimates: list[tuple[int, float]] = []  # of the validation loss, after so many steps

    def model(self) -> GPT:
        nn.manual_seed(self.settings.seed)
        model = self.settings.build(len(self.vocabulary))
        if self.drawn:
            model.load_state_dict({name: self.drawn[name] for name in model.state_dict()})
        return model

    def groups(self, params: list) -> list[dict]:
        """Weight decay for matrices only."""
        matrices, others = [p for p in params if p.ndim > 1], [p for p in params if p.ndim == 1]
        decay = self.settings.weight_decay
        return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]

    def step(self, train: Callable[..., float], optimizer) -> float:
        """The loss of the next batch, before the step."""
        start = time.perf_counter()
        for group in optimizer.param_groups:
            group["lr"] = self.settings.rate(len(self.seconds))
        blocks = self.blocks["train"]
        if self.drawn:
            starts = self.drawn["train"][len(self.seconds)]
        else:
            starts = blocks.draw(self.rng, self.settings.batch)
        loss = train(*blocks.at(starts))
        self.seconds.append(time.perf_counter() - start)
        return loss

    def evaluate(self, measure: Callable[..., float]) -> None:
        """nanoGPT's estimate, of training and validation text."""
        start = time.perf_counter()
        if self.drawn:
            starts = dict(zip(self.blocks, self.drawn["estimates"][len(self.estimates)], strict=True))
        else:
            starts = self.settings.random_blocks(self.blocks, len(self.seconds))
        losses = {part: self.mean(part, starts[part], measure) for part in starts}
        self.estimates.append((len(self.seconds), losses["val"]))
        self.evaluating += time.perf_counter() - start

    def mean(self, part: str, starts: np.ndarray, measure: Callable[..., float]) -> float:
        """Of the blocks that start there, in batches as large as those of training."""
        batches = np.array_split(starts, max(1, len(starts) // self.settings.batch))
        return sum(measure(*self.blocks[part].at(b)) * len(b) for b in batches) / len(starts)

    def run(self, train: Callable[..., float], measure: Callable[..., float], optimizer) -> dict:
        """Train for a turn; how far it has come, and at the end "loss", on all of the validation text."""
        s, start = self.settings, time.perf_counter()
        while len(self.seconds) < s.steps and time.perf_counter() - start < TURN:
            if len(self.seconds) % s.eval_interval == 0:
                self.evaluate(measure)
            self.step(train, optimizer)
        told = {"steps": len(self.seconds), "seconds": sum(self.seconds), "evaluating": self.evaluating}
        if len(self.seconds) < s.steps:
            return told
        self.evaluate(measure)
        told |= {"evaluating": self.evaluating, "median": median(self.seconds), "min": min(self.seconds)}
        whole = self.mean("val", self.blocks["val"].cover(), measure)
        return told | {"estimates": self.estimates, "estimate": self.estimates[-1][1], "loss": whole}


@contextmanager
def started(course: Course, workers: int = CORES) -> Iterator[tuple[Callable, Callable, nn.optim.Optimizer]]:
    """A step and a measurement of tapegrad's model, each giving a loss, and its optimizer."""
    model = course.model()
    optimizer = nn.optim.AdamW(course.groups(list(model.parameters())), betas=(0.9, 0.99))
    options = {"workers": workers, "max_norm": course.settings.max_norm, "replay": True}  # as in the example

    def measure(*batch) -> float:
        model.eval()
        loss = replicas.evaluate(*batch)
        model.train()
        return loss

    with nn.parallel.replicate(model, optimizer, mean_loss, **options) as replicas:
        yield replicas.step, measure, optimizer


@contextmanager
def training(**job) -> Iterator[Callable[[], dict]]:
    keep_memory()
    course = Course(**job)
    with started(course) as parts:
        yield lambda: course.run(*parts)


@contextmanager
def torch_training(compiled: bool = False, **job) -> Iterator[Callable[[], dict]]:
    from .torch_nanogpt import trained

    course = Course(**job)
    parts = trained(course, compiled)
    yield lambda: course.run(*parts)


def drawn(job: dict, folder: str) -> str | None:
    """A file of what nanoGPT's seed draws for a job; None without torch."""
    path = os.path.join(folder, "drawn.npz")
    program = [sys.executable, "-m", "benchmarks.torch_nanogpt", path, json.dumps(job)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True)
    return None if done.returncode else path


def rows(results: dict[str, dict]) -> list[list[str]]:
    made = []
    for name, found in results.items():
        if "skipped" in found:
            made.append([name, "-", "-", "-", "-", found["skipped"][:60]])
            continue
        total = found["seconds"] + found["evaluating"]
        times = f"{total:.1f}", *(f"{1e3 * found[key]:.1f}" for key in ("median", "min"))
        made.append([name, *times, f"{found['estimate']:.3f}", f"{found['loss']:.3f}"])
    return made


def main() -> None:
    parser = arguments("nanogpt", __doc__)
    parser.add_argument("--data", help="as in examples/train_gpt.py")
    parser.add_argument("--preset", choices=PRESETS, default=Settings.preset, help="default: %(default)s")
    parser.add_argument("--steps", type=int, help="default: the preset's; with --quick 60")
    names = [candidate.name for candidate in CANDIDATES]
    told = f"of: {'; '.join(names)}; default: all"
    parser.add_argument("--candidates", nargs="+", metavar="NAME", choices=names, default=names, help=told)
    args = parser.parse_args()
    steps = 60 if args.quick and args.steps is None else args.steps
    job = {"data": args.data, "preset": args.preset, "steps": steps}
    results = provenance.start("nanogpt", args.quick)
    results |= {
        "text": texts.load(args.data).name,
        "settings": vars(Settings.chosen({"preset": args.preset})),
    }
    candidates = [candidate for candidate in CANDIDATES if candidate.name in args.candidates]
    with tempfile.TemporaryDirectory() as folder:
        job["drawn"] = drawn(job, folder)
        results["drawn"] = job["drawn"] is not None
        results["results"] = taking_turns(candidates, job)
    done = max((found.get("steps", 0) for found in results["results"].values()), default=0)
    drawing = "nanoGPT's seed" if results["drawn"] else "a seed of ours"
    print(f"{results['text']}, {args.preset}, {done:,} steps each, weights and batches of {drawing}\n")
    header = ["", "seconds", "median ms a step", "min ms", "val loss, 20 batches", "val loss, whole text"]
    print(table(header, rows(results["results"])))
    provenance.write(args.out, results)


if __name__ == "__main__":
    main()
