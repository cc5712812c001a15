"""Random programs, run by tapegrad and by a model that is too simple to be wrong in the same way.

The model keeps for each tensor its value and its full Jacobian with respect to the parameters (forward
mode, one column for each parameter element), so it has no graph, no order, no sharing and no in-place
rules.
"""

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor

SHAPES = [(), (2,), (2, 2), (1, 2), (2, 1)]
COLUMNS = 2 * sum(int(np.prod(shape)) for shape in SHAPES)


class Dual:
    """value (shape) and jacobian (COLUMNS, *shape); immutable."""

    def __init__(self, value, jacobian=None):
        self.value = np.asarray(value, float)
        self.jacobian = np.zeros((COLUMNS, *self.value.shape)) if jacobian is None else jacobian

    def apply(self, fn):
        """A linear `fn` of arrays with the batch axis in front."""
        return Dual(fn(self.value[None])[0], fn(self.jacobian))


def broadcast(a, b):
    """Jacobians with the same number of axes."""
    ndim = max(a.value.ndim, b.value.ndim)
    return [d.jacobian.reshape(COLUMNS, *(1,) * (ndim - d.value.ndim), *d.value.shape) for d in (a, b)]


def add(a, b):
    ja, jb = broadcast(a, b)
    return Dual(a.value + b.value, ja + jb)


def multiply(a, b):
    ja, jb = broadcast(a, b)
    return Dual(a.value * b.value, ja * b.value + a.value * jb)


def matmul(a, b):
    return Dual(a.value @ b.value, a.jacobian @ b.value + a.value @ b.jacobian)


def tanh(a):
    y = np.tanh(a.value)
    return Dual(y, a.jacobian * (1 - y * y))


def where(condition, a, b):
    ja, jb = broadcast(a, b)
    return Dual(np.where(condition, a.value, b.value), np.where(condition, ja, jb))


LINEAR = {  # name: (on a Tensor, on arrays with an axis in front)
    "sum": (lambda t: t.sum(), lambda a: a.reshape(len(a), -1).sum(1)),
    "sum over the last axis": (
        lambda t: t.sum(axis=-1, keepdims=True),
        lambda a: a.sum(axis=-1, keepdims=True),
    ),
    "first row": (lambda t: t[0], lambda a: a[:, 0]),
    "reversed": (lambda t: t[::-1], lambda a: a[:, ::-1]),
    "repeated rows": (lambda t: t[[0, -1, 0]][:2], lambda a: a[:, [0, -1]]),
    "transpose": (lambda t: t.T, lambda a: a.swapaxes(1, -1)),
    "reshape": (lambda t: t.reshape(t.shape[::-1]), lambda a: a.reshape(len(a), *a.shape[:0:-1])),
    "negative": (lambda t: -t, lambda a: -a),
    "halves swapped": (
        lambda t: np.concatenate(np.split(t, len(t))[::-1]),
        lambda a: np.concatenate(np.split(a, a.shape[1], axis=1)[::-1], axis=1),
    ),
}
BINARY = {
    "add": (lambda s, t: s + t, add),
    "multiply": (lambda s, t: s * t * 0.5, lambda a, b: multiply(multiply(a, b), Dual(0.5))),
    "subtract": (lambda s, t: s - t, lambda a, b: add(a, b.apply(np.negative))),
    "maximum": (lambda s, t: np.maximum(s, t), lambda a, b: where(a.value > b.value, a, b)),
}
SEEDS = st.integers(0, 2**20)


def random(seed, shape):
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def is_readable(tensor):
    """Whether it is no view of a Tensor that was written to since."""
    try:
        return tensor.data is not None
    except RuntimeError:
        return False


