"""What packages export: ops that stand in their files, or names whose file loads when one is asked for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def exports(package: dict) -> list[str]:
    """The sorted names of the ops that stand in a package's files, of its globals().

    A file whose name a star import has hidden by another file's import gets it back: only an op that stands
    in a file of its own name may hide that.
    """
    own = f"{package['__name__']}."
    for path, module in list(sys.modules.items()):
        name = path.removeprefix(own)
        if name != path and "." not in name and not _is_of(path, package.get(name)):
            package[name] = module
    return [name for name, value in sorted(package.items()) if name[0] != "_" and _is_of(own, value)]


def _is_of(own: str, value: object) -> bool:
    return hasattr(value, "facts") and value.__module__.startswith(own)


def on_first_use(package: dict, files: Mapping[str, str]) -> Callable[[str], Any]:
    """`__getattr__` of a package, of its globals(): `files` maps a file to the names it has for the package.

    A file is loaded when one of its names is asked for. A name that is its file's own stands for the file. No
    name may be that of another file, which Python would put in its place.
    """
    places = {name: file for file, names in files.items() for name in names.split()}

    def load(name: str) -> Any:
        if name not in places:
            near = "" if name[:2] == "__" else _nearest(name, [*places, *package.get("__all__", ())])
            raise AttributeError(f"module {package['__name__']!r} has no attribute {name!r}{near}")
        file = import_module(f".{places[name]}", package["__name__"])
        value = package[name] = file if name == places[name] else getattr(file, name)
        return value

    return load


def _nearest(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches

    lowered = {n.lower(): n for n in names}  # nn.Relu, nn.BatchNorm2D
    near = get_close_matches(name.lower(), lowered, 1)
    return f"; did you mean {lowered[near[0]]!r}?" if near else ""
