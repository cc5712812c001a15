"""The contract of an op: what it saves, writes to and hands out, and under which names it is called."""

import inspect
import itertools
from types import FunctionType

import numpy as np
import pytest

import kernels
import tapegrad.autograd as ag
from cases import CASES
from cases.case import gradients, listed, seeds_for, wholes
from tapegrad.autograd import Tensor, engine, versions

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
NOT_EMPTY = [c for c in CASES if all(x.size for x in c.draw())]


def test_every_op_has_a_case():
    assert {case.op.__name__ for case in CASES} == set(kernels.EVERY_OP)


def test_case_names_are_unique():
    names = [case.name for case in CASES]
    assert sorted(names) == sorted(set(names))


# ---------------------------------------------------------------------------------------- what is saved


def closed_over(backward, case):
    """{name: cell} of the arrays that backward closes over, itself or in functions that it calls, those among
    the case's attributes apart."""
    given = [a for value in case.attrs.values() for a in (value if isinstance(value, tuple) else [value])]
    found = {}
    for name, cell in zip(backward.__code__.co_freevars, backward.__closure__ or (), strict=True):
        value = cell.cell_contents
        if isinstance(value, FunctionType):
            found |= closed_over(value, case)
            continue
        assert not callable(value), f"what {name} closes over would be hidden"
        items = value if isinstance(value, (tuple, list)) else [value]
        if any(isinstance(a, (np.ndarray, np.generic)) and not any(a is b for b in given) for a in items):
            found[name] = cell
    return found


@every_case
def test_saves_what_the_case_says(case):
    _, _, node = case.record(case.draw())
    assert set(closed_over(node.backward, case)) == case.saves


def every_subset_of_needs(node):
    wanted = node.recipe.needs
    if not wanted:
        return [None]
    subsets = itertools.product(*([False, True] if w else [False] for w in wanted))
    return [list(needs) for needs in subsets if any(needs)]


def usual_subsets_of_needs(node):
    """All gradients; the first alone (an input of frozen weights); all but the first (a first layer)."""
    wanted = node.recipe.needs
    if not wanted or sum(wanted) == 1:
        return [wanted or None]
    return [wanted, [w and i == 0 for i, w in enumerate(wanted)], [w and i > 0 for i, w in enumerate(wanted)]]


def run_body(node, needs):
    return node.recipe._replace(needs=needs or ()).run(node.op.body)


@every_case
def test_only_wanted_gradients_are_computed(case):
    _, outputs, node = case.record(case.draw())
    g = seed_of(outputs)
    full = wholes(node.backward(g))
    for needs in every_subset_of_needs(node):
        _, backward = run_body(node, needs)
        grads = wholes(backward(g))
        assert len(grads) == len(node.edges)
        for i, d in enumerate(grads):
            if needs is not None and not needs[i]:
                assert d is None or d is g  # handing on g costs nothing
            else:
                np.testing.assert_array_equal(d, full[i])  # a constant's is None in both


@pytest.mark.parametrize("case", NOT_EMPTY, ids=lambda case: case.name)
@np.errstate(all="ignore")
def test_everything_saved_is_read(case):
    """Spoil each saved array in turn: if no gradient changes, it was kept alive for nothing."""
    _, outputs, node = case.record(case.draw())
    g = seed_of(outputs)
    for needs in usual_subsets_of_needs(node):
        _, backward = run_body(node, needs)
        right = [d for d in wholes(backward(g)) if d is not None]
        for name, cell in closed_over(backward, case).items():
            kept = cell.cell_contents
            cell.cell_contents = spoilt(kept)
            try:
                wrong = [d for d in wholes(backward(g)) if d is not None]
            except np.linalg.LinAlgError:  # of nan, which it has read then
                wrong = [d * np.nan for d in right]
            cell.cell_contents = kept
            same = all(np.array_equal(a, b) for a, b in zip(right, wrong, strict=True))
            assert not same, f"{name} is saved for nothing when needs = {needs}"


def spoilt(a):
    if isinstance(a, (list, tuple)):
        return type(a)(map(spoilt, a))
    if not isinstance(a, (np.ndarray, np.generic)):
        return a
    return ~a if a.dtype == bool else a * 0 if a.dtype.kind in "iu" else a * np.nan


# ------------------------------------------------------------------------------- whose memory it is


def seed_of(outputs):
    seeds = seeds_for(outputs)
    for g in seeds:
        g.flags.writeable = False
    return tuple(seeds) if type(outputs[0].node.shape) is list else seeds[0]


def overlap(a, b) -> bool:
    return a.size and b.size and np.shares_memory(a, b)


