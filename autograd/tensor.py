"""Tensor: an array and the edge of the graph it came from, speaking NumPy's protocols."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import ndarray

from . import dialect, engine
from .arrays import ArrayLike, DTypeLike, as_array
from .bound import Bound
from .engine import Edge, Node
from .handle import Handle
from .modes import current, rerunning
from .sparse import SparseRows


class Tensor(Bound):
    """An ndarray that remembers how it was computed.

    `Tensor(data, requires_grad=False, dtype=None)`: `data` is anything `np.asarray` takes. A constant borrows
    an array: it behaves as that ndarray does, writes included. With `requires_grad=True` (float dtypes only)
    it is a leaf with a copy of its own, whose `.grad` is filled by `backward`. Arithmetic, methods and `np.`
    functions follow NumPy, with one departure: NumPy scalars and integer arrays beside a float Tensor do not
    widen its dtype. TypeError for numbers that are not float, integer or boolean.
    """

    __slots__ = ("data", "edge", "_leaf", "_origin", "_views", "__weakref__")  # the middle ones may be unset
    __hash__ = object.__hash__  # identity, though == compares elementwise
    __pandas_priority__ = 5000  # `series - tensor` is the Tensor's, as `array - tensor` is

    def __init__(self, data: ArrayLike, requires_grad: bool = False, dtype: DTypeLike | None = None):
        if isinstance(data, Tensor):
            data = data.data
        self.data: np.ndarray = as_array(data, dtype)
        if requires_grad and (self.data is data or getattr(self.data, "base", None) is not None):
            self.data = self.data.copy()
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
        _leaf: Edge | None
        _origin: Any  # of a view, and of what has views: see views.py
        _views: Any
        shape: tuple[int, ...]
        ndim: int
        size: int
        dtype: np.dtype[Any]
        nbytes: int
        itemsize: int
        strides: tuple[int, ...]
        flags: Any
    else:
        # attrgetter is written in C: half the time of a lambda
        shape = property(attrgetter("data.shape"), doc="The length of each axis, a tuple.")
        ndim = property(attrgetter("data.ndim"), doc="The number of axes.")
        size = property(attrgetter("data.size"), doc="The number of elements.")
        dtype = property(attrgetter("data.dtype"), doc="NumPy's type of the elements.")
        nbytes = property(attrgetter("data.nbytes"), doc="The bytes that the elements take.")
        itemsize = property(attrgetter("data.itemsize"), doc="The bytes that an element takes.")
        strides = property(attrgetter("data.strides"), doc="The bytes from an element to the next, by axis.")
        flags = property(attrgetter("data.flags"), doc="NumPy's flags of the memory.")

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
        if wanted and self.edge is None:
            self.edge = self._own_leaf()
        elif not wanted:
            self.edge = None  # frozen; its leaf stays

    def _own_leaf(self) -> Edge:
        """The leaf of this Tensor, which it has for life: gradient, hooks and old graphs outlive a freeze."""
        known = self._leaf
        if known is None or (known[0].shape, known[0].dtype) != (self.data.shape, self.data.dtype):
            if self.data.dtype.kind != "f":
                raise TypeError(f"only a float Tensor can require a gradient, this one is {self.data.dtype}")
            known = self._leaf = (engine.leaf(self.data.shape, self.data.dtype), 0)
        return known

    def become(self, data: np.ndarray) -> None:
        """Take the array `data` in place of the Tensor's own; a leaf keeps its gradient, cast, and its hooks.

        It may have another dtype. ValueError for another shape, TypeError for integers in place of what
        requires a gradient, RuntimeError where there is a graph.
        """
        if not self.is_leaf:
            raise RuntimeError("only a leaf can become another array; use detach() first")
        if data.shape != self.data.shape:
            raise ValueError(f"an array of shape {data.shape} for a Tensor of shape {self.shape}")
        wanted, grad, known = self.requires_grad, self.grad, self.edge or self._leaf
        self.edge = self._leaf = None
        self.data = data
        self.requires_grad = wanted
        if grad is not None:
            self.grad = grad.astype(data.dtype)
        if known is not None and known[0].hooks:
            self._own_leaf()[0].hooks = known[0].hooks

    @property
    def grad(self) -> np.ndarray | None:
        """The accumulated gradient, an ndarray of its own and of this shape, or None; it can be set.

        That of a table from which `sparse=True` was asked for is a SparseRows: rows and their numbers.
        RuntimeError where it is set and no gradient is kept, ValueError for another shape or dtype.
        """
        edge = self.edge or self._leaf
        return None if edge is None or edge[0].grads is None else edge[0].grads.get(edge[1])

    @grad.setter
    def grad(self, value: np.ndarray | None) -> None:
        edge = self.edge or self._leaf
        if value is None and (edge is None or edge[0].grads is None):
            return
        node, i = edge or self._own_leaf()
        if node.grads is None:
            raise RuntimeError("this Tensor is no leaf and keeps no gradient; call retain_grad() first")
        if value is not None and value is not node.grads.get(i):
            value = value.copy() if isinstance(value, SparseRows) else as_array(value).copy()
            if value.shape != self.shape or value.dtype != self.dtype:
                raise ValueError(
                    f"a gradient of {value.shape} {value.dtype} for a Tensor of {self.shape} {self.dtype}"
                )
        node.grads[i] = value

    # ------------------------------------------------------------------ backward

    def backward(
        self, gradient: ArrayLike | None = None, *, retain_graph: bool = False, create_graph: bool = False
    ) -> None:
        """Add the gradient of this Tensor to `.grad` of every leaf it was computed from.

        `gradient` (same shape) is needed unless this Tensor has one element. What ops saved is freed on the
        way unless `retain_graph`. RuntimeError where there is no graph, or no gradient and more elements,
        TypeError for PyTorch's `create_graph`, which `grad` has: `.grad` is an array.
        """
        if create_graph:
            raise TypeError(
                "backward: .grad is an array, which has no graph (create_graph=True). Gradients that can be "
                "differentiated again are what ag.grad(outputs, inputs, create_graph=True) returns"
            )
        if self.edge is None:
            raise RuntimeError(
                "this Tensor has no graph: nothing it was computed from requires a gradient, or it was "
                "computed under no_grad(), or it is a gradient that grad gave without create_graph=True"
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

    def register_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Call `hook(gradient)` when the gradient is complete; what it returns, unless None, replaces it.

        `remove()` of what comes back takes it away. RuntimeError where this Tensor requires no gradient.
        """
        if self.edge is None:
            raise RuntimeError("this Tensor does not require a gradient")
        node, i = self.edge
        node.hooks = node.hooks or {}
        return Handle(node.hooks, (i, hook))

    def detach(self) -> Tensor:
        """The same array without the graph."""
        return wrap(self.data, None)

    def numpy(self) -> np.ndarray:
        """The array itself (not a copy), graph or not."""
        return self.data

    def item(self, *index: Any) -> float:
        """The number it holds, or at an index (flat or of all axes), as Python's; TypeError as of tolist."""
        return self._numbers("item").item(*index)

    def tobytes(self, order: Any = "C") -> bytes:
        """The numbers as bytes, in the `order` of their axes; TypeError as of tolist."""
        return self._numbers("tobytes").tobytes(order)

    def tolist(self) -> list:
        """The numbers as Python's, in nested lists; TypeError in an op's body that runs for gradients."""
        return self._numbers("tolist").tolist()

    def _numbers(self, method: str) -> np.ndarray:
        """The array; refused in the body of an op that runs again, which knows no gradient to be lost."""
        if self.edge is not None and rerunning.get():
            raise TypeError(f"{method}() makes numbers without a gradient of a Tensor that has one")
        return self.data

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

    def __format__(self, spec: str) -> str:
        if spec and self.size != 1:
            raise TypeError(
                f"{spec!r} formats one number, not a Tensor of shape {self.shape}; reduce it first"
            )
        return format(self.data.item() if spec or self.ndim == 0 else str(self), spec)

    def __copy__(self) -> Tensor:
        if self.is_leaf:
            return _leaf_again(self.__class__, self.data, self.requires_grad, self.grad)
        return wrap(self.data, self.edge, self.__class__)

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def __complex__(self) -> complex:
        return complex(self._number())

    def __index__(self) -> int:
        return self.data.__index__()

    def _number(self):
        """The array, for a number to be made of it; refused where that would lose a gradient without a word.

        NumPy asks for a number in `array[0] = tensor`, `array.fill(tensor)` and `math.exp(tensor)`.
        """
        if self.edge is not None and current.get().grad:
            raise TypeError(
                "a Tensor that requires a gradient does not turn into a number by itself, which would lose "
                "the gradient; use .item() for the number, np.stack([...]) to put Tensors into an array, "
                "np.zeros(shape, like=x), with x this Tensor, for one to write into, and functions of np in "
                "place of math's"
            )
        return self.data

    def __deepcopy__(self, memo) -> Tensor:
        if not self.is_leaf:
            raise RuntimeError("only a leaf can be deep-copied; use detach() first")
        twin = _leaf_again(self.__class__, self.data.copy(), self.requires_grad, self.grad)
        memo[id(self)] = twin
        return twin

    def __reduce__(self):
        if not self.is_leaf:
            raise RuntimeError("only a leaf can be pickled; use detach() first")
        return _leaf_again, (self.__class__, self.data, self.requires_grad, self.grad)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if self.edge is not None:
            raise TypeError(
                "a Tensor that requires a gradient does not turn into an ndarray by itself, which would lose "
                "the gradient; use .numpy() or .detach() for numbers, np.stack([...]) for a list of Tensors, "
                "and like=x, with x this Tensor, where NumPy makes an array: np.array([[x]], like=x)"
                + dialect.instead_of_scipys()
            )
        array: Any = self.data.__array__  # which an array that traces refuses
        return array(copy=copy) if dtype is None else array(dtype, copy=copy)  # to NumPy 2.1, None is float64


def _leaf_again(kind: type[Tensor], data: np.ndarray, requires_grad: bool, grad: np.ndarray | None) -> Tensor:
    """A copied or unpickled leaf, or constant."""
    tensor = wrap(data, None, kind)
    tensor.requires_grad = requires_grad
    tensor.grad = grad
    return tensor


def wrap(data: np.ndarray, edge: Edge | None, cls: type[Tensor] = Tensor) -> Any:
    """A Tensor around `data` without any check."""
    tensor = cls.__new__(cls)
    tensor.data = data
    tensor.edge = edge
    return tensor


def seed_for(output: Tensor, gradient) -> Any:
    """The gradient that a backward from `output` starts with."""
    data = output.data
    if type(gradient) is ndarray and gradient.dtype is data.dtype and gradient.shape == data.shape:
        return gradient  # most often
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
