"""What products and the matrices made of them say of arguments that do not fit."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, linalg


def leaf(*shape):
    return Tensor(np.ones(shape), requires_grad=True)


BAD = {
    "matmul": (lambda: leaf(2, 3) @ leaf(2, 3),
        ValueError, r"matmul: a's last axis, of length 3, .*of length 2 .*\(2, 3\)"),
    "matmul of a number": (lambda: np.matmul(leaf(2, 3), 2.0), ValueError, r"matmul: takes arrays .*by \*"),
    "matmul fronts": (lambda: leaf(2, 2, 3) @ leaf(4, 3, 2),
        ValueError, r"matmul: .*\(2,\) and \(4,\), do not broadcast"),
    "matmul of a vector": (lambda: leaf(2, 3) @ leaf(2),
        ValueError, r"matmul: .*with b's axis, of length 2"),
    "dot": (lambda: np.dot(leaf(2, 3), leaf(2, 3)),
        ValueError, r"dot: axis -1 of \(2, 3\) and axis -2 of \(2, 3\)"),
    "dot of stacks": (lambda: np.dot(leaf(2, 3), leaf(2, 4, 3)),
        ValueError, r"dot: .* lengths 3 and 4 differ"),
    "vdot": (lambda: np.vdot(leaf(2, 3), leaf(4)),
        ValueError, r"vdot: a has 6 elements and b has 4 .*\(2, 3\)"),
    "inner": (lambda: np.inner(leaf(2, 3), leaf(2, 4)), ValueError, r"inner: .*lengths 3 and 4 differ"),
    "vecdot": (lambda: ag.vecdot(leaf(2, 3), leaf(2)), ValueError, r"vecdot: .*\(2, 3\).*\(2,\)"),
    "vecdot axis": (lambda: ag.vecdot(leaf(2, 3), leaf(3), axis=-2),
        ValueError, r"vecdot: axis -2 of .*\(3,\)"),
    "vecdot fronts": (lambda: ag.vecdot(leaf(2, 3), leaf(4, 3)),
        ValueError, r"vecdot: the axes in front .*broadcast"),
    "matvec": (lambda: ag.matvec(leaf(3), leaf(3)),
        ValueError, r"matvec: takes \(..., n, m\) and .*\(3,\) and \(3,\)"),
    "vecmat": (lambda: ag.vecmat(leaf(3), leaf(2, 3)), ValueError, r"vecmat: .* lengths 3 and 2 differ"),
    "tensordot": (lambda: np.tensordot(leaf(2, 3), leaf(4, 3), 1),
        ValueError, r"tensordot: .*lengths 3 and 4 differ"),
    "tensordot count": (lambda: ag.tensordot(leaf(2), leaf(2), 2),
        ValueError, "tensordot: axes=2 of arrays .* 1 and 1"),
    "tensordot pairs": (lambda: ag.tensordot(leaf(2), leaf(2), ([0], [])),
        ValueError, "are 1 of a and 0 of b"),
    "tensordot twice": (lambda: ag.tensordot(leaf(2, 2), leaf(2, 2), ([0, 0], [0, 1])),
        ValueError, "axis of a twice"),
    "tensordot axis": (lambda: ag.tensordot(leaf(2), leaf(2), (0, 1)),
        np.exceptions.AxisError, "axis 1 of b"),
    "cross": (lambda: np.cross(leaf(2, 4), leaf(2, 4)),
        ValueError, r"cross: takes vectors of 3 .*\(2, 4\) and \(2, 4\)"),
    "cross fronts": (lambda: np.cross(leaf(2, 3), leaf(4, 3)), ValueError, r"cross: .*do not broadcast"),
    "cross axis": (lambda: np.cross(leaf(3), leaf(3), axisc=1), np.exceptions.AxisError, r"cross: axisc=1"),
    "linalg.cross": (lambda: np.linalg.cross(leaf(2), leaf(2)),
        ValueError, r"linalg.cross: takes vectors of 3"),
    "linalg.outer": (lambda: np.linalg.outer(leaf(2, 2), leaf(2)),
        ValueError, r"linalg.outer: .*\(2, 2\) and \(2,\)"),
    "einsum letter": (lambda: ag.einsum("ij,jk", leaf(2, 3), leaf(2, 3)),
        ValueError, "lengths 3 and 2 are both called 'j'"),
    "einsum diagonal": (lambda: ag.einsum("ii", leaf(2, 3)),
        ValueError, "lengths 2 and 3 are both called 'i'"),
    "einsum diagonal of one": (lambda: ag.einsum("ii", leaf(1, 3)),
        ValueError, "lengths 1 and 3 are both called 'i'"),
    "einsum output": (lambda: ag.einsum("ij->k", leaf(2, 3)),
        ValueError, "'k' of the output is in no operand"),
    "einsum output twice": (lambda: ag.einsum("ij->ii", leaf(2, 3)),
        ValueError, "'i' of the output occurs twice"),
    "einsum sign": (lambda: ag.einsum("i1", leaf(2, 3)), ValueError, "'1' in it, which is no letter"),
    "einsum dots": (lambda: ag.einsum("i..", leaf(2, 3, 4)), ValueError, r"einsum: 'i\.\.'"),
    "einsum of three": (lambda: ag.einsum("i,i,i", leaf(2), leaf(2), leaf(3)),
        ValueError, "lengths 2 and 3 are both"),
    "multi_dot": (lambda: linalg.multi_dot([leaf(2, 3), leaf(2, 3)]),
        ValueError, r"multi_dot: shapes \(2, 3\) and \(2, 3\)"),
    "multi_dot of one": (lambda: linalg.multi_dot([leaf(2, 3)]),
        ValueError, "multi_dot: takes two arrays or more, not 1"),
    "multi_dot of vectors": (lambda: linalg.multi_dot([leaf(3)] * 3),
        ValueError, r"multi_dot: .*array 1 of 3 .*\(3,\)"),
    "matrix_power": (lambda: linalg.matrix_power(leaf(2, 3), 2),
        np.linalg.LinAlgError, r"square matrices, not shape \(2, 3\)"),
    "matrix_power by half": (lambda: linalg.matrix_power(leaf(2, 2), 0.5),
        TypeError, "n is an integer, not 0.5"),
    "trace": (lambda: linalg.trace(leaf(3)), ValueError, r"linalg.trace: takes matrices .*\(3,\)"),
    "matrix_transpose": (lambda: np.matrix_transpose(leaf(3)), ValueError, r"matrix_transpose: .*\(3,\)"),
    "vander": (lambda: np.vander(leaf(2, 2)), ValueError, r"vander: takes a vector, .*\(2, 2\)"),
    "vander N": (lambda: np.vander(leaf(2), -1), ValueError, r"vander: N=-1 is negative"),
    "polyval": (lambda: np.polyval(leaf(), 1.0), ValueError, r"polyval: p is a list .*shape \(\)"),
    "toeplitz": (lambda: linalg.toeplitz(leaf(2, 3), leaf(3)),
        ValueError, r"toeplitz: .*\(2, 3\) and r \(3,\) differ"),
    "block_diag": (lambda: linalg.block_diag(leaf(2, 1, 1), leaf(3, 1, 1)),
        ValueError, r"block_diag: .*\(3, 1, 1\) do not"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message) as caught:
        call()
    assert "signature" not in str(caught.value)
