"""Derivatives as values: gradients of outputs, and of functions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, overload

import numpy as np

from .functions import Argnums, Run, check_function
from .tensor import Tensor, seed_for, wrap
from .walks import ones, or_zeros, pull, recording, rerun, walked


@overload
def grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]: ...
@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | np.ndarray | float | Sequence[Tensor | np.ndarray | None] | None = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]: ...
def grad(*args: Any, **kwargs: Any) -> Any:
    """The gradient of a function, as a function; or gradients of the sum of outputs, without any `.grad`.

    `grad(f, argnums=0, has_aux=False)`, with a function first, gives a function that takes what f takes and
    returns the gradient of f, which returns a Tensor of one element, with respect to the argument `argnums`:
    the number of a positional one or a name (`grad(f, "w")(x, w=w)`), or a tuple of them for a tuple of
    gradients. An argument is a float, an array, a Tensor or a tree of them (tuples, lists, dicts, named
    tuples, dataclasses), and its gradient is like it. f gets Tensors there, and may be written with NumPy
    alone. Arrays in, arrays out: only where a Tensor is given for one of these arguments, or in a function
    that is differentiated itself, is the result a Tensor, with its graph: `ag.grad(ag.grad(np.sin))(0.5)`.
    With `has_aux` f returns (value, aux), and the result is (gradient, aux). An argument on which the value
    does not depend has a gradient of zeros. TypeError for integers, and where f returns no Tensor; ValueError
    for an array of more elements, or an argument that is not there.

    `grad(outputs, inputs, grad_outputs=None, *, retain_graph, create_graph=False, allow_unused=None,
    materialize_grads=False)` gives a tuple of Tensors, one for each of `inputs`. `grad_outputs` has one
    gradient for each output (needed where it is not a single number). With `create_graph` the result can be
    differentiated again, to any order; everything that leads to `outputs` must have been run under
    `higher_order()`. `retain_graph` is `create_graph` unless given. RuntimeError where nothing was recorded,
    or for an input that the outputs do not depend on, which `allow_unused` makes `None` and
    `materialize_grads` zeros; ValueError where the number of `grad_outputs` or a shape is wrong; TypeError
    for what is no Tensor. A gradient that would be sparse in `.grad` comes as a whole.
    """
    first = args[0] if args else kwargs.get("f")
    form = _of_function if callable(first) and "outputs" not in kwargs else _of_outputs
    return form(*args, **kwargs)


def _of_function(f: Callable, argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    return _gradient("grad", f, argnums, has_aux, lambda run, g: (g, run.given_aux()) if has_aux else g)


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """A function that returns the value of f and its gradient, as of grad(f): (value, gradient).

    With `has_aux` f returns (value, aux), and the result is ((value, aux), gradient). What is given and what
    raises is told by `grad`. `scipy.optimize.minimize(ag.value_and_grad(f), x0, jac=True)` takes it.
    """

    def both(run: Run, g: Any) -> tuple:
        value = run.value()
        return ((value, run.given_aux()) if has_aux else value), g

    return _gradient("value_and_grad", f, argnums, has_aux, both)


def elementwise_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """A function that returns the derivative of a function of each element alone: elementwise_grad(np.tanh).

    It is the gradient of the sum of what f returns, an array of any shape or a tree of them, and is like the
    argument. What is given and what raises is told by `grad`.
    """
    check_function("elementwise_grad", f, argnums)

    @like(f, "elementwise_grad")
    def derivative(*args: Any, **kwargs: Any) -> Any:
        run = Run("elementwise_grad", f, args, kwargs, argnums)
        return run.as_arguments(list(map(run.given, run.pulled(ones(run.outputs)))))

    return derivative


def vjp(f: Callable[..., Any], *primals: Any, has_aux: bool = False) -> Any:
    """The value of f(*primals), and the function that multiplies vectors by its Jacobian, from the left.

    `value, pull = vjp(f, x, y)`; then `gx, gy = pull(v)`, with v like the value, any number of times.
    `primals` are arrays or trees of them, and the results are like them, as told by `grad`. With `has_aux` f
    returns (value, aux), and the result is (value, pull, aux). ValueError and TypeError as of grad, and of
    `pull` for a v of another shape or dtype. So that products may be differentiated too, all that ops were
    given is kept for as long as `pull` is; `grad` keeps what backward reads, in a GPT 28 % less.
    """
    run = Run("vjp", f, primals, {}, tuple(range(len(primals))), has_aux, higher=True)

    def pull_back(vectors: Any) -> tuple:
        seeds = run.matching(run.out_form, run.outputs, vectors, "the vector")
        recorder = run.recorder(seeds)
        found = walked(run.outputs, run.inputs, seeds, recorder, retain_graph=True)
        return run.as_arguments(found if recorder else list(map(run.given, found)))

    pull_back.__qualname__ = "pull"  # what Python calls it where the vector is missing
    value = run.value()
    return (value, pull_back, run.given_aux()) if has_aux else (value, pull_back)


def _gradient(name: str, f: Callable, argnums: Argnums, has_aux: bool, result: Callable) -> Callable:
    """The function that runs f and gives result(run, gradient)."""
    check_function(name, f, argnums)

    @like(f, name)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        run = Run(name, f, args, kwargs, argnums, has_aux)
        found = run.pulled(ones([run.scalar()]))
        return result(run, run.as_arguments(list(map(run.given, found))))

    return gradient


def like(f: Callable, name: str) -> Callable[[Callable], Callable]:
    """For a function that takes what f takes: it has its signature, and is called after it."""

    def name_it(fn: Callable) -> Callable:
        functools.update_wrapper(fn, f, ("__module__", "__doc__"), ())
        fn.__name__ = f"{name}({getattr(f, '__name__', type(f).__name__)})"
        return fn

    return name_it


# ------------------------------------------------------------------ of what was recorded


def _of_outputs(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool | None = None,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    if materialize_grads and allow_unused is False:
        raise ValueError("grad: materialize_grads=True gives zeros for unused inputs; leave out allow_unused")
    outputs, inputs = _tensors("outputs", outputs), _tensors("inputs", inputs)
    given = [None] * len(outputs) if grad_outputs is None else grad_outputs
    given = [given] if isinstance(given, (Tensor, np.ndarray, float, int, np.generic)) else list(given)
    if len(given) != len(outputs):
        raise ValueError(f"{len(given)} grad_outputs for {len(outputs)} outputs")
    for i, x in enumerate(inputs):
        if x.edge is None:
            raise RuntimeError(f"input {i} (shape {x.shape}) does not require a gradient")
    if all(y.edge is None for y in outputs):
        raise RuntimeError(
            "the outputs have no graph: nothing they depend on requires a gradient, or "
            "they are gradients taken without create_graph=True"
        )
    seeds = [seed_for(y, g) for y, g in zip(outputs, given, strict=True)]
    if create_graph:
        seeds = [s if isinstance(s, Tensor) else wrap(s, None) for s in seeds]
    else:
        seeds = [s.data if isinstance(s, Tensor) else s for s in seeds]
    retain_graph = create_graph if retain_graph is None else retain_graph
    with recording(higher=True) if create_graph else nullcontext():  # sums of gradients are recorded too
        found = pull(outputs, inputs, seeds, run=rerun if create_graph else None, retain_graph=retain_graph)
    if materialize_grads:
        return tuple(or_zeros(found, inputs))
    for i, (x, g) in enumerate(zip(inputs, found, strict=True)):
        if g is None and not allow_unused:
            raise RuntimeError(
                f"input {i} (shape {x.shape}) does not reach the outputs; allow_unused=True gives None"
            )
    return tuple(found)


def _tensors(name: str, given: Any) -> list[Tensor]:
    """One Tensor or several as a list; TypeError for anything else."""
    found = list(given) if isinstance(given, (list, tuple)) else [given]
    if not all(isinstance(x, Tensor) for x in found):
        what = "a function" if callable(given) else type(given).__name__
        raise TypeError(
            f"grad: {name} is {what}, and must be a Tensor or a list of them: y = f(x), then grad(y, x), "
            "with x = Tensor(..., requires_grad=True)"
        )
    return found


for _form in (_of_function, _of_outputs):  # what Python calls them where an argument is missing or unknown
    _form.__qualname__ = "grad"
