"""What the functions of nn do alike with their arguments: integers, float16, sizes, reductions, `inplace`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from numbers import Real
from operator import index

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.inplace import assign
from ...autograd.modes import scope


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


def where(name: str) -> str:
    """`name`, a function's, and during the call of a Module which one: conv1d of Conv1d 'body.3'."""
    from ..module import Module  # whose functions these are

    running = scope.get()
    module = running.owner() if running is not None else None
    return name if module is None else f"{name} of {Module.label(module)}"


def in_place(input, result: Tensor, inplace: bool) -> Tensor:
    """`result`, or with `inplace` the Tensor `input` that becomes it; RuntimeError for a leaf, as x += 1."""
    return assign(as_tensor(input), result) if inplace else result


def check_share(where: str, p) -> None:
    """TypeError or ValueError for a probability that is none."""
    if not isinstance(p, Real) or isinstance(p, bool):
        raise TypeError(f"{where}: p is a number from 0 to 1, not {p!r}")
    if not 0 <= float(p) <= 1:
        raise ValueError(f"{where}: p must be from 0 to 1, not {p}")


def as_tuple(name: str, argument: str, value, n: int) -> tuple[int, ...]:
    """An integer, or a sequence of n or of one, as n integers; TypeError or ValueError names the argument."""
    given = tuple(value) if isinstance(value, (Sequence, np.ndarray)) else (value,)
    if len(given) not in (1, n):
        raise ValueError(f"{where(name)}: {argument} is an integer or {n} of them, not {value!r}")
    try:
        if any(isinstance(size, (bool, np.bool_)) for size in given):
            raise TypeError
        sizes = tuple([index(size) for size in given])
    except TypeError:
        raise TypeError(f"{where(name)}: {argument} is an integer or {n} of them, not {value!r}") from None
    return sizes * n if len(sizes) < n else sizes


def reduction_of(name: str, size_average, reduce, reduction: str, stacklevel: int = 3) -> str:
    """`reduction`, or what PyTorch's older arguments mean by it, with a DeprecationWarning.

    The warning is of the line `stacklevel` calls up. ValueError for another word than "mean", "sum", "none".
    """
    if size_average is not None or reduce is not None:
        each = reduce is not None and not reduce
        reduction = "none" if each else "sum" if size_average is not None and not size_average else "mean"
        message = f"{name}: size_average= and reduce= are old; reduction={reduction!r} says the same"
        warnings.warn(message, DeprecationWarning, stacklevel=stacklevel)
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{where(name)}: reduction is 'mean', 'sum' or 'none', not {reduction!r}")
    return reduction


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The losses, or their mean or sum."""
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()
