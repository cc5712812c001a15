"""Tiny Shakespeare, the usual text for small character models: downloaded once, then kept."""

import hashlib
import os
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from tapegrad.nn import atomic

URL = "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt"
SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
SILENCE, PATIENCE = 5, 20  # seconds without a sign from the server, and for the whole download


def fetch(report: Callable[[str], object] = print) -> str:
    """The text, 1,115,394 characters, from the cache or else from the network; an OSError says why not."""
    path = cache()
    data = path.read_bytes() if path.is_file() else b""
    if not _genuine(data):  # not there, or damaged
        data = _download()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(str(path), [data])
            report(f"downloaded tiny Shakespeare to {path}")
        except OSError as error:
            report(f"downloaded tiny Shakespeare, but could not keep it for the next time: {error}")
    return data.decode("ascii")


def cache() -> Path:
    """The file it is kept in: under TAPEGRAD_CACHE, or the folder that the system has for such files."""
    own = os.environ.get("TAPEGRAD_CACHE")
    system = os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_CACHE_HOME")
    try:
        folder = Path(own) if own else Path(system or Path("~/.cache").expanduser()) / "tapegrad"
    except RuntimeError as error:  # a user without a home, as in some containers
        raise FileNotFoundError(
            "there is no home folder to keep tiny Shakespeare in: set TAPEGRAD_CACHE"
        ) from error
    return folder / "tinyshakespeare.txt"


def _genuine(data: bytes) -> bool:
    return hashlib.sha256(data).hexdigest() == SHA256


def _download() -> bytes:
    data, deadline = b"", time.monotonic() + PATIENCE
    try:
        with urlopen(URL, timeout=SILENCE) as response:
            while part := response.read1(1 << 16):
                data += part
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not finished after {PATIENCE} seconds")
    except (OSError, HTTPException) as error:
        reason = str(error).strip("<>") or type(error).__name__
        raise OSError(f"could not download {URL} ({reason})") from error
    if not _genuine(data):
        raise OSError(f"what {URL} sent is not tiny Shakespeare ({len(data):,} bytes, with another SHA-256)")
    return data
