"""A program that trains on text, from its options to its samples; a new run, or one that is resumed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from tapegrad import nn
from tapegrad.autograd import keep_memory

from . import checks, log, ngram, report
from .batches import split
from .training import Run

LAST = "last.safetensors"
ALTERABLE = ("steps", "minutes", "workers", "accumulate")  # when a run is resumed


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that all these programs have."""
    add = parser.add_argument
    add(
        "--data",
        metavar="TEXT",
        help="'shakespeare' (downloaded once), 'stdlib' (Python's own source, no network) or the path of a "
        "UTF-8 text file; default: shakespeare if it can be had, else stdlib",
    )
    add_run(parser)
    add(
        "--log",
        type=Path,
        metavar="DIR",
        help="write losses, rate, norms, histograms and samples for TensorBoard into this folder; give it to "
        "--resume too",
    )
    add_workers(parser)
    add("--prompt", help="the text to continue at the end (default: the start of the validation text)")
    add("--sample", type=int, default=400, metavar="N", help="characters to write (default %(default)s)")


def add_run(parser: argparse.ArgumentParser) -> None:
    """Where a run is kept, and how it goes on."""
    add = parser.add_argument
    add("--seed", type=int, help="of all randomness (default 1)")
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for checkpoints and loss.png (default: a new one in runs/, or with --resume the last)",
    )
    add(
        "--resume",
        action="store_true",
        help="go on from the last checkpoint, with its model and data; how long it trains is a total, and "
        "may be raised",
    )


def add_workers(parser: argparse.ArgumentParser) -> None:
    """How a batch is shared out, and in how many pieces it is computed."""
    add = parser.add_argument
    add(
        "--workers",
        type=number_or_auto,
        metavar="N",
        help="processes that share each batch (default auto: one for each core; with 1, the BLAS library "
        "uses the cores where matrices are large)",
    )
    add(
        "--accumulate",
        type=int,
        metavar="K",
        help="compute each process' share of a batch in K pieces, one after another: the same numbers in the "
        "memory of one piece (default 1)",
    )


def number_or_auto(value: str) -> int | str:
    try:
        return value if value == "auto" else int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is neither a number nor 'auto'") from None


def attempt(
    options: argparse.Namespace,
    kind: type[Run],
    work: Callable[[Any, argparse.Namespace], int] | None = None,
    make: Callable[[argparse.Namespace, type], Run] | None = None,
) -> int:
    """Make a run of this kind and do the `work` with it; the exit code, errors told in one line.

    Without `make` it is a new run, or with --resume the last; without `work` it trains on a text, draws its
    losses and writes.
    """
    run = None
    keep_memory()  # activations are allocated at every step: do not hand the pages back in between
    try:
        checks.require("matplotlib", "tqdm")
        run = (make or (resume if options.resume else start))(options, kind)
        return (work or on_text)(run, options)
    except (OSError, ValueError, RuntimeError, FloatingPointError, ModuleNotFoundError) as error:
        advice = "; a smaller --lr may help" if isinstance(error, FloatingPointError) else ""
        print(f"error: {error}{advice}", file=sys.stderr)
        if run is not None and run.step and (run.out / LAST).exists():
            print(f"To go on from the last checkpoint: {how_to_resume(run, options.log)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped", file=sys.stderr)
        return 130


def on_text(run: Run, options: argparse.Namespace) -> int:
    """What a run on a text does, from what counting reaches to what it writes."""
    if options.sample < 0:
        raise ValueError(f"--sample must not be negative, not {options.sample}")
    prompt = run.vocabulary.encode(options.prompt) if options.prompt else run.val_ids[: run.settings.block]
    if options.log is not None:
        log.check(options.log, options.resume)
    show(run)
    if not trained(run, options):
        return 130
    report.draw(run.history, run.counts, run.out / "loss.png")
    loss = run.test_best()
    print(
        f"validation loss {loss:.3f} (best checkpoint, all of the validation text), {run.step:,} steps, "
        f"{run.seconds:,.0f} s; checkpoints and loss.png are in {run.out}"
    )
    report.write_samples(run, prompt, options.sample)
    return 0


