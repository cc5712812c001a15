"""A run of a function of trees of arrays, with some of its arguments recorded: what transforms begin with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import engine, trees
from .arrays import as_array
from .engine import new_node
from .modes import Switch, current
from .op import op
from .tensor import Tensor, wrap
from .versions import clock
from .walks import rerun, rerun_linear, walked

Argnums = int | str | Sequence[int | str]  # numbers of positional arguments, names of others
SEVERAL = (tuple, list, range)
running: list[Callable] = []  # the functions that are being differentiated now, in whatever thread


@op(flops=0)
def argument(x):
    """x, as a Tensor of its own: derivatives with respect to it are not those with respect to x."""

    def backward(g):
        return (g,)

    return x, backward


class Unkept(dict):
    """In place of the gradients that a node keeps: none may arrive."""

    def __setitem__(self, key: Any, value: Any) -> None:
        raise RuntimeError(
            "a gradient arrives at an argument of a function that ag.grad or one of its kind differentiates, "
            "which keeps none: for backward() inside of the function use ag.grad there; a Tensor that was "
            "computed inside is handed out with has_aux=True, or as .detach()"
        )


UNKEPT = Unkept({0: None})


def as_argument(x: Any, path: str, copied: bool = False) -> Tensor:
    """The Tensor that stands for a leaf of an argument, an array `copied`. TypeError unless it is float."""
    data = x.data if isinstance(x, Tensor) else as_array(x)
    if data.dtype.kind != "f":
        given = type(x).__name__ if isinstance(x, (int, complex)) else f"{data.dtype} of shape {data.shape}"
        raise TypeError(
            f"{path} is {given}, and derivatives are with respect to floats: give 2.0 for 2, "
            "x.astype(float) for an array, or give it in an argument that is not among argnums"
        )
    if isinstance(x, Tensor) and x.edge is not None:
        return argument(x)
    if copied and not isinstance(x, Tensor):
        data = data.copy()
    node = new_node(argument, (None,), lambda g: (g,), data.shape, data.dtype)
    if not isinstance(x, Tensor):
        node.grads = UNKEPT
    return wrap(data, (node, 0))


class Run:
    """What came of f(*args, **kwargs), run with the leaves of the arguments `argnums` recorded.

    With `higher` what is recorded can be differentiated twice. `linked`: whether the results depend on
    Tensors that were recorded before, and so are recorded too; `tensors`: whether they are Tensors at all.
    """

    def __init__(
        self,
        name: str,
        f: Callable,
        args: Sequence,
        kwargs: dict[str, Any],
        argnums: Argnums,
        has_aux: bool = False,
        higher: bool = False,
    ):
        check_function(name, f)
        self.name, self.argnums = name, argnums
        places = _places(name, f, argnums, args, kwargs)
        arguments = list(args)
        slots: list[tuple[Any, Any]] = [(kwargs if isinstance(i, str) else arguments, i) for i in places]
        given = [trees.flatten(own[i], f"{name}: argument {i}") for own, i in slots]
        for i, (_, form) in zip(places, given, strict=True):
            if form.kind in trees.KEPT:
                raise TypeError(
                    f"{name}: argument {i} is {form.kept!r}, and derivatives are with respect to floats"
                )
        leaves = [leaf for found, _ in given for leaf in found.values()]
        self.form = trees.Form(tuple, tuple(range(len(given))), tuple(form for _, form in given))
        outer = current.get()
        tensors = any(isinstance(leaf, Tensor) for leaf in leaves)
        nested = bool(running)
        recipes = higher or (outer.grad and (tensors or nested))
        start = next(clock)
        with Switch(grad=True, **({"recipes": True} if recipes else {})):
            # what is walked later has arrays of its own, which the caller does not write to
            self.inputs = [as_argument(x, path, recipes) for found, _ in given for path, x in found.items()]
            shown = iter([wrap(x.data, x.edge) for x in self.inputs])  # which f may change in place
            for (own, i), form in zip(slots, self.form.items, strict=True):
                own[i] = trees.build(form, shown)
            found = _called(f, arguments, kwargs)
        self.aux = None
        if has_aux:
            if not isinstance(found, tuple) or len(found) != 2:
                raise TypeError(
                    f"{name}: with has_aux=True the function returns (value, aux), not {_told(found)}"
                )
            found, self.aux = found
        self._take_outputs(found)
        self.linked = outer.grad and (
            has_graph(leaves) or ((tensors or nested) and self._reaches_older(start, every=tensors))
        )
        if self.linked:
            for x in self.inputs:  # to which gradients of the results may come
                x.edge[0].grads = None  # type: ignore[index]
        self.tensors = tensors or self.linked

    def _take_outputs(self, found: Any) -> None:
        leaves, self.out_form = trees.flatten(found, f"{self.name}: what the function returns")
        for path, y in leaves.items():
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"{path} is {_told(y)}, and no Tensor: compute it from the arguments, which are Tensors, "
                    "by functions of np or ag, without .data, .item(), float() or math's functions"
                )
            if y.dtype.kind != "f":
                raise TypeError(f"{path} is a Tensor of {y.dtype}, which has no derivative")
        if not leaves:
            raise TypeError(f"{self.name}: the function returns {_told(found)}, without any Tensor")
        self.outputs: list[Tensor] = [wrap(y.data, y.edge) for y in leaves.values()]

    def _reaches_older(self, start: int, every: bool) -> bool:
        """Whether a result depends on a node from before: on any, or on an argument of a function around."""
        edges = [y.edge for y in self.outputs]
        trees.mapped(lambda t: edges.append(t.edge), self.aux)
        nodes = engine.reachable(edges)
        return any(n.order < start and (every or n.op is argument) for n in nodes)

    def recorder(self, vectors: Sequence = ()) -> Callable | None:
        """What records a walk: as a function of inputs and `vectors`, of these alone, or None for neither."""
        if self.linked:
            return rerun
        return rerun_linear if current.get().grad and has_graph(vectors) else None

    def pulled(self, seeds: Sequence[Tensor | None], retain_graph: bool = False) -> list[Tensor]:
        """The gradients of the inputs."""
        return walked(self.outputs, self.inputs, seeds, self.recorder(), retain_graph)

    # ------------------------------------------------------------------ results

    def scalar(self) -> Tensor:
        """The only output, of one element. ValueError or TypeError for another."""
        if self.out_form is not trees.LEAF:
            raise TypeError(
                f"{self.name}: the function returns a {self.out_form.kind.__name__}, and must return one "
                "Tensor; with has_aux=True it may return (value, aux); ag.jacobian takes a tree of outputs"
            )
        (y,) = self.outputs
        if y.size != 1:
            raise ValueError(
                f"{self.name}: the function returns a Tensor of shape {y.shape}, and must return one number: "
                "sum it, or use ag.jacobian, or ag.elementwise_grad for a function of each element alone"
            )
        return y

    def value(self) -> Any:
        """What the function returned, as it is given to the caller."""
        return trees.build(self.out_form, map(self.copied, self.outputs))

    def given_aux(self) -> Any:
        """The second thing that the function returned, without a graph where the results have none."""
        return trees.mapped(self.copied, self.aux)

    def given(self, result: Tensor) -> Any:
        """A derivative as the caller gets it: a Tensor, with its graph if `linked`, or an ndarray."""
        if not self.tensors:
            return result.data
        return result if self.linked else wrap(result.data, None)

    def copied(self, value: Tensor) -> Any:
        """What the function made as the caller gets it: an ndarray is nobody else's."""
        return self.given(value) if self.tensors else value.data.copy()

    def as_arguments(self, results: Sequence) -> Any:
        """One result for each leaf as trees of the arguments: a tuple of them unless argnums is one."""
        found = trees.build(self.form, iter(results))
        return found if isinstance(self.argnums, SEVERAL) else found[0]

    def matching(self, form: trees.Form, like: Sequence[Tensor], tree: Any, what: str) -> list[Tensor]:
        """The leaves of a tree of vectors, which have to fit the Tensors `like`, as Tensors."""
        vectors = trees.leaves_as(form, tree, f"{self.name}: {what}")
        return [_vector(v, x, f"{self.name}: {what}") for v, x in zip(vectors, like, strict=True)]


