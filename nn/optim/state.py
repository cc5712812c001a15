"""What an optimizer hands over to be saved, and takes back, in PyTorch's form."""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator, Mapping, MutableMapping
from numbers import Real
from typing import Any

import numpy as np

from .groups import Groups
from .hooks import Hooked
from .live_state import LiveState

STEP = "step"  # how often a parameter was updated, in its state


class State(Groups, Hooked):
    """The part of Optimizer that is saved."""

    counts = True  # updates are counted in the state, as `step`

    def kept(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the state arrays that a group with these options uses."""
        return self.state_names

    @property
    def state(self) -> MutableMapping[Any, Any]:
        """{parameter: {name: array}}, of the parameters that have any, as it is: writing changes it.

        What is written must be what load_state_dict would take for a parameter, else ValueError, and what is
        deleted begins anew. A subclass with a step() of its own has a defaultdict of dicts.
        """
        if self.own_step:  # it may not have called our __init__
            return vars(self).setdefault("_own", defaultdict(dict))
        return LiveState(self)

    @state.setter
    def state(self, given: MutableMapping[Any, Any]) -> None:
        if self.own_step:
            vars(self)["_own"] = given
        else:
            LiveState(self).replace(given)

    def _entries(self) -> Iterator[tuple[dict[str, Any], Any, int]]:
        """(group, buffer, place in it) of every parameter, in the order of the indices in a state."""
        self._follow()
        places = {
            id(p): (flat, i) for flats in self._flats for flat in flats for i, p in enumerate(flat.params)
        }
        for group in self.param_groups:
            yield from ((group, *places[id(p)]) for p in group["params"])

    def _states(self) -> Iterator[tuple[dict[str, Any], Any, int, dict[str, Any]]]:
        """The same, and the state of each."""
        for group, flat, i in self._entries():
            yield group, flat, i, self._state_of(group, flat, i)

    def _state_of(self, group: Mapping[str, Any], flat: Any, i: int) -> dict[str, Any]:
        """The state of a parameter: empty before its first update, but for what `initial` names."""
        if self.own_step:
            return self.state.get(flat.params[i], {})
        entry: dict[str, Any] = {}
        if flat.steps[i] or self.initial(group):
            if self.counts:
                entry[STEP] = np.array(flat.steps[i], np.float32)  # PyTorch's, a tensor of one number
            arrays, kept = flat.state_of(i), self.kept(group)
            entry.update({name: arrays[name] for name in arrays if name in kept})
            entry.update({name: np.array(n[i], np.float32) for name, n in flat.numbers.items()})
        return entry

    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: {name: array}}, "param_groups": options, with indices as "params"}.

        PyTorch's form. A parameter that was never updated has no state. The arrays are views, not copies.
        """
        self._call_hooks("state_pre")
        every = list(self._states())
        if self.own_step and len(self.state) > sum(flat.params[i] in self.state for _, flat, i, _ in every):
            raise self._error("state has what is none of its parameters; keep that in an attribute")
        state = {index: entry for index, (*_, entry) in enumerate(every) if entry}
        groups, first = [], 0
        for group in self.param_groups:
            count = len(group["params"])
            groups.append({**group, "params": list(range(first, first + count))})
            first += count
        return self._call_hooks("state_post", {"state": state, "param_groups": groups})

    def check_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Raise ValueError or TypeError, saying where, if `load_state_dict` could not load this."""
        self._read(state_dict)

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Take over a state given by `state_dict`, PyTorch's too, all or nothing; the arrays are copied."""
        groups, entries = self._read(self._call_hooks("load_pre", state_dict))
        for group, saved in zip(self.param_groups, groups, strict=True):
            group.update({**saved, "params": group["params"]})
        for (group, flat, i), entry in zip(self._entries(), entries, strict=True):
            self._take(group, flat, i, entry)
        self._call_hooks("load_post")

    def _take(self, group: Mapping[str, Any], flat: Any, i: int, entry: dict[str, Any]) -> None:
        """Put a state that was read in the place of a parameter's: as it began where it was never updated."""
        if self.own_step:
            self.state[flat.params[i]] = copy.deepcopy(entry)
            return
        initial = self.initial(group)
        some = any(name != STEP for name in entry)
        flat.steps[i] = int(entry.get(STEP, 0)) if self.counts else some
        for name, view in flat.state_of(i).items():
            view[...] = entry.get(name, initial.get(name, 0))
        for name, numbers in flat.numbers.items():
            numbers[i] = entry.get(name, 0)

    def _read(self, state_dict: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The options of each group and the state of each parameter, once they are known to fit."""
        self._check_form(state_dict)
        groups = [dict(group) for group in state_dict["param_groups"]]
        theirs = [len(group["params"]) for group in groups]
        ours = [len(group["params"]) for group in self.param_groups]
        if theirs != ours:
            raise self._error(f"the state has groups of {theirs} parameters, this optimizer of {ours}")
        groups = [self._read_options(group) for group in groups]
        order = {str(index): place for place, index in enumerate(i for g in groups for i in g["params"])}
        entries: list[dict[str, Any]] = [{} for _ in order]
        of_place = list(self._entries())
        options = [group for group in groups for _ in group["params"]]
        for index, arrays in state_dict["state"].items():
            place = order.get(str(index))  # files make strings of them
            if place is None:
                raise self._error(f"state for parameter {index}, but there are {len(order)} parameters")
            _, flat, i = of_place[place]
            entries[place] = self._read_entry(index, arrays, flat.layouts[i], options[place])
        return groups, entries

    def _check_form(self, state: Any) -> None:
        """Raise ValueError unless it looks like what state_dict() gives."""
        if not isinstance(state, Mapping) or not {"state", "param_groups"} <= state.keys():
            kind = type(state).__name__
            raise self._error(
                f"a state is what state_dict() gives, with 'state' and 'param_groups'; got {kind}"
            )
        if not isinstance(state["state"], Mapping):
            raise self._error(f"'state' is {{index: state of a parameter}}, got {state['state']!r:.80}")
        groups = state["param_groups"]
        listed = isinstance(groups, (list, tuple)) and all(isinstance(group, Mapping) for group in groups)
        if not listed or not all(isinstance(group.get("params"), (list, tuple)) for group in groups):
            raise self._error(f"'param_groups' are dicts with indices as 'params', got {groups!r:.80}")

    def _read_options(self, saved: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a saved group; those that came later than some files have their defaults."""
        later = {n: v for n, v in self.defaults.items() if v is None or isinstance(v, bool)}
        missing = self.defaults.keys() - saved.keys() - later.keys()
        if missing:
            raise self._error(f"the saved options lack {', '.join(sorted(missing))}: another optimizer's?")
        group = {name: _plain(value) for name, value in saved.items()}
        rate = group.get("lr")  # a schedule may have made it negative
        self.check({**later, **group, **({"lr": abs(rate)} if isinstance(rate, Real) else {})})
        return {**later, **group, "params": list(group["params"])}

    def _read_entry(
        self, index: Any, given: Mapping[str, Any], layout: Mapping[str, tuple], group: Mapping[str, Any]
    ) -> dict[str, Any]:
        """The state of a parameter as arrays. ValueError unless these are the right ones, in their shapes."""
        if not isinstance(given, Mapping):
            raise self._error(f"state of parameter {index} is {{name: array}}, got {given!r:.80}")
        if self.own_step:
            return dict(given)
        entry = {name: np.asarray(value) for name, value in given.items() if value is not None}
        shapes = {name: shape for name, shape in layout.items() if name in self.kept(group)}
        shapes.update(dict.fromkeys(self.start(group), ()))
        if self.counts:
            shapes[STEP] = ()
        else:
            entry.pop(STEP, None)
        if entry and entry.keys() != shapes.keys():
            found, expected = ", ".join(sorted(entry)), ", ".join(sorted(shapes))
            raise self._error(f"state of parameter {index} is {found}, expected {expected or 'nothing'}")
        for name, array in entry.items():
            if array.shape != shapes[name]:
                raise self._error(
                    f"{name} of parameter {index} has shape {array.shape}, expected {shapes[name]}"
                )
            if array.dtype.kind not in "fiub":
                raise self._error(f"{name} of parameter {index} has dtype {array.dtype}, expected numbers")
        if self.counts and entry and not (0 <= float(entry[STEP]) < 2**63 and entry[STEP] % 1 == 0):
            raise self._error(f"step of parameter {index} is {entry[STEP]}, expected a number of updates")
        return entry


def _plain(value: Any) -> Any:
    """A saved option as Python has it: files make lists of tuples, and PyTorch's rate may be a tensor."""
    if isinstance(value, (list, tuple)):
        return tuple(map(_plain, value))
    return value.item() if getattr(value, "ndim", None) == 0 else value
