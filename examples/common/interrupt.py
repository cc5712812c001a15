"""Ctrl-C between two steps, never in one."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def until_interrupt() -> Iterator[list]:
    """A list that Ctrl-C fills, so that no step is cut in half; a second Ctrl-C interrupts as usual."""
    pressed: list[int] = []

    def note(signum, frame) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(signum)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
