"""Writing, adding, multiplying at indices, where elements may be named several times."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..adding import add_at, added_at, change_at
from ..arguments import tensor_of
from ..arrays import HALF, ArrayLike, opaque
from ..op import Needs, composed, op
from ..tensor import Tensor
from .arithmetic import divide
from .axes import axis_of
from .creation import astype
from .index import at_axis, getitem, index_put, places_of
from .shape import reshape


def _wide(x):
    """x in memory of its own; in float32 if it is of float16, which stops to grow at 2048 ones."""
    y = np.empty_like(x, dtype=np.float32 if x.dtype is HALF else None)
    y[...] = x
    return y


@op(inputs=2)
def index_add(x: ArrayLike, value: ArrayLike, index: Any):
    """A copy of x with `value` added at `index`, once for each time an element is named.

    `value` broadcasts to the shape of x[index].
    """
    y = _wide(x)
    add_at(y, index, value)

    def backward(g):
        return g, g[index]

    return y.astype(HALF) if x.dtype is HALF else y, backward


@op(inputs=2, needs=True)
def index_multiply(needs: Needs, x: ArrayLike, value: ArrayLike, index: Any):
    """A copy of x multiplied by `value` at `index`, once for each time an element is named.

    `value` broadcasts to the shape of x[index]. Zeros have their gradient, the product of the others.
    """
    y = _wide(x)
    change_at(np.multiply, y, index, value)
    kept = x if needs[1] else None

    def backward(g):
        dx = dv = None
        if needs[0]:
            dx = _wide(g)
            change_at(np.multiply, dx, index, value)
        if needs[1]:
            dv = (g * kept)[index]
            others = np.empty_like(dv)
            _put_other_factors(others, kept, value, index)
            dv = dv * others
        return dx, dv

    return y.astype(HALF) if x.dtype is HALF else y, backward


@opaque
def _put_other_factors(others, x, value, index):
    """For each value the product of those that go to the same element of x: by division, but for zeros."""
    products = np.ones_like(x)
    change_at(np.multiply, products, index, value)
    if np.all(np.isfinite(products)) and np.all(products != 0):
        others[...] = products[index] / value
    else:
        others[...] = _other_factors(x, value, index)


def _other_factors(x, value, index):
    at = np.arange(x.size, like=x).reshape(x.shape)[index]
    shape, at = at.shape, at.reshape(-1)
    order = np.argsort(at, kind="stable")
    at, factors = at[order], np.broadcast_to(value, shape).reshape(-1)[order]
    others = _before(factors, at) * _before(factors[::-1], at[::-1])[::-1]
    return others[np.argsort(order)].reshape(shape)


def _before(factors, at):
    """For each factor the product of those before it with its `at`, from windows that double in length."""
    y = np.ones_like(factors)
    y[1:] = np.where(at[1:] == at[:-1], factors[:-1], 1)
    step = 1
    while step < at.size:
        y = np.concatenate([y[:step], y[step:] * np.where(at[step:] == at[:-step], y[:-step], 1)])
        step *= 2
    return y


def _extreme(ufunc, lowest, x, value, index, include_self):
    y = np.empty_like(x)
    y[...] = x
    if not include_self:
        y[index] = (
            lowest if x.dtype.kind == "f" else getattr(np.iinfo(x.dtype), "min" if lowest < 0 else "max")
        )
    change_at(ufunc, y, index, value)

    def backward(g):
        wide = np.float32 if g.dtype is HALF else g.dtype
        own, other = _equal(x, y, wide), _equal(value, y[index], wide)
        if not include_self:
            own[index] = 0
        count = own + added_at(other + np.zeros_like(y[index]), index, y.shape)
        share = g / np.maximum(count, 1)
        return share * own, share[index] * other

    return y, backward


def _equal(a, b, dtype):
    """Where a is b, nan being nan."""
    return ((a == b) | ((a != a) & (b != b))).astype(dtype)


@op(inputs=2)
def index_maximum(x: ArrayLike, value: ArrayLike, index: Any, include_self: bool = True):
    """A copy of x with, at `index`, the largest of its element and all of `value` that go there.

    `value` broadcasts to the shape of x[index]; without `include_self` elements that are named do not count
    themselves. Equals share the gradient; so do nan, which are larger than all else.
    """
    return _extreme(np.maximum, -np.inf, x, value, index, include_self)


@op(inputs=2)
def index_minimum(x: ArrayLike, value: ArrayLike, index: Any, include_self: bool = True):
    """A copy of x with, at `index`, the smallest of its element and all of `value` that go there.

    `value` broadcasts to the shape of x[index]; without `include_self` elements that are named do not count
    themselves. Equals share the gradient; so do nan, which are smaller than all else.
    """
    return _extreme(np.minimum, np.inf, x, value, index, include_self)


# ------------------------------------------------------------------------------- PyTorch's, along an axis


@composed()
def scatter(
    x: ArrayLike, axis: int, index: ArrayLike, src: ArrayLike, *, reduce: str | None = None
) -> Tensor:
    """A copy of x in which the elements [..., index[i, j], ...] along `axis` are src[i, j], or a number.

    `index` has as many axes as x and `src`, and nowhere more than these, along `axis` than src. Of several
    values for one element the last stays, unless `reduce` is "add" or "multiply". ValueError for shapes that
    do not fit or another `reduce`, TypeError for an index that is no integer, IndexError where it is out of
    range.
    """
    if reduce is not None:
        ways = {"add": index_add, "multiply": index_multiply}
        if reduce not in ways:
            raise ValueError(
                f"scatter: reduce= is 'add' or 'multiply', not {reduce!r}; or see scatter_reduce"
            )
        return _scattered("scatter", ways[reduce], x, axis, index, src)
    return _scattered("scatter", index_put, x, axis, index, src)


@composed()
def scatter_add(x: ArrayLike, axis: int, index: ArrayLike, src: ArrayLike) -> Tensor:
    """A copy of x with src[i, j] added to its element [..., index[i, j], ...] along `axis`.

    Shapes are those of `scatter`. ValueError where they do not fit, TypeError for an index that is no
    integer, IndexError where it is out of range.
    """
    return _scattered("scatter_add", index_add, x, axis, index, src)


REDUCE = {"sum": index_add, "mean": index_add, "prod": index_multiply}
EXTREMES = {"amax": index_maximum, "amin": index_minimum}


@composed()
def scatter_reduce(
    x: ArrayLike, axis: int, index: ArrayLike, src: ArrayLike, reduce: str, *, include_self: bool = True
) -> Tensor:
    """The sum, prod, mean, amax or amin, by `reduce`, of all src[i, j] for [..., index[i, j], ...] of x.

    Its own element counts too, unless `include_self` is False; where nothing arrives it stays. Equals
    share the gradient of amax and amin. Shapes are those of `scatter`. ValueError where they do not fit, or
    for another `reduce`, TypeError for an index that is no integer, IndexError where it is out of range.
    """
    if reduce not in REDUCE and reduce not in EXTREMES:
        raise ValueError(
            f"scatter_reduce: reduce= is one of {', '.join([*REDUCE, *EXTREMES])}, not {reduce!r}"
        )

    def reduced(x, part, at):
        if reduce in EXTREMES:
            return EXTREMES[reduce](x, part, at, include_self)
        if x.dtype == HALF:
            return astype(reduced(astype(x, np.float32), astype(part, np.float32), at), HALF)
        if not include_self:
            x = index_put(x, 1 if reduce == "prod" else 0, at)
        y = REDUCE[reduce](x, part, at)
        if reduce != "mean":
            return y
        count = np.full_like(x.data, 1 if include_self else 0)
        add_at(count, at, np.ones_like(x.data[at]))
        return divide(y, np.maximum(count, 1))

    return _scattered("scatter_reduce", reduced, x, axis, index, src)


def _scattered(name, write, x, axis, index, src):
    """write(x, src, index) with the index that these words of PyTorch's mean."""
    x, src = tensor_of(x), tensor_of(src)
    index = _whole_numbers(name, index)
    axis = axis_of(name, axis, max(x.ndim, 1))
    if x.ndim == 0:
        parts = [reshape(part, 1) for part in (x, src)]
        return reshape(_scattered(name, write, parts[0], 0, index.reshape(-1), parts[1]), ())
    small = index.shape
    fits = len(small) == x.ndim and all(
        n <= m for i, (n, m) in enumerate(zip(small, x.shape, strict=True)) if i != axis
    )
    if src.ndim:
        fits = fits and len(small) == src.ndim and all(n <= m for n, m in zip(small, src.shape, strict=True))
    if not fits:
        raise ValueError(
            f"{name}: an index of shape {small} along axis {axis} does not fit x of {x.shape} and src of "
            f"{src.shape}"
        )
    _check_range(name, index, x.shape, axis)
    part = getitem(src, tuple(map(slice, small))) if src.ndim and src.shape != small else src
    part = astype(part, x.dtype) if part.dtype != x.dtype else part
    return reshape(write(reshape(x, -1), part, places_of(index, x.shape, axis)), x.shape)


