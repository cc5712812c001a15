"""The largest element of each window: an op for regular windows, and places for any."""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import product as every

import numpy as np

from ...autograd import op
from ...autograd.arrays import HALF, opaque
from ...autograd.kernels import blocks
from ._windows import Windows, are_apart, positions, taps_of

# On one thread of a shared Zen 4: of windows side by side that have more elements than this, each one is laid
# out in a row, for argmax; others are gone through element by element, all windows at once.
MANY = 32
LIMIT = 1 << 17  # numbers in a block of planes, which are to stay in the cache


def first_largest(windows):
    """np.argmax over the last axis, but of nan the last one, as PyTorch has it."""
    nan = windows != windows
    last = windows.shape[-1] - 1 - np.argmax(nan[..., ::-1], axis=-1)
    return np.where(nan.any(axis=-1), last, np.argmax(windows, axis=-1))


@opaque
def _put_first_largest(picked, windows):
    """The same in a third of the time where there is no nan."""
    nan = windows.dtype.kind == "f" and np.isnan(windows).any()
    picked[...] = first_largest(windows) if nan else windows.argmax(axis=-1)


def places_of_max(x, places):
    """Of x (..., elements) and the places of windows in it, (windows, k) or (..., windows, k): the largest's.

    (..., windows), in plain NumPy.
    """
    lead, (count, k) = x.shape[:-1], places.shape[-2:]
    if places.ndim == 2:
        windows = np.take(x, places.reshape(-1), axis=-1)
        places = np.broadcast_to(places, (*lead, count, k))
    else:
        windows = np.take_along_axis(x, places.reshape(*lead, count * k), axis=-1)
    windows = windows.reshape(*lead, count, k)
    if type(x) is np.ndarray or hasattr(x, "opaque_call"):
        picked = np.empty_like(x, shape=(*lead, count), order="C", dtype=np.intp)
        _put_first_largest(picked, windows)
    else:
        picked = first_largest(windows)
    # A replay follows this, but not how an array that it does not know, `places`, is indexed.
    return np.take_along_axis(places, picked[..., None], axis=-1)[..., 0]


def regular_places_of_max(x, windows: Windows):
    """int64 (..., *windows.out): where in its flat plane the largest element of each window stands."""
    n = len(windows.kernel)
    lead, sizes = x.shape[:-n], x.shape[-n:]
    if type(x) is not np.ndarray and not hasattr(x, "opaque_call"):
        flat = x.reshape(*lead, math.prod(sizes))
        places = places_of_max(flat, positions(x, sizes, windows))
        return places.reshape(*lead, *windows.out).astype(np.int64)
    places = np.empty_like(x, shape=(*lead, *windows.out), order="C", dtype=np.int64)
    _put_places(places, x, windows)
    return places


@opaque
def _put_places(places, x, windows):
    n = len(windows.kernel)
    y = np.empty(places.shape, x.dtype)
    taps = np.empty(places.shape, _tap_dtype(windows))
    put_maxima(y, taps, x, *windows)
    offsets, corners = _corners(x.shape[-n:], *windows)
    np.add(offsets.take(taps), corners.reshape(windows.out), out=places)


def max_pool_plain(needs, x, kernel, stride, padding, dilation, out):
    n = len(kernel)
    shape, lead, sizes = x.shape, x.shape[:-n], x.shape[-n:]
    flat = x.reshape(*lead, math.prod(sizes))
    places = places_of_max(flat, positions(x, sizes, Windows(kernel, stride, padding, dilation, out)))
    y = np.take_along_axis(flat, places, axis=-1)

    def backward(g):
        rows = math.prod(lead)
        dx = np.zeros_like(g, shape=(rows * math.prod(sizes),), dtype=np.float32 if g.dtype is HALF else None)
        starts = np.arange(rows, like=places)[:, None] * math.prod(sizes)
        np.add.at(dx, (places.reshape(rows, math.prod(out)) + starts).reshape(-1), g.reshape(-1))
        return (dx.astype(g.dtype).reshape(shape),)

    return y.reshape(*lead, *out), backward


def _max_flops(inputs, outputs, attributes):
    return math.prod(outputs[0]) * math.prod(attributes["kernel"])


@op(inputs=1, plain=max_pool_plain, flops=_max_flops)
def _max_pool(needs, x, kernel, stride, padding, dilation, out):
    """Kept is which element of each window it was: a byte, as a rule."""
    n = len(kernel)
    shape, sizes = x.shape, x.shape[-n:]
    windows = Windows(kernel, stride, padding, dilation, out)
    y = np.empty_like(x, shape=(*shape[:-n], *out), order="C")
    taps = np.empty_like(y, dtype=_tap_dtype(windows)) if needs[0] else None
    put_maxima(y, taps, x, *windows)

    def backward(g):
        dtype = np.float32 if g.dtype is HALF else g.dtype  # where windows overlap there are sums
        dx = np.zeros_like(g, shape=shape, order="C", dtype=dtype)
        _put_back(dx, g, taps, sizes, kernel, stride, padding, dilation, out)
        return (dx.astype(g.dtype) if g.dtype is HALF else dx,)

    return y, backward


def _tap_dtype(windows):
    return np.min_scalar_type(-math.prod(windows.kernel))  # int8 up to 128


