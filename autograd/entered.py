"""`with` blocks around a call that change more than context variables, for those who run it again later."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar

Enter = Callable[[], AbstractContextManager]
entered: ContextVar[tuple[Enter, ...]] = ContextVar("what makes the blocks, outermost first", default=())


@contextmanager
def entering(enter: Enter) -> Iterator[None]:
    """`with enter():` which the second run of a checkpoint that is called inside enters again.

    That run is part of backward, and the block may have been left by then.
    """
    token = entered.set((*entered.get(), enter))
    try:
        with enter():
            yield
    finally:
        entered.reset(token)
