"""What is recorded of the ops that run, and inside which call of a Module they do."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, TypeVar, overload

F = TypeVar("F", bound=Callable)


class Mode:
    """What is recorded: one object, so that an op looks at one context variable."""

    __slots__ = ("grad", "observers", "recipes")

    def __init__(self, grad: bool, recipes: bool, observers: tuple[Callable, ...]):
        self.grad = grad  # whether there are nodes at all
        self.recipes = recipes  # whether a node has its op's arguments, to differentiate its backward
        self.observers = observers  # each is called with a new node, its recipe and the op's output

    def but(self, **changes) -> Mode:
        """The same mode with other values of `grad`, `recipes` or `observers`."""
        return Mode(**{"grad": self.grad, "recipes": self.recipes, "observers": self.observers, **changes})


current: ContextVar[Mode] = ContextVar("current", default=Mode(True, False, ()))  # noqa: B039  (never changed)


class Scope:
    """One running call of a Module: who (weakly), and inside which other call."""

    __slots__ = ("owner", "parent")

    def __init__(self, owner, parent):
        self.owner = owner
        self.parent = parent


scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


class Switch:
    """Changes the mode inside a `with` block, or inside the function it decorates.

    A decorated generator changes it around each of its steps only, so its caller's mode is untouched.
    """

    def __init__(self, **changes: Any):
        self.changes = changes
        self.outer: list[Mode] = []

    def __enter__(self) -> None:
        self.outer.append(current.get())
        current.set(self.outer[-1].but(**self.changes))

    def __exit__(self, *exc) -> None:
        current.set(self.outer.pop())

    def __call__(self, fn: F) -> F:
        def switch() -> Switch:  # one for each call: threads and nested calls must not share the stack
            return Switch(**self.changes)

        @functools.wraps(fn)
        def call(*args, **kwargs):
            with switch():
                return fn(*args, **kwargs)

        @functools.wraps(fn)
        def generate(*args, **kwargs):
            steps = fn(*args, **kwargs)
            resume = functools.partial(next, steps)
            while True:
                with switch():
                    try:
                        item = resume()
                    except StopIteration as end:
                        return end.value
                try:
                    resume = functools.partial(steps.send, (yield item))
                except BaseException as error:  # thrown in by the caller, GeneratorExit from close() included
                    resume = functools.partial(steps.throw, error)

        return generate if inspect.isgeneratorfunction(fn) else call  # type: ignore[return-value]


def observing(observer: Callable) -> Switch:
    """Call `observer(node, recipe, out)` for each op that is recorded, beside those that observe already."""
    return Switch(observers=(*current.get().observers, observer))


@overload
def no_grad(fn: None = None) -> Switch: ...
@overload
def no_grad(fn: F) -> F: ...
def no_grad(fn: Callable | None = None) -> Any:
    """Record nothing: `with no_grad(): ...`, or `@no_grad` above a function or a generator."""
    switch = Switch(grad=False)
    return switch if fn is None else switch(fn)


@overload
def enable_grad(fn: None = None) -> Switch: ...
@overload
def enable_grad(fn: F) -> F: ...
def enable_grad(fn: Callable | None = None) -> Any:
    """Record again inside a `no_grad` block."""
    switch = Switch(grad=True)
    return switch if fn is None else switch(fn)


@overload
def higher_order(fn: None = None) -> Switch: ...
@overload
def higher_order(fn: F) -> F: ...
def higher_order(fn: Callable | None = None) -> Any:
    """Keep each op's inputs too, so that `grad(..., create_graph=True)` can differentiate its backward."""
    switch = Switch(recipes=True)
    return switch if fn is None else switch(fn)
