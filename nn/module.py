"""Module: how a layer is called, saved, changed and shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any
from weakref import ref

import numpy as np

from ..autograd import Tensor
from ..autograd.arrays import DTypeLike
from ..autograd.handle import Handle
from ..autograd.modes import Scope, scope
from ..autograd.sparse import zeros_for
from .devices import DEVICES, check_device
from .hooks import Hooks
from .loading import LoadResult, load_arrays
from .registry import Parameter, Registry


class Module(Registry):
    """Base of all layers and models, used as in PyTorch: assign parameters and modules, write `forward`.

    Parameters, buffers and submodules are simply attributes; they are found by looking at the instance, in
    the order in which they were assigned.
    """

    training = True  # False in evaluation

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

    # ------------------------------------------------------------------ state

    def state_dict(self) -> dict[str, np.ndarray]:
        """The arrays of all parameters and persistent buffers by dotted name: themselves, not copies."""
        state: dict[str, np.ndarray] = {}
        self._collect(state, "")
        return state

    def _collect(self, state: dict[str, np.ndarray], prefix: str) -> None:
        for name, value in vars(self).items():
            if isinstance(value, Parameter):
                state[prefix + name] = value.data
        for name, persistent in vars(self).get("_buffers", {}).items():
            if persistent and vars(self)[name] is not None:  # arithmetic may have made a scalar of it
                state[prefix + name] = vars(self)[name] = np.asarray(vars(self)[name])
        for name, child in self.named_children():
            child._collect(state, f"{prefix}{name}.")

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> LoadResult:
        """Copy arrays by name into parameters and buffers, all or nothing.

        Raises ValueError naming every key that is missing or unexpected (both unless `strict=False`),
        misshapen, or of a kind that cannot be cast, as floats where integers are expected.
        """
        into = f"{type(self).__name__}.load_state_dict"
        return load_arrays(into, self.state_dict(), state_dict, strict)

    # ------------------------------------------------------------------ modes and changes

    def train(self, mode: bool = True) -> Module:
        """Set `training` of this module and all below it, as dropout asks; returns it."""
        for module in self.modules():
            module.training = mode
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

    def double(self) -> Module:
        """Convert all floating parameters and buffers to float64; do so before making an optimizer."""
        return self._cast(np.float64)

    def float(self) -> Module:
        """Convert all floating parameters and buffers to float32; do so before making an optimizer."""
        return self._cast(np.float32)

    def half(self) -> Module:
        """Convert all floating parameters and buffers to float16; do so before making an optimizer."""
        return self._cast(np.float16)

    def to(self, *args: Any, device: Any = None, dtype: DTypeLike | None = None) -> Module:
        """Convert floating parameters and buffers: to(np.float64), to(dtype=np.float64), to(tensor).

        A device may be named as in PyTorch, ValueError for another than the "cpu"; TypeError for what is no
        float dtype.
        """
        for given in args:
            if isinstance(given, (Tensor, np.ndarray)):
                dtype = given.dtype
            elif isinstance(given, str) and given.partition(":")[0] in DEVICES:
                device = given
            elif given is not None:
                dtype = given
        check_device(f"{type(self).__name__}.to", device)
        if dtype is None:
            return self
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"{type(self).__name__}.to: {np.dtype(dtype)} is no float dtype")
        return self._cast(dtype)

    def _cast(self, dtype) -> Module:
        for _, parameter in self._parameters_found():
            if parameter.dtype.kind == "f":
                parameter.become(parameter.data.astype(dtype))
        for module in self.modules():
            for name in vars(module).get("_buffers", ()):
                buffer = vars(module)[name]
                if buffer is not None and buffer.dtype.kind == "f":
                    setattr(module, name, buffer.astype(dtype))
        return self

    # ------------------------------------------------------------------ hooks

    def register_forward_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, args, output)` after forward; what it returns, if anything, is the new output.

        `remove()` of what comes back takes the hook away, as for all hooks.
        """
        return Handle(self._own_hooks().forward, hook)

    def register_forward_pre_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, args)` before forward; what it returns, if anything, replaces the arguments."""
        return Handle(self._own_hooks().forward_pre, hook)

    def register_full_backward_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are complete.

        Both are tuples of arrays that cannot be written to, or None: one for each positional argument, and
        for each output. What it returns, if anything, replaces grad_input. If no input wants a gradient it is
        called when those of the outputs are complete.
        """
        return Handle(self._own_hooks().backward, hook)

    def register_full_backward_pre_hook(self, hook: Callable) -> Handle:
        """Call `hook(module, grad_output)` before; what it returns, if anything, replaces grad_output."""
        return Handle(self._own_hooks().backward_pre, hook)

    def _own_hooks(self) -> Hooks:
        return self.__dict__.setdefault("_hooks", Hooks())

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

    def extra_repr(self) -> str:
        """What stands between the parentheses of a layer's repr."""
        return ""

    def __repr__(self) -> str:
        count = f"{sum(p.size for _, p in self._parameters_found()):,} parameters"
        head = f"{type(self).__name__}({self.extra_repr()})"
        note = "" if count == "0 parameters" else f"  # {count}"
        children = [(name, repr(child)) for name, child in self.named_children()]
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
