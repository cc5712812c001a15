"""Gradients held to a norm or within bounds."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from ...autograd import Tensor
from ...autograd.sparse import SparseRows
from ..optim.steps import clip, square_sum

__all__ = ["clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


class Norm(float):
    """A number that is also asked for itself, as PyTorch's norms are: norm.item()."""

    def item(self) -> float:
        """The number as a plain float."""
        return float(self)

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        """A float's place in NumPy's arithmetic, where it does not widen float32; subclasses do."""
        plain = [x.item() if isinstance(x, Norm) else x for x in inputs]
        return getattr(ufunc, method)(*plain, **options)


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Norm:
    """Scale the gradients of `parameters` to a joint norm of at most `max_norm`; returns the norm before.

    In place, by the factor max_norm / (norm + 1e-6) where that is below 1, as in PyTorch; `norm_type` as in
    get_total_norm. If the norm is not finite, no factor can mend the gradients: they stay as they are
    (PyTorch makes them nan or 0) and the norm tells, or ValueError is raised if `error_if_nonfinite`. Pass
    max_norm=math.inf to measure only. `foreach` says nothing here.
    """
    gradients = _gradients(parameters)
    norm = get_total_norm(gradients, norm_type, error_if_nonfinite)
    list(clip(gradients, norm, float(max_norm)))  # each is scaled as it is asked for
    return norm


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: float, foreach: bool | None = None
) -> None:
    """Scale the gradients of `parameters` in place by max_norm / (total_norm + 1e-6) where that is below 1.

    They stay as they are if `total_norm` is not finite. `foreach` says nothing here.
    """
    list(clip(_gradients(parameters), float(total_norm), float(max_norm)))


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Clip the gradients of `parameters` in place to [-clip_value, clip_value]; nan stays nan.

    `foreach` says nothing here.
    """
    bound = float(clip_value)
    for g in _gradients(parameters):
        np.clip(g, -bound, bound, out=g)


def get_total_norm(
    tensors: Tensor | np.ndarray | Iterable[Tensor | np.ndarray],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Norm:
    """(sum of |x|^norm_type)^(1 / norm_type) over all numbers of all tensors; the largest |x| for math.inf.

    0.0 without tensors. ValueError if it is not finite and `error_if_nonfinite`. `foreach` says nothing here.
    """
    given = [tensors] if isinstance(tensors, (Tensor, np.ndarray)) else list(tensors)
    arrays = [t.data if isinstance(t, Tensor) else t for t in given]
    p = float(norm_type)
    if p == 2:
        norm = math.sqrt(square_sum(arrays))
    else:
        norm = _norm([_norm(a.astype(np.float64, copy=False), p) for a in arrays], p) if arrays else 0.0
    if error_if_nonfinite and not math.isfinite(norm):
        raise ValueError(f"the gradients' norm is {norm}: some gradient is infinite or nan")
    return Norm(norm)


def _norm(numbers, p: float) -> float:
    """The p-norm, with sums of numbers of about 1, which neither overflow nor vanish."""
    sizes = np.abs(np.asarray(numbers, np.float64)).reshape(-1)
    if sizes.size == 0:
        return 0.0
    largest = float(sizes.max())
    if math.isinf(p):
        return largest if p > 0 else float(sizes.min())
    if p == 0:
        return float(np.count_nonzero(sizes))
    if p < 0 or not 0 < largest < math.inf:
        with np.errstate(divide="ignore"):
            return largest if p > 0 else float((sizes**p).sum() ** (1 / p))
    return largest * float(((sizes / largest) ** p).sum() ** (1 / p))


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[np.ndarray]:
    """The arrays of the gradients there are; of sparse ones the rows, each of them once."""
    arrays = []
    for p in [parameters] if isinstance(parameters, Tensor) else parameters:
        g = p.grad
        if isinstance(g, SparseRows):  # of a row that is named twice, the sum counts
            p.grad = g.coalesce()
            g = p.grad.values
        if g is not None:
            arrays.append(g)
    return arrays
