"""What a view knows of the Tensor that it was taken from, and that Tensor of its views.

Views of constants share their memory, as NumPy's do. With a graph a write makes another Tensor: a view hands
its change on, and one that would not see a change of its Tensor is not read any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import ref

import numpy as np
from numpy import ndarray

from .tensor import Tensor

if TYPE_CHECKING:
    from .engine import Edge

# A view knows what it was taken from: the Tensor, whose memory and graph it keeps alive anyway, the index and
# the Tensor's edge at that time, so that a write to it with a graph can be handed on (inplace.py).
Origin: TypeAlias = "tuple[Tensor, Any, Edge | None]"
OTHER = object()  # in place of an index: a view by transpose, reshape ...
STALE = "this is a view of a Tensor that was written to since; take the view again"
FEW = 64  # so many views, and those that are gone are forgotten
views_of = Tensor._views.__get__  # does not ask __getattr__ where there are none


def mark_view(view: Tensor, source: Tensor, index: Any = OTHER) -> Tensor:
    """Let `view` know that it is of `source`, if it shares memory with it (and takes part in its graph)."""
    edge, data, seen = source.edge, source.data, view.data
    if view.edge is None and edge is not None:
        return view
    base = seen.base if type(seen) is ndarray else getattr(seen, "base", None)
    if base is data or seen is data or base is not None and np.may_share_memory(base, data):
        view._origin = (source, index, edge)
        try:
            views = views_of(source)
        except AttributeError:
            source._views = [ref(view)]
            return view
        if len(views) % FEW == 0:
            views[:] = [known for known in views if known() is not None]
        views.append(ref(view))
    return view


def spoil_views(source: Tensor) -> None:
    """Take the numbers away from the views of a Tensor that becomes another: NumPy's would see the change.

    Whoever reads one is told so (protocols.py), and takes the view again.
    """
    try:
        views = views_of(source)
    except AttributeError:
        return
    source._views = []
    for known in views:
        view = known()
        if view is not None and view._origin is not None and view._origin[0] is source:
            spoil_views(view)
            del view.data
