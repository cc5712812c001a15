"""Texts as they are given to `generate`, checked and brought into rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd import Tensor

__all__ = ["Rows", "rows_of"]


class Rows:
    """Texts of different lengths as one array, ids (B, T), with padding on one side.

    `real` (B, T) is true for tokens.
    """

    def __init__(self, texts: Sequence[np.ndarray], left: bool = True):
        self.texts = texts
        width = max(map(len, texts))
        self.ids = np.zeros((len(texts), width), np.int64)
        self.real = np.zeros(self.ids.shape, bool)
        for row, real, text in zip(self.ids, self.real, texts, strict=True):
            place = slice(width - len(text), None) if left else slice(len(text))
            row[place], real[place] = text, True

    @property
    def mask(self) -> np.ndarray | None:
        """`real`, or None where there is no padding."""
        return None if self.real.all() else self.real


def rows_of(
    name: str, given: Any, vocabulary: int | None = None, attention_mask: Any = None
) -> tuple[list[np.ndarray], bool]:
    """The ids of each text, and whether `given` is several: an array (B, T), or a list of texts (T,).

    `attention_mask` (B, T) tells tokens from padding, on whichever side. ValueError for no text, an empty one
    or another shape, TypeError where ids are no integers but texts, say, IndexError where they are not in the
    vocabulary; `name` is what the caller calls them.
    """
    texts, several = _texts(name, given)
    if attention_mask is not None:
        texts = _without_padding(name, texts, several, attention_mask)
    for i, text in enumerate(texts):
        which = f"{name}[{i}]" if several else name
        if text.dtype.kind not in "iu" and text.size:
            raise TypeError(f"generate: {which} must be integers, not {text.dtype}")
        if not text.size:
            raise ValueError(f"generate: {which} is empty; give at least one id to go on from")
        low, high = int(text.min()), int(text.max())
        if low < 0 or (vocabulary is not None and high >= vocabulary):
            wrong = low if low < 0 else high
            hint = "; mark padding by attention_mask, not by such ids" if low < 0 else ""
            at = int(np.flatnonzero(text == wrong)[0])
            ids = "ids" if vocabulary is None else f"ids 0 to {vocabulary - 1}"
            raise IndexError(f"generate: {which} has id {wrong} at {at}; the vocabulary has {ids}{hint}")
    return [text.astype(np.int64) for text in texts], several


def _texts(name: str, given: Any) -> tuple[list[np.ndarray], bool]:
    if isinstance(given, Tensor):
        given = given.numpy()
    if isinstance(given, str) or (
        isinstance(given, (list, tuple)) and any(isinstance(x, str) for x in given)
    ):
        raise TypeError(f"generate: {name} is a text; give its ids, as the encode of a tokenizer makes them")
    if isinstance(given, (list, tuple)) and any(np.ndim(x) for x in given):
        texts = [np.asarray(x) for x in given]
        wrong = next((x.shape for x in texts if x.ndim != 1), None)
        if wrong is not None:
            raise ValueError(f"generate: {name} holds a text of shape {wrong}; give each as its ids, (T,)")
        return texts, True
    ids = np.asarray(given)
    if ids.ndim not in (1, 2) or (ids.ndim == 2 and not len(ids)):
        raise ValueError(
            f"generate: {name} of shape {ids.shape}; give the ids of one text, (T,), or of several, (B, T) "
            "or a list of (T,)"
        )
    return (list(ids), True) if ids.ndim == 2 else ([ids], False)


def _without_padding(
    name: str, texts: list[np.ndarray], several: bool, attention_mask: Any
) -> list[np.ndarray]:
    mask = np.asarray(attention_mask)
    mask = mask if several else mask[None]
    if len({len(text) for text in texts}) > 1 or mask.shape != (len(texts), len(texts[0])):
        raise ValueError(
            f"generate: attention_mask of shape {np.shape(attention_mask)} beside texts of lengths "
            f"{[len(text) for text in texts]} in {name}; it is for one array, of its shape. Texts of "
            "different lengths in a list need none"
        )
    if not np.isin(mask, (0, 1)).all():
        raise ValueError("generate: attention_mask is 1 for tokens and 0 for padding, and has other numbers")
    return [text[real == 1] for text, real in zip(texts, mask, strict=True)]
