"""What these programs have in common: options, and errors told in one line."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path

from . import checks


def base(doc: str, out: str) -> argparse.ArgumentParser:
    """A parser that tells the first paragraph of `doc`, with the options --seed and --out."""
    made = argparse.ArgumentParser(description=doc.split("\n\n")[0])
    add = made.add_argument
    add("--seed", type=int, default=1, help="of all randomness (default %(default)s)")
    add("--out", type=Path, default=Path(out), metavar="DIR", help="folder to write to (default %(default)s)")
    return made


def parser(doc: str, *, epochs: int, batch: int, width: int, lr: float, out: str) -> argparse.ArgumentParser:
    """The same with the options of every program that trains on digits."""
    made = base(doc, out)
    add = made.add_argument
    add("--epochs", type=int, default=epochs, help="times that every digit is seen (default %(default)s)")
    add("--batch", type=int, default=batch, help="digits in a step (default %(default)s)")
    add("--width", type=int, default=width, help="channels of the first layers (default %(default)s)")
    add("--lr", type=float, default=lr, help="highest learning rate (default %(default)s)")
    return made


def at_least(least: float, options: argparse.Namespace, *names: str) -> None:
    """Raise ValueError for an option below `least`, nan or infinite."""
    for name in names:
        value, option = getattr(options, name), f"--{name.replace('_', '-')}"
        if not value >= least:
            raise ValueError(f"{option} must be {least} or more, not {value}")
        if value == math.inf:
            raise ValueError(f"{option} must be finite, not {value}")


def between(least: float, most: float, options: argparse.Namespace, *names: str) -> None:
    """Raise ValueError for an option that is not from `least` to `most`."""
    for name in names:
        if not least <= getattr(options, name) <= most:
            raise ValueError(f"--{name} must be from {least} to {most:,}, not {getattr(options, name)}")


def attempt(
    run: Callable[[argparse.Namespace], int | None],
    options: argparse.Namespace,
    needs: tuple[str, ...] = ("matplotlib", "sklearn"),
) -> int:
    """The exit code: what run(options) returns, or 0; 2 after an error and 130 after Ctrl-C, each told.

    `needs` are the packages that it imports beside NumPy. Options below their least are errors here, those
    that all digit programs have; a program checks its own.
    """
    try:
        checks.require(*needs)
        at_least(1, options, *({"epochs", "batch", "width"} & vars(options).keys()))
        at_least(0, options, *({"lr", "seed"} & vars(options).keys()))
        checks.writable(options.out)
        return run(options) or 0
    except (OSError, ValueError, RuntimeError, FloatingPointError, ModuleNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped", file=sys.stderr)
        return 130
