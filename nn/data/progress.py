"""How far an epoch has come, as a loader's state_dict says it."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Progress:
    """What an epoch's remaining batches follow from: all its randomness is in the seed."""

    seed: int
    sources: list[Any]  # what its order may depend on besides, as it was when the epoch began
    index: int = 0  # of the first batch that has not been given
    later: set[int] = field(default_factory=set)  # those after it that have been: in_order=False
    ends: dict[int, int] = field(default_factory=dict)  # where samples of workers ended: {worker: index}
    states: dict[int, Any] = field(default_factory=dict)  # of copies of a dataset that keeps its place
    over: bool = False

    def given(self, index: int) -> None:
        """Batch `index` has been given out."""
        self.later.add(index)
        while self.index in self.later:
            self.later.remove(self.index)
            self.index += 1

    def was_given(self, index: int) -> bool:
        """Whether batch `index` has been."""
        return index < self.index or index in self.later

    def to_json(self) -> dict[str, Any]:
        """In a form that JSON holds."""
        return {
            "seed": self.seed,
            "sources": self.sources,
            "index": self.index,
            "later": sorted(self.later),
            "ends": sorted(self.ends.items()),
            "states": sorted(copy.deepcopy(self.states).items()),
        }

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Progress:
        """From `to_json`; raises KeyError, TypeError or ValueError for anything else."""
        ends, states = ({int(k): v for k, v in state[name]} for name in ("ends", "states"))
        if not 0 <= int(state["seed"]) < 2**64 or int(state["index"]) < 0:
            raise ValueError("seed or index out of range")
        return cls(
            int(state["seed"]), list(state["sources"]), int(state["index"]), set(state["later"]), ends, states
        )


class Sources:
    """What an order is drawn from that the seed does not decide: generators and samplers with a state."""

    def __init__(self, *owners: Any):
        found: dict[int, Any] = {}
        for owner in owners:
            inner = getattr(owner, "sampler", None)  # of a BatchSampler
            for each in (owner, getattr(owner, "generator", None), inner, getattr(inner, "generator", None)):
                if isinstance(each, np.random.Generator) or _has_state(each):
                    found[id(each)] = each
        self.found = list(found.values())

    def read(self) -> list[Any]:
        """Their states now, in a form that JSON holds if those of samplers are."""
        return [
            _plain(each.bit_generator.state)
            if isinstance(each, np.random.Generator)
            else copy.deepcopy(each.state_dict())
            for each in self.found
        ]

    def check(self, states: Any) -> None:
        """ValueError unless they are states of these."""
        if not isinstance(states, list) or len(states) != len(self.found):
            raise ValueError("it is of a loader with other samplers or generators")
        for each, state in zip(self.found, states, strict=True):
            if isinstance(each, np.random.Generator):
                kind = type(each.bit_generator)
                try:
                    kind().state = state
                except (TypeError, ValueError, KeyError) as error:
                    raise ValueError(
                        f"it holds no state of the generator's {kind.__name__}: {error}"
                    ) from error

    def write(self, states: list[Any], only_generators: bool = False) -> None:
        """Put them back into these states."""
        for each, state in zip(self.found, states, strict=True):
            if isinstance(each, np.random.Generator):
                each.bit_generator.state = state
            elif not only_generators:
                each.load_state_dict(copy.deepcopy(state))


def _has_state(value: Any) -> bool:
    return callable(getattr(value, "state_dict", None)) and callable(getattr(value, "load_state_dict", None))


def _plain(value: Any) -> Any:
    """A bit generator's state with lists for arrays, which it takes too."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
