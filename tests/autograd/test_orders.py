"""The whole table of ops, to any order: forward against reverse, re-run against ordinary, what is kept."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from cases import CASES, COMPOSED
from cases.case import listed
from tapegrad.autograd import Tensor, engine, gradcheck

TABLE = [*CASES, *COMPOSED]
every_case = pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)


def differentiable(case, inputs) -> list[Tensor]:
    """The outputs that a gradient goes through; they may stand in lists, beside numbers and indices."""
    outputs = [y for item in listed(case(case.op, inputs)) for y in listed(item)]
    return [y for y in outputs if isinstance(y, Tensor) and y.requires_grad]


def leaves(case) -> list[Tensor]:
    return [Tensor(x, requires_grad=True) for x in case.draw()]


def squares(case):
    """So that the gradient coming in depends on the inputs too."""
    return lambda *xs: [y * y for y in differentiable(case, xs)]


# ------------------------------------------------------------------------------ forward and reverse


def sum_of_products(pairs) -> float:
    return sum(float((np.asarray(a.data) * b).sum()) for a, b in pairs if a is not None)


@every_case
def test_forward_agrees_with_reverse(case):
    """<w, J v> is <J^T w, v>: J v by differentiating J^T w with respect to w."""
    xs, rng = leaves(case), np.random.default_rng(0)
    with ag.higher_order():
        ys = differentiable(case, xs)
    ws = [Tensor(rng.standard_normal(y.shape), requires_grad=True) for y in ys]
    vs = [rng.standard_normal(x.shape) for x in xs]
    gradients = ag.grad(ys, xs, ws, create_graph=True, allow_unused=True)
    pairs = [(g, v) for g, v in zip(gradients, vs, strict=True) if g is not None]
    reverse, size = sum_of_products(pairs), sum(float(np.abs(g.data * v).sum()) for g, v in pairs)
    linear = [(g, v) for g, v in pairs if g.requires_grad]  # the others are those of steps
    forward = 0.0
    if linear:
        along = ag.grad([g for g, _ in linear], ws, [v for _, v in linear], allow_unused=True)
        forward = sum_of_products(zip(along, [w.data for w in ws], strict=True))
    assert abs(forward - reverse) <= 1e-10 * max(1.0, size)


@pytest.mark.slow
@every_case
def test_two_derivatives_forward_and_reverse_against_differences(case):
    both = ("reverse", "forward")
    assert gradcheck(lambda *xs: differentiable(case, xs), leaves(case), mode=both)
    assert gradcheck(squares(case), leaves(case), order=2, mode=both)


@pytest.mark.slow
@every_case
def test_third_derivative(case):
    assert gradcheck(squares(case), leaves(case), order=3, tolerance=1e-6)


FUSED = {c.op: c for c in CASES if getattr(c.op, "plain", None) is not getattr(c.op, "body", None)}


@pytest.mark.parametrize("case", FUSED.values(), ids=lambda case: case.name)
def test_third_derivative_of_what_has_a_plain_form(case):
    assert gradcheck(squares(case), leaves(case), order=3, tolerance=1e-6)


# ------------------------------------------------------------------------- re-run and ordinary form

HARD = {
    "large means": lambda x: x + 100,
    "zeros": lambda x: x * 0,
    "ties": np.round,
    "equals": lambda x: x * 0 + 1.5,
}


@pytest.mark.parametrize("kind", HARD)
@np.errstate(all="ignore")
def test_a_gradient_that_is_recorded_equals_the_ordinary_one(kind):
    """The plain form, on Tensors, and the one that trains; on empty and 0-d arrays among others."""
    checked = 0
    for case in TABLE:
        xs = [Tensor(HARD[kind](x), requires_grad=True) for x in case.draw()]
        try:
            with ag.higher_order():
                ys = differentiable(case, xs)
        except (ValueError, ZeroDivisionError):  # a singular matrix, weights that add up to 0
            continue
        checked += 1
        size = max([1.0, *(np.abs(x.data).max(initial=0) for x in xs)])
        rng = np.random.default_rng(0)
        seeds = [rng.standard_normal(y.shape) for y in ys]
        ordinary = ag.grad(ys, xs, seeds, retain_graph=True, allow_unused=True)
        recorded = ag.grad(ys, xs, seeds, create_graph=True, allow_unused=True)
        for a, b in zip(ordinary, recorded, strict=True):
            assert (a is None) == (b is None), case.name
            if a is not None:
                assert a.dtype == b.dtype and a.shape == b.shape, case.name
                scale = max(size, np.abs(a.data[np.isfinite(a.data)]).max(initial=0))
                np.testing.assert_allclose(b.data, a.data, rtol=0, atol=1e-12 * scale, err_msg=case.name)
    assert checked > len(TABLE) * 0.95


# ----------------------------------------------------------------------------------- what is kept


def test_a_first_order_tape_keeps_no_inputs_and_says_what_a_second_order_needs():
    checked = 0
    for case in TABLE:
        xs = leaves(case)
        ys = differentiable(case, xs)
        recorded = [node for node in engine.reachable([y.edge for y in ys]) if node.edges]
        if not recorded:  # what came is handed on
            continue
        checked += 1
        assert all(node.recipe is None for node in recorded), case.name
        seeds = [np.ones(y.shape) for y in ys]
        with pytest.raises(RuntimeError, match=r"needs the inputs of \w+: .*`with higher_order\(\):`"):
            ag.grad(ys, xs, seeds, create_graph=True, allow_unused=True)
        ag.grad(ys, xs, seeds, allow_unused=True)  # nothing was spoiled
    assert checked > len(TABLE) * 0.95
