"""Train a classifier of handwritten digits as a PyTorch program does it, from the Dataset to the test.

Nothing but the imports is tapegrad's. With these in place of the last paragraph of them it runs on PyTorch:

    from torch import get_rng_state, load, manual_seed, nn, no_grad, optim, save, set_rng_state
    from torch.nn import functional as F
    from torch.optim import lr_scheduler
    from torch.utils import data

It keeps the best checkpoint and the last, and draws the curves. A run that was interrupted or killed goes on
with --resume from the last, in the middle of an epoch too, and ends with the same bits.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import asdict, dataclass, field

import numpy as np
from common import curves, digits, program
from common.interrupt import until_interrupt

from tapegrad import nn
from tapegrad.autograd import no_grad
from tapegrad.nn import data, get_rng_state, load, manual_seed, optim, save, set_rng_state
from tapegrad.nn import functional as F
from tapegrad.nn.optim import lr_scheduler

LAST, BEST = "last.ckpt", "best.ckpt"
FIXED = ("epochs", "batch", "width", "lr", "seed", "dropout")  # options that a run keeps to its end


class Digits(data.Dataset):
    """Images (1, 8, 8) and labels; with a seed, each moved by up to a pixel, anew in each epoch."""

    def __init__(self, known: digits.Digits, seed: int | None = None):
        self.images, self.labels, self.seed = known.images, known.labels, seed
        self.epoch = 0

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        image = self.images[index]
        if self.seed is not None:  # the same, whichever worker is asked
            rng = np.random.default_rng((self.seed, self.epoch, index))
            image = digits.shifted(image[None], rng)[0]
        return image, self.labels[index]


class Network(nn.Module):
    """Images (N, 1, 8, 8) to the logits of ten digits, (N, 10)."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.features = nn.Sequential(
            *self.block(1, width),
            *self.block(width, width),
            nn.MaxPool2d(2),
            *self.block(width, 2 * width),
            nn.MaxPool2d(2),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(dropout), nn.Linear(8 * width, 10))

    @staticmethod
    def block(channels: int, out: int):
        return nn.Conv2d(channels, out, 3, padding=1, bias=False), nn.BatchNorm2d(out), nn.ReLU()

    def forward(self, images):
        return self.head(self.features(images))


@dataclass
class Progress:
    """How far training has come; part of a checkpoint."""

    epoch: int = 0  # the one that is being trained, from 0 on
    losses: list[float] = field(default_factory=list)  # of all steps
    rates: list[float] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)  # of the epochs that are over
    best: float = math.inf  # validation loss
    worse: int = 0  # epochs since then


class Training:
    """Model, data, optimizer and schedule of a run."""

    def __init__(self, options: argparse.Namespace):
        manual_seed(options.seed)
        self.options = options
        known, test = digits.load(options.seed)
        train, val = known.divided(0.15, np.random.default_rng(options.seed))
        if options.batch > len(train):
            raise ValueError(f"--batch {options.batch} is more than the {len(train)} digits to train on")
        self.train_set = Digits(train, options.seed)
        self.loader = data.DataLoader(
            self.train_set, options.batch, shuffle=True, num_workers=options.workers, drop_last=True
        )
        self.val_loader = data.DataLoader(Digits(val), batch_size=256)
        self.test_loader = data.DataLoader(Digits(test), batch_size=256)
        self.model = Network(options.width, options.dropout)
        self.optimizer = optim.AdamW(self.model.parameters(), lr=options.lr, weight_decay=0.01)
        steps = options.epochs * len(self.loader)
        warmup = max(1, steps // 10)
        self.scheduler = lr_scheduler.SequentialLR(
            self.optimizer,
            [
                lr_scheduler.LinearLR(self.optimizer, start_factor=0.1, total_iters=warmup),
                lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=max(1, steps - warmup)),
            ],
            milestones=[warmup],
        )
        self.progress = Progress()
        # PyTorch's own DataLoader cannot tell where it is, so there a run goes on at the start of an epoch.
        self.anywhere = hasattr(self.loader, "state_dict")

    def fit(self, interrupted: list) -> bool:
        """Train to the last epoch, or until validation has been no better for --patience of them.

        False if interrupted. The last checkpoint is saved either way.
        """
        p, start = self.progress, time.perf_counter()
        while p.epoch < self.options.epochs and p.worse < self.options.patience:
            self.train_set.epoch = p.epoch
            if not self.train_epoch(interrupted):
                return False
            loss, accuracy = evaluate(self.model, self.val_loader)
            check_finite(f"epoch {p.epoch + 1}", validation=loss)
            mean = sum(p.losses[-len(self.loader) :]) / len(self.loader)
            p.epoch += 1
            p.history.append({"train": mean, "val": loss, "accuracy": accuracy})
            print(
                f"epoch {p.epoch:2}: loss {mean:.4f}, validation {loss:.4f}, accuracy {accuracy:.2%}, "
                f"{time.perf_counter() - start:.1f} s"
            )
            p.worse = p.worse + 1 if loss >= p.best else 0
            if loss < p.best:
                p.best = loss
                self.save(BEST)
            self.save(LAST)
        return True

    def train_epoch(self, interrupted: list) -> bool:
        """What is left of an epoch; False if interrupted."""
        self.model.train()
        for images, labels in self.loader:
            self.optimizer.zero_grad()
            loss = F.cross_entropy(self.model(images), labels)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(self.model.parameters(), max_norm=1.0)
            step = len(self.progress.losses) + 1
            check_finite(f"step {step}", loss=loss.item(), norm=float(norm))
            self.optimizer.step()
            self.progress.losses.append(loss.item())
            self.progress.rates.append(self.scheduler.get_last_lr()[0])
            self.scheduler.step()
            stopped = bool(interrupted)
            if self.anywhere and (stopped or step % self.options.save_every == 0):
                self.save(LAST)
            if stopped:
                return False
        return True

    def save(self, name: str) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "loader": self.loader.state_dict() if self.anywhere else None,
            "rng": get_rng_state(),
            "progress": asdict(self.progress),
            "options": {name: getattr(self.options, name) for name in FIXED},
        }
        save(state, self.options.out / name)

    def resume(self, state: dict) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if self.anywhere:
            self.loader.load_state_dict(state["loader"])
        set_rng_state(state["rng"])
        self.progress = Progress(**state["progress"])


