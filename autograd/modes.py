"""Whether ops are recorded, how much of them, and inside which call of a Module."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

recording: ContextVar[bool] = ContextVar("recording", default=True)
# True, or what is called with each new node and its output
keeping_recipes: ContextVar[bool | Callable] = ContextVar("keeping_recipes", default=False)


class Scope:
    """One running call of a Module: who (weakly), and inside which other call."""

    __slots__ = ("owner", "parent")

    def __init__(self, owner, parent):
        self.owner = owner
        self.parent = parent


scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


class Mode:
    """Sets a context variable inside a `with` block, or inside the function it decorates.

    A decorated generator enters the mode around each of its steps only, so its caller's mode is untouched.
    """

    def __init__(self, variable: ContextVar, value: bool):
        self.variable = variable
        self.value = value
        self.outer: list[bool] = []

    def __enter__(self) -> None:
        self.outer.append(self.variable.get())
        self.variable.set(self.value)

    def __exit__(self, *exc) -> None:
        self.variable.set(self.outer.pop())

    def __call__(self, fn: Callable) -> Callable:
        def mode() -> Mode:  # one for each call: threads and nested calls must not share the stack
            return Mode(self.variable, self.value)

        @functools.wraps(fn)
        def call(*args, **kwargs):
            with mode():
                return fn(*args, **kwargs)

        @functools.wraps(fn)
        def generate(*args, **kwargs):
            steps = fn(*args, **kwargs)
            resume = functools.partial(next, steps)
            while True:
                with mode():
                    try:
                        item = resume()
                    except StopIteration as end:
                        return end.value
                try:
                    resume = functools.partial(steps.send, (yield item))
                except BaseException as error:  # thrown in by the caller, GeneratorExit from close() included
                    resume = functools.partial(steps.throw, error)

        return generate if inspect.isgeneratorfunction(fn) else call


def no_grad(fn: Callable | None = None) -> Any:
    """Record nothing: `with no_grad(): ...`, or `@no_grad` above a function or a generator."""
    mode = Mode(recording, False)
    return mode if fn is None else mode(fn)


def enable_grad(fn: Callable | None = None) -> Any:
    """Record again inside a `no_grad` block."""
    mode = Mode(recording, True)
    return mode if fn is None else mode(fn)


def higher_order(fn: Callable | None = None) -> Any:
    """Keep each op's inputs too, so that `grad(..., create_graph=True)` can differentiate its backward."""
    mode = Mode(keeping_recipes, True)
    return mode if fn is None else mode(fn)
