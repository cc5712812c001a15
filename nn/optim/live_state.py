"""optimizer.state: the state of each parameter as a dict, where it really is numbers in flat buffers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import numpy as np

from ...autograd import Tensor


class LiveState(MutableMapping):
    """{parameter: its state} of an optimizer, as it is; the state of any of its parameters is there or {}."""

    def __init__(self, optimizer: Any):
        self._optimizer = optimizer

    def __getitem__(self, p: Tensor) -> Entry:
        return Entry(self._optimizer, p)

    def __setitem__(self, p: Tensor, given: Mapping[str, Any]) -> None:
        self[p].replace(given)

    def __delitem__(self, p: Tensor) -> None:
        self[p].replace({})

    def __contains__(self, p: object) -> bool:
        return any(p is one for one in self)

    def __iter__(self) -> Iterator[Tensor]:
        return iter([flat.params[i] for _, flat, i, entry in self._optimizer._states() if entry])

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return repr(dict(self))

    def pop(self, p: Tensor, *default: Any) -> Any:
        """Delete the state of a parameter, and give a copy of what it was."""
        if p not in self:
            return super().pop(p, *default) if default else {}
        was = copy.deepcopy(dict(self[p]))
        del self[p]
        return was

    def clear(self) -> None:
        """Every parameter begins anew."""
        for p in self:
            del self[p]

    def replace(self, given: Mapping[Tensor, Mapping[str, Any]]) -> None:
        """Put all that is given in the place of what there is, or raise and change nothing."""
        if not isinstance(given, Mapping):
            raise self._optimizer._error(f"state is {{parameter: its state}}, got {given!r:.80}", TypeError)
        read = [(self[p], self[p].read(entry)) for p, entry in given.items()]
        self.clear()
        for entry, arrays in read:
            entry.take(arrays)


class Entry(MutableMapping):
    """{name: array} of a parameter: views of its state; its numbers, such as `step`, are no views."""

    def __init__(self, optimizer: Any, p: Tensor):
        self._optimizer = optimizer
        found = [(index, *entry) for index, entry in enumerate(optimizer._entries())]
        at = [(index, group, flat, i) for index, group, flat, i in found if flat.params[i] is p]
        if not at:
            raise optimizer._error("state has what belongs to its parameters; this is none of them", KeyError)
        self._index, group, flat, i = at[0]
        self._place = group, flat, i

    def _now(self) -> dict[str, Any]:
        return self._optimizer._state_of(*self._place)

    def __getitem__(self, name: str) -> Any:
        value = self._now()[name]
        number = isinstance(value, np.ndarray) and value.ndim == 0 and value.base is None
        return value[()] if number else value

    def __setitem__(self, name: str, value: Any) -> None:
        self.replace({**self._now(), name: value})

    def __delitem__(self, name: str) -> None:
        rest = self._now()
        del rest[name]
        self.replace(rest)

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

    def __repr__(self) -> str:
        return repr(self._now())

    def clear(self) -> None:
        """The parameter begins anew."""
        self.replace({})

    def update(self, *given: Any, **named: Any) -> None:
        """Put in several names at once."""
        self.replace({**self._now(), **dict(*given, **named)})

    def read(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The state that is given as arrays, or ValueError."""
        group, flat, i = self._place
        indices = {**group, "params": range(len(group["params"]))}  # as it is saved
        try:
            return self._optimizer._read_entry(self._index, given, flat.layouts[i], indices)
        except ValueError as error:
            raise ValueError(
                f"{error}. Give all of it at once, optimizer.state[p] = {{...}}, or delete it, and keep what "
                "is your own in a dict of yours"
            ) from error

    def take(self, arrays: dict[str, Any]) -> None:
        """Put what was read in the place of what there is."""
        self._optimizer._take(*self._place, arrays)

    def replace(self, given: Mapping[str, Any]) -> None:
        """Put this state in the place of what there is."""
        self.take(self.read(given))
