"""Published models as folders of config.json and weights: what their classes have in common."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, TypeVar

import numpy as np

from ... import nn
from ...autograd.arrays import ArrayLike, DTypeLike, as_array
from ...nn import atomic, init
from ...nn.stored import Weights
from ...nn.weight_files import held
from ..generation.defaults import NAMES, SPECIAL
from .config import FILE, Config, read_config, read_object

P = TypeVar("P", bound="Pretrained")

GENERATION = "generation_config.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
# What folders have, the first that is there: transformers' order.
FILES = (WEIGHTS, INDEX, "pytorch_model.bin", "pytorch_model.bin.index.json")


class Pretrained(nn.Module):
    """Base of the published models: parameters and settings have the names of Hugging Face's folders.

    A class says its `config_class`; its `architectures`, transformers' class for each model_type that it
    covers; the `base`, what names of parameters begin with that a checkpoint of the model without its head
    lacks; and what else is `ignored` in checkpoints, regular expressions of names. TypeError for a config of
    another class, ValueError for one with a model_type that is none of its own.
    """

    config_class: ClassVar[type[Config]]
    architectures: ClassVar[Mapping[str, str]]
    base: str = ""
    ignored: tuple[str, ...] = ()
    generation_config: dict[str, Any] | None = None  # what `generate` does by itself: transformers' names

    def __init__(self, config: Any):
        kind = type(self).__name__
        if not isinstance(config, self.config_class):
            wanted = self.config_class.__name__
            raise TypeError(f"{kind}: config is to be a {wanted}, not a {type(config).__name__}")
        if config.model_type not in self.architectures:
            known = ", ".join(self.architectures)
            raise ValueError(f"{kind}: model_type {config.model_type!r} is none of those it covers: {known}")
        self.config = config

    @classmethod
    def from_pretrained(cls: type[P], folder: str | os.PathLike, *, dtype: DTypeLike | None = None) -> P:
        """The model of a folder with config.json and its weights (nn.load_weights), in evaluation mode.

        Its numbers have the `dtype`, or unless given that of the file, float32 at least. Keys may begin with
        the model's base prefix or lack it. What generation_config.json says, or in older folders config.json,
        is in `generation_config`, which `generate` follows and one may change. FileNotFoundError where no
        folder, config.json or weights are, ValueError for settings that are not covered or do not fit, and
        for missing, unexpected or misshapen weights, each with the nearest name; TypeError for a dtype that
        is none of NumPy's floats.
        """
        wanted = None if dtype is None else _float_dtype(dtype)
        settings = read_config(folder)
        known = settings["model_type"] in cls.architectures
        if not known:
            raise ValueError(
                f"{cls.__name__}.from_pretrained: {os.fspath(folder)!r} has model_type "
                f"{settings['model_type']!r}, this class is for {', '.join(cls.architectures)}; "
                f"models.from_pretrained(folder) takes the class that fits"
            )
        with nn.utils.no_init():  # the numbers come from the file
            model = built(cls, cls.config_class.from_dict(settings))
        model.generation_config = read_generation(folder, settings)
        path = weights_in(folder)
        try:
            model.load_state_dict(model._fitted(nn.load_weights(path), wanted), assign=True)
        except ValueError as error:
            raise ValueError(f"{cls.__name__}.from_pretrained: {path} does not fit: {error}") from None
        model.eval()
        return model

    def save_pretrained(self, folder: str | os.PathLike) -> None:
        """Write config.json and model.safetensors into `folder`, made where there is none.

        transformers reads them. The generation_config, if there is one, goes into its file; if there is none,
        a file that is there stays. Tied weights are written once. FileExistsError where the folder has the
        index of a model in several files, which would be read in place of this one.
        """
        folder = os.fspath(folder)
        if os.path.exists(os.path.join(folder, INDEX)):
            raise FileExistsError(f"{folder} holds a model in several files ({INDEX}); save to another")
        os.makedirs(folder, exist_ok=True)
        nn.save_weights(os.path.join(folder, WEIGHTS), self)
        _write_object(os.path.join(folder, FILE), self.settings())
        if self.generation_config is not None:
            _write_object(os.path.join(folder, GENERATION), self.generation_config)

    def settings(self) -> dict[str, Any]:
        """What config.json has of this model: its config, transformers' class, and the dtype as it is."""
        dtype = str(next(self.parameters()).dtype)
        old = {"torch_dtype": dtype} if "torch_dtype" in self.config.rest else {}
        names = {"architectures": [self.architectures[self.config.model_type]], "dtype": dtype}
        return {**self.config.to_dict(), **names, **old}

    def outgrown(self, new: int, past: int, attention_mask: ArrayLike | None = None) -> bool:
        """Whether the keys that a cache has of `past` positions are of no use in a text with `new` more."""
        return False

    # ------------------------------------------------------------------ a checkpoint's names and dtypes

    def _fitted(self, weights: Weights, dtype: DTypeLike | None) -> Weights:
        """Weights by this model's names, of one dtype, each of a tied pair under both. None is looked at."""
        own = set(self.state_dict())
        kinds = [value.dtype for value in weights.held.values() if value.dtype.kind == "f"]
        wanted = np.result_type(np.float32, *kinds) if dtype is None else np.dtype(dtype)
        fitted = weights.renamed(lambda key: self._own_name(key, own)).astype(wanted)
        held = fitted.held
        for name, first in self._tied():
            kept = held.get(first, held.get(name))
            if held.get(name, kept) is not kept and not np.array_equal(fitted[name], fitted[first], True):
                raise ValueError(
                    f"{name} and {first} differ, but {FILE} ties them; write tie_word_embeddings: false there"
                )
            if kept is not None:
                held[name] = held[first] = kept
        return fitted

    def _own_name(self, key: str, own: set[str]) -> str | None:
        """This model's name for a checkpoint's key, None for one to be ignored, else the key."""
        for name in (key, f"{self.base}.{key}", key.removeprefix(f"{self.base}.")):
            if name in own:
                return name
        return None if any(re.search(pattern, key) for pattern in self.ignored) else key

    def _tied(self) -> Iterator[tuple[str, str]]:
        """(name, first name) of each parameter that has another name before."""
        first: dict[int, str] = {}
        for name, parameter in self.named_parameters(remove_duplicate=False):
            kept = first.setdefault(id(parameter), name)
            if kept != name:
                yield name, kept


