"""Settings that classifiers have: the labels, and which of an architecture's heads there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from .config import Config

MOST = 1_000_000  # labels: they have names


@dataclass(frozen=True)
class Labelled(Config):
    """Settings of a model that may be a classifier.

    A class says its `heads`: for each model_type the names that transformers has for the model with each of
    its heads, and what they are called here; the first is meant where config.json names none. ValueError for
    a head that is not there, and for labels that are not numbered from 0.
    """

    only: ClassVar = {
        **Config.only,
        "is_causal": (False, "is to be false, as each position here sees those on both sides"),
    }
    heads: ClassVar[Mapping[str, Mapping[str, str]]]
    architectures: list | None = None
    id2label: dict | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        known = self.heads.get(self.model_type, {})
        if known and not (isinstance(self.architecture, str) and self.architecture in known):
            self.refuse("architectures", f"is to be one of {', '.join(known)}")
        try:
            numbers = sorted(map(int, self.id2label or {}))
        except (TypeError, ValueError):
            numbers = [-1]
        if numbers != list(range(len(numbers))):
            self.refuse("id2label", "is to have the keys 0, 1, 2 ...")
        if not isinstance(count := self.rest.get("num_labels", 2), int) or not 0 < count <= MOST:
            raise ValueError(f"config.json: num_labels is to be from 1 to {MOST}, not {count!r}")

    @property
    def architecture(self) -> str:
        """transformers' name for the class."""
        return (self.architectures or list(self.heads[self.model_type]))[0]

    @property
    def head(self) -> str:
        """Which head there is."""
        return self.heads[self.model_type][self.architecture]

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels' names by their numbers; two without names where config.json has none."""
        if self.id2label:
            return tuple(name for _, name in sorted(self.id2label.items(), key=lambda item: int(item[0])))
        return tuple(f"LABEL_{i}" for i in range(self.rest.get("num_labels", 2)))