def _vector(v: Any, x: Tensor, what: str) -> Tensor:
    """`v` as a Tensor of the shape and dtype of `x`. ValueError or TypeError where it has another."""
    weak = isinstance(v, (int, float, np.floating)) and not isinstance(v, bool)
    array = v.data if isinstance(v, Tensor) else as_array(v, x.dtype if weak else None)
    if array.shape != x.shape:
        raise ValueError(f"{what}: an array of shape {array.shape} for a Tensor of shape {x.shape}")
    if array.dtype.kind in "iu" and not isinstance(v, Tensor):  # SciPy tries an operator on zeros of int8
        array = array.astype(x.dtype)
    if array.dtype != x.dtype:
        raise TypeError(
            f"{what}: an array of {array.dtype} for a Tensor of {x.dtype}; use .astype(np.{x.dtype})"
        )
    return v if isinstance(v, Tensor) else wrap(array, None)


def has_graph(leaves: Sequence) -> bool:
    """Whether one of them is a Tensor that was recorded."""
    return any(isinstance(x, Tensor) and x.edge is not None for x in leaves)


def _called(f: Callable, args: list, kwargs: dict[str, Any]) -> Any:
    running.append(f)  # and not a context variable: threads that f starts begin with none
    try:
        return f(*args, **kwargs)
    finally:
        running.pop()


