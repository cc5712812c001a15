"""What the functions of nn do alike with their arguments: integers, float16, options that are not here."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor


def as_tensor(x) -> Tensor:
    """`x` itself if it is a Tensor, else a constant Tensor."""
    return x if isinstance(x, Tensor) else Tensor(x)


def as_float(x, beside=None) -> Tensor:
    """`x` as a Tensor of floats: integers take the float dtype of `beside`, else float64, as NumPy's do."""
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.data.dtype.kind == "f":
        return x
    dtype = getattr(beside, "dtype", None)
    return x.astype(dtype if dtype is not None and dtype.kind == "f" else np.float64)


def are_within(ids, n: int) -> bool:
    """Whether all of the integers `ids` are from 0 to n - 1, in one pass.

    Read as unsigned numbers, negative ones are large.
    """
    return not ids.size or bool(ids.astype(_UNSIGNED[ids.dtype.itemsize]).max() < n)


_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def widened(op, *inputs, **attributes) -> Tensor:
    """`op` of float16 inputs in float32, the result rounded: sums of float16 overflow or lose small terms."""
    wide = [ag.astype(x, np.float32) if getattr(x, "dtype", None) == np.float16 else x for x in inputs]
    return op(*wide, **attributes).astype(np.float16)


def unsupported(name: str, advice: str = "", **given: Any) -> None:
    """Raise TypeError for arguments of PyTorch's that are taken for their place alone, if one is given."""
    for argument, value in given.items():
        if value is not None and value is not False:
            raise TypeError(f"{name}: {argument}={value!r} is not supported{'; ' + advice if advice else ''}")


def old_reduction(name: str, size_average, reduce) -> None:
    """Raise TypeError for what PyTorch had before `reduction`."""
    for argument, value in (("size_average", size_average), ("reduce", reduce)):
        if value is not None:
            raise TypeError(f"{name}: {argument}= has been replaced by reduction='mean', 'sum' or 'none'")
