"""Writing to a Tensor: x += y, x[i] = y.

A Tensor without a graph behaves as an ndarray does: the write goes into its memory, which its views share.
With a graph the Tensor becomes another one, the result of an op; a view of it, x[i], hands the change on.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import versions
from .arguments import SCALARS, attribute
from .modes import current
from .ops.index import getitem, index_put
from .tensor import Tensor
from .views import OTHER, STALE, mark_view, spoil_views

_record = getitem.record  # type: ignore[attr-defined]  # without the mark of a view that has no index


def get_item(x: Tensor, index: Any) -> Tensor:
    """x[index], with every kind of index NumPy has and of the shape that NumPy gives.

    IndexError for an index out of range, TypeError for one that wants a gradient.
    """
    given = index if type(index) in SCALARS else attribute("getitem", index)
    return mark_view(_record((x.data,), (x.edge,), (given,), {}), x, index)


def set_item(x: Tensor, index: Any, value: Any) -> None:
    """x[index] = value, which broadcasts: into the memory of x or, with a graph, x becomes another Tensor.

    Of an element that is named twice the last value stays, and has the gradient. ValueError where the shapes
    do not fit; TypeError for a dtype that does not fit, or a view with a graph that cannot hand its change
    on; IndexError for an index out of range; RuntimeError for a leaf that requires a gradient while ops are
    recorded.
    """
    origin = value._origin if isinstance(value, Tensor) else None
    if origin is not None and origin[0] is x and origin[1] is index and origin[2] is x.edge:
        return  # the end of x[index] += y: the view has handed on its change, or shares the memory
    if goes_into_memory(x, value):
        array = value.data if isinstance(value, Tensor) else value
        _write(x, attribute("setitem", index), array)
    elif x.data.dtype.kind != "f":
        raise TypeError(f"setitem: a value with a gradient does not fit a Tensor of {x.dtype}")
    else:
        assign(x, index_put(x, value, index))


def assign(target: Tensor, new: Tensor) -> Tensor:
    """Give `target` the numbers, and the graph, of `new`, as after an in-place operation.

    Raises ValueError or TypeError where they do not fit, RuntimeError for a leaf that requires a gradient
    while ops are recorded.
    """
    if new.shape != target.shape:
        raise ValueError(f"in place: a result of shape {new.shape} does not fit {target.shape}")
    if not np.can_cast(new.dtype, target.dtype, "same_kind"):
        raise TypeError(f"in place: a result of {new.dtype} does not fit a Tensor of {target.dtype}")
    if goes_into_memory(target, new):
        _write(target, ..., new.data)
        return target
    if new.dtype != target.dtype:
        new = new.astype(target.dtype)
    source, index = _source(target)
    if current.get().grad or target.edge is None:
        target.edge = new.edge  # else, as in PyTorch, the numbers change and the graph stays
    target.data = new.data
    spoil_views(target)
    if source is not None:
        target._origin = None
        set_item(source, index, target)
        mark_view(target, source, index)
        target._origin = (source, index, source.edge)
    return target


def goes_into_memory(target: Tensor, value: Any) -> bool:
    """Whether a write goes into the memory of `target`, not into a new Tensor.

    That is so without a graph, and for a leaf that requires a gradient, which is written to under no_grad
    only: RuntimeError where ops are recorded.
    """
    recorded = current.get().grad
    if target.edge is not None and target.is_leaf:
        if recorded:
            raise RuntimeError("a leaf that requires a gradient is not changed in place; use no_grad()")
        return True
    wanted = recorded and isinstance(value, Tensor) and value.edge is not None
    return target.edge is None and not wanted


def _write(target: Tensor, index: Any, array: Any) -> None:
    """target.data[index] = array, noticed by the ops that have saved that memory."""
    try:
        target.data[index] = array
    except IndexError as error:
        raise IndexError(f"setitem: {error}, for a Tensor of shape {target.shape}") from None
    part = target.data[index]
    versions.mark_region(part if np.may_share_memory(part, target.data) else target.data)


def _source(target: Tensor) -> tuple[Tensor | None, Any]:
    """The Tensor to hand a change on to, and the index; (None, None) if `target` is no view."""
    if target._origin is None:
        return None, None
    x, index, edge = target._origin
    if x.edge is not edge:
        raise RuntimeError(f"in place: {STALE}")
    if index is OTHER:
        raise TypeError(
            "in place: this is a view of another Tensor, which would not see the change of a graph; write to "
            "that one by an index, as in x[0, 1] = y"
        )
    return x, index
