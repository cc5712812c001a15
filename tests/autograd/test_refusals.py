"""Arguments that do not fit are refused by the name of the function, with shapes: scattering, ranges ..."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad.autograd import Tensor

X = leaf(2, 3)
IDS = [[0, 1, 1]]
BAD = {
    "scatter way": (lambda: ag.scatter(X, 0, IDS, 1.0, reduce="mean"), ValueError, "'add' or 'multiply'"),
    "reduce way": (lambda: ag.scatter_reduce(X, 0, IDS, X, "max"), ValueError, "one of sum, .*"),
    "scatter axes": (lambda: ag.scatter(X, 0, [0, 1], X), ValueError, r"scatter: an index of shape \(2,\)"),
    "scatter long": (lambda: ag.scatter_add(X, 0, IDS * 3, X), ValueError, r"scatter_add: .*\(3, 3\)"),
    "scatter source": (lambda: ag.scatter_add(X, 0, IDS * 2, X[:1]), ValueError, r"src of \(1, 3\)"),
    "scatter floats": (lambda: ag.scatter(X, 0, [[0.5]], X), TypeError, "scatter: .*of integers"),
    "scatter range": (lambda: ag.scatter(X, 1, [[1, 3]], X), IndexError, r"index 3 at .*\(0, 1\)"),
    "scatter below": (lambda: ag.scatter_reduce(X, 0, [[-3]], X, "sum"), IndexError, "index -3"),
    "copy axes": (lambda: ag.index_copy(X, 0, IDS, X), ValueError, r"index_copy: index has one axis"),
    "copy shape": (lambda: ag.index_copy(X, 1, [0], X), ValueError, r"expected \(2, 1\)"),
    "copy floats": (lambda: ag.index_copy(X, 0, [0.5], X[:1]), TypeError, "index_copy: .*of integers"),
    "copy range": (lambda: ag.index_copy(X, 0, [2], X[:1]), IndexError, "index_copy: index 2"),
    "fill": (lambda: ag.index_fill(X, 0, [0], [1.0]), ValueError, r"one number, .*\(1,\)"),
    "fill range": (lambda: ag.index_fill(X, 1, [3], 1.0), IndexError, "index_fill: index 3"),
    "linspace": (lambda: np.linspace(X, 1.0, -2), ValueError, "linspace: num is .*not -2"),
    "logspace": (lambda: np.logspace(X, 1.0, -1), ValueError, "logspace: num is .*not -1"),
    "geomspace": (lambda: np.geomspace(X, 0.0), ValueError, "geomspace: an end is 0"),
    "ediff1d": (lambda: np.ediff1d(Tensor([1, 2]), to_end=leaf(1)), TypeError, "to_end of float64 .* int64"),
    "triu": (lambda: np.triu(leaf()), ValueError, "triu: takes an array of one axis or more"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_named(name):
    call, kind, message = BAD[name]
    with pytest.raises(kind, match=message):
        call()


def test_a_view_from_before_its_tensor_became_a_leaf_hands_nothing_on():
    c = Tensor(np.zeros((2, 2)))
    row = c[0]
    c.requires_grad = True
    with pytest.raises(RuntimeError, match="take the view again"):
        row += leaf(2)
    assert not c.data.any()
