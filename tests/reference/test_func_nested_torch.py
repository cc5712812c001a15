"""Random programs under random nestings of grad, vjp, jvp, jacobian and hvp: the numbers of torch.func."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import tapegrad.autograd as ag
from tapegrad.autograd import special

TF = torch.func
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script`:DeprecationWarning")  # by torch itself


class Ours:
    """The words in which programs are written that the two libraries have not in common."""

    m, array = np, staticmethod(lambda a: a)
    softmax, logsumexp = (
        staticmethod(lambda x, f=f: f(x, axis=-1)) for f in (special.softmax, special.logsumexp)
    )
    cumsum, roll = staticmethod(lambda x: np.cumsum(x, 0)), staticmethod(lambda x: np.roll(x, 1, 0))
    sort, highest = staticmethod(lambda x: np.sort(x, axis=-1)), staticmethod(lambda x: x.max(axis=0))
    cat, product = staticmethod(np.concatenate), staticmethod(lambda x: np.prod(x, axis=0))
    inverse = staticmethod(np.linalg.inv)
    grad, vjp, jvp, hvp = ag.grad, ag.vjp, ag.jvp, ag.hvp
    value_and_grad = ag.value_and_grad
    rows, columns = (staticmethod(lambda f, m=m: ag.jacobian(f, mode=m)) for m in ("reverse", "forward"))


class Theirs:
    m, array = torch, staticmethod(torch.tensor)
    softmax, logsumexp = (staticmethod(lambda x, f=f: f(x, -1)) for f in (torch.softmax, torch.logsumexp))
    cumsum, roll = staticmethod(lambda x: torch.cumsum(x, 0)), staticmethod(lambda x: torch.roll(x, 1, 0))
    sort, highest = staticmethod(lambda x: torch.sort(x, -1)[0]), staticmethod(lambda x: x.amax(0))
    cat, product = staticmethod(torch.cat), staticmethod(lambda x: torch.prod(x, 0))
    inverse = staticmethod(torch.linalg.inv)
    grad, vjp, jvp = TF.grad, TF.vjp, TF.jvp
    value_and_grad = staticmethod(lambda f: lambda x: TF.grad_and_value(f)(x)[::-1])
    rows, columns = TF.jacrev, TF.jacfwd
    hvp = staticmethod(lambda f, primals, tangents: TF.jvp(TF.grad(f), primals, tangents)[1])


OPS = [  # of two 3 x 3 matrices and a constant one
    lambda o, x, y, c: o.m.sin(x * c),
    lambda o, x, y, c: o.m.exp(0.3 * x) * y,
    lambda o, x, y, c: x @ c @ y * 0.3,
    lambda o, x, y, c: o.inverse(o.m.tanh(x) * 0.3 + 3 * o.array(np.eye(3))) + y,
    lambda o, x, y, c: o.softmax(x * c) * y,
    lambda o, x, y, c: o.logsumexp(x)[:, None] * y * 0.5,
    lambda o, x, y, c: o.m.where(c > 0, x * x * 0.4, o.m.sin(y)),
    lambda o, x, y, c: o.cumsum(x) * 0.5 + y,
    lambda o, x, y, c: o.product(o.m.tanh(x) + 1.5)[None] * y * 0.3,
    lambda o, x, y, c: o.m.stack([x[0], y[1], x[2] * y[0]]),
    lambda o, x, y, c: o.cat([x[1:], y[:1]]) * c,
    lambda o, x, y, c: o.m.flip(x, (0,)) * o.roll(y),
    lambda o, x, y, c: o.m.einsum("ij,kj->ik", x, o.m.tanh(y)),
    lambda o, x, y, c: o.sort(x) * y,
    lambda o, x, y, c: o.highest(x)[None] * y,
    lambda o, x, y, c: (x * x + 0.5) ** 1.7 / (y * y + 1),
    lambda o, x, y, c: (x.reshape(9) * y.T.reshape(9)).reshape(3, 3),
]


def two(o, g, c):
    """Of an argument of two, and what has_aux hands out."""

    def f(x, y):
        z = g(x * y)
        return (z * c).sum(), {"z": z * 2.0}

    def both(x):
        (a, b), aux = o.grad(f, argnums=(0, 1), has_aux=True)(x, x * x * 0.3)
        return a - b + aux["z"] * 0.1

    return both


def value_times_gradient(o, g, c):
    def f(x):
        value, slope = o.value_and_grad(lambda x: (g(x) * c).sum())(x)
        return value * slope

    return f


TRANSFORMS = [  # each of a function from matrices to matrices, and a matrix
    lambda o, g, c: o.grad(lambda x: (g(x) * c).sum()),
    lambda o, g, c: lambda x: o.vjp(g, x)[1](c)[0],
    lambda o, g, c: lambda x: o.jvp(g, (x,), (c,))[1],
    lambda o, g, c: lambda x: o.m.einsum("ijkl,ij->kl", o.rows(g)(x), c),
    lambda o, g, c: lambda x: o.m.einsum("ijkl,kl->ij", o.columns(g)(x), c),
    lambda o, g, c: lambda x: o.hvp(lambda x: (o.m.tanh(g(x) * 0.3) * c).sum(), (x,), (c,)),
    value_times_gradient,
    two,
]


def program(o, rng):
    """A function of a matrix: some ops of two matrices, in which the result takes the place of one."""
    steps = [
        (OPS[i], o.array(rng.normal(size=(3, 3))), rng.integers(2)) for i in rng.integers(len(OPS), size=4)
    ]
    start = o.array(rng.normal(size=(3, 3)))

    def f(x):
        a, b = x, start * x + 0.1
        for op, c, second in steps:
            new = op(o, a, b, c)
            new = o.m.tanh(new * 0.5) * 2 + 0.1 * new
            a, b = (b, new) if second else (new, b)
        return a * b + a

    return f


@pytest.mark.parametrize("seed", range(100))
def test_programs_and_nestings(seed):
    found = []
    for o in (Ours, Theirs):
        rng = np.random.default_rng(seed)
        f, x, order = program(o, rng), o.array(rng.normal(size=(3, 3))), 1 + seed % 3
        for i in rng.integers(len(TRANSFORMS), size=order):
            f = TRANSFORMS[i](o, f, o.array(rng.normal(size=(3, 3)) * 0.5))
        found.append(np.asarray(f(x)))
    scale = max(1, np.abs(found[1]).max())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-8, atol=1e-9 * scale)
