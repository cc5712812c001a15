"""`detect_nan`: stops at the first op that makes nan or inf out of finite numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import prod
from typing import Any, TypeVar, overload
from weakref import WeakKeyDictionary

import numpy as np

from .. import engine, modes
from ..arguments import flat
from ..pieces import Pieces
from ..replay.trace import NotReplayableError, capturing
from ..sparse import SparseRows
from ..tensor import Tensor
from . import finding
from .finding import Bad

F = TypeVar("F", bound=Callable)


class Detector(modes.Switch):
    """What `detect_nan()` gives: looks at what each op gives, and each backward, while it is on."""

    def __init__(self, nan: bool, inf: bool):
        super().__init__()
        self.nan, self.inf = nan, inf
        # Of nodes with inf that came in as a constant, as masks do: how it did.
        self.origins: WeakKeyDictionary[engine.Node, str] = WeakKeyDictionary()
        self.quiet: list[np.errstate] = []

    def again(self) -> Detector:
        return Detector(self.nan, self.inf)

    def __reduce__(self):
        return Detector, (self.nan, self.inf)

    def __enter__(self) -> None:
        if capturing.get() is not None:
            raise NotReplayableError("detect_nan looks at the numbers of each step; a replay would not")
        mode = modes.current.get()
        others = [o for o in mode.observers if mode.watch is None or o != mode.watch.forward]
        self.changes = {"recipes": True, "observers": (*others, self.forward), "watch": self}
        super().__enter__()
        self.quiet.append(np.errstate(divide="ignore", over="ignore", invalid="ignore"))
        self.quiet[-1].__enter__()  # NumPy's warnings say less, and as errors would come first

    def __exit__(self, *exc) -> None:
        self.quiet.pop().__exit__(*exc)
        super().__exit__(*exc)
        self.changes = {}  # which know this detector: a cycle

    def _bad(self, arrays: Iterable[Any]) -> Bad | None:
        """Where in the arrays nan is, or else inf."""
        given = [(i, a) for i, a in enumerate(arrays) if _may_be_bad(a)]
        given = [(i, a) for i, a in given if not np.isfinite(a).all()]
        for wanted, name, test in ((self.nan, "nan", np.isnan), (self.inf, "inf", np.isinf)):
            for i, a in given if wanted else ():
                marks = test(a)
                if marks.any():
                    return Bad(name, i, a, marks)
        return None

    # ------------------------------------------------------------------ forward

    def forward(self, node: engine.Node, recipe, out) -> None:
        """Observes an op that was recorded, but for those that compute a gradient: `backward` looks at it."""
        if isinstance(node.scope, modes.GradientScope):
            return
        bad = self._bad(out if isinstance(out, list) else [out])
        if bad is None:
            return
        inputs = flat(recipe.arrays)
        kinds = {kind for a in (*inputs, *_numbers(recipe)) for kind in _kinds(a)}
        if not kinds or kinds == {"nan"} != {bad.kind}:
            raise finding.made(node, recipe, bad)
        origin = self._entry(node, inputs, bad.kind if bad.kind in kinds else "inf", recipe)
        if bad.kind == "nan":
            raise finding.made(node, recipe, bad, origin)
        self.origins[node] = origin

    def _entry(self, node: engine.Node, inputs: list, kind: str, recipe) -> str:
        """How nan or inf came in. Inf as a constant may be meant, as masks are; anything else is an error."""
        for i, (a, edge) in enumerate(zip(inputs, node.edges, strict=True)):
            if kind not in _kinds(a):
                continue
            if edge is not None and edge[0] in self.origins:
                return self.origins[edge[0]]
            if kind == "nan" or edge is not None:
                raise finding.entered(node, recipe, i, kind)
            return finding.place_of(node, recipe, i)
        return f"among the arguments of {finding.called(node)}"

    # ------------------------------------------------------------------ backward

    def backward(self, run: Callable | None, roots: Sequence[engine.Edge | None]) -> Callable:
        """What a walk from `roots` runs for each node in place of `run`, or of the node's own backward."""
        for root in roots:
            if root is not None and root[0] in self.origins and prod(root[0].shapes[root[1]]) == 1:
                raise finding.infinite(root[0], self.origins[root[0]])

        def watched(node: engine.Node, g: Any):
            arrived = self._bad(map(_array, g if isinstance(g, tuple) else (g,)))
            if arrived is not None:
                raise finding.arrived(node, arrived, any(r is not None and r[0] is node for r in roots))
            grads = node.backward(g) if run is None else run(node, g)
            if isinstance(grads, (tuple, list)):
                bad = self._bad(map(_array, grads))
                if bad is not None:
                    raise finding.made_backward(node, bad, None if isinstance(g, tuple) else _array(g))
            return grads

        return watched


def _array(g: Any) -> Any:
    if isinstance(g, Pieces):  # of what arrived
        return None
    return g.data if isinstance(g, Tensor) else g.values if isinstance(g, SparseRows) else g


def _may_be_bad(a: Any) -> bool:
    return isinstance(a, float) or (hasattr(a, "dtype") and a.dtype.kind == "f")


def _kinds(a: Any) -> Iterator[str]:
    """Which of nan and inf there are in an argument."""
    if _may_be_bad(a) and not np.isfinite(a).all():
        if np.isnan(a).any():
            yield "nan"
        if np.isinf(a).any():
            yield "inf"


def _numbers(recipe) -> Iterator[Any]:
    """What an op was given beside its inputs."""
    stack = [*recipe.rest, *recipe.kwargs.values()]
    while stack:
        value = stack.pop()
        if isinstance(value, (tuple, list)):
            stack.extend(value)
        else:
            yield value


@overload
def detect_nan(fn: None = None, *, nan: bool = True, inf: bool = True) -> Detector: ...
@overload
def detect_nan(fn: F, *, nan: bool = True, inf: bool = True) -> F: ...
def detect_nan(fn: Callable | None = None, *, nan: bool = True, inf: bool = True) -> Any:
    """Stop at the first op, forward or backward, that makes nan or inf: `with detect_nan(): loss = ...`.

    Or `@detect_nan` above a function or a generator. FloatingPointError names the module, the op, its
    arguments, the place in the array and the numbers there; `visualize(error)` draws the graph up to that op.
    Nan that came in with data or parameters is told of where an op passes it on. Inf given as a constant may
    be meant (masks of -inf) and is told of when nan is made of it, or a loss that is inf goes backward; in a
    parameter it is an error. `nan=False` or `inf=False` look for the other alone; ValueError for both.

    Looked at are ops that are recorded, not those under no_grad, and each backward that runs inside; of ops
    from outside, inputs are known as far as they were saved. Inside, NumPy's warnings are off, inputs are
    kept as under higher_order, nn.replay runs the loss itself, and replicas watch their shares too; threads
    of your own need a `with` of theirs. A step takes about twice as long; outside of it nothing is looked at.
    """
    if not (nan or inf):
        raise ValueError("detect_nan: nan=False and inf=False leave nothing to look for")
    detector = Detector(nan, inf)
    return detector if fn is None else detector(fn)
