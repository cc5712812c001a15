"""Blocks of consecutive characters, cut out of one long text: what a model sees in a training step."""

import numpy as np


def split(ids: np.ndarray, fraction: float = 0.9) -> tuple[np.ndarray, np.ndarray]:
    """The first `fraction` of the text to train on and the rest to validate: by position, as nanoGPT does."""
    n = int(fraction * len(ids))
    return ids[:n], ids[n:]


class Blocks:
    """A text in blocks of `size` characters to predict; `starts` are the positions where blocks begin.

    A block takes `span` characters of text in all. `Pairs` and `Windows` say how they are laid out, in
    `at(starts)`; everything else is the same for both.
    """

    def __init__(self, ids: np.ndarray, size: int, span: int) -> None:
        if size < 1:
            raise ValueError(f"a block has at least one character, not {size} (--block)")
        if len(ids) < span:
            raise ValueError(
                f"a block of {size:,} takes {span:,} characters of text, and this part of it has only"
                f" {len(ids):,}: take a longer text or a smaller --block"
            )
        self.ids, self.size, self.span = ids, size, span

    def draw(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """`count` random starts, every possible one as likely as any other: a training batch."""
        return rng.integers(len(self.ids) - self.span + 1, size=count)

    def cover(self) -> np.ndarray:
        """The starts, in order, at which every character is predicted once: for evaluation.

        Left out are the characters that only serve as context at the very start, and at the end fewer than
        `size` that fill no block.
        """
        return np.arange(0, len(self.ids) - self.span + 1, self.size)

    def _cut(self, starts: np.ndarray) -> np.ndarray:
        return self.ids[np.asarray(starts)[:, None] + np.arange(self.span)]  # (B, span)


class Pairs(Blocks):
    """For an encoder-decoder: `size` characters to read and the `size` after them to write."""

    def __init__(self, ids: np.ndarray, size: int) -> None:
        super().__init__(ids, size, span=2 * size)

    def at(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(source, target_in, target_out), each (B, size).

        Teacher forcing: target_in is target_out one character earlier, so the first character that the
        decoder is given is the last of the source.
        """
        block = self._cut(starts)
        return block[:, : self.size], block[:, self.size - 1 : -1], block[:, self.size :]


class Windows(Blocks):
    """For a decoder alone (GPT): at each of `size` characters, predict the next."""

    def __init__(self, ids: np.ndarray, size: int) -> None:
        super().__init__(ids, size, span=size + 1)

    def at(self, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(x, y), each (B, size): y is x one character later."""
        block = self._cut(starts)
        return block[:, :-1], block[:, 1:]
