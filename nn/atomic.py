"""Files that are written as a whole or not at all."""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable
from contextlib import suppress
from typing import IO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

DAY = 24 * 3600


def write(path: str, parts: Iterable[bytes | memoryview]) -> None:
    """Write the parts beside `path`, force them to disk, and rename: a reader finds the old file or the new.

    Removes what programs left that were killed while they wrote to the same path. Raises OSError.
    """
    folder, name = os.path.split(path)
    file = _new_temporary(folder, name)
    try:
        with file:
            _remove_abandoned(folder, name, os.fstat(file.fileno()).st_mtime)
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:  # while it is locked; Windows renames no open file
                os.replace(file.name, path)
        if fcntl is None:
            os.replace(file.name, path)
    finally:
        if os.path.exists(file.name):
            os.unlink(file.name)
    if os.name == "posix":  # the renaming too
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _host() -> str:
    """Eight digits for the computer on which locks are known to hold."""
    return f"{zlib.crc32(os.uname().nodename.encode()) if fcntl else 0:08x}"


def _new_temporary(folder: str, name: str) -> IO[bytes]:
    """A new file, locked until it is closed, also by the death of the program."""
    while True:
        file = open(os.path.join(folder, f".{name}.{_host()}{os.urandom(6).hex()}.tmp"), "xb")  # noqa: SIM115
        if fcntl is not None:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # removed by another program before it was locked


def _remove_abandoned(folder: str, name: str, now: float) -> None:
    """Remove the temporary files for this path that no living program writes; `now` by the disk's clock."""
    temporary = re.compile(re.escape(f".{name}.") + r"([0-9a-f]{8})[0-9a-f]{12}\.tmp")
    for found in filter(None, map(temporary.fullmatch, os.listdir(folder))):
        path = os.path.join(folder, found[0])
        with suppress(OSError), open(path, "r+b") as file:  # gone meanwhile, or not ours to touch
            if _abandoned(file, found[1], now):
                os.unlink(path)


def _abandoned(file: IO[bytes], host: str, now: float) -> bool:
    """Locks may not reach other computers that share the folder, so theirs are only so after a day."""
    locks = fcntl is not None and host == _host()
    if fcntl is not None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            locks = False
    return locks or now - os.fstat(file.fileno()).st_mtime > DAY