def _places(name: str, f: Callable, argnums: Argnums, args: Sequence, kwargs: dict[str, Any]) -> list:
    """`argnums` as indices from 0 on and keywords; ValueError where an argument is not there."""
    listed = argnums if isinstance(argnums, SEVERAL) else [argnums]
    places = [_place(f, i, args, kwargs) for i in listed]
    if None in places:
        raise ValueError(
            f"{name}: argnums is {argnums!r}; the function was given {len(args)} positional arguments, which "
            f"have numbers, and by name {[*kwargs]}, which are named: argnums='x' for x=..."
        )
    if not places:
        raise ValueError(f"{name}: no argument is given to differentiate with respect to")
    if len({*places}) < len(places):
        raise ValueError(f"{name}: argnums {argnums!r} names an argument twice")
    return places


def _place(f: Callable, i: Any, args: Sequence, kwargs: dict[str, Any]) -> int | str | None:
    """The number or the name under which an argument was given; None where it was not."""
    if isinstance(i, str):
        if i in kwargs:
            return i
        try:  # it may have been given by its place
            parameters = inspect.signature(f).parameters.values()
        except (TypeError, ValueError):  # of a function written in C
            return None
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        i = names.index(i) if i in names else len(args)
    return int(i) % len(args) if -len(args) <= i < len(args) else None


def check_function(name: str, f: Any, argnums: Any = 0) -> None:
    """TypeError unless `f` can be called and `argnums` is a whole number, a name, or several."""
    if not callable(f):
        raise TypeError(f"{name}: the first argument is {_told(f)}, and must be a function")
    listed = argnums if isinstance(argnums, SEVERAL) else [argnums]
    if not all(isinstance(i, (int, np.integer, str)) and not isinstance(i, bool) for i in listed):
        raise TypeError(
            f"{name}: argnums is {argnums!r}, and must be an int, the name of an argument, or a tuple of "
            f"them; what comes back is a function: {name}(f)(x)"
        )


def _told(value: Any) -> str:
    """A value in an error message."""
    shape = f" of shape {value.shape}" if getattr(value, "shape", ()) else ""
    return f"a {type(value).__name__}{shape}" if value is not None else "None"