class Programs(RuleBasedStateMachine):
    @initialize(seed=SEEDS)
    def start(self, seed):
        self.parameters, self.tensors, self.duals, self.column = [], [], [], 0
        for i, shape in enumerate([*SHAPES, *SHAPES]):
            self.new_parameter(random(seed + i, shape))

    def new_parameter(self, data):
        jacobian = np.zeros((COLUMNS, *data.shape))
        jacobian.reshape(COLUMNS, -1)[self.column : self.column + data.size] = np.eye(data.size)
        self.parameters.append((Tensor(data.copy(), requires_grad=True), self.column))
        self.column += data.size
        self.tensors.append(self.parameters[-1][0])
        self.duals.append(Dual(data, jacobian))

    def pick(self, data, accept=lambda dual: True):
        """A random tensor (the newest are likelier) and its place."""
        places = [i for i, dual in enumerate(self.duals) if accept(dual)]
        i = places[-1 - data.draw(st.integers(0, len(places) - 1))]
        return i, self.tensors[i], self.duals[i]

    def keep(self, tensor, dual):
        np.testing.assert_allclose(tensor.data, dual.value, rtol=1e-12, atol=1e-12)
        if np.abs(dual.value).max(initial=0) > 1e3:  # no chaos
            tensor, dual = np.tanh(tensor), tanh(dual)
        self.tensors.append(tensor)
        self.duals.append(dual)

    def becomes(self, written, dual):
        """Give all names of a Tensor its new dual; its views are to be taken again, and forgotten here."""
        known = zip(self.tensors, self.duals, strict=True)
        kept = [(t, dual if t is written else d) for t, d in known if is_readable(t)]
        self.tensors, self.duals = map(list, zip(*kept, strict=True))

    @rule(data=st.data(), name=st.sampled_from(sorted(BINARY)))
    def binary(self, data, name):
        (_, s, a), (_, t, b) = self.pick(data), self.pick(data)
        ours, model = BINARY[name]
        if name == "maximum" and s is t:
            return  # a tie everywhere
        self.keep(ours(s, t), model(a, b))

    @rule(data=st.data(), name=st.sampled_from(sorted(LINEAR)))
    def linear(self, data, name):
        _, t, a = self.pick(data, lambda dual: dual.value.ndim > 0)
        ours, model = LINEAR[name]
        if name == "transpose" and a.value.ndim != 2:
            return
        if name == "repeated rows" and len(a.value) < 2:
            return
        self.keep(ours(t), a.apply(model))

    @rule(data=st.data())
    def tanh(self, data):
        _, t, a = self.pick(data)
        self.keep(np.tanh(t), tanh(a))

    @rule(data=st.data())
    def matmul(self, data):
        _, s, a = self.pick(data, lambda dual: dual.value.ndim == 2)
        _, t, b = self.pick(
            data, lambda dual: dual.value.ndim == 2 and dual.value.shape[0] == a.value.shape[1]
        )
        self.keep(s @ t, matmul(a, b))

    @rule(data=st.data(), name=st.sampled_from(["add", "multiply"]))
    def in_place(self, data, name):
        i, s, a = self.pick(data)
        _, t, b = self.pick(
            data, lambda dual: np.broadcast_shapes(dual.value.shape, a.value.shape) == a.value.shape
        )
        if s.is_leaf and s.requires_grad or s.data.base is not None:
            return
        if name == "add":
            s += t
            new = add(a, b)
        else:
            s *= t
            new = multiply(a, b)
        self.becomes(s, new)

    @rule(data=st.data())
    def set_item(self, data):
        _, s, a = self.pick(data, lambda dual: dual.value.ndim > 0)
        _, t, b = self.pick(data, lambda dual: dual.value.ndim == 0)
        if s.is_leaf and s.requires_grad or s.data.base is not None:
            return
        s[0] = t
        value, jacobian = a.value.copy(), a.jacobian.copy()
        value[0] = b.value
        jacobian[:, 0] = b.jacobian.reshape(COLUMNS, *(1,) * (a.value.ndim - 1))
        self.becomes(s, Dual(value, jacobian))

    @rule(data=st.data())
    def constant(self, data):
        _, t, a = self.pick(data)
        if data.draw(st.booleans()):
            self.keep(t.detach(), Dual(a.value))
        else:
            with ag.no_grad():
                self.keep(t * 2, Dual(a.value * 2))

    @rule(data=st.data())
    def backward(self, data):
        """Of a weighted sum of two tensors, so that paths meet; the graph is kept and used again."""
        (_, s, a), (_, t, b) = self.pick(data), self.pick(data)
        u, v = random(1, s.shape), random(2, t.shape)
        expected = (a.jacobian * u).reshape(COLUMNS, -1).sum(1) + (b.jacobian * v).reshape(COLUMNS, -1).sum(1)
        out = (s * u).sum() + (t * v).sum()
        if not out.requires_grad:
            assert (expected == 0).all()
            return
        leaves = [p for p, _ in self.parameters]
        before = [None if p.grad is None else p.grad.copy() for p in leaves]
        found = ag.grad(out, leaves, retain_graph=True, allow_unused=True)
        out.backward(retain_graph=True)
        for (p, column), g, old in zip(self.parameters, found, before, strict=True):
            wanted = expected[column : column + p.size].reshape(p.shape)
            scale = max(1, np.abs(expected).max())
            np.testing.assert_allclose(0 if g is None else g.data, wanted, rtol=1e-9, atol=1e-11 * scale)
            if g is None:
                assert p.grad is old is None or (p.grad == old).all()
            else:
                np.testing.assert_allclose(
                    p.grad, g.data + (0 if old is None else old), rtol=1e-9, atol=1e-11
                )

    @rule()
    def zero_grad(self):
        for p, _ in self.parameters:
            p.grad = None

    @precondition(lambda self: len(self.tensors) > 12)
    @rule(data=st.data())
    def inner_gradient(self, data):
        """grad with respect to an inner tensor: the chain rule through it gives the parameters' gradient."""
        _, s, a = self.pick(data)
        if not s.requires_grad:
            return
        w = random(3, s.shape)
        out = (np.tanh(s * w) * w).sum() + s.sum()
        (g,) = ag.grad(out, s, retain_graph=True)
        np.testing.assert_allclose(g.data, (1 - np.tanh(a.value * w) ** 2) * w * w + 1, rtol=1e-9, atol=1e-11)

    @invariant()
    def values_agree(self):
        for tensor, dual in zip(getattr(self, "tensors", ()), getattr(self, "duals", ()), strict=True):
            np.testing.assert_allclose(tensor.data, dual.value, rtol=1e-9, atol=1e-9)

    @rule()
    def finish_training_step(self):
        """Parameters change in place: graphs that saved them are given up, all starts from leaves."""
        values = [p.data.copy() for p, _ in self.parameters]
        with ag.no_grad():
            for p, _ in self.parameters:
                data = p.data
                p -= 0.1 if p.grad is None else 0.1 * np.tanh(p.grad)
                assert p.data is data
        duals = self.duals[: len(values)]
        self.tensors = [p for p, _ in self.parameters]
        self.duals = [
            Dual(p.data.copy(), d.jacobian) for (p, _), d in zip(self.parameters, duals, strict=True)
        ]


Programs.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, derandomize=True
)
TestPrograms = Programs.TestCase
