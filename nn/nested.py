"""Dicts, lists and tuples of arrays, numbers and words: as JSON beside a flat dict of the arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd import Tensor

PLAIN = (bool, int, float, str, type(None))  # what JSON holds; keys of dicts too


def as_saved(value: Any) -> np.ndarray:
    """A C-contiguous array in the machine's byte order, as the checksum has it."""
    array = value.data if isinstance(value, Tensor) else np.asarray(value)
    return np.asarray(array, dtype=array.dtype.newbyteorder("="), order="C")


def flatten(value: Any, arrays: dict[str, np.ndarray], name: str = "") -> Any:
    """What JSON holds of `value`; its arrays go into `arrays`, called after the keys that lead to them.

    Every dict, list, tuple and array becomes a dict of one item, whose key says what it was. Raises TypeError
    for what is none of these and no number, word or None, naming the place.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, (Tensor, np.ndarray)):
        array = as_saved(value)
        if array.dtype.kind not in "biufc":
            raise TypeError(
                f"nn.save: {name or 'this'} is an array of {array.dtype}, and only numbers are saved"
            )
        key = name or "value"
        while key in arrays:  # {"a.b": ..., "a": {"b": ...}}
            key += "_"
        arrays[key] = array
        return {"tensor" if isinstance(value, Tensor) else "array": key}
    inside = f"{name}." if name else ""
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, PLAIN):
                raise TypeError(
                    f"nn.save: {name or 'the dict'} has a key of {type(key).__name__}: {key!r:.40}"
                )
        return {"dict": [[key, flatten(item, arrays, f"{inside}{key}")] for key, item in value.items()]}
    if isinstance(value, (list, tuple)):
        items = [flatten(item, arrays, f"{inside}{i}") for i, item in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    kind = type(value).__name__
    advice = f"; save the {kind}'s state_dict()" if hasattr(value, "state_dict") else ""
    raise TypeError(
        f"nn.save: {name or 'this'} is a {kind}, and what is saved are dicts, lists and tuples of arrays, "
        f"numbers and words{advice}"
    )


def unflatten(built: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """The value that `flatten` took apart."""
    if not isinstance(built, dict):
        return built
    ((kind, content),) = built.items()
    if kind == "dict":
        return {key: unflatten(item, arrays) for key, item in content}
    if kind in ("list", "tuple"):
        items = [unflatten(item, arrays) for item in content]
        return items if kind == "list" else tuple(items)
    return Tensor(arrays[content]) if kind == "tensor" else arrays[content]
