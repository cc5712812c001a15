"""What can be known to go wrong before a program has worked for minutes."""

import tempfile
from importlib.util import find_spec
from pathlib import Path


def require(*packages: str) -> None:
    """Raise ModuleNotFoundError if one of these packages of the extra `examples` is not installed."""
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f"this program needs {' and '.join(missing)} too: in the repository, pip install '.[examples]'"
        )


def writable(folder: Path, option: str = "--out") -> Path:
    """Make the folder of an option if it is not there; raises OSError if it cannot be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        message = f"{option} {folder} cannot be written to ({error.strerror}): name another folder"
        raise OSError(message) from error
    return folder
