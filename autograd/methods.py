"""The one table that says which op stands behind which operator, method and NumPy function of a Tensor."""

from collections.abc import Callable

import numpy as np

from . import ops
from .modes import recording
from .tensor import FUNCTIONS, HINTS, REDUCTIONS, UFUNCS, Tensor, wrap
from .trace import as_array

REDUCE: dict[np.ufunc, Callable] = {np.add: ops.sum, np.maximum: ops.max, np.minimum: ops.min}

# What has no gradient: the result is a constant Tensor.
COMPARISONS = {
    "__lt__": np.less,
    "__le__": np.less_equal,
    "__gt__": np.greater,
    "__ge__": np.greater_equal,
    "__eq__": np.equal,
    "__ne__": np.not_equal,
    "__and__": np.bitwise_and,
    "__or__": np.bitwise_or,
    "__xor__": np.bitwise_xor,
}
CONSTANT_UFUNCS = (
    *COMPARISONS.values(),
    *(np.logical_and, np.logical_or, np.logical_not, np.logical_xor, np.invert),
    *(np.isfinite, np.isnan, np.isinf, np.sign, np.signbit, np.floor, np.ceil, np.rint, np.trunc),
)
CONSTANT_FUNCTIONS = (
    *(np.argmax, np.argmin, np.argsort, np.any, np.all, np.count_nonzero, np.nonzero, np.isclose, np.round),
    *(np.zeros_like, np.ones_like, np.empty_like, np.allclose, np.array_equal),
)

HINTS.update(
    view="reshape(...)",
    permute="transpose(axes)",
    unsqueeze="np.expand_dims(x, axis)",
    expand="np.broadcast_to(x, shape)",
    t="x.T",
    flatten="reshape(-1)",
    ravel="reshape(-1)",
    copy="x * 1, or x.detach() for the same array without a graph",
    index_select="np.take(x, indices, axis)",
    repeat="np.broadcast_to(x, shape) and reshape",
    cuda="nothing to do: arrays are on the CPU",
    device="nothing to ask: arrays are on the CPU",
    zero_="x[...] = 0 under no_grad()",
    fill_="x[...] = value under no_grad()",
    copy_="x[...] = y under no_grad()",
    add_="x += y",
    mul_="x *= y",
    sub_="x -= y",
    div_="x /= y",
    dim="x.ndim",
    numel="x.size",
    float="astype(np.float32)",
    double="astype(np.float64)",
    long="astype(np.int64)",
    to="astype(dtype)",
    cpu="nothing to do: arrays are on the CPU",
    contiguous="nothing to do",
    abs="abs(x) or np.absolute(x)",
    pow="x ** y",
    matmul="a @ b",
    mm="a @ b",
    bmm="a @ b",
    gather="np.take_along_axis(x, indices, axis)",
    masked_fill="np.where(mask, value, x)",
    amax="x.max(axis)",
    amin="x.min(axis)",
    clamp="x.clip(low, high)",
    requires_grad_="x.requires_grad = True",
    clone="x * 1, or x.detach()",
    chunk="np.split(x, sections, axis)",
    topk="np.argsort(x.numpy())",
    softmax="nn.functional.softmax(x, dim)",
    **{name: f"np.{name}(x)" for name in ("exp", "log", "sqrt", "tanh", "sin", "cos", "square")},
)


def constant(fn, lossless=True):
    """`fn` of NumPy on the arrays of Tensors; what comes back takes no part in the graph.

    With `lossless=False` the result does have a derivative, so that a Tensor that requires a gradient is
    refused.
    """

    def strip(value):
        if isinstance(value, Tensor):
            if not lossless and value.edge is not None and recording.get():
                raise TypeError(
                    f"np.{fn.__name__} would lose the gradient of a Tensor; use .detach() for a constant"
                )
            return value.data
        return type(value)(map(strip, value)) if isinstance(value, (list, tuple)) else value

    def dress(value):
        return wrap(as_array(value), None) if isinstance(value, (np.ndarray, np.generic)) else value

    def call(*args, **kwargs):
        out = fn(*map(strip, args), **{key: strip(value) for key, value in kwargs.items()})
        return tuple(map(dress, out)) if isinstance(out, tuple) else dress(out)

    call.__name__ = fn.__name__
    return call


