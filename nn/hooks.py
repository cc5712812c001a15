"""The hooks of a module, and where its call begins and ends in the graph."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, op
from ..autograd.arrays import as_array


class Hooks:
    """Four kinds of hooks, each in the order in which they were added."""

    parts = ("forward_pre", "forward", "backward_pre", "backward")  # which make another replay

    def __init__(self) -> None:
        self.forward_pre: dict[Any, Callable] = {}
        self.forward: dict[Any, Callable] = {}
        self.backward_pre: dict[Any, Callable] = {}
        self.backward: dict[Any, Callable] = {}

    def call(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """module.forward with what the hooks make of its arguments and its output."""
        for hook in tuple(self.forward_pre.values()):
            changed = hook(module, args)
            if changed is not None:
                args = changed if isinstance(changed, tuple) else (changed,)
        crossing = Crossing(module, self) if self.backward or self.backward_pre else None
        if crossing is not None:
            args = crossing.enter(args)
        output = module.forward(*args, **kwargs)
        for hook in tuple(self.forward.values()):
            changed = hook(module, args, output)
            output = output if changed is None else changed
        return output if crossing is None else crossing.leave(output)


class Crossing:
    """One call of a module with backward hooks: its Tensors pass an op on the way in and one on the way out.

    Gradients that come back through the second are those of the outputs, through the first of the inputs.
    """

    def __init__(self, module: Any, hooks: Hooks):
        self.module, self.hooks = module, hooks
        self.inputs = 0  # so many arguments, Tensors or not
        self.wired: list[int] = []  # those that want a gradient
        self.grad_output: tuple = ()

    def enter(self, args: tuple) -> tuple:
        """The arguments, those that want a gradient through an op that calls the hooks."""
        self.inputs = len(args)
        self.wired = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.edge is not None]
        if not self.wired:
            return args
        passed = list(args)
        for i, x in zip(self.wired, _through([args[i] for i in self.wired], self._at_inputs), strict=True):
            passed[i] = x
        return tuple(passed)

    def leave(self, output: Any) -> Any:
        """The output, a Tensor or a tuple or list of them, through an op that waits for its gradient."""
        alone = isinstance(output, Tensor)
        items = [output] if alone else list(output) if isinstance(output, (tuple, list)) else []
        wired = [i for i, y in enumerate(items) if isinstance(y, Tensor) and y.edge is not None]
        if not wired:
            return output

        count = len(items)  # `items` itself in the graph would be a cycle

        def at_outputs(gradients):
            return self._at_outputs(gradients, wired, count)

        for i, y in zip(wired, _through([items[i] for i in wired], at_outputs), strict=True):
            items[i] = y
        return items[0] if alone else type(output)(items)

    def _at_outputs(self, gradients: Sequence, wired: list[int], count: int) -> Sequence:
        full = tuple(_placed(gradients, wired, count))
        for hook in tuple(self.hooks.backward_pre.values()):
            full = self._replaced(hook(self.module, _shown(full)), full, "grad_output")
        self.grad_output = full
        if not self.wired:  # the gradients end here, or at parameters
            self._run_hooks((None,) * self.inputs)
        return [full[i] for i in wired]

    def _at_inputs(self, gradients: Sequence) -> Sequence:
        full = self._run_hooks(tuple(_placed(gradients, self.wired, self.inputs)))
        return [full[i] for i in self.wired]

    def _run_hooks(self, full: tuple) -> tuple:
        for hook in tuple(self.hooks.backward.values()):
            changed = hook(self.module, _shown(full), _shown(self.grad_output))
            full = self._replaced(changed, full, "grad_input")
        return full

    def _replaced(self, changed: Any, full: tuple, what: str) -> tuple:
        """The gradients that a hook gave in place of `full`, in arrays that nobody else has."""
        if changed is None:
            return full
        changed = changed if isinstance(changed, tuple) else (changed,)
        if len(changed) != len(full):
            raise ValueError(
                f"a hook on {type(self.module).__name__} gave {len(changed)} gradients for {what}, which has "
                f"{len(full)}"
            )
        return tuple([c if c is None or isinstance(c, Tensor) else as_array(c).copy() for c in changed])


def _placed(gradients: Sequence, places: list[int], count: int) -> list:
    full: list[Any] = [None] * count
    for i, g in zip(places, gradients, strict=True):
        full[i] = g
    return full


def _shown(gradients: tuple) -> tuple:
    """What a hook sees: nothing that it can write to."""

    def read_only(g):
        if type(g) is np.ndarray:
            g = g.view()
            g.flags.writeable = False
        return g

    return tuple([read_only(g) for g in gradients])


def _through(tensors: list[Tensor], passing: Callable[[Sequence], Sequence]) -> list[Tensor]:
    passed: Any = _module_boundary(tensors, passing)
    return passed if isinstance(passed, list) else [passed]


@op(inputs=1, flops=0)
def _module_boundary(arrays, passing):
    """The same arrays, of the same shapes; `passing` gets their gradients and gives others, or the same."""
    if len(arrays) == 1:
        return arrays[0], lambda g: tuple(passing((g,)))
    return tuple(arrays), lambda gradients: tuple(passing(gradients))
