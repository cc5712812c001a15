"""Norms of matrices that are made of singular values, on top of np.linalg.svd of Tensors."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor, gradcheck, linalg

if not hasattr(linalg, "svdvals"):
    pytest.skip("no gradient of singular values here yet", allow_module_level=True)


def leaf(x):
    return Tensor(np.array(x, float), requires_grad=True)


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("ord", ["nuc", 2, -2])
@pytest.mark.parametrize(
    "shape, axis", [((3, 3), None), ((2, 4), None), ((2, 3, 4), (0, 2)), ((3, 2, 4), (2, 1))]
)
def test_values_and_derivatives(ord, shape, axis, keepdims):
    x = np.random.default_rng(0).standard_normal(shape)

    def f(x):
        return np.linalg.norm(x, ord, axis, keepdims)

    np.testing.assert_allclose(f(leaf(x)).data, f(x), rtol=1e-13)
    assert f(leaf(x)).shape == np.shape(f(x))
    assert gradcheck(f, [leaf(x)], reference=f) and gradcheck(lambda x: f(x) ** 2, [leaf(x)], order=2)


@pytest.mark.parametrize("ord", ["nuc", 2, -2])
def test_matrix_norm_is_norm_of_the_last_two_axes(ord):
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    np.testing.assert_allclose(
        linalg.matrix_norm(leaf(x), ord=ord).data, np.linalg.norm(x, ord, (1, 2)), rtol=1e-13
    )


def test_equal_singular_values_share_the_gradient():
    x = leaf(np.eye(2))
    linalg.norm(x, 2).backward()
    np.testing.assert_allclose(x.grad, np.eye(2) / 2, atol=1e-15)
