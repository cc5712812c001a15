"""Cases of nn/functional/dropout.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case

CASES = [
    case(kernels.dropout, ref.dropout, (2, 3), keep=np.array([[1, 0, 1], [1, 1, 0]], bool), p=0.25),
]
