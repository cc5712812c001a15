"""Tensors whose arrays are Traced to the context that captures, and to nobody else."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from ..tensor import Tensor
from .trace import NotReplayableError, Traced, capturing

_data = Tensor.__dict__["data"]
_class = object.__dict__["__class__"]
_lock = threading.Lock()
_captures: dict[int, int] = {}  # by id of a Tensor, in how many captures it takes part at the moment


@contextmanager
def shown(tensors: Sequence[Tensor]) -> Iterator[None]:
    """Inside, `data` of these Tensors is a Traced view wherever a capture is under way, else as ever.

    Other threads may use them meanwhile. A look at the context at each reading of `data` costs too much for
    every day, so the Tensors are of another class for as long as this lasts.
    """
    with _lock:
        for tensor in tensors:
            _captures[id(tensor)] = count = _captures.get(id(tensor), 0) + 1
            if count == 1:
                _class.__set__(tensor, _class_like(type(tensor)))  # type: ignore[arg-type]
    try:
        yield
    finally:
        with _lock:
            for tensor in tensors:
                _captures[id(tensor)] -= 1
                if not _captures[id(tensor)]:
                    del _captures[id(tensor)]
                    _class.__set__(tensor, tensor.__class__)


def _seen(tensor: Tensor):
    data, capture = _data.__get__(tensor), capturing.get()
    if capture is None or isinstance(data, Traced):
        return data
    return capture.views.setdefault(id(data), data.view(Traced))


def _set(tensor: Tensor, data) -> None:
    if capturing.get() is not None:
        raise NotReplayableError("the array of a parameter is replaced")
    _data.__set__(tensor, data)


@lru_cache(maxsize=64)
def _class_like(cls: Any) -> Any:
    """A subclass of `cls`, a class of Tensors, that passes for it, in copies and pickles too."""

    def original(value):
        return cls if value is made else tuple(map(original, value)) if type(value) is tuple else value

    def reduce(self, protocol):
        return original(cls.__reduce_ex__(self, protocol))

    def deepcopy(self, memo):
        twin = cls.__deepcopy__(self, memo)
        _class.__set__(twin, cls)
        return twin

    namespace = {
        "__slots__": (),
        "__module__": cls.__module__,
        "__qualname__": cls.__qualname__,
        "__class__": property(lambda _: cls),
        "__reduce_ex__": reduce,
        "__deepcopy__": deepcopy,
        "data": property(_seen, _set),
    }
    made = type(cls)(cls.__name__, (cls,), namespace)
    return made
