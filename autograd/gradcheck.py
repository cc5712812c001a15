"""A check of gradients against finite differences; for the ops here and for those that users write."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from .derivatives import grad
from .modes import higher_order
from .tensor import Tensor


def gradcheck(
    fn: Callable,
    inputs: Sequence[Tensor],
    *,
    eps: float = 1e-6,
    tolerance: float = 1e-7,
    seed: int = 0,
    reference: Callable | None = None,
    order: int = 1,
) -> bool:
    """Compare the gradient of `fn(*inputs)` with a central difference along random directions.

    `inputs` are float64 Tensors; those that require a gradient are checked, each with a direction of its
    own. The outputs (one Tensor or several) are weighted at random into a number. Raises AssertionError
    naming the input if the two differ by more than `tolerance` times the scale of the derivative (or of 1),
    else returns True. `reference` is called with ndarrays in place of `fn` for the difference. With
    `order=2` the gradient's own gradient, by `create_graph`, is compared with a difference of the plain
    gradient. ValueError where no input requires a gradient, TypeError for one that is not float64.
    """
    rng = np.random.default_rng(seed)
    inputs = [x if isinstance(x, Tensor) else Tensor(x) for x in inputs]
    checked = [i for i, x in enumerate(inputs) if x.requires_grad]
    if not checked:
        raise ValueError("gradcheck: no input requires a gradient")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise TypeError(f"gradcheck: input {i} is {inputs[i].dtype}; finite differences need float64")
    if order == 2:
        fn, reference = _gradient_of(fn, inputs, rng)
    outputs = _listed(fn(*inputs))
    weights = [rng.standard_normal(y.shape) for y in outputs]
    gradients = grad(outputs, [inputs[i] for i in checked], weights, allow_unused=True)

    def value(arrays) -> float:
        if reference is not None:
            out = _listed(reference(*arrays))
        else:
            out = [y.data for y in _listed(fn(*_leaves_like(inputs, arrays)))]
        return sum(float((np.asarray(y) * w).sum()) for y, w in zip(out, weights, strict=True))

    for i, g in zip(checked, gradients, strict=True):
        direction = rng.standard_normal(inputs[i].shape)
        found = 0.0 if g is None else float((g.data * direction).sum())
        expected = _difference(value, [x.data for x in inputs], i, direction, eps)
        scale = max(1.0, abs(expected), 0.0 if g is None else float(np.abs(g.data * direction).sum()) * 1e-2)
        if not abs(found - expected) <= tolerance * scale:
            raise AssertionError(
                f"gradient of input {i} (shape {inputs[i].shape}) along a random direction: {found!r}, "
                f"finite difference: {expected!r}"
            )
    return True


def _difference(value: Callable, arrays: list, i: int, direction: np.ndarray, eps: float) -> float:
    """Slope at 0 of value(x_i + t direction): central differences of two widths (Richardson)."""

    def slope(h: float) -> float:
        moved = [np.asarray(arrays[i] + s * h * direction) for s in (1, -1)]
        ends = [value([*arrays[:i], x, *arrays[i + 1 :]]) for x in moved]
        return (ends[0] - ends[1]) / (2 * h)

    wide = 100 * eps
    return (4 * slope(wide) - slope(2 * wide)) / 3


def _gradient_of(fn: Callable, inputs: list, rng: np.random.Generator) -> tuple[Callable, Callable]:
    """A weighted gradient of `fn` as a function: of Tensors and differentiable, and of ndarrays."""
    weights = [Tensor(rng.standard_normal(y.shape)) for y in _listed(fn(*inputs))]

    def gradient(*xs, create_graph=True):
        wanted = [x for x in xs if x.requires_grad]
        with higher_order():
            outputs = _listed(fn(*xs))
            found = grad(outputs, wanted, weights, create_graph=create_graph, allow_unused=True)
        return [x * 0 if g is None else g + x * 0 for g, x in zip(found, wanted, strict=True)]

    def of_arrays(*arrays):
        return [g.data for g in gradient(*_leaves_like(inputs, arrays), create_graph=False)]

    return gradient, of_arrays


def _leaves_like(inputs: list, arrays) -> list:
    return [Tensor(a, x.requires_grad) for a, x in zip(arrays, inputs, strict=True)]


def _listed(outputs) -> list:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]