def built(kind: type[P], config: Any) -> P:
    """A model of a `kind` with new weights; ValueError where no memory holds the sizes in its `config`."""
    try:
        return kind(config)
    except (MemoryError, ValueError) as error:
        raise ValueError(f"{FILE}: no model can be made with these sizes: {error}") from None


def read_generation(folder: str | os.PathLike, settings: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a folder says of generating: its own file, else what its config.json, `settings`, has of it."""
    path = os.path.join(os.fspath(folder), GENERATION)
    if os.path.exists(path):
        return read_object(path)
    found = {name: settings[name] for name in NAMES if settings.get(name) is not None}
    return {**found, **{name: settings[name] for name in SPECIAL if name in settings}} if found else None


def _write_object(path: str, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    atomic.write(os.path.realpath(path), [text.encode()])


def _float_dtype(dtype: DTypeLike) -> np.dtype:
    """`dtype` as NumPy's, which computes in these; TypeError for another."""
    found: np.dtype | None
    try:
        found = np.dtype(dtype)
    except TypeError:
        found = None
    if found is None or found.kind != "f":
        raise TypeError(f"from_pretrained: dtype is to be float16, float32 or float64, not {dtype!r}")
    return found


def weights_in(folder: str | os.PathLike) -> str:
    """The path of the file, or index of files, with a folder's weights.

    FileNotFoundError where none is, ValueError where it is a link out of the folder.
    """
    for name in FILES:
        if os.path.exists(os.path.join(os.fspath(folder), name)):
            return held(os.fspath(folder), name)
    raise FileNotFoundError(f"from_pretrained: none of {', '.join(FILES)} in {os.fspath(folder)!r}")


def initialize(model: nn.Module, std: float, smaller: tuple[str, ...] = (), by: float = 1.0) -> None:
    """Start as published models do: matrices normal with `std`, biases zero, norms as they are.

    Matrices whose name ends in one of `smaller` have std * by.
    """
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1:
            init.normal_(parameter, std=std * by if name.endswith(smaller) else std)
        elif name.endswith("bias"):
            init.zeros_(parameter)


def ids_of(model: nn.Module, ids: ArrayLike) -> np.ndarray:
    """`ids` as an array of integers (B, T); TypeError or ValueError, with the model's name, for other."""
    found = as_array(ids)
    if found.dtype.kind not in "iu":
        raise TypeError(f"{model.label()}: ids are to be integers, not {found.dtype}")
    if found.ndim != 2 or not found.shape[1]:
        raise ValueError(f"{model.label()}: ids of shape {found.shape}, expected (batch, length), not empty")
    return found


def check_context(model: Any, positions: np.ndarray) -> None:
    """Raise ValueError for a position beyond the model's `context`."""
    last = int(positions.max(initial=0))
    if last >= model.context:
        raise ValueError(f"{model.label()}: a text of {last + 1} tokens, but its context is {model.context}")
