"""Cases of autograd/linalg/structured.py, with references of their own: SciPy is no part of the tests."""

import numpy as np

from cases.case import case
from tapegrad.autograd import linalg


def block_diag(*blocks):
    blocks = [np.atleast_2d(b) for b in blocks]
    rows, columns = (np.cumsum([0, *(b.shape[i] for b in blocks)]) for i in (-2, -1))
    front = np.broadcast_shapes(*(b.shape[:-2] for b in blocks))
    y = np.zeros((*front, rows[-1], columns[-1]))
    for b, i, j in zip(blocks, rows, columns, strict=False):
        y[..., i : i + b.shape[-2], j : j + b.shape[-1]] = b
    return y


def each(element):
    """A matrix of each element of stacks of c and r, from functions of i, j."""

    def matrix(c, r=None):
        column = np.atleast_1d(c)
        row = column if r is None else np.atleast_1d(r)
        n, m = column.shape[-1], row.shape[-1]
        lines = [[element(column, row, r is None, i, j, n) for j in range(m)] for i in range(n)]
        return np.moveaxis(np.array(lines), (0, 1), (-2, -1)).reshape(*column.shape[:-1], n, m)

    return matrix


toeplitz = each(lambda c, r, alone, i, j, n: c[..., i - j] if i >= j else r[..., j - i])
hankel = each(
    lambda c, r, alone, i, j, n: c[..., i + j] if i + j < n else r[..., i + j - n + 1] * (0 if alone else 1)
)
circulant = each(lambda c, r, alone, i, j, n: c[..., (i - j) % n])
GIVEN = [((3,),), ((3,), (4,)), ((2, 3), (2, 2)), ((),)]
CASES = [
    case(linalg.block_diag, block_diag, (2, 3), (1, 2), (2, 2)),
    case(linalg.block_diag, block_diag, (2, 1, 2, 2), (3, 1, 2)),
    case(linalg.block_diag, block_diag, (0, 2), (2, 1)),
    *(case(linalg.hankel, hankel, *shapes) for shapes in [*GIVEN, ((3,), (1,))]),
]
COMPOSED = [
    case(linalg.block_diag, block_diag, (2, 2), (3,), ()),
    *(case(linalg.toeplitz, toeplitz, *shapes) for shapes in [*GIVEN, ((1,), (1,))]),
    *(case(linalg.circulant, circulant, shape) for shape in [(3,), (2, 3), (), (1,)]),
]
