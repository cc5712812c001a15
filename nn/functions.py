"""Modules as functions of their parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..autograd import Tensor
from ..autograd import value_and_grad as value_and_grad_of
from ..autograd.arrays import ArrayLike
from ..autograd.entered import entering
from ..autograd.tensor import wrap
from .computed import afresh
from .module import Module, Parameter
from .uninitialized import UNKNOWN, is_lazy

__all__ = ["functional_call", "value_and_grad"]

Named = Mapping[str, ArrayLike]
Slot = tuple[dict[str, Any], str]  # the attributes of a module, and the name of one


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: Named | Sequence[Named],
    args: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """module(*args, **kwargs) with other parameters and buffers, which are given by their dotted names.

    `parameter_and_buffer_dicts` is a dict, such as dict(module.named_parameters()), or several without a name
    in common; those that are not in it are the module's own. `args` is a tuple, or the one argument. What is
    shared is replaced under all its names unless tie_weights=False. Inside, the module's parameters() are
    those given; afterwards, also after an error, it is as before; what it does to buffers, and to a table by
    max_norm, it does to those given. It makes a function of the parameters:
    `ag.jacobian(lambda p: loss(nn.functional_call(model, p, x), y))(dict(model.named_parameters()))`, of a
    loss for each sample, has the gradients of each. TypeError for no Module; ValueError for a name that is
    given twice, also by different values for what is shared, and for one of a lazy module that was not
    called yet; RuntimeError with `strict` unless the names are those of the module, AttributeError for the
    path of a module that is not there. As in PyTorch a name of no parameter or buffer is otherwise without
    effect.
    """
    if not isinstance(module, Module):
        raise TypeError(f"functional_call: the first argument is a {type(module).__name__}, no Module")
    given = _merged(parameter_and_buffer_dicts)
    positional = () if args is None else args if isinstance(args, tuple) else (args,)
    with entering(lambda: replaced(module, given, tie_weights, strict)):
        return module(*positional, **(kwargs or {}))


def value_and_grad(module: Module, loss: Callable[..., Any]) -> Callable[..., Any]:
    """A function that returns (value, {name: gradient}): of `loss`, for the parameters of `module`.

    It takes what `loss` takes, a function that calls the module and returns a Tensor of one element:
    `step = nn.value_and_grad(model, lambda x, y: F.mse_loss(model(x), y)); value, found = step(x, y)`. Frozen
    parameters are left out, and a shared one comes under its first name; the gradients are ndarrays of the
    parameters' shapes, and no `.grad` is touched. What raises is told by `ag.grad`; TypeError for no Module,
    ValueError where no parameter requires a gradient.
    """
    if not isinstance(module, Module):
        raise TypeError(f"value_and_grad: the first argument is a {type(module).__name__}, no Module")

    def with_parameters(parameters: dict[str, Tensor], args: tuple, kwargs: dict[str, Any]) -> Any:
        with entering(lambda: replaced(module, parameters)):
            return loss(*args, **kwargs)

    differentiated = value_and_grad_of(with_parameters)

    def both(*args: Any, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        # one that is computed has a graph: of a functional_call, or a value_and_grad, around this one
        wanted = {name: p for name, p in module.named_parameters() if p.requires_grad}
        for name, p in wanted.items():
            _check_known("value_and_grad", name, p)
        parameters = {name: p.data if p.is_leaf else p for name, p in wanted.items()}
        if not parameters:
            raise ValueError(f"value_and_grad: no parameter of {type(module).__name__} requires a gradient")
        return differentiated(parameters, args, kwargs)

    return both


def _merged(dicts: Any) -> dict[str, Any]:
    """One dict of several. ValueError for what is none, and for a name in two."""
    listed = [dicts] if isinstance(dicts, Mapping) else dicts
    if not isinstance(listed, (list, tuple)) or not all(isinstance(d, Mapping) for d in listed):
        raise ValueError(
            f"functional_call: parameter_and_buffer_dicts is a {type(dicts).__name__}, and must be a dict, "
            "or a list or tuple of dicts"
        )
    found: dict[str, Any] = {}
    for some in listed:
        twice = [name for name in some if name in found]
        if twice:
            raise ValueError(f"functional_call: {twice} are in two of the dicts")
        found.update(some)
    return found


@contextmanager
def replaced(module: Module, given: Named, tied: bool = True, strict: bool = False) -> Iterator[None]:
    """In a `with` block: the arrays of `given` in place of parameters and buffers of these names."""
    slots = _slots(module)
    groups = _shared(slots) if tied else {}
    if strict:
        _check_names(module, given, slots, groups)
    values: list[tuple[Slot, Any]] = []
    first: dict[str, str] = {}  # of a group, by its first name: the name that was given first
    made: dict[int, Parameter] = {}  # of a value, by its id: what was one stays one
    for name, value in given.items():
        module.get_submodule(name.rpartition(".")[0])
        names = groups.get(name, [name] if name in slots else [])
        other = first.setdefault(names[0] if names else name, name)
        if given[other] is not value:
            raise ValueError(
                f"functional_call: {other!r} and {name!r} are shared by {type(module).__name__} and given "
                "different values; tie_weights=False keeps them apart"
            )
        values += [(slots[each], _as_attribute(name, value, slots[each], made)) for each in names]
    before = [(own, name, own[name]) for (own, name), _ in values]
    try:
        for (own, name), value in values:
            own[name] = value
        with afresh():
            yield
    finally:
        for own, name, value in reversed(before):
            own[name] = value


def _slots(module: Module) -> dict[str, Slot]:
    """Where each parameter and buffer stands, under each of its names."""
    found = {}
    for path, owner in module.named_modules(remove_duplicate=False):
        own = vars(owner)
        buffers = own.get("_persistent", ())
        for name, value in own.items():
            if isinstance(value, Parameter) or (name in buffers and value is not None):
                found[f"{path}.{name}" if path else name] = own, name
    return found


def _shared(slots: dict[str, Slot]) -> dict[str, list[str]]:
    """For each name of a parameter or buffer all its names, in one list."""
    groups: dict[int, list[str]] = {}
    for name, (own, attribute) in slots.items():
        groups.setdefault(id(own[attribute]), []).append(name)
    return {name: names for names in groups.values() for name in names}


def _check_names(module: Module, given: Named, slots: dict[str, Slot], groups: dict) -> None:
    """RuntimeError unless `given` has all names, of what is shared one, and no others."""
    unexpected = [name for name in given if name not in slots]
    missing = [name for name in slots if not any(n in given for n in groups.get(name, [name]))]
    if unexpected or missing:
        raise RuntimeError(
            f"functional_call: names for {type(module).__name__} that it has not: {unexpected}, and missing "
            f"ones: {missing}; strict=False takes what there is"
        )


def _as_attribute(path: str, value: Any, slot: Slot, made: dict[int, Parameter]) -> Any:
    """A parameter has to be one, which modules list as theirs; a buffer is an array unless it has a graph."""
    own, name = slot
    _check_known("functional_call", path, own[name])
    if not isinstance(own[name], Parameter):
        return value.data if isinstance(value, Tensor) and value.edge is None else value
    if value is None:
        raise TypeError(f"functional_call: {path!r} is None; leave it out, and it is the module's own")
    if id(value) not in made:
        tensor = value if isinstance(value, Tensor) else Tensor(value)
        made[id(value)] = wrap(tensor.data, tensor.edge, Parameter)
    return made[id(value)]


def _check_known(function: str, path: str, value: Any) -> None:
    """ValueError for a parameter or buffer of a lazy module: its first call would put its own in place."""
    if is_lazy(value):
        raise ValueError(f"{function}: {path!r} has no numbers yet: {UNKNOWN}")
