"""What a module hands over to be saved, and takes back: state_dict and load_state_dict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..autograd import Tensor
from ..autograd.handle import Handle
from .loading import EXTRA, LoadResult, load
from .registry import Parameter, Registry

if TYPE_CHECKING:
    from .hooks import Hooks


class State(Registry):
    """The part of Module that is saved."""

    def state_dict(
        self,
        *args: Any,
        destination: dict[str, Any] | None = None,
        prefix: str = "",
        keep_vars: bool = False,
    ) -> dict[str, Any]:
        """The arrays of all parameters and persistent buffers by dotted name: themselves, not copies.

        They are put into `destination`, if given, under names that begin with `prefix`. With `keep_vars` the
        parameters themselves come in place of their arrays. `args` are these three in this order, as PyTorch
        took them once. What get_extra_state gives, where a class has one, is called "_extra_state".
        """
        if args:
            given = {"destination": destination, "prefix": prefix, "keep_vars": keep_vars}
            given.update(zip(given, args))  # noqa: B905
            return self.state_dict(**given)  # type: ignore[arg-type]
        state = {} if destination is None else destination
        hooks = self.__dict__.get("_hooks")
        for hook in () if hooks is None else tuple(hooks.state_pre.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(state, prefix, keep_vars)
        for name, child in self._children():
            child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in () if hooks is None else tuple(hooks.state_post.values()):
            hook(self, state, prefix, {})
        return state

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        """Put in what is this module's own, without the modules in it; a class may do so in its own way."""
        for name, _, value in self._own_state():
            destination[prefix + name] = value if keep_vars or not isinstance(value, Tensor) else value.data
        if self._has_own("get_extra_state"):
            destination[prefix + EXTRA] = self.get_extra_state()

    def _own_state(self) -> Iterator[tuple[str, State, Any]]:
        """(name, self, value) of parameters and persistent buffers; scalars are made arrays again."""
        own = self.__dict__
        for name, value in list(own.items()):
            if isinstance(value, Parameter):
                yield name, self, value
        for name, persistent in list(own.get("_persistent", {}).items()):
            if persistent and own[name] is not None:
                value = own[name]
                if not isinstance(value, Tensor) and not hasattr(value, "materialize"):
                    value = own[name] = np.asarray(value)
                yield name, self, value

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> LoadResult:
        """Copy arrays by name into parameters and buffers, all or nothing.

        With `assign` they become the parameters' and buffers' own arrays, of their own dtypes, instead of
        being copied. Those of a file (nn.load_weights) are mapped once more, copy on write: nothing is read
        then, and neither the file nor another model sees what this one writes.

        Raises ValueError naming the keys that are missing or unexpected (both unless `strict=False`),
        misshapen, or of a kind that cannot be cast, as floats where integers are expected: of many the first,
        and how many more. TypeError for what is no mapping.
        """
        return load(self, state_dict, strict, assign)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """What happens to a copy of the state before it is loaded; a class may rename what is in it."""
        hooks = self.__dict__.get("_hooks")
        given = state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        for hook in () if hooks is None else tuple(hooks.load_pre.values()):
            hook(self, *given)

    def _has_own(self, method: str) -> bool:
        return getattr(type(self), method) is not getattr(State, method)

    def get_extra_state(self) -> Any:
        """What a class that has this method saves beside arrays; set_extra_state gets it back.

        NotImplementedError unless a class has one.
        """
        raise NotImplementedError(f"{type(self).__name__} has no get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """What a class does with the `state` that its get_extra_state gave.

        NotImplementedError unless a class has one.
        """
        raise NotImplementedError(f"{type(self).__name__} has no set_extra_state()")

    # ------------------------------------------------------------------ hooks of the state

    def register_state_dict_pre_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, prefix, keep_vars)` before the state is collected."""
        return Handle(self._own_hooks().state_pre, hook)

    def register_state_dict_post_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, state_dict, prefix, local_metadata)`, which may change state_dict.

        The metadata is an empty dict.
        """
        return Handle(self._own_hooks().state_post, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`.

        That is before a state is loaded; state_dict is a copy whose names may be changed, and the last three
        are lists to which names and messages may be added. Nothing is loaded if there are messages.
        """
        return Handle(self._own_hooks().load_pre, hook)

    def register_load_state_dict_post_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, incompatible_keys)` after a state has been loaded.

        It has lists, missing_keys and unexpected_keys, from which names may be taken away: `strict` is about
        what is left.
        """
        return Handle(self._own_hooks().load_post, hook)

    def _own_hooks(self) -> Hooks:
        from .hooks import Hooks

        return self.__dict__.setdefault("_hooks", Hooks())
