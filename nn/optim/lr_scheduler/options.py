"""The arguments of a schedule, looked at: errors name its class, the argument and the value."""

from __future__ import annotations

import math
from collections.abc import Iterator
from math import inf
from numbers import Real
from typing import Any


def name_of(schedule: Any) -> str:
    """What its class is called."""
    return type(schedule).__name__


def rates_of(schedule: Any) -> list[float]:
    """The rates that the groups of its optimizer have now."""
    return [group["lr"] for group in schedule.optimizer.param_groups]


def is_number(value: Any) -> bool:
    """Whether it is one number, and no bool."""
    return isinstance(value, Real) and not isinstance(value, bool)


def number(
    schedule: Any, name: str, value: Any, low: float = -inf, high: float = inf, above: bool = False
) -> Any:
    """`value`, where it is a number from `low`, or `above` that, to `high`; else TypeError or ValueError."""
    if not is_number(value):
        raise TypeError(f"{name_of(schedule)}: {name} must be a number, got {value!r}")
    if not low <= value <= high or (above and value == low) or math.isinf(value):
        wanted = f"{'more than' if above else 'at least'} {low}" if low > -inf else "a finite number"
        wanted += f" and at most {high}" if high < inf else ""
        raise ValueError(f"{name_of(schedule)}: {name} must be {wanted}, got {value!r}")
    return value


def whole(schedule: Any, name: str, value: Any, least: int = 1) -> int:
    """`value` as an int, where it is a whole number of `least` or more; else ValueError, as in PyTorch."""
    if not is_number(value) or not least <= value < inf or value != int(value):
        raise ValueError(
            f"{name_of(schedule)}: {name} must be a whole number, {least} or more, got {value!r}"
        )
    return int(value)


def choice(schedule: Any, name: str, value: Any, *words: str) -> str:
    """`value`, where it is one of the words; else ValueError."""
    if value not in words:
        wanted = " or ".join(map(repr, words))
        raise ValueError(f"{name_of(schedule)}: {name} must be {wanted}, got {value!r}")
    return value


def each(schedule: Any, name: str, value: Any) -> list[Any]:
    """A number for each group of the optimizer, of one or of as many; else TypeError or ValueError."""
    count = len(schedule.optimizer.param_groups)
    values = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(
            f"{name_of(schedule)}: {name} has {len(values)} values for {count} param groups: {value}"
        )
    return [number(schedule, name, item) for item in values]


def groups_with(schedule: Any, **lists: list) -> Iterator[tuple]:
    """(group, and its value of each of the lists); ValueError where groups were added meanwhile."""
    groups = schedule.optimizer.param_groups
    short = [f"{name} has {len(values)}" for name, values in lists.items() if len(values) != len(groups)]
    if short:
        raise ValueError(
            f"{name_of(schedule)}: the optimizer has {len(groups)} param groups by now, {', '.join(short)}; "
            f"append what a new group is to have to {' and '.join(lists)} of the schedule"
        )
    return zip(groups, *lists.values(), strict=True)
