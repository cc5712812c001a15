"""What losses do alike: input beside target, weights, half precision, how losses become a number."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextvars import ContextVar

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ._inputs import as_float, as_tensor, reduced, where

# Set by whoever puts the mean of a batch together from those of its shares: which have been over a sum of
# weights, of which a share may have more than its rows say.
divided: ContextVar[list | None] = ContextVar("divided", default=None)


def pair_of(name: str, input, target, broadcasts: bool = True) -> tuple[Tensor, Tensor]:
    """Input and target as Tensors of floats; ValueError for shapes that do not fit.

    With `broadcasts`, UserWarning where they are not the same, as PyTorch gives it.
    """
    input, target = as_float(input, target), as_float(target, input)
    a, b = input.data.shape, target.data.shape
    if a != b:
        shapes = f"{where(name)}: input of shape {a}, target of shape {b}"
        try:
            np.broadcast_shapes(a, b)
        except ValueError:
            raise ValueError(f"{shapes}, which do not fit; give the target the shape of the input") from None
        if not broadcasts:
            same = input.data.size == target.data.size
            way = (
                f"target.reshape({a})"
                if same
                else f"np.broadcast_to(target, {a}) if each is meant for several"
            )
            raise ValueError(f"{shapes}; give the target the shape of the input, {way}")
        message = "; they are broadcast, which is seldom what a loss should be of: give both one shape"
        warnings.warn(f"{shapes}{message}", UserWarning, stacklevel=3)
    return input, target


def broadcast_or_refuse(name: str, **given: Tensor) -> None:
    """Raise ValueError unless the shapes broadcast."""
    try:
        np.broadcast_shapes(*[x.shape for x in given.values()])
    except ValueError:
        shapes = ", ".join(f"{argument} of shape {x.shape}" for argument, x in given.items())
        raise ValueError(f"{where(name)}: {shapes} do not broadcast") from None


def weights_for(name: str, weight, input: Tensor, argument: str = "weight") -> Tensor | None:
    """Weights as a Tensor of input's dtype, so that they never widen it; None where there are none."""
    if weight is None:
        return None
    weight = as_float(weight, input)
    return weight if weight.data.dtype == input.data.dtype else weight.astype(input.data.dtype)


def fitting(name: str, weight, input: Tensor, argument: str = "weight") -> Tensor | None:
    """The same, which have to broadcast to the shape of input; ValueError where they do not."""
    weight = weights_for(name, weight, input)
    if weight is None:
        return None
    shape = input.data.shape
    try:
        fits = np.broadcast_shapes(weight.data.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{where(name)}: {argument} of shape {weight.shape} does not broadcast to that of input, {shape}"
        )
    return weight


def of_full_size(name: str, weight, input: Tensor) -> Tensor | None:
    """The same for weights that must have the shape of input."""
    weight = weights_for(name, weight, input)
    if weight is not None and weight.data.shape != input.data.shape:
        raise ValueError(
            f"{where(name)}: weight of shape {weight.shape} for input of shape {input.shape}; "
            f"one weight for each element, np.broadcast_to(weight, {input.shape}) makes it so"
        )
    return weight


def in_single(fn: Callable, *inputs: Tensor | None) -> Tensor:
    """fn of the inputs, in float32 and rounded in the end where all of them are float16."""
    if any(x is not None and x.data.dtype.char != "e" for x in inputs):
        return fn(*inputs)
    return fn(*[x if x is None else x.astype(np.float32) for x in inputs]).astype(np.float16)


def quotient(total: Tensor, count) -> Tensor:
    """total / count, and without a warning nan where nothing counts, as in PyTorch."""
    count = as_tensor(count).astype(total.data.dtype)
    return total / ag.where(count == 0, np.nan, count)


def mean_or(losses: Tensor, reduction: str) -> Tensor:
    """The losses, or their sum or mean, which is nan where there are none."""
    if reduction == "mean" and not losses.data.size:
        return quotient(losses.sum(), 0)
    return reduced(losses, reduction)


def over_weights(total: Tensor, weights: Tensor) -> Tensor:
    """total / the sum of the weights, noted for those who want to know."""
    noted = divided.get()
    if noted is not None:
        noted.append(weights.shape)
    return quotient(total, weights.sum())


def weighted(losses: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Losses times weights: each, their sum, or the sum over the sum of the weights."""
    if weight is None:
        return mean_or(losses, reduction)
    losses = losses * weight
    return over_weights(losses.sum(), weight) if reduction == "mean" else mean_or(losses, reduction)
