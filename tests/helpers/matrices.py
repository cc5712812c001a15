"""What tests of linear algebra share: matrices and gradients."""

import numpy as np

from tapegrad.autograd import Tensor

M = np.random.default_rng(0).standard_normal((4, 4))


def leaf(a):
    return Tensor(np.array(a, float), requires_grad=True)


def gradient(fn, a):
    x = leaf(a)
    fn(x).backward()
    return x.grad


def symmetric(a):
    return (a + a.mT) / 2


def with_values(*values):
    """A symmetric matrix with these eigenvalues."""
    q = np.linalg.qr(np.random.default_rng(0).standard_normal((len(values), len(values))))[0]
    return symmetric(q * np.array(values, float) @ q.T)
