"""Train a character-level Transformer on running text, from nothing to samples.

The encoder reads a block of text and the decoder predicts the block that follows, one character at a time;
with `--model gpt` a decoder alone does both. The run prints what counting characters reaches, shows that the
model cannot look ahead, trains, keeps the best and the last checkpoint, draws the loss and continues a text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path

from common import checks, log, ngram, report, text
from common.batches import split
from common.training import Run, Settings

from tapegrad import nn
from tapegrad.autograd import keep_memory

LAST = "last.safetensors"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        epilog="Without options: a Transformer of a million parameters on tiny Shakespeare, in 5 minutes.",
    )
    add = parser.add_argument
    add(
        "--data",
        metavar="TEXT",
        help="'shakespeare' (downloaded once), 'stdlib' (Python's own source, no network) or the path of a "
        "UTF-8 text file; default: shakespeare if it can be had, else stdlib",
    )
    add("--model", choices=("transformer", "gpt"), help="encoder-decoder (default) or decoder only")
    add("--minutes", type=float, help="train for so long (default 4.4, unless --steps is given)")
    add("--steps", type=int, help="train for so many steps; repeatable bit for bit, unlike --minutes")
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
        help="go on from the last checkpoint, with its model and data; --steps and --minutes are totals, "
        "and may be raised",
    )
    add(
        "--log",
        type=Path,
        metavar="DIR",
        help="write losses, rate, norms, histograms and samples for TensorBoard into this folder; give it to "
        "--resume too",
    )
    add("--prompt", help="the text to continue at the end (default: the start of the validation text)")
    add("--sample", type=int, default=400, metavar="N", help="characters to write (default %(default)s)")
    add(
        "--workers",
        type=number_or_auto,
        metavar="N",
        help="processes that share each batch (default auto: one for each core; with 1, the BLAS library "
        "uses the cores where matrices are large)",
    )
    size = parser.add_argument_group("model and training")
    for name, kind, meaning in (
        ("block", int, "characters in a block"),
        ("batch", int, "blocks in a step"),
        ("width", int, "features of a character (d_model)"),
        ("heads", int, "attention heads"),
        ("layers", int, "layers of the encoder, and of the decoder"),
        ("dropout", float, "dropout probability"),
        ("lr", float, "highest learning rate (AdamW)"),
        ("weight-decay", float, "of AdamW, for matrices"),
    ):
        size.add_argument(
            f"--{name}", type=kind, help=f"{meaning} (default {getattr(Settings, name.replace('-', '_'))})"
        )
    return parser.parse_args(arguments)


def number_or_auto(value: str) -> int | str:
    try:
        return value if value == "auto" else int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is neither a number nor 'auto'") from None


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    run = None
    keep_memory()  # activations are allocated at every step: do not hand the pages back in between
    try:
        checks.require("matplotlib", "tqdm")
        if options.sample < 0:
            raise ValueError(f"--sample must not be negative, not {options.sample}")
        run = resume(options) if options.resume else start(options)
        prompt = (
            run.vocabulary.encode(options.prompt) if options.prompt else run.val_ids[: run.settings.block]
        )
        checks.writable(run.out)
        if options.log is not None:
            log.check(options.log, options.resume)
        show(run)
        if not run.train(options.log):
            print(f"\nStopped at step {run.step:,}; saved. To go on: {how_to_resume(run, options.log)}")
            return 130
        report.draw(run.history, run.counts, run.out / "loss.png")
        loss = run.test_best()
        print(
            f"validation loss {loss:.3f} (best checkpoint, all of the validation text), {run.step:,} steps, "
            f"{run.seconds:,.0f} s; checkpoints and loss.png are in {run.out}"
        )
        report.write_samples(run, prompt, options.sample)
    except (OSError, ValueError, RuntimeError, FloatingPointError, ModuleNotFoundError) as error:
        advice = "; a smaller --lr may help" if isinstance(error, FloatingPointError) else ""
        print(f"error: {error}{advice}", file=sys.stderr)
        if run is not None and run.step and (run.out / LAST).exists():
            print(f"To go on from the last checkpoint: {how_to_resume(run, options.log)}", file=sys.stderr)
        return 2
    return 0


def start(options: argparse.Namespace) -> Run:
    """A new run with the settings of the command line."""
    given = {k: v for k, v in vars(options).items() if k in Settings.__dataclass_fields__ and v is not None}
    if "steps" in given:
        given.setdefault("minutes", None)
    settings = Settings(**given)
    out = options.out or next(path for path in default_folders(settings.model) if not path.exists())
    if (out / LAST).exists():
        raise ValueError(f"{out} holds a run already: --resume goes on with it, another --out starts anew")
    data = text.load(settings.data)
    settings.data = {"tiny Shakespeare": "shakespeare"}.get(data.name, settings.data or "stdlib")
    nn.manual_seed(settings.seed)
    return Run(settings, data, out)


def resume(options: argparse.Namespace) -> Run:
    """The run whose last checkpoint is in --out; only --steps, --minutes and --workers may change."""
    out = options.out
    if out is None:
        runs = sorted(Path("runs").glob(f"*/{LAST}"), key=lambda path: path.stat().st_mtime)
        if not runs:
            raise ValueError(f"there is no run to resume: no runs/*/{LAST}; name its folder with --out")
        out = runs[-1].parent
    path = out / LAST
    if not path.exists():
        raise ValueError(f"there is no run to resume in {out}: no {LAST}; without --resume a new one starts")
    stored = nn.load(path)
    if stored.get("settings", {}).keys() != Settings.__dataclass_fields__.keys():
        raise ValueError(f"{path} is a checkpoint, but not one that this program made")
    settings = Settings(**stored["settings"])
    fixed = [
        k
        for k, v in vars(options).items()
        if k in stored["settings"] and v not in (None, stored["settings"][k])
    ]
    fixed = [k for k in fixed if k not in ("steps", "minutes", "workers")]
    if fixed:
        raise ValueError(
            f"--{', --'.join(fixed)} cannot change when {path} is resumed; start a new --out instead"
        )
    if options.steps is not None or options.minutes is not None:
        settings = replace(settings, steps=options.steps, minutes=options.minutes)
    if options.workers is not None:
        settings = replace(settings, workers=options.workers)
    run = Run(settings, text.load(settings.data), out)
    run.load(path)
    return run


def default_folders(model: str) -> Iterator[Path]:
    """runs/transformer, runs/transformer-2, ..."""
    return (Path("runs", model if i == 1 else f"{model}-{i}") for i in count(1))


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


if __name__ == "__main__":
    sys.exit(main())
