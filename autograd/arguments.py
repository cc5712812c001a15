"""What an op is called with: inputs apart from attributes, dtypes that fit, errors that say what was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from . import dialect
from .arrays import as_array, is_array
from .engine import Edge, Node
from .tensor import Tensor

SCALARS = frozenset((int, float, bool, str, type(None)))  # types of attributes that are taken as they are


class Given(NamedTuple):
    """An array among a node's attributes or constants, without its numbers."""

    shape: tuple[int, ...]
    dtype: np.dtype


def complete(name: str, first: Sequence, args: tuple, kwargs: dict) -> tuple:
    """Positional values for all inputs, taking those given by keyword."""
    values = list(args)
    for parameter in first[len(args) :]:
        if parameter.name in kwargs:
            values.append(kwargs.pop(parameter.name))
        elif parameter.default is not parameter.empty:
            values.append(parameter.default)
        else:
            raise TypeError(f"{name}() misses its argument {parameter.name!r}")
    return tuple(values)


def split(name: str, args: Sequence) -> tuple[list, list[Edge | None]]:
    """Arrays and edges of inputs; a list among them is a list of arrays, but each has its edge."""
    arrays: list[Any] = []
    edges: list[Edge | None] = []
    for arg in args:
        if isinstance(arg, Tensor):
            arrays.append(arg.data)
            edges.append(arg.edge)
        elif arg is None:
            arrays.append(None)
            edges.append(None)
        elif isinstance(arg, (list, tuple)) and any(_has_array(a) for a in arg):
            arrays.append([a.data if isinstance(a, Tensor) else constant(name, a) for a in arg])
            edges.extend([a.edge if isinstance(a, Tensor) else None for a in arg])
        else:
            arrays.append(constant(name, arg))
            edges.append(None)
    return arrays, edges


def _has_array(value) -> bool:
    return isinstance(value, Tensor) or is_array(value)


def constant(name: str, value):
    """An input that is no Tensor: a NumPy scalar becomes a Python one, which does not widen float32."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (float, int)) or value is None or getattr(value, "weak", False):
        return value
    array = as_array(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: cannot use {array.dtype} data ({type(value).__name__})")
    return array


def attribute(name: str, value):
    """An argument that is no input, with Tensors inside it turned into their arrays."""
    if isinstance(value, Tensor):
        if value.edge is not None:
            raise TypeError(f"{name} has no gradient for this argument; pass it .detach()ed")
        return value.data
    if isinstance(value, np.generic):  # like `constant`
        return value.item()
    if isinstance(value, (tuple, list)):
        return type(value)([attribute(name, v) for v in value])
    return value


def named(names: Sequence[str], rest: Sequence, kwargs: dict | None) -> dict[str, Any]:
    """The attributes of a call by name, described."""
    given = dict(zip(names, rest)) if rest else {}  # noqa: B905  (the body has run, and taken them)
    if kwargs:
        given.update(kwargs)
    for name, value in given.items():
        if type(value) not in SCALARS:
            given[name] = described(value)
    return given


def described(value):
    """An attribute as a node keeps it: arrays, which a graph must not keep alive, by shape and dtype."""
    if type(value) in SCALARS:
        return value
    if isinstance(value, (tuple, list)):
        return type(value)([described(v) for v in value])
    return Given(value.shape, value.dtype) if is_array(value) else value


def constants(arrays: Sequence, edges: Sequence) -> tuple:
    """Of each input without an edge its shape, or the number it is."""
    if len(arrays) == len(edges) == 2:  # almost always, and no loop
        a = arrays[1] if edges[1] is None else arrays[0]
        return (a.shape,) if type(a) is ndarray else (getattr(a, "shape", a),)
    given = zip(flat(arrays), edges, strict=True)
    return tuple([getattr(a, "shape", a) for a, edge in given if edge is None])


def flat(arrays: Sequence) -> list:
    """Inputs with the lists among them opened."""
    return [a for item in arrays for a in (item if type(item) is list else [item])]


def are_ndarrays(arrays: Sequence) -> bool:
    """Whether no input is an array of another library."""
    for a in arrays:
        if type(a) is not ndarray and (
            not are_ndarrays(a) if type(a) is list else hasattr(a, "shape") and not isinstance(a, ndarray)
        ):
            return False
    return True


def of_one_dtype(arrays: Sequence) -> bool:
    """Whether these are two arrays of one dtype, or an array and a number: nothing to widen, and common."""
    if len(arrays) != 2:
        return False
    a, b = arrays
    if type(a) is not ndarray:
        return type(b) is ndarray and (type(a) is float or type(a) is int)
    return a.dtype is b.dtype if type(b) is ndarray else type(b) is float or type(b) is int


def keep_width(arrays: Sequence) -> Sequence:
    """`arrays`, integers cast that would widen floats beside them (int64 and float32 give float64).

    So are arrays that say of themselves that they are `weak`: to others they would be scalars of NumPy.
    """

    def is_weak(a) -> bool:
        return hasattr(a, "dtype") and (a.dtype.kind in "iu" or getattr(a, "weak", False))

    if not any(type(a) is list or is_weak(a) for a in arrays):
        return arrays
    floats = [a.dtype for a in flat(arrays) if hasattr(a, "dtype") and a.dtype.kind == "f" and not is_weak(a)]
    if not floats:
        return arrays
    widest = max(floats)

    def cast(a):
        return a.astype(widest) if is_weak(a) else a

    return [[cast(item) for item in a] if isinstance(a, list) else cast(a) for a in arrays]


def explained(error: Exception, failed: Node, arrays: Sequence, names: Sequence[str]) -> Exception:
    """The error again, with the op and what it was given; its `node` lets a graph be drawn up to there.

    `names` are the keywords of the call, which may be PyTorch's.
    """
    hint = dialect.keyword_hint(names)
    given = ", ".join(f"{a.shape} {a.dtype}" if hasattr(a, "shape") else repr(a) for a in flat(arrays))
    kinds = (np.exceptions.AxisError, IndexError, ValueError, TypeError)  # AxisError is two of the others
    kind = next(kind for kind in kinds if isinstance(error, kind))
    described: Any = kind(f"{failed.name}: {error}{hint} (inputs: {given})")
    described.node = failed
    return described.with_traceback(error.__traceback__)