@every_case
def test_gradients_from_a_body_are_g_or_views_of_g_or_fresh(case):
    """Contract rule 3, which lets the engine add to a fresh array in place."""
    _, outputs, node = case.record(case.draw())
    g = seed_of(outputs)
    grads = [d for d in wholes(node.backward(g)) if d is not None]
    taken = [a for item in node.recipe.arrays for a in listed(item) if isinstance(a, np.ndarray)]
    taken += [y.data for y in outputs] + [a for _, a in versions.saved_arrays(node)]
    for i, d in enumerate(grads):
        assert isinstance(d, (np.ndarray, np.generic))
        if not any(overlap(d, seed) for seed in listed(g)):
            assert not any(overlap(d, a) for a in taken)
            assert not any(overlap(d, other) for other in grads[:i])
        elif d.base is None:
            assert any(d is seed for seed in listed(g))


@every_case
def test_inputs_outputs_and_seed_are_not_written_to(case):
    inputs = case.draw()
    for x in inputs:
        x.flags.writeable = False  # a write raises
    _, outputs, node = case.record(inputs)
    before = [y.data.copy() for y in outputs], [a.copy() for _, a in versions.saved_arrays(node)]
    first = [None if d is None else np.array(d) for d in wholes(node.backward(seed_of(outputs)))]
    second = wholes(node.backward(seed_of(outputs)))
    for a, b in zip(first, second, strict=True):  # a pure function: it may run twice
        assert (a is None) == (b is None)
        assert a is None or np.array_equal(a, b)
    for a, b in zip(before[0], [y.data for y in outputs], strict=True):
        np.testing.assert_array_equal(a, b)
    for a, (_, b) in zip(before[1], versions.saved_arrays(node), strict=True):
        np.testing.assert_array_equal(a, b)


@every_case
def test_grads_share_no_memory(case):
    tensors, outputs, node = case.record(case.draw())
    seeds = seeds_for(outputs)
    engine.walk([y.edge for y in outputs], seeds, retain_graph=True)
    grads = [x.grad for x in tensors]
    others = (
        [x.data for x in tensors]
        + [y.data for y in outputs]
        + seeds
        + [a for _, a in versions.saved_arrays(node)]
    )
    for i, d in enumerate(grads):
        assert type(d) is np.ndarray and d.flags.writeable
        assert d.shape == tensors[i].shape and d.dtype == tensors[i].dtype
        assert not any(overlap(d, a) for a in others + grads[:i])


@every_case
def test_backward_twice_doubles_the_gradient(case):
    tensors, outputs, _ = case.record(case.draw())
    for retain in (True, False):
        engine.walk([y.edge for y in outputs], seeds_for(outputs), retain_graph=retain)
    for x, d in zip(tensors, gradients(case, case.draw()), strict=True):
        np.testing.assert_allclose(x.grad, 2 * d, rtol=1e-13, atol=1e-13)


# --------------------------------------------------------------------------------- under which names


def namesake(op):
    """The function of NumPy that stands where `op` does here, by the same name; None without."""
    for ours, theirs in ((ag, np), (ag.linalg, np.linalg)):
        if getattr(ours, op.__name__, None) is op:
            return getattr(theirs, op.__name__, None)
    return None


NAMESAKES = [case for case in CASES if namesake(case.op)]


@pytest.mark.parametrize("case", NAMESAKES, ids=lambda case: case.name)
def test_numpy_function_of_a_tensor_is_the_op(case):
    """Through __array_ufunc__ or __array_function__; with constants as ndarrays beside the Tensors."""
    tensors, outputs, node = case.record(case.draw())
    same = listed(case(namesake(case.op), tensors))
    for y, z in zip(outputs, same, strict=True):
        assert isinstance(z, Tensor) and z.node.op is node.op
        np.testing.assert_array_equal(y.data, z.data)


@pytest.mark.parametrize("op", dict.fromkeys(case.op for case in NAMESAKES), ids=lambda op: op.__name__)
def test_parameters_are_named_as_in_numpy(op):
    theirs = namesake(op)
    if isinstance(theirs, np.ufunc):
        return
    ours = list(inspect.signature(op).parameters.values())
    optional = {p.name for p in ours if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY}
    try:
        known = inspect.signature(theirs).parameters
    except ValueError:
        pytest.skip("this NumPy does not tell the function's parameters")
    assert optional <= set(known) or any(p.kind is p.VAR_KEYWORD for p in known.values())


def t(*shape):
    return Tensor(np.random.default_rng(sum(shape)).uniform(0.5, 2, shape), requires_grad=True)


