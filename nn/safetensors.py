"""Files of named arrays in safetensors format (https://github.com/huggingface/safetensors).

Eight bytes that say how long the header is, the header, which is JSON, and the arrays' bytes without a gap.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from itertools import chain
from typing import Any, NamedTuple

import numpy as np

from . import atomic
from .stored import BFLOAT16, DTYPES, Mapped, Stored, array_at, itemsize

METADATA = "__metadata__"
LONGEST = 100_000_000  # bytes of a header, as the format's own reader has it
# Where arrays begin, in bytes after a multiple of 64, as NumPy's own large arrays do: OpenBLAS's dot products
# read 154 MB of a mapped file in 5.8 ms from there, and in 8 to 11 from 0 or 32.
START = 16

# How files begin that are taken for weights, and what to do with them.
AGAIN = "torch.save(torch.load(path, weights_only=True), new_path)"
OTHERS = {
    b"\x80": f"it is a pickle; if it is torch.save's of before 1.6, write it again in torch: {AGAIN}",
    b"version https://git-lfs": "it only stands for the file, which `git lfs pull` fetches",
}


class Entry(NamedTuple):
    """What the header says of an array."""

    name: str
    code: str
    shape: list[int]
    begin: int
    end: int


CODES = {np.dtype(dtype): code for code, dtype in DTYPES.items()} | {BFLOAT16: "BF16"}


# ------------------------------------------------------------------------------------ writing


def code_of(array: np.ndarray) -> str | None:
    """The format's word for the array's dtype, if it has one."""
    return CODES.get(array.dtype.newbyteorder("<"))


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write all of the file or nothing; a link's target is replaced.

    Large numbers come first, so that all are aligned. FileNotFoundError without the folder of `path`,
    TypeError for a dtype that the format lacks.
    """
    path = os.path.realpath(path)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"cannot save {path}: there is no folder {folder}")
    for name, array in arrays.items():
        if code_of(array) is None:
            raise TypeError(f"cannot save {path}: safetensors has no {array.dtype}, as {name!r} is; cast it")
    header: dict[str, Any] = {METADATA: dict(metadata), **dict.fromkeys(arrays)}  # in the order given
    end = 0
    placed = sorted(arrays.items(), key=lambda item: -item[1].dtype.itemsize)
    for name, array in placed:
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": code_of(array), "shape": array.shape, "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * ((START - 8 - len(text)) % 64)
    atomic.write(path, chain([len(text).to_bytes(8, "little"), text], (_bytes(a) for _, a in placed)))


def _bytes(array: np.ndarray) -> memoryview:
    ordered = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    return ordered.reshape(-1).view(np.uint8).data


# ------------------------------------------------------------------------------------ reading


def read(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a file, read-only and mapped into memory, and its metadata.

    Those of dtypes that NumPy lacks are made, with flags. `stored` leaves that to whoever looks at them.
    """
    arrays, metadata = stored(path)
    return {name: a.made() if isinstance(a, Stored) else a for name, a in arrays.items()}, metadata


def stored(path: str | os.PathLike) -> tuple[dict[str, np.ndarray | Stored], dict[str, str]]:
    """The arrays of a file as they are there, and its metadata.

    The mapping lives as long as one of the arrays. FileNotFoundError, ValueError that says what is wrong.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no file at {path}")
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < 8:
                raise ValueError("it has fewer than 8 bytes")
            content = Mapped.of(file.fileno())
            header, start = _header(content)
            metadata = _metadata(header.pop(METADATA, None))
            entries = [_entry(name, about) for name, about in header.items()]
            _check_places(entries, len(content) - start)
            return {entry.name: _array(entry, content, start) for entry in entries}, metadata
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as safetensors: {error}") from None


def _header(content: Mapped) -> tuple[dict[str, Any], int]:
    """The header, and where the arrays begin."""
    length, room = int.from_bytes(content[:8], "little"), len(content) - 8
    if length > min(room, LONGEST) or content[8:9] != b"{":
        hints = [f"; {hint}" for start, hint in OTHERS.items() if content[: len(start)] == start]
        what = f"its first 8 bytes say that a header of {length} bytes follows"
        found = f"{room} do" if length > room else "none does"
        raise ValueError(f"{what}, but {found}{''.join(hints)}")
    try:
        return json.loads(content[8 : 8 + length].decode(), object_pairs_hook=once), 8 + length
    except (ValueError, RecursionError) as error:
        raise ValueError(f"its header is no right JSON: {error}") from None


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For JSON, a dict; ValueError where a name is there twice."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r:.80} is there twice")
        found[name] = value
    return found


def _metadata(found: Any) -> dict[str, str]:
    found = found or {}
    if not isinstance(found, dict) or any(type(value) is not str for value in found.values()):
        raise ValueError(f"its {METADATA} are to be strings by name")
    return found


def _entry(name: str, about: Any) -> Entry:
    try:
        code, shape, (begin, end) = about["dtype"], about["shape"], about["data_offsets"]
        sizes = [*shape, begin, end]
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"entry {name!r} lacks a dtype, a shape or two data_offsets") from None
    if len(shape) > 64:
        raise ValueError(f"entry {name!r} has {len(shape)} axes, NumPy's arrays have 64 at most")
    if type(shape) is not list or not all(type(n) is int and 0 <= n < 2**63 for n in sizes):
        raise ValueError(f"entry {name!r} has shape {shape} and data_offsets {begin, end}: no sizes")
    size = itemsize(code) if isinstance(code, str) else None
    if size is None:
        raise ValueError(f"entry {name!r} has dtype {code}, which NumPy has not; in torch, take its .float()")
    if math.prod(shape) * size != end - begin:
        raise ValueError(
            f"entry {name!r} has dtype {code} and shape {shape}, "
            f"which are not the {end - begin} bytes from {begin} to {end}"
        )
    return Entry(name, code, shape, begin, end)


def _check_places(entries: list[Entry], room: int) -> None:
    """That the entries follow one another and fill the file."""
    at = 0
    for entry in sorted(entries, key=lambda entry: entry[-2:]):
        if entry.begin != at:
            raise ValueError(
                f"entry {entry.name!r} begins at byte {entry.begin}, the one before ends at {at}"
            )
        if entry.end > room:
            raise ValueError(
                f"entry {entry.name!r} ends at byte {entry.end}, but the file has {room} of them"
            )
        at = entry.end
    if at < room:
        raise ValueError(f"its entries end at byte {at}, but the file has {room} of them")


def _array(entry: Entry, content: Mapped, start: int) -> np.ndarray | Stored:
    try:
        return array_at(content, entry.code, entry.shape, start + entry.begin)
    except ValueError as error:  # as of shape (0, 2^40, 2^40)
        raise ValueError(f"entry {entry.name!r} has shape {entry.shape}: {error}") from None