@opaque
def put_maxima(y, taps, x, kernel, stride, padding, dilation, out):
    """The largest elements of the windows of x into y and, unless it is None, their numbers into `taps`."""
    n = len(kernel)
    sizes = x.shape[-n:]
    x, y = x.reshape(-1, *sizes), y.reshape(-1, *out)
    taps = taps if taps is None else taps.reshape(y.shape)
    windows = Windows(kernel, stride, padding, dilation, out)
    axes = _axes(sizes, windows)
    rows = (
        stride == kernel and not any(padding) and max(dilation) == 1 and math.prod(kernel) > MANY
    ) and all(k * m <= size for k, m, size in zip(kernel, out, sizes, strict=True))
    for block in blocks(len(x), math.prod(sizes), LIMIT):
        if rows:
            _of_rows(y[block], None if taps is None else taps[block], x[block], kernel, out)
        elif taps is None:
            _values(y[block], x[block], axes)
        else:
            _values_and_taps(y[block], taps[block], x[block], _pairs(sizes, windows))
    if taps is not None and any(padding):  # where all is -inf, the first that is no padding
        np.maximum(taps, _first_taps(axes, kernel, out, taps.dtype), out=taps)


@lru_cache(maxsize=128)
def _axes(sizes, windows):
    """`taps_of` each axis."""
    return [taps_of(*of_axis) for of_axis in zip(sizes, *windows, strict=True)]


@lru_cache(maxsize=128)
def _pairs(sizes, windows):
    """Of each element of a window, in order, (windows, places), as indices of all axes."""
    pairs = [list(zip(*of_axes, strict=True)) for of_axes in every(*_axes(sizes, windows))]
    return [((slice(None), *windows), (slice(None), *places)) for windows, places in pairs]


def _lowest(dtype):
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _values(y, x, axes):
    """One axis after the other: it does not matter here which of equals it is."""
    for axis, taps in enumerate(axes, 1):
        before, m = (slice(None),) * axis, y.shape[axis]
        last = axis == len(axes)
        part = y if last else np.empty((*x.shape[:axis], m, *x.shape[axis + 1 :]), x.dtype)
        whole = [places for windows, places in taps if windows == slice(0, m)][:2]
        if whole:
            np.maximum(x[(*before, whole[0])], x[(*before, whole[-1])], out=part)
        else:
            part.fill(_lowest(x.dtype))
        for windows, places in taps:
            if places not in whole:
                target = part[(*before, windows)]
                np.maximum(target, x[(*before, places)], out=target)
        x = part


def _values_and_taps(y, taps, x, pairs):
    """The last element that was larger than all before it is the one.

    Each is copied into a row first: what follows is then three times as fast.
    """
    one, more, numbers = np.empty_like(y), np.empty_like(y, dtype=np.bool_), np.empty_like(taps)
    bits = more.view(np.int8) if taps.dtype == np.int8 else more
    taps.fill(0)
    for t, (windows, places) in enumerate(pairs):
        part = one[windows]
        if part.size < one.size:
            one.fill(_lowest(x.dtype))
        part[...] = x[places]
        if t:
            np.greater(one, y, out=more)
            np.maximum(taps, np.multiply(bits, taps.dtype.type(t), out=numbers), out=taps)
            np.maximum(y, one, out=y)
        else:
            y[...] = one
    if y.dtype.kind == "f" and np.isnan(y).any():  # of nan the last
        for t, (windows, places) in enumerate(pairs):
            taps[windows][np.isnan(x[places])] = t


def _first_taps(axes, kernel, out, dtype):
    """For each window the number of its first element that is no padding."""
    first = np.zeros(out, dtype)
    for axis, (taps, k) in enumerate(zip(axes, kernel, strict=True)):
        of_axis = np.zeros(out[axis], dtype)
        for i, (windows, _) in reversed(list(enumerate(taps))):
            of_axis[windows] = i
        first *= k
        first += of_axis.reshape([-1 if a == axis else 1 for a in range(len(out))])
    return first


def _of_rows(y, taps, x, kernel, out):
    """Of windows side by side, each laid out in a row."""
    n = len(kernel)
    x = x[(slice(None), *(slice(k * m) for k, m in zip(kernel, out, strict=True)))]
    x = x.reshape(len(x), *(size for pair in zip(out, kernel, strict=True) for size in pair))
    rows = x.transpose(0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2)).reshape(*y.shape, math.prod(kernel))
    at = rows.argmax(axis=-1)
    y[...] = np.take_along_axis(rows, at[..., None], axis=-1)[..., 0]
    if taps is not None:
        taps[...] = first_largest(rows) if y.dtype.kind == "f" and np.isnan(y).any() else at


@lru_cache(maxsize=128)
def _corners(sizes, kernel, stride, padding, dilation, out):
    """Places in a flat plane: of the elements of a window, from its first one, and of these."""
    offsets = corners = np.zeros(1, np.intp)
    for size, k, s, p, d, m in zip(sizes, kernel, stride, padding, dilation, out, strict=True):
        offsets = (offsets[:, None] * size + np.arange(k) * d).reshape(-1)
        corners = (corners[:, None] * size + np.arange(m) * s - p).reshape(-1)
    return offsets, corners


@opaque
def _put_back(dx, g, taps, sizes, kernel, stride, padding, dilation, out):
    """Add to dx, which is zeros, each element of g where that of its window was the largest."""
    windows = Windows(kernel, stride, padding, dilation, out)
    size, count = math.prod(sizes), math.prod(out)
    dx, g, taps = dx.reshape(-1, size), g.reshape(-1, count), taps.reshape(-1, count)
    offsets, corners = _corners(sizes, *windows)
    apart = are_apart(windows)
    for block in blocks(len(dx), size, LIMIT):
        at = offsets.take(taps[block])
        at += corners
        at += np.arange(0, len(at) * size, size)[:, None]
        flat = dx[block].reshape(-1)
        if apart:
            flat[at.reshape(-1)] = g[block].reshape(-1)
        else:
            np.add.at(flat, at.reshape(-1), g[block].reshape(-1).astype(flat.dtype, copy=False))
