"""Products of arrays: NumPy's in every form, for any shapes; edges, dtypes, what einsum does in pairs."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, gradcheck, linalg

RNG = np.random.default_rng(3)
LENGTHS = {"a": 2, "b": 3, "c": 1, "d": 2}


def leaf(*shape, dtype=np.float64):
    return Tensor(np.random.default_rng(len(shape)).standard_normal(shape).astype(dtype), requires_grad=True)


def check(f, *arrays, reference=None):
    """Values, gradients and second derivatives of f, whose reference is f of ndarrays."""
    xs = [Tensor(x, requires_grad=True) for x in arrays]
    expected = (reference or f)(*arrays)
    y = f(*xs)
    assert y.shape == np.shape(expected) and y.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(y.data, expected, rtol=1e-11, atol=1e-11)
    assert gradcheck(f, xs, reference=reference or f) and gradcheck(lambda *xs: f(*xs) ** 2, xs, order=2)


@st.composite
def contractions(draw, most=2):
    """Subscripts of some operands, with letters that repeat, and arrays, some with axes of length 1."""
    count = draw(st.integers(1, most))
    terms = [draw(st.text("abcd", max_size=3)) for _ in range(count)]
    letters = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(letters))[: draw(st.integers(0, len(letters)))])
    narrow = [{c for c in set(t) if draw(st.integers(0, 5)) == 0} for t in terms]
    lengths = LENGTHS | {"d": draw(st.integers(0, 2))}
    shapes = [tuple(1 if c in n else lengths[c] for c in t) for t, n in zip(terms, narrow, strict=True)]
    return f"{','.join(terms)}->{output}", [RNG.standard_normal(s) for s in shapes]


@given(contractions())
@settings(max_examples=60, deadline=None)
def test_einsum_of_any_letters(drawn):
    subscripts, arrays = drawn
    check(lambda *xs: np.einsum(subscripts, *xs), *arrays)


@given(contractions(most=4), st.sampled_from([False, True, "optimal", "greedy"]))
@settings(max_examples=60, deadline=None)
def test_einsum_in_any_order(drawn, optimize):
    subscripts, arrays = drawn
    assume(len(arrays) > 2)
    xs = [Tensor(x, requires_grad=True) for x in arrays]
    y = ag.einsum(subscripts, *xs, optimize=optimize)
    np.testing.assert_allclose(y.data, np.einsum(subscripts, *arrays), rtol=1e-11, atol=1e-11)
    assert gradcheck(lambda *xs: ag.einsum(subscripts, *xs, optimize=optimize), xs)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_tensordot_of_any_axes(data):
    n, m = data.draw(st.integers(0, 3)), data.draw(st.integers(0, 3))
    k = data.draw(st.integers(0, min(n, m)))
    in_a, in_b = (data.draw(st.permutations(range(i)))[:k] for i in (n, m))
    shape = [data.draw(st.integers(0, 3)) for _ in range(n)]
    other = [data.draw(st.integers(0, 3)) for _ in range(m)]
    for i, j in zip(in_a, in_b, strict=True):
        other[j] = shape[i]
    axes = [i - n * data.draw(st.booleans()) for i in in_a], list(in_b)
    a, b = RNG.standard_normal(shape), RNG.standard_normal(other)
    check(lambda a, b: np.tensordot(a, b, axes), a, b)


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_cross_along_any_axes(data):
    axisa, axisb, axisc = (data.draw(st.integers(-2, 1)) for _ in range(3))
    a, b = (np.moveaxis(RNG.standard_normal((2, 3)), -1, axis) for axis in (axisa, axisb))
    check(lambda a, b: np.cross(a, b, axisa, axisb, axisc), a, b)


FRONTS = st.sampled_from([((), ()), ((2,), ()), ((), (2,)), ((3, 1), (2,)), ((0,), (1,)), ((2, 1), (1, 3))])


@given(FRONTS, st.sampled_from(["matvec", "vecmat", "vecdot", "matmul", "inner", "dot", "kron", "outer"]))
@settings(max_examples=60, deadline=None)
def test_stacks_broadcast(fronts, name):
    if not hasattr(np, name) or (name == "dot" and fronts[1]):
        return
    ends = {"matvec": ((2, 3), (3,)), "vecmat": ((2,), (2, 3)), "matmul": ((2, 3), (3, 2))}
    a, b = (RNG.standard_normal(f + e) for f, e in zip(fronts, ends.get(name, ((3,), (3,))), strict=True))
    check(getattr(np, name), a, b)


X = RNG.standard_normal((2, 3))
SAME = {
    "einsum, spaces and dots": lambda x: np.einsum(" ...i , ji -> ...j", x, X),
    "einsum, implicit": lambda x: np.einsum("ba,ca", x, X),
    "einsum, lists": lambda x: np.einsum(x, [0, ...], X, [2, 1], [..., 2]),
    "einsum, a path": lambda x: np.einsum("ij,kj,kl", x, X, X, optimize=["einsum_path", (0, 2), (0, 1)]),
    "einsum, a limit": lambda x: np.einsum("ij,kj,kl", x, X, X, optimize=("greedy", 3)),
    "einsum, all at once": lambda x: np.einsum("ij,kj,kl", x, X, x, optimize=["einsum_path", (0, 1, 2)]),
    "einsum, a number": lambda x: np.einsum(",ij", 2.0, x),
    "dot with a number": lambda x: np.dot(x, 2.0),
    "dot, a list": lambda x: np.dot([[1.0, 2.0]], x),
    "dot as a method": lambda x: x.dot(X.T),
    "inner with a number": lambda x: np.inner(2, x),
    "vdot of other shapes": lambda x: np.vdot(x, X.reshape(3, 2)),
    "outer of matrices": lambda x: np.outer(x, X),
    "tensordot, a number": lambda x: np.tensordot(x, X.T, 1),
    "tensordot, NumPy's numbers": lambda x: np.tensordot(x, X, (np.int64(1), np.int64(-1))),
    "tensordot, arrays": lambda x: np.tensordot(x, X, axes=np.array([[0, 1], [0, 1]])),
    "linalg.tensordot": lambda x: np.linalg.tensordot(x, X, axes=((0,), (0,))),
    "vecdot, axis": lambda x: np.vecdot(x, X, axis=0),
    "vecdot, keepdims": lambda x: np.vecdot(x, X, axis=0, keepdims=True),
    "linalg.vecdot, axis": lambda x: np.linalg.vecdot(x, X, axis=0),
    "linalg.matmul": lambda x: np.linalg.matmul(x, X.T),
    "linalg.outer": lambda x: np.linalg.outer(x[0], X[1]),
    "linalg.trace": lambda x: np.linalg.trace(x, offset=-1),
    "linalg.trace, dtype": lambda x: np.linalg.trace(x, dtype=np.float32),
    "linalg.diagonal": lambda x: np.linalg.diagonal(x, offset=1),
    "matrix_transpose": lambda x: np.matrix_transpose(x),
    "multi_dot of one Tensor and arrays": lambda x: np.linalg.multi_dot([X.T, x, X.T]),
    "matrix_power 1": lambda x: np.linalg.matrix_power(x[:, :2], 1),
    "matrix_power 0": lambda x: np.linalg.matrix_power(x[:, :2], np.int64(0)),
    "matrix_power 7": lambda x: np.linalg.matrix_power(x[:, :2], 7),
    "vander": lambda x: np.vander(x[0], 4, True),
    "polyval of a list": lambda x: np.polyval([1, 2, 3], x),
    "polyval at a number": lambda x: np.polyval(x[0], 2.0),
    "kron of numbers": lambda x: np.kron(2.0, x),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_numpys_form_gives_numpys_numbers_and_the_right_gradient(name):
    tolerance = 1e-5 if "dtype" in name else 1e-11
    x = Tensor(X, requires_grad=True)
    y, expected = SAME[name](x), SAME[name](X)
    assert isinstance(y, Tensor) and y.shape == expected.shape and y.dtype == expected.dtype
    np.testing.assert_allclose(y.data, expected, rtol=tolerance, atol=tolerance)
    if "dtype" not in name:
        assert gradcheck(SAME[name], [x], reference=SAME[name])


def test_einsum_in_another_dtype():
    x = leaf(2, 3, dtype=np.float32)
    y = np.einsum("ij,kj->ik", x, x, dtype=np.float64)
    wide = x.data.astype(np.float64)
    np.testing.assert_allclose(y.data, np.einsum("ij,kj->ik", wide, wide), rtol=1e-14)
    assert y.dtype == np.float64 and ag.grad(y.sum(), x)[0].dtype == np.float32


def test_the_path_of_einsum_is_a_constant():
    path, told = np.einsum_path("ij,jk,kl->il", leaf(2, 3), leaf(3, 3), X.T)
    assert path == np.einsum_path("ij,jk,kl->il", X, np.eye(3), X.T)[0] and "FLOP" in told


LISTS = {
    "dot": lambda x, f: f([x, 1.0, 3.0], X[0]),
    "outer": lambda x, f: f([x, 1.0], [3.0, x]),
    "kron": lambda x, f: f([[x, 1.0], [2.0, x]], X),
    "inner": lambda x, f: f([[x, 1.0, 3.0], [4.0, x, 5.0]], [x, 1.0, 2.0]),
    "vdot": lambda x, f: f([x, x], [[1.0], [2.0]]),
    "tensordot": lambda x, f: f([[x, 1.0], [2.0, x]], X, 1),
    "cross": lambda x, f: f([x, 1.0, 2.0], [3.0, x, x]),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_with_tensors_inside_are_arrays(name):
    x = Tensor(2.0, requires_grad=True)
    assert gradcheck(
        lambda x: LISTS[name](x, getattr(ag, name)),
        [x],
        reference=lambda x: LISTS[name](x, getattr(np, name)),
    )


def test_out_takes_the_result():
    x, out = leaf(2, 3), Tensor(np.zeros((2, 2)))
    for f in (np.dot, lambda a, b, out: np.einsum("ij,jk", a, b, out=out), np.matmul):
        assert f(x, X.T, out=out) is out
        np.testing.assert_allclose(out.data, x.data @ X.T)
        assert out.requires_grad
        out = Tensor(np.zeros((2, 2)))


# ------------------------------------------------------------------------------------------ dtypes, warnings

MIXED = {
    "einsum": lambda x, i: ag.einsum("ij,ij->i", x, i),
    "einsum, three": lambda x, i: ag.einsum("ij,ij,kj->k", x, i, x),
    "dot": lambda x, i: ag.dot(x, i.T),
    "vdot": ag.vdot,
    "inner": ag.inner,
    "vecdot": ag.vecdot,
    "tensordot": ag.tensordot,
    "kron": ag.kron,
    "cross": ag.cross,
    "matmul": lambda x, i: ag.matmul(i[0], x.T),
    "polyval": lambda x, i: ag.polyval(i[0], x),
    "vander": lambda x, i: ag.vander(x[0]),
    "multi_dot": lambda x, i: linalg.multi_dot([x, i.T, x]),
    "block_diag": linalg.block_diag,
    "toeplitz": lambda x, i: linalg.toeplitz(x[0], i[0]),
}


@pytest.mark.parametrize("name", MIXED)
def test_integers_beside_floats_do_not_widen(name):
    x, i = leaf(2, 3, dtype=np.float32), np.arange(6).reshape(2, 3)
    y = MIXED[name](x, i)
    exact = MIXED[name](x.data.astype(float), i)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y.data, exact.data, rtol=1e-5, atol=1e-5)
    (d,) = ag.grad(y.sum(), x)
    assert d.dtype == np.float32
    assert MIXED[name](i, i).dtype.kind in "if"  # of integers alone


PRODUCTS = ["ij,jk->ik", "ij,ij->i", "ij,ij->ij", "ij,ij->", "i,j->ij"]


def operands(subscripts, *matrices):
    """The matrices, or their first rows, that `subscripts` ask for."""
    terms = subscripts.split("->")[0].split(",")
    return [x if len(term) == 2 else x[0] for term, x in zip(terms, matrices, strict=False)]


@pytest.mark.parametrize("dtype", [np.int32, np.bool_])
@pytest.mark.parametrize("subscripts", [*PRODUCTS, "ij->j", "ij,ij->j", "ij->ji"])
def test_einsum_of_whole_numbers_and_of_truths(subscripts, dtype):
    a, b = RNG.integers(0, 2, (2, 3, 3)).astype(dtype)
    args = operands(subscripts, a, b)
    y, expected = ag.einsum(subscripts, *map(Tensor, args)), np.einsum(subscripts, *args)
    assert y.dtype == expected.dtype
    np.testing.assert_array_equal(y.data, expected)


MANY = np.ones(5000, np.float16)
HALF = {
    "einsum": lambda x: ag.einsum("i,i->", x, MANY),
    "einsum, a sum": lambda x: ag.einsum("ij->j", x[:, None] * np.ones(3, np.float16))[0],
    "einsum, rows": lambda x: ag.einsum("ij,ij->i", x[None], MANY[None])[0],
    "vdot": lambda x: ag.vdot(x, MANY),
    "vecdot": lambda x: ag.vecdot(x, MANY),
    "matvec": lambda x: ag.matvec(MANY[None], x)[0],
    "norm": lambda x: linalg.norm(x) ** 2,
    "norm 1": lambda x: linalg.norm(x, 1),
    "norm 3": lambda x: linalg.norm(x, 3) ** 3,
}


@pytest.mark.parametrize("name", HALF)
def test_half_precision_is_summed_in_single(name):
    y = HALF[name](Tensor(MANY, requires_grad=True))
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.item(), 5000, rtol=4e-3)


def test_einsum_is_silent_of_what_overflows_as_numpys():
    huge, inf = np.full((3, 3), 1e200), np.full((3, 3), np.inf)
    for subscripts in PRODUCTS:
        args = operands(subscripts, huge, inf)
        for pair in (args, [args[0], -args[0]], [0 * args[0], args[1]]):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                expected = np.einsum(subscripts, *pair)
                np.testing.assert_array_equal(ag.einsum(subscripts, *pair).data, expected)


def test_nan_stays_in_its_product():
    x = np.ones((2, 3, 3))
    x[0, 0, 0] = np.nan
    y = ag.einsum("bij,bjk->bik", x, np.ones((2, 3, 2))).data
    assert np.isnan(y[0, 0]).all() and np.isfinite(y[0, 1:]).all() and np.isfinite(y[1]).all()


def test_a_diagonal_is_a_view_as_numpys():
    x = Tensor(np.zeros((3, 3)))
    np.einsum("ii->i", x)[...] = 1
    np.testing.assert_array_equal(x.data, np.eye(3))


# --------------------------------------------------------------------------------- the order of products


def test_a_chain_is_multiplied_in_the_cheapest_order():
    shapes = [(30, 35), (35, 15), (15, 5), (5, 10), (10, 20), (20, 25)]  # 15125 multiplications
    y = linalg.multi_dot([leaf(*shape) for shape in shapes])
    flops, todo = 0, [y.node]
    while todo:
        node = todo.pop()
        todo += [edge[0] for edge in node.edges if edge[0].edges]
        a, b = (edge[0].shape for edge in node.edges)
        flops += a[0] * a[1] * b[1]
    assert flops == 15125


def test_products_of_three_are_made_in_pairs():
    y = ag.einsum("ij,jk,k->i", leaf(4, 5), leaf(5, 6), leaf(6))
    assert y.node.name == "einsum" and len(y.node.edges) == 2
    assert len(ag.einsum("ij,jk,k->i", leaf(4, 5), leaf(5, 6), leaf(6), optimize=False).node.edges) == 3


def test_power_zero_has_the_gradient_zero():
    x = leaf(2, 3, 3)
    y = linalg.matrix_power(x, 0)
    np.testing.assert_array_equal(y.data, np.broadcast_to(np.eye(3), (2, 3, 3)))
    y.sum().backward()
    assert not x.grad.any()


@pytest.mark.skipif(not hasattr(linalg, "inv"), reason="no inverse here yet")
def test_negative_powers():
    check(
        lambda x: np.linalg.matrix_power(x, -3),
        np.random.default_rng(0).standard_normal((2, 3, 3)) + 4 * np.eye(3),
    )


def test_block_diag_of_nothing_and_of_stacks():
    assert linalg.block_diag().shape == (1, 0) and linalg.block_diag([]).shape == (1, 0)
    assert linalg.block_diag(leaf(2, 1, 1, 2), leaf(3, 2, 2)).shape == (2, 3, 3, 4)
