"""Parameter and Module: what a layer is made of and how layers nest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from typing import Any
from weakref import ref

import numpy as np

from ..autograd import Tensor
from ..autograd.arrays import ArrayLike, DTypeLike
from ..autograd.modes import Scope, scope
from .loading import LoadResult, load_arrays


class Parameter(Tensor):
    """A Tensor that a module trains: a leaf of `data` that requires a gradient."""

    __slots__ = ()

    def __init__(self, data: ArrayLike, requires_grad: bool = True, dtype: DTypeLike | None = None):
        super().__init__(data, requires_grad, dtype)


class Module:  # over 200 lines: what a PyTorch user calls on any module is all here
    """Base of all layers and models, used as in PyTorch: assign parameters and modules, write `forward`.

    Parameters, buffers and submodules are simply attributes; they are found by looking at the instance, in
    the order in which they were assigned.
    """

    training = True  # False in evaluation
    _buffers: dict[str, bool]  # name -> whether it belongs to the state_dict

    def forward(self, *args, **kwargs):
        """What a call with `args` computes; each class tells of its own arguments and shapes.

        NotImplementedError for a class without one.
        """
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, *args, **kwargs):
        outer = scope.get()
        inner = Scope(ref(self), outer)  # the drawing of a failure finds it here, by the traceback
        scope.set(inner)
        own = self.__dict__
        try:
            for hook in tuple(own["_pre_hooks"].values()) if "_pre_hooks" in own else ():
                changed = hook(self, args)
                if changed is not None:
                    args = changed if isinstance(changed, tuple) else (changed,)
            output = self.forward(*args, **kwargs)
            for hook in tuple(own["_post_hooks"].values()) if "_post_hooks" in own else ():
                changed = hook(self, args, output)
                output = output if changed is None else changed
            return output
        finally:
            scope.set(outer)

    # ------------------------------------------------------------------ what is inside

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """(name, module) of the modules that are attributes of this one."""
        return ((name, value) for name, value in vars(self).items() if isinstance(value, Module))

    def named_modules(self, *, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """(dotted path, module) of this module ("") and all below it, each module once."""
        seen: set[int] = set()

        def visit(module: Module, path: str):
            if id(module) in seen:
                return
            seen.add(id(module))
            yield path, module
            for name, child in module.named_children():
                yield from visit(child, f"{path}.{name}" if path else name)

        return visit(self, prefix)

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """(dotted path, parameter), each parameter once, under its first name."""
        seen: set[int] = set()
        for name, value in self._named(prefix, lambda module: list(vars(module))):
            if isinstance(value, Parameter) and id(value) not in seen:
                seen.add(id(value))
                yield name, value

    def named_buffers(self, prefix: str = "") -> Iterator[tuple[str, np.ndarray]]:
        """(dotted path, array) of all buffers, without those that are None."""
        named = self._named(prefix, lambda m: vars(m).get("_buffers", ()))
        return ((name, value) for name, value in named if value is not None)

    def _named(self, prefix: str, names: Callable) -> Iterator[tuple[str, Any]]:
        """(dotted path, value) of the attributes `names(module)` of this module and all below it."""
        for path, module in self.named_modules(prefix=prefix):
            for name in names(module):
                yield (f"{path}.{name}" if path else name), vars(module)[name]

    def children(self) -> Iterator[Module]:
        """The modules that are attributes of this one."""
        return (child for _, child in self.named_children())

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def parameters(self) -> Iterator[Parameter]:
        """All parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def buffers(self) -> Iterator[np.ndarray]:
        """All buffers, without those that are None."""
        return (buffer for _, buffer in self.named_buffers())

    def register_buffer(self, name: str, tensor: ArrayLike | None, persistent: bool = True) -> None:
        """Keep `tensor`, an array that is no parameter, or None: in the state_dict too, if persistent."""
        self.__dict__.setdefault("_buffers", {})[name] = persistent
        setattr(self, name, None if tensor is None else np.asarray(tensor))

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
        for parameter in self.parameters():
            if parameter.grad is not None:
                parameter.grad = None if set_to_none else np.zeros_like(parameter.grad)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Thaw all parameters, or freeze them: no gradient is computed for them; returns the module."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    def double(self) -> Module:
        """Convert all floating parameters and buffers to float64; do so before making an optimizer."""
        return self._cast(np.float64)

    def float(self) -> Module:
        """Convert all floating parameters and buffers to float32; do so before making an optimizer."""
        return self._cast(np.float32)

    def _cast(self, dtype) -> Module:
        for parameter in self.parameters():
            if parameter.dtype.kind == "f":
                parameter.become(parameter.data.astype(dtype))
        for module in self.modules():
            for name in vars(module).get("_buffers", ()):
                buffer = vars(module)[name]
                if buffer is not None and buffer.dtype.kind == "f":
                    setattr(module, name, buffer.astype(dtype))
        return self

    # ------------------------------------------------------------------ hooks

    def register_forward_hook(self, hook: Callable) -> Callable[[], None]:
        """Call `hook(module, args, output)` after forward; what it returns, if anything, is the new output.

        Returns a function that removes the hook.
        """
        return self._add_hook("_post_hooks", hook)

    def register_forward_pre_hook(self, hook: Callable) -> Callable[[], None]:
        """Call `hook(module, args)` before forward; what it returns, if anything, replaces the arguments."""
        return self._add_hook("_pre_hooks", hook)

    def _add_hook(self, kind: str, hook: Callable) -> Callable[[], None]:
        hooks = self.__dict__.setdefault(kind, {})
        key = object()
        hooks[key] = hook
        return lambda: hooks.pop(key, None) and None

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
        count = f"{sum(p.size for p in self.parameters()):,} parameters"
        head = f"{type(self).__name__}({self.extra_repr()})"
        note = "" if count == "0 parameters" else f"  # {count}"
        children = [(name, repr(child)) for name, child in self.named_children()]
        return "\n  ".join([head + note, *(text.replace("\n", "\n  ") for text in _folded(children))])

    def __getattr__(self, name: str):
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


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
