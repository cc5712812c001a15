"""Optimizer: parameter groups, state, and the loop over flat buffers that every update rule shares."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np

from ...autograd import Tensor
from ...autograd.sparse import SparseRows
from .flat import Flat, share_memory
from .sparse import arrays_of, take_sparse
from .steps import Piece, reduce, update


class Optimizer:
    """Base of the optimizers, used as in PyTorch.

    `params` are Tensors, or dicts {"params": [...], "lr": ..., ...} with options of their own. The optimizer
    moves the parameters of a group into one flat buffer, of which each `p.data` is a view from then on.

    A subclass gives the names of its state arrays, `check(group)` for options, and `update`, which changes
    one piece of the buffers in place: `update(group, t, p, g, *state, scratch1, scratch2)` with 1-D arrays of
    equal length; t = 1 at a parameter's first update. It leaves g as it is. For sparse gradients there are
    `check_sparse(group)`, which refuses them here, and `update_rows`.
    """

    state_names: tuple[str, ...] = ()
    update: Callable[..., None]

    def __init__(self, params: Iterable, defaults: dict[str, Any]):
        self.defaults = defaults
        self.calls = 0  # of step() so far
        self.param_groups: list[dict[str, Any]] = []
        self._flats: list[list[Flat]] = []  # for each group, one for each dtype
        if hasattr(params, "parameters"):
            raise self._error("a module; give it module.parameters()", TypeError)
        groups: list[Any] = [params] if isinstance(params, (Tensor, dict)) else list(params)
        if not groups:
            raise self._error("an empty list of parameters")
        if not any(isinstance(group, dict) for group in groups):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _error(self, problem: str, kind: type[Exception] = ValueError) -> Exception:
        return kind(f"{type(self).__name__}: {problem}")

    def check(self, group: Mapping[str, Any]) -> None:
        """Raise ValueError for an option out of range, TypeError for one that is no number."""
        for name, value in group.items():
            numbers = value if isinstance(value, (tuple, list)) else [value]
            if name != "params" and not all(isinstance(n, Real) for n in numbers):
                wanted = "numbers" if isinstance(self.defaults.get(name), tuple) else "a number"
                raise self._error(f"{name} must be {wanted}, got {value!r}", TypeError)
        for name in ("lr", "weight_decay"):
            if not group[name] >= 0:
                raise self._error(f"{name} must be 0 or more, got {group[name]}")

    def add_param_group(self, group: dict[str, Any]) -> None:
        """Optimize further parameters too: {"params": Tensors, and options where they differ}."""
        if not isinstance(group, dict):
            kind = type(group).__name__
            raise self._error(
                f"a parameter group is a dict, got {kind}: give Tensors or dicts, not both", TypeError
            )
        given = group.get("params", ())
        params = [given] if isinstance(given, Tensor) else list(given)
        unknown = group.keys() - self.defaults.keys() - {"params", "initial_lr"}
        if unknown:
            raise self._error(f"no option {', '.join(sorted(unknown))}; there are {', '.join(self.defaults)}")
        group = {**self.defaults, **group, "params": params}
        self.check(group)
        self._check_params(params)
        by_dtype: dict[np.dtype, list[Tensor]] = {}
        for p in params:
            by_dtype.setdefault(p.dtype, []).append(p)
        self._flats.append([Flat(same, self.state_names) for same in by_dtype.values()])
        self.param_groups.append(group)

    def _check_params(self, params: list[Tensor]) -> None:
        for p in params:
            if not isinstance(p, Tensor):
                raise self._error(
                    f"takes Tensors, as model.parameters() gives, got {type(p).__name__}", TypeError
                )
            if p.node is not None and not p.is_leaf:
                raise self._error(f"a Tensor computed by {p.node.name} is no leaf; only leaves are trained")
            if p.dtype.kind != "f":
                raise self._error(f"trains float parameters, got {p.dtype}", TypeError)
        every = [p for group in self.param_groups for p in group["params"]] + params
        if len({id(p) for p in every}) < len(every):
            raise self._error("a parameter is listed twice")
        if share_memory(every):  # they would be torn apart by moving them
            raise self._error("two parameters share memory; use one Tensor in both places")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                elif isinstance(p.grad, SparseRows):
                    p.grad = p.grad.emptied()
                elif p.grad is not None:
                    p.grad.fill(0)

    def step(self) -> None:
        """Update every parameter that has a gradient; the others and their state stay as they are.

        TypeError or ValueError for a sparse gradient that the optimizer, or its options, cannot take.
        """
        flats = [flat for _, flat in self.buffers()]
        for flat in flats:
            flat.adopt()
        found = [[p.grad for p in flat.params] for flat in flats]
        sparse = any([SparseRows in map(type, of_buffer) for of_buffer in found])
        buffers, tables = (list(self.buffers()), take_sparse(found)) if sparse else ((), ())
        for table in tables:
            self.check_sparse(buffers[table.buffer][0])
        gradients = [[None if g is None else g.reshape(-1) for g in of_buffer] for of_buffer in found]
        used = [[g is not None for g in of_buffer] for of_buffer in found]
        pieces = list(self.pieces(used))
        own = ((flats[p.buffer].gather(gradients[p.buffer], p.span),) for p in pieces)
        update(self.update, pieces, reduce(own))
        for buffer, place, gradient in tables:
            group, flat = buffers[buffer]
            self.update_rows(group, int(flat.steps[place]) + 1, *arrays_of(flat, place, gradient.coalesce()))
            used[buffer][place] = True
        for flat, of_buffer in zip(flats, used, strict=True):
            flat.count_step(of_buffer)
        self.calls += 1

    def check_sparse(self, group: Mapping[str, Any]) -> None:
        """Raise TypeError or ValueError unless this optimizer, with these options, takes sparse gradients."""
        raise self._error(
            "takes no sparse gradients; use SGD or Adam, or sparse=False in the embedding", TypeError
        )

    def update_rows(self, group, t, p, rows, g, *state) -> None:
        """As `update`, the t-th with the options `group`, for a sparse gradient: g[i] is that of p[rows[i]].

        Each of the rows is there once; p, a view of the parameter, and the `state` arrays are tables of such
        rows. NotImplementedError here.
        """
        raise NotImplementedError(f"{type(self).__name__} has no update_rows()")

    def buffers(self) -> Iterator[tuple[dict[str, Any], Flat]]:
        """(group, flat buffer) of all parameters, one for each group and dtype."""
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            yield from ((group, flat) for flat in flats)

    def pieces(
        self,
        used: Sequence[Sequence[bool] | np.ndarray],
        scratch: Sequence[np.ndarray] | None = None,
        sharers: int = 1,
    ) -> Iterator[Piece]:
        """The parts to update, where `used` says for each buffer which of its parameters have a gradient.

        `scratch` for each buffer, where several update at a time; `sharers` is their number.
        """
        for i, (group, flat) in enumerate(self.buffers()):
            rows = flat.scratch if scratch is None else scratch[i]
            for span, steps in flat.pieces(used[i], sharers):
                values, here = flat.values[span], slice(span.stop - span.start)
                room = [*[state[span] for state in flat.state.values()], *[row[here] for row in rows]]
                yield Piece(group, steps + 1, i, span, values, room)

    # ------------------------------------------------------------------ state

    def _entries(self) -> list[tuple[Flat, int]]:
        """(buffer, place in it) of every parameter, in the order of the indices in a state."""
        found = {id(p): (flat, i) for _, flat in self.buffers() for i, p in enumerate(flat.params)}
        return [found[id(p)] for group in self.param_groups for p in group["params"]]

    def kept(self, group: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of the state arrays that a group with these options uses."""
        return self.state_names

    def state_dict(self) -> dict[str, Any]:
        """{"state": {index: {"step": int, name: array}}, "param_groups": options, with indices as "params"}.

        PyTorch's layout. A parameter that was never updated has no state. The arrays are views, not copies.
        """
        entries = self._entries()
        state, groups, first = {}, [], 0
        for group in self.param_groups:
            indices = list(range(first, first + len(group["params"])))
            for index in indices:
                flat, i = entries[index]
                if flat.steps[i]:
                    views = {name: flat.state[name][flat.spans[i]] for name in self.kept(group)}
                    shaped = {name: view.reshape(flat.shapes[i]) for name, view in views.items()}
                    state[index] = {"step": int(flat.steps[i]), **shaped}
            groups.append({**group, "params": indices})
            first += len(indices)
        return {"state": state, "param_groups": groups}

    def check_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raise ValueError, saying where, if `load_state_dict` could not load this."""
        theirs = [len(group["params"]) for group in state["param_groups"]]
        ours = [len(group["params"]) for group in self.param_groups]
        if theirs != ours:
            raise self._error(f"the state has groups of {theirs} parameters, this optimizer of {ours}")
        kept: list[tuple[str, ...]] = []  # of each parameter
        for saved in state["param_groups"]:
            missing = self.defaults.keys() - saved.keys()
            if missing:
                raise self._error(
                    f"the saved options lack {', '.join(sorted(missing))}: another optimizer's?"
                )
            self.check(saved)
            kept += [self.kept(saved)] * len(saved["params"])
        entries = self._entries()
        for index, arrays in state["state"].items():
            if not 0 <= int(index) < len(entries):
                raise self._error(f"state for parameter {index}, but there are {len(entries)} parameters")
            flat, i = entries[int(index)]
            names = {"step", *kept[int(index)]}
            if arrays.keys() != names:
                found = ", ".join(sorted(arrays))
                raise self._error(
                    f"state of parameter {index} is {found}, expected {', '.join(sorted(names))}"
                )
            for name in kept[int(index)]:
                shape = np.shape(arrays[name])
                if shape != flat.shapes[i]:
                    raise self._error(
                        f"{name} of parameter {index} has shape {shape}, expected {flat.shapes[i]}"
                    )

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state given by `state_dict`, all or nothing; the arrays are copied."""
        self.check_state_dict(state)
        for group, saved in zip(self.param_groups, state["param_groups"], strict=True):
            options = {k: tuple(v) if isinstance(v, list) else v for k, v in saved.items()}
            group.update({**options, "params": group["params"]})
        given = {int(index): arrays for index, arrays in state["state"].items()}
        for index, (flat, i) in enumerate(self._entries()):
            arrays = given.get(index, {})
            flat.steps[i] = int(arrays.get("step", 0))
            for name, buffer in flat.state.items():
                buffer[flat.spans[i]] = np.ravel(arrays[name]) if name in arrays else 0

    def __repr__(self) -> str:
        groups = []
        for group in self.param_groups:
            options = ", ".join(f"{name}={value}" for name, value in group.items() if name != "params")
            groups.append(f"({options})  # {sum(p.size for p in group['params']):,} parameters")
        between = "\n  " if len(groups) > 1 else ""
        return between.join([type(self).__name__, *groups])
