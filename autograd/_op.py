"""`@op`: makes a function of ndarrays that returns (out, backward) one that takes and records Tensors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import ndarray

from .engine import Edge, Node, new_node
from .modes import keeping_recipes, recording
from .tensor import Tensor, wrap
from .trace import as_array

new_tensor = object.__new__


def op(  # noqa: C901  (counts `call`)
    fn: Callable | None = None, *, inputs: int | None = None, plain: Callable | None = None
) -> Any:
    """Make `fn` an op on Tensors; the result is the public function.

    `fn(x, ..., attributes)` takes ndarrays, computes `out` (or a tuple of them) and returns it with
    `backward`, a pure function from the gradient of `out` to a tuple with one gradient for each input. Its
    first `inputs` parameters (by default those without a default) are arrays that a gradient may be asked
    for, a list of arrays counting as many; the others are attributes. If it has a keyword-only parameter
    `needs`, that tells for each input whether its gradient is wanted, and `None` may be returned where it
    is not. `plain` is the same function in plain NumPy, for derivatives of the gradient, where `fn` uses
    kernels that only take ndarrays.
    """
    if fn is None:
        return functools.partial(op, inputs=inputs, plain=plain)
    body = fn
    name = body.__name__.lstrip("_")
    parameters = dict(inspect.signature(body).parameters)
    asks_needs = parameters.pop("needs", None) is not None
    positional = [p for p in parameters.values() if p.kind is not p.KEYWORD_ONLY]
    n = sum(p.default is p.empty for p in positional) if inputs is None else inputs
    first = positional[:n]
    all_needed = (True,) * n

    def record(arrays: Sequence, edges: Sequence, rest: Sequence = (), kwargs: Any = None):
        """Run the body and wrap its result, with a node where a gradient is wanted.

        Operators between Tensors come here at once: `call` below only sorts its arguments. In one piece,
        because a function call takes 2 % of the time of a small op.
        """
        constants = None in edges
        wanted = recording.get() and not (constants and edges.count(None) == len(edges))
        if constants and len(edges) > 1 and not _of_one_dtype(arrays):
            arrays = _keep_width(arrays)
        if asks_needs:
            kwargs = kwargs or {}
            if wanted and not constants and len(edges) == n:
                kwargs["needs"] = all_needed
            else:
                kwargs["needs"] = tuple([wanted and edge is not None for edge in edges])
        try:  # `*rest, **kwargs` costs 60 ns even where there is none
            out, backward = body(*arrays, *rest, **kwargs) if kwargs or rest else body(*arrays)
        except (ValueError, IndexError, TypeError) as error:
            failed = new_node(call, edges, None, [], [])
            raise _explained(error, failed, arrays, kwargs or {}) from None
        several = type(out) is tuple
        dtype: Any
        if several:
            out = [as_array(o) for o in out]
            shape, dtype = [o.shape for o in out], [o.dtype for o in out]
        else:
            if type(out) is not ndarray:  # NumPy turned a 0-d array into a scalar
                out = as_array(out)
            shape, dtype = out.shape, out.dtype
        if not wanted or (dtype[0] if several else dtype).kind != "f":  # an integer result is a constant
            return [wrap(o, None) for o in out] if several else wrap(out, None)
        node = new_node(call, edges, backward, shape, dtype)
        if constants:
            node.constants = _constants(arrays, edges)
        keep = keeping_recipes.get()
        if keep:
            node.recipe = (arrays, rest, kwargs or {})
            if keep is not True:
                keep(node, out)
        if several:
            return [wrap(o, (node, i)) for i, o in enumerate(out)]
        tensor = new_tensor(Tensor)  # `wrap`, without the call
        tensor.data = out
        tensor.edge = (node, 0)
        return tensor

    @functools.wraps(body)
    def call(*args, **kwargs):
        rest: Sequence = ()
        if len(args) > n:
            rest = [a if type(a) in PLAIN else _attribute(name, a) for a in args[n:]]
            args = args[:n]
        elif len(args) < n:
            args = _complete(name, first, args, kwargs)
        if kwargs:
            for key, value in kwargs.items():
                if type(value) not in PLAIN:
                    kwargs[key] = _attribute(name, value)
        if n == 1 and isinstance(args[0], Tensor):  # as below, for a common case
            return record((args[0].data,), (args[0].edge,), rest, kwargs)
        arrays, edges = _split(name, args)
        return record(arrays, edges, rest, kwargs)

    public = [p for p in inspect.signature(body).parameters.values() if p.name != "needs"]
    call.__name__ = name
    signature = inspect.Signature(public)
    call.__dict__.update(__signature__=signature, body=body, plain=plain or body, record=record)
    return call


def rerun(node: Node, g):
    """Gradients of a node's inputs as Tensors: its plain body again, on Tensors, and that run's backward."""
    if node.recipe is None:
        raise RuntimeError(
            f"create_graph needs the inputs of {node.name}: run the forward under `with higher_order():`"
        )
    arrays, rest, kwargs = node.recipe
    edges = iter(node.edges)

    def lift(array):
        edge = next(edges)
        return wrap(array, edge) if isinstance(array, np.ndarray) else array

    lifted = [[lift(a) for a in array] if isinstance(array, list) else lift(array) for array in arrays]
    _, backward = node.op.plain(*lifted, *rest, **kwargs)
    return backward(g)


def _complete(name: str, first: Sequence, args: tuple, kwargs: dict) -> tuple:
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


def _split(name: str, args: Sequence) -> tuple[list, list[Edge | None]]:
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
        elif isinstance(arg, (list, tuple)) and any(isinstance(a, (Tensor, ndarray)) for a in arg):
            arrays.append([a.data if isinstance(a, Tensor) else _constant(name, a) for a in arg])
            edges.extend([a.edge if isinstance(a, Tensor) else None for a in arg])
        else:
            arrays.append(_constant(name, arg))
            edges.append(None)
    return arrays, edges


def _constant(name: str, value):
    """An input that is no Tensor: a NumPy scalar becomes a Python one, which does not widen float32."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (float, int)) or value is None:
        return value
    array = as_array(value)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name}: cannot use {array.dtype} data ({type(value).__name__})")
    return array


