"""Chains of 200 ops on 4 x 4 arrays in several libraries: what an op costs beside its arithmetic.

Each function is a context manager for worker.py. Its step runs one chain; with `backward` also its gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, metadata

import numpy as np

LINKS = 200
Step = Callable[[], None]


def orthogonal() -> np.ndarray:
    """So that products neither grow nor vanish."""
    return np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0].astype(np.float32)


def link(library, op: str, constant) -> Callable:
    """One op of a chain; `library` has tanh."""
    return {
        "add": lambda y: y + constant,
        "mul": lambda y: y * constant,
        "matmul": lambda y: y @ constant,
        "sum": lambda y: y + y.sum(0),  # two ops: the sum has another shape, and so has to be spread again
        "tanh": lambda y: library.tanh(y),
    }[op]


OPS = ("add", "mul", "matmul", "sum", "tanh")


def chain(step: Callable, x):
    for _ in range(LINKS):
        x = step(x)
    return x


# First array of a chain and last gradient. Columns add up to 0, so that the chain of sums does not overflow.
ENDS = np.full((4, 4), 0.5, np.float32) * np.float32([[1], [-1], [1], [-1]])


def start(op: str) -> tuple[np.ndarray, np.ndarray]:
    """The first array of a chain and the constant of its ops."""
    return ENDS.copy(), np.full((4, 4), 1.001, np.float32) if op == "mul" else orthogonal()


@contextmanager
def numpy(op: str, backward: bool) -> Iterator[Step]:
    if backward:
        raise NotImplementedError("NumPy has no gradients")
    x, constant = start(op)
    one = link(np, op, constant)
    yield lambda: void(chain(one, x))


@contextmanager
def tapegrad(op: str, backward: bool) -> Iterator[Step]:
    import tapegrad.autograd as ag

    x, constant = start(op)
    seed = ENDS if backward else None
    yield leaf_step(ag, op, ag.Tensor(x, requires_grad=True), ag.Tensor(constant), seed)


@contextmanager
def tapegrad_replay(op: str, backward: bool) -> Iterator[Step]:
    from tapegrad import nn
    from tapegrad.autograd import Tensor

    x, constant = start(op)
    model = nn.Module()
    model.x = nn.Parameter(x)
    one = link(np, op, Tensor(constant))
    replayed = nn.replay(model, lambda model: chain(one, model.x))

    def step() -> None:
        y = replayed()
        if backward:
            y.backward(ENDS)
            model.x.grad = None

    yield step


@contextmanager
def torch(op: str, backward: bool) -> Iterator[Step]:
    library = import_module("torch")
    x, constant, seed = map(library.from_numpy, (*start(op), ENDS))
    yield leaf_step(library, op, x.requires_grad_(), constant, seed if backward else None)


@contextmanager
def mygrad(op: str, backward: bool) -> Iterator[Step]:
    library = import_module("mygrad")
    x, constant = start(op)
    x, constant = library.tensor(x), library.tensor(constant, constant=True)
    one = link(library, op, constant)

    def step() -> None:
        y = chain(one, x)
        if backward:
            y.backward(ENDS)
        x.null_grad()

    yield step


def leaf_step(library, op: str, x, constant, seed) -> Step:
    """For Tensors with `backward` and `grad`; without a seed, forward only."""
    one = link(library, op, constant)

    def step() -> None:
        y = chain(one, x)
        if seed is not None:
            y.backward(seed)
            x.grad = None

    return step


@contextmanager
def hips(op: str, backward: bool) -> Iterator[Step]:
    metadata.version("autograd")  # raises where it is not installed, rather than find the repository's folder
    library, make_vjp = import_module("autograd.numpy"), import_module("autograd").make_vjp
    x, constant = start(op)
    one = link(library, op, constant)
    record = make_vjp(lambda y: chain(one, y))

    def step() -> None:
        pull_back, _ = record(x)
        if backward:
            pull_back(ENDS)

    yield step


def void(_) -> None:
    """Steps give no value."""