A, B = t(3, 3), t(3)
ARRAY = np.arange(1.0, 10.0).reshape(3, 3)
SPELLINGS = {
    "a + b": (lambda: A + B, lambda: ag.add(A, B)),
    "a - b": (lambda: A - B, lambda: ag.subtract(A, B)),
    "a * b": (lambda: A * B, lambda: ag.multiply(A, B)),
    "a / b": (lambda: A / B, lambda: ag.divide(A, B)),
    "a ** b": (lambda: A**B, lambda: ag.power(A, B)),
    "a @ b": (lambda: A @ B, lambda: ag.matmul(A, B)),
    "-a": (lambda: -A, lambda: ag.negative(A)),
    "abs(a)": (lambda: abs(A), lambda: ag.absolute(A)),
    "1 + a": (lambda: 1 + A, lambda: ag.add(1, A)),
    "1 - a": (lambda: 1 - A, lambda: ag.subtract(1, A)),
    "2 * a": (lambda: 2 * A, lambda: ag.multiply(2, A)),
    "2 / a": (lambda: 2 / A, lambda: ag.divide(2, A)),
    "2 ** a": (lambda: 2**A, lambda: ag.power(2, A)),
    "array + a": (lambda: ARRAY + A, lambda: ag.add(ARRAY, A)),
    "array - a": (lambda: ARRAY - A, lambda: ag.subtract(ARRAY, A)),
    "array / a": (lambda: ARRAY / A, lambda: ag.divide(ARRAY, A)),
    "array ** a": (lambda: ARRAY**A, lambda: ag.power(ARRAY, A)),
    "array @ a": (lambda: ARRAY @ A, lambda: ag.matmul(ARRAY, A)),
    "a @ array": (lambda: A @ ARRAY, lambda: ag.matmul(A, ARRAY)),
    "NumPy scalar * a": (lambda: np.float64(2) * A, lambda: ag.multiply(2.0, A)),
    "a[i]": (lambda: A[1:, ::2], lambda: ag.getitem(A, (slice(1, None), slice(None, None, 2)))),
    "a.T": (lambda: A.T, lambda: ag.transpose(A)),
    "a.mT": (lambda: A.mT, lambda: ag.swapaxes(A, -1, -2)),
    "a.reshape(9, 1)": (lambda: A.reshape(9, 1), lambda: ag.reshape(A, (9, 1))),
    "a.reshape((9, 1))": (lambda: A.reshape((9, 1)), lambda: ag.reshape(A, (9, 1))),
    "a.reshape(-1)": (lambda: A.reshape(-1), lambda: ag.reshape(A, -1)),
    "a.transpose()": (lambda: A.transpose(), lambda: ag.transpose(A)),
    "a.transpose(1, 0)": (lambda: A.transpose(1, 0), lambda: ag.transpose(A, (1, 0))),
    "a.transpose((1, 0))": (lambda: A.transpose((1, 0)), lambda: ag.transpose(A, (1, 0))),
    "a.swapaxes(0, 1)": (lambda: A.swapaxes(0, 1), lambda: ag.swapaxes(A, 0, 1)),
    "a.sum(0)": (lambda: A.sum(0), lambda: ag.sum(A, axis=0)),
    "a.mean(axis, keepdims)": (
        lambda: A.mean(axis=1, keepdims=True),
        lambda: ag.mean(A, 1, None, None, True),
    ),
    "a.var(ddof=1)": (lambda: A.var(ddof=1), lambda: ag.var(A, ddof=1)),
    "a.std()": (lambda: A.std(), lambda: ag.std(A)),
    "a.max(1)": (lambda: A.max(1), lambda: ag.max(A, 1)),
    "a.min()": (lambda: A.min(), lambda: ag.min(A)),
    "a.clip(0.8, 1)": (lambda: A.clip(0.8, 1), lambda: ag.clip(A, 0.8, 1)),
    "a.clip(min=1)": (lambda: A.clip(min=1), lambda: ag.clip(A, 1, None)),
    "a.squeeze()": (lambda: A[:1].squeeze(), lambda: ag.squeeze(A[:1])),
    "a.take([0, 0])": (lambda: A.take([0, 0]), lambda: ag.take(A, [0, 0])),
    "a.astype(float32)": (lambda: A.astype(np.float32), lambda: ag.astype(A, np.float32)),
    "np.amax(a)": (lambda: np.amax(A), lambda: ag.max(A)),
    "np.add.reduce(a)": (lambda: np.add.reduce(A, axis=0), lambda: ag.sum(A, 0)),
    "np.einsum": (lambda: np.einsum("ij,j", A, B), lambda: ag.einsum("ij,j", A, B)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_operators_and_methods_are_the_free_functions(spelling):
    short, free = (make() for make in SPELLINGS[spelling])
    assert short.node.op is free.node.op
    np.testing.assert_array_equal(short.data, free.data)
    g = np.random.default_rng(0).standard_normal(short.shape).astype(short.dtype)
    used = [
        x for x in (A, B) if any(edge == x.edge for n in engine.reachable([short.edge]) for edge in n.edges)
    ]
    for a, b in zip(ag.grad(short, used, g), ag.grad(free, used, g), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
