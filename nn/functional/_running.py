"""Running statistics: arrays that a layer's forward changes, also where it is replayed."""

from __future__ import annotations

from numbers import Real

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import change, kept
from ._inputs import where


def _array(running):
    return running.data if isinstance(running, Tensor) else running


def read(running):
    """The array as it is now, in a replay too."""
    array = _array(running)
    return kept(array) if isinstance(array, np.ndarray) else array


def check_running(name: str, x: Tensor, mean, var, needed: bool) -> None:
    """ValueError for statistics that are missing or do not fit x (N, C, ...); TypeError for what cannot be
    written to."""
    if (mean is None) != (var is None):
        raise ValueError(f"{where(name)}: give running_mean and running_var both, or neither")
    if mean is None:
        if needed:
            raise ValueError(f"{where(name)}: running_mean and running_var are needed for evaluation")
        return
    for argument, given in (("running_mean", mean), ("running_var", var)):
        array = _array(given)
        if np.shape(array) != (x.shape[1],):
            raise ValueError(
                f"{where(name)}: {argument} of shape {np.shape(array)} for input of shape {x.shape}, which "
                f"has {x.shape[1]} channels on axis 1"
            )
        if not needed and (not hasattr(array, "dtype") or array.dtype.kind != "f"):
            kind = getattr(array, "dtype", type(array).__name__)
            raise TypeError(
                f"{where(name)}: {argument} is written to, so it is an array of floats, not {kind}"
            )
        if isinstance(given, Tensor) and given.requires_grad:
            raise ValueError(f"{where(name)}: {argument} is written to, and cannot require a gradient")


def check_momentum(name: str, momentum: float | None) -> None:
    """TypeError or ValueError for what is no number, which would be found when half of it is done."""
    if momentum is None:
        return
    if not isinstance(momentum, Real) or isinstance(momentum, bool):
        raise TypeError(f"{where(name)}: momentum is a number, not {momentum!r}")
    if momentum != momentum:
        raise ValueError(f"{where(name)}: momentum is a number, not nan; running statistics would all be nan")


def follow(name: str, targets: tuple, mean: Tensor, var: Tensor, values: int, momentum: float | None) -> None:
    """Bring (running_mean, running_var, count), of which some may be None, up to date with a batch.

    With no `values` in the batch only the count goes up.
    """
    arrays = [_array(target) for target in targets]
    change(_move, arrays, mean.data, var.data, values, momentum)


def _move(targets, mean, var, values, momentum) -> None:
    running_mean, running_var, count = targets
    if count is not None:
        np.add(count, 1, out=count)
    if momentum is None:  # the mean over all batches
        momentum = 0.0 if count is None else 1 / float(count)
    if running_mean is None or not values:
        return
    with np.errstate(all="ignore"):
        for running, new in ((running_mean, mean), (running_var, var)):
            running *= 1 - momentum
            running += (momentum * new).astype(running.dtype)
