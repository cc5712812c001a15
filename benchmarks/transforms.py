"""Derivatives of functions of one flat array, by the transforms of several libraries.

Each function is a context manager for worker.py. All libraries differentiate the same formulas, in float64:
a network with tanh between layers, whose parameters are the array, and Rosenbrock's function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

Step = Callable[[], float]
KINDS = ("gradient", "hvp", "hessian", "jacobian", "samples")


class Problem(NamedTuple):
    """A derivative, and of what."""

    kind: str  # of KINDS; "samples": a gradient for each of the batch
    layers: tuple[int, ...] = ()  # widths of a network; without any, Rosenbrock's function
    batch: int = 16
    size: int = 0  # of the array of Rosenbrock's function

    @property
    def parameters(self) -> int:
        return self.size or sum(n * m + m for n, m in pairwise(self.layers))


PROBLEMS = {
    "gradient, Rosenbrock of 10": Problem("gradient", size=10),
    "Hessian, Rosenbrock of 10": Problem("hessian", size=10),
    "Hessian, Rosenbrock of 100": Problem("hessian", size=100),
    "gradient, 130 parameters": Problem("gradient", (4, 12, 5, 1)),
    "Hessian, 130 parameters": Problem("hessian", (4, 12, 5, 1)),
    "Hessian, 992 parameters": Problem("hessian", (10, 30, 20, 2)),
    "hvp, 992 parameters": Problem("hvp", (10, 30, 20, 2)),
    "hvp, 201,482 parameters": Problem("hvp", (100, 400, 400, 2), 64),
    "Jacobian, 32 x 992": Problem("jacobian", (10, 30, 20, 2)),
    "Jacobian, 512 x 22": Problem("jacobian", (10, 2), 256),
    "per sample, 64 of 992": Problem("samples", (10, 30, 20, 2), 64),
}


def data(problem: Problem) -> list[np.ndarray]:
    """The point, a direction, and the network's inputs and targets."""
    rng = np.random.default_rng(0)
    n = problem.parameters
    first, last = (problem.layers[0], problem.layers[-1]) if problem.layers else (1, 1)
    shapes = (n,), (problem.batch, first), (problem.batch, last)
    return [0.3 * rng.normal(size=n), *(rng.normal(size=shape) for shape in shapes)]


def network(library: Any, layers: tuple[int, ...], theta: Any, x: Any) -> Any:
    """The outputs for the rows of `x`."""
    start = 0
    for i, (n, m) in enumerate(pairwise(layers)):
        x = library.tanh(x) if i else x
        w, start = theta[start : start + n * m], start + n * m
        x = x @ w.reshape(n, m) + theta[start : start + m]
        start += m
    return x


def function(library: Any, problem: Problem, x: Any, y: Any) -> Callable:
    """What is differentiated, a function of the parameters and perhaps of other inputs and targets."""

    def rosenbrock(t):
        return (100 * (t[1:] - t[:-1] ** 2) ** 2 + (1 - t[:-1]) ** 2).sum()

    def outputs(theta):
        return network(library, problem.layers, theta, x)

    def loss(theta, x=x, y=y):
        return ((network(library, problem.layers, theta, x) - y) ** 2).mean()

    def losses(theta):
        return ((outputs(theta) - y) ** 2).mean(1)

    if not problem.layers:
        return rosenbrock
    return {"jacobian": outputs, "samples": losses}.get(problem.kind, loss)


@contextmanager
def tapegrad(name: str) -> Iterator[Step]:
    import tapegrad.autograd as ag

    problem = PROBLEMS[name]
    t, v, x, y = data(problem)
    f = function(np, problem, x, y)
    differentiated = {
        "gradient": lambda: ag.grad(f)(t),
        "hvp": lambda: ag.hvp(f, (t,), (v,)),
        "hessian": lambda: ag.hessian(f)(t),
        "jacobian": lambda: ag.jacobian(f)(t),
        "samples": lambda: ag.jacobian(f)(t),
    }[problem.kind]
    yield lambda: summary(differentiated())


@contextmanager
def torch(name: str) -> Iterator[Step]:
    library = import_module("torch")
    func, problem = library.func, PROBLEMS[name]
    t, v, x, y = map(library.from_numpy, data(problem))
    f = function(library, problem, x, y)
    loss = function(library, problem._replace(kind="gradient"), x, y)
    wide = problem.parameters > problem.batch
    each = func.vmap(func.grad(loss), (None, 0, 0))
    differentiated = {
        "gradient": lambda: func.grad(f)(t),
        "hvp": lambda: func.jvp(func.grad(f), (t,), (v,))[1],
        "hessian": lambda: func.hessian(f)(t),
        "jacobian": lambda: (func.jacrev if wide else func.jacfwd)(f)(t),
        "samples": lambda: each(t, x[:, None], y[:, None]),
    }[problem.kind]
    yield lambda: summary(differentiated())


@contextmanager
def jax(name: str, jit: bool = True) -> Iterator[Step]:
    library = import_module("jax")
    library.config.update("jax_enable_x64", True)
    problem = PROBLEMS[name]
    t, v, x, y = map(library.numpy.asarray, data(problem))
    f = function(library.numpy, problem, x, y)
    loss = function(library.numpy, problem._replace(kind="gradient"), x, y)
    wide = problem.parameters > problem.batch
    each = library.vmap(library.grad(loss), (None, 0, 0))
    differentiated = {
        "gradient": library.grad(f),
        "hvp": lambda t: library.jvp(library.grad(f), (t,), (v,))[1],
        "hessian": library.hessian(f),
        "jacobian": (library.jacrev if wide else library.jacfwd)(f),
        "samples": lambda t: each(t, x[:, None], y[:, None]),
    }[problem.kind]
    compiled = library.jit(differentiated) if jit else differentiated
    yield lambda: summary(compiled(t))


@contextmanager
def hips(name: str) -> Iterator[Step]:
    metadata.version("autograd")  # raises where it is not installed, rather than find the repository's folder
    library, numpy = import_module("autograd"), import_module("autograd.numpy")
    problem = PROBLEMS[name]
    t, v, x, y = data(problem)
    f = function(numpy, problem, x, y)
    differentiated = {
        "gradient": lambda: library.grad(f)(t),
        "hvp": lambda: library.hessian_vector_product(f)(t, v),
        "hessian": lambda: library.hessian(f)(t),
        "jacobian": lambda: library.jacobian(f)(t),
        "samples": lambda: library.jacobian(f)(t),
    }[problem.kind]
    yield lambda: summary(differentiated())


def summary(result: Any) -> float:
    """A number by which results are compared; whoever computes later has to have it now."""
    return float((result**2).sum())
