"""Where arrays live and of what dtype they are made: `device=` and `dtype=` of layers, as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd.arrays import DTypeLike

DEVICES = ("cpu", "cuda", "mps", "xpu", "meta")


def check_device(name: str, device: Any) -> None:
    """Raise ValueError for another device than the one there is."""
    if device is not None and str(device).partition(":")[0] != "cpu":
        raise ValueError(f"{name}: device={str(device)!r} is not there; arrays of NumPy live on the 'cpu'")


def dtype_for(layer: Any, device: Any, dtype: DTypeLike | None) -> np.dtype:
    """The dtype of a layer's parameters, float32 unless given; ValueError for a device that is not there."""
    check_device(type(layer).__name__, device)
    return np.dtype(np.float32 if dtype is None else dtype)
