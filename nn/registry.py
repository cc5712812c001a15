"""What a module holds: parameters, buffers and modules are attributes, found by looking at the instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import NoneType
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.arrays import ArrayLike, DTypeLike

HOLDERS = (list, tuple, dict)


class Parameter(Tensor):
    """A Tensor that a module trains: a leaf of `data` that requires a gradient."""

    __slots__ = ()

    def __init__(self, data: ArrayLike, requires_grad: bool = True, dtype: DTypeLike | None = None):
        super().__init__(data, requires_grad, dtype)


class Registry:
    """The part of Module that knows what is inside."""

    _buffers: dict[str, bool]  # name -> whether it belongs to the state_dict

    def __setattr__(self, name: str, value: Any) -> None:
        held = self.__dict__.get(name)
        if isinstance(held, (Parameter, Registry)) and not isinstance(value, (Parameter, Registry, NoneType)):
            way = f"assign nn.Parameter(array) or write its numbers, .{name}.data[...] = array"
            raise TypeError(
                f"{_kind(self)}.{name} is a {_kind(held)}, and no {_kind(value)} takes its place: "
                f"{way if isinstance(held, Parameter) else 'assign a Module'}; or del it first"
            )
        if isinstance(value, HOLDERS):
            self._check_holder(name, value)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self.__dict__.get("_buffers", {}).pop(name, None)

    def add_module(self, name: str, module: Registry | None) -> None:
        """setattr(self, name, module).

        KeyError for a name that is taken, empty or has a dot, TypeError for what is no module.
        """
        _register(self, name, module, Registry)

    def register_module(self, name: str, module: Registry | None) -> None:
        """add_module(name, module), with its KeyError and TypeError."""
        _register(self, name, module, Registry)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """setattr(self, name, param); KeyError and TypeError as of add_module."""
        _register(self, name, param, Parameter)

    def get_submodule(self, target: str) -> Any:
        """The module with this dotted path, itself for ""; AttributeError where there is none."""
        found: Any = self
        for name in target.split(".") if target else ():
            found = getattr(found, name)
            if not isinstance(found, Registry):
                raise AttributeError(f"{name!r} in {target!r} is no module of {type(self).__name__}")
        return found

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with this dotted path; AttributeError where there is none."""
        path, _, name = target.rpartition(".")
        found = getattr(self.get_submodule(path), name)
        if not isinstance(found, Parameter):
            raise AttributeError(f"{target!r} is no parameter of {type(self).__name__}")
        return found

    def get_buffer(self, target: str) -> np.ndarray:
        """The buffer with this dotted path; AttributeError where there is none."""
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if name not in vars(owner).get("_buffers", ()):
            raise AttributeError(f"{target!r} is no buffer of {type(self).__name__}")
        return getattr(owner, name)

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """(name, module) of the modules that are attributes of this one."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Registry))

    def named_modules(self, *, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """(dotted path, module) of this module ("") and all below it, each module once."""
        seen: set[int] = set()

        def visit(module: Any, path: str):
            if id(module) in seen:
                return
            seen.add(id(module))
            yield path, module
            for name, child in module.named_children():
                yield from visit(child, f"{path}.{name}" if path else name)

        return visit(self, prefix)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """(dotted path, parameter), each parameter once, under its first name.

        TypeError for modules or parameters in a list that is no ModuleList, which would not be among them.
        """
        for module in self.modules():
            for name, value in vars(module).items():
                if isinstance(value, HOLDERS):
                    self._check_holder(name, value, module)
        return self._parameters_found(prefix)

    def _parameters_found(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        seen: set[int] = set()
        for name, value in self._named(prefix, lambda module: list(vars(module))):
            if isinstance(value, Parameter) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
        """(dotted path, array) of all buffers, without those that are None."""
        named = self._named(prefix, lambda m: vars(m).get("_buffers", ()))
        return ((name, value) for name, value in named if value is not None)

    def _named(self, prefix: str, names: Callable) -> Iterator[tuple[str, Any]]:
        """(dotted path, value) of the attributes `names(module)` of this module and all below it."""
        for path, module in self.named_modules(prefix=prefix):
            for name in names(module):
                yield (f"{path}.{name}" if path else name), vars(module)[name]

    def children(self) -> Iterator[Any]:
        """The modules that are attributes of this one."""
        return (child for _, child in self.named_children())

    def modules(self) -> Iterator[Any]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def buffers(self) -> Iterator[np.ndarray]:
        """All buffers, without those that are None."""
        return (buffer for _, buffer in self.named_buffers())

    def register_buffer(self, name: str, tensor: ArrayLike | None, persistent: bool = True) -> None:
        """Keep `tensor`, an array that is no parameter, or None: in the state_dict too, if persistent."""
        self.__dict__.setdefault("_buffers", {})[name] = persistent
        setattr(self, name, None if tensor is None else np.asarray(tensor))

    def _check_holder(self, name: str, value: Any, owner: Registry | None = None) -> None:
        """Raise TypeError where a list, tuple or dict has modules or parameters that are nowhere else."""
        inside = [] if name[:1] == "_" else list(_held_in(value))
        if not inside:
            return
        known = {id(m) for m in self.modules()} | {id(p) for _, p in self._parameters_found()}
        if all(id(item) in known for item in inside):
            return
        keeper = "ModuleDict" if isinstance(value, dict) else "ModuleList"
        where = f"{_kind(self if owner is None else owner)}.{name}"
        raise TypeError(
            f"{where} is a {_kind(value)} with a {_kind(inside[0])}, which would be neither trained nor "
            f"saved: use nn.{keeper} for modules, an attribute each (setattr) for parameters; under a name "
            "that begins with _ they are left aside"
        )

    def __getattr__(self, name: str):
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


def _register(module: Registry, name: str, value: Any, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        wanted = "Parameter" if kind is Parameter else "Module"
        raise TypeError(f"{_kind(module)}: {name!r} is to be a {wanted}, got {_kind(value)}")
    if not name or "." in name or (hasattr(module, name) and not isinstance(vars(module).get(name), kind)):
        raise KeyError(f"{_kind(module)}: {name!r} is empty, has a dot or is an attribute already")
    setattr(module, name, value)


def _held_in(value: Any) -> Iterator[Any]:
    """Modules and parameters in a list, tuple or dict, and in those inside it."""
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (Registry, Parameter)):
            yield item
        elif isinstance(item, HOLDERS):
            yield from _held_in(item)


def _kind(value: Any) -> str:
    return type(value).__name__