def _whole_numbers(name, index):
    index = tensor_of(index).data
    if index.dtype.kind not in "iu" and index.size:
        raise TypeError(f"{name}: an index is of integers, not {index.dtype}")
    return index if index.dtype.kind in "iu" else index.astype(np.intp)


def _check_range(name, index, shape, axis):
    if index.size and (index.min() < -shape[axis] or index.max() >= shape[axis]):
        outside = (index < -shape[axis]) | (index >= shape[axis])
        at = tuple(np.argwhere(outside)[0].tolist())
        raise IndexError(
            f"{name}: index {index[at]} at position {at} is out of range for axis {axis} of shape {shape}"
        )


@composed()
def index_copy(x: ArrayLike, axis: int, index: ArrayLike, source: ArrayLike) -> Tensor:
    """A copy of x in which the slices number `index`, of one axis, along `axis` are those of `source`.

    `source` has the shape of x but for the length of the axis, that of `index`. Of two with one number the
    last one stays, and has the gradient. ValueError for another shape, TypeError for an index that is no
    integer, IndexError where it is out of range.
    """
    return _along_axis("index_copy", x, axis, index, tensor_of(source))


@composed()
def index_fill(x: ArrayLike, axis: int, index: ArrayLike, value: ArrayLike) -> Tensor:
    """A copy of x in which the slices number `index`, of one axis, along `axis` are `value`, a number.

    The shape is that of x. ValueError where `value` is no number, TypeError for an index that is no integer,
    IndexError where it is out of range.
    """
    value = tensor_of(value)
    if value.ndim:
        raise ValueError(f"index_fill: value is one number, not an array of shape {value.shape}")
    return _along_axis("index_fill", x, axis, index, value)


def _along_axis(name, x, axis, index, value):
    x, index = tensor_of(x), _whole_numbers(name, index)
    axis = axis_of(name, axis, max(x.ndim, 1))
    if x.ndim == 0:
        value = reshape(value, 1) if value.ndim == 0 and name == "index_copy" else value
        return reshape(_along_axis(name, reshape(x, 1), 0, index, value), ())
    if index.ndim > 1:
        raise ValueError(f"{name}: index has one axis, not shape {index.shape}")
    index = index.reshape(-1)
    taken = (*x.shape[:axis], index.size, *x.shape[axis + 1 :])
    if name == "index_copy" and value.shape != taken:
        raise ValueError(
            f"{name}: source of shape {value.shape} for {index.size} slices along axis {axis} of "
            f"{x.shape}, expected {taken}"
        )
    _check_range(name, index, x.shape, axis)
    return index_put(x, value, at_axis(index, axis))
