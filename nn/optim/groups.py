"""Parameter groups: which parameters an optimizer trains, with which options, and what it cannot train."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from numbers import Real
from operator import is_
from typing import Any

import numpy as np

from ...autograd import Tensor
from .flat import Flat, Loose, share_memory

# Options of PyTorch's that say how a step is computed and not what; here there is one way.
WAYS: dict[str, Any] = {"foreach": None, "fused": None, "capturable": False, "differentiable": False}
FLAGS = {"maximize", "amsgrad", "nesterov", "centered", "decoupled_weight_decay"}
KEPT_BY_SCHEDULES = {"initial_lr", "max_lr", "min_lr", "base_momentum", "max_momentum", "swa_lr"}
# Options of some optimizers. An optimizer without them refuses them, where it takes what a program or a
# schedule keeps in a group for itself, such as a name.
OTHERS = FLAGS | {"momentum", "dampening", "betas", "lr_decay", "momentum_decay", "etas", "ns_steps"}
# Options that spoil all parameters where they are inf. (A t0, or a tolerance, may be.)
FINITE = {"lr", "weight_decay", "momentum", "eps", "lr_decay", "lambd", "alpha", "rho", "d"}


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Of the locals() of an optimizer's __init__, its options: all but self and params."""
    return {name: value for name, value in given.items() if name not in ("self", "params", "__class__")}


