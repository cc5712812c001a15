"""Arrays as files hold them: mapped into memory, and made into NumPy's when they are looked at."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

# ------------------------------------------------------------------------------------ dtypes


def _from_bfloat16(bits: np.ndarray) -> np.ndarray:
    """It is the upper half of a float32."""
    wide = bits.astype(np.uint32)
    wide <<= 16
    return wide.view(np.float32)


def _from_e5m2(bits: np.ndarray) -> np.ndarray:
    """It is the upper half of a float16."""
    wide = bits.astype(np.uint16)
    wide <<= 8
    with np.errstate(invalid="ignore"):  # nan
        return wide.view(np.float16).astype(np.float32)


def _from_e4m3(bits: np.ndarray) -> np.ndarray:
    """A float16 without the first bit of its exponent and seven of its fraction, 2^8 times as large.

    The largest numbers are nan, and none is infinite: Micikevicius et al. 2022, FP8 Formats for Deep Learning
    (arXiv:2209.05433).
    """
    wide = bits.view(np.int8).astype(np.int16)  # the sign in all upper bits
    wide <<= 7
    wide &= ~0x4000
    numbers = wide.view(np.float16).astype(np.float32)
    numbers *= 256
    numbers[bits & 0x7F == 0x7F] = np.nan
    return numbers


BFLOAT16 = np.dtype([("bfloat16", "<u2")])  # NumPy has no such numbers
DTYPES = {"BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4"}
DTYPES |= {"U64": "<u8", "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8"}
BESIDE = {"C128": "<c16"}  # in files of torch alone
# What is no array as it lies there: how bytes are looked at, what is made of them, and of which dtype: of
# flags too, which are 0 or 1 in whole files alone.
MADE: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray], type]] = {
    "BF16": ("<u2", _from_bfloat16, np.float32),
    "F8_E4M3": ("u1", _from_e4m3, np.float32),
    "F8_E5M2": ("u1", _from_e5m2, np.float32),
    "BOOL": ("u1", lambda bits: bits.astype(bool), np.bool_),
}


def itemsize(code: str) -> int | None:
    """The bytes of one number of a dtype by safetensors' name for it; None if it has no NumPy form."""
    known = MADE[code][0] if code in MADE else (DTYPES | BESIDE).get(code)
    return None if known is None else np.dtype(known).itemsize


def code_of(value: Any) -> str:
    """safetensors' name for the dtype of an array, of a Stored the one in its file; else NumPy's."""
    if isinstance(value, Stored):
        return value.code
    dtype = value.dtype.newbyteorder("<")
    return next((code for code, known in (DTYPES | BESIDE).items() if dtype == known), str(dtype))


# ------------------------------------------------------------------------------------ memory


class Mapped(mmap.mmap):
    """A file mapped to be read alone, which can be mapped again to be written to in private.

    Reading what another program has cut off the file ends this program; what it writes is seen.
    """

    file: int  # a descriptor of its own: the file may be replaced meanwhile

    @classmethod
    def of(cls, descriptor: int) -> Mapped:
        """All of an open file, which has one byte at least."""
        mapped = cls(descriptor, 0, access=mmap.ACCESS_READ)
        mapped.file = os.dup(descriptor)
        return mapped

    def private(self) -> mmap.mmap:
        """The same bytes, to be written to: pages that are get copied then, the file stays as it is."""
        return mmap.mmap(self.file, len(self), access=mmap.ACCESS_COPY)

    def __del__(self) -> None:
        if hasattr(self, "file"):
            os.close(self.file)


