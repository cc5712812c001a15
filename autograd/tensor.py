"""Tensor: an array and the edge of the graph it came from, speaking NumPy's protocols."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from . import dialect, engine, versions
from .arrays import ArrayLike, DTypeLike, as_array
from .bound import Bound
from .engine import Edge, Node
from .modes import current

# Filled by binding.py: what stands for a function of NumPy, a ufunc or a ufunc's method (np.add.reduce) when
# an argument is a Tensor; and for a ufunc of SciPy, by name, so that SciPy is not imported for it.
FUNCTIONS: dict = {}
SCIPY: dict = {}


class Tensor(Bound):
    """An ndarray that remembers how it was computed.

    `Tensor(data, requires_grad=False, dtype=None)`: `data` is anything `np.asarray` takes and is not copied
    if it is an array already. With `requires_grad=True` (float dtypes only) it is a leaf whose `.grad` is
    filled by `backward`. Arithmetic, methods and `np.` functions follow NumPy, with one departure: NumPy
    scalars and integer arrays beside a float Tensor do not widen its dtype. TypeError for numbers that are
    not float, integer or boolean.
    """

    __slots__ = ("data", "edge", "__weakref__")
    __hash__ = object.__hash__  # identity, though == compares elementwise

    def __init__(self, data: ArrayLike, requires_grad: bool = False, dtype: DTypeLike | None = None):
        if isinstance(data, Tensor):
            data = data.data
        self.data: np.ndarray = as_array(data, dtype)
        self.edge: Edge | None = None
        if self.data.dtype.kind not in "fiub":
            raise TypeError(f"a Tensor holds float, integer or boolean numbers, not {self.data.dtype}")
        if requires_grad:
            self.requires_grad = True

    # ------------------------------------------------------------------ what it is

    @property
    def node(self) -> Node | None:
        """The graph's node of the op it came from, or of the leaf it is; None without a graph."""
        return self.edge[0] if self.edge is not None else None

    if TYPE_CHECKING:
        shape: tuple[int, ...]
        ndim: int
        size: int
        dtype: np.dtype[Any]
        nbytes: int
    else:
        # attrgetter is written in C: half the time of a lambda
        shape = property(attrgetter("data.shape"), doc="The length of each axis, a tuple.")
        ndim = property(attrgetter("data.ndim"), doc="The number of axes.")
        size = property(attrgetter("data.size"), doc="The number of elements.")
        dtype = property(attrgetter("data.dtype"), doc="NumPy's type of the elements.")
        nbytes = property(attrgetter("data.nbytes"), doc="The bytes that the elements take.")

    @property
    def is_leaf(self) -> bool:
        """Whether it was not computed by a recorded op."""
        return self.edge is None or not self.edge[0].edges

    @property
    def requires_grad(self) -> bool:
        """Whether gradients reach it, so that what is computed from it is recorded; can be set on a leaf.

        RuntimeError where it is set on another Tensor, TypeError where it is set on one that is not float.
        """
        return self.edge is not None

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if not self.is_leaf:
            raise RuntimeError(
                "requires_grad can be set on a leaf only; use detach() to cut a Tensor off its graph"
            )
        if not wanted:
            self.edge = None
        elif self.edge is None:
            if self.data.dtype.kind != "f":
                raise TypeError(f"only a float Tensor can require a gradient, this one is {self.data.dtype}")
            self.edge = (engine.leaf(self.data.shape, self.data.dtype), 0)

    @property
    def grad(self) -> np.ndarray | None:
        """The accumulated gradient, an ndarray of its own and of this shape, or None; it can be set.

        RuntimeError where it is set and no gradient is kept, ValueError for another shape or dtype.
        """
        if self.edge is None or self.edge[0].grads is None:
            return None
        return self.edge[0].grads.get(self.edge[1])

    @grad.setter
    def grad(self, value: np.ndarray | None) -> None:
        if self.edge is None:
            raise RuntimeError("this Tensor does not require a gradient")
        grads = self.edge[0].grads
        if grads is None:
            raise RuntimeError("this Tensor is no leaf and keeps no gradient; call retain_grad() first")
        if value is not None and value is not self.grad:
            value = as_array(value).copy()
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f"a gradient of {value.shape} {value.dtype} for a Tensor of {self.shape} {self.dtype}"
                )
        grads[self.edge[1]] = value

    # ------------------------------------------------------------------ backward

    def backward(self, gradient: ArrayLike | None = None, *, retain_graph: bool = False) -> None:
        """Add the gradient of this Tensor to `.grad` of every leaf it was computed from.

        `gradient` (same shape) is needed unless this Tensor has one element. What ops saved is freed on the
        way unless `retain_graph`. RuntimeError where there is no graph, or no gradient and more elements.
        """
        if self.edge is None:
            raise RuntimeError(
                "this Tensor has no graph: nothing it was computed from requires a gradient, "
                "or it was computed under no_grad()"
            )
        seed = seed_for(self, gradient)
        seeds = [seed.data if isinstance(seed, Tensor) else seed]
        engine.walk([self.edge], seeds, retain_graph=retain_graph)

    def retain_grad(self) -> Tensor:
        """Keep `.grad` of a Tensor that is no leaf too; RuntimeError where it requires no gradient."""
        if self.edge is None:
            raise RuntimeError("this Tensor does not require a gradient")
        node, i = self.edge
        node.grads = node.grads or {}
        node.grads.setdefault(i, None)
        return self

    def register_hook(self, hook: Callable[[Any], Any]) -> Callable[[], None]:
        """Call `hook(gradient)` when the gradient is complete; what it returns, unless None, replaces it.

        Returns a function that removes the hook. RuntimeError where this Tensor requires no gradient.
        """
        if self.edge is None:
            raise RuntimeError("this Tensor does not require a gradient")
        node, i = self.edge
        node.hooks = hooks = node.hooks or {}
        key = object()
        hooks[key] = (i, hook)
        return lambda: hooks.pop(key, None) and None

    def detach(self) -> Tensor:
        """The same array without the graph."""
        return wrap(self.data, None)

    def numpy(self) -> np.ndarray:
        """The array itself (not a copy), graph or not."""
        return self.data

    def item(self) -> float:
        """The one number it holds, as Python's."""
        return self.data.item()

    def tolist(self) -> list:
        """The numbers as Python's, in lists as deep as there are axes."""
        return self.data.tolist()

    # ------------------------------------------------------------------ Python's protocols

    def __repr__(self) -> str:
        name = type(self).__name__
        text = np.array2string(self.data, separator=", ", prefix=f"{name}(", threshold=200)
        extra = f", shape={self.shape}" if self.size > 200 else ""  # what is left out, as NumPy does
        extra += "" if self.data.dtype == np.float64 else f", dtype={self.data.dtype}"
        if self.edge is not None:
            extra += ", requires_grad=True" if self.is_leaf else f", op={self.edge[0].name}"
        return f"{name}({text}{extra})"

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Tensor]:
        if self.ndim == 0:
            raise TypeError("cannot iterate over a 0-d Tensor")
        return (self[i] for i in range(len(self.data)))

    def __bool__(self) -> bool:
        return bool(self.data)

    def __pos__(self) -> Tensor:
        return self

    def __format__(self, spec: str) -> str:
        return format(self.item() if self.ndim == 0 else str(self), spec)

    def __float__(self) -> float:
        return float(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __index__(self) -> int:
        return self.data.__index__()

    def __deepcopy__(self, memo) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("only a leaf can be deep-copied; use detach() first")
        twin = wrap(self.data.copy(), None, type(self))
        twin.requires_grad = self.requires_grad
        if self.grad is not None:
            twin.grad = self.grad
        memo[id(self)] = twin
        return twin

    def __reduce__(self):
        if not self.is_leaf:
            raise RuntimeError("only a leaf can be pickled; use detach() first")
        return type(self), (self.data, self.requires_grad)

    if not TYPE_CHECKING:  # to whom it would say that every name is known

        def __getattr__(self, name: str):
            raise AttributeError(f"Tensor has no attribute {name!r}{dialect.hint(name, function_names())}")

    # ------------------------------------------------------------------ in place

    def _rebind(self, new: Tensor) -> Tensor:
        """Become `new`, as after an in-place operation; other Tensors and NumPy's memory are not touched.

        A leaf that requires a gradient is written to instead, and only where nothing is recorded.
        """
        if new.shape != self.shape:
            raise ValueError(f"in place: a result of shape {new.shape} does not fit {self.shape}")
        if self.edge is not None and self.is_leaf:
            if current.get().grad:
                raise RuntimeError("a leaf that requires a gradient is not changed in place; use no_grad()")
            self.data[...] = new.data
            versions.mark_written(self.data)
            return self
        if self.edge is not None and self.data.base is not None:
            hint = "write x[i] = x[i] + y for x[i] += y"
            raise TypeError(
                f"in place: this is a view of another Tensor, which would not see the change; {hint}"
            )
        if new.dtype != self.dtype:
            if not np.can_cast(new.dtype, self.dtype, "same_kind"):
                raise TypeError(f"in place: a result of {new.dtype} does not fit a Tensor of {self.dtype}")
            new = new.astype(self.dtype)
        if current.get().grad or self.edge is None:
            self.edge = new.edge  # else, as in PyTorch, the numbers change and the graph stays
        self.data = new.data
        return self

    # ------------------------------------------------------------------ NumPy's protocols

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if self.edge is not None:
            raise TypeError(
                "a Tensor that requires a gradient does not turn into an ndarray by itself, which would lose "
                "the gradient; use .numpy() or .detach()"
            )
        return np.array(self.data, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **kwargs):
        if out is not None and not all(isinstance(o, Tensor) for o in out):
            raise TypeError(f"np.{ufunc.__name__}: out= is an ndarray but an operand is a Tensor")
        called = ufunc if method == "__call__" else getattr(ufunc, method)
        fn = FUNCTIONS.get(called) or _of_scipy(called)
        if fn is None:
            raise unsupported(ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}")
        if method == "reduce":
            kwargs.setdefault("axis", 0)
        result = fn(*inputs, **kwargs)
        return result if out is None else out[0]._rebind(result)

    def __array_function__(self, func, types, args, kwargs):
        fn = FUNCTIONS.get(func)
        if fn is None:
            raise unsupported(func.__name__, func.__module__)
        return fn(*args, **kwargs)


def _of_scipy(ufunc):
    """What stands for `ufunc` if it is SciPy's."""
    scipy = sys.modules.get("scipy.special")
    name = getattr(ufunc, "__name__", "")
    return SCIPY.get(name) if scipy is not None and getattr(scipy, name, None) is ufunc else None


def function_names() -> list[str]:
    """Of all functions of NumPy that take Tensors."""
    return sorted({fn.__name__ for fn in FUNCTIONS})


def unsupported(name: str, module: str = "numpy") -> TypeError:
    """What to raise for a function of NumPy that takes no Tensors."""
    full = f"{module.replace('numpy', 'np', 1)}.{name}"
    near = dialect.nearest(name, function_names())
    return TypeError(
        f"{full} is not defined for Tensors; it would lose the gradient. Use .detach() for a constant"
        + (f", or one of: {near}." if near else ".")
    )


def wrap(data: np.ndarray, edge: Edge | None, cls: type[Tensor] = Tensor) -> Any:
    """A Tensor around `data` without any check."""
    tensor = cls.__new__(cls)
    tensor.data = data
    tensor.edge = edge
    return tensor


def seed_for(output: Tensor, gradient) -> Any:
    """The gradient that a backward from `output` starts with."""
    if gradient is None:
        if output.size != 1:
            raise RuntimeError(
                f"backward from a Tensor of shape {output.shape} needs a gradient of that shape "
                "(or reduce it to one number first, e.g. with .sum())"
            )
        return np.ones_like(output.data)
    if isinstance(gradient, Tensor) and gradient.edge is None:
        gradient = gradient.data
    if not isinstance(gradient, Tensor):
        gradient = as_array(gradient, output.dtype)
    elif gradient.dtype != output.dtype:
        gradient = gradient.astype(output.dtype)
    if gradient.shape != output.shape:
        raise ValueError(f"a gradient of shape {gradient.shape} for a Tensor of shape {output.shape}")
    return gradient
