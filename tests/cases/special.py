"""Cases of autograd/special."""

from cases import numpy_reference as ref
from cases.case import case, normal, reductions, unary
from tapegrad.autograd import special

EMPTY = [((5, 0, 0), -1), ((2, 0), -1), ((0, 3), 0), ((2, 0), None)]
CASES = [
    *unary(special.erf, ref.erf, normal, "x"),
    *unary(special.expit, ref.sigmoid, normal, "y"),
    *reductions(special.logsumexp, ref.logsumexp, saves="p total"),
    case(special.logsumexp, ref.logsumexp, (), saves="p total"),
    case(special.softmax, ref.softmax, (2, 3), saves="y", axis=None),
    case(special.log_softmax, ref.log_softmax, (2, 3), saves="y", axis=None),
    case(special.softmax, ref.softmax, (2, 3), saves="y", axis=-1),
    case(special.softmax, ref.softmax, (2, 3, 2), saves="y", axis=1),
    case(special.softmax, ref.softmax, (0, 3), saves="y", axis=-1),
    case(special.log_softmax, ref.log_softmax, (2, 3), saves="y", axis=-1),
    case(special.log_softmax, ref.log_softmax, (2, 3, 2), saves="y", axis=0),
    case(special.log_softmax, ref.log_softmax, (0, 3), axis=-1),
    # 0-d, and empty axes.
    *(case(special.softmax, lambda x, axis: x, shape, saves="y", axis=axis) for shape, axis in EMPTY),
    *(case(special.log_softmax, lambda x, axis: x, shape, axis=axis) for shape, axis in EMPTY),
    case(special.softmax, ref.softmax, (), saves="y", axis=None),
    case(special.log_softmax, ref.log_softmax, (), saves="y", axis=None),
]
