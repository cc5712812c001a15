"""What a line in the table of ops is: an op, a reference, and how to call both."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, engine
from tapegrad.autograd.pieces import whole


def normal(rng, shape):
    return rng.standard_normal(shape)


def positive(rng, shape):
    return rng.uniform(0.5, 2, shape)


def nonzero(rng, shape):
    return rng.uniform(0.3, 2, shape) * rng.choice([-1, 1], shape)


def few_zeros(rng, shape):
    """Rows without a zero, with one, with two."""
    x = nonzero(rng, shape)
    for i, row in enumerate(x):
        row[: i % 3] = 0
    return x


def spread(rng, shape):
    """Numbers 0.2 apart, so that no largest or smallest one changes in a small step."""
    size = int(np.prod(shape))
    return (rng.permutation(size).reshape(shape) - size / 2) * 0.2 + rng.uniform(0.02, 0.18)


def well_conditioned(rng, shape):
    """Matrices with singular values apart and of about 1; vectors of normal numbers."""
    if len(shape) < 2 or 0 in shape:
        return normal(rng, shape)
    u, s, vh = np.linalg.svd(rng.standard_normal(shape), full_matrices=False)
    return u * (1 + np.arange(s.shape[-1], 0, -1) / s.shape[-1]) @ vh


def positive_definite(rng, shape):
    """Symmetric matrices with eigenvalues apart, between 1 and 3."""
    q = np.linalg.qr(rng.standard_normal(shape))[0]
    return q * np.linspace(1, 3, shape[-1]) @ q.mT


def real_spectrum(rng, shape):
    """Matrices with real eigenvalues that are apart."""
    v = well_conditioned(rng, shape)
    return v * np.linspace(-1, 2, shape[-1]) @ np.linalg.inv(v)


@dataclass(frozen=True)
class Case:
    op: Callable
    reference: Callable
    args: tuple
    attrs: dict
    domain: Callable
    saves: frozenset
    name: str

    def draw(self, dtype=np.float64, seed=0) -> list[np.ndarray]:
        """The random inputs, those inside a list included."""
        rng = np.random.default_rng(seed)
        return [np.asarray(self.domain(rng, shape), dtype) for shape in shapes_in(list(self.args))]

    def __call__(self, fn, inputs):
        """fn of `inputs` (ndarrays or Tensors, as `draw` gives them) and of the case's constants."""
        inputs = list(inputs)
        dtype = inputs[0].dtype
        left = iter(inputs)

        def constant(arg):
            return arg.astype(dtype) if isinstance(arg, np.ndarray) and arg.dtype.kind == "f" else arg

        def fill(arg):
            if isinstance(arg, list):
                return [fill(a) for a in arg]
            return next(left) if isinstance(arg, tuple) else constant(arg)

        return fn(*map(fill, self.args), **{key: constant(value) for key, value in self.attrs.items()})

    def record(self, inputs):
        """(Tensors, outputs, node) of the op applied to `inputs`; the node keeps the body's arguments."""
        tensors = [Tensor(x, requires_grad=True) for x in inputs]
        with ag.higher_order():
            outputs = listed(self(self.op, tensors))
        return tensors, outputs, outputs[0].node


def shapes_in(args: list) -> list[tuple]:
    """The tuples in nested lists."""
    shapes = []
    for arg in args:
        shapes += shapes_in(arg) if isinstance(arg, list) else [arg] if isinstance(arg, tuple) else []
    return shapes


def listed(outputs) -> list:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


def seeds_for(outputs, seed=1) -> list[np.ndarray]:
    """A random gradient for each output."""
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.standard_normal(y.shape), y.dtype) for y in outputs]


def wholes(grads) -> list:
    """What a backward gives, with arrays for pieces of them."""
    return [whole(d) for d in grads]


def gradients(case, inputs, seeds=None) -> list[np.ndarray]:
    """What arrives in `.grad` of each input."""
    tensors, outputs, _ = case.record(inputs)
    engine.walk([y.edge for y in outputs], seeds or seeds_for(outputs))
    return [x.grad for x in tensors]


def case(op, reference, *args, domain=normal, saves="", **attrs) -> Case:
    def text(arg):
        if isinstance(arg, np.ndarray):
            return f"{arg.dtype}{arg.shape if arg.size > 4 else arg.tolist()}"
        if isinstance(arg, (tuple, list)):
            return f"({','.join(map(text, arg))})"
        if isinstance(arg, slice):
            return f"{arg.start}:{arg.stop}:{arg.step}".replace("None", "")
        return "..." if arg is Ellipsis else getattr(arg, "__name__", repr(arg))

    words = [text(arg) for arg in args] + [f"{key}={text(value)}" for key, value in attrs.items()]
    name = f"{op.__name__}[{' '.join(words)}]".replace(", ", ",")
    return Case(op, reference, args, attrs, domain, frozenset(saves.split()), name)


@cache
def of_symmetric(fn):
    """fn of the symmetric part of a matrix, which is what its symmetric gradient belongs to."""

    def call(a, *args, **options):
        return fn((a + a.mT) / 2, *args, **options)

    call.__name__ = fn.__name__
    call.of = fn
    return call


# ------------------------------------------------------------------------------------- the usual shapes


def unary(op, reference, domain=normal, saves="") -> list[Case]:
    """Of a function of one number."""
    return [case(op, reference, shape, domain=domain, saves=saves) for shape in [(2, 3), (), (2, 0)]]


PAIRS = [((2, 3), (2, 3)), ((2, 1), (1, 3)), ((), ()), ((0, 3), (1, 3))]


def binary(op, reference, domain=normal, saves="") -> list[Case]:
    """Of a function of two numbers, with broadcasting."""
    return [case(op, reference, *pair, domain=domain, saves=saves) for pair in PAIRS]


AXES = [{}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, -1)}]


def reductions(op, reference, domain=normal, saves="") -> list[Case]:
    """Over all axes, one, several, and an axis of another length beside an empty one."""
    ways = [((2, 3, 4), attrs) for attrs in AXES] + [((0, 3), {"axis": 1})]
    return [case(op, reference, shape, domain=domain, saves=saves, **attrs) for shape, attrs in ways]
