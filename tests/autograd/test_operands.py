"""What stands beside a Tensor: numbers that are not real, masks, columns, arrays of other libraries."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor


def ones(*shape):
    return Tensor(np.ones(shape), requires_grad=True)


@pytest.mark.parametrize("number", [np.complex128(2), np.complex64(2), np.timedelta64(1, "s")])
def test_numbers_that_are_not_real_are_refused(number):
    for use in (lambda x: x * number, lambda x: number * x, lambda x: np.add(x, number)):
        with pytest.raises(TypeError, match="cannot use (complex|timedelta)"):
            use(ones(2))
    assert (ones(2) * np.longdouble(2)).dtype == np.float64


def test_a_masked_array_does_not_lose_its_mask():
    masked = np.ma.masked_invalid([1.0, np.nan])
    for use in (lambda: ones(2) * masked, lambda: Tensor(masked), lambda: np.sum(ones(2) * masked)):
        with pytest.raises(TypeError, match=r"masked array.*\.filled"):
            use()
    assert (Tensor([1.0, 2.0]) * masked.filled(0)).tolist() == [1, 0]


def test_arrays_made_of_numbers_alone_do_not_take_a_gradient():
    x = ones()
    with pytest.raises(TypeError, match="fromiter would lose the gradient"):
        np.fromiter([1.0, x], float, like=x)
    assert np.size(ones(3, 2), 0) == 3 and np.size(ones(3, 2)) == 6


class Labelled:
    """An array with labels, as xarray's: it knows ufuncs and holds what it is multiplied with."""

    __array_ufunc__ = np.ndarray.__array_ufunc__

    def __array__(self, dtype=None, copy=None):
        return np.ones(2)

    def __rmul__(self, other):
        return ("labelled", other)


class Column(Labelled):
    """A column of pandas, which cannot hold a Tensor."""

    __pandas_priority__ = 3000


def test_arrays_that_can_hold_tensors_do_and_columns_are_taken():
    x = ones(2)
    assert x * Labelled() == ("labelled", x)
    assert (x * Column()).requires_grad and Tensor.__pandas_priority__ > Column.__pandas_priority__


def test_operands_that_are_no_numbers():
    x = ones(2, 3)
    for other in ("text", None, {}, object(), 1j):
        with pytest.raises(TypeError):
            x + other
        with pytest.raises(TypeError):
            other * x

    class Reflects:
        def __radd__(self, other):
            return "mine"

        __lt__ = __gt__ = __radd__

    assert x + Reflects() == "mine" and (x < Reflects()) == "mine"
