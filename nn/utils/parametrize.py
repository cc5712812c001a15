"""Parameters that are functions of others: module.weight is computed from what is trained in its place."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from ...autograd import Tensor, no_grad, versions
from ..computed import Computed, lasting, set_computed
from ..container import ModuleDict, ModuleList
from ..module import Module, Parameter

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]


def cached() -> AbstractContextManager[None]:
    """A `with` block in which each parametrized tensor is computed once, when it is first read.

    In a call of the module itself that is so without it. What the optimizer changes inside is not seen.
    """
    return lasting()


class Parametrized(Computed):
    """Computes an attribute by the ParametrizationList of its name."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, module: Any) -> Tensor:
        return module.parametrizations[self.name]()

    def assign(self, module: Any, name: str, value: Any) -> None:
        if isinstance(value, Parameter):
            raise KeyError(f"{type(module).__name__}.{name} is parametrized; remove_parametrizations first")
        module.parametrizations[self.name].right_inverse(_tensor(f"{name} is assigned", value))


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, each of which gets what the one before gives.

    register_parametrization makes it. The first gets `original`, of which the right_inverse of each has made
    what is trained, or `original0`, `original1` ... if that gave several. It is called without input; the
    result is shaped as the tensor was. ValueError where shape or dtype would change, unless `unsafe`.
    """

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False):
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules")
        super().__init__(modules)
        self.unsafe = unsafe
        before = _tensor("the tensor", original)
        new: Any = before
        with no_grad():
            for module in reversed(self):
                if hasattr(module, "right_inverse"):
                    try:
                        new = module.right_inverse(new)
                    except NotImplementedError:  # it begins with any numbers
                        continue
        self.is_tensor = isinstance(new, (Tensor, np.ndarray))
        if not self.is_tensor and not isinstance(new, (list, tuple)):
            raise ValueError(f"right_inverse gives a Tensor or a sequence of them, not a {_kind(new)}")
        self.ntensors = 1 if self.is_tensor else len(new)
        self._check_and_keep(before, original, new)

    def _check_and_keep(self, before: Tensor, original: Any, new: Any) -> None:
        trained = isinstance(original, Parameter)
        if self.is_tensor:
            new = _tensor("right_inverse", new)
            if new.dtype != before.dtype:
                raise ValueError(f"right_inverse may not change the dtype: {before.dtype} to {new.dtype}")
            old = before.data.copy()
            _keep(self, "original", _put(original, new) if trained else new.data.copy())
            undo = (original, old) if trained else None
        else:
            undo = None
            for i, each in enumerate(new):
                each = _tensor(f"right_inverse, element {i}", each)
                value = Parameter(each, original.requires_grad) if trained else each.data.copy()
                _keep(self, f"original{i}", value)
        if self.unsafe:
            return
        problem = _problem(self(), before)
        if problem:
            if undo is not None:
                _put(*undo)
            raise ValueError(
                f"a parametrization of {before.dtype}{before.shape} {problem}, which needs unsafe=True"
            )

    def right_inverse(self, value: Any) -> None:
        """Write what gives `value`, of any shape that the parametrizations take, into what is trained.

        ValueError for what a right_inverse may not give, TypeError where a parametrization has none.
        """
        with no_grad():
            for module in reversed(self):
                if not hasattr(module, "right_inverse"):
                    raise TypeError(f"parametrization {_kind(module)} has no right_inverse")
                value = module.right_inverse(value)
            values = [value] if self.is_tensor else value
            if not isinstance(values, (list, tuple)) or len(values) != self.ntensors:
                raise ValueError(f"right_inverse gives {self.ntensors} Tensors, not {_kind(values)}")
            names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
            new = [_tensor("right_inverse", each) for each in values]
            for name, each in zip(names, new, strict=True):
                own = getattr(self, name)
                if each.dtype != own.dtype or (each.shape != own.shape and not self.unsafe):
                    kinds = f"{each.dtype}{each.shape} for {name} of {own.dtype}{own.shape}"
                    raise ValueError(f"right_inverse gives {kinds}")
            for name, each in zip(names, new, strict=True):
                own = getattr(self, name)
                setattr(self, name, _put(own, each) if isinstance(own, Parameter) else each.data.copy())

    def originals(self) -> list[Tensor]:
        """What is trained: one Tensor, or several; ValueError where one is none."""
        names = ["original"] if self.is_tensor else [f"original{i}" for i in range(self.ntensors)]
        return [_tensor(name, getattr(self, name)) for name in names]

    def forward(self) -> Any:
        first, *others = self
        x = first(*self.originals())
        for module in others:
            x = module(x)
        return x


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Have module.<tensor_name> computed by `parametrization` from what is trained; returns the module.

    What is trained is called parametrizations.<tensor_name>.original, and begins as what the
    parametrization's right_inverse gives, where it has one, for the numbers there were. A parametrization
    of what is parametrized gets the result of those before. ValueError where there is no such parameter or
    buffer, or where shape or dtype would change, which `unsafe` permits.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_another(module, tensor_name, parametrization)
        module.parametrizations[tensor_name].append(parametrization)
        module.parametrizations[tensor_name].unsafe |= unsafe
        return module
    buffers = vars(module).get("_persistent", {})
    if not isinstance(vars(module).get(tensor_name), Parameter) and tensor_name not in buffers:
        raise ValueError(
            f"register_parametrization: {_kind(module)} has no parameter or buffer {tensor_name!r}"
        )
    original = getattr(module, tensor_name)
    found = ParametrizationList([parametrization], original, unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.parametrizations = ModuleDict()
    module.parametrizations[tensor_name] = found
    set_computed(module, tensor_name, Parametrized(tensor_name))
    return module


def _check_another(module: Module, name: str, parametrization: Any) -> None:
    """Raise ValueError where one more parametrization changes the shape or dtype, forth or back."""
    y = getattr(module, name)
    x = parametrization(y)
    problem = _problem(x, y)
    if problem:
        raise ValueError(f"a parametrization of {y.dtype}{y.shape} {problem}, which needs unsafe=True")
    if hasattr(parametrization, "right_inverse"):
        try:
            z = parametrization.right_inverse(x)
        except NotImplementedError:
            return
        problem = _problem(z, y)
        if problem:
            raise ValueError(f"right_inverse for {y.dtype}{y.shape} {problem}, which needs unsafe=True")


def _problem(found: Any, before: Tensor) -> str:
    if not isinstance(found, (Tensor, np.ndarray)):
        return f"gives a {_kind(found)}, not a Tensor"
    same = found.dtype == before.dtype and found.shape == before.shape
    return "" if same else f"gives {found.dtype}{found.shape}"


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether this attribute, or any, is computed by parametrizations."""
    found = vars(module).get("parametrizations")
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make module.<tensor_name> a parameter again, with the numbers that it has; returns the module.

    With leave_parametrized=False with the numbers of `original`. ValueError where nothing is parametrized,
    or where that was several tensors.
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"remove_parametrizations: {_kind(module)}.{tensor_name} is not parametrized")
    found = module.parametrizations[tensor_name]
    if not found.is_tensor and not leave_parametrized:
        raise ValueError("remove_parametrizations: what is trained are several tensors, which are not left")
    original: Any = found.original if found.is_tensor else None
    if leave_parametrized:
        value = getattr(module, tensor_name)
        if isinstance(original, Parameter):
            original = _put(original, value.detach())
        else:
            original = Parameter(value) if value.requires_grad else value.data
    del module.parametrizations[tensor_name]
    set_computed(module, tensor_name, None)
    _keep(module, tensor_name, original)
    if not is_parametrized(module):
        del module.parametrizations
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of the module, which parametrizations do not change here."""
    return type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give `to_module` the parametrizations of the other, of one tensor or of all, and what they train.

    Returns it; both have the same parametrizations and parameters then. ValueError as in
    register_parametrization.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name)))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target = to_module.parametrizations[name]
        for own in ["original"] if source.is_tensor else [f"original{i}" for i in range(source.ntensors)]:
            setattr(target, own, getattr(source, own))
    return to_module


def _keep(module: Module, name: str, value: Any) -> None:
    """A Parameter, or an array as a buffer."""
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


def _put(parameter: Any, new: Any) -> Any:
    """The parameter itself with the numbers of `new`, which may be of another shape."""
    array = new.data if isinstance(new, Tensor) else new
    if parameter.shape == array.shape and parameter.dtype == array.dtype:
        parameter.data[...] = array
        versions.mark_written(parameter.data)
    else:
        wanted = parameter.requires_grad
        parameter.edge = parameter._leaf = None
        parameter.data = array.copy()
        parameter.requires_grad = wanted
    return parameter


def _tensor(what: str, value: Any) -> Tensor:
    if not isinstance(value, (Tensor, np.ndarray)):
        raise ValueError(f"{what}: a Tensor or an array is wanted, not a {_kind(value)}")
    return value if isinstance(value, Tensor) else Tensor(value)


def _kind(value: Any) -> str:
    return type(value).__name__
