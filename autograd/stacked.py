"""Many gradients in one walk: arrays with an axis in front that the op which is run does not see.

The plain body of an op runs on anything that speaks NumPy's protocols. Here this is an array that says it has
one number of a stack, and does what it is told to all of them: by one NumPy call where there is a rule below,
else by a call for each. What cannot be done so raises, and is then done without a stack.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.lib.mixins import NDArrayOperatorsMixin

from .engine import Node

WIDEST = 2**18  # numbers of a stack of intermediate results, so that they stay in a cache


class Stacked(NDArrayOperatorsMixin):
    """An array of (*shape), or `n` of them in `data` of (n, *shape)."""

    __slots__ = ("__weakref__", "data", "n")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, data: ndarray, n: int | None = None):
        self.data, self.n = data, n

    @property
    def shape(self) -> tuple[int, ...]:
        return self.data.shape if self.n is None else self.data.shape[1:]

    ndim = property(lambda self: len(self.shape))
    size = property(lambda self: self.data.size if self.n is None else self.data.size // self.n)
    dtype = property(lambda self: self.data.dtype)
    T = property(lambda self: np.transpose(self))
    mT = property(lambda self: np.swapaxes(self, -1, -2))  # noqa: N815

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: Any = None) -> ndarray:
        raise TypeError("a stack of arrays is no array")

    def __bool__(self) -> bool:
        return bool(self.item())

    def item(self) -> Any:
        if self.n is not None:
            raise TypeError("what is done depends on the numbers of a stack")
        return self.data.item()

    def aligned(self, ndim: int) -> ndarray:
        """The data, with axes of length 1 so that it broadcasts beside stacks of `ndim` axes."""
        if self.n is None:
            return self.data
        return self.data.reshape(self.n, *(1,) * (ndim - self.ndim), *self.shape)

    def unfold(self, n: int) -> None:
        """Become a stack of copies, to be written to."""
        if self.n is None:
            if self.data.base is not None:
                raise TypeError("a view is written to, and what it is a view of would not see a stack")
            self.data, self.n = np.repeat(self.data[None], n, axis=0), n

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        n = stack_of(inputs)
        if stack_of(options.values()) is not None or method == "at":
            raise TypeError(f"np.{ufunc.__name__}: no stack of masks or indices")
        if n is None:
            found = stacked(getattr(ufunc, method)(*bare(inputs), **{k: bare(v) for k, v in options.items()}))
        elif method == "__call__" and (ufunc.signature is None or _of_matrices(ufunc, inputs)):
            ndim = max(getattr(x, "ndim", 0) for x in inputs)
            found = stacked(ufunc(*[aligned(x, ndim) for x in inputs], **options), n)
        elif method == "reduce":
            options["axis"] = shifted(options.get("axis", 0), inputs[0].ndim)
            found = stacked(ufunc.reduce(inputs[0].data, **options), n)
        else:
            found = each(getattr(ufunc, method), n, inputs, options)
        if out is None:
            return found
        out[0][...] = found
        return out[0]

    def __array_function__(self, fn: Any, types: Any, args: Any, options: Any) -> Any:
        n = stack_of((*args, *options.values()))
        if fn in LIKE:  # whose result is no stack until a stack is written to it
            like, *rest = args
            like = np.broadcast_to(np.empty((), like.dtype), like.shape)
            return stacked(fn(like, *bare(rest), **{k: bare(v) for k, v in options.items()}))
        if n is None:
            return stacked(fn(*bare(args), **{k: bare(v) for k, v in options.items()}))
        found = RULES[fn](fn, n, *args, **options) if fn in RULES else None
        return each(fn, n, args, options) if found is None else found

    def __getitem__(self, index: Any) -> Any:
        n = stack_of((self, index))
        if n is None:
            return stacked(self.data[bare(index)])
        if stack_of((index,)) is None and keeps_axes(index):
            return stacked(self.data[(slice(None), *listed(bare(index)))], n)
        return each(lambda x, i: x[i], n, (self, index), {})

    def dense(self, widest: float | None = None) -> Stacked:
        """Itself; what leaves zeros out (samples.py) is written out, unless it is wider."""
        return self

    def __setitem__(self, index: Any, value: Any) -> None:
        value = value.dense() if isinstance(value, Stacked) else value
        n = stack_of((value,))
        if n is not None:
            self.unfold(n)
        if self.n is None:
            self.data[bare(index)] = bare(value)
        elif stack_of((index,)) is None and keeps_axes(index):
            index = (slice(None), *listed(bare(index)))
            self.data[index] = aligned(value, self.data[index].ndim - 1)
        else:
            raise TypeError("a stack is written to at several arrays of indices")

    def astype(self, dtype: Any, copy: bool = True) -> Stacked:
        return Stacked(self.data.astype(dtype, copy=copy), self.n)


def _method(name: str) -> Callable:
    fn = getattr(np, name)

    def call(self, *args, **options):
        if name in ("reshape", "transpose") and len(args) > 1:
            args = (args,)
        return fn(self, *args, **options)

    return call


for _name in ("sum", "mean", "max", "min", "any", "all", "reshape", "transpose", "swapaxes", "squeeze"):
    setattr(Stacked, _name, _method(_name))
for _name in ("ravel", "take", "copy", "cumsum", "diagonal", "repeat", "argmax", "argsort"):
    setattr(Stacked, _name, _method(_name))


# ------------------------------------------------------------------ in and out


def stack_of(values: Any) -> int | None:
    """The height of the stacks among `values`, and in lists of them; None where there is none."""
    for v in values:
        n = v.n if isinstance(v, Stacked) else stack_of(v) if isinstance(v, (list, tuple)) else None
        if n is not None:
            return n
    return None


def _inside(fn: Callable[[Stacked], Any], value: Any) -> Any:
    """The value with fn(s) for each Stacked s."""
    if isinstance(value, Stacked):
        return fn(value)
    return type(value)([_inside(fn, v) for v in value]) if type(value) in (list, tuple) else value


def bare(value: Any) -> Any:
    """What NumPy computes with."""
    return _inside(lambda s: s.data, value)


def aligned(value: Any, ndim: int) -> Any:
    return value.aligned(ndim) if isinstance(value, Stacked) else value


def stacked(result: Any, n: int | None = None) -> Any:
    """What NumPy gave, as Stacked; never as its scalars."""
    if isinstance(result, (ndarray, np.generic)):
        return Stacked(np.asarray(result), n)
    if isinstance(result, (list, tuple)):
        return getattr(result, "_make", type(result))([stacked(r, n) for r in result])
    return result


def each(fn: Callable, n: int, args: Any, options: dict) -> Any:
    """Calls of `fn`, one for each of a stack; what is no stack cannot be written to."""

    def one(i: int) -> Callable[[Stacked], ndarray]:
        def pick(s: Stacked) -> ndarray:
            row = s.data.view() if s.n is None else s.data[i, ...]
            row.flags.writeable = s.n is not None and row.flags.writeable
            return row

        return pick

    rows = [
        fn(*_inside(one(i), args), **{k: _inside(one(i), v) for k, v in options.items()}) for i in range(n)
    ]
    if rows[0] is None:
        return None
    if isinstance(rows[0], (list, tuple)):
        parts = [Stacked(np.stack(part), n) for part in zip(*rows, strict=True)]
        return getattr(rows[0], "_make", type(rows[0]))(parts)
    return Stacked(np.stack(rows), n)


def listed(index: Any) -> tuple:
    return index if isinstance(index, tuple) else (index,)


def keeps_axes(index: Any) -> bool:
    """Whether an index means the same behind an axis: not where several arrays move theirs to the front."""
    parts = [i for i in listed(index) if not isinstance(i, (slice, type(None), type(Ellipsis)))]
    return len(parts) < 2 or all(type(i) is int for i in parts)


def shifted(axis: Any, ndim: int) -> Any:
    """The same axis, or all of them for None, behind the one of the stack."""
    if axis is None:
        return tuple(range(1, ndim + 1))
    return tuple(a % ndim + 1 for a in axis) if isinstance(axis, tuple) else axis % ndim + 1


# ------------------------------------------------------------------ rules: None is for a call for each


def _of_matrices(ufunc: Any, inputs: Sequence) -> bool:
    return ufunc is np.matmul and all(x.ndim > 1 for x in inputs)


def _reduced(fn, n, a, axis=None, dtype=None, out=None, keepdims=False, **others):
    if out is not None or others:
        return None
    options = {} if dtype is None else {"dtype": dtype}
    return stacked(fn(a.data, axis=shifted(axis, a.ndim), keepdims=keepdims, **options), n)


def _reshaped(fn, n, a, shape, order="C", **others):
    shape = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if order != "C" or others or (-1 in shape and a.size == 0):
        return None
    known = int(np.prod([s for s in shape if s != -1]))
    return Stacked(a.data.reshape(n, *(a.size // known if s == -1 else s for s in shape)), n)


def _transposed(fn, n, a, axes=None):
    axes = tuple(range(a.ndim))[::-1] if axes is None else axes
    return Stacked(a.data.transpose(0, *(i % a.ndim + 1 for i in axes)), n)


def _swapped(fn, n, a, axis1, axis2):
    return Stacked(a.data.swapaxes(axis1 % a.ndim + 1, axis2 % a.ndim + 1), n)


def _broadcast(fn, n, array, shape, subok=False):
    shape = shape if isinstance(shape, (tuple, list)) else (shape,)
    return Stacked(np.broadcast_to(array.aligned(len(shape)), (n, *shape)), n)


def _chosen(fn, n, *args):
    ndim = max(getattr(x, "ndim", 0) for x in args)
    return Stacked(fn(*[aligned(x, ndim) for x in args]), n) if len(args) == 3 else None


def _joined(fn, n, arrays, axis=0, **others):
    if others or axis is None or not all(isinstance(a, Stacked) for a in arrays):
        return None
    whole = [np.broadcast_to(a.aligned(a.ndim), (n, *a.shape)) for a in arrays]
    ndim = arrays[0].ndim + (fn is np.stack)
    return Stacked(fn(whole, axis=axis % ndim + 1), n)


LIKE = {np.zeros_like, np.empty_like, np.ones_like}
RULES: dict[Any, Callable] = dict.fromkeys((np.sum, np.mean, np.max, np.min, np.any, np.all), _reduced)
RULES |= {np.reshape: _reshaped, np.transpose: _transposed, np.swapaxes: _swapped, np.where: _chosen}
RULES |= {np.broadcast_to: _broadcast, np.concatenate: _joined, np.stack: _joined}


def rerun_stacked(node: Node, g: Any) -> Any:
    """Gradients of a node's inputs of a stack of those of its output: by its plain body, run on stacks."""

    if node.op.plain is node.op.body:
        return node.backward(g)

    def lift(array: Any) -> Any:
        return Stacked(array.view()) if isinstance(array, ndarray) else array

    arrays = [[lift(a) for a in x] if isinstance(x, list) else lift(x) for x in node.recipe.arrays]
    _, backward = node.recipe.run(node.op.plain, arrays)
    return backward(g)
