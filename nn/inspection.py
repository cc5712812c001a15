"""What Surroundings ask of pieces of a program: names in code, whose code it is, which are generators."""

from __future__ import annotations

import pickle
import sys
from functools import lru_cache
from types import CodeType
from typing import Any, NamedTuple

ANY_NAME = {"getattr", "vars", "__dict__", "attrgetter"}  # whoever says these may read any attribute


READING = ("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER_ATTR", "IMPORT_FROM")


class Used(NamedTuple):
    """The names in a piece of code: globals, imports, and attributes of whatever that are read or set."""

    globals: list[str]
    modules: list[str]
    read: set[str]
    set: set[str]


@lru_cache(maxsize=4096)
def names_in(code: CodeType) -> Used:
    """Names in code and in the functions that it makes."""
    import dis  # which takes milliseconds

    used = Used([], [], set(), set())
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL"):
            used.globals.append(step.argval)
        elif step.opname == "IMPORT_NAME":
            used.modules.append(step.argval)
        elif step.opname in READING:
            used.read.add(step.argval)
        elif step.opname == "STORE_ATTR":
            used.set.add(step.argval)
        elif isinstance(step.argval, CodeType):
            inner = names_in(step.argval)
            used.globals.extend(inner.globals)
            used.modules.extend(inner.modules)
            used.read.update(inner.read)
            used.set.update(inner.set)
    used.read.update(ANY_NAME.intersection(used.globals))
    return used._replace(globals=list(dict.fromkeys(used.globals)))


@lru_cache(maxsize=4096)
def is_own(module: Any) -> bool:
    """Whether a module is a program's own: not tapegrad, the standard library or an installed package."""
    if not isinstance(module, str):  # some classes written in C have none
        return False
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top in ("tapegrad", "numpy", "builtins"):
        return False
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return "site-packages" not in file and "dist-packages" not in file


def own_attributes(holder: Any) -> set[str]:
    """Names of attributes that an object has itself, in a dict or in slots."""
    try:
        names = set(getattr(holder, "__dict__", ()))
    except Exception:  # it does not say
        return set()
    for cls in type(holder).__mro__:
        slots = vars(cls).get("__slots__", ())
        names.update((slots,) if isinstance(slots, str) else slots)
    return names


def is_generator(value: Any) -> bool:
    python, numpy = sys.modules.get("random"), sys.modules.get("numpy.random")
    kinds = [python.Random] if python else []
    return isinstance(value, (*kinds, *((numpy.Generator, numpy.RandomState) if numpy else ())))


def state_of(generator: Any) -> bytes:
    """Where a generator, or the module of a global one, stands."""
    if hasattr(generator, "get_state"):
        return pickle.dumps(generator.get_state())
    return pickle.dumps(
        generator.getstate() if hasattr(generator, "getstate") else generator.bit_generator.state
    )
