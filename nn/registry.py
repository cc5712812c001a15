"""What a module holds: parameters, buffers and modules are attributes, found by looking at the instance."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.arrays import ArrayLike
from .mappings import Held
from .traversal import HOLDERS, Parameter, Traversal
from .traversal import kind as _kind

ARRAYS = (Tensor, np.ndarray)
NUMBERS = (bool, int, float, complex, np.generic)
FREE = ("label", "count", "index", "remove", "reverse")  # methods that PyTorch's modules have not


class Buffer(Tensor):
    """What makes a buffer of an array where it is assigned: module.mean = nn.Buffer(array).

    As after register_buffer(name, data, persistent) the attribute is then the array `data`.
    """

    __slots__ = ("persistent",)

    def __init__(self, data: ArrayLike, *, persistent: bool = True):
        super().__init__(data)
        self.persistent = persistent


class Registry(Traversal):
    """The part of Module that decides what may be put where, and finds it by name."""

    _persistent: dict[str, bool]  # name of a buffer -> whether it belongs to the state_dict
    _hooks: Any

    def __setattr__(self, name: str, value: Any) -> None:
        own = self.__dict__
        if isinstance(value, (Parameter, Registry)):
            if "_persistent" in own:
                own["_persistent"].pop(name, None)
        elif isinstance(value, Buffer):
            return self.register_buffer(name, value.data, value.persistent)
        elif value is not None:
            self._check_value(name, value)
        if "_hooks" in own and name in own["_hooks"].computed:
            own["_hooks"].computed[name].assign(self, name, value)
        else:
            object.__setattr__(self, name, value)

    def _check_value(self, name: str, value: Any) -> None:
        """Raise TypeError where `value` would put a parameter, a module or a buffer out of sight."""
        held = self.__dict__.get(name)
        if isinstance(held, (Parameter, Registry)):
            way = f"assign nn.Parameter(array) or write its numbers, .{name}.data[...] = array"
            raise TypeError(
                f"{_kind(self)}.{name} is a {_kind(held)}, and no {_kind(value)} takes its place: "
                f"{way if isinstance(held, Parameter) else 'assign a Module'}; or del it first"
            )
        if isinstance(value, HOLDERS):
            self._check_holder(name, value)
        fits = isinstance(value, (*ARRAYS, *NUMBERS)) or hasattr(value, "materialize")
        if name in self.__dict__.get("_persistent", ()) and not fits:
            raise TypeError(
                f"{_kind(self)}.{name} is a buffer, and no {_kind(value)} takes its place: assign an array, "
                "a Tensor, a number or None; or del it first"
            )

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        self.__dict__.get("_persistent", {}).pop(name, None)

    def __getattr__(self, name: str):
        hooks = self.__dict__.get("_hooks")
        if hooks is not None and name in hooks.computed:
            return hooks.value_of(self, name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        hooks = self.__dict__.get("_hooks")
        names = {*object.__dir__(self), *(() if hooks is None else hooks.computed)}
        return sorted(name for name in names if name.isidentifier())  # not the "0" of a Sequential

    # ------------------------------------------------------------------ by name

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

    def register_buffer(self, name: str, tensor: ArrayLike | None, persistent: bool = True) -> None:
        """Keep `tensor`, an array that is no parameter, or None: in the state_dict too, if persistent.

        What is assigned to its name later is the buffer then. KeyError and TypeError as of add_module.
        """
        array: Any = tensor.data if isinstance(tensor, Tensor) else tensor
        if array is not None and not hasattr(array, "materialize"):  # a placeholder of a lazy module's
            array = np.asarray(array)
        if array is not None and array.dtype.kind not in "fiubc":
            raise TypeError(f"{_kind(self)}: {name!r} is to be a buffer, an array, got {_kind(tensor)}")
        if name not in self.__dict__.get("_persistent", ()):
            _check_name(self, name, ())
        self.__dict__.setdefault("_persistent", {})[name] = persistent
        setattr(self, name, array)

    @property
    def _modules(self) -> Held:
        return Held(self, lambda _, value: isinstance(value, Registry), self.register_module)

    @property
    def _parameters(self) -> Held:
        return Held(self, lambda _, value: isinstance(value, Parameter), self.register_parameter)

    @property
    def _buffers(self) -> Held:
        kept = self.__dict__.get("_persistent", {})
        return Held(
            self,
            lambda name, value: name in kept,
            lambda name, value: self.register_buffer(name, value, kept.get(name, True)),
        )

    def get_submodule(self, target: str) -> Any:
        """The module with this dotted path, itself for ""; AttributeError where there is none."""
        found: Any = self
        for name in target.split(".") if target else ():
            found = getattr(found, name)
            if not isinstance(found, Registry):
                raise AttributeError(f"{name!r} in {target!r} is no module of {type(self).__name__}")
        return found

    def set_submodule(self, target: str, module: Registry, strict: bool = False) -> None:
        """Put `module` at this dotted path.

        ValueError for the empty path and for what is no module. AttributeError where no module is on the way,
        where something else has that name, and with `strict` where nothing has it yet.
        """
        if not target or not isinstance(module, Registry):
            what = f"to {target!r}" if not target else f"a {_kind(module)}"
            raise ValueError(f"{_kind(self)}.set_submodule sets a Module at the path of one, not {what}")
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if (strict or hasattr(owner, name)) and not isinstance(getattr(owner, name), Registry):
            raise AttributeError(f"{name!r} in {target!r} is no module of {type(self).__name__}")
        setattr(owner, name, module)

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
        if name not in vars(owner).get("_persistent", ()):
            raise AttributeError(f"{target!r} is no buffer of {type(self).__name__}")
        return getattr(owner, name)


def _register(module: Registry, name: str, value: Any, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        wanted = "Parameter" if kind is Parameter else "Module"
        raise TypeError(f"{_kind(module)}: {name!r} is to be a {wanted}, got {_kind(value)}")
    _check_name(module, name, (kind, type(None)))
    setattr(module, name, value)


def _check_name(module: Registry, name: str, kinds: tuple) -> None:
    """Raise KeyError unless `name` is free or that of a thing of these kinds, TypeError for no string."""
    if not isinstance(name, str):
        raise TypeError(f"{_kind(module)}: a name is a string, not {name!r}")
    own = vars(module)
    taken = not isinstance(own[name], kinds) if name in own else name not in FREE and hasattr(module, name)
    if not name or "." in name or taken:
        raise KeyError(f"{_kind(module)}: {name!r} is empty, has a dot or is an attribute already")
