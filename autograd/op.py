"""`@op`: makes a function of arrays that returns (out, backward) one that takes and records Tensors."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, Literal, NamedTuple, ParamSpec, Protocol, TypeVar, overload
from weakref import ref

from numpy import ndarray

from . import arguments
from .arguments import SCALARS
from .arrays import as_array
from .engine import Node, new_node
from .modes import current, scope
from .tensor import Tensor, wrap
from .versions import clock
from .views import mark_view

P = ParamSpec("P")
F = TypeVar("F", bound=Callable)
Needs = Sequence[bool]  # for each input whether its gradient is wanted; first argument of a body that asks
new_tensor = object.__new__


class Facts(NamedTuple):
    """What is known of an op beside its body; bindings, stubs, FLOPs and tables are derived from it."""

    inputs: int = 1  # so many of its first parameters are arrays that a gradient may be asked for
    numpy: tuple[Callable, ...] = ()  # NumPy's functions that are this op when they are given a Tensor
    operator: str | None = None  # "add": Tensor's `+`, with __radd__ and __iadd__
    method: bool = False  # whether Tensor has it as a method
    flops: float | Callable = 1  # for each element of its largest array, or f(inputs, outputs, attributes)
    view: bool = False  # whether it only looks at the same numbers in another way
    gradient: bool = True  # whether the result depends smoothly on the numbers
    once: bool = False  # whether it has a first derivative only: what it calls takes ndarrays


class OneOutput(Protocol):
    """What `@op(...)` makes of a body: a public function with its parameters."""

    def __call__(self, body: Callable[P, Any], /) -> Callable[P, Tensor]: ...


class OneOutputOfNeeds(Protocol):
    """The same without the first parameter, `needs`."""

    def __call__(self, body: Callable[Concatenate[Needs, P], Any], /) -> Callable[P, Tensor]: ...


class ManyOutputs(Protocol):
    """Of a body that returns a tuple of arrays."""

    def __call__(self, body: Callable[P, Any], /) -> Callable[P, list[Tensor]]: ...


class ManyOutputsOfNeeds(Protocol):
    """The same without the first parameter, `needs`."""

    def __call__(self, body: Callable[Concatenate[Needs, P], Any], /) -> Callable[P, list[Tensor]]: ...


@overload
def op(body: Callable[P, Any], /) -> Callable[P, Tensor]: ...
@overload
def op(*, needs: Literal[True], several: Literal[True], **facts: Any) -> ManyOutputsOfNeeds: ...
@overload
def op(*, needs: Literal[True], **facts: Any) -> OneOutputOfNeeds: ...
@overload
def op(*, several: Literal[True], **facts: Any) -> ManyOutputs: ...
@overload
def op(**facts: Any) -> OneOutput: ...
def op(
    body: Callable | None = None,
    *,
    needs: bool = False,
    several: bool = False,
    plain: Callable | None = None,
    **facts,
) -> Any:
    """Make `body` an op on Tensors; the result is the public function.

    `body(x, ..., attributes)` takes arrays, computes `out` and returns it with `backward`, a pure function
    from the gradient of `out` to a tuple with one gradient for each input. With several outputs (a tuple) it
    gets a tuple too, with None for those that were not used. A body that has a parameter `needs`, its first
    or one that is keyword-only, is told for each input whether its gradient is wanted, and may return None
    where it is not. (`needs=True` and `several=True` say so to type checkers.)

    `plain` is the same function in plain NumPy, for derivatives of the gradient and for arrays of other
    libraries, where `body` uses kernels that only take ndarrays. `facts` are those of `Facts`: `inputs`
    (by default, the parameters without a default are inputs, a list of arrays counting as many; the others
    are attributes), `numpy` (one function, or a tuple), `operator`, `method`, `flops`, `view`, `gradient`,
    `once` (for a body that calls what takes ndarrays alone, a solver of SciPy's say, and has no plain form: a
    second derivative is refused, with the reason).
    An input that is annotated as a Sequence is a list of arrays; one array given for it is the list of its
    rows. An input with any other annotation is one array, for which a list may be given. TypeError for a
    body with `*args`.
    """
    if body is None:
        return functools.partial(op, plain=plain, **facts)
    for what, fn in (("the body", body), ("plain", plain)):
        if fn is not None and not hasattr(fn, "__code__"):
            raise TypeError(f"op: {what} is a {type(fn).__name__}, and must be a function written in Python")
    every = parameters_of(body)
    parameters = [p for p in every if p.name != "needs"]
    takes_needs = len(parameters) < len(every)
    facts.setdefault("inputs", sum(p.positional and p.default is p.empty for p in parameters))
    facts["numpy"] = _as_tuple(facts.get("numpy", ()))
    bodies = _needs_first(body), plain and _needs_first(plain)
    call = _public(body, parameters, *bodies, takes_needs, Facts(**facts))
    if takes_needs:
        told = inspect.signature(body)
        call.__signature__ = told.replace(parameters=[p for n, p in told.parameters.items() if n != "needs"])
    return call


class Parameter:
    """Of a function written in Python, without what inspect.signature takes time for."""

    __slots__ = ("annotation", "default", "name", "positional")
    empty = inspect.Parameter.empty

    def __init__(self, name: str, default: Any, annotation: Any, positional: bool):
        self.name, self.default, self.annotation, self.positional = name, default, annotation, positional


def parameters_of(fn: Callable) -> list[Parameter]:
    """The parameters of `fn` but for `**kwargs`. TypeError where it takes `*args`."""
    code, empty = fn.__code__, Parameter.empty
    if hasattr(fn, "__wrapped__") or hasattr(fn, "__signature__"):  # it stands for another
        found = inspect.signature(fn).parameters.values()
        only = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
        return [Parameter(p.name, p.default, p.annotation, p.kind not in only) for p in found]
    if code.co_flags & inspect.CO_VARARGS:
        raise TypeError(
            f"op: {fn.__name__} takes *arguments, so that nobody knows how many are arrays; "
            "let it take a list of arrays, which is one parameter"
        )
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    defaults = dict(zip(names[: code.co_argcount][::-1], (fn.__defaults__ or ())[::-1], strict=False))
    defaults |= fn.__kwdefaults__ or {}
    notes = fn.__annotations__
    return [
        Parameter(name, defaults.get(name, empty), notes.get(name, empty), i < code.co_argcount)
        for i, name in enumerate(names)
    ]


def names_of(fn: Callable) -> list[str]:
    """The names of the positional parameters of a function written in Python: faster than its signature."""
    return list(fn.__code__.co_varnames[: fn.__code__.co_argcount])


def _needs_first(fn: Callable) -> Callable:
    """`fn` with its `needs`, if it has them, as first argument."""
    code = fn.__code__
    if "needs" not in code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]:
        return fn

    @functools.wraps(fn)
    def reordered(needs, *args, **kwargs):
        return fn(*args, needs=needs, **kwargs)

    return reordered


def _public(
    named: Callable,
    parameters: list[Parameter],
    body: Callable,
    plain: Callable | None,
    takes_needs: bool,
    facts: Facts,
) -> Any:
    """The function that sorts its arguments into inputs and attributes and records."""
    name = named.__name__.lstrip("_")
    n = facts.inputs
    first, others = parameters[:n], [p.name for p in parameters[n:]]
    kinds = [arguments.kind_of(p) for p in first]
    no_lists, view = list not in kinds, facts.view
    one, two, three = [no_lists and n == count for count in (1, 2, 3)]

    @functools.wraps(named)
    def call(*args, **kwargs):
        rest: Sequence = ()
        if len(args) > n:
            rest = arguments.attributes(name, args[n:], others)
            args = args[:n]
        elif len(args) < n:
            args = arguments.complete(name, first, args, kwargs)
        if kwargs:
            for key, value in kwargs.items():
                if type(value) not in SCALARS:
                    kwargs[key] = arguments.attribute(name, value, key)
        x = args[0] if one else None
        if isinstance(x, Tensor):  # as below, for a common case
            out = record((x.data,), (x.edge,), rest, kwargs)
            if view:
                for part in out if type(out) is list else (out,):
                    mark_view(part, x)
            return out
        if two and isinstance(args[0], Tensor) and isinstance(args[1], Tensor):
            a, b = args
            return record((a.data, b.data), (a.edge, b.edge), rest, kwargs)
        if (
            three
            and isinstance(args[0], Tensor)
            and isinstance(args[1], Tensor)
            and isinstance(args[2], Tensor)
        ):
            a, b, c = args
            return record((a.data, b.data, c.data), (a.edge, b.edge, c.edge), rest, kwargs)
        arrays, edges = arguments.split(name, args, kinds)
        return record(arrays, edges, rest, kwargs)

    call.__name__ = name
    call.__dict__.update(facts=facts, body=body, plain=plain or body, attributes=others)
    call.record = record = _recorder(call, body, plain, takes_needs, n)  # type: ignore[attr-defined]
    return call


def _recorder(  # noqa: C901  (counts `record`)
    call: Any, body: Callable, plain: Callable | None, takes_needs: bool, n: int
) -> Callable:
    """What runs the body on the inputs' arrays and wraps its result, with a node where a gradient is wanted.

    Operators between Tensors come here at once. In one piece, because a function call takes 2 % of the time
    of a small op.
    """
    all_needed = (True,) * n
    names = call.attributes

    def record(arrays: Sequence, edges: Sequence, rest: Sequence = (), kwargs: Any = None):  # noqa: C901
        constants = None in edges
        mode = current.get()
        wanted = mode.grad and not (constants and edges.count(None) == len(edges))
        if mode.again is not None:
            known = mode.again(call, arrays, edges, rest, kwargs)
            if known is not None:
                return known
        if constants and len(edges) > 1 and not arguments.of_one_dtype(arrays):
            arrays = arguments.keep_width(arrays)
        fn = body if plain is None or arguments.are_ndarrays(arrays) else plain
        args = arrays
        needs: Sequence = ()
        if takes_needs:
            if wanted and not constants and len(edges) == n:
                needs = all_needed
            else:
                needs = tuple([wanted and edge is not None for edge in edges])
            args = (needs, *arrays)
        try:  # `*rest, **kwargs` costs 60 ns even where there is none
            out, backward = fn(*args, *rest, **kwargs) if kwargs else fn(*args, *rest) if rest else fn(*args)
        except arguments.ERRORS as error:
            failed = new_node(call, edges, None, [], [])
            failed.attributes = arguments.named(names, rest, kwargs)
            raise arguments.explained(error, failed, arrays, kwargs or ()) from None
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
            if wanted and arguments.named(names, rest, kwargs).get("dtype") is not None:
                raise TypeError(f"{call.__name__}: {dtype} has no gradient; use .detach() first")
            return [wrap(o, None) for o in out] if several else wrap(out, None)
        node = Node()  # `new_node`, without the call
        node.op, node.edges, node.backward = call, edges, backward
        node.shape, node.dtype = shape, dtype
        node.order, node.scope = next(clock), scope.get()
        node.recipe = node.grads = node.hooks = None
        if constants:
            node.constants = arguments.constants(arrays, edges)
        if kwargs:
            node.attributes = arguments.named(names, rest, kwargs)
        elif rest:
            value = rest[0]
            if len(rest) > 1:
                node.attributes = arguments.named(names, rest, None)
            else:  # as `named`
                node.attributes = {names[0]: value if type(value) in SCALARS else arguments.described(value)}
        if mode.keeps:
            recipe = Recipe(needs, arrays, rest, kwargs or {}, ref(out) if type(out) is ndarray else None)
            node.recipe = recipe if mode.recipes else None
            for observer in mode.observers:
                observer(node, recipe, out)
        if several:
            return [wrap(o, (node, i)) for i, o in enumerate(out)]
        tensor = new_tensor(Tensor)  # `wrap`, without the call
        tensor.data = out
        tensor.edge = (node, 0)
        return tensor

    return record


class Recipe(NamedTuple):
    """The arguments that a body was run with."""

    needs: Sequence[bool]  # empty for a body that does not ask for them
    arrays: Sequence
    rest: Sequence
    kwargs: dict[str, Any]
    out: Any = None  # a weak reference to the result, where it is one ndarray

    def run(self, fn: Callable, arrays: Sequence | None = None) -> tuple[Any, Callable]:
        """(out, backward) of a body, of these arrays or of others in their place."""
        first = (self.needs,) if self.needs else ()
        return fn(*first, *(self.arrays if arrays is None else arrays), *self.rest, **self.kwargs)


def composed(**facts: Any) -> Callable[[F], F]:
    """Facts for a public function that is made of ops: `@composed(numpy=np.einsum)`."""

    def mark(fn: F) -> F:
        fn.__dict__["facts"] = Facts(**{**facts, "numpy": _as_tuple(facts.get("numpy", ()))})
        return fn

    return mark


def _as_tuple(numpy) -> tuple[Callable, ...]:
    return numpy if isinstance(numpy, tuple) else (numpy,)


def numpy_summary(fn: Callable) -> str:
    """The first paragraph of a NumPy function's docstring that is no signature, on one line; "" without."""
    paragraphs = map(str.strip, (fn.__doc__ or "").split("\n\n", 2))
    found = next((p for p in paragraphs if p and not p.startswith(f"{fn.__name__}(")), "")
    return " ".join(found.split())
