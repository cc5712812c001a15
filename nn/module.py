"""Module: how a layer is called, saved, changed and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any
from weakref import ref

import numpy as np

from ..autograd.handle import Handle
from ..autograd.modes import Scope, scope
from ..autograd.sparse import zeros_for
from .conversion import Conversion
from .hooks import Registered
from .registry import Buffer, Parameter

__all__ = ["Buffer", "Module", "Parameter"]


class Module(Conversion):
    """Base of all layers and models, used as in PyTorch: assign parameters and modules, write `forward`.

    Parameters, buffers and submodules are simply attributes; they are found by looking at the instance, in
    the order in which they were assigned.
    """

    training = True  # False in evaluation
    _forward_hooks = Registered("forward")
    _forward_pre_hooks = Registered("forward_pre")
    _backward_hooks = Registered("backward")
    _backward_pre_hooks = Registered("backward_pre")

    def forward(self, *args, **kwargs):
        """What a call with `args` computes; each class tells of its own arguments and shapes.

        NotImplementedError for a class without one.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, *args, **kwargs):
        outer = scope.get()
        inner = Scope(ref(self), outer)  # the drawing of a failure finds it here, by the traceback
        scope.set(inner)
        hooks = self.__dict__.get("_hooks")
        try:
            return self.forward(*args, **kwargs) if hooks is None else hooks.call(self, args, kwargs)
        finally:
            scope.set(outer)

    # ------------------------------------------------------------------ modes and changes

    def train(self, mode: bool = True) -> Module:
        """Set `training` of this module and all below it, as dropout asks; returns it.

        ValueError for a mode that is no bool.
        """
        if not isinstance(mode, (bool, np.bool_)):
            raise ValueError(f"{type(self).__name__}.train: mode is True or False, not {mode!r}")
        self.training = mode
        for _, child in self._children():  # each may have its own way
            child.train(mode)
        return self

    def eval(self) -> Module:
        """train(False)."""
        return self.train(False)

    def apply(self, fn: Callable[[Module], Any]) -> Module:
        """Call `fn` on every submodule, children first, then on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros."""
        for _, parameter in self._parameters_found():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else zeros_for(parameter.grad)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Thaw all parameters, or freeze them: no gradient is computed for them; returns the module."""
        for _, parameter in self._parameters_found():
            parameter.requires_grad = requires_grad
        return self

    # ------------------------------------------------------------------ hooks

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> Handle:
        """Call `hook(module, args, output)` after forward; what it returns, if anything, is the new output.

        With `with_kwargs` as hook(module, args, kwargs, output); with `prepend` before the hooks that are
        there; with `always_call` after an error too, with None for the output. `remove()` of what comes back
        takes the hook away, as for all hooks.
        """
        return self._own_hooks().add("forward", (hook, with_kwargs, always_call), prepend)

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Call `hook(module, args)` before forward; what it returns, if anything, replaces the arguments.

        With `with_kwargs` as hook(module, args, kwargs), which returns both or None, else RuntimeError in the
        call; `prepend` as in register_forward_hook.
        """
        return self._own_hooks().add("forward_pre", (hook, with_kwargs), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are complete.

        Both are tuples of arrays that cannot be written to, or None: one for each positional argument, and
        for each output. What it returns, if anything, replaces grad_input. If no input wants a gradient it is
        called when those of the outputs are complete. `prepend` as in register_forward_hook.
        """
        return self._own_hooks().add("backward", hook, prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> Handle:
        """Call `hook(module, grad_output)` before; what it returns, if anything, replaces grad_output.

        `prepend` as in register_forward_hook.
        """
        return self._own_hooks().add("backward_pre", hook, prepend)

    # ------------------------------------------------------------------ how it reads

    def label(self) -> str:
        """The class and, during a call of the model, the path: Linear 'decoder.layers.3.linear1'."""
        running = scope.get()
        path = ""
        while running is not None:
            outer = running.owner()
            path = next((name for name, m in outer.named_modules() if m is self), path) if outer else path
            running = running.parent
        return f"{type(self).__name__} {path!r}" if path else type(self).__name__

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What stands between the parentheses of a layer's repr."""
        return ""

    def __repr__(self) -> str:
        count = f"{sum(p.size for _, p in self._parameters_found()):,} parameters"
        head = f"{type(self).__name__}({self.extra_repr()})"
        note = "" if count == "0 parameters" else f"  # {count}"
        children = [(name, repr(child)) for name, child in self._children()]
        return "\n  ".join([head + note, *(text.replace("\n", "\n  ") for text in _folded(children))])


def _folded(children: list[tuple[str, str]]) -> Iterator[str]:
    """Names and reprs of submodules, in one where numbered ones that follow each other are equal."""
    for (_, text), run in groupby(children, key=lambda child: (child[0].isdigit(), child[1])):
        names = [name for name, _ in run]
        if len(names) == 1 or not names[0].isdigit():
            yield from (f"({name}): {text}" for name in names)
        else:
            head, *rest = text.split("\n")
            each = " each" if "  # " in head else ""
            yield "\n".join([f"({names[0]}…{names[-1]}): {len(names)} × {head}{each}", *rest])
