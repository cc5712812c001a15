"""What a hook is removed by."""

from __future__ import annotations

from typing import Any


class Handle:
    """Of a hook that has been added: `remove()` takes it away again, as does the end of `with handle:`.

    It is called after the others in `hooks`, or before them.
    """

    __slots__ = ("_hooks", "_key")

    def __init__(self, hooks: dict[Any, Any], hook: Any, prepend: bool = False):
        self._hooks = hooks
        self._key = object()
        others = dict(hooks) if prepend else {}
        if prepend:
            hooks.clear()
        hooks[self._key] = hook
        hooks.update(others)

    def remove(self) -> None:
        """Take the hook away; once more does no harm."""
        self._hooks.pop(self._key, None)

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error) -> None:
        self.remove()
