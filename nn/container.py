"""Modules that hold modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping, MutableSequence
from typing import Any

from .module import Module


class ModuleList(Module, MutableSequence):
    """A list of modules, named "0", "1", ...; TypeError for what is none."""

    def __init__(self, modules: Iterable[Module] = ()):
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> None:
        """Add a module at the end; TypeError for what is none."""
        setattr(self, str(len(self)), _checked(self, module))

    def insert(self, index: int, module: Module) -> None:
        """Put a module in before the one at `index`, those behind it renamed; TypeError for what is none."""
        modules = list(self)
        modules.insert(index, module)
        self._replace_all(modules)

    def _replace_all(self, modules: list[Module]) -> None:
        for module in modules:
            _checked(self, module)
        for name, _ in list(self.named_children()):
            delattr(self, name)
        for module in modules:
            self.append(module)

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return iter(list(self.children()))

    def __getitem__(self, index):
        found = list(self)[index]
        return type(self)(found) if isinstance(index, slice) else found

    def __setitem__(self, index, module) -> None:
        modules = list(self)
        modules[index] = module
        self._replace_all(modules)

    def __delitem__(self, index) -> None:
        modules = list(self)
        del modules[index]
        self._replace_all(modules)


class Sequential(ModuleList):
    """Modules that are called one after the other, each with the output of the one before.

    The first of them says what input is shaped like, the last what the result is.
    """

    def __init__(self, *modules: Module):
        super().__init__(modules[0] if len(modules) == 1 and isinstance(modules[0], list) else modules)

    def forward(self, input: Any) -> Any:
        for module in self.children():
            input = module(input)
        return input


class ModuleDict(Module, MutableMapping):
    """Modules by name.

    TypeError for what is none, KeyError for a name that cannot stand in a dotted path or is an attribute.
    """

    __eq__ = Module.__eq__  # Mapping would compare the contents
    __hash__ = Module.__hash__

    def __init__(self, modules: Mapping[str, Module] | None = None):
        self.update(modules or {})

    def __getitem__(self, name: str) -> Module:
        return dict(self.named_children())[name]

    def __setitem__(self, name: str, module: Module) -> None:
        if hasattr(type(self), name):
            raise KeyError(f"ModuleDict cannot use the name {name!r}, which is one of its own attributes")
        if not name or "." in name:
            raise KeyError(f"ModuleDict cannot use the name {name!r}: it becomes part of a dotted path")
        setattr(self, name, _checked(self, module))

    def __delitem__(self, name: str) -> None:
        if name not in self:
            raise KeyError(name)
        delattr(self, name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self.named_children()])

    def __len__(self) -> int:
        return sum(1 for _ in self.children())


def _checked(container: Module, module: Module) -> Module:
    if not isinstance(module, Module):
        raise TypeError(f"{type(container).__name__} holds modules, not {type(module).__name__}")
    return module
