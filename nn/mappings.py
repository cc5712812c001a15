"""What a module holds, by kind, as mappings that are written to: module._modules["0"] = nn.Identity()."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Any


class Held(MutableMapping):
    """The attributes of a module that are of one kind, by name: a view, not a copy.

    `is_held(name, value)` says which they are, `put(name, value)` sets one. A name whose attribute is None
    gives None without being listed (a layer without a bias has its name all the same).
    """

    def __init__(self, owner: Any, is_held: Callable[[str, Any], bool], put: Callable[[str, Any], None]):
        self.owner = owner
        self.is_held = is_held
        self.put = put

    def __getitem__(self, name: str) -> Any:
        value = vars(self.owner)[name]
        if value is not None and not self.is_held(name, value):
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: Any) -> None:
        self.put(name, value)

    def __delitem__(self, name: str) -> None:
        self[name]  # KeyError for what is another's
        delattr(self.owner, name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, value in vars(self.owner).items() if self.is_held(name, value)])

    def __reversed__(self) -> Iterator[str]:
        return reversed([*self])

    def __len__(self) -> int:
        return sum(1 for _ in self)  # list() asks for it

    def __repr__(self) -> str:
        return f"{type(self).__name__}({dict(self)})"
