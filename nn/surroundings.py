"""What a function reads beside its arguments: numbers, arrays and generators that can be found from it."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import cached_property, partial
from itertools import chain
from operator import attrgetter, is_, itemgetter
from types import BuiltinMethodType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import ref

import numpy as np

from ..autograd import Tensor
from . import random
from .inspection import ANY_NAME, is_generator, is_own, names_in, own_attributes, state_of
from .module import Module
from .places import END, PLAIN, Place, attributes, contents

LONGEST = 100  # of lists and dicts that are looked into
MOST = 5000  # objects that are looked at
SAMPLE = 1024  # numbers of a large array that are compared
# Methods that run although nobody names them.
IMPLICIT = {name for name in dir(list) + dir(int) + ["__call__", "__enter__", "__exit__", "__getattr__"]}
IMPLICIT -= {name for name in dir(object)}


class Key:
    """A tuple whose hash, of many numbers, is computed once."""

    def __init__(self, items: tuple):
        self.items = items
        self.hash = hash(items)

    def __hash__(self) -> int:
        return self.hash

    def __eq__(self, other) -> bool:
        return isinstance(other, Key) and self.items == other.items


class Surroundings:
    """All that `roots`, functions and modules, read of the world, as it was when this was made.

    Looked into are attributes of modules; closures, defaults and named globals of functions, of those that
    they name and of methods; attributes that one of these functions names, of objects and classes within
    reach; lists and dicts up to `LONGEST`. The code of tapegrad, of the standard library and of installed
    packages is not. `logs` are lists and dicts that count as empty.
    """

    def __init__(self, roots: Iterable[Any], logs: Iterable[Any] = ()):
        self.objects: list[Any] = []
        self.arrays: list[np.ndarray] = []
        self.tensors: list[Tensor] = []
        self.generators: list[Any] = []
        self._numbers: list[Any] = []  # and how they are arranged
        self._places: list[Place] = []
        self._logs = set(map(id, logs))
        self._seen: dict[int, tuple[int, Any]] = {}  # keeps alive what is known by its id
        self._cells: dict[int, tuple[Any, str]] = {}
        self._globals: dict[int, tuple[dict, dict[str, Any]]] = {}
        self._read: set[str] = set()  # attributes that some function names
        self._set: set[str] = set()  # or assigns to
        self._partly: dict[int, tuple[Any, set[str]]] = {}  # objects, and those attributes that are places
        self._todo: list[Any] = []
        for root in roots:
            self._follow(root)
        self._follow_names()
        self._places += self._shared_places()
        self._places.append(Place((END,), iter, [0], [END], "the end"))  # no more values, and no fewer
        self._saved = [value for place in self._places for value in place.saved]
        self._getters = [(place.values, place.holder) for place in self._places]
        self._frozen = self._which_are_frozen()
        self.key = Key((*self._numbers, *self._frozen))
        self._samples = [(array, _sample_of(array)) for array in self.arrays]

    # ------------------------------------------------------------------ what has changed

    def same(self) -> bool:
        """Whether all is as it was: the numbers, and which objects; not what arrays hold."""
        try:
            now = chain.from_iterable([values(holder) for values, holder in self._getters])
            return all(map(is_, now, self._saved)) and self._which_are_frozen() == self._frozen
        except Exception:  # a name is gone
            return False

    def _which_are_frozen(self) -> list[bool]:
        return [tensor.edge is None for tensor in self.tensors]

    def differs_in_numbers_only(self, other: Surroundings) -> bool:
        return len(self.objects) == len(other.objects) and all(map(is_, self.objects, other.objects))

    def changes(self) -> tuple[list, list[str]]:
        """What is no longer as it was: lists and dicts to which nothing but numbers was added, and the names
        of all else."""
        changed = [(place.holder, place.changed()) for place in self._places]
        if self._which_are_frozen() != self._frozen:
            changed.append((None, "'requires_grad' of a parameter"))
        return [holder for holder, what in changed if what == ""], [what for _, what in changed if what]

    def sample(self, i: int) -> bytes:
        """What tells whether numbers of array `i` changed: all of them, or some if they are many."""
        array, index = self._samples[i]
        return array[index].tobytes()

    def samples(self) -> list[bytes]:
        return [self.sample(i) for i in range(len(self.arrays))]

    def contents(self) -> list[bytes]:
        """Samples of arrays, and of Tensors and their gradients."""
        found = [a for t in self.tensors for a in (t.data, t.grad) if isinstance(a, np.ndarray)]
        return self.samples() + [array[_sample_of(array)].tobytes() for array in found]

    def drawn(self) -> list[bytes]:
        """How far all generators are that random numbers may be drawn from, but for nn's own."""
        own, modules = random.generator(), [sys.modules.get(name) for name in ("random", "numpy.random")]
        return [state_of(g) for g in (*self.generators, *modules) if g is not None and g is not own]

    # ------------------------------------------------------------------ what there is

    def _follow(self, root) -> None:
        self._todo.append(root)
        while self._todo:
            self._look_at(self._todo.pop())

    def _follow_names(self) -> None:
        """Look at the attributes that are named anywhere, until no more turn up."""
        before = -1
        while before != len(self._places):
            before = len(self._places)
            for holder, known in list(self._partly.values()):
                with suppress(Exception):  # it does not let itself be looked at
                    names = sorted(self._named(holder) - known)
                    known.update(names)
                    if names:
                        name = holder.__name__ if isinstance(holder, type) else type(holder).__name__
                        self._place(holder, partial(attributes, names=names), names, name)
                self._follow(None)

    def _named(self, holder: Any) -> set[str]:
        own = own_attributes(holder)
        if self._read & ANY_NAME:
            return own
        if isinstance(holder, type):
            return {n for n in own if n in self._read or n == "forward" or n in IMPLICIT}
        named, cls = self._read | self._set, type(holder)
        if is_own(cls.__module__):  # what may be set one day too, but no properties and methods
            own |= {name for name in named if not hasattr(getattr(cls, name, None), "__get__")}
        return own & named

    def _place(self, holder, values: Callable, names: Iterable, owner: str) -> None:
        saved = list(values(holder))
        self._places.append(Place(holder, values, list(names), saved, owner))
        self._todo.extend(reversed(saved))

    def _look_at(self, value: Any) -> None:
        if issubclass(type(value), PLAIN):  # isinstance would ask what calls itself of another class
            # 0.0 and -0.0 are equal, nan is not, and some scalars cannot be hashed
            exact = repr(value) if isinstance(value, (float, complex, np.generic)) else value
            self._numbers.append((type(value), exact))
            return
        known = id(value) in self._seen
        number = self._seen.setdefault(id(value), (len(self._seen), value))[0]
        self._numbers.append(number)
        if known or number > MOST:
            return
        try:
            self._look_inside(value)
        except Exception:  # it does not let itself be looked at
            self.objects.append(value)

    def _look_inside(self, value: Any) -> None:
        small = isinstance(value, (tuple, list, set, frozenset, deque, dict)) and len(value) <= LONGEST
        if small and isinstance(value, (tuple, frozenset)):
            self._numbers.append(len(value))
            self._todo.extend(reversed(list(value)))
        elif id(value) in self._logs:
            self._numbers.append(() if isinstance(value, dict) else 0)
        elif small and isinstance(value, dict):
            self._numbers.append(tuple(key for key in value if isinstance(key, PLAIN)))
            self._place(value, type(value).values, value, "")
        elif small:
            self._numbers.append(len(value))
            self._place(value, iter, range(len(value)), "")
        else:
            self.objects.append(value)
            self._look_at_object(value)

    def _look_at_object(self, value: Any) -> None:
        kind = type(value)
        if isinstance(value, np.ndarray):
            if value.dtype != object:
                self.arrays.append(value)
        elif isinstance(value, Tensor):
            self.tensors.append(value)
        elif isinstance(value, Module):
            self._numbers.append(tuple(vars(value)))
            self._place(vars(value), dict.values, vars(value), "the model")
            self._todo.append(kind)
        elif isinstance(value, FunctionType):
            self._look_at_function(value)
        elif isinstance(value, type):
            if is_own(value.__module__):
                self._partly[id(value)] = value, set()
            self._todo.extend(value.__bases__)
        elif is_generator(value):
            self.generators.append(value)
        else:
            self._look_at_other(value)

    def _look_at_function(self, fn: FunctionType) -> None:
        if fn.__defaults__ or fn.__kwdefaults__:
            parts = ("__defaults__", "__kwdefaults__")
            self._place(fn, attrgetter(*parts), parts, fn.__name__)
        self._todo.append(vars(fn).get("__wrapped__"))
        for name, cell in zip(fn.__code__.co_freevars, fn.__closure__ or (), strict=True):
            try:
                self._todo.append(cell.cell_contents)
            except ValueError:  # a name that was never assigned
                continue
            self._cells[id(cell)] = cell, name
        if is_own(fn.__globals__.get("__name__")):
            used = names_in(fn.__code__)
            self._read |= used.read
            self._set |= used.set
            named = {name: fn.__globals__[name] for name in used.globals if name in fn.__globals__}
            self._globals.setdefault(id(fn.__globals__), (fn.__globals__, {}))[1].update(named)
            self._todo += [*named.values(), *(sys.modules.get(name) for name in used.modules)]

    def _shared_places(self) -> Iterator[Place]:
        """Those of cells and globals, which are few, so that `same` is fast."""
        cells = [cell for cell, _ in self._cells.values()]
        names = [name for _, name in self._cells.values()]
        yield Place(cells, contents, names, contents(cells), "a function")
        for namespace, named in self._globals.values():
            if named:  # itemgetter of a single name would give the value itself
                get = itemgetter(*named, next(iter(named)))
                yield Place(namespace, get, [*named, ""], list(get(namespace)), namespace["__name__"])

    def _look_at_other(self, value: Any) -> None:
        if isinstance(value, ModuleType):
            if is_own(value.__name__):
                self._partly[id(value)] = value, set()
        elif isinstance(value, ref):
            self._todo.append(value())
        elif not isinstance(value, CodeType):
            names = PARTS.get(type(value)) or vars(type(value)).get("parts", ())
            parts = [getattr(value, name, None) for name in (*names, "__wrapped__")]
            self._todo += [type(value), *parts]
            self._partly[id(value)] = value, set()


# Attributes of what stands for a function.
PARTS: dict[type, tuple[str, ...]] = {
    MethodType: ("__self__", "__func__"),
    BuiltinMethodType: ("__self__",),
    partial: ("func", "args", "keywords"),
    property: ("fget",),
    cached_property: ("func",),
    classmethod: ("__func__",),
    staticmethod: ("__func__",),
}


def _sample_of(array: np.ndarray) -> tuple:
    """An index that takes about SAMPLE numbers from all over an array, or all if they are no more."""
    index, left = [], max(1, -(-array.size // SAMPLE))
    for length in reversed(array.shape):
        step = max(1, min(length, left))
        index.append(slice(None, None, step))
        left = -(-left // step)
    return tuple(reversed(index))
