"""A batch of samples: each of their fields stacked into one Tensor."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor, stack
from .rows import Rows, empty

__all__ = ["default_collate", "default_convert"]

WAY_OUT = "give the DataLoader a collate_fn that makes the batch"


class Unlike(RuntimeError):  # noqa: N818  (a RuntimeError for whoever catches it)
    """Samples that cannot be stacked: `pair` are two of them, as places in the batch."""

    def __init__(self, text: str, pair: tuple[int, int] = (0, 0)):
        super().__init__(text)
        self.pair = pair


def default_collate(batch: Sequence[Any]) -> Any:
    """One batch from a sequence of samples that are alike, `batch`.

    Tensors, ndarrays and numbers become a Tensor with one more axis in front, (len(batch), ...): Python
    floats are float64, ints int64. Strings and bytes stay as they are. Of mappings, dataclasses, namedtuples
    and lists each field is collated; a tuple gives a list. The Tensors are constants, unless a sample
    requires a gradient. ValueError for no samples, RuntimeError for arrays whose shapes differ and sequences
    whose lengths do, KeyError for a missing key, OverflowError for ints beyond 64 bits, TypeError for what is
    none of these.
    """
    if not len(batch):
        raise ValueError("default_collate: the batch has no samples")
    return batch.collated() if isinstance(batch, Rows) else _collated(batch, "")


def default_convert(data: Any) -> Any:
    """`data` with each ndarray of numbers in it as a Tensor: what a DataLoader without batches gives.

    Looked into are mappings, dataclasses, namedtuples, lists and tuples; all else stays as it is.
    """
    if isinstance(data, (Tensor, str, bytes)):
        return data
    if isinstance(data, (np.ndarray, np.bool_, np.number)):
        return Tensor(np.asarray(data)) if data.dtype.kind in "fiub" else data
    if _is_record(data):
        return _record_like(data, default_convert)
    if isinstance(data, tuple):
        return [default_convert(x) for x in data]
    if isinstance(data, Sequence):
        return _list_like(data, [default_convert(x) for x in data])
    return data


def _collated(batch: Sequence[Any], path: str) -> Any:
    first = batch[0]
    if isinstance(first, Tensor):
        if any(isinstance(x, Tensor) and x.requires_grad for x in batch):
            return stack(list(batch))
        return _stacked([x.data if isinstance(x, Tensor) else x for x in batch], path)
    if isinstance(first, np.ndarray):
        return _stacked(batch, path)
    if isinstance(first, (np.bool_, np.number, float, int)):
        return _numbers(batch, path)
    if isinstance(first, (str, bytes)):
        return batch
    if _is_record(first):
        return _record(batch, path)
    if isinstance(first, Sequence):
        return _sequence(batch, path)
    where = f" in field {path}" if path else ""
    kind = f"{type(first).__module__}.{type(first).__qualname__}".removeprefix("builtins.")
    raise TypeError(
        "default_collate: batch must contain Tensors, ndarrays, numbers, strings, dicts or lists; found "
        f"{kind}{where}; {WAY_OUT}"
    )


def _stacked(arrays: Sequence[Any], path: str) -> Tensor:
    first = arrays[0]
    shape, dtype = first.shape, first.dtype
    for i, array in enumerate(arrays):
        if not isinstance(array, np.ndarray):
            raise Unlike(_unlike(path, "kinds", "an array", f"a {type(array).__name__}", i), (0, i))
        if array.shape != shape:
            raise Unlike(_unlike(path, "shapes", shape, array.shape, i), (0, i))
        if array.dtype != dtype:
            dtype = np.result_type(dtype, array.dtype)
    if dtype.kind not in "fiub":
        where = f" in field {path}" if path else ""
        raise TypeError(f"default_collate: found an array of {dtype}{where}, not of numbers; {WAY_OUT}")
    out = empty((len(arrays), *shape), dtype)
    if shape:  # joined along an axis that is there: half the time of np.stack for small arrays
        np.concatenate(arrays, out=out.reshape(len(arrays) * shape[0], *shape[1:]))
    else:
        out[...] = arrays
    return Tensor(out)


def _numbers(batch: Sequence[Any], path: str) -> Tensor:
    for i, x in enumerate(batch):
        if not isinstance(x, (np.bool_, np.number, float, int)):
            kinds = type(batch[0]).__name__, type(x).__name__
            raise Unlike(_unlike(path, "kinds", *kinds, i), (0, i))
    array = np.array(batch)
    if array.dtype.kind not in "ib" and all(isinstance(x, int) for x in batch):
        raise OverflowError(f"default_collate: {max(batch, key=abs)} does not fit into int64; {WAY_OUT}")
    return Tensor(array)


def _record(batch: Sequence[Any], path: str) -> Any:
    """Of mappings, dataclasses and namedtuples, whose fields have names."""
    first = batch[0]
    for i, sample in enumerate(batch):
        if type(sample) is not type(first):
            kinds = type(first).__name__, type(sample).__name__
            raise Unlike(_unlike(path, "kinds", *kinds, i), (0, i))

    def column(name: Any) -> Any:
        try:
            values = [_field(sample, name) for sample in batch]
        except KeyError:
            i = next(i for i, sample in enumerate(batch) if name not in sample)
            raise KeyError(
                f"default_collate: sample {i} of the batch has no {path}[{name!r}]; it has {list(batch[i])}"
            ) from None
        if isinstance(first, Mapping):
            return _collated(values, f"{path}[{name!r}]")
        return _collated(tuple(values) if isinstance(first, tuple) else values, f"{path}.{name}")

    return _record_like(first, column, by_name=True)


def _sequence(batch: Sequence[Any], path: str) -> Any:
    first = batch[0]
    for i, sample in enumerate(batch):
        if not isinstance(sample, Sequence) or len(sample) != len(first):
            sizes = len(first), len(sample) if hasattr(sample, "__len__") else type(sample).__name__
            raise Unlike(_unlike(path, "lengths", *sizes, i), (0, i))
    columns = [_collated(column, f"{path}[{k}]") for k, column in enumerate(zip(*batch, strict=True))]
    return columns if isinstance(first, tuple) else _list_like(first, columns)


def _unlike(path: str, what: str, first: Any, other: Any, i: int) -> str:
    where = f" in field {path}" if path else ""
    return (
        f"default_collate: samples of different {what}{where} cannot be stacked: {first} in sample 0 of the "
        f"batch, {other} in sample {i}; make them alike (pad, crop), or {WAY_OUT}"
    )


# ---------------------------------------------------------------------- the same container, other values


def _is_record(value: Any) -> bool:
    if isinstance(value, Mapping) or (isinstance(value, tuple) and hasattr(value, "_fields")):
        return True
    return dataclasses.is_dataclass(value) and not isinstance(value, type)


def _field(sample: Any, name: Any) -> Any:
    return sample[name] if isinstance(sample, Mapping) else getattr(sample, name)


def _record_like(value: Any, make: Callable[[Any], Any], by_name: bool = False) -> Any:
    """The same kind of record, whose fields are made from those of `value`, or from their names."""
    if isinstance(value, Mapping):
        made = {name: make(name if by_name else value[name]) for name in value}
        try:
            if isinstance(value, MutableMapping):
                own = copy.copy(value)  # it may have more than its items
                own.update(made)
                return own
            return type(value)(made)  # type: ignore[call-arg]
        except TypeError:
            return made
    if isinstance(value, tuple):
        return type(value)(*[make(n if by_name else getattr(value, n)) for n in value._fields])  # type: ignore
    names = [field.name for field in dataclasses.fields(value) if field.init]
    return dataclasses.replace(value, **{n: make(n if by_name else getattr(value, n)) for n in names})


def _list_like(value: Sequence[Any], made: list) -> Any:
    """The same kind of sequence, with these items."""
    try:
        if isinstance(value, MutableSequence):
            own = copy.copy(value)
            for i, item in enumerate(made):
                own[i] = item
            return own
        return type(value)(made)  # type: ignore[call-arg]
    except TypeError:  # a range, for instance
        return made
