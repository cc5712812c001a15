"""A check of gradients against finite differences; for the ops here and for those that users write."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .derivatives import grad
from .forward import jvp
from .modes import enable_grad, higher_order
from .tensor import Tensor

MODES = ("reverse", "forward")
NAMES = {1: "first", 2: "second", 3: "third"}


@enable_grad
def gradcheck(
    fn: Callable,
    inputs: Sequence[Tensor],
    *,
    eps: float = 1e-6,
    tolerance: float = 1e-7,
    seed: int = 0,
    reference: Callable | None = None,
    order: int = 1,
    mode: str | Sequence[str] = "reverse",
) -> bool:
    """Compare the gradient of `fn(*inputs)` with a central difference along random directions.

    `inputs` are float64 Tensors; those that require a gradient are checked, each with a direction of its
    own. The outputs (one Tensor or several) are weighted at random into a number. Raises AssertionError
    naming the input if the two differ by more than `tolerance` times the scale of the derivative (or of 1),
    else returns True. `reference` is called with ndarrays in place of `fn` for the difference.

    `order` says which derivative is checked. With 2 it is the gradient's own gradient, by `create_graph`,
    compared with a difference of the plain gradient; with 3 the gradient of that, and so on. `mode` is
    "reverse", "forward" or both, as ("reverse", "forward"). Forward, the derivative of each number of each
    output along the direction is compared, as `jvp` gives it, so that a first derivative needs what a second
    one does.

    ValueError where no input requires a gradient and for another `order` or `mode`, TypeError for an input
    that is not float64 and for what is no list of inputs, no function, or no function that returns float
    Tensors, RuntimeError for an op that cannot be differentiated so often.
    """
    if not callable(fn):
        raise TypeError(f"gradcheck: the first argument is a {type(fn).__name__}, and must be a function")
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"gradcheck: inputs is a {type(inputs).__name__}; give a list of Tensors: gradcheck(f, [x])"
        )
    modes = (mode,) if isinstance(mode, str) else tuple(mode)
    if not modes or not set(modes) <= set(MODES):
        raise ValueError(f'gradcheck: mode={mode!r}; it takes "reverse", "forward" or ("reverse", "forward")')
    if not isinstance(order, int) or order < 1:
        raise ValueError(f"gradcheck: order={order!r}; it takes 1, 2, ...: which derivative is checked")
    inputs = [x if isinstance(x, Tensor) else Tensor(x) for x in inputs]
    checked = [i for i, x in enumerate(inputs) if x.requires_grad]
    if not checked:
        raise ValueError("gradcheck: no input requires a gradient")
    for i in checked:
        if inputs[i].dtype != np.float64:
            raise TypeError(f"gradcheck: input {i} is {inputs[i].dtype}; finite differences need float64")
    rng = np.random.default_rng(seed)
    for _ in range(order - 1):
        fn, reference = _gradient_of(fn, inputs, rng)
    check = _Check(fn, reference, inputs, checked, rng, eps, tolerance, order)
    for each in modes:
        getattr(check, each)()
    return True


class _Check:
    """One derivative of one function: its outputs, and how far off is too far."""

    def __init__(self, fn, reference, inputs, checked, rng, eps, tolerance, order):
        self.fn, self.reference, self.inputs, self.checked = fn, reference, inputs, checked
        self.rng, self.eps, self.tolerance, self.order = rng, eps, tolerance, order

    def values(self, arrays: list) -> list[np.ndarray]:
        """The outputs of these inputs as arrays."""
        if self.reference is not None:
            return [np.asarray(y) for y in _listed(self.reference(*arrays))]
        return [y.data for y in _listed(self.fn(*_leaves_like(self.inputs, arrays)))]

    def differences(self, i: int, direction: np.ndarray, read: Callable) -> Any:
        """Slope at 0 of read(outputs of x_i + t direction), by central differences of two widths."""
        arrays = [x.data for x in self.inputs]

        def slope(h: float) -> Any:
            moved = [np.asarray(arrays[i] + s * h * direction) for s in (1, -1)]
            ends = [read(self.values([*arrays[:i], x, *arrays[i + 1 :]])) for x in moved]
            return (ends[0] - ends[1]) / (2 * h)

        wide = 100 * self.eps
        return (4 * slope(wide) - slope(2 * wide)) / 3

    def reverse(self) -> None:
        """Gradients of a weighted sum of the outputs, along a direction of each input."""
        outputs = _outputs(self.fn(*self.inputs))
        weights = [self.rng.standard_normal(y.shape) for y in outputs]
        gradients: Sequence = [None] * len(self.checked)
        if any(y.requires_grad for y in outputs):
            gradients = grad(outputs, [self.inputs[i] for i in self.checked], weights, allow_unused=True)

        def weighted(ys: list) -> float:
            return sum(float((y * w).sum()) for y, w in zip(ys, weights, strict=True))

        for i, g in zip(self.checked, gradients, strict=True):
            direction = self.rng.standard_normal(self.inputs[i].shape)
            terms = np.zeros(()) if g is None else g.data * direction
            found, expected = float(terms.sum()), self.differences(i, direction, weighted)
            scale = max(1.0, abs(expected), float(np.abs(terms).sum()) * 1e-2)
            if not abs(found - expected) <= self.tolerance * scale:
                raise AssertionError(
                    f"{self.named(i)} along a random direction: {found!r}, finite difference: {expected!r}"
                )

    def forward(self) -> None:
        """Derivatives of all outputs along a direction of each input."""
        for i in self.checked:
            direction = self.rng.standard_normal(self.inputs[i].shape)
            ys, found = jvp(functools.partial(self.outputs_of, i), (self.inputs[i].data,), (direction,))
            sizes = np.cumsum([y.size for y in ys])[:-1]
            expected = self.differences(i, direction, _joined)
            self.compare(i, [np.ravel(t) for t in found], np.split(expected, sizes))

    def outputs_of(self, i: int, x: Tensor) -> list[Tensor]:
        """The outputs with another Tensor as input i."""
        return _outputs(self.fn(*self.inputs[:i], x, *self.inputs[i + 1 :]))

    def compare(self, i: int, found: list, expected: list) -> None:
        """Each output's derivatives with their differences; those of one output have one scale."""
        for k, (a, b) in enumerate(zip(found, expected, strict=True)):
            off = ~(np.abs(a - b) <= self.tolerance * max(1.0, np.abs(b).max(initial=0)))
            if off.any():
                j = int(off.argmax())
                raise AssertionError(
                    f"{self.named(i)}, forward, at element {j} of output {k}: {float(a[j])!r}, "
                    f"finite difference: {float(b[j])!r}"
                )

    def named(self, i: int) -> str:
        which = NAMES.get(self.order, f"order-{self.order}")
        prefix = "" if self.order == 1 else f"{which} derivative, "
        return f"{prefix}gradient of input {i} (shape {self.inputs[i].shape})"


