"""What config.json of a published model says: read, checked, kept and written back."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

from ..json_files import parsed

C = TypeVar("C", bound="Config")

FILE = "config.json"
LAYERS = ("n_layer", "num_hidden_layers", "num_layers", "num_decoder_layers")
MOST_LAYERS = 1000  # each is built before a weight is looked at: who writes a file is not to choose how long
LARGEST = 2**31 - 1  # of any size
CAUSAL = {"is_causal": (True, "is to be true, as each position here sees those before it only")}
KINDS: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "str": (str,),
    "dict": (dict,),
    "list": (list, tuple),
    "None": (type(None),),
}


@dataclass(frozen=True)
class Config:
    """Settings of a published model under their names in config.json; `rest` holds what no field asks for.

    An architecture's own is a frozen dataclass with a field, its type and its default, transformers', for
    each setting that its computation uses. ValueError that names the setting for a value of another type, a
    size below 1 or beyond all that there are, and a number that is negative or no number; a probability is at
    most 1. `only` are settings
    of the rest that change the numbers in transformers, each with the value that is computed here and why.
    """

    may_be_zero: ClassVar[tuple[str, ...]] = ()
    only: ClassVar[Mapping[str, tuple[Any, str]]] = {
        "quantization_config": (None, "is to be null, as packed weights are not read here; save the model in "
                                "float16, bfloat16 or float32"),
        "is_causal": (None, "is to be left out, as the encoder here sees both sides and the decoder one"),
        "per_layer_config": (None, "is to be null, as all layers here have the same settings"),
    }  # fmt: skip
    aliases: ClassVar[Mapping[str, str]] = {}  # other words that transformers takes for fields
    model_type: str
    rest: Mapping[str, Any] = field(default_factory=dict, kw_only=True, repr=False)

    def __post_init__(self) -> None:
        for setting in fields(self):
            if setting.name != "rest":
                self._check(setting.name, str(setting.type).split(" | "), getattr(self, setting.name))
        for name, (value, why) in self.only.items():
            if self.rest.get(name, value) is not value:
                self.refuse(name, why)

    def _check(self, name: str, kinds: list[str], value: Any) -> None:
        allowed = tuple(kind for word in kinds for kind in KINDS[word])
        if not isinstance(value, allowed) or (isinstance(value, bool) and "bool" not in kinds):
            self.refuse(name, f"is to be {' or '.join(kinds)}".replace("None", "null"))
        least = 0 if name.endswith("_id") or name in self.may_be_zero else 1
        most = MOST_LAYERS if name in LAYERS else LARGEST
        if type(value) is int and "int" in kinds and not least <= value <= most:
            self.refuse(name, f"is to be {least} or more" if value < least else f"is to be at most {most}")
        if isinstance(value, (int, float)) and "float" in kinds and not 0 <= value < math.inf:
            self.refuse(name, "is to be 0 or more")
        if name.endswith(("dropout", "pdrop", "dropout_prob")) and value is not None and value > 1:
            self.refuse(name, "is a probability, at most 1")

    def refuse(self, name: str, why: str) -> None:
        """Raise ValueError about the setting `name`, with its value."""
        raise ValueError(f"{FILE}: {name} {why}, not {getattr(self, name)!r}")

    def check_divides(self, part: str, whole: str) -> None:
        """Raise ValueError unless the setting `whole` is a multiple of the setting `part`."""
        if getattr(self, whole) % getattr(self, part):
            self.refuse(whole, f"is to be a multiple of {part}, {getattr(self, part)}")

    def get(self, name: str, default: Any = None) -> Any:
        """The setting `name`, of the fields or of the rest; `default` where config.json has none."""
        return getattr(self, name) if name in self._own() else self.rest.get(name, default)

    def __getattr__(self, name: str) -> Any:
        """A setting of the rest."""
        try:
            return self.__dict__["rest"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no setting {name!r}") from None

    @classmethod
    def _own(cls) -> set[str]:
        return {setting.name for setting in fields(cls)} - {"rest"}

    @classmethod
    def from_dict(cls: type[C], settings: Mapping[str, Any]) -> C:
        """The config of what config.json holds; ValueError as of the class."""
        for other, name in cls.aliases.items():
            value = settings.get(other)
            if value is not None and settings.get(name, value) != value:
                raise ValueError(
                    f"{FILE}: {name} {settings[name]!r} and {other} {value!r} are two words for one setting; "
                    "leave one out"
                )
            settings = settings if value is None else {**settings, name: value}
        own = cls._own()
        given = {name: value for name, value in settings.items() if name in own}
        rest = {name: value for name, value in settings.items() if name not in own or value is None}
        return cls(**given, rest=rest)

    def to_dict(self) -> dict[str, Any]:
        """All settings, as config.json has them; without those that are None unless they were given so."""
        own = {name: getattr(self, name) for name in sorted(self._own())}
        return {**self.rest, **{name: value for name, value in own.items() if value is not None}}


def read_config(folder: str | os.PathLike) -> dict[str, Any]:
    """The settings in a model's folder.

    FileNotFoundError without the folder or its config.json, ValueError for what is no JSON object or has no
    model_type, TypeError for what is no path.
    """
    if not isinstance(folder, (str, os.PathLike)):
        raise TypeError(f"from_pretrained(folder): the path of a folder, not a {type(folder).__name__}")
    path = os.path.join(os.fspath(folder), FILE)
    if not os.path.isdir(folder):
        hint = "a model of the Hub is first downloaded into one, as by `hf download NAME --local-dir FOLDER`"
        raise FileNotFoundError(f"from_pretrained: no folder {os.fspath(folder)!r}; {hint}")
    if not os.path.isfile(path):
        raise FileNotFoundError(f"from_pretrained: no {FILE} in {os.fspath(folder)!r}")
    settings = read_object(path)
    if not isinstance(settings.get("model_type"), str):
        raise ValueError(f"{path} is to be an object with a model_type, as transformers writes it")
    return settings


def read_object(path: str) -> dict[str, Any]:
    """The JSON object in a file; ValueError that names it where there is none."""
    found = parsed(path)
    if not isinstance(found, dict):
        raise ValueError(f"{path} is to be an object, as transformers writes it, not {found!r:.40}")
    return found
