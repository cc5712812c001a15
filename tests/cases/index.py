"""Cases of autograd/ops/index.py."""

import numpy as np

import tapegrad.autograd as ag
from cases import numpy_reference as ref
from cases.case import case
from tapegrad.autograd.ops.index import _record_together

IDS = np.array([[2, 0, 2], [-1, 1, 1]])
INDICES = [
    1, -1, np.int64(1), Ellipsis, None, (), True,
    slice(1, 3), slice(None, None, -2), slice(3, 0, -1), slice(2, 2),
    (1, 2), (0, -1, 1), (Ellipsis, 0), (slice(None), None, slice(0, 3, 2)), (None, Ellipsis, None, 1),
    [0, 2, 0], [[1], [1]], (slice(None), [0, 0, 1]), ((0, 0), 1),
    IDS, np.array(2), np.zeros((2, 0), int), (IDS, IDS), (IDS[:, :1], slice(None), IDS),
    (IDS[0], Ellipsis, 1), (np.array([0, 1]), None, np.array([[1], [2]])), ([0, 2], slice(None), 1),
    np.arange(60).reshape(4, 3, 5) % 3 == 0, np.array([True, False, False, True]), [True, False, True, True],
    (slice(None), np.array([True, False, True])), (np.array([True, True, False, True]), IDS[0]),
    (np.ones((4, 3), bool), 1), (Ellipsis, np.zeros(5, bool)), np.array(True),
]  # fmt: skip
CASES = [
    *(case(ag.getitem, ref.getitem, (4, 3, 5), index=index) for index in INDICES),
    case(ag.getitem, ref.getitem, (), index=()),
    case(_record_together, ref.together, [(2, 3), (3,), ()], indices=[slice(1, 3), 2, (0, -1)], shape=(4, 3)),
    case(_record_together, ref.together, [(), ()], indices=[(), ...], shape=()),
    case(ag.getitem, ref.getitem, (0, 3), index=(slice(None), 1)),
    case(ag.index_put, ref.index_put, (4, 3), (3,), index=1),
    case(ag.index_put, ref.index_put, (4, 3), (), index=(slice(None, None, 2), [0, -1])),
    case(
        ag.index_put,
        ref.index_put,
        (4, 3),
        (3,),
        index=(np.array([0, 3, 1]), np.array([1, 1, 2])),
    ),
    case(ag.index_put, ref.index_put, (2, 2), 0.0, index=np.array([[True, False], [True, True]])),
    case(ag.index_put, ref.index_put, (), (), index=()),
    case(ag.index_put, ref.index_put, (4, 3), (), index=[2, 0, 2]),
    case(ag.index_put, ref.index_put, (4, 3), (3, 1), index=[2, 0, 2]),  # the last one stays
    case(ag.index_put, ref.index_put, (4, 3), (1, 3), index=np.array([[1], [1]])),
    case(ag.take, np.take, (3, 2), indices=np.array([0, 5, 0, -2])),
    case(ag.take, np.take, (2, 3, 2), indices=IDS, axis=1),
    case(ag.take, np.take, (2, 3), indices=1, axis=-1),
    case(ag.take, np.take, (2, 3), indices=[1, 1], axis=-2),
    case(ag.take, np.take, (2, 3), indices=[-5, 3, 1], axis=1, mode="wrap", saves="index"),
    case(ag.take, np.take, (2, 3), indices=IDS * 4, mode="clip", saves="index"),
    case(
        ag.take_along_axis, np.take_along_axis, (2, 3), indices=np.array([5, 0, 5]), axis=None, saves="index"
    ),
    case(ag.diagonal, np.diagonal, (3, 3)),
    case(ag.diagonal, np.diagonal, (2, 3, 4), offset=-1, axis1=2, axis2=0),
    case(ag.diagonal, np.diagonal, (2, 3), offset=5),
    case(ag.take_along_axis, np.take_along_axis, (2, 3), indices=IDS, axis=1, saves="index"),
    case(
        ag.take_along_axis,
        np.take_along_axis,
        (3, 2),
        indices=np.array([[1, -1], [1, 0]]),
        axis=0,
        saves="index",
    ),
    case(ag.take_along_axis, np.take_along_axis, (3, 2), indices=np.array([[1]]), axis=-1, saves="index"),
    case(ag.take_along_axis, np.take_along_axis, (1, 4), indices=IDS, axis=-1, saves="index"),
    case(ag.where, np.where, np.array([True, False, True]), (2, 3), (3,), saves="condition"),
    case(ag.where, np.where, np.array([[True], [False]]), (2, 3), 0.0, saves="condition"),
    case(ag.where, np.where, np.array(True), (), (2,), saves="condition"),
]
