"""Train a recurrent network to write text, character by character: an LSTM or a GRU.

The texts, the split and the table of what counting reaches are those of train_transformer.py. Writes a
picture of the loss, and at the end a text.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import checks, ngram, report, text
from common.batches import Windows, split

from tapegrad import nn
from tapegrad.autograd import Tensor, keep_memory, no_grad
from tapegrad.models.generation.sampling import pick
from tapegrad.nn import functional as F
from tapegrad.nn.parallel import limit_threads
from tapegrad.nn.random import generator


class Writer(nn.Module):
    """Characters (N, T) to the logits of the next ones, (N, T, vocabulary), and the state after them."""

    def __init__(self, cell: str, vocabulary: int, width: int, layers: int, dropout: float):
        super().__init__()
        kind = {"lstm": nn.LSTM, "gru": nn.GRU}[cell]
        self.embedding = nn.Embedding(vocabulary, width // 2)
        self.body = kind(width // 2, width, layers, batch_first=True, dropout=dropout)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, input, state=None):
        output, state = self.body(self.embedding(input), state)
        return self.head(output), state


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add(
        "--data",
        metavar="TEXT",
        help="'shakespeare' (downloaded once), 'stdlib' (Python's own source, no network) or the path of a "
        "UTF-8 text file; default: shakespeare if it can be had, else stdlib",
    )
    add("--cell", choices=("lstm", "gru"), default="lstm", help="default: %(default)s")
    add("--minutes", type=float, default=4.0, help="train for so long (default %(default)s)")
    add("--steps", type=int, help="train for so many steps instead; repeatable, unlike --minutes")
    add("--block", type=int, default=64, help="characters in a block (default %(default)s)")
    add("--batch", type=int, default=32, help="blocks in a step (default %(default)s)")
    add("--width", type=int, default=256, help="numbers in a layer's state (default %(default)s)")
    add("--layers", type=int, default=2, help="default: %(default)s")
    add("--dropout", type=float, default=0.0, help="between layers (default %(default)s)")
    add("--lr", type=float, default=3e-3, help="highest learning rate of AdamW (default %(default)s)")
    add("--seed", type=int, default=1, help="of all randomness (default %(default)s)")
    add("--sample", type=int, default=400, metavar="N", help="characters to write (default %(default)s)")
    add("--out", type=Path, help="folder for loss.png (default: runs/lstm or runs/gru)")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    options.out = options.out or Path("runs", options.cell)
    keep_memory()
    try:
        checks.require("matplotlib", "tqdm")
        check(options)
        checks.writable(options.out)
        run(options)
    except (OSError, ValueError, FloatingPointError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; nothing is saved", file=sys.stderr)
        return 130
    return 0


def check(options: argparse.Namespace) -> None:
    """ValueError for settings that no training can have."""
    for name in ("block", "batch", "width", "layers"):
        if getattr(options, name) < 1:
            raise ValueError(f"--{name} must be 1 or more, not {getattr(options, name)}")
    if options.width % 2:
        raise ValueError(f"--width must be even, not {options.width}")
    for name in ("steps", "minutes", "seed", "sample", "lr"):
        value = getattr(options, name)
        if value is not None and not value >= 0:  # nan neither
            raise ValueError(f"--{name} must not be negative, not {value}")
    if not options.lr < math.inf:
        raise ValueError(f"--lr must be finite, not {options.lr}")
    if not 0 <= options.dropout <= 1:
        raise ValueError(f"--dropout must be between 0 and 1, not {options.dropout}")


def run(options: argparse.Namespace) -> None:
    """Train, draw, write."""
    nn.manual_seed(options.seed)
    data = text.load(options.data)
    vocabulary = text.Vocabulary.of(data.text)
    train_ids, val_ids = split(vocabulary.encode(data.text))
    train, val = Windows(train_ids, options.block), Windows(val_ids, options.block)
    print(f"{data.name}: {len(data.text):,} characters, {len(vocabulary)} distinct")
    counts = ngram.count_models(train_ids, val_ids, len(vocabulary))
    print("what counting reaches, in nats a character: " + ", ".join(f"{n} {loss:.3f}" for n, loss in counts))
    model = Writer(options.cell, len(vocabulary), options.width, options.layers, options.dropout)
    print(f"{options.cell}: {sum(p.size for p in model.parameters()):,} parameters")
    history = train_model(model, train, val, options)
    report.draw(history, counts, options.out / "loss.png")
    print(f"validation loss {history[-1]['val']:.3f}, {history[-1]['step']:,} steps; "
          f"the picture is {options.out / 'loss.png'}")  # fmt: skip
    prompt = val_ids[: options.block]
    print(f"\n--- continued at temperature 0.8 ---\n{vocabulary.decode(prompt)}", end="|")
    for token in write(model, prompt, options.sample):
        print(vocabulary.decode(np.array([token])), end="", flush=True)
    print()


def train_model(model: Writer, train: Windows, val: Windows, options: argparse.Namespace) -> list[dict]:
    from tqdm import tqdm

    optimizer = nn.optim.AdamW(model.parameters(), lr=options.lr, betas=(0.9, 0.99))
    done = 0.0
    schedule = nn.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 100) * (1 + np.cos(np.pi * done)) / 2
    )
    history, step, start, loss = [{"step": 0, **evaluate(model, train, val)}], 0, time.perf_counter(), None
    with tqdm(total=1.0, bar_format="{percentage:3.0f}%|{bar:20}| {elapsed}<{remaining}{postfix}") as bar:
        while done < 1 and options.steps != 0:
            loss = mean_loss(model, *train.at(train.draw(generator(), options.batch)))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            step += 1
            minutes = (time.perf_counter() - start) / 60
            done = step / options.steps if options.steps else min(1.0, minutes / max(options.minutes, 1e-9))
            if step >= 1.3 * history[-1]["step"] + 20 or done >= 1:
                history.append({"step": step, **evaluate(model, train, val)})
            speed = step * options.batch * options.block / (60 * minutes)
            bar.postfix = f"step {step:,}, val {history[-1]['val']:.3f}, {speed:,.0f} characters/s"
            bar.update(done - bar.n)
    return history


def mean_loss(model: Writer, x: np.ndarray, y: np.ndarray) -> Tensor:
    logits, _ = model(x)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))


@no_grad
def evaluate(model: Writer, train: Windows, val: Windows, blocks: int = 128) -> dict[str, float]:
    """Mean losses on `blocks` blocks spread over both parts of the text, always the same."""
    model.eval()
    losses = {}
    for name, part in (("train", train), ("val", val)):
        starts = part.cover()
        starts = starts[np.linspace(0, len(starts) - 1, min(blocks, len(starts))).astype(int)]
        losses[name] = mean_loss(model, *part.at(starts)).item()
    model.train()
    return losses


@no_grad
def write(model: Writer, prompt: np.ndarray, length: int) -> Iterator[int]:
    """Yield `length` characters after `prompt`; each is read once, the state knows what came before."""
    model.eval()
    with limit_threads(model, 1):
        logits, state = model(prompt[None])
        for _ in range(length):
            token = pick(logits.data[0, -1], 0.8, rng=generator())
            yield token
            logits, state = model(np.array([[token]]), state)


if __name__ == "__main__":
    sys.exit(main())
