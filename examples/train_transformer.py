"""Train a character-level Transformer on running text, from nothing to samples.

The encoder reads a block of text and the decoder predicts the block that follows, one character at a time;
with `--model gpt` a decoder alone does both. The run prints what counting characters reaches, shows that the
model cannot look ahead, trains, keeps the best and the last checkpoint, draws the loss and continues a text.
"""

from __future__ import annotations

import argparse
import sys

from common import session
from common.training import Run, Settings


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0],
        epilog="Without options: a Transformer of a million parameters on tiny Shakespeare, in 5 minutes.",
    )
    add = parser.add_argument
    add("--model", choices=("transformer", "gpt"), help="encoder-decoder (default) or decoder only")
    add("--minutes", type=float, help="train for so long (default 4.4, unless --steps is given)")
    add("--steps", type=int, help="train for so many steps; repeatable bit for bit, unlike --minutes")
    session.add_options(parser)
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


def main(arguments: list[str] | None = None) -> int:
    return session.attempt(parse(arguments), Run)


if __name__ == "__main__":
    sys.exit(main())
