"""Attributes of a module that are computed when they are read, as a weight that is normalised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ..autograd.modes import current
from ..autograd.replay import capturing


class Kept(dict):
    """Values that were computed, by module, name and what is recorded: in a call of `owner`, or lasting."""

    def __init__(self, owner: Any = None):
        self.owner = owner
        self.lasting = owner is None


_kept: ContextVar[Kept | None] = ContextVar("values that were computed", default=None)


class Computed:
    """What computes an attribute: called with the module, it gives the value, a Tensor."""

    advice = "remove what computes it first"

    def __call__(self, module: Any) -> Any:
        raise NotImplementedError

    def assign(self, module: Any, name: str, value: Any) -> None:
        """What setattr does; TypeError unless it can be done."""
        raise TypeError(f"{type(module).__name__}.{name} is computed from other parameters: {self.advice}")


def set_computed(module: Any, name: str, how: Computed | None) -> None:
    """Have the attribute `name`, which nothing else has, computed by `how`; by nothing any more with None."""
    hooks = module._own_hooks()
    if how is not None:
        hooks.computed[name] = how
    else:
        del hooks.computed[name]


def computes(module: Any, name: str) -> Any:
    """What computes an attribute, None if nothing does."""
    hooks = vars(module).get("_hooks")
    return None if hooks is None else hooks.computed.get(name)


def value_of(module: Any, name: str, how: Callable[[Any], Any]) -> Any:
    """The value, in a call the same one each time: a power iteration advances once for each call."""
    kept = _kept.get()
    if kept is None or (kept.lasting and capturing.get() is not None):
        return how(module)
    mode = current.get()
    key = id(module), name, mode.grad, mode.recipes, mode.observers  # which ag.checkpoint has one of its own
    if key not in kept:
        kept[key] = how(module)
    return kept[key]


@contextmanager
def once(module: Any) -> Iterator[None]:
    """In a call of the module: what it computes is kept until the end of the call."""
    outer = _kept.get()
    if outer is not None and outer.lasting and capturing.get() is None:
        yield
        return
    _kept.set(Kept(module))
    try:
        yield
    finally:
        _kept.set(outer)


def in_call(module: Any) -> bool:
    """Whether this is inside of a call of the module."""
    kept = _kept.get()
    return kept is not None and kept.owner is module


@contextmanager
def afresh() -> Iterator[None]:
    """In a `with` block: nothing that was computed before it is used in it, or in turn."""
    outer = _kept.get()
    _kept.set(None)
    try:
        yield
    finally:
        _kept.set(outer)


@contextmanager
def lasting() -> Iterator[None]:
    """In a `with` block: what is computed once is kept until its end."""
    outer = _kept.get()
    if outer is None or not outer.lasting:
        _kept.set(Kept())
    try:
        yield
    finally:
        _kept.set(outer)
