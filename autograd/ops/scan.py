"""Running sums, products and extrema."""

from __future__ import annotations

import numpy as np

from ..arguments import tensor_of
from ..arrays import HALF, ArrayLike, DTypeLike, opaque
from ..op import composed, op
from ..tensor import Tensor
from .axes import axis_of, swapaxes
from .joining import concatenate
from .logic import isnan
from .reduce import check_places, is_normal, widened


@op(inputs=1, numpy=(np.cumsum, np.add.accumulate), method=True)
def cumsum(x: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None):
    """The sums of the elements of x up to each one along `axis`; None: of the flat array, whose shape it has.

    float16 is summed in float32. TypeError for an `out`, which np.cumsum takes.
    """
    if out is not None:
        check_places(None, out)
    shape = x.shape
    back = (slice(None),) * (0 if axis is None else axis % max(x.ndim, 1)) + (slice(None, None, -1),)

    def running(x, dtype):
        if x.dtype is HALF and dtype is None:
            return np.cumsum(x, axis, np.float32).astype(HALF)
        return np.cumsum(x, axis, dtype)

    def backward(g):
        return (running(g[back], None)[back].reshape(shape),)

    return running(x, dtype), backward


def _cumprod_plain(x, axis=None, dtype=None, out=None):
    if out is not None:
        check_places(None, out)
    if dtype is not None:
        x = x.astype(dtype)
    elif x.dtype is HALF:
        return widened(_cumprod_plain, x, axis)
    shape = x.shape
    if axis is None or not shape:
        x, axis = x.reshape(-1), axis or 0
    y = np.cumprod(x, axis)

    def backward(g):
        g, rows, running = g.swapaxes(axis, -1), x.swapaxes(axis, -1), y.swapaxes(axis, -1)
        return (_cumprod_gradient(g, rows, running).swapaxes(axis, -1).reshape(shape),)

    return y, backward


@op(inputs=1, numpy=(np.cumprod, np.multiply.accumulate), method=True, plain=_cumprod_plain)
def cumprod(x: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None, out: None = None):
    """The products of the elements of x up to each one along `axis`; None: of the flat array, whose shape.

    float16 is multiplied in float32. The gradient is right where there are zeros, too. TypeError for an
    `out`, which np.cumprod takes.
    """
    y, backward = _cumprod_plain(x, axis, dtype, out)
    if dtype is not None or x.dtype is HALF:
        return y, backward
    shape = x.shape
    if axis is None or not shape:
        x, axis = x.reshape(-1), axis or 0

    def quickly(g):
        dx = np.empty_like(x)
        _fill_cumprod_gradient(dx, g, x, y, axis)
        return (dx.reshape(shape),)

    return y, quickly


@opaque
def _fill_cumprod_gradient(dx, g, x, y, axis):
    """Sums of g * y from the end, over x; for rows with a product that cannot be divided, step by step.

    That takes several times as long as in PyTorch, whose gradient is 0 where a product has underflown.
    """
    dx, g, x, y = [a.swapaxes(axis, -1) for a in (dx, g, x, y)]
    safe = is_normal(y).all(axis=-1)
    if safe.all():
        dx[...] = np.cumsum((g * y)[..., ::-1], -1)[..., ::-1] / x
        return
    dx[safe] = np.cumsum((g[safe] * y[safe])[..., ::-1], -1)[..., ::-1] / x[safe]
    dx[~safe] = _cumprod_gradient(g[~safe], x[~safe], y[~safe])


def _cumprod_gradient(g, x, y):
    """y[i - 1] * sum of g[j] * x[i + 1] ... x[j] over j >= i, along the last axis."""
    before = np.concatenate([np.ones_like(y[..., :1]), y[..., :-1]], axis=-1)
    return before * _recurrence(g, x[..., 1:])


def _recurrence(g, a):
    """s[i] = g[i] + a[i] * s[i + 1] along the last axis, by windows that double in length."""
    s, step = g, 1
    while step < g.shape[-1]:
        s = np.concatenate([s[..., :-step] + a * s[..., step:], s[..., -step:]], axis=-1)
        a = a[..., :-step] * a[..., step:]
        step *= 2
    return s


