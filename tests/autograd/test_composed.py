"""Functions that are made of ops: values, dtypes and gradients of their cases, as the ops have theirs."""

import numpy as np
import pytest

import kernels
from cases import CASES, COMPOSED
from cases.case import listed
from tapegrad import nn
from tapegrad.autograd import Tensor, gradcheck

every_case = pytest.mark.parametrize("case", COMPOSED, ids=lambda case: case.name)


def tensors_in(outputs) -> list:
    """The outputs with a gradient: beside them there may be numbers, indices and lists of Tensors."""
    flat = [y for item in listed(outputs) for y in listed(item)]
    return [y for y in flat if isinstance(y, Tensor) and y.dtype.kind == "f"]


def leaves(case):
    return [Tensor(x, requires_grad=True) for x in case.draw()]


def test_every_composed_function_has_a_case():
    tested = {case.op for case in (*CASES, *COMPOSED)}
    assert [name for name, fn in kernels.EVERY_COMPOSED.items() if fn not in tested] == []


def test_case_names_are_unique():
    names = [case.name for case in COMPOSED]
    assert sorted(names) == sorted(set(names))


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_reference(case, dtype):
    inputs = case.draw(dtype)
    expected = [z for item in listed(case(case.reference, inputs)) for z in listed(item)]
    found = [y for item in listed(case(case.op, list(map(Tensor, inputs)))) for y in listed(item)]
    tolerance = 1e-5 if dtype == np.float32 else 1e-12
    for y, z in zip(found, expected, strict=True):
        assert np.shape(y) == np.shape(z)
        if np.asarray(z).dtype.kind == "f":
            assert y.dtype == dtype
        np.testing.assert_allclose(np.asarray(getattr(y, "data", y)), z, rtol=tolerance, atol=tolerance)


@every_case
def test_gradient(case):
    reference = None if case.reference is case.op else lambda *xs: floats(case(case.reference, xs))
    assert gradcheck(lambda *xs: tensors_in(case(case.op, xs)), leaves(case), reference=reference)


def floats(outputs) -> list:
    flat = [y for item in listed(outputs) for y in listed(item)]
    return [y for y in flat if np.asarray(y).dtype.kind == "f"]


@every_case
def test_second_order_gradient(case):
    assert gradcheck(lambda *xs: [y * y for y in tensors_in(case(case.op, xs))], leaves(case), order=2)


@every_case
def test_numpys_function_comes_here(case):
    for fn in case.op.facts.numpy:
        if isinstance(fn, np.ufunc) or not hasattr(fn, "__wrapped__"):
            continue
        for y, z in zip(
            tensors_in(case(case.op, leaves(case))), tensors_in(case(fn, leaves(case))), strict=True
        ):
            assert z.requires_grad
            np.testing.assert_array_equal(y.data, z.data)


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
    plain = loss(model)
    plain.backward()
    expected = [p.grad for p in model.parameters()]
    replayed = nn.replay(model, loss)
    for _ in range(3):
        for p in model.parameters():
            p.grad = None
        y = replayed()
        y.backward()
        assert y.item() == plain.item()
        for p, g in zip(model.parameters(), expected, strict=True):
            np.testing.assert_array_equal(p.grad, g)
