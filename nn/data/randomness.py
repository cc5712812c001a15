"""Which random numbers an epoch, its order and its batches draw."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import random


def check_generator(owner: str, generator: Any) -> None:
    """TypeError unless it is None or a Generator of NumPy's."""
    if generator is not None and not isinstance(generator, np.random.Generator):
        kind = f"{type(generator).__module__}.{type(generator).__name__}"
        raise TypeError(
            f"{owner}: generator is None (the package's, see nn.manual_seed) or a generator of NumPy's, "
            f"np.random.default_rng(seed), not {kind.removeprefix('builtins.')} {generator!r:.40}"
        )


def numbers_of(generator: np.random.Generator | None) -> np.random.Generator:
    """It, or the package's."""
    return random.generator() if generator is None else generator


def draw_seed(generator: np.random.Generator | None) -> int:
    """64 random bits, of which all of an epoch's randomness is made."""
    return int(numbers_of(generator).integers(2**64, dtype=np.uint64))


def order_seed(seed: int) -> list[int]:
    """Of what samplers without a generator of their own draw from in an epoch with this seed."""
    return [seed, 0]


def batch_seed(seed: int, index: int) -> list[int]:
    """Of what the package's generator gives while batch `index` is made."""
    return [seed, index + 1]  # no trailing zeros, which SeedSequence does not see
