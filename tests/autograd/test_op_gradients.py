"""The gradient of every op, held to finite differences of the reference; and a proof that this works."""

import numpy as np
import pytest

from cases import CASES
from cases.case import gradients, listed, seeds_for
from tapegrad import autograd as ag
from tapegrad.autograd import Tensor, engine, gradcheck

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


# (op, input) of steps, whose gradient is 0.
STEPS = {(name, 0) for name in ("angle", "ceil", "fix", "floor", "rint", "round", "sign", "trunc")} | {
    ("gammasgn", 0), ("copysign", 1), ("floor_divide", 0), ("floor_divide", 1), ("nextafter", 1),
}  # fmt: skip


def leaves(case):
    return [Tensor(x, requires_grad=True) for x in case.draw()]


@every_case
def test_gradient(case):
    assert gradcheck(
        lambda *xs: case(case.op, xs), leaves(case), reference=lambda *xs: case(case.reference, xs)
    )


@every_case
def test_second_order_gradient(case):
    """Of the squared output, so that the gradient coming in depends on the inputs too."""
    assert gradcheck(lambda *xs: [y * y for y in listed(case(case.op, xs))], leaves(case), order=2)


@every_case
def test_float32_gradient_agrees_with_float64(case):
    narrow = case.draw(np.float32)
    _, outputs, _ = case.record(narrow)
    seeds = seeds_for(outputs)
    wide = gradients(
        case, [x.astype(np.float64) for x in narrow], [g.astype(outputs[0].dtype) for g in seeds]
    )
    for a, b in zip(gradients(case, narrow, seeds), wide, strict=True):
        assert a.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@ag.op
def _off(x):
    return x * 1, lambda g: (g * 1.001,)


def planted(case, i):
    """The op with an error of 0.1 % in the gradient of its i-th random input."""
    return lambda *xs: case(case.op, [_off(x) if k == i else x for k, x in enumerate(xs)])


@pytest.mark.parametrize(
    "case", [c for c in CASES if all(x.size for x in c.draw())], ids=lambda case: case.name
)
def test_a_gradient_off_by_a_thousandth_is_found(case):
    for i, d in enumerate(gradients(case, case.draw())):
        if d.any():  # an index may pick nothing
            with pytest.raises(AssertionError, match=f"gradient of input {i} "):
                gradcheck(planted(case, i), leaves(case), reference=lambda *xs: case(case.reference, xs))


def test_every_gradient_of_every_op_is_somewhere_not_zero():
    """So that the test above has a fault to find in each."""
    seen = {(c.op, i) for c in CASES for i, d in enumerate(gradients(c, c.draw())) if d.any()}
    every = {(c.op, i) for c in CASES for i in range(len(c.draw()))}
    assert {(op.__name__, i) for op, i in every - seen} == STEPS


def test_a_second_derivative_off_by_a_thousandth_is_found():
    def cube_plain(x):
        return x * x * x, lambda g: (g * (3 * x * x * 1.001),)

    @ag.op(plain=cube_plain)
    def cube(x):
        return x * x * x, lambda g: (g * (3 * x * x),)

    x = Tensor(np.array([0.3, -0.7]), requires_grad=True)
    assert gradcheck(cube, [x])
    with pytest.raises(AssertionError, match="gradient of input 0"):
        gradcheck(cube, [x], order=2, reference=None)


@every_case
def test_twice_the_same_tensor_and_twice_the_same_op(case):
    """f(x) + f(x), and one output used twice: gradients add up, whoever owns the arrays they came in."""
    inputs = case.draw()
    _, outputs, _ = case.record(inputs)
    g, h = seeds_for(outputs, seed=1), seeds_for(outputs, seed=2)
    expected = [a + b for a, b in zip(gradients(case, inputs, g), gradients(case, inputs, h), strict=True)]

    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    first, second = listed(case(case.op, tensors)), listed(case(case.op, tensors))
    engine.walk([y.edge for y in first + second], g + h)
    for x, d in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(x.grad, d, rtol=1e-12, atol=1e-12)

    tensors = [Tensor(x, requires_grad=True) for x in inputs]
    outputs = listed(case(case.op, tensors))
    uses = [y * 1 for y in outputs] + [y * 1 for y in outputs]
    engine.walk([y.edge for y in uses], g + h)
    for x, d in zip(tensors, expected, strict=True):
        np.testing.assert_allclose(x.grad, d, rtol=1e-12, atol=1e-12)


KINKS = ag.maximum, ag.minimum, ag.fmax, ag.fmin, ag.nextafter


def alike(case) -> bool:
    """Several random inputs of one shape, and an op that is smooth where they are equal."""
    inputs = case.draw()
    return len(inputs) > 1 and len({x.shape for x in inputs}) == 1 and case.op not in KINKS


@pytest.mark.parametrize("case", [c for c in CASES if alike(c)], ids=lambda case: case.name)
def test_one_tensor_as_all_inputs(case):
    n = len(case.draw())
    x = leaves(case)[:1]
    gradcheck(lambda x: case(case.op, [x] * n), x, reference=lambda x: case(case.reference, [x] * n))
    gradcheck(lambda x: case(case.op, [x] * n), x, order=2)
