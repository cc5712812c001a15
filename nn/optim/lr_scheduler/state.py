"""What of a schedule's attributes is saved, how it comes back, and how they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from numbers import Real
from types import FunctionType
from typing import Any

NUMBER = "a number"


def saved(value: Any) -> Any:
    """What a state holds of an attribute: schedules and callables have a state of their own."""
    if hasattr(value, "get_last_lr"):
        return value.state_dict()
    if _calls(value):
        return None if isinstance(value, FunctionType) else dict(getattr(value, "__dict__", {}))
    if isinstance(value, (list, tuple)):
        return [saved(item) for item in value]
    return value.copy() if isinstance(value, dict) else value


def loaded(own: Any, given: Any) -> Any:
    """The attribute that `given`, of a state, makes of `own`."""
    if hasattr(own, "get_last_lr"):
        own.load_state_dict(given)
        return own
    if _calls(own):
        if given:
            vars(own).update(given)
        return own
    if isinstance(given, (list, tuple)):
        known = own if isinstance(own, list) and len(own) == len(given) else [None] * len(given)
        return [loaded(*pair) for pair in zip(known, given, strict=True)]
    if isinstance(own, Counter):  # whose keys are text in a file of JSON
        return Counter({int(key): count for key, count in given.items()})
    return given


def check_value(what: str, own: Any, given: Any) -> None:
    """Raise ValueError or TypeError, beginning with `what`, unless `loaded(own, given)` is of own's kind."""
    if hasattr(own, "get_last_lr"):
        own.check_state_dict(given)
    elif isinstance(own, (list, tuple)) and isinstance(given, (list, tuple)):
        parts = any(_calls(item) or hasattr(item, "get_last_lr") for item in own)
        if parts and len(own) != len(given):
            raise ValueError(f"{what} has {len(given)} entries in the state, {len(own)} here")
        numbers = own and all(_kind(item) == NUMBER for item in own)
        for first, item in zip(own if parts else own[:1] * len(given), given, strict=False):
            if parts or numbers:
                check_value(what, first, item)
    elif _calls(own):
        if not (given is None or isinstance(given, Mapping)):
            raise ValueError(f"{what} must be the state of a callable, got {given!r:.80}")
    elif isinstance(own, Counter):
        if not isinstance(given, Mapping) or not all(str(key).isdigit() for key in given):
            raise ValueError(f"{what} must map whole numbers to how often they are there, got {given!r:.80}")
    elif own is None and isinstance(given, Mapping):
        raise ValueError(f"{what} has the state of a callable object, but there is none here")
    elif _kind(own) and (_kind(given) != _kind(own) or given != given):
        raise ValueError(f"{what} must be {_kind(own)}, got {given!r:.80}")


def _calls(value: Any) -> bool:
    return callable(value) and not isinstance(value, type)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "True or False"
    kinds = ((Real, NUMBER), (str, "a text"), ((list, tuple), "a list"), (Mapping, "a dict"))
    return next((told for kind, told in kinds if isinstance(value, kind)), "")


def shown(schedule: Any) -> Iterator[tuple[str, Any]]:
    """(name, value) of the constructor's arguments that are attributes: `gamma`, `max_lrs`, `_milestones`."""
    import inspect

    own = vars(schedule)
    for name in inspect.signature(type(schedule).__init__).parameters:
        for attribute in (name, f"{name}s", f"_{name}"):
            if attribute in own and attribute not in ("optimizer", "last_epoch", "_schedulers"):
                yield name, _shown(own[attribute], attribute == f"{name}s")


def _shown(value: Any, for_groups: bool = False) -> Any:
    if isinstance(value, Counter):
        return sorted(value.elements())
    if isinstance(value, list):
        parts = [_shown(item) for item in value]
        same = for_groups and parts and all(part == parts[0] for part in parts)
        return parts[0] if same else f"[{', '.join(map(str, parts))}]"
    if hasattr(value, "get_last_lr"):
        return f"{type(value).__name__}(...)"
    return getattr(value, "__name__", value)