def _gradient_of(fn: Callable, inputs: list, rng: np.random.Generator) -> tuple[Callable, Callable]:
    """A weighted gradient of `fn` as a function: of Tensors and differentiable, and of ndarrays."""
    weights = [Tensor(rng.standard_normal(y.shape)) for y in _outputs(fn(*inputs))]

    def gradient(*xs, create_graph=True):
        wanted = [x for x in xs if x.requires_grad]
        with higher_order():
            outputs = _listed(fn(*xs))
            found: Sequence = [None] * len(wanted)
            if any(y.requires_grad for y in outputs):
                found = grad(outputs, wanted, weights, create_graph=create_graph, allow_unused=True)
        return [x * 0 if g is None else g + x * 0 for g, x in zip(found, wanted, strict=True)]

    def of_arrays(*arrays):
        return [g.data for g in gradient(*_leaves_like(inputs, arrays), create_graph=False)]

    return gradient, of_arrays


def _leaves_like(inputs: list, arrays) -> list:
    return [Tensor(a, x.requires_grad) for a, x in zip(arrays, inputs, strict=True)]


def _listed(outputs) -> list:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _outputs(found: Any) -> list[Tensor]:
    """What the function returned, one Tensor or several; TypeError for anything else."""
    outputs = _listed(found)
    for i, y in enumerate(outputs):
        if not isinstance(y, Tensor) or y.dtype.kind != "f":
            what = f"a Tensor of {y.dtype}" if isinstance(y, Tensor) else f"a {type(y).__name__}"
            raise TypeError(
                f"gradcheck: output {i} of the function is {what}, and must be a Tensor of floats"
            )
    return outputs


def _joined(outputs: list) -> np.ndarray:
    """All numbers of several outputs in one row."""
    return np.concatenate([np.zeros(0), *[np.ravel(y.data if isinstance(y, Tensor) else y) for y in outputs]])
