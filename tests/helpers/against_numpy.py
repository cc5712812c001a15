"""A function of Tensors held to the same of ndarrays."""

import warnings

import numpy as np

from tapegrad.autograd import Tensor


def same(f, *arrays, rtol=1e-13):
    """f of Tensors that require a gradient gives the numbers, shapes and dtypes of f of arrays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's for slices that are all nan
        expected = f(*arrays)
        found = f(*[Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays])
    several = isinstance(expected, tuple)
    pairs = zip(found, expected, strict=True) if several else [(found, expected)]
    for y, z in pairs:
        assert isinstance(y, Tensor) and (y.shape, y.dtype) == (np.shape(z), np.asarray(z).dtype)
        np.testing.assert_allclose(y.data, z, rtol=rtol, atol=1e-13)


def gradient(f, x):
    """That of the sum of f(x), as a list."""
    x = Tensor(x, requires_grad=True)
    f(x).sum().backward()
    return x.grad.tolist()
