"""What a program has called before or after an optimizer's step, or the saving and loading of its state."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ...autograd.handle import Handle

KINDS = ("step_pre", "step_post", "state_pre", "state_post", "load_pre", "load_post")


class Hooked:
    """The part of Optimizer that has hooks: those of a kind are called in the order they came in."""

    _hooks: dict[str, dict[Any, Callable]]

    def _start_hooks(self) -> None:
        self._hooks = {kind: {} for kind in KINDS}

    def _call_hooks(self, kind: str, *state: Any) -> Any:
        """Call hooks with the optimizer, and a state if there is one; what they make of that, or None."""
        for hook in tuple(self._hooks[kind].values()):
            changed = hook(self, *state)
            state = state if changed is None else (changed,)
        return state[0] if state else None

    def _before_step(self, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        """The arguments of a step, as the hooks before it leave them."""
        for hook in tuple(self._hooks["step_pre"].values()):
            changed = hook(self, (self, *args), kwargs)
            if changed is None:
                continue
            if not isinstance(changed, tuple) or len(changed) != 2:
                raise RuntimeError(
                    f"{type(self).__name__}: a hook before step() gave {changed!r}, not (args, kwargs)"
                )
            (_, *rest), kwargs = changed
            args = tuple(rest)
        return args, kwargs

    def _after_step(self, args: tuple, kwargs: dict[str, Any]) -> None:
        for hook in tuple(self._hooks["step_post"].values()):
            hook(self, (self, *args), kwargs)

    def register_step_pre_hook(self, hook: Callable) -> Handle:
        """Call `hook(optimizer, args, kwargs)` before each step: args are the optimizer and a closure.

        Where it gives a pair (args, kwargs), these are used; RuntimeError for anything else.
        """
        return Handle(self._hooks["step_pre"], hook)

    def register_step_post_hook(self, hook: Callable) -> Handle:
        """Call `hook(optimizer, args, kwargs)` after each step."""
        return Handle(self._hooks["step_post"], hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer)` before the state is collected."""
        return Handle(self._hooks["state_pre"], hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer, state_dict)`, which may change it or give another."""
        return Handle(self._hooks["state_post"], hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer, state_dict)` before a state is loaded; it may give another in its place."""
        return Handle(self._hooks["load_pre"], hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(optimizer)` after a state has been loaded."""
        return Handle(self._hooks["load_post"], hook, prepend)


def with_hooks(step: Callable) -> Callable:
    """The step() that a subclass in PyTorch's style writes, with the hooks before and after it."""

    @wraps(step)
    def hooked(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not any(vars(self).get("_hooks", {}).get(kind) for kind in ("step_pre", "step_post")):
            return step(self, *args, **kwargs)
        args, kwargs = self._before_step(args, kwargs)
        result = step(self, *args, **kwargs)
        self._after_step(args, kwargs)
        return result

    return hooked