def trained(run: Run, options: argparse.Namespace) -> bool:
    """Train; False, and how to go on, where that was interrupted."""
    done = run.train(options.log)
    if not done:
        print(f"\nStopped at step {run.step:,}; saved. To go on: {how_to_resume(run, options.log)}")
    return done


def start(options: argparse.Namespace, kind: type[Run]) -> Run:
    """A new run with the settings of the command line."""
    known = kind.Settings.__dataclass_fields__
    settings = kind.Settings.chosen({k: v for k, v in vars(options).items() if k in known and v is not None})
    out = options.out or next(path for path in default_folders(settings.folder) if not path.exists())
    if (out / LAST).exists():
        raise ValueError(f"{out} holds a run already: --resume goes on with it, another --out starts anew")
    data = kind.read(settings)
    nn.manual_seed(settings.seed)
    run = kind(settings, data, out)
    checks.writable(out)
    return run


def resume(options: argparse.Namespace, kind: type[Run]) -> Run:
    """The run whose last checkpoint is in --out; only what is `ALTERABLE` may change."""
    path = last_checkpoint(options.out)
    stored = nn.load(path)
    if stored.get("settings", {}).keys() != kind.Settings.__dataclass_fields__.keys():
        raise ValueError(f"{path} is a checkpoint, but not one that this program made")
    settings = kind.Settings(**stored["settings"])
    given = {k: v for k, v in vars(options).items() if k in stored["settings"] and v is not None}
    fixed = [k for k, v in given.items() if v != stored["settings"][k] and k not in ALTERABLE]
    if fixed:
        names = ", ".join(f"--{k.replace('_', '-')}" for k in fixed)
        raise ValueError(f"{names} cannot change when {path} is resumed; start a new --out instead")
    changed = {k: v for k, v in given.items() if k in ALTERABLE}
    if "steps" in given or "minutes" in given:
        changed = {"steps": None, "minutes": None} | changed
    settings = replace(settings, **changed)
    run = kind(settings, kind.read(settings), path.parent)
    run.load(path)
    checks.writable(run.out)
    return run


def last_checkpoint(out: Path | None) -> Path:
    """That of the folder --out, or without one of the newest run."""
    if out is None:
        runs = sorted(Path("runs").glob(f"*/{LAST}"), key=lambda path: path.stat().st_mtime)
        if not runs:
            raise ValueError(f"there is no run to resume: no runs/*/{LAST}; name its folder with --out")
        return runs[-1]
    if not (out / LAST).exists():
        raise ValueError(f"there is no run to resume in {out}: no {LAST}; without --resume a new one starts")
    return out / LAST


def default_folders(name: str) -> Iterator[Path]:
    """runs/transformer, runs/transformer-2, ..."""
    return (Path("runs", name if i == 1 else f"{name}-{i}") for i in count(1))


def how_to_resume(run: Run, folder: Path | None) -> str:
    logged = "" if folder is None else f" --log {folder}"
    return f"python {sys.argv[0]} --resume --out {run.out}{logged}"


def show(run: Run) -> None:
    """What is about to be trained, what counting reaches, and that the model cannot look ahead."""
    train, val = split(run.ids)
    print(f"{run.text.name}: {len(run.ids):,} characters, {len(run.vocabulary)} distinct; "
          f"{len(train):,} to train on, {len(val):,} to validate")  # fmt: skip
    run.counts = ngram.count_models(train, val, len(run.vocabulary))
    print("what counting reaches on them, in nats a character: "
          + ", ".join(f"{name} {loss:.3f}" for name, loss in run.counts))  # fmt: skip
    parameters = sum(p.size for p in run.model.parameters())
    print(f"{run.settings.model}: {parameters:,} parameters; causality: editing the second half of a block "
          f"changes the predictions in its first half by {report.leak(run)}")  # fmt: skip
