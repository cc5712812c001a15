"""A model's weights alone in files, as PyTorch and Hugging Face write and read them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..autograd.arrays import DTypeLike, as_array
from . import safetensors
from .loading import EXTRA
from .stored import Weights
from .weight_files import load as _load

__all__ = ["load_weights", "save_weights"]


def save_weights(path: str | os.PathLike, weights: Any, metadata: Mapping[str, str] | None = None) -> None:
    """Write a module's weights, or arrays by name, to a safetensors file that PyTorch can read.

    Args:
        path: the file; it is written beside and renamed, so it holds what it held or all that is new.
        weights: a Module, also of torch, or a mapping of names to whatever NumPy can make an array of;
            bfloat16 of torch's is kept. Weights of a Module that are one array are written once, as
            safetensors.torch.load_model expects; those of a mapping are all written.
        metadata: strings by name, beside "format": "pt".

    What get_extra_state gives is written if it is an array and refused otherwise: such a file holds arrays
    alone. nn.save writes it too. Raises TypeError or ValueError for what is no array, has no name, or a dtype
    that the format lacks, FileNotFoundError without the folder of `path`; then nothing has been written.
    """
    _check_path("save_weights(path, weights)", path)
    is_model = hasattr(weights, "state_dict")
    state = weights.state_dict() if is_model else weights
    if not isinstance(state, Mapping):
        raise TypeError(
            f"nn.save_weights: weights are a module or a mapping of names to arrays, not a "
            f"{type(weights).__name__}"
        )
    arrays = {name: _array(name, value) for name, value in state.items()}
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"nn.save_weights: metadata are strings by name, not {metadata!r:.60}")
    about = {"format": "pt", **(_take_tied(arrays) if is_model else {}), **(metadata or {})}
    for item in about.items():
        if not all(isinstance(text, str) for text in item):
            raise TypeError(f"nn.save_weights: metadata are strings by name, not {item}")
    safetensors.write(path, arrays, about)


def load_weights(
    path: str | os.PathLike, *, dtype: DTypeLike | None = None, entry: str | None = None
) -> Weights:
    """The arrays of a safetensors file, or of torch.save's, by name: nothing is read before it is used.

    They are read-only views of the file, mapped into memory. model.load_state_dict takes them, and with
    assign=True the model has them for its own without a copy: pages that it writes to are copied, the file
    stays as it is. bfloat16 and the float8 of 4 or 5 bits of exponent become float32, without any loss, each
    time one is looked at, as does what is cast to `dtype`; a model takes them one by one. (Held narrow and
    widened at the first call, they would need as much after it.) For tied weights each name is given.
    save_weights may replace the file while the arrays live, but on Windows; who writes into it changes them,
    and who cuts it off ends the program that looks at them.

    Args:
        path: a file; the index of a model in several files (model.safetensors.index.json,
            pytorch_model.bin.index.json); a folder with such an index or one file; or what nn.save wrote, of
            which the model's weights are given. A path may be a link. What a folder or index names may be one
            to a file in the same folder, or as Hugging Face's cache has it, from snapshots/<revision> to
            blobs: who made a folder does not decide which other files of its reader are read.
        dtype: for numbers of float dtypes, as np.float32 to compute in; as they are by default.
        entry: of a file of torch.save that holds more than weights, the name under which they are.

    Files of torch.save (a zip file, since PyTorch 1.6) are read without executing anything: tensors and plain
    containers alone. Raises TypeError for what is no path, FileNotFoundError where nothing is, ValueError
    that says what is wrong with a file that is damaged, of another format, or has a dtype that NumPy lacks.
    """
    _check_path("load_weights(path)", path)
    if dtype is not None and np.dtype(dtype).kind != "f":
        raise TypeError(f"nn.load_weights: {np.dtype(dtype)} is no float dtype")
    found = Weights(_load(os.fspath(path), entry))
    return found if dtype is None else found.astype(dtype)


def _check_path(call: str, path: Any) -> None:
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"nn.{call}: a path comes first, not a {type(path).__name__}")


# ------------------------------------------------------------------------------------ writing


def _array(name: Any, value: Any) -> np.ndarray:
    """What is written of an entry, checked; mostly not a copy."""
    where = f"nn.save_weights: entry {name!r}"
    if not isinstance(name, str) or name == safetensors.METADATA:
        raise TypeError(f"{where}: names are strings, other than {safetensors.METADATA}")
    try:
        name.encode()
        value = value.detach() if hasattr(type(value), "detach") else value
        if str(getattr(value, "dtype", "")).endswith("bfloat16"):
            return _bfloat16(value)
        array = np.asarray(as_array(value))
    except (TypeError, ValueError, RuntimeError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{where}: {error}") from error
    if safetensors.code_of(array) is not None:
        return array
    if name.endswith(EXTRA):
        raise TypeError(
            f"{where} is a {type(value).__name__}, but a file of weights holds arrays alone: "
            "nn.save(path, model=model) writes it too, or leave it out of a copy of model.state_dict()"
        )
    raise TypeError(f"{where} has dtype {array.dtype}, which safetensors lacks; cast it")


def _bfloat16(value: Any) -> np.ndarray:
    """The numbers of a tensor of torch, or an array with the dtype of ml_dtypes, as the format has them."""
    wide = np.asarray(value.float() if hasattr(value, "float") else value.astype(np.float32))
    return (wide.view(np.uint32) >> 16).astype("<u2").view(safetensors.BFLOAT16)


def _take_tied(arrays: dict[str, np.ndarray]) -> dict[str, str]:
    """Take out each array that is there under an earlier name too; returns that name for each."""
    first: dict[tuple, str] = {}
    tied = {}
    for name, array in arrays.items():
        if array.size:
            place = array.__array_interface__["data"][0], array.shape, array.strides, array.dtype
            tied[name] = first.setdefault(place, name)
    tied = {name: kept for name, kept in tied.items() if name != kept}
    for name in tied:
        del arrays[name]
    return tied
