"""Saving and loading: model, optimizer, schedule and random numbers in one safetensors file."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from . import random, safetensors
from .loading import EXTRA, check_fit
from .nested import as_saved, flatten, unflatten

__all__ = ["load", "save"]

FORMAT = "tapegrad checkpoint 1"  # what files written so far say; another word would shut them out
Arrays = dict[str, np.ndarray]


def save(
    path, *others, model=None, optimizer=None, schedule=None, step: int = 0, rng: bool = True, **extra
) -> None:
    """Write all that is given to a file in safetensors format (https://github.com/huggingface/safetensors).

    Arrays of `model.state_dict()` are called "model.<name>", the optimizer's "optimizer.<index>.<name>";
    all else, with `extra` and what get_extra_state gives (what JSON can hold), is JSON in the metadata.

    `nn.save(state, path)` is PyTorch's form: a dict, list or tuple of such, arrays, Tensors, numbers, words
    and None, which `nn.load(path)` gives back. All there is to save is in it, get_rng_state() too.

    The file is written beside `path` and renamed, so whenever the program is killed, `path` holds the old
    file or the new one. What a killed save leaves (.<name>.<digits>.tmp) is removed by the next to the same
    path. Raises TypeError for `others`, which have no name, for a value that JSON cannot hold and a dtype
    that the format lacks, FileNotFoundError without the folder of `path`; then nothing has been written.
    """
    arrays: Arrays = {}
    if isinstance(path, (Mapping, list, tuple)) and len(others) == 1 and _is_path(others[0]):
        given = {"model": model, "optimizer": optimizer, "schedule": schedule, "step": step or None, **extra}
        more = [name for name, value in given.items() if value is not None]
        if more:
            raise TypeError(f"nn.save(state, path): {', '.join(more)} beside it; put all into the state")
        _write(others[0], arrays, {"nested": flatten(path, arrays)})
        return
    _check_path("save", path, others)
    _check_kinds("save", model=model, optimizer=optimizer, schedule=schedule)
    about: dict[str, Any] = {"step": step, "extra": extra}
    if model is not None:
        state = model.state_dict()
        extras = {name: value for name, value in state.items() if name.endswith(EXTRA)}
        arrays.update({f"model.{name}": as_saved(state[name]) for name in state if name not in extras})
        about["model"] = True
        if extras:
            about["extra_state"] = extras
    if optimizer is not None:
        state = optimizer.state_dict()
        about["optimizer"] = {**state, "state": {}}
        for index, entry in state["state"].items():
            named = {name: flatten(v, arrays, f"optimizer.{index}.{name}") for name, v in entry.items()}
            about["optimizer"]["state"][index] = named
    if schedule is not None:
        about["schedule"] = schedule.state_dict()
    if rng:
        about["rng"] = random.get_rng_state()
    _write(path, arrays, about)


def load(path, *others, model=None, optimizer=None, schedule=None, rng: bool = True) -> dict[str, Any]:
    """Read a file written by `save` into the objects given and return {"step": step, **extra}.

    Of a file in PyTorch's form, `nn.save(state, path)`, return the state.

    With `rng`, the random numbers go on from where they were when it was saved (if they were saved). Raises
    TypeError for `others`, which have no name, FileNotFoundError where nothing is at `path`, ValueError for a
    file that is damaged, lacks what is asked for or does not fit; then nothing has been changed.
    """
    _check_path("load", path, others)
    _check_kinds("load", model=model, optimizer=optimizer, schedule=schedule)
    arrays, about = _read(path)
    wanted = {"model": model, "optimizer": optimizer, "schedule": schedule}
    lacking = [name for name, given in wanted.items() if given is not None and name not in about]
    if lacking:
        raise ValueError(f"{path}: this file holds no {' and no '.join(lacking)}")
    if "nested" in about:
        return unflatten(about["nested"], arrays)
    weights = {name[6:]: array for name, array in arrays.items() if name.startswith("model.")}
    try:  # everything is checked before anything is written
        if model is not None:
            own = {name: value for name, value in model.state_dict().items() if not name.endswith(EXTRA)}
            check_fit("the file does not fit the model", own, weights, cast=False)
        if optimizer is not None:
            moments = _optimizer_state(about["optimizer"], arrays)
            optimizer.check_state_dict(moments)
        if schedule is not None:
            schedule.check_state_dict(about["schedule"])
        if rng and "rng" in about:
            random.check_rng_state(about["rng"])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if model is not None:
        model.load_state_dict({**weights, **about.get("extra_state", {})})
    if optimizer is not None:
        optimizer.load_state_dict(moments)
    if schedule is not None:
        schedule.load_state_dict(about["schedule"])
    if rng and "rng" in about:
        random.set_rng_state(about["rng"])
    return {"step": about["step"], **about["extra"]}


def _check_path(name: str, path, others: tuple) -> None:
    if others or not _is_path(path):
        kinds = ", ".join(type(given).__name__ for given in (path, *others))
        raise TypeError(
            f"nn.{name}({kinds}): a path comes first, all else by name, as in nn.{name}(path, model=model)"
        )


def _is_path(value) -> bool:
    return isinstance(value, (str, os.PathLike))


def _check_kinds(name: str, **given: Any) -> None:
    """Raise TypeError for what has no state that can be saved and loaded."""
    for argument, each in given.items():
        to_load = ("load_state_dict", "state_dict" if argument == "model" else "check_state_dict")
        methods = ("state_dict",) if name == "save" else to_load
        lacking = [method for method in methods if not callable(getattr(each, method, None))]
        if each is not None and lacking:
            raise TypeError(
                f"nn.{name}: {argument} has no {lacking[0]}(), got {each!r:.60}; what has another form is "
                "saved by name, as in nn.save(path, mine=mine.state_dict())"
            )


def _plain(value):
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"nn.save: extra values must fit into JSON, got {type(value).__name__}")


def _crc(arrays: Mapping[str, np.ndarray], text: str) -> int:
    """One checksum over everything: the format itself does not notice changed bits."""
    crc = zlib.crc32(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        crc = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.reshape(-1).view(np.uint8).data, crc) if array.size else crc
    return crc


def _write(path, arrays: Arrays, about: dict[str, Any]) -> None:
    text = json.dumps(about, default=_plain)
    safetensors.write(path, arrays, {"format": FORMAT, "about": text, "crc32": str(_crc(arrays, text))})


def _read(path) -> tuple[Arrays, dict[str, Any]]:
    """The arrays and the JSON of a file, once they are known to be whole."""
    arrays, metadata = safetensors.read(path)
    if metadata.get("format") != FORMAT:
        raise ValueError(f"{path} is a safetensors file, but not one written by tapegrad.nn.save")
    if metadata.get("crc32") != str(_crc(arrays, metadata.get("about", ""))):
        raise ValueError(f"{path} is damaged: its contents do not match their checksum")
    return arrays, json.loads(metadata["about"])


def _optimizer_state(about: dict[str, Any], arrays: Arrays) -> dict[str, Any]:
    """The optimizer's state put together again from the JSON and its arrays."""
    state = {}
    for index, entry in about["state"].items():
        state[int(index)] = {name: unflatten(value, arrays) for name, value in entry.items()}
    for key, array in arrays.items():  # of files whose JSON does not name them
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            if "." not in name:
                state[int(index)][name] = array
    return {**about, "state": state}
