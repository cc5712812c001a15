"""Cases of nn/functional/linear.py."""

import kernels
from cases import numpy_reference as ref
from cases.case import case

CASES = [
    case(kernels.linear, ref.linear, (2, 3), (4, 3), saves="x weight"),
    case(kernels.linear, ref.linear, (2, 2, 3), (4, 3), (4,), saves="x weight"),
    case(kernels.linear, ref.linear, (3,), (4, 3), (4,), saves="x weight"),
    case(kernels.linear, ref.linear, (0, 2, 3), (4, 3), (4,), saves="x weight"),
    case(kernels.linear, ref.linear, (2, 0), (4, 0), (4,), saves="x weight"),
]
