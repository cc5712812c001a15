"""Files of torch.save (since PyTorch 1.6) as arrays: a zip archive of a pickle and of the storages' bytes.

The archive (PKWARE's APPNOTE.TXT 6.3, sections 4.3 to 4.5) is stored, not compressed, so storages are mapped.
"""

from __future__ import annotations

import math
import os
import struct
from typing import Any, NamedTuple

import numpy as np

from .stored import Mapped, Stored, array_at, itemsize
from .torch_pickle import Machine, Word

LONGEST = 100_000_000  # bytes of the pickle, and of the list of entries
STORAGES = {"Float": "F32", "Double": "F64", "Half": "F16", "BFloat16": "BF16", "Long": "I64", "Int": "I32"}
STORAGES |= {"Short": "I16", "Char": "I8", "Byte": "U8", "Bool": "BOOL", "ComplexFloat": "C64"}
CODES: dict[str, str | None] = {f"torch.{name}Storage": code for name, code in STORAGES.items()}
CODES["torch.ComplexDoubleStorage"] = "C128"
CODES["torch.storage.UntypedStorage"] = None  # bytes, whose dtype the tensor has
WORDS = {"uint16": "U16", "uint32": "U32", "uint64": "U64", "float8_e4m3fn": "F8_E4M3"}
WORDS |= {"float8_e5m2": "F8_E5M2", "float32": "F32", "float64": "F64", "float16": "F16", "bfloat16": "BF16"}
WORDS |= {"int64": "I64", "int32": "I32", "int16": "I16", "int8": "I8", "uint8": "U8", "bool": "BOOL"}
WORDS |= {"complex64": "C64", "complex128": "C128"}
FUNCTIONS = {"_rebuild_tensor_v2": 6, "_rebuild_tensor_v3": 7, "_rebuild_parameter": 3}  # and least arguments


class Storage(NamedTuple):
    """Bytes of the file, and what numbers they are; None if each tensor has to say it."""

    key: str
    code: str | None
    begin: int
    size: int