@op(inputs=1, numpy=np.logaddexp.accumulate, flops=4)
def logcumsumexp(x: ArrayLike, axis: int):
    """log(cumsum(exp(x))) along `axis`, of the shape of x, where neither overflows nor is lost.

    Where all up to an element are -inf so is the result, with gradient 0.
    """
    if x.dtype.char not in "fdg":
        return widened(logcumsumexp.body, x, axis)
    shape = x.shape
    if not shape:
        x = x.reshape(1)
    y = np.logaddexp.accumulate(x, axis=axis)

    def backward(g):  # sum of g[j] * exp(x[i] - y[j]) over j >= i
        last, end, rows = g.reshape(y.shape).swapaxes(axis, -1), y.swapaxes(axis, -1), x.swapaxes(axis, -1)
        finite = np.where(end == -np.inf, 0, end)
        sums = _recurrence(last, np.exp(end[..., :-1] - finite[..., 1:]))
        return ((np.exp(rows - finite) * sums).swapaxes(axis, -1).reshape(shape),)

    return y.reshape(shape), backward


# ------------------------------------------------------------------------------------ composed of these


@composed(numpy=np.nancumsum)
def nancumsum(x: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """cumsum(x) with 0 in the place of nan, along `axis`; None: of the flat array, whose shape it has."""
    x = tensor_of(x)
    return cumsum(np.where(isnan(x), 0, x), axis, dtype)


@composed(numpy=np.nancumprod)
def nancumprod(x: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """cumprod(x) with 1 in the place of nan, along `axis`; None: of the flat array, whose shape it has."""
    x = tensor_of(x)
    return cumprod(np.where(isnan(x), 1, x), axis, dtype)


@composed(numpy=np.cumulative_sum)
def cumulative_sum(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    include_initial: bool = False,
) -> Tensor:
    """cumsum(x) along `axis`, of the shape of x; with `include_initial` a 0 comes first, one element more.

    ValueError without an axis where x has several axes.
    """
    return _from_start(cumsum, "cumulative_sum", x, axis, dtype, 0 if include_initial else None)


@composed(numpy=np.cumulative_prod)
def cumulative_prod(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: DTypeLike | None = None,
    include_initial: bool = False,
) -> Tensor:
    """cumprod(x) along `axis`, of the shape of x; with `include_initial` a 1 comes first, one element more.

    ValueError without an axis where x has several axes.
    """
    return _from_start(cumprod, "cumulative_prod", x, axis, dtype, 1 if include_initial else None)


def _from_start(fn, name, x, axis, dtype, start):
    x = tensor_of(x)
    x = x if x.ndim else x.reshape(1)
    if axis is None and x.ndim > 1:
        raise ValueError(f"{name}: x of shape {x.shape} needs an axis")
    y = fn(x, 0 if axis is None else axis, dtype)
    if start is None:
        return y
    first = list(y.shape)
    first[axis or 0] = 1
    return concatenate([np.full_like(y.data, start, shape=first), y], axis or 0)


@composed()
def cummax(x: ArrayLike, axis: int) -> tuple[Tensor, Tensor]:
    """The largest element of x up to each one along `axis`, and where it stands, two arrays of x's shape.

    nan is larger than all else; of equals the last counts, and has the gradient.
    """
    return _running("cummax", np.maximum, x, axis)


@composed()
def cummin(x: ArrayLike, axis: int) -> tuple[Tensor, Tensor]:
    """The smallest element of x up to each one along `axis`, and where it stands: two arrays of x's shape.

    nan is smaller than all else; of equals the last counts, and has the gradient.
    """
    return _running("cummin", np.minimum, x, axis)


def _running(name, ufunc, x, axis):
    x = tensor_of(x)
    shape = x.shape
    if not shape:
        x = x.reshape(1)
    axis = axis_of(name, axis, x.ndim)
    rows = x if axis == x.ndim - 1 else swapaxes(x, axis, -1)
    a = rows.data
    hit = (a == ufunc.accumulate(a, axis=-1)) | (a != a)
    places, at = np.empty_like(hit, dtype=np.intp, order="C"), np.empty_like(hit, dtype=np.intp, order="C")
    _put_last(places, at, hit)
    y, at = rows.reshape(-1)[places], Tensor(at)
    if rows is not x:
        y, at = swapaxes(y, axis, -1), swapaxes(at, axis, -1)
    return y.reshape(shape), at.reshape(shape)


@opaque
def _put_last(places, at, hit):
    """For each element the place of the last hit up to it, in the flat array and in its row.

    The first of a row is a hit. NumPy's accumulate takes three times as long as all of PyTorch's forward.
    """
    found = np.flatnonzero(hit)
    count = np.diff(found, append=hit.size)
    places[...] = np.repeat(found, count).reshape(at.shape)
    at[...] = np.repeat(found % max(hit.shape[-1], 1), count).reshape(at.shape)
