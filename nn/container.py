"""Modules that hold modules."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from operator import index as integer
from typing import Any

from .module import Module

__all__ = ["ModuleDict", "ModuleList", "Sequential"]


class Numbered(Module, MutableSequence):
    """Modules in a row, under names that are numbers unless they were named otherwise."""

    def append(self, module: Module) -> Any:
        """Add a module at the end; returns the container, TypeError for what is no module."""
        setattr(self, str(len(self)), _checked(self, module))
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module in before the one at `index`, those behind it renamed; returns the container.

        TypeError for what is no module.
        """
        modules = list(self)
        modules.insert(index, _checked(self, module))
        self._replace_all(modules)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end; returns the container, TypeError for what is none."""
        if not isinstance(modules, Iterable):
            raise TypeError(f"{type(self).__name__}.extend takes modules, not {type(modules).__name__}")
        for module in [_checked(self, module) for module in modules]:
            self.append(module)
        return self

    def pop(self, key: int | slice = -1) -> Any:
        """The module at a place, or those of a slice, which is taken out; IndexError where there is none."""
        found = self[key]
        del self[key]
        return found

    def _replace_all(self, modules: list[Module]) -> None:
        for name, _ in self._children():
            delattr(self, name)
        for module in modules:
            self.append(module)

    def __len__(self) -> int:
        return len(self._children())

    def __iter__(self) -> Iterator[Module]:
        return iter([module for _, module in self._children()])

    def __getitem__(self, index: Any) -> Any:
        children = self._children()
        if isinstance(index, slice):
            return self._of(children[index])
        return children[self._place(index)][1]

    def _of(self, named: list[tuple[str, Module]]) -> Any:
        made: Any = type(self)
        return made([module for _, module in named])

    def __setitem__(self, index: Any, module: Any) -> None:
        if isinstance(index, slice):
            modules = list(self)
            modules[index] = [_checked(self, given) for given in module]
            self._replace_all(modules)
        else:
            setattr(self, self._children()[self._place(index)][0], _checked(self, module))

    def __delitem__(self, index: int | slice) -> None:
        modules = list(self)
        del modules[index if isinstance(index, slice) else self._place(index)]
        self._replace_all(modules)

    def _place(self, index: Any) -> int:
        """A place from the start; TypeError for no integer, IndexError outside."""
        place = integer(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"{type(self).__name__} of {len(self)} modules has none at {place}")
        return place % len(self)

    def __iadd__(self, modules: Iterable[Module]) -> Any:
        return self.extend(modules)


class ModuleList(Numbered):
    """A list of modules, named "0", "1", ...; TypeError for what is none.

    In addition to what lists have, append, insert and extend return it.
    """

    def __init__(self, modules: Iterable[Module] | None = None):
        if modules is not None:
            self.extend(modules)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])


class Sequential(Numbered):
    """Modules that are called one after the other, each with the output of the one before.

    The first of them says what input is shaped like, the last what the result is. They are given one by one,
    in a list, or in an OrderedDict with their names. TypeError for what is no module.
    """

    def __init__(self, *args: Any):
        alone = args[0] if len(args) == 1 else None
        if isinstance(alone, OrderedDict):
            for name, module in alone.items():
                self.add_module(name, _checked(self, module))
        else:
            self.extend(alone if isinstance(alone, list) else args)

    def forward(self, input: Any) -> Any:
        for _, module in self._children():
            input = module(input)
        return input

    def _of(self, named: list[tuple[str, Module]]) -> Any:
        return type(self)(OrderedDict(named))

    def insert(self, index: int, module: Module) -> Any:
        """Put a module in before the one at `index`, those behind it renamed; returns the container.

        TypeError for what is no module, IndexError for an index outside.
        """
        if not -len(self) <= integer(index) <= len(self):
            raise IndexError(f"Sequential.insert: {index} is outside of {len(self)} modules")
        return super().insert(index, module)

    def extend(self, sequential: Iterable[Module]) -> Any:
        """Add modules at the end; returns the container, TypeError for what is none."""
        return super().extend(sequential)

    def __add__(self, other: Sequential) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self, other: Iterable[Module]) -> Any:  # type: ignore[misc]
        return self.extend(_sequential(other))

    def __mul__(self, other: int) -> Sequential:
        return Sequential(*list(self) * _times(other))

    __rmul__ = __mul__

    def __imul__(self, other: int) -> Any:
        return self.extend(list(self) * (_times(other) - 1))


def _sequential(other: Any) -> Any:
    if not isinstance(other, Sequential):
        raise ValueError(f"Sequential + {type(other).__name__}: add another Sequential, or use extend")
    return other


def _times(factor: Any) -> int:
    if not isinstance(factor, int):
        raise TypeError(f"Sequential * {type(factor).__name__}: the factor is an integer")
    if factor <= 0:
        raise ValueError(f"Sequential * {factor}: the factor is 1 or more")
    return factor


class ModuleDict(Module, MutableMapping):
    """Modules by name.

    TypeError for what is none, KeyError for a name that cannot stand in a dotted path or is an attribute.
    """

    __eq__ = Module.__eq__  # Mapping would compare the contents
    __hash__ = Module.__hash__

    def __init__(self, modules: Any = None):
        if modules is not None:
            self.update(modules)

    def update(self, modules: Any) -> None:  # type: ignore[override]
        """Add the modules of a mapping, or of pairs of name and module.

        TypeError for what is neither, ValueError for what is no pair.
        """
        for name, module in pairs_of("ModuleDict", modules):
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        found = vars(self).get(name)
        if not isinstance(found, Module):
            raise KeyError(name)
        return found

    def __setitem__(self, name: str, module: Module) -> None:
        if not isinstance(name, str):
            raise TypeError(f"ModuleDict has names, which are strings, not {name!r}")
        if hasattr(type(self), name):
            raise KeyError(f"ModuleDict cannot use the name {name!r}, which is one of its own attributes")
        if not name or "." in name:
            raise KeyError(f"ModuleDict cannot use the name {name!r}: it becomes part of a dotted path")
        setattr(self, name, _checked(self, module))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        delattr(self, name)

    def __contains__(self, name: object) -> bool:
        return isinstance(vars(self).get(name), Module)  # type: ignore[call-overload]

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._children()])

    def __len__(self) -> int:
        return len(self._children())


def pairs_of(name: str, given: Any) -> list[tuple[str, Any]]:
    """The names and values of a mapping or of a sequence of pairs; TypeError or ValueError for neither."""
    if isinstance(given, Mapping) or hasattr(given, "items"):
        return list(given.items())
    if not isinstance(given, Iterable):
        raise TypeError(f"{name}.update takes a mapping or pairs of name and value, not a {_kind(given)}")
    pairs = []
    for i, pair in enumerate(given):
        if not isinstance(pair, Iterable):
            raise TypeError(f"{name}.update: element {i} is a {_kind(pair)}, not a pair of name and value")
        pair = tuple(pair)
        if len(pair) != 2:
            raise ValueError(f"{name}.update: element {i} has length {len(pair)}, not a name and a value")
        pairs.append(pair)
    return pairs


def _checked(container: Module, module: Any) -> Any:
    if not isinstance(module, Module):
        raise TypeError(f"{type(container).__name__} holds modules, not {type(module).__name__}")
    return module


def _kind(value: Any) -> str:
    return type(value).__name__
