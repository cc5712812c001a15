"""Parameters and buffers whose shape is learned from the first input of their module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..autograd.arrays import DTypeLike
from .devices import dtype_for
from .registry import Parameter, Registry

__all__ = ["UninitializedBuffer", "UninitializedParameter"]


class UninitializedBuffer:
    """Stands for an array of which the dtype alone is known; whatever asks for more gets a ValueError."""

    size = nbytes = 0

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: DTypeLike | None = None):
        self.dtype = dtype_for(self, device, dtype)
        self.requires_grad = requires_grad

    def astype(self, dtype: DTypeLike) -> UninitializedBuffer:
        """The same of another dtype; its shape is unknown still."""
        return UninitializedBuffer(self.requires_grad, dtype=dtype)

    def copy(self) -> UninitializedBuffer:
        """The same; its shape is unknown still."""
        return self.astype(self.dtype)

    def materialize(self, shape: tuple[int, ...]) -> np.ndarray:
        """An array of this shape, its numbers undefined."""
        return np.empty(shape, self.dtype)

    def __getattr__(self, name: str):
        if name[:2] == "__":  # which copy and pickle look for
            raise AttributeError(name)
        raise ValueError(f"no {name} is known: {UNKNOWN}")

    def _refuse(self, *_, **__):
        raise ValueError(f"there are no numbers: {UNKNOWN}")

    __array__ = __getitem__ = __setitem__ = __len__ = __iter__ = _refuse

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


UNKNOWN = (
    "the shape of a lazy module's parameters and buffers is learned from its first input; call the model "
    "once with a batch of the right shape before they are used or given to an optimizer"
)


class UninitializedParameter(Parameter):
    """A Parameter of which the dtype alone is known; its `data` is an UninitializedBuffer.

    It can be cast, frozen, copied, pickled and given a shape by `materialize`, which makes an ordinary
    Parameter of it, the same object. Anything else raises ValueError.
    """

    __slots__ = ()

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: DTypeLike | None = None):
        self.data: Any = UninitializedBuffer(requires_grad, device, dtype)
        self.edge = None

    @property
    def requires_grad(self) -> bool:
        """Whether the Parameter that it becomes wants a gradient; can be set."""
        return self.data.requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        self.data.requires_grad = wanted

    def become(self, data: Any) -> None:
        """Take another placeholder for the array `data`, as a cast makes it; its shape is unknown still."""
        self.data = data

    def materialize(self, shape: tuple[int, ...], device: Any = None, dtype: DTypeLike | None = None) -> None:
        """Become a Parameter of this shape, its numbers undefined; ValueError for another device than cpu."""
        wanted = self.requires_grad
        dtype = dtype_for(self, device, self.data.dtype if dtype is None else dtype)
        self.data = np.empty(shape, dtype)
        self.__class__ = Parameter  # type: ignore[assignment]
        self.requires_grad = wanted

    def __deepcopy__(self, memo) -> UninitializedParameter:
        twin = memo[id(self)] = UninitializedParameter(self.requires_grad, dtype=self.data.dtype)
        return twin

    __copy__ = lambda self: self.__deepcopy__({})  # noqa: E731

    def __reduce__(self):
        return UninitializedParameter, (self.requires_grad, None, self.data.dtype)

    def __repr__(self) -> str:
        return "<UninitializedParameter>"


def is_lazy(value: Any) -> bool:
    """Whether `value` is a parameter or buffer without a shape yet."""
    return isinstance(value, (UninitializedParameter, UninitializedBuffer))


def of(module: Registry) -> Iterator[tuple[Registry, str, str, Any]]:
    """(owner, its attribute, dotted path, value) of what has no shape yet in a module and all below it."""
    for path, owner in module.named_modules():
        for name, value in vars(owner).items():
            if is_lazy(value):
                yield owner, name, f"{path}.{name}" if path else name, value


class Shaped:
    """A context in which what has no shape takes that of an array in `state`; taken back if it fails."""

    def __init__(self, module: Registry, state: Mapping[str, Any]):
        self.found = [item for item in of(module) if item[2] in state and not is_lazy(state[item[2]])]
        self.state = state

    def __enter__(self) -> None:
        for owner, name, key, value in self.found:
            shape = np.shape(self.state[key])
            if isinstance(value, UninitializedParameter):
                value.materialize(shape)
            else:
                vars(owner)[name] = value.materialize(shape)

    def __exit__(self, kind, error, traceback) -> None:
        if kind is None:
            return
        for owner, name, _, value in self.found:
            if isinstance(value, Parameter):
                placeholder: Any = UninitializedBuffer(value.requires_grad, dtype=value.dtype)
                value.edge = value._leaf = None
                value.__class__ = UninitializedParameter
                value.data = placeholder
            else:
                vars(owner)[name] = value
