"""A function of arrays and its gradients as two lists of NumPy calls in memory of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy import ndarray

from .. import engine
from ..arrays import as_array, draws, keeping
from ..modes import Switch
from ..tensor import Tensor, wrap
from .following import follow
from .shown import shown
from .trace import Capture, NotReplayableError, Step, Traced, bare, capturing


class Program:
    """What `fn(*arrays)`, one Tensor, and its gradients for the `leaves` were computed by.

    `run` does so again for other numbers, without any of the Python code in between. Leaves, and the Tensors
    in `reads` that no gradient is captured for, are read where their arrays are now (`moved` tells whether
    they are elsewhere by then). `places` has arrays for some leaves, by id, in which their gradients are made
    if possible. Raises NotReplayableError for what cannot be captured.
    """

    def __init__(
        self,
        fn: Callable[..., Tensor],
        arrays: Sequence[ndarray],
        leaves: Sequence[Tensor],
        places: Mapping[int, ndarray] | None = None,
        reads: Sequence[Tensor] = (),
    ):
        self.leaves = [leaf for leaf in leaves if leaf.requires_grad]
        self._homes = [(tensor, tensor.data) for tensor in (*leaves, *reads)]
        self._forward: list[Step] = []
        self._backward: list[Step] = []
        self._runs = 0
        self._ready = 0  # the run whose backward can follow
        wanted = [None if places is None else places.get(id(leaf)) for leaf in self.leaves]
        gradients = self._capture(fn, arrays, Capture())
        if places is not None:  # once more: by now it is known which of the arrays are the gradients
            pairs = zip(gradients, wanted, strict=True)
            fitting = {g.number: memory for g, p in pairs if (memory := _memory_for(g, p)) is not None}
            del gradients, pairs
            self._forward = self._backward = []  # and with them their memory
            gradients = self._capture(fn, arrays, Capture(fitting))
        self._gradients = tuple([_lent(g, p) for g, p in zip(gradients, wanted, strict=True)])

    def _capture(self, fn: Callable[..., Tensor], arrays: Sequence[ndarray], capture: Capture) -> list:
        """Note the steps, and give the gradients back."""
        tokens = capturing.set(capture), draws.set(capture.draw), keeping.set(capture)
        try:
            with shown([tensor for tensor, _ in self._homes]), Switch(again=follow):
                inputs = [capture.copy(a) for a in arrays]
                out = fn(*inputs)
                if not isinstance(out, Tensor) or not isinstance(out.data, Traced):
                    raise NotReplayableError("the result is no Tensor that was computed from the arrays")
                self.draws = capture.draws
                self._forward, capture.steps = capture.steps, []
                seed = capture.copy(np.ones(out.shape, out.dtype))
                found: dict = dict.fromkeys(leaf.edge for leaf in self.leaves)
                if out.edge is not None:
                    self._check_leaves(out.edge, found)
                    engine.walk([out.edge], [seed], targets=found, hooks=False)
                self._backward, capture.steps = capture.steps, []
            if capture.refusal is not None:  # and caught
                raise capture.refusal
        finally:
            capturing.reset(tokens[0])
            draws.reset(tokens[1])
            keeping.reset(tokens[2])
        self._changed = list(capture.changed.values())
        self._inputs, self._out, self._seed = bare(inputs), bare(out.data), bare(seed)
        return [g if g is None or isinstance(g, Traced) else as_array(g) for g in found.values()]

    @staticmethod
    def _check_leaves(edge: engine.Edge, known: dict) -> None:
        for node in engine.reachable([edge]):
            if not node.edges and (node, 0) not in known:
                raise NotReplayableError(
                    "the result depends on a leaf besides those whose gradient is captured"
                )

    def moved(self) -> bool:
        """Whether a leaf has another array than when this was captured."""
        return any([leaf.data is not data for leaf, data in self._homes])

    def run(self, arrays: Sequence[ndarray], written: Sequence[int] = ()) -> Tensor:
        """The result for `arrays`, a Tensor with the leaves as its graph. Raises DivergedError.

        Arrays that fn changes by `arrays.change` are changed, unless it raises.

        Its backward has to come before the next run, which uses the same memory. `written` are the places of
        the arrays that fn writes to.
        """
        for own, array in zip(self._inputs, arrays, strict=True):
            own[...] = array
        self._runs += 1
        run = self._ready = self._runs
        before = [array.copy() for array in self._changed]
        try:
            _do(self._forward)
        except BaseException:  # whoever goes on without a replay makes the changes then
            for array, old in zip(self._changed, before, strict=True):
                array[...] = old
            raise
        for i in written:
            arrays[i][...] = self._inputs[i]
        homes = self._homes  # closed over, so that the engine sees if they are written to before backward

        def backward(g):
            if run != self._ready or any([leaf.data is not data for leaf, data in homes]):
                raise RuntimeError(
                    "backward of a replayed result after its memory was used again: call backward once, and "
                    "before the next replay"
                )
            self._ready = 0
            self._seed[...] = g
            _do(self._backward)
            return self._gradients

        edges = [leaf.edge for leaf in self.leaves]
        out = self._out.copy()
        if all(g is None for g in self._gradients):
            return wrap(out, None)
        return wrap(out, (engine.new_node(replay, edges, backward, out.shape, out.dtype), 0))


def _memory_for(g, place: ndarray | None) -> ndarray | None:
    """`place` as memory for the gradient g, if that is an array with memory of its own laid out likewise."""
    if place is None or getattr(g, "number", -1) < 0:
        return None
    fits = (
        place.flags.c_contiguous and g.flags.c_contiguous and (g.shape, g.dtype) == (place.shape, place.dtype)
    )
    return place.reshape(-1).view(np.uint8) if fits else None


def _lent(g, place: ndarray | None) -> ndarray | None:
    """The gradient g as backward gives it: its place, or a view, which nobody adds to."""
    if _memory_for(g, place) is not None and np.shares_memory(g, place):
        return place
    return None if g is None else bare(g).view()


def replay() -> None:
    """What the node of a program is called."""


def _do(steps: list[Step]) -> None:
    with np.errstate(all="ignore"):  # where the captured code has its own, it is not in the steps
        for fn, args in steps:
            fn(*args)
