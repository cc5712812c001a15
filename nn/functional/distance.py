"""How far vectors are apart, and vectors of length one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, as_array
from ...autograd.inplace import assign
from ._inputs import as_float, where

__all__ = ["cdist", "cosine_similarity", "normalize", "one_hot", "pairwise_distance", "pdist"]


def _widened(*tensors: Tensor) -> list[Tensor]:
    """The Tensors, float16 as float32: squares of float16 overflow at 256."""
    return [x.astype(np.float32) if x.data.dtype.char == "e" else x for x in tensors]


def _length(x: Tensor, p: float, axis: int, keepdims: bool = False) -> Tensor:
    return ag.linalg.norm(x, p, axis, keepdims)


def _of_axes(x: Tensor, p: float, axes: tuple[int, ...]) -> Tensor:
    """The same of vectors that are spread over several axes."""
    return ag.linalg.vector_norm(x, axis=axes or None, keepdims=True, ord=p)


def _at_least(x: Tensor, least: float) -> Tensor:
    """The larger of both, with the gradient of x in any case, as PyTorch has it."""
    return x + np.maximum(least - x.data, 0)


def _axis(name: str, dim: int, x: Tensor) -> int:
    if not isinstance(dim, (int, np.integer)) or isinstance(dim, bool):
        raise TypeError(f"{where(name)}: dim is an integer, not {dim!r}")
    if not -x.ndim <= dim < x.ndim:
        raise IndexError(f"{where(name)}: dim {dim} is not an axis of an input of shape {x.shape}")
    return dim


def _pair(name: str, x1, x2) -> tuple[Tensor, Tensor]:
    x1, x2 = as_float(x1, x2), as_float(x2, x1)
    try:
        np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        message = f"x1 of shape {x1.shape} and x2 of shape {x2.shape} do not broadcast"
        raise ValueError(f"{where(name)}: {message}") from None
    return x1, x2


def cosine_similarity(x1: ArrayLike, x2: ArrayLike, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along axis `dim`, which the result is without.

    The shapes broadcast. ValueError where they do not, IndexError for a `dim` that is no axis, TypeError for
    one that is no integer.
    """
    given = _pair("cosine_similarity", x1, x2)
    a, b = (x if x.ndim else x.reshape(1) for x in ag.broadcast_arrays(*_widened(*given)))
    axis = _axis("cosine_similarity", dim, a)
    a, b = (x / _at_least(_length(x, 2, axis, True), eps) for x in (a, b))
    return (a * b).sum(axis=axis).astype(np.result_type(*[x.dtype for x in given]))


def pairwise_distance(
    x1: ArrayLike, x2: ArrayLike, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """The p-norm of x1 - x2 + eps over the last axis, which the result is without unless `keepdim`.

    The shapes broadcast; ValueError where they do not.
    """
    given = _pair("pairwise_distance", x1, x2)
    a, b = _widened(*given)
    difference = a - b + eps
    if not difference.ndim:
        raise ValueError(f"{where('pairwise_distance')}: x1 and x2 are numbers, not vectors")
    return _length(difference, p, -1, keepdim).astype(np.result_type(*[x.dtype for x in given]))


def pdist(input: ArrayLike, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of all pairs of rows of input (N, M): N (N - 1) / 2 of them, a vector.

    They are those above the diagonal of cdist(input, input), row by row. ValueError for an input that is no
    matrix, or p < 0.
    """
    x = as_float(input)
    if x.ndim != 2:
        raise ValueError(f"{where('pdist')}: input of shape {x.shape}, expected (N, M)")
    _check_p("pdist", p)
    first, second = np.triu_indices(len(x.data), 1)
    (wide,) = _widened(x)
    return _length(wide[first] - wide[second], p, 1).astype(x.dtype)


COMPUTE_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
)


def cdist(x1: ArrayLike, x2: ArrayLike, p: float = 2.0, compute_mode: str = COMPUTE_MODES[0]) -> Tensor:
    """The p-norms of the differences of each row of x1 (..., P, M) and each of x2 (..., R, M): (..., P, R).

    `compute_mode` is PyTorch's: whatever it says, differences are taken before they are squared, so that rows
    close to each other lose no digits. ValueError for shapes that do not fit, p < 0, or another mode.
    """
    a, b = given = as_float(x1, x2), as_float(x2, x1)
    if min(a.ndim, b.ndim) < 2 or a.shape[-1] != b.shape[-1]:
        shapes = f"x1 of shape {a.shape} and x2 of shape {b.shape}"
        raise ValueError(f"{where('cdist')}: {shapes}, expected (..., P, M) and (..., R, M)")
    _check_p("cdist", p)
    if compute_mode not in COMPUTE_MODES:
        raise ValueError(f"{where('cdist')}: compute_mode is one of {COMPUTE_MODES}, not {compute_mode!r}")
    a, b = _pair("cdist", *(ag.expand_dims(x, axis) for x, axis in ((a, -2), (b, -3))))
    a, b = _widened(a, b)
    return _length(a - b, p, -1).astype(np.result_type(*[x.dtype for x in given]))


def _check_p(name: str, p: float) -> None:
    if not p >= 0:
        raise ValueError(f"{where(name)}: p must be 0 or more, not {p}")


def normalize(
    input: ArrayLike,
    p: float = 2.0,
    dim: int | Sequence[int] | None = 1,
    eps: float = 1e-12,
    out: Tensor | None = None,
) -> Tensor:
    """input / max(|input|, eps), the p-norm along axis `dim`, in the shape of input.

    Of several axes, or all of them with `dim=None`, the elements are those of one vector. `out` is a Tensor
    of that shape that becomes the result. IndexError for a `dim` that is no axis, TypeError for what is no
    integer.
    """
    x = as_float(input)
    (wide,) = _widened(x if x.ndim else x.reshape(1))
    dims = range(wide.ndim) if dim is None else dim if isinstance(dim, Sequence) else (dim,)
    axes = tuple([_axis("normalize", one, wide) for one in dims])
    length = _length(wide, p, axes[0], True) if len(axes) == 1 else _of_axes(wide, p, axes)
    y = (wide / ag.maximum(length, np.asarray(eps, length.dtype))).astype(x.dtype).reshape(x.shape)
    return y if out is None else assign(out, y)


def one_hot(tensor: ArrayLike, num_classes: int = -1) -> Tensor:
    """The integers tensor (...) as rows (..., num_classes) that are 1 at that place and 0 elsewhere.

    `num_classes=-1`: one more than the largest. TypeError for what is no integer, ValueError for negative
    ones, those beyond num_classes, or nothing to find it from.
    """
    ids = as_array(tensor.data if isinstance(tensor, Tensor) else tensor)
    name = where("one_hot")
    if ids.dtype.kind not in "iu":
        raise TypeError(f"{name}: tensor must be integers, not {ids.dtype}")
    if num_classes < -1 or num_classes == 0 or (num_classes == -1 and not ids.size):
        raise ValueError(
            f"{name}: num_classes={num_classes} for a tensor of shape {ids.shape}; give 1 or more"
        )
    classes = int(ids.max()) + 1 if num_classes == -1 else num_classes
    if ids.size and (ids.min() < 0 or ids.max() >= classes):
        raise ValueError(f"{name}: classes from {ids.min()} to {ids.max()} do not fit 0..{classes - 1}")
    return Tensor((ids[..., None] == np.arange(classes)).astype(np.int64))
