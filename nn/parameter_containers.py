"""Modules that hold parameters, and whatever is put among them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from operator import index as integer
from typing import Any

import numpy as np

from ..autograd import Tensor
from .container import pairs_of
from .module import Module, Parameter

__all__ = ["ParameterDict", "ParameterList"]


class ParameterList(Module):
    """A list of parameters, named "0", "1", ...

    Tensors and arrays become Parameters; anything else is kept as it is. TypeError where it is called.
    """

    def __init__(self, values: Iterable[Any] | None = None):
        self._size = 0
        if values is not None:
            self.extend(values)

    def append(self, value: Any) -> ParameterList:
        """Add a value at the end; returns the list."""
        setattr(self, str(self._size), _as_parameter(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add values at the end; returns the list, TypeError for a Tensor or what has no values."""
        if not isinstance(values, Iterable) or isinstance(values, (Tensor, np.ndarray)):
            raise TypeError(f"ParameterList.extend takes a list of values, not a {type(values).__name__}")
        for value in values:
            self.append(value)
        return self

    def pop(self, key: int | slice = -1) -> Any:
        """The value at a place, or those of a slice, which is taken out; IndexError where there is none."""
        found = self[key]
        del self[key]
        return found

    def __getitem__(self, idx: Any) -> Any:
        if isinstance(idx, slice):
            return type(self)([self[i] for i in range(len(self))[idx]])
        return getattr(self, self._name(idx))

    def __setitem__(self, idx: int, param: Any) -> None:
        name = self._name(idx)
        value = _as_parameter(param)
        if isinstance(vars(self)[name], Parameter) and not isinstance(value, Parameter):
            delattr(self, name)
        setattr(self, name, value)

    def __delitem__(self, idx: int | slice) -> None:
        kept = list(self)
        del kept[idx if isinstance(idx, slice) else int(self._name(idx))]
        for i in range(len(self)):
            delattr(self, str(i))
        self._size = 0
        self.extend(kept)

    def _name(self, idx: Any) -> str:
        place = integer(idx)
        if not -len(self) <= place < len(self):
            raise IndexError(f"ParameterList of {len(self)} values has none at {place}")
        return str(place % len(self))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return iter([self[i] for i in range(len(self))])

    def __iadd__(self, parameters: Iterable[Any]) -> ParameterList:
        return self.extend(parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("ParameterList is no layer and should not be called")

    def extra_repr(self) -> str:
        return ", ".join(map(_shown, self))


class ParameterDict(Module):
    """Parameters by name, in the order in which they came; those of a dict are sorted, as PyTorch does.

    Tensors and arrays become Parameters; anything else is kept as it is. TypeError for a name that is no
    string, KeyError for one that is an attribute, TypeError where it is called.
    """

    def __init__(self, parameters: Any = None):
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if self._key(key) not in self._keys:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        if self._key(key) not in self._keys and (hasattr(self, key) or not key or "." in key):
            raise KeyError(f"ParameterDict cannot use the name {key!r}: empty, with a dot, or an attribute")
        value = _as_parameter(value)
        if isinstance(vars(self).get(key), Parameter) and not isinstance(value, Parameter):
            delattr(self, key)
        setattr(self, key, value)
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[self._key(key)]
        delattr(self, key)

    def _key(self, key: Any) -> str:
        if not isinstance(key, str):
            raise TypeError(f"ParameterDict has names, which are strings, not {key!r}")
        return key

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def copy(self) -> ParameterDict:
        """Another ParameterDict of the same parameters."""
        return ParameterDict(OrderedDict(self.items()))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of `key`, which is `default` from now on if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self) -> None:
        """Take all out."""
        for key in list(self._keys):
            del self[key]

    def pop(self, key: str) -> Any:
        """The value of `key`, which is taken out; KeyError where there is none."""
        found = self[key]
        del self[key]
        return found

    def popitem(self) -> tuple[str, Any]:
        """The last (key, value), which is taken out; KeyError where there is none."""
        if not self._keys:
            raise KeyError("popitem of an empty ParameterDict")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, or `default` where there is none."""
        return default if key not in self._keys else self[key]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Another ParameterDict, with `default` under each of these keys."""
        return ParameterDict((key, default) for key in keys)

    def keys(self) -> KeysView[str]:
        """Its names."""
        return self._keys.keys()

    def items(self) -> ItemsView[str, Any]:
        """Its (name, value)."""
        return {key: self[key] for key in self._keys}.items()

    def values(self) -> ValuesView[Any]:
        """Its values."""
        return {key: self[key] for key in self._keys}.values()

    def update(self, parameters: Any) -> None:
        """Add what is in a mapping or in pairs of name and value; TypeError or ValueError for neither."""
        pairs = pairs_of("ParameterDict", parameters)
        ordered = isinstance(parameters, OrderedDict) or not isinstance(parameters, Mapping)
        for key, value in pairs if ordered else sorted(pairs, key=lambda pair: pair[0]):
            self[key] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError("ParameterDict is no layer and should not be called")

    def __or__(self, other: ParameterDict) -> ParameterDict:
        both = self.copy()
        both.update(other)
        return both

    def __ror__(self, other: ParameterDict) -> ParameterDict:
        both = other.copy()
        both.update(self)
        return both

    def __ior__(self, other: ParameterDict) -> ParameterDict:
        self.update(other)
        return self

    def extra_repr(self) -> str:
        return ", ".join(f"{key}: {_shown(value)}" for key, value in self.items())


def _as_parameter(value: Any) -> Any:
    """Tensors and arrays as Parameters, as they are to be trained."""
    tensor = isinstance(value, (Tensor, np.ndarray)) and not isinstance(value, Parameter)
    return Parameter(value) if tensor else value


def _shown(value: Any) -> str:
    name = type(value).__name__
    return f"{name} {value.dtype}{list(value.shape)}" if isinstance(value, Tensor) else name
