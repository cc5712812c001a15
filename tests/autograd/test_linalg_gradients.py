"""Gradients of decompositions where values are equal, matrices singular, or one triangle is read."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from cases.case import normal, positive_definite, real_spectrum, well_conditioned
from matrices import M, gradient, leaf, symmetric, with_values
from tapegrad.autograd import Tensor, gradcheck, linalg
from tapegrad.autograd.linalg import spectra

L = np.linalg
RNG = np.random.default_rng(2)
WIDE, TALL = normal(RNG, (3, 5)), normal(RNG, (5, 3))
SPD, REAL = positive_definite(RNG, (2, 4, 4)), real_spectrum(RNG, (4, 4))

# ------------------------------------------------------------------------ equal eigen- and singular values


def projector(x):
    """Of the eigenvectors of the two smallest eigenvalues."""
    v = L.eigh(symmetric(x))[1][:, :2]
    return (v @ v.mT * M).sum()


def of_matrix(x, f, m=M):
    """<m, V diag(f(w)) V^T>."""
    w, v = L.eigh(symmetric(x))
    return (v * f(w) @ v.mT * m).sum()


def of_left_space(x):
    u, s, _ = L.svd(x)
    return (u[:, 2:] @ u[:, 2:].mT * M).sum() + (s * s).sum()


def polar(x):
    u, _, vh = L.svd(x)
    return (u @ vh * M).sum()


def by_eig(x):
    """The projector to the eigenvector of the largest eigenvalue."""
    w, v = L.eig(symmetric(x))
    i = int(np.argmax(w.data))
    return (v[:, i : i + 1] * L.inv(v)[i] * M).sum()


ROTATION = L.qr(M)[0]
DEFINED = {
    "a projector": (projector, with_values(1, 1, 2, 3)),
    "a projector beside others": (projector, with_values(1, 2, 3, 3)),
    "a sum of eigenvalues": (lambda x: (L.eigvalsh(symmetric(x)) ** 3).sum(), with_values(1, 1, 1, 3)),
    "a sum, with eigh": (lambda x: (L.eigh(symmetric(x))[0] ** 3).sum(), np.eye(4)),
    "another eigenvalue": (lambda x: L.eigvalsh(symmetric(x))[3], with_values(1, 1, 2, 3)),
    "an eigenpair beside equal ones": (
        lambda x: (L.eigh(symmetric(x))[1][:, 3] ** 2 * M[0]).sum() * L.eigh(symmetric(x))[0][3],
        with_values(0, 0, 0, 3),
    ),
    "the rotation in a matrix": (polar, 2 * ROTATION),
    "what is orthogonal to a matrix": (of_left_space, normal(RNG, (4, 2))),
    "the nuclear norm": (lambda x: L.svdvals(x).sum(), ROTATION),
    "a projector, by eig": (by_eig, with_values(1, 1, 2, 5)),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFINED)
def test_gradients_that_are_defined_though_values_are_equal(name):
    fn, a = DEFINED[name]
    assert gradcheck(fn, [leaf(a)])


NOT_DEFINED = {
    "an eigenvector": (lambda x: L.eigh(x)[1][0, 0], with_values(1, 1, 2, 3)),
    "an eigenvector of ones": (lambda x: (L.eigh(x)[1][:, 0] * M[0]).sum(), np.eye(4)),
    "a function of a matrix": (lambda x: of_matrix(x, lambda w: w**3), with_values(1, 1, 2, 3)),
    "the same of ones": (lambda x: of_matrix(x, lambda w: w**3), np.eye(4)),
    "one that the values do not show": (lambda x: of_matrix(x, lambda w: w**3, [[0, 1], [1, 0]]), np.eye(2)),
    "a left singular vector": (lambda x: L.svd(x)[0][0, 0], ROTATION),
    "a right singular vector": (lambda x: L.svd(x)[2][0, 1], ROTATION),
    "a vector that full_matrices adds": (lambda x: L.svd(x)[0][0, 3], TALL),
    "another": (lambda x: (L.svd(x)[2][4] * RNG.standard_normal(5)).sum(), WIDE),
    "an eigenvector, by eig": (lambda x: (L.eig(x)[1] * M[:3, :3]).sum(), np.eye(3)),
    "slogdet of a singular matrix": (lambda x: L.slogdet(x)[1], np.ones((2, 2))),
    "qr of dependent columns": (lambda x: L.qr(x)[0].sum(), np.zeros((2, 2))),
}


@pytest.mark.parametrize("name", NOT_DEFINED)
def test_gradients_that_are_not_defined_are_nan(name):
    fn, a = NOT_DEFINED[name]
    assert np.isnan(gradient(fn, a)).any()


def test_what_is_level_at_the_vectors_that_came_out_passes_for_defined():
    """As eigh says: at V = 1, but at no other choice, V[0, 0] has the slope of trace(V^T m V)."""
    m, w = np.zeros((4, 4)), np.ones(4)
    m[0, 0] = 0.5
    # of trace(V^T m V) the slope is 2 m V
    assert not spectra.of_eigh(w, np.eye(4), None, 2 * m).any()
    for value in (lambda x: L.eigh(x)[1][0, 0], lambda x: L.svd(x)[0][0, 0], lambda x: L.eig(x)[1][0, 0]):
        assert not gradient(value, np.eye(4)).any()
    assert np.isnan(spectra.of_eigh(w, ROTATION, None, 2 * m)).all()
    assert np.abs(spectra.of_eigh(w, ROTATION, None, 2 * m @ ROTATION)).max() < 1e-15


def test_second_derivatives_at_equal_values_are_never_silently_wrong():
    x = leaf(with_values(1, 1, 2))
    with ag.higher_order():
        y = (L.eigvalsh(x) ** 3).sum()
    (g,) = ag.grad(y, x, create_graph=True)
    np.testing.assert_allclose(g.data, 3 * x.data @ x.data, atol=1e-12)
    (h,) = ag.grad((g * M[:3, :3]).sum(), x)
    assert np.isnan(h.data).any()  # 3 (x M + M x), which the eigenvectors do not tell


THIRD = {
    "inv": (L.inv, with_values(1, 2, 3)),
    "det of a singular matrix": (L.det, np.ones((3, 3))),
    "eigh": (lambda x: L.eigh(symmetric(x))[1] ** 2, SPD[0]),
    "svd": (lambda x: L.svd(x, full_matrices=False)[2] ** 2, TALL),
    "qr": (lambda x: L.qr(x)[0], TALL),
}


@pytest.mark.parametrize("name", THIRD)
def test_third_derivatives(name):
    fn, a = THIRD[name]

    def gradient_of_squares(x):
        with ag.higher_order():
            y = fn(x)
            return ag.grad((y * y * np.cos(np.arange(y.size)).reshape(y.shape)).sum(), x, create_graph=True)[
                0
            ]

    assert gradcheck(gradient_of_squares, [leaf(a)], order=2, tolerance=1e-5)


def test_equal_values_count_by_rounding_whatever_the_scale():
    for scale in (1e-200, 1e-8, 1.0, 1e100):
        g = gradient(lambda x: (L.eigh(x)[1][:, 0] * [1, 2, 3, 5]).sum(), scale * with_values(1, 1, 2, 3))
        assert np.isnan(g).all()
        g = gradient(lambda x: L.eigh(x)[1][0, 0] ** 2, scale * with_values(1, 1.001, 2, 3))
        assert np.isfinite(g).all() and g.any()


def test_singular_values_of_zero():
    np.testing.assert_allclose(gradient(lambda x: L.svdvals(x).sum(), np.zeros((2, 2))), np.eye(2))
    a = np.outer([3.0, 4], [0, 1])
    u = gradient(lambda x: (L.svd(x)[0][:, 0] ** 2 * [1, 2]).sum(), a)
    difference = lambda e: (L.svd(a + e)[0][:, 0] ** 2 * [1, 2]).sum()  # noqa: E731
    steps = [[difference(h * e) - difference(-h * e) for e in np.eye(4).reshape(4, 2, 2)] for h in [1e-5]]
    np.testing.assert_allclose(u.ravel(), np.array(steps[0]) / 2e-5, atol=1e-8)


# ------------------------------------------------------------------------------------- singular matrices


@pytest.mark.parametrize(
    "a",
    [
        [[1, 2], [2, 4]], [[0, 0], [0, 0]], np.zeros((3, 3)), np.diag([1, 1, 0]),
        np.arange(16).reshape(4, 4), [[1e-200, 0], [0, 1e-200]], [[0]],
    ],
    ids=str,
)  # fmt: skip
def test_det_of_singular_matrices(a):
    a = np.array(a, float)
    n = len(a)
    minors = [[np.delete(np.delete(a, i, 0), j, 1) for j in range(n)] for i in range(n)]
    expected = [[(-1) ** (i + j) * L.det(minors[i][j]) for j in range(n)] for i in range(n)]
    np.testing.assert_allclose(
        gradient(L.det, a), expected, rtol=1e-12, atol=1e-13 * np.abs(a).max() ** (n - 1)
    )
    assert gradcheck(L.det, [leaf(a)], order=2)


def test_det_of_a_stack_in_which_some_are_singular():
    a = np.stack([np.eye(2), np.ones((2, 2)), np.full((2, 2), np.nan)])
    x = leaf(a)
    with np.errstate(invalid="ignore"):  # NumPy warns of nan
        L.det(x).backward(np.ones(3))
    np.testing.assert_allclose(x.grad[:2], [np.eye(2), [[1, -1], [-1, 1]]], rtol=1e-14)
    assert np.isnan(x.grad[2]).all()


def test_pinv_and_lstsq_of_less_than_full_rank():
    a = well_conditioned(RNG, (5, 2)) @ well_conditioned(RNG, (2, 4))
    x, b = leaf(a), leaf(normal(RNG, (5, 3)))
    g = RNG.standard_normal((4, 3))
    L.lstsq(x, b, rcond=1e-10)[0].backward(g)
    y = leaf(a)
    (L.pinv(y, 1e-10) @ b.data).backward(g)
    np.testing.assert_allclose(x.grad, y.grad, rtol=1e-9, atol=1e-9)
    left, right = leaf(well_conditioned(RNG, (5, 2))), leaf(well_conditioned(RNG, (2, 4)))
    assert gradcheck(lambda p, q: L.pinv(p @ q, 1e-10), [left, right])  # which keeps the rank
    assert gradcheck(lambda p, q: L.pinv(p @ q, 1e-10), [left, right], order=2)


@pytest.mark.parametrize("shape", [(4, 4), (5, 3), (3, 5)])
def test_what_is_cut_off_by_rcond_takes_part_in_the_gradient(shape):
    """Half of the singular values: they turn what is kept."""
    a = normal(np.random.default_rng(3), shape)
    s = L.svdvals(a)
    cut = (s[1] + s[2]) / 2 / s[0]
    assert gradcheck(lambda x: L.pinv(x, cut), [leaf(a)])
    assert gradcheck(lambda x, b: L.lstsq(x, b, cut)[0], [leaf(a), leaf(normal(RNG, (shape[0], 2)))])


@pytest.mark.parametrize("condition", [1e1, 1e4, 1e8])
@pytest.mark.parametrize(
    "name", ["inv", "solve", "lstsq", "pinv", "det", "slogdet", "cholesky", "eigh", "svdvals"]
)
def test_badly_conditioned_matrices(condition, name):
    """A directional derivative, as near to differences as the condition allows."""
    rng = np.random.default_rng(5)
    u, v = (L.qr(rng.standard_normal((5, 5)))[0] for _ in "ab")
    a = u * np.geomspace(1, 1 / condition, 5) @ v.T
    e = rng.standard_normal((5, 5)) / condition
    if name in ("cholesky", "eigh"):
        a, e = symmetric(u * np.geomspace(1, 1 / condition, 5) @ u.T), symmetric(e)
    fn = {
        "solve": lambda x: L.solve(x, M[0, [0, 1, 2, 3, 3]]),
        "lstsq": lambda x: L.lstsq(x, M[0, [0, 1, 2, 3, 3]])[0],
        "slogdet": lambda x: L.slogdet(x)[1],
        "eigh": lambda x: L.eigh(x)[0],
    }.get(name, getattr(L, name))
    x = leaf(a)
    y = fn(x)
    g = rng.standard_normal(y.shape)
    y.backward(g)
    h = 1e-3
    ends = [fn(a + s * h * e) for s in (1, -1, 2, -2)]
    slope = (8 * (ends[0] - ends[1]) - (ends[2] - ends[3])) / (12 * h)
    scale = np.abs(g * slope).sum()
    assert abs((x.grad * e).sum() - (g * slope).sum()) <= max(1e-15 * condition / h, 1e-7) * scale


# ----------------------------------------------------------------------------------- conventions, triangles


@pytest.mark.parametrize(
    "fn", [L.cholesky, lambda x: L.eigh(x)[1] ** 2, L.eigvalsh, lambda x: L.cholesky(x, upper=True)]
)
def test_gradients_of_symmetric_matrices_are_symmetric(fn):
    x = leaf(SPD)
    y = fn(x)
    y.backward(RNG.standard_normal(y.shape))
    np.testing.assert_allclose(x.grad, x.grad.mT, rtol=1e-10, atol=1e-12)


def test_the_other_triangle_is_not_read():
    junk = np.triu(np.full((4, 4), np.nan), 1)
    for fn in (L.cholesky, lambda x: L.eigh(x)[1] ** 2, L.eigvalsh):
        x, y = leaf(SPD[0] + junk), leaf(SPD[0])
        fn(x).sum().backward()
        fn(y).sum().backward()
        np.testing.assert_allclose(x.grad, y.grad, rtol=1e-12, atol=1e-12)
    x, y = leaf(SPD[0] + np.tril(M, -1) * 0 + junk), leaf(SPD[0])
    linalg.solve_triangular(x, M, lower=True).sum().backward()
    linalg.solve_triangular(y, M, lower=True).sum().backward()
    np.testing.assert_array_equal(x.grad, y.grad)
    assert not np.triu(x.grad, 1).any()


def test_what_stands_above_the_diagonal_of_a_gradient_of_cholesky_does_not_matter():
    x, y = leaf(SPD[0]), leaf(SPD[0])
    L.cholesky(x).backward(np.tril(M) + np.triu(np.full((4, 4), np.nan), 1))
    L.cholesky(y).backward(np.tril(M))
    np.testing.assert_array_equal(x.grad, y.grad)


@pytest.mark.parametrize("n", [1, 64, 65, 150])
def test_triangular_equations_by_blocks(n):
    a = positive_definite(RNG, (n, n))
    for lower in (False, True):
        t = np.tril(a) if lower else np.triu(a)
        for trans in (0, "N", 1, "T", 2, "C"):
            x = linalg.solve_triangular(a, a[0], trans, lower)
            np.testing.assert_allclose((t if trans in (0, "N") else t.T) @ x.data, a[0], atol=1e-12)
    y = leaf(a)
    z = L.cholesky(y)
    z.backward(np.tril(np.ones((n, n))))
    inverse = L.inv(z.data)
    inner = (
        np.tril(z.data.T @ np.tril(np.ones((n, n))))
        - np.diag(np.diag(z.data.T @ np.tril(np.ones((n, n))))) / 2
    )
    np.testing.assert_allclose(y.grad, symmetric(inverse.T @ inner @ inverse), rtol=1e-9, atol=1e-9)


def test_expm_of_large_small_and_nilpotent_matrices():
    w, v = L.eig(REAL)
    for scale in (1e-300, 1e-3, 1, 30):
        y = linalg.expm(Tensor(scale * REAL))
        np.testing.assert_allclose(
            y.data, v * np.exp(scale * w) @ L.inv(v), rtol=1e-11, atol=1e-11 * np.abs(y.data).max()
        )
    pair = np.stack([M / 10, 5 * M])
    for one, y in zip(pair, linalg.expm(pair), strict=True):
        np.testing.assert_array_equal(y.data, linalg.expm(one).data)
    nilpotent = np.triu(np.full((3, 3), 1e3), 1)
    np.testing.assert_allclose(
        linalg.expm(nilpotent).data, [[1, 1e3, 5.01e5], [0, 1, 1e3], [0, 0, 1]], rtol=1e-12
    )
    assert linalg.expm([[0, 1], [0, 0]]).data.tolist() == [[1, 1], [0, 1]]
    for a in (6 * REAL, pair):
        assert gradcheck(lambda x: linalg.expm(x) / 1e3, [leaf(a)])
        assert gradcheck(lambda x: linalg.expm(x) / 1e3, [leaf(a)], order=2, tolerance=1e-5)


def test_eigvals_in_another_order_than_eig(monkeypatch):
    plain = L.eig

    def reversed_eig(a):
        w, v = plain(a)
        return w[..., ::-1], v[..., ::-1]

    expected = gradient(lambda x: (L.eigvals(x) * M[0]).sum(), REAL)
    monkeypatch.setattr(np.linalg, "eig", reversed_eig)
    np.testing.assert_allclose(gradient(lambda x: (L.eigvals(x) * M[0]).sum(), REAL), expected, rtol=1e-9)
