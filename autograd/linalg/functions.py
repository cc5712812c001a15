"""Functions of matrices, under SciPy's names."""

from __future__ import annotations

import numpy as np

from ..arrays import ArrayLike, working
from ..op import op
from .triangles import check_square, cubic, refuse_half

# Coefficients of the Pade approximant of degree 13 of exp, and the norm up to which it is exact in float64
# (N. J. Higham, "The scaling and squaring method for the matrix exponential revisited", 2005).
_PADE = [1.0]
for _i in range(13):
    _PADE.append(_PADE[-1] * (13 - _i) / ((26 - _i) * (_i + 1)))
_REACH = 5.371920351148152


@op(inputs=1, flops=cubic(16))
def expm(A: ArrayLike):
    """The matrix exponential, the sum of A^k / k!, of each matrix of A, of shape (..., n, n) as the result.

    Computed in NumPy, by scaling, a Pade approximant and squaring. LinAlgError where A is not square,
    TypeError for float16.
    """
    refuse_half(A)
    check_square(A)
    A = A if A.dtype.kind == "f" else A.astype(working(A.dtype))
    y = _exponential(A, _halvings(A))

    def backward(g):  # the exponential of (A^T, g; 0, A^T) has the gradient in its corner
        n = A.shape[-1]
        pair = np.zeros_like(A, shape=(*A.shape[:-2], 2 * n, 2 * n))
        pair[..., :n, :n] = pair[..., n:, n:] = A.mT
        pair[..., :n, n:] = g
        return (_exponential(pair, _halvings(A))[..., :n, n:],)

    return y, backward


def _halvings(a):
    """How often each matrix is halved until the approximant is exact: masks of those still too large."""
    size = np.absolute(a).sum(axis=-2, keepdims=True).max(axis=-1, keepdims=True, initial=0)
    masks: list = []
    while True:
        large = (size > _REACH * 2.0 ** len(masks)) & np.isfinite(size)
        if not np.any(large):
            return masks
        masks.append(large)


def _exponential(a, halvings):
    for large in halvings:
        a = np.where(large, a * 0.5, a)
    b, eye = _PADE, np.eye(a.shape[-1], dtype=a.dtype, like=a)
    a2 = a @ a
    a4 = a2 @ a2
    a6 = a4 @ a2
    odd = a6 @ (b[13] * a6 + b[11] * a4 + b[9] * a2) + b[7] * a6 + b[5] * a4 + b[3] * a2 + eye * b[1]
    even = a6 @ (b[12] * a6 + b[10] * a4 + b[8] * a2) + b[6] * a6 + b[4] * a4 + b[2] * a2 + eye * b[0]
    odd = a @ odd
    y = np.linalg.solve(even - odd, even + odd)
    for large in halvings:
        y = np.where(large, y @ y, y)
    return y
