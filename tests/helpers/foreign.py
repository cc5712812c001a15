"""An array type of another library: no ndarray, and as strict as CuPy's about being taken for one."""

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin


class Foreign(NDArrayOperatorsMixin):
    """Speaks NumPy's protocols; refuses ndarrays beside it and to be converted into one."""

    __slots__ = ("_array", "__weakref__")

    def __init__(self, array):
        self._array = np.asarray(array)

    def __array__(self, dtype=None, copy=None):
        raise TypeError("implicit conversion to an ndarray is not allowed")

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        given = {key: native(value) for key, value in kwargs.items()}
        if out is not None:
            given["out"] = tuple(map(native, out))
        result = getattr(ufunc, method)(*map(native, inputs), **given)
        return out[0] if out is not None else dressed(result)

    def __array_function__(self, func, types, args, kwargs):
        given = {key: native(value) for key, value in kwargs.items()}
        result = func(*map(native, args), **given)
        return kwargs["out"] if kwargs.get("out") is not None else dressed(result)

    def __getitem__(self, index):
        return Foreign(self._array[native(index)])

    def __setitem__(self, index, value):
        self._array[native(index)] = native(value)

    def __len__(self):
        return len(self._array)

    def __bool__(self):
        return bool(self._array)

    def __float__(self):
        return float(self._array)

    def item(self):
        return self._array.item()

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    nbytes = property(lambda self: self._array.nbytes)
    T = property(lambda self: Foreign(self._array.T))
    mT = property(lambda self: Foreign(self._array.mT))  # noqa: N815


def _method(name):
    def call(self, *args, **kwargs):
        given = {key: native(value) for key, value in kwargs.items()}
        return dressed(getattr(self._array, name)(*map(native, args), **given))

    return call


for _name in (
    *("sum", "mean", "max", "min", "reshape", "transpose", "swapaxes", "squeeze", "astype", "take", "copy"),
    *("fill", "any", "all", "ravel", "tolist"),
):
    setattr(Foreign, _name, _method(_name))


def native(value):
    """What NumPy computes with: the array inside; an ndarray is refused, as CuPy does."""
    if isinstance(value, Foreign):
        return value._array
    if isinstance(value, np.ndarray):
        raise TypeError("unsupported type <class 'numpy.ndarray'> beside an array of another library")
    if isinstance(value, (list, tuple)):
        return type(value)(map(native, value))
    return value


def dressed(result):
    """What NumPy gave, as arrays of this library, never as NumPy's scalars."""
    if isinstance(result, (np.ndarray, np.generic)):
        return Foreign(result)
    if isinstance(result, (list, tuple)):
        return getattr(result, "_make", type(result))(map(dressed, result))  # named tuples have _make
    return result


def abroad(value):
    """ndarrays in `value`, arguments of a call, as arrays of this library."""
    if isinstance(value, np.ndarray):
        return Foreign(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(abroad, value))
    return value
