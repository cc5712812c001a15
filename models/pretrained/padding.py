"""Which of a batch's tokens are real, where texts of different lengths are filled up."""

from __future__ import annotations

import numpy as np

from ... import nn
from ...autograd.arrays import ArrayLike, as_array


def real_tokens(
    model: nn.Module, mask: ArrayLike | None, shape: tuple[int, ...], name: str = "attention_mask"
) -> np.ndarray | None:
    """`mask` of the `shape` (B, T) as booleans, true for real tokens; None where all are.

    ValueError, with the model's name and that of the argument, for another shape and for numbers other than 0
    and 1 (a mask that is to be added to scores, say); TypeError for what are no numbers.
    """
    if mask is None:
        return None
    found = as_array(mask)
    if found.dtype.kind not in "biuf":
        raise TypeError(f"{model.label()}: {name} is to be of booleans or of 0 and 1, not {found.dtype}")
    if found.shape != shape:
        raise ValueError(
            f"{model.label()}: {name} of shape {found.shape}, expected {shape}, one for each token"
        )
    real = found.astype(bool, copy=False)
    if not np.array_equal(real, found):
        raise ValueError(f"{model.label()}: {name} is to be 1 for tokens and 0 for padding, and nothing else")
    return None if real.all() else real
