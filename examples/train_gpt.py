"""Train nanoGPT's character models as nanoGPT does: the same model, settings, schedule and estimate.

The preset `shakespeare-char-cpu` is what nanoGPT's README gives for a computer without a GPU: it reaches a
validation loss of 1.88 there. `shakespeare-char` is the larger one, for a GPU: before it starts, the run says
how long it will take here. The best and the last checkpoint are kept, the losses drawn, and a text continued.
"""

from __future__ import annotations

import argparse
import sys

from common import session
from common.nanogpt import PRESETS, NanoRun, Settings


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        epilog="Without options: 4 layers of 128 features, 2,000 steps of 12 blocks of 64 characters of tiny "
        "Shakespeare, in about two minutes.",
    )
    add = parser.add_argument
    add("--preset", choices=PRESETS, help=f"what all other settings are by default ({Settings.preset})")
    add("--steps", type=int, help=default("steps", "optimizer steps"))
    parser.set_defaults(minutes=None)
    session.add_options(parser)
    size = parser.add_argument_group("model and training")
    for name, kind, meaning in (
        ("block", int, "characters in a block"),
        ("batch", int, "blocks in a step"),
        ("width", int, "features of a character (n_embd)"),
        ("heads", int, "attention heads"),
        ("layers", int, "layers"),
        ("dropout", float, "dropout probability"),
        ("lr", float, "highest learning rate (AdamW)"),
        ("min-lr", float, "last learning rate"),
        ("warmup", int, "steps until the highest"),
        ("weight-decay", float, "of AdamW, for matrices"),
        ("eval-interval", int, "steps from one evaluation to the next"),
        ("eval-batches", int, "random batches in an evaluation, of training and of validation text"),
    ):
        size.add_argument(f"--{name}", type=kind, help=default(name.replace("-", "_"), meaning))
    return parser.parse_args(arguments)


def default(name: str, meaning: str) -> str:
    """The help of an option: its meaning, and its value in each preset where they differ."""
    values = [preset.get(name, getattr(Settings, name)) for preset in PRESETS.values()]
    return f"{meaning} (default {' or '.join(map(str, dict.fromkeys(values)))})"


def main(arguments: list[str] | None = None) -> int:
    return session.attempt(parse(arguments), NanoRun)


if __name__ == "__main__":
    sys.exit(main())
