"""Cases of autograd/special."""

import numpy as np

from cases import numpy_reference as ref
from cases.case import case, nonzero, normal, reductions, unary
from tapegrad.autograd import special
from tapegrad.autograd.special.softmax import _logsumexp_weighted


def weighted(a, axis, b, **attrs):
    """logsumexp with weights of either sign, and what it calls, with the sign beside it."""

    def reference(x, b, axis, keepdims=False):
        total = (b * np.exp(x)).sum(axis=axis, keepdims=keepdims)
        return np.log(np.abs(total)), np.sign(total)

    saves = "terms top total x"
    return case(_logsumexp_weighted, reference, a, b, axis=axis, saves=saves, domain=nonzero, **attrs)


EMPTY = [((5, 0, 0), -1), ((2, 0), -1), ((0, 3), 0), ((2, 0), None)]
CASES = [
    *unary(special.erf, ref.erf, normal, "x"),
    *unary(special.expit, ref.sigmoid, normal, "slope"),
    *reductions(special.logsumexp, ref.logsumexp, saves="p total"),
    case(special.logsumexp, ref.logsumexp, (), saves="p total"),
    weighted((2, 3), None, (2, 3)),
    weighted((2, 3), 1, (3,)),
    weighted((3,), (0, 1), (2, 1), keepdims=True),
    weighted((), None, ()),
    weighted((0, 3), 1, (1, 3)),
    case(special.softmax, ref.softmax, (2, 3), saves="y", axis=None),
    case(special.log_softmax, ref.log_softmax, (2, 3), saves="y", axis=None),
    case(special.softmax, ref.softmax, (2, 3), saves="y", axis=-1),
    case(special.softmax, ref.softmax, (2, 3, 2), saves="y", axis=1),
    case(special.softmax, ref.softmax, (0, 3), saves="y", axis=-1),
    case(special.log_softmax, ref.log_softmax, (2, 3), saves="e total", axis=-1),
    case(special.log_softmax, ref.log_softmax, (2, 3, 2), saves="y", axis=0),
    case(special.log_softmax, ref.log_softmax, (0, 3), axis=-1),
    # 0-d, and empty axes.
    *(case(special.softmax, lambda x, axis: x, shape, saves="y", axis=axis) for shape, axis in EMPTY),
    *(case(special.log_softmax, lambda x, axis: x, shape, axis=axis) for shape, axis in EMPTY),
    case(special.softmax, ref.softmax, (), saves="y", axis=None),
    case(special.log_softmax, ref.log_softmax, (), saves="y", axis=None),
]