def read(path: str | os.PathLike) -> Any:
    """What torch.save wrote: dicts, lists and tuples as they are, tensors as views of the file, or Stored.

    FileNotFoundError; ValueError for what is damaged, compressed, has entries outside of the file or over
    one another, or holds anything but tensors and plain containers: the instruction or name is given.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no file at {path}")
    try:
        with open(path, "rb") as file:
            if os.fstat(file.fileno()).st_size < 22:
                raise ValueError("it has fewer than 22 bytes")
            return Archive(Mapped.of(file.fileno())).contents()
    except (ValueError, struct.error) as error:
        raise ValueError(f"{path} cannot be read as a file of torch.save: {error}") from None


class Archive:
    """The entries of the zip file, and the tensors in them."""

    def __init__(self, content: Mapped):
        self.content = content
        places = entries(content)
        found = [name for name in places if name.endswith("/data.pkl") and name.count("/") == 1]
        if len(found) != 1:
            raise ValueError("it is a zip file without one data.pkl in one folder, so not torch.save's")
        self.folder = found[0][: -len("data.pkl")]
        self.places = {name[len(self.folder) :]: place for name, place in places.items()}
        if "constants.pkl" in self.places or any(name.startswith("code/") for name in self.places):
            raise ValueError(
                "it is a TorchScript program; write its weights in torch: "
                "torch.save(torch.jit.load(path).state_dict(), new_path)"
            )
        packed = [name for name, place in places.items() if place.packed]
        if packed:
            raise ValueError(f"its entry {packed[0]:.80} is compressed or encrypted; torch.save packs none")
        order = self._text("byteorder", b"little")
        if order not in (b"little", b"big"):
            raise ValueError(f"its byteorder is {order!r:.40}, not little or big")
        self.order = "<" if order == b"little" else ">"
        self.made: dict[tuple, Any] = {}

    def _text(self, name: str, without: bytes | None = None) -> bytes:
        """An entry that is no storage."""
        if name not in self.places and without is not None:
            return without
        begin, size, _ = self.places[name]
        if size > LONGEST:
            raise ValueError(f"its {name} has {size} bytes, which is more than {LONGEST}")
        return self.content[begin : begin + size]  # its checksum is wrong where torch was told to make none

    def contents(self) -> Any:
        """What the pickle holds."""
        functions = {f"torch._utils.{name}" for name in FUNCTIONS}
        words = {*CODES, *(f"torch.{name}" for name in WORDS)}
        return Machine(self._storage, self._rebuild, functions, words).run(self._text("data.pkl"))

    def _storage(self, kind: Any, key: Any, location: Any, count: Any) -> Storage:
        if type(kind) is not Word or kind.name not in CODES or type(key) is not str or location == "meta":
            raise ValueError("it has a storage without a dtype that NumPy has, or without numbers (meta)")
        if f"data/{key}" not in self.places:
            raise ValueError(f"it lacks the entry data/{key:.40}")
        begin, size, _ = self.places[f"data/{key}"]
        code = CODES[kind.name]
        each = 1 if code is None else _size(code)
        if type(count) is not int or count * each != size:
            raise ValueError(f"data/{key:.40} has {size} bytes, its pickle says another number of them")
        return Storage(key, code, begin, size)

    def _rebuild(self, function: str, arguments: tuple) -> Any:
        name = function.rpartition(".")[2]
        if len(arguments) < FUNCTIONS[name]:
            raise ValueError(f"its pickle calls {name} with {len(arguments)} arguments")
        if name == "_rebuild_parameter":
            if not isinstance(arguments[0], (np.ndarray, Stored)):
                raise ValueError("it has a parameter that is no tensor")
            return arguments[0]
        storage, offset, shape, strides = arguments[:4]
        more = arguments[FUNCTIONS[name] :]
        if any(more):
            raise ValueError("it has a tensor that is conjugated or negated lazily; save its .clone()")
        if type(storage) is not Storage:
            raise ValueError(f"its pickle calls {name} without a storage")
        code = storage.code
        if name == "_rebuild_tensor_v3":
            dtype = arguments[6].name.rpartition(".")[2] if type(arguments[6]) is Word else ""
            code = WORDS.get(dtype)
        if code is None:
            raise ValueError(f"its pickle calls {name} without a dtype that NumPy has")
        return self._tensor(storage, code, offset, shape, strides)

    def _tensor(self, storage: Storage, code: str, offset: Any, shape: Any, strides: Any) -> Any:
        """A view of a storage, checked; the same one for the same view (tied weights)."""
        sizes = [offset, *shape, *strides] if type(shape) is type(strides) is tuple else [None]
        if not all(type(n) is int and 0 <= n < 2**62 for n in sizes) or len(shape) != len(strides):
            raise ValueError(
                f"a tensor of data/{storage.key:.40} has an offset, a size or a stride that is no number"
            )
        if len(shape) > 64:
            raise ValueError(f"a tensor in it has {len(shape)} axes, NumPy's arrays have 64 at most")
        each, count = _size(code), math.prod(shape)
        axes = [(n, step * each) for n, step in zip(shape, strides, strict=True)]
        end = (offset + 1) * each + sum((n - 1) * step for n, step in axes) if count else 0
        if end > storage.size:
            raise ValueError(
                f"a tensor of {code} and shape {list(shape)} needs {end} bytes of "
                f"data/{storage.key:.40}, which has {storage.size}"
            )
        if count * each > max(len(self.content), 2**16):
            raise ValueError(
                f"a tensor in it would have {count * each} bytes, more than the file; save its .clone()"
            )
        key = storage, code, offset, shape, strides
        if key not in self.made:
            steps = tuple([step if n > 1 else each for n, step in axes])
            begin = storage.begin + (offset * each if count else 0)
            self.made[key] = array_at(self.content, code, shape, begin, steps if count else None, self.order)
        return self.made[key]


def _size(code: str) -> int:
    return itemsize(code) or 1


# ------------------------------------------------------------------------------------ the archive


class Place(NamedTuple):
    """Where the bytes of an entry are."""

    begin: int
    size: int
    packed: bool  # compressed or encrypted


def entries(content: Mapped) -> dict[str, Place]:
    """The places of the entries of a zip file by name, none over another."""
    begin, size, count = _directory(content)
    found: dict[str, Place] = {}
    taken = [(begin, begin + size, "the list of entries")]
    at, end = begin, begin + size
    for _ in range(count):
        if at + 46 > end or content[at : at + 4] != b"PK\x01\x02":
            raise ValueError("it is a damaged zip file: its list of entries is wrong")
        flags, method = struct.unpack_from("<HH", content, at + 8)
        packed, full, named, extra, comment = struct.unpack_from("<IIHHH", content, at + 20)
        (header,) = struct.unpack_from("<I", content, at + 42)
        name = _checked(content[at + 46 : at + 46 + named], found)
        more = content[at + 46 + named : at + 46 + named + extra]
        full, packed, header = _wide(more, [full, packed, header])
        if header + 30 > len(content) or content[header : header + 4] != b"PK\x03\x04":
            raise ValueError(f"its entry {name:.80} begins at byte {header}, where there is none")
        named_there, extra_there = struct.unpack_from("<HH", content, header + 26)
        first = header + 30 + named_there + extra_there
        if content[header + 30 : header + 30 + named_there] != name.encode():
            raise ValueError(f"its entry {name:.80} has another name where its bytes are")
        found[name] = Place(first, full, bool(flags & 1 or method or packed != full))
        taken.append((header, first + packed, f"its entry {name:.80}"))
        at += 46 + named + extra + comment
    reached, before = 0, ""
    for first, last, what in sorted(taken):
        if first < reached or last > len(content):
            raise ValueError(f"{what} has bytes {first} to {last}: outside of the file, or within {before}")
        reached, before = last, what
    return found


def _directory(content: Mapped) -> tuple[int, int, int]:
    """(first byte, size, count) of the list of entries, which stands at the end."""
    at = content.rfind(b"PK\x05\x06", max(0, len(content) - 22 - 65535))
    if at < 0 or at + 22 > len(content):
        raise ValueError("it is a zip file that was cut off: it lacks the list of its entries")
    count, size, begin = struct.unpack_from("<HII", content, at + 10)
    if at >= 20 and content[at - 20 : at - 16] == b"PK\x06\x07":  # numbers of 64 bits
        (at,) = struct.unpack_from("<Q", content, at - 12)
        if at + 56 > len(content) or content[at : at + 4] != b"PK\x06\x06":
            raise ValueError("it is a damaged zip file: its end is wrong")
        count, size, begin = struct.unpack_from("<QQQ", content, at + 32)
    if begin + size > at or size > LONGEST or count * 46 > size:
        raise ValueError(f"it is a damaged zip file: {count} entries in {size} bytes from {begin}")
    return begin, size, count


def _checked(raw: bytes, known: dict) -> str:
    """The name of an entry: of a file in a folder of the archive, and of one alone."""
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise ValueError(f"it is a zip file with the name {raw!r:.80}, which is no text") from None
    parts = name.split("/")
    if "\\" in name or "\0" in name or ".." in parts or "" in parts[:-1] or ":" in parts[0]:
        raise ValueError(f"it is a zip file with the name {name!r:.80}, which leads out of it")
    if name in known:
        raise ValueError(f"it is a zip file with two entries {name!r:.80}")
    return name


def _wide(extra: bytes, numbers: list[int]) -> list[int]:
    """Size, packed size and place, each from the extra field if its 32 bits are all set."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        if kind == 1:
            rest = extra[at + 4 : at + 4 + size]
            for i, number in enumerate(numbers):
                if number == 0xFFFFFFFF:
                    (numbers[i],), rest = struct.unpack_from("<Q", rest), rest[8:]
        at += 4 + size
    return numbers
