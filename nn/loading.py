"""Named arrays copied into a model's own: what does not fit is found before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Tensor, versions
from ..autograd.arrays import as_array


class LoadResult(NamedTuple):
    """Names that `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def load_arrays(
    into: str, own: Mapping[str, np.ndarray], given: Mapping[str, Any], strict: bool
) -> LoadResult:
    """Copy `given` by name into the arrays `own`, all or nothing; `check_fit` says what is refused."""
    given = {key: _array(value) for key, value in given.items()}
    result = check_fit(into, own, given, strict=strict)
    cast = {key: given[key].astype(own[key].dtype, copy=False) for key in own if key in given}
    for key, array in cast.items():
        own[key][...] = array
        versions.mark_written(own[key])
    return result


def check_fit(
    into: str,
    own: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    strict: bool = True,
    cast: bool = True,
) -> LoadResult:
    """Raise ValueError, beginning with `into`, that names every key of `given` that does not fit `own`.

    Missing and unexpected ones are only returned, not refused, where `strict` is false. Shapes must be equal.
    Where arrays are `cast`, integers may become floats, and float64 float32, but floats no integers; else the
    kinds of dtypes must be equal.
    """
    ours, theirs = ({key: _array(value) for key, value in named.items()} for named in (own, given))
    both = [(key, theirs[key], ours[key]) for key in ours if key in theirs]
    missing, unexpected = [k for k in ours if k not in theirs], [k for k in theirs if k not in ours]
    shapes = [f"{k} has shape {a.shape}, expected {b.shape}" for k, a, b in both if a.shape != b.shape]
    kinds = [
        f"{key} has dtype {a.dtype}, expected {b.dtype}"
        for key, a, b in both
        if not (_can_become(a.dtype, b.dtype) if cast else a.dtype.kind == b.dtype.kind)
    ]
    problems = {"misshapen": "; ".join(shapes), "of another kind": "; ".join(kinds)}
    if strict:
        problems["missing"] = _with_nearest(missing, unexpected)
        problems["unexpected"] = _with_nearest(unexpected, missing)
    if any(problems.values()):
        lines = [f"{problem}: {what}" for problem, what in problems.items() if what]
        raise ValueError("\n  ".join([f"{into}:", *lines]))
    return LoadResult(missing, unexpected)


def _array(value) -> np.ndarray:
    return as_array(value.data if isinstance(value, Tensor) else value)


def _can_become(given: np.dtype, own: np.dtype) -> bool:
    """NumPy's rule for writing in place, but that integers are of one kind: Python's numbers have no sign."""
    return np.can_cast(given, own, "same_kind") or given.kind + own.kind in ("iu", "ui")


def _with_nearest(keys: list[str], others: list[str]) -> str:
    """The keys, each with the most similar one on the other side, if any."""
    from difflib import get_close_matches

    def described(key: str) -> str:
        near = get_close_matches(key, others, 1)
        return f"{key} (nearest: {near[0]})" if near else key

    return ", ".join(map(described, keys))
