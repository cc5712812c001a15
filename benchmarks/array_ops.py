"""NumPy's functions with a gradient, forward and backward, here, in PyTorch and in HIPS autograd.

What NumPy spells is called as NumPy's function in tapegrad and as that of `autograd.numpy` in HIPS autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module, metadata
from typing import NamedTuple

import numpy as np

from .chains import Step

SINGLE, DOUBLE = "float32", "float64"


class ArrayOp(NamedTuple):
    """A call in two spellings; `library` is NumPy (or HIPS's), tapegrad.autograd where `ours`, or torch."""

    shapes: tuple[tuple[int, ...], ...]
    numpy: Callable
    torch: Callable
    dtype: str = SINGLE
    ours: bool = False  # NumPy has no such function
    domain: Callable[[np.ndarray], np.ndarray] = np.copy  # from normal numbers to inputs


def well(x: np.ndarray) -> np.ndarray:
    """Positive definite matrices with distinct eigenvalues, well conditioned."""
    return x @ x.mT / x.shape[-1] + np.diag(np.linspace(1, 2, x.shape[-1]))


def einsum(subscripts: str, *shapes: tuple[int, ...]) -> ArrayOp:
    def call(library, *arrays):
        return library.einsum(subscripts, *arrays)

    return ArrayOp(shapes, call, call)


def solve(*shapes: tuple[int, ...]) -> ArrayOp:
    def call(library, a, b):
        return library.linalg.solve(a, b)

    return ArrayOp(shapes, call, call, DOUBLE, domain=lambda x: well(x) if x.shape[-1] == x.shape[-2] else x)


def cholesky(shape: tuple[int, ...]) -> ArrayOp:
    def call(library, a):
        return library.linalg.cholesky(a)

    return ArrayOp((shape,), call, call, DOUBLE, domain=well)


def eigh(shape: tuple[int, ...]) -> ArrayOp:
    def call(library, a):
        values, vectors = library.linalg.eigh(a)
        return vectors * values[..., None, :]

    return ArrayOp((shape,), call, call, DOUBLE, domain=well)


ROWS = (1000, 1000)
IDS = np.random.default_rng(0).integers(0, 10_000, 50_000)
PICKED = np.random.default_rng(1).integers(0, ROWS[1], (ROWS[0], 100))

ARRAY_OPS: dict[str, ArrayOp] = {
    "cumsum of rows": ArrayOp((ROWS,), lambda xp, x: xp.cumsum(x, 1), lambda t, x: t.cumsum(x, 1)),
    "sort of rows": ArrayOp((ROWS,), lambda xp, x: xp.sort(x, 1), lambda t, x: t.sort(x, 1)[0]),
    "topk, 10 of a row": ArrayOp(
        (ROWS,), lambda ag, x: ag.topk(x, 10)[0], lambda t, x: t.topk(x, 10)[0], ours=True
    ),
    "scatter_add, 50,000 rows of 16": ArrayOp(
        ((10_000, 16), (50_000, 16)),
        lambda ag, x, rows: ag.index_add(x, rows, IDS),
        lambda t, x, rows: x.index_add(0, t.from_numpy(IDS), rows),
        ours=True,
    ),
    "gather, 50,000 rows of 16": ArrayOp(
        ((10_000, 16),), lambda xp, x: x[IDS], lambda t, x: x[t.from_numpy(IDS)]
    ),
    "gather, 100 of a row": ArrayOp(
        (ROWS,),
        lambda ag, x: ag.take_along_axis(x, PICKED, 1),
        lambda t, x: x.gather(1, t.from_numpy(PICKED)),
        ours=True,
    ),
    "prod of rows": ArrayOp(
        (ROWS,), lambda xp, x: xp.prod(x, 1), lambda t, x: t.prod(x, 1), domain=lambda x: 1 + x / 100
    ),  # of normal numbers the product is 0 in float32, and PyTorch's gradient then 0 / x
    "norm of rows": ArrayOp(
        (ROWS,), lambda xp, x: xp.linalg.norm(x, axis=1), lambda t, x: t.linalg.norm(x, dim=1)
    ),
    "norm of all": ArrayOp((ROWS,), lambda xp, x: xp.linalg.norm(x), lambda t, x: t.linalg.norm(x)),
    "einsum bij,bjk->bik": einsum("bij,bjk->bik", (32, 64, 64), (32, 64, 64)),
    "einsum bhid,bhjd->bhij": einsum("bhid,bhjd->bhij", (8, 4, 64, 32), (8, 4, 64, 32)),
    "einsum ij,ij->i": einsum("ij,ij->i", ROWS, ROWS),
    "einsum ii->i": einsum("ii->i", ROWS),
    "einsum bi,bj->bij": einsum("bi,bj->bij", (64, 64), (64, 128)),
    "solve, 1000 x (4, 4)": solve((1000, 4, 4), (1000, 4, 1)),
    "solve, (512, 512)": solve((512, 512), (512, 8)),
    "cholesky, 1000 x (4, 4)": cholesky((1000, 4, 4)),
    "cholesky, (512, 512)": cholesky((512, 512)),
    "eigh, 1000 x (4, 4)": eigh((1000, 4, 4)),
    "eigh, (256, 256)": eigh((256, 256)),
}


def arrays(made: ArrayOp) -> list[np.ndarray]:
    """Its inputs."""
    rng = np.random.default_rng(0)
    return [made.domain(rng.standard_normal(shape)).astype(made.dtype) for shape in made.shapes]


@contextmanager
def tapegrad(op: str) -> Iterator[Step]:
    import tapegrad.autograd as ag

    ag.keep_memory()
    made = ARRAY_OPS[op]
    inputs = [ag.Tensor(x, requires_grad=True) for x in arrays(made)]
    yield leaf_step(made.numpy, ag if made.ours else np, inputs, lambda y: np.ones_like(y.data))


@contextmanager
def torch(op: str) -> Iterator[Step]:
    library = import_module("torch")
    made = ARRAY_OPS[op]
    inputs = [library.from_numpy(x).requires_grad_() for x in arrays(made)]
    yield leaf_step(made.torch, library, inputs, library.ones_like)


def leaf_step(call: Callable, library, inputs: list, ones_like: Callable) -> Step:
    seed = ones_like(call(library, *inputs))

    def step() -> None:
        call(library, *inputs).backward(seed)
        for x in inputs:
            x.grad = None

    return step


@contextmanager
def hips(op: str) -> Iterator[Step]:
    metadata.version("autograd")  # raises where it is not installed, rather than find the repository's folder
    library, make_vjp = import_module("autograd.numpy"), import_module("autograd").make_vjp
    made = ARRAY_OPS[op]
    if made.ours:
        raise NotImplementedError("NumPy has no such function")
    inputs = tuple(arrays(made))
    record = make_vjp(lambda given: made.numpy(library, *given))
    seed = np.ones_like(record(inputs)[1])

    def step() -> None:
        pull_back, _ = record(inputs)
        pull_back(seed)

    yield step
