"""All parameters, buffers and modules in a module, found by looking at the instance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.arrays import ArrayLike, DTypeLike, Shape

HOLDERS = (list, tuple, dict)


class Parameter(Tensor):
    """A Tensor that a module trains: a leaf of `data` that requires a gradient.

    It has the few methods of PyTorch's that programs ask parameters for while they count, freeze and place
    them; its numbers are `data`, an ndarray.
    """

    __slots__ = ()

    def __init__(self, data: ArrayLike, requires_grad: bool = True, dtype: DTypeLike | None = None):
        super().__init__(data, requires_grad, dtype)

    @classmethod
    def empty(
        cls, shape: Shape, dtype: DTypeLike | None = np.float32, requires_grad: bool = True
    ) -> Parameter:
        """One of this shape whose numbers are undefined yet: no memory is touched before they are written.

        Parameter(np.empty(shape)) would copy it. TypeError where a gradient is wanted of integers.
        """
        made = cls.__new__(cls)
        made.data, made.edge = np.empty(shape, dtype), None
        if requires_grad:
            made.requires_grad = True
        return made

    def requires_grad_(self, requires_grad: bool = True) -> Parameter:
        """Train it from now on, or not; returns it."""
        self.requires_grad = requires_grad
        return self

    def numel(self) -> int:
        """The number of its elements, `size`."""
        return self.size

    def dim(self) -> int:
        """The number of its axes, `ndim`."""
        return self.ndim

    @property
    def device(self) -> str:
        """Where it is: "cpu"."""
        return "cpu"


class Traversal:
    """The part of Module that walks through what is inside, in the order in which it was assigned."""

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """(name, module) of the modules that are attributes of this one, each once."""
        return _each_once(self._children())

    def _children(self) -> list[tuple[str, Any]]:
        """The same, a module that has two names twice."""
        return [(name, value) for name, value in vars(self).items() if isinstance(value, Traversal)]

    def named_modules(
        self, memo: set[Any] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """(dotted path, module) of this module ("") and all below it, each module once.

        `memo` has modules that are left out; those that were named join it. With remove_duplicate=False a
        module comes under each of its names.
        """
        return _visited(self, prefix, memo, set() if remove_duplicate else None)

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """(dotted path, parameter), each parameter once, under its first name.

        With recurse=False of this module alone; with remove_duplicate=False one that is shared comes under
        each of its names. TypeError for modules or parameters in a list that is no ModuleList, which would
        not be among them.
        """
        for module in self.modules():
            for name, value in vars(module).items():
                if isinstance(value, HOLDERS):
                    self._check_holder(name, value, module)
        return self._parameters_found(prefix, recurse, remove_duplicate)

    def _parameters_found(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        named = self._named(prefix, lambda module: list(vars(module)), recurse, remove_duplicate)
        found = ((name, value) for name, value in named if isinstance(value, Parameter))
        return _each_once(found) if remove_duplicate else found

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, np.ndarray]]:
        """(dotted path, array) of all buffers, without those that are None, each once.

        `recurse` and `remove_duplicate` as in named_parameters.
        """
        named = self._named(prefix, lambda m: vars(m).get("_persistent", ()), recurse, remove_duplicate)
        found = ((name, value) for name, value in named if value is not None)
        return _each_once(found) if remove_duplicate else found

    def _named(self, prefix: str, names: Callable, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        """(dotted path, value) of the attributes `names(module)` of this module and all below it."""
        modules = self.named_modules(None, prefix, once) if recurse else [(prefix, self)]
        for path, module in modules:
            for name in names(module):
                yield (f"{path}.{name}" if path else name), vars(module)[name]

    def children(self) -> Iterator[Any]:
        """The modules that are attributes of this one, each once."""
        return (child for _, child in self.named_children())

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """This module and all below it, each once, or under each of its names."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """All parameters, each once; with recurse=False of this module alone."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def buffers(self, recurse: bool = True) -> Iterator[np.ndarray]:
        """All buffers, without those that are None; with recurse=False of this module alone."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _check_holder(self, name: str, value: Any, owner: Traversal | None = None) -> None:
        """Raise TypeError where a list, tuple or dict has modules or parameters that are nowhere else."""
        inside = [] if name[:1] == "_" else list(_held_in(value))
        if not inside:
            return
        known = {id(m) for m in self.modules()} | {id(p) for _, p in self._parameters_found()}
        if all(id(item) in known for item in inside):
            return
        keeper = "ModuleDict" if isinstance(value, dict) else "ModuleList"
        where = f"{kind(self if owner is None else owner)}.{name}"
        raise TypeError(
            f"{where} is a {kind(value)} with a {kind(inside[0])}, which would be neither trained nor "
            f"saved: use nn.{keeper} for modules, nn.{keeper.replace('Module', 'Parameter')} for parameters; "
            "under a name that begins with _ they are left aside"
        )


def _visited(
    module: Any, path: str, memo: set[Any] | None, seen: set[int] | None
) -> Iterator[tuple[str, Any]]:
    """What named_modules gives; `seen` are ids, None where a module comes under each of its names.

    No function of a function, which would know itself: a cycle for each call.
    """
    if (seen is not None and id(module) in seen) or (memo is not None and module in memo):
        return
    if seen is not None:
        seen.add(id(module))
        if memo is not None:
            memo.add(module)
    yield path, module
    for name, child in module._children():
        yield from _visited(child, f"{path}.{name}" if path else name, memo, seen)


def _each_once(named: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    seen: dict[int, Any] = {}  # what is known by its id is kept alive
    for name, value in named:
        if id(value) not in seen:
            seen[id(value)] = value
            yield name, value


def _held_in(value: Any) -> Iterator[Any]:
    """Modules and parameters in a list, tuple or dict, and in those inside it."""
    for item in value.values() if isinstance(value, dict) else value:
        if isinstance(item, (Traversal, Parameter)):
            yield item
        elif isinstance(item, HOLDERS):
            yield from _held_in(item)


def kind(value: Any) -> str:
    """The name of its class."""
    return type(value).__name__
