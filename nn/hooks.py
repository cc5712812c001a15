"""The hooks of a module, and where its call begins and ends in the graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autograd import Tensor, op
from ..autograd.arrays import as_array
from ..autograd.handle import Handle


class Hooks:
    """The hooks of each kind, in the order in which they are called."""

    parts = ("forward_pre", "forward", "backward_pre", "backward", "computed")  # which make another replay

    def __init__(self) -> None:
        self.forward_pre: dict[Any, tuple[Callable, bool]] = {}  # and whether with keyword arguments
        self.forward: dict[Any, tuple[Callable, bool, bool]] = {}  # the same, and whether after errors too
        self.backward_pre: dict[Any, Callable] = {}
        self.backward: dict[Any, Callable] = {}
        self.state_pre: dict[Any, Callable] = {}
        self.state_post: dict[Any, Callable] = {}
        self.load_pre: dict[Any, Callable] = {}
        self.load_post: dict[Any, Callable] = {}
        self.computed: dict[str, Any] = {}  # attributes that nobody assigned: see computed.py

    def add(self, kind: str, hook: Any, prepend: bool) -> Handle:
        """Put a hook behind the others of its kind, or before them; what comes back removes it."""
        return Handle(getattr(self, kind), hook, prepend)

    def value_of(self, module: Any, name: str) -> Any:
        """The attribute `name` that is computed."""
        from .computed import value_of

        return value_of(module, name, self.computed[name])

    def call(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """module.forward with what the hooks make of its arguments and its output."""
        if not self.computed:
            return self._call(module, args, kwargs)
        from .computed import once

        with once(module):
            return self._call(module, args, kwargs)

    def _call(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        called: list[Any] = []
        try:
            for pre_hook, with_kwargs in tuple(self.forward_pre.values()):
                args, kwargs = _prepared(pre_hook, with_kwargs, module, args, kwargs)
            crossing = Crossing(module, self) if self.backward or self.backward_pre else None
            if crossing is not None:
                args = crossing.enter(args)
            output = module.forward(*args, **kwargs)
            for key, (hook, with_kwargs, _) in tuple(self.forward.items()):
                called.append(key)
                given = (module, args, kwargs, output) if with_kwargs else (module, args, output)
                changed = hook(*given)
                output = output if changed is None else changed
            return output if crossing is None else crossing.leave(output)
        except Exception:
            self._call_in_spite(called, module, args, kwargs)
            raise

    def _call_in_spite(self, called: list, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        """Hooks that are always called, after an error: with None for the output."""
        for key, (hook, with_kwargs, always) in tuple(self.forward.items()):
            if always and key not in called:
                try:
                    hook(*((module, args, kwargs, None) if with_kwargs else (module, args, None)))
                except Exception as error:
                    text = f"a hook of {type(module).__name__} raised {type(error).__name__}: {error}"
                    warnings.warn(f"{text}, after another error in the call", RuntimeWarning, stacklevel=4)


class Registered:
    """The attribute under which PyTorch has a module's hooks of one kind: module._forward_hooks.clear()."""

    def __init__(self, kind: str):
        self.kind = kind

    def __get__(self, module: Any, owner: type | None = None) -> Any:
        return self if module is None else getattr(module._own_hooks(), self.kind)

    def __set__(self, module: Any, value: dict) -> None:
        if value:
            raise TypeError(f"{type(module).__name__}: hooks are added by register_..._hook alone")
        getattr(module._own_hooks(), self.kind).clear()


def _prepared(
    hook: Callable, with_kwargs: bool, module: Any, args: tuple, kwargs: dict
) -> tuple[tuple, dict]:
    """The arguments of a call, or others that a hook gives for them."""
    changed = hook(module, args, kwargs) if with_kwargs else hook(module, args)
    if changed is None:
        return args, kwargs
    if not with_kwargs:
        return changed if isinstance(changed, tuple) else (changed,), kwargs
    if not (isinstance(changed, tuple) and len(changed) == 2 and isinstance(changed[1], dict)):
        raise RuntimeError(
            f"a forward_pre hook of {type(module).__name__} with_kwargs gives None or (args, kwargs), not "
            f"{changed!r:.80}"
        )
    return changed


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
