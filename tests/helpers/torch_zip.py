"""Files as torch.save writes them, put together by hand: pickles of any instructions, any entries."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import numpy as np
import pytest

from tapegrad import nn

NUMBERS = np.arange(12, dtype="<f4")

STORAGES = {
    "f4": "Float",
    "f8": "Double",
    "f2": "Half",
    "i8": "Long",
    "i4": "Int",
    "i2": "Short",
    "i1": "Char",
}
STORAGES |= {"u1": "Byte", "b1": "Bool", "c8": "ComplexFloat", "c16": "ComplexDouble"}
STOP = b"."


class Name(str):
    """A class or function in a pickle: "torch FloatStorage"."""


class Tensor:
    """What torch.save writes of a tensor: a view of the storage `key`."""

    def __init__(self, key, shape, strides, offset=0, kind="FloatStorage", count=None, tail=()):
        count = count if count is not None else int(np.prod(shape, dtype=int)) + offset
        self.storage = ("storage", Name(f"torch {kind}"), key, "cpu", count)
        self.arguments = (offset, tuple(shape), tuple(strides), False, {}, *tail)


def pickled(value: Any) -> bytes:
    """A pickle of protocol 2, without what is there twice being written once."""
    return b"\x80\x02" + written(value) + STOP


def written(value: Any) -> bytes:
    """The instructions that put a value on the stack."""
    if isinstance(value, Name):
        return b"c" + value.replace(" ", "\n").encode() + b"\n"
    if isinstance(value, Tensor):
        rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n("
        return rebuild + written(value.storage) + b"Q" + b"".join(map(written, value.arguments)) + b"tR"
    if value is None or isinstance(value, bool):
        return {None: b"N", True: b"\x88", False: b"\x89"}[value]
    if isinstance(value, int):
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()
    if isinstance(value, dict):
        return b"}(" + b"".join(written(k) + written(v) for k, v in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(written, value)) + b"e"
    return b"(" + b"".join(map(written, value)) + b"t"


def archive(program: bytes, storages=(), folder="archive", byteorder="little", method=0, more=()) -> bytes:
    """The zip file of a pickle and the bytes of storages by key, and of entries by name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as target:
        target.writestr(f"{folder}/data.pkl", program)
        if byteorder is not None:
            target.writestr(f"{folder}/byteorder", byteorder)
        for key, content in dict(storages).items():
            entry = zipfile.ZipInfo(f"{folder}/data/{key}")
            gap = -(file.tell() + 30 + len(entry.filename) + 4) % 64  # storages are aligned so
            entry.extra = struct.pack("<2sH", b"FB", gap) + bytes(gap)
            target.writestr(entry, content, method)
        target.writestr(f"{folder}/version", "3\n")
        for name, content in dict(more).items():
            target.writestr(name, content)
    return file.getvalue()


def of_arrays(arrays: dict[str, np.ndarray], byteorder: str = "little") -> bytes:
    """The file of a state: each array with a storage of its own."""
    tensors, storages = {}, {}
    for i, (name, array) in enumerate(arrays.items()):
        steps = [step // array.itemsize for step in np.empty(array.shape, array.dtype).strides]
        kind = f"{STORAGES[array.dtype.str[1:]]}Storage"
        tensors[name] = Tensor(str(i), array.shape, steps, kind=kind)
        storages[str(i)] = array.astype(
            array.dtype.newbyteorder(byteorder[0].replace("l", "<").replace("b", ">"))
        )
    return archive(
        pickled(tensors), {key: array.tobytes() for key, array in storages.items()}, byteorder=byteorder
    )


# ------------------------------------------------------------------ read, or refused, by nn.load_weights


def load(path, program, storages=None, **how):
    path.write_bytes(archive(program, {"0": NUMBERS.tobytes()} if storages is None else storages, **how))
    return nn.load_weights(path)


def refused(path, message, program, storages=None, **how):
    with pytest.raises(ValueError, match=message) as caught:
        load(path, program, storages, **how)
    assert str(caught.value).startswith(str(path))


def one(*args, **kwargs):
    return pickled({"w": Tensor("0", *args, **kwargs)})
