"""Which file has which weight: one file, several with an index, or a folder of either."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import safetensors
from .saving import FORMAT
from .stored import Stored

INDEX = ".safetensors.index.json"  # ends the name of the file that says which file has which weight
TORCHS = ("pytorch_model.bin.index.json", "pytorch_model.bin")  # where a folder has no safetensors file

Held = dict[str, "np.ndarray | Stored"]


def load(path: str, entry: str | None) -> Held:
    """The arrays of a file, or of those that an index or a folder names."""
    if os.path.isdir(path):
        path = held(path, _name_in(path))
    if path.endswith(".json"):
        return _load_parts(path, entry)
    return _load_file(path, entry)


def _load_file(path: str, entry: str | None) -> Held:
    if _is_zip(path):
        return _of_torch(path, entry)
    if entry is not None:
        raise ValueError(f"{path} is no file of torch.save, which alone has an entry {entry!r:.80}")
    arrays, metadata = safetensors.stored(path)
    if metadata.get("format") == FORMAT:
        found = {name[6:]: array for name, array in arrays.items() if name.startswith("model.")}
        if not found:
            raise ValueError(f"{path}: nn.save wrote this file, without a model")
        return found
    tied = {name: arrays[kept] for name, kept in metadata.items() if kept in arrays and name != "format"}
    return {**tied, **arrays}


def _is_zip(path: str) -> bool:
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no file at {path}")
    with open(path, "rb") as file:
        begin = file.read(9)
    return begin.startswith(b"PK\x03\x04") and begin[8:] != b"{"  # that would be a very long header


def _of_torch(path: str, entry: str | None) -> Held:
    """The tensors by name that a file of torch.save holds, itself or under the name `entry`."""
    from . import torch_zip  # pickletools takes milliseconds

    found = torch_zip.read(path)
    if entry is not None:
        if not isinstance(found, dict) or entry not in found:
            raise ValueError(f"{path} has no entry {entry!r:.80}; {_described(found)}")
        found = found[entry]
    if not isinstance(found, dict) or not all(map(_is_weight, found.items())):
        where = path if entry is None else f"{path}, entry {entry!r:.80},"
        raise ValueError(f"{where} holds no weights by name alone; {_described(found)}")
    return found


def _is_weight(item: tuple) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], (np.ndarray, Stored))


def _described(found: Any) -> str:
    """What a file holds in place of weights, and how to get at those in it."""
    if not isinstance(found, dict):
        return f"it holds a {type(found).__name__}"
    parts = [
        name
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, dict) and value and all(map(_is_weight, value.items()))
    ]
    if parts:
        return f"give one of those in it: entry={' or entry='.join(f'{name!r:.80}' for name in parts[:9])}"
    kinds = [f"{name!r:.40}: {type(value).__name__}" for name, value in found.items()]
    return f"it holds {', '.join(kinds[:9])}"


# ------------------------------------------------------------------------------------ several files


def _name_in(folder: str) -> str:
    """The index in a folder, or the one file of weights."""
    names = sorted(os.listdir(folder))
    found = [name for name in names if name.endswith(INDEX)]
    found = found or [name for name in names if name.endswith(".safetensors")]
    found = found or [name for name in TORCHS if name in names][:1]
    if not found:
        raise FileNotFoundError(f"no safetensors file in the folder {folder}, and no pytorch_model.bin")
    if len(found) > 1:
        raise ValueError(f"{folder} is a folder with {', '.join(found)}: give the path of one of them")
    return found[0]


def held(folder: str, name: str) -> str:
    """The path of a file that a folder or its index names; ValueError for a link to somewhere else.

    Hugging Face's cache has <model>/snapshots/<revision>/<name>, perhaps with folders before the name, links
    into <model>/blobs.
    """
    path = os.path.join(folder, name)
    inside = os.path.realpath(folder)
    target = os.path.realpath(path)
    right = [inside]
    above, _, revision = inside.rpartition(f"{os.sep}snapshots{os.sep}")
    if revision:
        right.append(os.path.join(above, "blobs"))
    if os.path.islink(path) and os.path.dirname(target) not in right:
        raise ValueError(
            f"{path} is a link out of its folder, to {target}; if that is what you want, copy the file into "
            "the folder"
        )
    return path


def _load_parts(path: str, entry: str | None) -> Held:
    """The arrays of all files that an index names."""
    places = _places(path)
    folder = os.path.dirname(path)
    parts = {file: _load_file(held(folder, file), entry) for file in dict.fromkeys(places.values())}
    lacking = [f"{name} in {file}" for name, file in places.items() if name not in parts[file]]
    if lacking:
        raise ValueError(f"{path} names entries that are not there: {', '.join(lacking[:9])}")
    return {name: parts[file][name] for name, file in places.items()}


def _places(path: str) -> Mapping[str, str]:
    """The file of each weight, as an index says."""
    try:
        if os.path.getsize(path) > safetensors.LONGEST:
            raise ValueError(f"it has more than {safetensors.LONGEST} bytes")
        with open(path, encoding="utf-8") as file:
            places = json.load(file, object_pairs_hook=safetensors.once)["weight_map"]
        for name in places.values():
            if os.path.basename(name) != name or name in ("", ".", "..") or "\0" in name:
                raise ValueError(f"it names {name!r:.80}")
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is no index: it lacks a weight_map of names to files beside it ({error})"
        ) from None
    return places