_OPERANDS = (Tensor, np.ndarray, np.generic, int, float, list, tuple)


def _operators(fn):
    """The forms `a + b`, `b + a` and `a += b` of a two-argument function."""

    record = getattr(fn, "record", None)  # None for what is no op

    def forward(a, b):
        if record and type(b) is Tensor:  # the commonest cases: nothing to check or convert
            return record((a.data, b.data), (a.edge, b.edge))
        if record and (type(b) is float or type(b) is int):
            return record((a.data, b), (a.edge, None))
        return fn(a, b) if isinstance(b, _OPERANDS) else NotImplemented

    def swapped(a, b):
        if record and (type(b) is float or type(b) is int):
            return record((b, a.data), (None, a.edge))
        return fn(b, a) if isinstance(b, _OPERANDS) else NotImplemented

    def in_place(a, b):
        return a._rebind(fn(a, b))

    return forward, swapped, in_place


def _full_like(a, fill_value, **kwargs):
    return constant(np.full_like, lossless=False)(
        a.data if isinstance(a, Tensor) else a, fill_value, **kwargs
    )


def _clip(self, min=None, max=None):
    """clip(0, 1) or clip(min=0)"""
    return ops.clip(self, min, max)


def _reshape(self, *shape):
    """reshape(2, 3) or reshape((2, 3))"""
    return ops.reshape(self, shape[0] if len(shape) == 1 else shape)


def _transpose(self, *axes):
    """transpose(), transpose(0, 2, 1) or transpose((0, 2, 1))"""
    return ops.transpose(self, axes[0] if len(axes) == 1 else axes or None)


OPERATORS = {
    "add": ops.add,
    "sub": ops.subtract,
    "mul": ops.multiply,
    "truediv": ops.divide,
    "floordiv": constant(np.floor_divide),
    "mod": constant(np.remainder, lossless=False),
    "pow": ops.power,
    "matmul": ops.matmul,
}
_SAME = ("sum", "mean", "var", "std", "max", "min", "swapaxes", "squeeze", "astype", "take")
METHODS = {
    **{name: getattr(ops, name) for name in _SAME},
    "__neg__": ops.negative,
    "__abs__": ops.absolute,
    "__invert__": constant(np.invert),
    "__getitem__": ops.getitem,
    "argmax": constant(np.argmax),
    "argmin": constant(np.argmin),
    "any": constant(np.any),
    "all": constant(np.all),
    "clip": _clip,
    "reshape": _reshape,
    "transpose": _transpose,
    "T": property(ops.transpose),
    "mT": property(lambda x: ops.swapaxes(x, -1, -2)),
}


def bind() -> None:
    """Fill the tables of tensor.py and give Tensor its operators and methods."""
    for name in ops.__all__:
        fn = getattr(ops, name)
        peer = getattr(np, name, None)
        if isinstance(peer, np.ufunc):
            UFUNCS[peer] = fn
        elif peer is not None:
            FUNCTIONS[peer] = fn
    FUNCTIONS.update(
        {np.amax: ops.max, np.amin: ops.min, "index_put": ops.index_put, "index_add": ops.index_add}
    )
    FUNCTIONS.update({fn: constant(fn) for fn in CONSTANT_FUNCTIONS})
    FUNCTIONS.update({np.shape: lambda x: x.shape, np.ndim: lambda x: x.ndim, np.size: lambda x: x.size})
    FUNCTIONS.update({np.full_like: _full_like, np.unique: constant(np.unique, lossless=False)})
    UFUNCS.update({fn: constant(fn) for fn in CONSTANT_UFUNCS})
    UFUNCS.update({np.floor_divide: OPERATORS["floordiv"], np.remainder: OPERATORS["mod"]})
    REDUCTIONS.update(REDUCE)

    for name, fn in OPERATORS.items():
        forward, swapped, in_place = _operators(fn)
        setattr(Tensor, f"__{name}__", forward)
        setattr(Tensor, f"__r{name}__", swapped)
        setattr(Tensor, f"__i{name}__", in_place)
    for name, fn in COMPARISONS.items():
        setattr(Tensor, name, _operators(constant(fn))[0])
    for name, method in METHODS.items():
        setattr(Tensor, name, method)


bind()
