"""The text that a model trains on, and its characters as numbers."""

import os
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import shakespeare

STDLIB_SIZE = 2_000_000
# No part of the language's own library, or tables and generated text rather than source.
LEFT_OUT = {
    "dist-packages", "encodings", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "test",
    "tests", "turtledemo",
}  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A text and what to call it in a report."""

    name: str
    text: str


def load(name: str | None, report: Callable[[str], object] = print) -> Text:
    """The text of that name: "shakespeare", "stdlib", or the path of a UTF-8 file.

    None means tiny Shakespeare if it is there or can be downloaded within seconds, and otherwise, after
    telling `report` why not, the source of Python's standard library, which needs no network.
    """
    if name == "stdlib":
        return _stdlib()
    if name not in (None, "shakespeare"):
        return _file(Path(name))
    try:
        return Text("tiny Shakespeare", shakespeare.fetch(report))
    except OSError as error:
        if name is None:
            report(f"{error}: using the source of Python's standard library instead")
            return _stdlib()
        way_out = f"save it as {shakespeare.cache()} yourself, or name a text file of your own or 'stdlib'"
        raise OSError(f"{error}: {way_out}") from error


def _file(path: Path) -> Text:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: name one text file in it")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        message = f"there is no text file {path}: name one, or 'shakespeare' or 'stdlib'"
        raise FileNotFoundError(message) from None
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")  # a byte order mark is no part of the text
    except UnicodeDecodeError as error:
        message = (
            f"{path} is not UTF-8 text (byte {error.start:,} is 0x{data[error.start]:02x}): convert it first"
        )
        raise ValueError(message) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text:
        raise ValueError(f"{path} is empty: there is nothing to learn from")
    return Text(path.name, text)


def _stdlib() -> Text:
    """The running Python's modules, in alphabetical order, as plain ASCII; the same on every call."""
    folder = Path(os.__file__).parent
    text = ""
    for path in sorted([*folder.glob("*.py"), *folder.glob("*/*.py")], key=Path.as_posix):
        if path.parent.name in LEFT_OUT or path.name.startswith("_sysconfigdata"):
            continue
        data = path.read_bytes()
        if data.isascii():
            text += re.sub(r"[^\n -~]", "", data.decode("ascii").expandtabs())
        if len(text) >= STDLIB_SIZE:
            break
    if not text:
        raise FileNotFoundError(f"this Python has no source files in {folder}: name a text file")
    return Text(f"the standard library of Python {platform.python_version()}", text[:STDLIB_SIZE])


@dataclass(frozen=True)
class Vocabulary:
    """The characters that a model knows, in sorted order; a character's id is its place among them.

    `characters` is all there is to save.
    """

    characters: str

    def __post_init__(self) -> None:
        if not self.characters or list(self.characters) != sorted(set(self.characters)):
            raise ValueError("a vocabulary is a string of distinct characters in sorted order, at least one")

    @classmethod
    def of(cls, text: str) -> "Vocabulary":
        """The distinct characters of a text."""
        if not text:
            raise ValueError("an empty text has no characters to make a vocabulary of")
        return cls("".join(sorted(set(text))))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> np.ndarray:
        """The id of each character, (T,) int64."""
        known, codes = _code_points(self.characters), _code_points(text)
        ids = np.searchsorted(known, codes)
        strange = known[np.minimum(ids, len(known) - 1)] != codes
        if strange.any():
            i = int(strange.argmax())
            raise ValueError(
                f"the character {text[i]!r} (U+{ord(text[i]):04X}) at position {i:,} is not among the"
                f" {len(self)} that this model knows: leave it out, or train on a text that has it"
            )
        return ids.astype(np.int64)

    def decode(self, ids: np.ndarray) -> str:
        """The text that has these ids."""
        ids = np.asarray(ids, dtype=np.int64)
        if ids.size and not 0 <= ids.min() <= ids.max() < len(self):
            raise ValueError(f"ids run from {ids.min()} to {ids.max()}, but there are {len(self)} characters")
        return str(_code_points(self.characters)[ids].tobytes(), "utf-32-le", "surrogatepass")


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
