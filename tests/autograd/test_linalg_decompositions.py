"""Inverses, decompositions, determinants and their kin: each way to call them, and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad.autograd as ag
from cases.case import normal, positive_definite, real_spectrum, well_conditioned
from matrices import M, gradient, leaf, symmetric
from tapegrad.autograd import Tensor, gradcheck, linalg

L = np.linalg
RNG = np.random.default_rng(1)
few = settings(max_examples=25, deadline=None, derandomize=True, database=None)


def listed(value):
    return list(value) if isinstance(value, tuple) else [value]


# ------------------------------------------------------------------------------- NumPy's functions and ours

A, WIDE, TALL = well_conditioned(RNG, (2, 4, 4)), normal(RNG, (3, 5)), normal(RNG, (2, 5, 3))
SPD, REAL, B = positive_definite(RNG, (2, 4, 4)), real_spectrum(RNG, (4, 4)), normal(RNG, (4, 3))
CALLS = {
    "inv": lambda f: f(A),
    "solve": lambda f: f(A, B),
    "solve of a vector": lambda f: f(A, B[:, 0]),
    "solve of a stack": lambda f: f(A[0], A),
    "lstsq": lambda f: f(TALL[0], M[0, [0, 1, 2, 3, 3]]),
    "lstsq of columns": lambda f: f(TALL[0], WIDE.T, rcond=None),
    "lstsq cut": lambda f: f(TALL[0], WIDE.T, 0.5),
    "lstsq machine": lambda f: f(np.ones((3, 2)), B[:3], rcond=-1),
    "pinv": lambda f: f(TALL),
    "pinv rcond": lambda f: f(TALL, 0.5),
    "pinv rconds": lambda f: f(TALL, np.array([0.1, 0.9])),
    "pinv rtol": lambda f: f(TALL, rtol=0.5),
    "pinv rtol None": lambda f: f(TALL, rtol=None),
    "pinv hermitian": lambda f: f(SPD + np.triu(A, 1) / 9, hermitian=True),
    "det": lambda f: f(A),
    "slogdet": lambda f: f(A),
    "cholesky": lambda f: f(SPD),
    "cholesky upper": lambda f: f(SPD + np.tril(A, -1), upper=True),
    "qr": lambda f: f(TALL),
    "qr complete": lambda f: f(WIDE, "complete"),
    "qr r": lambda f: f(TALL, mode="r"),
    "svd": lambda f: f(TALL),
    "svd reduced": lambda f: f(TALL, full_matrices=False),
    "svd values": lambda f: f(TALL, compute_uv=False),
    "svd hermitian": lambda f: f(A, hermitian=True),
    "svd hermitian values": lambda f: f(A, True, False, True),
    "svdvals": lambda f: f(WIDE),
    "eigh": lambda f: f(A),
    "eigh U": lambda f: f(A, "U"),
    "eigh u": lambda f: f(A, UPLO="u"),
    "eigvalsh": lambda f: f(A, "L"),
    "eigvalsh U": lambda f: f(A, "U"),
    "eig": lambda f: f(REAL),
    "eigvals": lambda f: f(REAL),
    "matrix_rank": lambda f: f(np.ones((2, 3, 3))),
    "matrix_rank rtol": lambda f: f(A, rtol=0.6),
    "matrix_rank tol": lambda f: f(SPD, 1.5, True),
    **{f"cond {p}": lambda f, p=p: f(A, p) for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc")},
    "cond of a rectangle": lambda f: f(TALL),
    "cond of a singular one": lambda f: f(np.ones((3, 3)), 1),
    "cond of zeros": lambda f: f(np.zeros((3, 3))),
    "tensorinv": lambda f: f(A[0].reshape(2, 2, 4)),
    "tensorinv ind": lambda f: f(A[0].reshape(4, 2, 2), ind=1),
    "tensorsolve": lambda f: f(A[0].reshape(2, 2, 4), B[:, 0].reshape(2, 2)),
    "tensorsolve axes": lambda f: f(A[0].reshape(2, 2, 4), B[:, 0], axes=(0, 1)),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_what_numpy_gives(call, dtype):
    """For Tensors, by np.linalg and by ag.linalg; names of parts, dtypes and shapes included."""
    name = call.split()[0]

    def converted(a):
        return (8 * a if dtype == np.int64 else a).astype(dtype) if isinstance(a, np.ndarray) else a

    if (
        dtype == np.int64
        and (name in ("cholesky", "eig", "eigvals") or "None" in call)
        or "rconds" in call
        and dtype != np.float64
    ):
        return
    expected = CALLS[call](lambda *a, **k: getattr(L, name)(*map(converted, a), **k))
    for fn in (getattr(L, name), getattr(linalg, name)):
        found = CALLS[call](lambda *a, fn=fn, **k: fn(*[as_tensor(converted(x)) for x in a], **k))
        assert getattr(found, "_fields", ()) == getattr(expected, "_fields", getattr(found, "_fields", ()))
        for ours, theirs in zip(listed(found), listed(expected), strict=True):
            theirs = np.real(theirs) if name in ("eig", "eigvals") else theirs  # complex since NumPy 2.5
            assert isinstance(ours, Tensor)
            assert ours.dtype.kind == np.asarray(theirs).dtype.kind and ours.shape == np.shape(theirs)
            assert ours.dtype == np.asarray(theirs).dtype or ours.dtype.kind == "i"
            np.testing.assert_allclose(ours.data, theirs, rtol=1e-12 if dtype != np.float32 else 1e-6)


def as_tensor(a):
    return Tensor(a) if isinstance(a, np.ndarray) and a.ndim > 1 else a


@pytest.mark.parametrize("call", [c for c in CALLS if not c.startswith("matrix_rank")])
def test_gradients_of_every_call(call):
    """Held to differences of the function itself, of symmetric matrices where NumPy reads one triangle."""
    name = call.split()[0]
    half = name in ("cholesky", "eigh", "eigvalsh") or "hermitian" in call
    if call in ("svd", "lstsq machine", "cond of zeros", "cond of a singular one"):
        return  # tested below: some of it is not defined
    arrays: list = []
    rest: dict = {}
    CALLS[call](lambda *a, **k: (arrays.extend(a), rest.update(k)))
    n = 2 if name in ("solve", "lstsq", "tensorsolve") else 1

    def fn(*xs):
        xs = [symmetric(x) for x in xs] if half else list(xs)
        parts = listed(getattr(L, name)(*xs, *arrays[n:], **rest))
        return [y * y for y in parts if y.requires_grad and y.size]

    for order in (1, 2):
        assert gradcheck(fn, [leaf(a) for a in arrays[:n]], order=order)


@given(st.data())
@few
def test_stacks_of_any_shape(data):
    """A stack is its matrices one by one, values and gradients."""
    stack = tuple(data.draw(st.lists(st.integers(1, 3), max_size=2)))
    n, m = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    rng = np.random.default_rng(data.draw(st.integers(0, 9)))
    square, rectangle = well_conditioned(rng, (*stack, n, n)), well_conditioned(rng, (*stack, m, n))
    definite = positive_definite(rng, (*stack, n, n))
    for fn, a in (
        (L.inv, square), (L.det, square), (lambda x: L.slogdet(x)[1], square), (L.cholesky, definite),
        (lambda x: L.eigh(x)[1] ** 2, definite), (L.eigvalsh, definite), (linalg.expm, square),
        (L.pinv, rectangle), (lambda x: L.qr(x)[1], rectangle if m >= n else rectangle.mT),
        (L.svdvals, rectangle),
        (lambda x: L.svd(x, full_matrices=False)[0] ** 2, rectangle),
    ):  # fmt: skip
        x = leaf(a)
        y = fn(x)
        g = rng.standard_normal(y.shape)
        y.backward(g)
        for i in np.ndindex(stack):
            one = leaf(a[i])
            z = fn(one)
            z.backward(g[i])
            np.testing.assert_allclose(y.data[i], z.data, rtol=1e-9, atol=1e-11)
            np.testing.assert_allclose(x.grad[i], one.grad, rtol=1e-9, atol=1e-11)


# ---------------------------------------------------------------------------------------------- bad input


def zeros(*shape, dtype=float):
    return Tensor(np.zeros(shape, dtype), requires_grad=True)


BAD = {
    "not square": (lambda: L.inv(zeros(2, 3)), L.LinAlgError, r"inv: .*square.*\(2, 3\)"),
    "one axis": (lambda: L.eigh(zeros(3)), L.LinAlgError, r"eigh: .*\(3,\)"),
    "singular": (lambda: L.inv(zeros(2, 2)), L.LinAlgError, r"inv: Singular matrix.*\(2, 2\)"),
    "singular equations": (lambda: L.solve(zeros(2, 2), zeros(2)), L.LinAlgError, "solve: Singular"),
    "not definite": (lambda: L.cholesky(-leaf(np.eye(2))), L.LinAlgError, "cholesky: .*not positive"),
    "rows": (lambda: L.solve(zeros(2, 2), zeros(3)), ValueError, r"solve: a of shape \(2, 2\) .*not \(3,\)"),
    "vectors": (lambda: L.solve(zeros(5, 2, 2), zeros(5, 2)), ValueError, r"\(5, 2\); .* b\[\.\.\., None\]"),
    "stacks": (lambda: L.solve(zeros(5, 2, 2), zeros(4, 2, 1)), ValueError, r"the stacks of a \(5, 2, 2\)"),
    "triangles": (lambda: linalg.solve_triangular(zeros(2, 3), zeros(2)), L.LinAlgError, "takes square"),
    "trans": (lambda: linalg.solve_triangular(zeros(2, 2), zeros(2), "H"), ValueError, "trans is 0 .*'H'"),
    "half": (lambda: L.svd(zeros(2, 2, dtype=np.float16)), TypeError, "svd: .*float16; use .astype"),
    "half cond": (lambda: L.cond(zeros(2, 2, dtype=np.float16)), TypeError, "cond: .*float16"),
    "UPLO": (lambda: L.eigh(zeros(2, 2), "X"), ValueError, r"eigh: UPLO is 'L' or 'U'.*'X'.*\(2, 2\)"),
    "UPLO of values": (lambda: L.eigvalsh(zeros(2, 2), 1), ValueError, "eigvalsh: UPLO"),
    "mode": (lambda: L.qr(zeros(2, 2), "full"), ValueError, "qr: mode is 'reduced', .*not 'full'"),
    "complete": (lambda: L.qr(zeros(3, 2), "complete"), ValueError, "qr: mode 'complete' has no gradient"),
    "raw": (lambda: L.qr(zeros(2, 2), "raw"), ValueError, "qr: mode 'raw' has no gradient"),
    "complex": (lambda: L.eig(leaf([[0, 1], [-1, 0]])), L.LinAlgError, "eig: some eigenvalues are complex"),
    "complex values": (lambda: L.eigvals(leaf([[0, 1], [-1, 0]])), L.LinAlgError, "eigvals: .*complex.*eigh"),
    "ord": (lambda: L.cond(zeros(2, 2), 3), ValueError, "cond: p is None, 1, .*not 3"),
    "empty": (lambda: L.cond(zeros(0, 0)), L.LinAlgError, r"cond: .*\(0, 0\)"),
    "cond of a rectangle": (lambda: L.cond(zeros(2, 3), 1), L.LinAlgError, r"cond: .*square.*\(2, 3\)"),
    "both tolerances": (lambda: L.pinv(zeros(2, 2), 0.1, rtol=0.1), ValueError, "pinv: .*both"),
    "pinv of a vector": (lambda: L.pinv(zeros(2)), L.LinAlgError, r"pinv: .*\(2,\)"),
    "lstsq": (lambda: L.lstsq(zeros(2, 3), zeros(3)), L.LinAlgError, r"lstsq: .*not \(2, 3\) and \(3,\)"),
    "lstsq of a stack": (lambda: L.lstsq(zeros(2, 2, 3), zeros(2, 2)), L.LinAlgError, r"takes a of shape"),
    "ind": (lambda: L.tensorinv(zeros(2, 2), 0), ValueError, r"tensorinv: ind .*not 0 .*\(2, 2\)"),
    "tensorinv": (lambda: L.tensorinv(zeros(2, 3), 1), L.LinAlgError, r"tensorinv: .*1 axes of \(2, 3\)"),
    "tensorsolve": (lambda: L.tensorsolve(zeros(2, 3), zeros(2)), L.LinAlgError, r"solve: .*\(2, 3\)"),
    "expm": (lambda: linalg.expm(zeros(2, 3)), L.LinAlgError, r"expm: .*square.*\(2, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "signature" not in str(caught.value)


def test_what_is_refused_for_a_gradient_is_given_to_constants():
    a = normal(RNG, (3, 2))
    for mode in ("complete", "raw"):
        for ours, theirs in zip(L.qr(Tensor(a), mode), L.qr(a, mode), strict=True):
            np.testing.assert_array_equal(ours.data, theirs)
        with ag.no_grad():
            assert not L.qr(leaf(a), mode)[0].requires_grad


def test_integers_are_float64_beside_floats_they_are_not():
    y = L.solve(Tensor([[2, 0], [0, 4]]), Tensor([2, 2]))
    assert y.dtype == np.float64 and y.data.tolist() == [1, 0.5]
    x = Tensor(np.eye(2, dtype=np.float32), requires_grad=True)
    y = L.solve(x, [[1, 2], [3, 4]])
    y.backward(np.ones((2, 2), np.float32))
    assert y.dtype == x.grad.dtype == np.float32
    assert linalg.inv([[x[0, 0], 0.0], [0.0, x[1, 1]]]).requires_grad


def test_unused_parts_have_no_part():
    for fn, a in (
        (lambda x: L.slogdet(x)[0], A[0]), (lambda x: L.lstsq(x, M)[3].sum() * 0, A[0]),
    ):  # fmt: skip
        assert not gradient(fn, a).any()
    x, b = leaf(TALL[0]), leaf(WIDE.T)
    L.lstsq(x, b).residuals.sum().backward()
    assert gradcheck(lambda x, b: L.lstsq(x, b).residuals, [x, b])
    assert gradcheck(lambda x: L.qr(x).Q, [leaf(TALL)]) and gradcheck(lambda x: L.qr(x).R, [leaf(WIDE)])
    for part in ("U", "S", "Vh"):
        assert gradcheck(lambda x, p=part: getattr(L.svd(x, full_matrices=False), p), [leaf(TALL)])
    constant = L.lstsq(x, b.detach())
    assert constant.rank.item() == 3 and not constant.rank.requires_grad


def test_costs():
    x = leaf(A)
    for y, cost in (
        (L.inv(x), 2 * 2 * 64),
        (L.solve(x, B), 2 * 64 * 2 / 3 + 2 * 2 * 16 * 3),
        (L.det(x), 128 * 2 / 3),
    ):
        assert ag.Graph(y).nodes[-1].flops == int(cost)
