"""An exception of a worker on its way to the caller."""

from __future__ import annotations

import pickle
import traceback
from contextlib import suppress
from typing import Any


class Lines(str):
    """A text whose repr is itself: a KeyError shows that of what it is given."""

    def __repr__(self) -> str:
        return str(self)


class Failure:
    """An exception with its traceback as text, and its class as far as another process knows that."""

    def __init__(self, error: BaseException, where: str):
        lines = traceback.format_exception(type(error), error, error.__traceback__)
        if not hasattr(error, "add_note"):  # Python 3.10 does not show notes
            lines += [f"{line}\n" for line in getattr(error, "__notes__", ())]
        name = type(error).__name__
        self.text = f"Caught {name} in DataLoader worker {where}.\nOriginal {''.join(lines)}".rstrip()
        self.classes = [c for c in type(error).__mro__ if issubclass(c, Exception)] or [RuntimeError]

    def __getstate__(self) -> dict[str, Any]:
        packed = []
        for each in self.classes:
            with suppress(Exception):  # defined in a function, perhaps: then a base of it
                packed.append(pickle.dumps(each))
        return {"text": self.text, "classes": packed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.text, self.classes = state["text"], []
        for packed in state["classes"]:
            with suppress(Exception):  # a module that only the worker has
                self.classes.append(pickle.loads(packed))

    def exception(self) -> BaseException:
        """The exception anew, of the first of its classes that can be made of a text."""
        for kind in self.classes:
            if issubclass(kind, (StopIteration, StopAsyncIteration)):
                break  # these would end the caller's loop
            with suppress(Exception):
                error = kind(Lines(self.text) if issubclass(kind, KeyError) else self.text)
                if type(error) is kind and self.text in str(error):
                    return error
        return RuntimeError(self.text)
