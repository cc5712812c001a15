"""The methods of prune: which numbers of a parameter get a mask of 0."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, no_grad, versions
from .. import random
from ..computed import Computed, computes, set_computed
from ..module import Module, Parameter


class BasePruningMethod(Computed):
    """Base of the methods: a class of its own has PRUNING_TYPE and compute_mask.

    PRUNING_TYPE "unstructured" looks at numbers, "structured" at slices along an axis `dim`, "global" at all.
    """

    PRUNING_TYPE: str
    advice = "prune.remove first"
    _tensor_name: str

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        """The mask for the numbers, or scores, t, of its shape, with the zeros that default_mask has.

        NotImplementedError unless a class has one. ValueError where more is to be pruned than there is, or
        where the shape does not do; IndexError for an axis that t has not.
        """
        raise NotImplementedError(f"{type(self).__name__} has no compute_mask()")

    def __call__(self, module: Any) -> Tensor:
        return self.apply_mask(module)

    def apply_mask(self, module: Any) -> Tensor:
        """The parameter times its mask, of its shape; 0 where that is 0, also for inf and nan."""
        original = getattr(module, f"{self._tensor_name}_orig")
        mask = getattr(module, f"{self._tensor_name}_mask")
        return ag.where(mask != 0, original, 0) * mask

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> Any:
        """Prune module.<name> by cls(*args, **kwargs), on top of what prunes it already; returns the method.

        ValueError where there is no such parameter, or for scores of another shape; what compute_mask raises
        leaves the module as it was.
        """
        before, own = computes(module, name), vars(module)
        if before is not None and not isinstance(before, BasePruningMethod):
            raise ValueError(
                f"prune: {type(module).__name__}.{name} is computed from others; {before.advice}"
            )
        original = own.get(name if before is None else f"{name}_orig")
        if not isinstance(original, Parameter):
            raise ValueError(f"prune: {type(module).__name__} has no parameter {name!r}")
        method: Any = cls(*args, **kwargs)
        method._tensor_name = name
        if before is not None:
            earlier = before if isinstance(before, PruningContainer) else [before]
            method = PruningContainer(*earlier, method)
        now = original.data if before is None else original.data * own[f"{name}_mask"]
        scores = now if importance_scores is None else array_of(importance_scores)
        if scores.shape != original.shape:
            raise ValueError(f"prune: importance_scores of shape {scores.shape} for {original.shape}")
        default = np.ones_like(original.data) if before is None else own[f"{name}_mask"].copy()
        mask = array_of(method.compute_mask(scores, default)).astype(original.dtype)
        if mask.shape != original.shape:
            raise ValueError(f"prune: a mask of shape {mask.shape} for a parameter of {original.shape}")
        if before is None:
            delattr(module, name)
            module.register_parameter(f"{name}_orig", original)
        module.register_buffer(f"{name}_mask", mask)
        set_computed(module, name, method)
        return method

    def prune(self, t: Any, default_mask: Any = None, importance_scores: Any = None) -> Any:
        """t times the mask that this method has for it, or for scores of its shape (else ValueError)."""
        scores = array_of(t if importance_scores is None else importance_scores)
        if scores.shape != array_of(t).shape:
            raise ValueError(f"prune: importance_scores of shape {scores.shape} for {array_of(t).shape}")
        default = np.ones_like(scores) if default_mask is None else array_of(default_mask)
        return t * self.compute_mask(scores, default)

    def remove(self, module: Any) -> None:
        """What prune.remove does: the masked numbers are the parameter's own."""
        name = self._tensor_name
        original = getattr(module, f"{name}_orig")
        with no_grad():
            original.data[...] = self.apply_mask(module).data
        versions.mark_written(original.data)
        set_computed(module, name, None)
        delattr(module, f"{name}_orig")
        delattr(module, f"{name}_mask")
        module.register_parameter(name, original)


class PruningContainer(BasePruningMethod):
    """Methods that prune the same parameter one after the other."""

    PRUNING_TYPE = "container"

    def __init__(self, *args: BasePruningMethod):
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add one; TypeError for what is no method, ValueError for one of another parameter."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method).__name__} is not a BasePruningMethod")
        if method._tensor_name != self._tensor_name:
            raise ValueError(f"a method for {method._tensor_name!r} among those for {self._tensor_name!r}")
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, idx: int) -> BasePruningMethod:
        return self._pruning_methods[idx]

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        """The mask of the last method for t, which sees only what the others have left in default_mask.

        ValueError for a method of another PRUNING_TYPE.
        """
        method: Any = self._pruning_methods[-1]
        if method.PRUNING_TYPE == "unstructured":
            left: Any = default_mask == 1
        elif method.PRUNING_TYPE == "structured":
            axis = method.dim % t.ndim
            others = tuple(a for a in range(t.ndim) if a != axis)
            left = (*[slice(None)] * axis, default_mask.sum(axis=others) != 0)
        elif method.PRUNING_TYPE == "global":
            left = ...
        else:
            raise ValueError(f"prune: there is no PRUNING_TYPE {method.PRUNING_TYPE!r}")
        mask = default_mask.astype(t.dtype)
        mask[left] = array_of(method.compute_mask(t[left], default_mask[left]))
        return mask


