"""Parameters with a mask: what is pruned is 0 and stays so, the rest is trained on.

module.<name> is <name>_orig, a parameter, times <name>_mask, a buffer; it is computed when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import numpy as np

from ..computed import computes
from ..module import Module
from ._masks import (
    BasePruningMethod,
    CustomFromMask,
    Identity,
    L1Unstructured,
    LnStructured,
    PruningContainer,
    RandomStructured,
    RandomUnstructured,
    array_of,
)

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]
M = TypeVar("M", bound=Module)


def identity(module: M, name: str) -> M:
    """Prune nothing: <name>_orig and a mask of ones of its shape; returns the module.

    ValueError where there is no such parameter, as in all of these.
    """
    Identity.apply(module, name)
    return module


def random_unstructured(module: M, name: str, amount: float) -> M:
    """Prune `amount` of the numbers (an integer: so many), drawn at random; returns the module.

    TypeError or ValueError for an amount that is no number or no part of them.
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: M, name: str, amount: float, importance_scores: Any = None) -> M:
    """Prune `amount` of the numbers, those next to 0 or of the least scores; returns the module.

    Scores are shaped as the parameter. Errors as in random_unstructured.
    """
    L1Unstructured.apply(module, name, amount, importance_scores)
    return module


def random_structured(module: M, name: str, amount: float, dim: int) -> M:
    """Prune `amount` of the slices along the axis `dim`, drawn at random; returns the module.

    ValueError for a parameter of one axis, IndexError for an axis that it has not; else as in
    random_unstructured.
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: M, name: str, amount: float, n: float | str, dim: int, importance_scores: Any = None
) -> M:
    """Prune `amount` of the slices along the axis `dim`, those of the least n-norm; returns the module.

    `n` is a number, "fro" or "nuc"; scores are shaped as the parameter. Errors as in random_structured.
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores)
    return module


def custom_from_mask(module: M, name: str, mask: Any) -> M:
    """Prune where `mask`, shaped as the parameter, is 0; returns the module, ValueError for another shape."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: Any,
    importance_scores: dict[tuple[Module, str], Any] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several (module, name) together by a method that looks at single numbers, as L1Unstructured.

    `kwargs` are the method's, as amount=0.2 of all numbers; `importance_scores` may have scores for some,
    shaped as the parameters. TypeError for what is no sequence of pairs, for scores that are no dict and for
    another kind of method; ValueError for scores of another shape.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured: parameters are pairs of a module and a name")
    if importance_scores is not None and not isinstance(importance_scores, dict):
        raise TypeError("global_unstructured: importance_scores is a dict of (module, name) to scores")
    pairs, scores = list(parameters), importance_scores or {}
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        kind = f"{type(method).__name__} is {method.PRUNING_TYPE!r}"
        raise TypeError(f"global_unstructured takes a method of PRUNING_TYPE 'unstructured'; {kind}")
    values = [array_of(getattr(module, name)) for module, name in pairs]
    sizes = [array_of(scores.get(pair, value)) for pair, value in zip(pairs, values, strict=True)]
    for score, value in zip(sizes, values, strict=True):
        if score.shape != value.shape:
            raise ValueError(f"global_unstructured: scores of shape {score.shape} for {value.shape}")
    masks = [vars(m).get(f"{name}_mask", np.ones_like(v)) for (m, name), v in zip(pairs, values, strict=True)]
    container = PruningContainer()
    container._tensor_name = method._tensor_name = "temp"
    container.add_pruning_method(method)
    joined = [np.concatenate([a.reshape(-1) for a in arrays]) for arrays in (sizes, masks)]
    final = container.compute_mask(*joined)
    start = 0
    for (module, name), value in zip(pairs, values, strict=True):
        custom_from_mask(module, name, final[start : start + value.size].reshape(value.shape))
        start += value.size


def remove(module: M, name: str) -> M:
    """Make the pruned numbers the parameter's own, which is then as any other; returns the module.

    ValueError where it is not pruned.
    """
    method = computes(module, name)
    if not isinstance(method, BasePruningMethod):
        raise ValueError(f"prune.remove: {type(module).__name__}.{name} is not pruned")
    method.remove(module)
    return module


def is_pruned(module: Module) -> bool:
    """Whether something in the module, or in those inside it, is pruned."""
    hooks = [vars(m)["_hooks"] for m in module.modules() if "_hooks" in vars(m)]
    return any(isinstance(how, BasePruningMethod) for each in hooks for how in each.computed.values())
