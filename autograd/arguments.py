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

# Types of attributes that are taken as they are.
SCALARS = frozenset((int, float, bool, str, slice, type(None), type(Ellipsis)))


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


def kind_of(parameter: Any) -> type | None:
    """`list` for an input that is annotated as a list of arrays, `ndarray` for one array, None for either."""
    if parameter.annotation is parameter.empty:
        return None
    return list if "Sequence" in str(parameter.annotation) else ndarray


def split(name: str, args: Sequence, kinds: Sequence) -> tuple[Sequence, list[Edge | None]]:
    """Arrays and edges of inputs of these kinds; a list of arrays is one input, but each has its edge.

    Where one array is expected, a list of Tensors is the array that NumPy would make of it; where a list is,
    an array is the list of its rows.
    """
    arrays: list[Any] = []
    edges: list[Edge | None] = []
    alone, numpys = True, False  # whether there are numbers only, and some of NumPy's
    for arg, kind in zip(args, kinds):  # noqa: B905  (as many, and strict= costs 0.1 us)
        if kind is not list and isinstance(arg, Tensor):  # what is most frequent first
            arrays.append(arg.data)
            edges.append(arg.edge)
            alone = False
            continue
        if arg is None or type(arg) is float or type(arg) is int:
            arrays.append(arg)
            edges.append(None)
            continue
        if type(arg) is ndarray and kind is not list and arg.dtype.kind in "fiub":
            arrays.append(arg)
            edges.append(None)
            alone = False
            continue
        if kind is list and not isinstance(arg, (list, tuple)) and _has_array(arg):
            arg = list(arg)
        elif kind is ndarray and isinstance(arg, (list, tuple)):
            arg = joined(arg)
        if isinstance(arg, Tensor):  # the array of a list of Tensors
            arrays.append(arg.data)
            edges.append(arg.edge)
            alone = False
        elif isinstance(arg, (list, tuple)) and (kind is list or any(map(_has_array, arg))):
            arrays.append(_opened(name, arg, edges))
            alone = False
        else:
            given = constant(name, arg)
            arrays.append(given)
            edges.append(None)
            numpys = numpys or isinstance(given, np.generic)
            alone = alone and isinstance(given, (int, float, np.generic))
    if alone:
        return _arrays_of(arrays), edges
    return [number(name, a) if isinstance(a, np.generic) else a for a in arrays] if numpys else arrays, edges


def _opened(name: str, items: Sequence, edges: list[Edge | None]) -> list:
    """The arrays of a list that is one input; their edges go into `edges`."""
    arrays = []
    for a in items:
        if isinstance(a, (list, tuple)):
            a = joined(a)
        if isinstance(a, Tensor):
            arrays.append(a.data)
            edges.append(a.edge)
        else:
            arrays.append(constant(name, a))
            edges.append(None)
    return arrays


def _has_array(value) -> bool:
    return isinstance(value, Tensor) or is_array(value)


def joined(value: Any) -> Any:
    """`value`; of a list with arrays in it, in lists as deep as they may be, one array or Tensor."""
    if not isinstance(value, (list, tuple)):
        return value
    items = [joined(item) for item in value]
    return np.stack(items) if any(map(_has_array, items)) else value


def tensor_of(value: Any, name: str = "", least: int = 0) -> Tensor:
    """`value` as a Tensor, itself if it is one; of lists with Tensors in them, the Tensor they make.

    ValueError in the name of a function `name` that takes at least so many axes.
    """
    value = joined(value)
    x = value if isinstance(value, Tensor) else Tensor(value)
    if x.ndim < least:
        raise ValueError(f"{name}: takes an array of at least {least} axes, not of shape {x.shape}")
    return x


