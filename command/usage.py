"""What is wrong with arguments and standard input, where argparse and Python do not say it."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager


class UsageError(Exception):
    """Arguments that do not fit or mean nothing; the exit code is 2."""


def as_text(given: str) -> str:
    """For argparse, a text as it was given; an error for bytes that are none, which Python disguises."""
    try:
        given.encode()
    except UnicodeEncodeError:
        raise ArgumentTypeError("it is no text in UTF-8") from None
    return given


@contextmanager
def reading_text() -> Iterator[None]:
    """Inside, standard input is read: ValueError for bytes that are no text.

    Where the locale is C or POSIX, Python would hand them on in disguise (PEP 540).
    """
    if getattr(sys.stdin, "errors", None) == "surrogateescape" and hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(errors="strict")
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"standard input is no text in {error.encoding}: {error.reason}") from None
