"""Handwritten digits: 1,797 images of 8 x 8 pixels, in scikit-learn's package (Alpaydin and Kaynak 1998)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Digits:
    """Images (N, 1, 8, 8) from 0 to 1, and which digits they are, (N,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, size: int, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """All of them once in a random order, `size` at a time; what is left over at the end is left out."""
        order = rng.permutation(len(self))
        for start in range(0, len(self) - size + 1, size):
            chosen = order[start : start + size]
            yield self.images[chosen], self.labels[chosen]

    def divided(self, share: float, rng: np.random.Generator) -> tuple[Digits, Digits]:
        """The rest, and this share of them, chosen at random: the same share of each kind."""
        chosen = np.zeros(len(self), bool)
        for digit in range(10):
            of_kind = rng.permutation(np.flatnonzero(self.labels == digit))
            chosen[of_kind[: round(share * len(of_kind))]] = True
        rest, part = (Digits(self.images[here], self.labels[here]) for here in (~chosen, chosen))
        return rest, part


def load(seed: int, test: float = 0.2) -> tuple[Digits, Digits]:
    """Digits to train on and digits to test with."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = (data.images / 16).astype(np.float32)[:, None]
    return Digits(images, data.target.astype(np.int64)).divided(test, np.random.default_rng(seed))


def shifted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each image moved by up to one pixel in both directions; black comes in."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    down, right = rng.integers(0, 3, (2, len(images), 1, 1))
    rows, columns = down + np.arange(8)[:, None], right + np.arange(8)
    return padded[np.arange(len(images))[:, None, None], 0, rows, columns][:, None]
