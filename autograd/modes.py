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

    __slots__ = ("again", "grad", "keeps", "observers", "recipes", "watch")

    def __init__(
        self,
        grad: bool,
        recipes: bool,
        observers: tuple[Callable, ...],
        watch: Any = None,
        again: Callable | None = None,
    ):
        self.grad = grad  # whether there are nodes at all
        self.recipes = recipes  # whether a node has its op's arguments, to differentiate its backward
        self.observers = observers  # each is called with a new node, its recipe and the op's output
        self.watch = watch  # has a method `backward`, which stands around what a walk runs
        self.again = again  # may know what a call gives: it has before (once.py), or differs in a capture
        self.keeps = recipes or bool(observers)  # whether a call's arguments are asked for

    def but(self, **changes) -> Mode:
        """The same mode with other values of some of these."""
        own = {"grad": self.grad, "recipes": self.recipes, "observers": self.observers, "watch": self.watch}
        return Mode(**(own | {"again": self.again} | changes))


current: ContextVar[Mode] = ContextVar("current", default=Mode(True, False, ()))  # noqa: B039  (never changed)


# Whether an op's body runs on Tensors, for its gradient to be differentiated: none is made a number then.
rerunning: ContextVar[bool] = ContextVar("rerunning", default=False)


class Scope:
    """One running call of a Module: who (weakly), and inside which other call."""

    __slots__ = ("owner", "parent")

    def __init__(self, owner, parent):
        self.owner = owner
        self.parent = parent


scope: ContextVar[Scope | None] = ContextVar("scope", default=None)


class GradientScope(Scope):
    """What is recorded while the gradient of what ran in the scope `of` is computed; None: of anything."""

    __slots__ = ("of",)

    def __init__(self, of: Scope | None, parent: Scope | None):
        super().__init__(_nobody if of is None else of.owner, parent)
        self.of = of


def _nobody() -> None:
    """The owner of what belongs to no Module."""


class GradientScopes:
    """The scopes of one walk whose gradients are recorded: the scopes of the forward pass over again.

    Scopes know those around them and not those inside, so that nothing here is a cycle.
    """

    def __enter__(self) -> GradientScopes:
        self._outer = scope.get()
        whole = GradientScope(None, self._outer)
        self._made: dict[Scope | None, GradientScope] = {None: whole, self._outer: whole}
        scope.set(whole)
        return self

    def __exit__(self, *exc) -> None:
        scope.set(self._outer)

    def around(self, run: Callable) -> Callable:
        """`run` of a walk, in the scope of the node it is given: so are, after it, the sums of gradients."""

        def inside(node, g):
            scope.set(self._of(node.scope))
            return run(node, g)

        return inside

    def _of(self, found: Scope | None) -> GradientScope:
        chain = []
        while found not in self._made:
            assert found is not None
            chain.append(found)
            found = found.parent
        made = self._made[found]
        for inner in reversed(chain):
            made = self._made[inner] = GradientScope(inner, made)
        return made


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

    def again(self) -> Switch:
        """One that does the same, with a stack of its own."""
        return Switch(**self.changes)

    def __call__(self, fn: F) -> F:
        if not callable(fn):
            raise TypeError(f"what stands around a function was given a {type(fn).__name__}, and no function")
        switch = self.again  # for each call: threads and nested calls must not share the stack

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
