"""What a loss and a model hold besides parameters, and what of it a call of the loss may change."""

from __future__ import annotations

import copy
import dis
import sys
from collections.abc import Iterator
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from ..module import Module
from .streams import Stream, is_stream, shared_streams

LIBRARIES = {__name__.partition(".")[0], "numpy", *sys.stdlib_module_names}  # they hold nothing of the user's
PLAIN = (int, float, complex, str, bytes, tuple, type(None))
MOST = 1000  # items of a list that are looked at: a longer one is data


class Held:
    """The random number streams that `roots` hold, and how everything else that they hold was at this time.

    Looked into are modules, functions (what they close over, their defaults, the globals that they use),
    objects of the user's classes, and lists, dicts and sets of all these. `restore` puts back attributes and
    buffers of modules, numbers elsewhere, and what is in lists, dicts and sets.
    """

    def __init__(self, *roots: Any):
        self.streams: list[Stream] = []
        self._seen: dict[int, Any] = {}  # kept alive, so that no id is used twice
        self._contents: list[tuple[Any, Any]] = []  # of lists, dicts, sets, arrays and modules
        self._cells: list[tuple[Any, Any]] = []
        self._attributes: list[tuple[dict, set]] = []  # which an object has
        self._numbers: list[tuple[dict, dict]] = []  # among them, and among globals
        left = list(roots)
        while left:
            item = left.pop()
            if id(item) not in self._seen:
                self._seen[id(item)] = item
                left.extend(self._look_into(item))

    def _look_into(self, item: Any) -> list[Any]:
        """Note what can change in `item`, and give back what it holds."""
        if is_stream(item):
            self.streams.append(item)
        elif isinstance(item, (list, set, dict)):
            self._contents.append((item, copy.copy(item)))
            return list(item.values() if isinstance(item, dict) else item) if len(item) <= MOST else []
        elif isinstance(item, tuple):
            return list(item)
        elif isinstance(item, partial):
            return [item.func, *item.args, *item.keywords.values()]
        elif isinstance(item, MethodType):
            return [item.__func__, item.__self__]
        elif isinstance(item, Module):
            self._contents.append((vars(item), dict(vars(item))))
            arrays = [x for x in vars(item).values() if isinstance(x, np.ndarray) and x.flags.writeable]
            self._contents += [(x, x.copy()) for x in arrays]
            return [*vars(item).values(), type(item).forward]
        elif not _of_library(item) and isinstance(item, FunctionType):
            return self._of_function(item)
        elif not _of_library(type(item)) and hasattr(item, "__dict__") and not isinstance(item, type):
            self._attributes.append((vars(item), set(vars(item))))
            self._note_numbers(vars(item), list(vars(item)))
            return [*vars(item).values(), getattr(type(item), "__call__", None)]  # noqa: B004
        return []

    def _of_function(self, function: FunctionType) -> list[Any]:
        found = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        for cell in function.__closure__ or ():
            try:
                self._cells.append((cell, cell.cell_contents))
                found.append(cell.cell_contents)
            except ValueError:  # nothing in it yet
                pass
        space = function.__globals__
        used = [name for name in _globals_of(function.__code__) if name in space]
        self._note_numbers(space, used)
        return found + [space[name] for name in used]

    def _note_numbers(self, space: dict, names: list[str]) -> None:
        self._numbers.append((space, {name: space[name] for name in names if isinstance(space[name], PLAIN)}))

    def restore(self) -> None:
        for cell, value in self._cells:
            cell.cell_contents = value
        for space, names in self._attributes:
            for name in space.keys() - names:
                del space[name]
        for space, before in self._numbers:
            space.update(before)
        for item, before in self._contents:
            if isinstance(item, np.ndarray):
                item[...] = before
            elif isinstance(item, list):
                item[:] = before
            else:  # it never lacks what it had: another thread may be looking
                item.update(before)
                for key in [key for key in item if key not in before]:
                    item.pop(key) if isinstance(item, dict) else item.remove(key)


def streams_of(model: Module, loss: Any, threads: bool) -> list[Stream]:
    """What a worker with this model may draw from that no other worker draws from: np.random, random and
    generators that it holds if it is a process, attributes of its copy of the model if it is a thread."""
    if not threads:
        return [*shared_streams(), *Held(model, loss).streams]
    shared = Held(loss).streams
    attributes = [value for module in model.modules() for value in vars(module).values()]
    own = {id(x): x for x in attributes if is_stream(x) and not any(x is s for s in shared)}
    return list(own.values())


def _of_library(item: Any) -> bool:
    return (getattr(item, "__module__", None) or "").partition(".")[0] in LIBRARIES


def _globals_of(code: CodeType) -> Iterator[str]:
    """The globals that a function uses, and the functions written inside of it."""
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield step.argval
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _globals_of(constant)
