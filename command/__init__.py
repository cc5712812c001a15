"""The program `tapegrad`: published models at the command line, one file for each subcommand.

A subcommand has SUMMARY and EXAMPLE for its help, `arguments(parser)`, and `run(args)`, which imports what it
needs, so that help comes at once, and returns nothing.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from .usage import UsageError

__all__ = ["main"]

COMMANDS = ("generate", "embed", "graph", "inspect")
SUMMARY = "Language models on NumPy: folders and files in Hugging Face's formats."
EXAMPLE = """\
examples:
  tapegrad generate gpt2/ --prompt "Once upon a time" --max-new-tokens 50
  tapegrad inspect gpt2/

FOLDER holds config.json and weights, as `hf download NAME --local-dir FOLDER`
fetches them. `tapegrad COMMAND --help` tells more. Exit codes: 0, 1 for what
went wrong, 2 for arguments that do not fit, 130 after Ctrl-C."""
INTERRUPTED = 130  # as shells count programs that a signal ends: 128 + its number
UNREAD = 141


class Parser(argparse.ArgumentParser):
    """Wrong arguments are one line too."""

    def __init__(self, **options):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with the arguments `argv`, those of the process unless given; returns the exit code."""
    args = _parser().parse_args(argv)
    if sys.stdin is None:  # closed: nothing comes
        sys.stdin = io.StringIO()
    if sys.stdout is None:  # and nobody reads
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    try:
        args.run(args)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # whoever read this has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush when Python ends
        return UNREAD
    except UsageError as error:
        print(f"tapegrad {args.command}: {error} (see tapegrad {args.command} --help)", file=sys.stderr)
        return 2
    except Exception as error:
        if args.traceback:
            raise
        print(f"tapegrad {args.command}: {_line(error).removeprefix('generate: ')}", file=sys.stderr)
        return 1
    return 0


def _parser() -> Parser:
    parser = Parser(prog="tapegrad", description=SUMMARY, epilog=EXAMPLE)
    parser.add_argument("--version", action=Version, help="print the version")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, title="commands")
    for name in COMMANDS:
        module = import_module(f".{name}", __name__)
        text = module.SUMMARY
        own = commands.add_parser(name, help=text, description=text, epilog=module.EXAMPLE)
        module.arguments(own)
        own.add_argument("--traceback", action="store_true", help="show where in the program an error arose")
        own.set_defaults(run=module.run)
    return parser


class Version(argparse.Action):
    """Looked up when it is asked for."""

    def __init__(self, option_strings, dest, **options):
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser, *_):
        from .. import __version__

        print(f"tapegrad {__version__}")
        parser.exit()


def _line(error: Exception) -> str:
    """What an error says, in one line; its class too where it is none that the package raises on purpose."""
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    if not text:
        return type(error).__name__
    expected = (OSError, ValueError, TypeError, IndexError, ImportError, RuntimeError)
    return (
        text if isinstance(error, expected) else f"{type(error).__name__}: {text} (--traceback tells where)"
    )