class Identity(BasePruningMethod):
    """Prunes nothing."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Prunes numbers at random, `amount` of them.

    TypeError for an amount that is no number, ValueError for no part and no count of them.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float):
        self.amount = _checked_amount(amount)

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        gone = random.generator().permutation(t.size)[: _count(self.amount, t.size)]
        return _without(default_mask, gone)


class L1Unstructured(BasePruningMethod):
    """Prunes numbers next to 0, `amount` of them.

    TypeError for an amount that is no number, ValueError for no part and no count of them.
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float):
        self.amount = _checked_amount(amount)

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        order = np.argsort(np.abs(t), axis=None, kind="stable")
        return _without(default_mask, order[: _count(self.amount, t.size)])

    @classmethod
    def apply(cls, module: Module, name: str, amount: float, importance_scores: Any = None) -> Any:  # type: ignore
        return super().apply(module, name, amount=amount, importance_scores=importance_scores)


class RandomStructured(BasePruningMethod):
    """Prunes slices along the axis `dim` at random, `amount` of them.

    TypeError for an amount that is no number, ValueError for no part and no count of them.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1):
        self.amount = _checked_amount(amount)
        self.dim = dim

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        length = _length(t, self.dim)
        gone = random.generator().permutation(length)[: _count(self.amount, length)]
        return _without_slices(default_mask, gone, self.dim)


class LnStructured(BasePruningMethod):
    """Prunes slices along the axis `dim` that have the least n-norms, `amount` of them.

    TypeError for an amount that is no number, ValueError for no part and no count of them.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, n: float | str, dim: int = -1):
        self.amount = _checked_amount(amount)
        self.n: Any = n
        self.dim = dim

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        length = _length(t, self.dim)
        slices = np.moveaxis(t, self.dim, 0)
        if self.n == "nuc":
            norms = np.linalg.norm(slices, "nuc", axis=(-2, -1))
        else:
            rows = slices.reshape(length, -1)
            norms = np.linalg.vector_norm(rows, axis=1, ord=2 if self.n == "fro" else self.n)
        gone = np.argsort(norms, kind="stable")[: _count(self.amount, length)]
        return _without_slices(default_mask, gone, self.dim)

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, n: float | str, dim: int, importance_scores: Any = None
    ) -> Any:
        return super().apply(module, name, amount=amount, n=n, dim=dim, importance_scores=importance_scores)


class CustomFromMask(BasePruningMethod):
    """Prunes where a given mask is 0."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any):
        self.mask = array_of(mask)

    def compute_mask(self, t: np.ndarray, default_mask: np.ndarray) -> np.ndarray:
        if default_mask.shape != self.mask.shape:
            raise ValueError(
                f"prune: a mask of shape {self.mask.shape} for a parameter of {default_mask.shape}"
            )
        return default_mask * self.mask.astype(default_mask.dtype)


def array_of(value: Any) -> np.ndarray:
    """Its numbers, as an array."""
    return value.data if isinstance(value, Tensor) else np.asarray(value)


def _checked_amount(amount: Any) -> Any:
    """A part between 0 and 1, or how many; TypeError for no number, ValueError for another."""
    if isinstance(amount, bool) or not isinstance(amount, Real):
        raise TypeError(f"prune: amount is a part between 0 and 1 or how many, not {amount!r}")
    if amount < 0 or (not isinstance(amount, (int, np.integer)) and not amount <= 1):
        raise ValueError(f"prune: amount is a part between 0.0 and 1.0, or a count from 0 on, not {amount}")
    return amount


def _count(amount: Any, size: int) -> int:
    count = int(amount) if isinstance(amount, (int, np.integer)) else round(amount * size)
    if count > size:
        raise ValueError(f"prune: amount={amount} is more than the {size} there are")
    return count


def _length(t: np.ndarray, dim: int) -> int:
    if t.ndim < 2:
        raise ValueError(f"prune: slices are pruned of tensors with two or more axes, not of {t.shape}")
    if not -t.ndim <= dim < t.ndim:
        raise IndexError(f"prune: a tensor of shape {t.shape} has no axis {dim}")
    return t.shape[dim]


def _without(default_mask: np.ndarray, gone: np.ndarray) -> np.ndarray:
    mask = default_mask.copy(order="C")
    mask.reshape(-1)[gone] = 0
    return mask


def _without_slices(default_mask: np.ndarray, gone: np.ndarray, dim: int) -> np.ndarray:
    mask = default_mask.copy()
    np.moveaxis(mask, dim, 0)[gone] = 0
    return mask
