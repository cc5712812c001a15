"""Cases of autograd/ops/contraction.py and cross.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case, nonzero
from tapegrad.autograd import linalg

MATMUL = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)),
    ((2, 2, 3), (2, 3, 4)), ((2, 2, 3), (3, 4)), ((2, 3), (4, 3, 1)), ((2, 1, 2, 3), (3, 3, 2)),
    ((2, 2, 3), (3,)), ((3,), (2, 3, 2)),
    ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 2, 0), (0, 3)), ((0, 2, 3), (3, 2)),
]  # fmt: skip
VECTORS = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (2, 3)),
    ((2, 1, 3), (4, 3)),
    ((0, 3), (3,)),
    ((2, 0), (2, 0)),
]
MATVEC = [((2, 3), (3,)), ((4, 2, 3), (3,)), ((2, 3), (4, 3)), ((4, 1, 2, 3), (5, 3)), ((2, 0), (0,))]
INNER = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((2, 3), (4, 3)),
    ((2, 1, 3), (2, 3)),
    ((), (2, 3)),
    ((2,), ()),
    ((2, 0), (3, 0)),
]
DOT = [*INNER[:2], ((2, 3), (3, 2)), ((3,), (2, 3, 4)), ((2, 2, 3), (2, 3, 2)), ((), (2,)), ((2, 3, 0), (0,))]
TENSORDOT = [
    ((2, 3, 4), (3, 4, 2), {}), ((2, 3), (3, 4), {"axes": 1}), ((2,), (3, 4), {"axes": 0}),
    ((), (), {"axes": 0}),
    ((2, 3), (4, 3), {"axes": (1, 1)}), ((2, 3, 4), (4, 2), {"axes": ((0, -1), [1, 0])}),
    ((2, 3), (2, 3), {"axes": ([1, 0], [1, 0])}), ((2, 3), (4, 2), {"axes": ([0], [-1])}),
    ((2, 3), (3, 2), {"axes": ([], [])}), ((2, 0), (0, 3), {"axes": 1}),
]  # fmt: skip
KRON = [
    ((2, 3), (4, 2)),
    ((2,), (3,)),
    ((2, 3), (2,)),
    ((2,), (3, 2)),
    ((), (2, 2)),
    ((2, 1, 2), (2, 2)),
    ((0, 2), (2, 2)),
]
CROSS = [
    ((3,), (3,), {}), ((2, 3), (3,), {}), ((2, 1, 3), (4, 3), {}), ((3, 2), (3, 2), {"axis": 0}),
    ((0, 3), (3,), {}),
    ((3, 2, 4), (2, 4, 3), {"axisa": 0, "axisc": 1}), ((2, 3), (3, 2), {"axisb": 0, "axisc": 0}),
]  # fmt: skip


def cross_in_space(a, b, **axes):
    """np.cross, which warns of vectors of two elements, of such with a zero for a third."""
    y = np.cross(*(np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 3 - x.shape[-1])]) for x in (a, b)), **axes)
    return y[..., 2] if a.shape[-1] == b.shape[-1] == 2 else y


def matvec(a, b):
    return np.einsum("...ij,...j->...i", a, b)


def vecmat(a, b):
    return np.einsum("...i,...ij->...j", a, b)


def vecdot(a, b, axis=-1):
    return (np.moveaxis(a, axis, -1) * np.moveaxis(b, axis, -1)).sum(-1)


CASES = [
    *(case(ag.matmul, np.matmul, a, b, saves="a b") for a, b in MATMUL),
    *(case(ag.vdot, np.vdot, a, b, saves="a b")
      for a, b in [((3,), (3,)), ((2, 3), (3, 2)), ((), ()), ((0, 2), (2, 0))]),
    *(case(ag.cross, np.cross, a, b, domain=nonzero, saves="a b") for a, b, axes in CROSS if not axes),
]  # fmt: skip
COMPOSED = [
    *(case(ag.dot, np.dot, a, b) for a, b in DOT),
    *(case(ag.inner, np.inner, a, b) for a, b in INNER),
    *(case(ag.outer, np.outer, a, b) for a, b in [((2,), (3,)), ((2, 2), (3,)), ((), (2,)), ((0,), (2,))]),
    *(case(ag.tensordot, np.tensordot, a, b, **axes) for a, b, axes in TENSORDOT),
    *(case(ag.vecdot, vecdot, a, b) for a, b in VECTORS),
    case(ag.vecdot, vecdot, (3, 2), (3, 2), axis=0),
    *(case(ag.matvec, matvec, a, b) for a, b in MATVEC),
    *(case(ag.vecmat, vecmat, b, a[:-2] + a[:-3:-1]) for a, b in MATVEC),
    *(case(ag.kron, np.kron, a, b) for a, b in KRON),
    *(case(ag.cross, np.cross, a, b, domain=nonzero, **axes) for a, b, axes in CROSS if axes),
    *(case(ag.cross, cross_in_space, a, b)
      for a, b in [((2, 2), (2, 3)), ((3,), (4, 2)), ((2, 2), (2, 2))]),
    case(linalg.outer, np.linalg.outer, (4,), (3,)),
    case(linalg.cross, np.linalg.cross, (3, 4), (3, 4), domain=nonzero, axis=0),
]  # fmt: skip
