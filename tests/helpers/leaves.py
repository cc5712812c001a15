"""A Tensor to differentiate by."""

import numpy as np

from tapegrad.autograd import Tensor


def leaf(*shape, dtype=np.float64, seed=0):
    """Normal random numbers, a leaf that requires a gradient."""
    return Tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype), requires_grad=True)
