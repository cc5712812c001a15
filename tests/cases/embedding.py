"""Cases of nn/functional/embedding.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case

IDS = np.array([[2, 0, 2], [-1, 1, 1]])
CASES = [
    case(kernels.embedding, ref.embedding, (4, 3), ids=IDS % 3),
    case(kernels.embedding, ref.embedding, (4, 3), ids=np.array(2)),
    case(kernels.embedding, ref.embedding, (3,), ids=np.array([1, 2, 1])),
    case(kernels.embedding, ref.embedding, (4, 2, 3), ids=np.array([1, 3, 1])),
    case(kernels.embedding, ref.embedding, (4, 3), ids=np.zeros((2, 0), int)),
]