def _mapping_of(array: np.ndarray) -> Mapped | None:
    """The file that an array, or what it is a view of, is mapped from."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    return base if isinstance(base, Mapped) else None


def _low(mapped: Any) -> int:
    """The address of its first byte."""
    return np.frombuffer(mapped, np.uint8).__array_interface__["data"][0]


class Stored:
    """An array in a file that has to be made, of `shape` and `dtype` then; nothing is kept of it.

    `code` is safetensors' name of its dtype in the file.
    """

    __slots__ = ("_bits", "_steps", "code", "dtype", "shape")

    def __init__(
        self,
        bits: np.ndarray,
        steps: tuple[Callable[[np.ndarray], np.ndarray], ...],
        dtype: Any,
        code: str,
    ):
        self._bits, self._steps, self.dtype, self.shape = bits, steps, np.dtype(dtype), bits.shape
        self.code = code

    def made(self) -> np.ndarray:
        """A new array of the numbers; the pages of the file that they were read from are given back."""
        array = self._bits
        for step in self._steps:
            array = step(array)
        mapped = _mapping_of(self._bits)
        if mapped is not None and self._bits.size and hasattr(mmap, "MADV_DONTNEED"):
            first, last = (address - _low(mapped) for address in byte_bounds(self._bits))
            first = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE  # whole pages of its own
            length = last // mmap.PAGESIZE * mmap.PAGESIZE - first
            if length > 0:
                mapped.madvise(mmap.MADV_DONTNEED, first, length)
        return array

    def astype(self, dtype: Any) -> Stored:
        """The same of another dtype, still to be made."""
        if dtype == self.dtype:
            return self
        return Stored(self._bits, (*self._steps, lambda array: array.astype(dtype)), dtype, self.code)


def array_at(
    mapped: Any,
    code: str,
    shape: Iterable[int],
    offset: int,
    strides: tuple[int, ...] | None = None,
    order: str = "<",
) -> np.ndarray | Stored:
    """The array of a dtype in a mapped file: a view of it, or what one is made from when it is looked at.

    `strides` are in bytes; `order` is that of the bytes of a number. ValueError for a shape that NumPy lacks.
    """
    known, make, dtype = MADE.get(code) or ((DTYPES | BESIDE)[code], None, None)
    there = np.dtype(known).newbyteorder(order)  # type: ignore[arg-type]
    bits = np.ndarray(tuple(shape), there, mapped, offset, strides)
    if make is not None:
        return Stored(bits, (make,), dtype, code)
    if not there.isnative:
        native = there.newbyteorder("=")
        return Stored(bits, (lambda array: array.astype(native),), native, code)
    return bits


class Weights(MutableMapping[str, Any]):
    """Arrays by name, read-only. What has to be made of the bytes of a file is so when it is looked at, anew.

    It can be changed as a dict can; `copy` and `|` give another one of the same arrays.
    """

    def __init__(self, held: Mapping[str, Any]):
        self.held = dict(held)  # what is in it as it is there: arrays, and Stored

    def __getitem__(self, name: str) -> np.ndarray:
        value = self.held[name]
        if isinstance(value, Stored):
            value = value.made()
            value.flags.writeable = False  # what is written to would be lost
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self.held[name] = value

    def __delitem__(self, name: str) -> None:
        del self.held[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.held)

    def __len__(self) -> int:
        return len(self.held)

    def __contains__(self, name: object) -> bool:
        return name in self.held  # Mapping's own would make the array

    def copy(self) -> Weights:
        """Another one of the same arrays."""
        return Weights(self.held)

    def __or__(self, other: Mapping[str, Any]) -> Weights:
        return Weights({**self.held, **getattr(other, "held", other)})

    def renamed(self, name: Callable[[str], str | None]) -> Weights:
        """The same arrays under other names, without those for which `name` gives None; none is looked at.

        ValueError where two get the same name.
        """
        found: dict[str, Any] = {}
        for old, value in self.held.items():
            new = name(old)
            if new in found:
                raise ValueError(f"renamed: two weights would be called {new!r}, {old!r} is one of them")
            if new is not None:
                found[new] = value
        return Weights(found)

    def astype(self, dtype: Any) -> Weights:
        """The same with all float numbers in `dtype`: those of others are cast when they are looked at."""
        wanted = np.dtype(dtype)
        cast = {id(value): _cast(value, wanted) for value in self.held.values()}  # one for all names it has
        return Weights({name: cast[id(value)] for name, value in self.held.items()})

    def __repr__(self) -> str:
        about = [f"{name}: {value.dtype}{list(value.shape)}" for name, value in self.held.items()]
        more = f", … {len(about)} in all" if len(about) > 6 else ""
        return f"Weights({', '.join(about[:6])}{more})"


def _cast(value: Any, dtype: np.dtype) -> Any:
    if value.dtype.kind != "f" or value.dtype == dtype:
        return value
    if isinstance(value, Stored):
        return value.astype(dtype)
    return Stored(value, (lambda array: array.astype(dtype),), dtype, code_of(value))


# ------------------------------------------------------------------------------------ handing over


def owned(given: Iterable[tuple[Any, Any]]) -> Iterator[np.ndarray]:
    """For each (array or Stored, whom it is for) an array that can be written to, and is theirs alone.

    What is mapped is mapped again, once for each file and call, so that nothing is read: what is written goes
    into copies of pages. Where two owners would share bytes, or numbers are not aligned, it is copied.
    Arrays that can be written to already are handed over as they are. What has to be made is made once for an
    owner, whatever names it has.
    """
    items = list(given)
    files = {i: _mapping_of(a) for i, (a, _) in enumerate(items) if not _is_free(a)}
    mapped = {i: file for i, file in files.items() if file is not None and items[i][0].flags.aligned}
    alone = _alone([(*items[i], i) for i in mapped if items[i][0].size])
    mappings: dict[int, tuple[mmap.mmap, int]] = {}
    made: dict[tuple[int, int], np.ndarray] = {}
    for i, (array, owner) in enumerate(items):
        if isinstance(array, Stored):
            pair = id(array), id(owner)
            if pair not in made:
                made[pair] = array.made()
            yield made[pair]
        elif i not in files:
            yield array
        elif i not in alone:
            yield array.copy()
        else:
            file = mapped[i]
            if id(file) not in mappings:
                mappings[id(file)] = file.private(), _low(file)
            private, low = mappings[id(file)]
            offset = array.__array_interface__["data"][0] - low
            yield np.ndarray(array.shape, array.dtype, private, offset, array.strides)


def _is_free(value: Any) -> bool:
    """Whether it can be written to already, or is about to be made."""
    return isinstance(value, Stored) or value.flags.writeable


def _alone(items: list[tuple[np.ndarray, Any, int]]) -> set[int]:
    """The numbers of those of (array, owner, number) that share no byte with one for another owner."""
    found, reached, first = set(), -1, (0, 0)
    for low, high, i, array, who, size in sorted(
        (*byte_bounds(a), i, id(a), id(owner), a.nbytes) for a, owner, i in items
    ):
        again = (array, who) == first  # tied weights under their other name
        if again or low >= reached and high - low >= size:  # else one element stands for several
            found.add(i)
            reached, first = max(high, reached), (array, who)
    return found
