"""What the packages of ops export."""

from __future__ import annotations

import sys


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