def check_finite(when: str, **values: float) -> None:
    for name, value in values.items():
        if not math.isfinite(value):
            raise FloatingPointError(f"{when}: the {name} is {value}; a smaller --lr may help")


@no_grad()
def evaluate(model: nn.Module, loader: data.DataLoader) -> tuple[float, float]:
    """The mean loss and the share that is told right."""
    model.eval()
    total, right, count = 0.0, 0, 0
    for images, labels in loader:
        logits = model(images)
        total += F.cross_entropy(logits, labels, reduction="sum").item()
        right += (logits.argmax(1) == labels).sum().item()
        count += len(labels)
    return total / count, right / count


def parse(arguments: list[str] | None, defaults: dict | None = None) -> argparse.Namespace:
    parser = program.parser(__doc__, epochs=25, batch=32, width=32, lr=3e-3, out="runs/classifier")
    add = parser.add_argument
    for name, kind, default, meaning in (
        ("dropout", float, 0.0, "probability, before the last layer"),
        ("patience", int, 10, "epochs without a better validation loss after which it stops"),
        ("workers", int, 0, "workers that prepare batches beside the training"),
        ("save-every", int, 50, "steps between checkpoints; there is one at the end of each epoch too"),
    ):
        add(f"--{name}", type=kind, default=default, help=f"{meaning} (default %(default)s)")
    add("--resume", action="store_true", help="go on from the last checkpoint in --out, with its options")
    parser.set_defaults(**(defaults or {}), arguments=arguments)
    return parser.parse_args(arguments)


def stored_state(options: argparse.Namespace) -> dict | None:
    """What --resume goes on from; None for a new run. ValueError where that is not what --out holds."""
    path = options.out / LAST
    if not options.resume:
        if path.exists():
            raise ValueError(
                f"{options.out} holds a run: --resume goes on with it, another --out starts anew"
            )
        return None
    if not path.exists():
        raise ValueError(
            f"there is no run to resume in {options.out}: no {LAST}; without --resume one starts"
        )
    state = load(path)
    if not isinstance(state, dict) or set(state.get("options", ())) != set(FIXED):
        raise ValueError(f"{path} is a checkpoint, but not one that this program made")
    return state


def run(options: argparse.Namespace) -> int:
    """Train, test, draw."""
    state = stored_state(options)
    if state is not None:
        options = parse(options.arguments, state["options"])
        changed = [f"--{name}" for name in FIXED if getattr(options, name) != state["options"][name]]
        if changed:
            raise ValueError(
                f"{', '.join(changed)} cannot change when a run is resumed; start a new --out instead"
            )
    program.at_least(0, options, "workers")
    program.at_least(1, options, "patience", "save_every")
    training = Training(options)
    count = sum(math.prod(p.shape) for p in training.model.parameters())
    print(f"{len(training.train_set):,} digits to train on; {count:,} parameters")
    if state is None:
        training.save(LAST)
    else:
        training.resume(state)
    with until_interrupt() as interrupted:
        finished = training.fit(interrupted)
    if not finished:
        step, command = len(training.progress.losses), f"python {sys.argv[0]} --resume --out {options.out}"
        print(f"\nStopped at step {step:,}; saved. To go on: {command}")
        return 130
    curves.draw(training.progress.history, training.progress.rates, options.out / "curves.png")
    training.model.load_state_dict(load(options.out / BEST)["model"])
    _, accuracy = evaluate(training.model, training.test_loader)
    print(f"test accuracy {accuracy:.2%} of the best epoch; the picture is {options.out / 'curves.png'}")
    return 0


def main(arguments: list[str] | None = None) -> int:
    return program.attempt(run, parse(arguments))


if __name__ == "__main__":
    sys.exit(main())
