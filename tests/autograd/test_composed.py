"""Functions that are made of ops: values, dtypes and gradients of their cases, as the ops have theirs."""

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from cases import CASES, COMPOSED
from cases.case import listed
from tapegrad import nn
from tapegrad.autograd import Tensor, gradcheck

WIDE = (ag.float_power,)  # NumPy's dtype, at least float64
# The shape of their results depends on the numbers, so that a replay refuses them.
SHAPE_BY_NUMBERS = (
    ag.trim_zeros,
    ag.unique,
    ag.unique_all,
    ag.unique_counts,
    ag.unique_inverse,
    ag.unique_values,
)

every_case = pytest.mark.parametrize("case", COMPOSED, ids=lambda case: case.name)


def flat(outputs) -> list:
    """Outputs that may stand in lists, and lists in these."""
    return [y for item in listed(outputs) for y in listed(item)]


def tensors_in(outputs) -> list:
    """The Tensors of floats: beside them there may be numbers and indices."""
    return [y for y in flat(outputs) if isinstance(y, Tensor) and y.dtype.kind == "f"]


def leaves(case):
    return [Tensor(x, requires_grad=True) for x in case.draw()]


def test_every_composed_function_has_a_case():
    tested = {getattr(case.op, "of", case.op) for case in (*CASES, *COMPOSED)}
    assert [name for name, fn in kernels.EVERY_COMPOSED.items() if fn not in tested] == []


def test_case_names_are_unique():
    names = [case.name for case in COMPOSED]
    assert sorted(names) == sorted(set(names))


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_reference(case, dtype):
    """With a gradient and without, which may be computed in other ways."""
    inputs = case.draw(dtype)
    expected = flat(case(case.reference, inputs))
    found, plain = (
        flat(case(case.op, [Tensor(x, requires_grad=wanted) for x in inputs])) for wanted in (True, False)
    )
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for y, z in [*zip(found, expected, strict=True), *zip(plain, expected, strict=True)]:
        y, z = getattr(y, "data", y), np.asarray(z)
        assert np.shape(y) == z.shape
        if z.dtype.kind == "f":
            assert y.dtype == (z.dtype if case.op in WIDE else dtype)
        np.testing.assert_allclose(y, z, rtol=tolerance, atol=tolerance)


@every_case
def test_gradient(case):
    reference = None if case.reference is case.op else lambda *xs: floats(case(case.reference, xs))
    assert gradcheck(lambda *xs: tensors_in(case(case.op, xs)), leaves(case), reference=reference)


def floats(outputs) -> list:
    return [y for y in flat(outputs) if np.asarray(y).dtype.kind == "f"]


@every_case
def test_second_order_gradient(case):
    assert gradcheck(lambda *xs: [y * y for y in tensors_in(case(case.op, xs))], leaves(case), order=2)


@every_case
def test_numpys_function_comes_here(case):
    for fn in case.op.facts.numpy:
        if isinstance(fn, np.ufunc) or not hasattr(fn, "__wrapped__"):
            continue
        found = tensors_in(case(fn, leaves(case)))
        for y, z in zip(tensors_in(case(case.op, leaves(case))), found, strict=True):
            assert z.requires_grad == y.requires_grad
            np.testing.assert_array_equal(y.data, z.data)
        assert any(z.requires_grad for z in found)


class Inputs(nn.Module):
    def __init__(self, arrays):
        for i, x in enumerate(arrays):
            setattr(self, f"x{i}", nn.Parameter(x))


@every_case
def test_replayed(case):
    def loss(model):
        outputs = tensors_in(case(case.op, list(model.parameters())))
        return sum(((y * y).sum() for y in outputs[1:]), (outputs[0] * outputs[0]).sum())

    model = Inputs(case.draw())
    replayed = nn.replay(model, loss)
    if case.op in SHAPE_BY_NUMBERS and model.x0.size:
        with pytest.warns(RuntimeWarning, match="not replayed"):
            for _ in range(3):
                replayed()
    for seed in (0, 0, 0, 1, 2):
        for p, x in zip(model.parameters(), case.draw(seed=seed), strict=True):
            p.data[...] = x
        expected = value_and_gradients(model, lambda: loss(model))
        for z, y in zip(expected, value_and_gradients(model, replayed), strict=True):
            np.testing.assert_array_equal(y, z)


def value_and_gradients(model, loss):
    for p in model.parameters():
        p.grad = None
    y = loss()
    y.backward()
    return [y.data, *(p.grad for p in model.parameters())]
