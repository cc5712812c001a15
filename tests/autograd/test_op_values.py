"""What every op computes: held to a reference in NumPy, in both float widths and for every memory layout."""

import numpy as np
import pytest

from cases import CASES
from cases.case import gradients, listed, seeds_for, wholes
from tapegrad.autograd import Tensor, astype, engine, no_grad, versions

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
same_width = pytest.mark.parametrize(
    "case", [c for c in CASES if c.op is not astype], ids=lambda case: case.name
)


@every_case
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equals_the_reference(case, dtype):
    inputs = case.draw(dtype)
    expected = listed(case(case.reference, [x.astype(np.float64) for x in inputs]))
    tolerance = 2e-6 if dtype == np.float32 else 1e-13
    for y, z in zip(listed(case(case.op, [Tensor(x) for x in inputs])), expected, strict=True):
        assert isinstance(y, Tensor) and type(y.data) is np.ndarray
        assert y.shape == np.shape(z)
        np.testing.assert_allclose(y.data, z, rtol=tolerance, atol=tolerance)


@every_case
def test_recording_does_not_change_the_result(case):
    inputs = case.draw()
    _, recorded, _ = case.record(inputs)
    with no_grad():
        plain = listed(case(case.op, [Tensor(x, requires_grad=True) for x in inputs]))
    for a, b in zip(recorded, plain, strict=True):
        assert b.node is None
        np.testing.assert_array_equal(a.data, b.data)


@same_width
def test_float32_stays_float32(case):
    """In the body itself, where the engine cannot mend it: outputs, gradients, what is saved between."""
    _, outputs, node = case.record(case.draw(np.float32))
    for body in (node.op.body, node.op.plain):
        out, backward = node.recipe.run(body)
        seeds = [np.asarray(g) for g in seeds_for(outputs)]
        grads = wholes(backward(tuple(seeds) if isinstance(out, tuple) else seeds[0]))
        made = [
            *(out if isinstance(out, tuple) else [out]),
            *grads,
            *(a for _, a in versions.saved_arrays(node)),
        ]
        assert {a.dtype for a in made if a is not None and a.dtype.kind == "f"} == {np.dtype(np.float32)}


@same_width
def test_no_step_of_the_body_widens_float32(case):
    """The body run on Tensors is a graph of its steps: none of them, forward or backward, is in float64."""
    tensors, outputs, node = case.record(case.draw(np.float32))
    out, grads = run_on_tensors(node, seeds_for(outputs))
    roots = [t.edge for t in [*listed(out), *grads] if t is not None]
    wide = {n.name for n in engine.reachable(roots) if np.dtype(np.float64) in n.dtypes}
    assert not wide


@every_case
def test_body_on_tensors_gives_the_same(case):
    """What derivatives of higher order rest on; for the fast form of a body and its plain form alike."""
    _, outputs, node = case.record(case.draw())
    seeds = seeds_for(outputs)
    out, backward = node.recipe.run(node.op.plain)
    plain = [out, *wholes(backward(tuple(seeds) if isinstance(out, tuple) else seeds[0]))]
    out, grads = run_on_tensors(node, seeds)
    fast = [tuple(y.data for y in outputs) if isinstance(out, tuple) else outputs[0].data]
    fast += wholes(node.backward(tuple(seeds) if isinstance(out, tuple) else seeds[0]))
    on_tensors = [out, *grads]
    for a, b, c in zip(plain, fast, on_tensors, strict=True):
        for x, y, z in zip(*([v] if not isinstance(v, tuple) else v for v in (a, b, c)), strict=True):
            assert (x is None) == (y is None) == (z is None)
            if x is not None:
                np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-12)
                np.testing.assert_allclose(x, z.data, rtol=1e-12, atol=1e-12)


def run_on_tensors(node, seeds):
    """(output, gradients) of a node's plain body, on Tensors throughout."""

    def lift(a):
        if isinstance(a, list):
            return [lift(item) for item in a]
        return Tensor(a, requires_grad=a.dtype.kind == "f") if isinstance(a, np.ndarray) else a

    out, backward = node.recipe.run(node.op.plain, list(map(lift, node.recipe.arrays)))
    seeds = [Tensor(g, requires_grad=True) for g in seeds]
    return out, wholes(backward(tuple(seeds) if isinstance(out, tuple) else seeds[0]))


# ---------------------------------------------------------------------------------------- memory layouts


def transposed(x):
    return x.T.copy().T


def strided(x):
    wide = np.full((*x.shape, 2), np.nan, x.dtype)
    wide[..., 0] = x
    return wide[..., 0]


def reverse(x):
    back = (slice(None, None, -1),) * x.ndim
    return x[back].copy()[back]


def offset(x):
    """Inside a larger array, at an address that is not a multiple of 16."""
    held = np.full(x.size + 1, np.nan, x.dtype)
    held[1:] = x.ravel()
    return held[1:].reshape(x.shape)


@every_case
def test_memory_layout_does_not_matter(case):
    inputs = case.draw()
    _, outputs, _ = case.record(inputs)
    seeds = seeds_for(outputs)
    expected = gradients(case, inputs, seeds)
    for layout in (transposed, strided, reverse, offset):
        laid, name = [layout(x) for x in inputs], layout.__name__
        for a, b in zip(outputs, case.record(laid)[1], strict=True):
            np.testing.assert_allclose(a.data, b.data, rtol=1e-13, atol=1e-13, err_msg=name)
        for a, b in zip(expected, gradients(case, laid, [layout(g) for g in seeds]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12, err_msg=name)


@every_case
def test_gradient_of_a_broadcast_seed(case):
    """What a sum after the op sends: one number seen everywhere (stride 0, read-only)."""
    inputs = case.draw()
    _, outputs, _ = case.record(inputs)
    broadcast = [np.broadcast_to(np.asarray(0.5), y.shape) for y in outputs]
    for a, b in zip(
        gradients(case, inputs, broadcast),
        gradients(case, inputs, [g.copy() for g in broadcast]),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