def _flat(arrays: Sequence) -> list:
    return [a for item in arrays for a in (item if type(item) is list else [item])]


def _attribute(name: str, value):
    """An argument that is no input, with Tensors inside it turned into their arrays."""
    if isinstance(value, Tensor):
        if value.edge is not None:
            raise TypeError(f"{name} has no gradient for this argument; pass it .detach()ed")
        return value.data
    if isinstance(value, np.generic):  # like _constant
        return value.item()
    if isinstance(value, (tuple, list)):
        return type(value)([_attribute(name, v) for v in value])
    return value


def _constants(arrays: Sequence, edges: Sequence) -> tuple:
    """Of each input without an edge its shape, or the number it is."""
    if len(arrays) == len(edges) == 2:  # almost always, and no loop
        a = arrays[1] if edges[1] is None else arrays[0]
        return (a.shape,) if type(a) is ndarray else (a,)
    given = zip(_flat(arrays), edges, strict=True)
    return tuple([a.shape if type(a) is ndarray else a for a, edge in given if edge is None])


def _of_one_dtype(arrays: Sequence) -> bool:
    """Whether these are two arrays of one dtype, or an array and a number: nothing to widen, and common."""
    if len(arrays) != 2:
        return False
    a, b = arrays
    if type(a) is not ndarray:
        return type(b) is ndarray and (type(a) is float or type(a) is int)
    return a.dtype is b.dtype if type(b) is ndarray else type(b) is float or type(b) is int


def _keep_width(arrays: Sequence) -> Sequence:
    """`arrays`, integers cast that would widen floats beside them (int64 and float32 give float64)."""
    for a in arrays:
        if type(a) is list or isinstance(a, ndarray) and a.dtype.kind in "iu":
            break
    else:
        return arrays
    floats = [a.dtype for a in _flat(arrays) if isinstance(a, ndarray) and a.dtype.kind == "f"]
    if not floats:
        return arrays
    widest = max(floats)

    def cast(a):
        return a.astype(widest) if isinstance(a, ndarray) and a.dtype.kind in "iu" else a

    return [[cast(item) for item in a] if isinstance(a, list) else cast(a) for a in arrays]


def _explained(error: Exception, failed: Node, arrays: Sequence, kwargs: dict) -> Exception:
    """The error again, with the op and what it was given; its `node` lets a graph be drawn up to there."""
    torch_words = [f"{word}= is {word_here}=" for word, word_here in TORCH_WORDS.items() if word in kwargs]
    hint = f"; NumPy's spelling: {', '.join(torch_words)}" if torch_words else ""
    given = ", ".join(f"{a.shape} {a.dtype}" if hasattr(a, "shape") else repr(a) for a in _flat(arrays))
    kinds = (np.exceptions.AxisError, IndexError, ValueError, TypeError)  # AxisError is two of the others
    kind = next(kind for kind in kinds if isinstance(error, kind))
    explained: Any = kind(f"{failed.name}: {error}{hint} (inputs: {given})")
    explained.node = failed
    return explained.with_traceback(error.__traceback__)


PLAIN = frozenset((int, float, bool, str, type(None)))  # attributes that are taken as they are
TORCH_WORDS = {"dim": "axis", "keepdim": "keepdims"}
