"""Named arrays copied into a model's own: what does not fit is found before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..autograd import Tensor, versions
from ..autograd.arrays import as_array
from .registry import Parameter
from .uninitialized import Shaped, is_lazy

EXTRA = "_extra_state"  # ends the name of what get_extra_state gives
SHOWN = 20  # names of a kind that an error lists: of a model that does not fit at all, there are thousands
PAIRS = 10_000  # of names that are compared for the nearest, which takes a second


class LoadResult(NamedTuple):
    """Names that `load_state_dict(strict=False)` passed over."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        missing, unexpected = self
        return f"{type(self).__name__}(missing_keys={missing}, unexpected_keys={unexpected})"


def load(model: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> LoadResult:
    """What Module.load_state_dict does: hooks, then checks, and then all is copied or assigned."""
    into = f"{type(model).__name__}.load_state_dict"
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"{into}: a state is a mapping of names to arrays, not a {type(state_dict).__name__}")
    # Weights of files stay there as long as they can: they are made one by one where they go.
    given: Any = state_dict
    given = given.copy() if hasattr(given, "held") else dict(given)
    missing, unexpected, errors = [], [], []  # type: ignore[var-annotated]
    named = list(_with_prefixes(model, ""))
    for prefix, module in named:
        module._load_from_state_dict(given, prefix, {}, strict, missing, unexpected, errors)
    extra = {prefix + EXTRA: m for prefix, m in named if m._has_own("set_extra_state")}
    missing += [key for key in extra if key not in given]
    after = [(m, h) for _, m in named for h in _hooks_after(m)]
    given = getattr(given, "held", given)
    with Shaped(model, given):
        own = {prefix + name: (owner, name, v) for prefix, m in named for name, owner, v in m._own_state()}
        unknown = {key for key, (_, _, v) in own.items() if is_lazy(v) and is_lazy(given.get(key))}
        own = {key: value for key, value in own.items() if key not in unknown}
        arrays = {k: _array(value) for k, value in given.items() if k not in extra and k not in unknown}
        result = check_fit(
            into,
            {key: value for key, (_, _, value) in own.items()},
            arrays,
            strict=strict and not after,
            cast=not assign,
            also=LoadResult(missing, unexpected),
            errors=errors,
        )
        _put(own, arrays, assign)
    for key, module in extra.items():
        if key in given:
            module.set_extra_state(_whole(given[key]))
    for module, hook in reversed(after):  # those inside first
        hook(module, result)
    if strict and after:
        _raise_problems(into, _strict_problems(result))
    return result


def _hooks_after(module: Any) -> list:
    return list(vars(module)["_hooks"].load_post.values()) if "_hooks" in vars(module) else []


def _with_prefixes(model: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """(what its names begin with, module), under each of its names."""
    yield prefix, model
    for name, child in model._children():
        yield from _with_prefixes(child, f"{prefix}{name}.")


def _put(own: dict[str, tuple], arrays: dict[str, Any], assign: bool) -> None:
    """Copy what fits, or assign it. Casts that could fail are made before anything is written."""
    found = [(arrays[key], *place) for key, place in own.items() if key in arrays]
    if not assign:
        cast = [
            (a if np.can_cast(a.dtype, v.dtype) else _whole(a).astype(v.dtype), v) for a, _, _, v in found
        ]
        for array, value in cast:
            into = value.data if isinstance(value, Tensor) else value
            into[...] = _whole(array)
            versions.mark_written(into)
        return
    from .stored import owned

    for array, (_, owner, name, value) in zip(owned((a, v) for a, _, _, v in found), found, strict=True):
        if isinstance(value, Parameter):
            value.become(array)
        else:
            setattr(owner, name, array)


def _whole(array: Any) -> np.ndarray:
    """The numbers of what may have to be made yet."""
    return array.made() if hasattr(type(array), "made") else array


def check_fit(
    into: str,
    own: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    strict: bool = True,
    cast: bool = True,
    also: LoadResult | None = None,
    errors: Sequence[str] = (),
) -> LoadResult:
    """Raise ValueError, beginning with `into`, that names the keys of `given` that do not fit `own`.

    Missing and unexpected ones are only returned, not refused, where `strict` is false. Shapes must be equal.
    Where arrays are `cast`, integers may become floats, and float64 float32, but floats no integers; else the
    kinds of dtypes must be equal. `also` has further missing and unexpected names, `errors` further problems.
    """
    ours, theirs = ({key: _array(value) for key, value in named.items()} for named in (own, given))
    both = [(key, theirs[key], ours[key]) for key in ours if key in theirs]
    result = also or LoadResult([], [])
    result.missing_keys[:0] = [key for key in ours if key not in theirs]
    result.unexpected_keys[:0] = [key for key in theirs if key not in ours]
    shapes = [f"{k} has shape {a.shape}, expected {b.shape}" for k, a, b in both if a.shape != b.shape]
    kinds = [
        f"{key} has dtype {a.dtype}, expected {b.dtype}"
        for key, a, b in both
        if not (_can_become(a.dtype, b.dtype) if cast else a.dtype.kind == b.dtype.kind)
    ]
    problems = {"misshapen": "; ".join(_few(shapes)), "of another kind": "; ".join(_few(kinds))}
    _raise_problems(into, {**problems, **(_strict_problems(result) if strict else {})}, errors)
    return result


def _strict_problems(result: LoadResult) -> dict[str, str]:
    missing, unexpected = result
    return {
        "missing": _with_nearest(missing, unexpected),
        "unexpected": _with_nearest(unexpected, missing),
    }


def _raise_problems(into: str, problems: dict[str, str], errors: Sequence[str] = ()) -> None:
    lines = [f"{problem}: {what}" for problem, what in problems.items() if what] + [*errors]
    if lines:
        raise ValueError("\n  ".join([f"{into}:", *lines]))


def _array(value) -> Any:
    """An array, or what one is made from in a file: that has a dtype and a shape too."""
    if hasattr(type(value), "made"):  # a Tensor would look for something similar
        return value
    return as_array(value.data if isinstance(value, Tensor) else value)


def _can_become(given: np.dtype, own: np.dtype) -> bool:
    """NumPy's rule for writing in place, but that integers are of one kind: Python's numbers have no sign."""
    return np.can_cast(given, own, "same_kind") or given.kind + own.kind in ("iu", "ui")


def _few(names: list[str]) -> list[str]:
    """The first names, and how many there are besides."""
    return [*names[:SHOWN], f"and {len(names) - SHOWN:,} more"] if len(names) > SHOWN else names


def _with_nearest(keys: list[str], others: list[str]) -> str:
    """The first keys, each with the most similar one on the other side, if any."""
    from difflib import get_close_matches

    seen = others[: PAIRS // min(SHOWN, len(keys) or 1)]

    def described(key: str) -> str:
        near = get_close_matches(key, seen, 1)
        return f"{key} (nearest: {near[0]})" if near else key

    return ", ".join(_few([*map(described, keys[:SHOWN]), *keys[SHOWN:]]))