def constant(name: str, value):
    """An input that is no Tensor: a number as it is, or an array."""
    if isinstance(value, (float, int)) or value is None or getattr(value, "weak", False):
        return value
    array = value if isinstance(value, np.generic) else as_array(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: cannot use {array.dtype} data ({type(value).__name__})")
    return array


def number(name: str, value: np.generic) -> float:
    """A number of NumPy's as Python's, which does not widen float32; TypeError for one that is not real."""
    made = constant(name, value).item()
    return float(made) if isinstance(made, np.generic) else made  # of a longdouble


def _arrays_of(numbers: Sequence) -> Sequence:
    """Numbers without an array beside them as arrays, of the dtype that NumPy gives them.

    Beside an array, NumPy's become Python's, which do not widen float32.
    """
    weak = any(isinstance(a, np.generic) for a in numbers)  # beside NumPy's, Python's do not widen either
    return [as_array(a) if isinstance(a, np.generic if weak else (int, float)) else a for a in numbers]


def attribute(name: str, value, argument: str = ""):
    """An argument that is no input, with Tensors inside it turned into their arrays."""
    if isinstance(value, Tensor):
        if value.edge is not None:
            argument = f"{argument}=" if argument else "this argument"
            raise TypeError(f"{name} has no gradient for {argument}; pass it .detach()ed")
        return value.data
    if isinstance(value, np.generic):  # like `constant`
        return value.item()
    if type(value) in (tuple, list) and SCALARS.issuperset(map(type, value)):  # a shape, most often
        return value[:]
    if isinstance(value, (tuple, list)):
        return type(value)([attribute(name, v, argument) for v in value])
    return value


def attributes(name: str, given: Sequence, names: Sequence[str]) -> list:
    """The positional arguments after the inputs, whose names these are."""
    if len(given) > len(names):
        raise TypeError(f"{name}: {len(given) - len(names)} positional arguments too many")
    pairs = zip(given, names)  # noqa: B905  (strict= costs 0.1 us)
    return [a if type(a) in SCALARS else attribute(name, a, to) for a, to in pairs]


def named(names: Sequence[str], rest: Sequence, kwargs: dict | None) -> dict[str, Any]:
    """The attributes of a call by name, described."""
    given = {}
    if rest:
        for name, value in zip(names, rest):  # noqa: B905  (the body has run, and taken them)
            given[name] = value if type(value) in SCALARS else described(value)
    if kwargs:
        for name, value in kwargs.items():
            given[name] = value if type(value) in SCALARS else described(value)
    return given


def described(value):
    """An attribute as a node keeps it: arrays, which a graph must not keep alive, by shape and dtype."""
    if type(value) in SCALARS or (type(value) in (tuple, list) and SCALARS.issuperset(map(type, value))):
        return value
    if isinstance(value, (tuple, list)):
        return type(value)([described(v) for v in value])
    return Given(value.shape, value.dtype) if is_array(value) else value


def constants(arrays: Sequence, edges: Sequence) -> tuple:
    """Of each input without an edge its shape, or the number it is."""
    if len(arrays) == len(edges) == 2:  # almost always, and no loop
        a = arrays[1] if edges[1] is None else arrays[0]
        return (a.shape,) if type(a) is ndarray else (getattr(a, "shape", a),)
    found = []
    for a, edge in zip(flat(arrays) if list in map(type, arrays) else arrays, edges):  # noqa: B905
        if edge is None:
            found.append(a.shape if type(a) is ndarray else getattr(a, "shape", a))
    return tuple(found)


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
    """`arrays`, with those cast that would widen floats beside them: integers, and numbers in a list.

    int64 and float32 would give float64. Cast too are arrays that say of themselves that they are `weak`: to
    others they would be scalars of NumPy.
    """

    def is_weak(a) -> bool:
        return hasattr(a, "dtype") and (a.dtype.kind in "iu" or getattr(a, "weak", False))

    for a in arrays:
        if type(a) is ndarray and a.dtype.kind not in "iu" or type(a) in SCALARS:  # what is most frequent
            continue
        if type(a) is list or is_weak(a):
            break
    else:
        return arrays
    floats = [
        a.dtype
        for a in flat(arrays)
        if hasattr(a, "dtype") and a.dtype.kind == "f" and not isinstance(a, np.generic) and not is_weak(a)
    ]
    if not floats:
        return arrays
    widest = np.result_type(*floats)

    def cast(a):
        if isinstance(a, (int, float, np.generic)):
            return np.asarray(a, widest)
        return a.astype(widest) if is_weak(a) else a

    return [list(map(cast, a)) if isinstance(a, list) else cast(a) if is_weak(a) else a for a in arrays]


# Those that are told what an op was given.
ERRORS = (ValueError, LookupError, TypeError, ArithmeticError, AttributeError)


def explained(error: Exception, failed: Node, arrays: Sequence, names: Sequence[str]) -> Exception:
    """The error again, of its class, with the op and what it was given.

    Its `node` lets a graph be drawn up to there. `names` are the call's keywords, which may be PyTorch's.
    """
    given = ", ".join(f"{a.shape} {a.dtype}" if hasattr(a, "shape") else repr(a) for a in flat(arrays))
    said = str(error).removeprefix(f"{failed.name}: ").removeprefix(f"{failed.name}() ")
    if any(a is None for a in flat(arrays)) or (isinstance(error, TypeError) and "ufunc '" in said):
        error = _undefined(error, arrays) or error
        said = str(error)
    text = f"{failed.name}: {said}{dialect.keyword_hint(names)} (inputs: {given})"
    described: Any = again(error, text)
    described.node = failed
    return described.with_traceback(error.__traceback__)


def _undefined(error: Exception, arrays: Sequence) -> Exception | None:
    """What to say instead of how NumPy looks for a ufunc's loop, and of what None lacks."""
    if not isinstance(error, (TypeError, AttributeError)):
        return None
    kinds = [str(a.dtype) if hasattr(a, "dtype") else type(a).__name__ for a in flat(arrays)]
    given = ", ".join("None" if kind == "NoneType" else kind for kind in kinds)
    hint = "; for numbers in place of booleans use .astype(int)" if "bool" in kinds else ""
    return TypeError(f"not defined for {given}{hint}").with_traceback(error.__traceback__)


def in_the_name_of(error: Exception, name: str) -> Exception:
    """The error, which may tell of an op that the function `name` is made of, with that name too."""
    if name in str(error):
        return error
    named: Any = again(error, f"{name}: {error}")
    if hasattr(error, "node"):
        named.node = error.node
    return named.with_traceback(error.__traceback__)


def again(error: Exception, text: str) -> Exception:
    """An error of the same class that says `text`; where the class takes no text, the error with a note.

    Python 3.10 has no notes: there it is the nearest of the classes above it that takes a text.
    """
    for kind in type(error).__mro__:
        try:
            made = kind(text)
        except Exception:
            made = None
        if isinstance(made, Exception) and text in str(made):
            return made
        if hasattr(error, "add_note"):
            error.add_note(text)
            return error
    return error
