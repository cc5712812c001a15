"""What a planted fault is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]


class Fault(NamedTuple):
    """One line of the package made wrong, and the small part of the tests that has to notice."""

    file: str  # as on disk, below the root
    right: str  # a part of the file that occurs in it once
    wrong: str
    tests: str  # "tests/a.py::test_b -k words", without what is not needed

    @property
    def path(self) -> str:
        """Of the tests: a file or folder, perhaps with a test in it."""
        return self.tests.partition(" -k ")[0]

    @property
    def words(self) -> str:
        """What of it is run, as pytest's -k takes it; empty for all."""
        return self.tests.partition(" -k ")[2]

    @property
    def arguments(self) -> list[str]:
        """Of pytest."""
        return [self.path, *(["-k", self.words] if self.words else [])]

    def planted(self) -> str:
        """The file's text with the fault in it. ValueError unless the right line is there exactly once."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.right) != 1:
            raise ValueError(f"{self.file} has {self.right!r} {text.count(self.right)} times, not once")
        return text.replace(self.right, self.wrong)