class Groups:
    """The part of Optimizer that takes parameters and options, and checks them."""

    state_names: tuple[str, ...] = ()
    not_negative: tuple[str, ...] = ("lr", "weight_decay")
    several: Mapping[str, int] = {}  # options that are so many numbers
    fractions: tuple[str, ...] = ()  # options that are numbers, or tuples of them, in [0, 1)
    words: tuple[str, ...] = ()  # options that a subclass checks by itself
    whole = False
    own_step = False  # a subclass in PyTorch's style: nothing is known of its options, and it has no buffers

    def _error(self, problem: str, kind: type[Exception] = ValueError) -> Exception:
        return kind(f"{type(self).__name__}: {problem}")

    def _start_groups(self, params: Iterable, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self._flats: list[list[Any]] = []  # for each group, one for each dtype
        self._members: list[list[Tensor]] = []  # of each group when its buffers were made
        if hasattr(params, "parameters"):
            raise self._error("a module; give it module.parameters()", TypeError)
        if isinstance(params, (set, frozenset)):
            raise self._error("a set has no order; give a list of parameters", TypeError)
        groups: list[Any] = [params] if isinstance(params, (Tensor, dict)) else self._listed(params)
        if not groups:
            raise self._error("an empty list of parameters")
        if not any(isinstance(group, dict) for group in groups):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Optimize further parameters too: {"params": Tensors, and options where they differ}.

        Parameters may come with names, all or none: (name, Tensor). ValueError or TypeError, and no change,
        for what cannot be trained.
        """
        if not isinstance(param_group, dict):
            kind = type(param_group).__name__
            raise self._error(
                f"a parameter group is a dict, got {kind}: give Tensors or dicts, not both", TypeError
            )
        given = param_group.get("params", ())
        self._follow()
        named = self._named([given] if isinstance(given, Tensor) else given)
        group = {**self.defaults, **param_group, **named}
        self._check_known(group)
        self.check(group)
        self._check_params(group["params"])
        self._flats.append(self._flats_of(group))
        self._members.append(list(group["params"]))
        param_group.update(group)  # the dict itself, as in PyTorch: who wraps an optimizer shares it
        self.param_groups.append(param_group)

    def _check_known(self, group: Mapping[str, Any]) -> None:
        """Raise ValueError for an option of another optimizer, or what looks like one of this, misspelt."""
        unknown = group.keys() - self.defaults.keys() - {"params", "param_names"} - KEPT_BY_SCHEDULES
        if self.own_step or not unknown:
            return
        from difflib import get_close_matches

        wrong = {n for n in unknown if n in OTHERS or get_close_matches(str(n), self.defaults, 1, 0.85)}
        if wrong:
            raise self._error(
                f"no option {', '.join(sorted(wrong))}; there are {', '.join(self.defaults)}. (A dict that "
                "another optimizer was given has its options by now.)"
            )

    def _flats_of(self, group: Mapping[str, Any]) -> list[Any]:
        by_dtype: dict[np.dtype, list[Tensor]] = {}
        if self.own_step:
            return [Loose(group["params"])]
        for p in group["params"]:
            by_dtype.setdefault(p.dtype, []).append(p)
        return [self._flat(group, same) for same in by_dtype.values()]

    def _follow(self) -> None:
        """Make the buffers anew where a program has changed the parameters in param_groups.

        Those that were there before keep their state. ValueError or TypeError for what cannot be trained.
        """
        now = [group["params"] for group in self.param_groups]
        if len(now) == len(self._members) and all(map(_same, now, self._members)):
            return
        for i, group in enumerate(self.param_groups):
            lacking = self.defaults.keys() - group.keys()
            if lacking and not self.own_step:
                names = ", ".join(sorted(lacking))
                raise self._error(f"param_groups[{i}] lacks {names}; add groups by add_param_group()")
            group["params"] = self._listed(group["params"])
        self._check_params([])
        old = {id(p): (flat, i) for flats in self._flats for flat in flats for i, p in enumerate(flat.params)}
        self._flats = [self._flats_of(group) for group in self.param_groups]
        self._members = [list(group["params"]) for group in self.param_groups]
        for flat in [flat for flats in self._flats for flat in flats if not self.own_step]:
            for i, p in enumerate(flat.params):
                if id(p) in old:
                    flat.take_over(i, *old[id(p)])

    def layout(self, group: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shapes of the state arrays of a parameter of this shape, by name."""
        return dict.fromkeys(self.state_names, shape)

    def initial(self, group: Mapping[str, Any]) -> dict[str, float]:
        """What fills the state arrays that are there before the first update, by name."""
        return {}

    def start(self, group: Mapping[str, Any]) -> dict[str, float]:
        """What of a parameter's state is one number: its values before the first update, by name."""
        return {}

    def buffers(self) -> Iterator[tuple[dict[str, Any], Flat]]:
        """(group, flat buffer) of all parameters, one for each group and dtype.

        TypeError for a subclass that has a step() of its own and no buffers.
        """
        if self.own_step:
            problem = "has no buffers, as its step() is its own; write update() in its place"
            raise self._error(problem, TypeError)
        for group, flats in zip(self.param_groups, self._flats, strict=True):
            yield from ((group, flat) for flat in flats)

    def _flat(self, group: Mapping[str, Any], params: list[Tensor]) -> Flat:
        layouts = [self.layout(group, p.shape) for p in params]
        return Flat(params, layouts, [*self.start(group)], self.initial(group), self.whole)

    def _listed(self, params: Any) -> list[Any]:
        if not isinstance(params, Iterable) or getattr(params, "ndim", 1) == 0:
            raise self._error(
                f"params must be Tensors, as model.parameters() gives, got {params!r}", TypeError
            )
        return list(params)

    def _named(self, given: Iterable) -> dict[str, list]:
        """{"params": Tensors} of a group, and "param_names" where they come with names."""
        if isinstance(given, (set, frozenset)):
            raise self._error("a set has no order; give a list of parameters", TypeError)
        params = self._listed(given)
        pairs = [p for p in params if isinstance(p, tuple) and len(p) == 2 and isinstance(p[0], str)]
        named = any("param_names" in group for group in self.param_groups)
        if len(pairs) not in (0, len(params)) or (self.param_groups and params and named != bool(pairs)):
            raise self._error("either all parameters come with a name, (name, Tensor), or none")
        if not pairs:
            return {"params": params}
        return {"params": [p for _, p in pairs], "param_names": [name for name, _ in pairs]}

    def check(self, group: Mapping[str, Any]) -> None:
        """Raise ValueError for an option out of range, TypeError for one of another kind."""
        if self.own_step:
            return
        for name in self.defaults:
            self._check_kind(name, group[name])
        for name in self.not_negative:
            if name in group and not group[name] >= 0:
                raise self._error(f"{name} must be 0 or more, got {group[name]}")
        for name in self.fractions:
            self._check_fraction(name, group[name])
        for name in (FINITE & self.defaults.keys()).difference(self.words):
            if not math.isfinite(group[name]):
                raise self._error(f"{name} must be finite, got {group[name]}")
        if group.get("differentiable"):
            raise self._error(
                "differentiable=True is not there: a step is not recorded; write the update with Tensors, of "
                "ag.grad(..., create_graph=True)"
            )

    def _check_kind(self, name: str, value: Any) -> None:
        count = self.several.get(name)
        if name in FLAGS or name in WAYS:
            if not isinstance(value, (bool, np.bool_)) and not (name in WAYS and value is None):
                raise self._error(f"{name} must be True or False, got {value!r}", TypeError)
        elif count is not None:
            if not isinstance(value, (tuple, list)) or not all(isinstance(n, Real) for n in value):
                raise self._error(f"{name} must be {count} numbers, got {value!r}", TypeError)
            if len(value) != count:
                raise self._error(f"{name} must be {count} numbers, got {value!r}")
        elif name not in self.words and not isinstance(value, Real):
            item = "; .item() gives one" if hasattr(value, "item") else ""
            raise self._error(f"{name} must be a number, got {value!r}{item}", TypeError)

    def _check_fraction(self, name: str, given: Any) -> None:
        several = isinstance(given, (tuple, list))
        if not all(0 <= n < 1 for n in (given if several else (given,))):
            wanted = f"{len(given)} numbers" if several else "a number"
            raise self._error(f"{name} must be {wanted} in [0, 1), got {given}")

    def _called(self, index: int) -> str:
        """What to call a parameter in messages, by its place among all."""
        names = [n for g in self.param_groups for n in g.get("param_names", [""] * len(g["params"]))]
        return f"parameter {index}" + (f" ({names[index]})" if names[index] else "")

    def _check_params(self, params: list[Tensor]) -> None:
        every = [p for group in self.param_groups for p in group["params"]] + params
        for p in every:
            if not isinstance(p, Tensor):
                raise self._error(
                    f"takes Tensors, as model.parameters() gives, got {type(p).__name__}", TypeError
                )
            if p.node is not None and not p.is_leaf:
                raise self._error(f"a Tensor computed by {p.node.name} is no leaf; only leaves are trained")
            if p.dtype.kind != "f":
                raise self._error(f"trains float parameters, got {p.dtype}", TypeError)
        if len({id(p) for p in every}) < len(every):
            raise self._error("a parameter is listed twice")
        if share_memory(every):  # they would be torn apart by moving them
            raise self._error("two parameters share memory; use one Tensor in both places")

    def __repr__(self) -> str:
        groups = []
        for group in self.param_groups:
            hidden = {"params", "param_names", *WAYS}
            shown = ", ".join(f"{name}={value}" for name, value in group.items() if name not in hidden)
            groups.append(f"({shown})  # {sum(p.size for p in group['params']):,} parameters")
        between = "\n  " if len(groups) > 1 else ""
        return between.join([type(self).__name__, *groups])


def _same(a: Any, b: list) -> bool:
    """Whether a list holds the same objects as another."""
    return isinstance(a, list) and len(a) == len(b) and all(map(is_, a, b))
