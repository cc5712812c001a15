"""Modules that learn from their first input how many features it has."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...autograd.arrays import ArrayLike, DTypeLike
from ..functional._inputs import as_tensor
from ..module import Module
from ..uninitialized import UninitializedBuffer, UninitializedParameter, is_lazy
from .linear import Linear

__all__ = ["LazyLinear"]


class LazyModuleMixin:
    """For classes that come before a Module: parameters get their shapes from the first input.

    Such a class assigns `UninitializedParameter`s and writes `initialize_parameters`, which is called with
    the arguments of the first call and materializes them. After that the object is of class `cls_to_become`,
    if that is set, with nothing lazy left. It is PyTorch's torch.nn.modules.lazy.LazyModuleMixin.
    """

    cls_to_become: type | None = None

    def initialize_parameters(self, *args, **kwargs) -> None:
        """Give every parameter its shape by args and kwargs, those of the first call; to be written.

        NotImplementedError where it is not.
        """
        raise NotImplementedError(f"{type(self).__name__} has no initialize_parameters()")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer has no shape yet."""
        return any(map(is_lazy, vars(self).values()))

    def __call__(self, *args, **kwargs):
        if self.__dict__.get("_is_shaped"):
            return super().__call__(*args, **kwargs)  # type: ignore[misc]
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise RuntimeError(
                f"{type(self).__name__}: initialize_parameters() left parameters without a shape"
            )
        if self.cls_to_become is None:
            self.__dict__["_is_shaped"] = True
        else:
            self.__class__ = self.cls_to_become
        return self(*args, **kwargs)


class LazyLinear(LazyModuleMixin, Linear):
    """A Linear whose in_features are learned from its first input (..., in_features)."""

    cls_to_become = Linear

    def __init__(
        self, out_features: int, bias: bool = True, device: Any = None, dtype: DTypeLike | None = None
    ):
        super().__init__(0, out_features, False, device, dtype)
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None

    def reset_parameters(self) -> None:
        """Linear's numbers, once there is a shape."""
        if not self.has_uninitialized_params() and self.in_features:
            super().reset_parameters()

    def initialize_parameters(self, input: ArrayLike) -> None:
        """Give weight and bias their shapes by the last axis of `input` (..., in_features).

        ValueError for an input without axes.
        """
        x = as_tensor(input)
        if not x.ndim:
            raise ValueError(f"{self.label()}: input has no axis to take the features from")
        if self.has_uninitialized_params():
            self.in_features = x.shape[-1]
            materialize(self.weight, (self.out_features, self.in_features))
            materialize(self.bias, (self.out_features,))
            self.reset_parameters()
        self.in_features = self.weight.shape[1]


class LazyNormMixin(LazyModuleMixin, Module):
    """For batch and instance normalisation; num_features is the C of the first input (N, C, ...).

    A lazy class is this mixin, the ordinary class and its `cls_to_become`. Where inputs may lack the batch,
    as (C, ...), `_channels` tells otherwise.
    """

    weight: Any
    bias: Any
    running_mean: Any
    num_features: int

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
        *,
        bias: bool = True,
    ):
        base: Any = super()
        base.__init__(0, eps, momentum, False, False, device, dtype, bias=False)
        self.affine, self.track_running_stats = affine, track_running_stats
        if affine:
            self.weight = UninitializedParameter(device=device, dtype=dtype)
            self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None
        if track_running_stats:
            for name in ("running_mean", "running_var"):
                self.register_buffer(name, None)
                setattr(self, name, UninitializedBuffer(device=device, dtype=dtype))
            self.register_buffer("num_batches_tracked", np.zeros((), np.int64))

    def reset_parameters(self) -> None:
        """The ordinary class's numbers, once there is a shape."""
        if not self.has_uninitialized_params() and self.num_features:
            base: Any = super()
            base.reset_parameters()

    def initialize_parameters(self, input: ArrayLike) -> None:
        """Give parameters and running statistics their shape by the channels of `input` (N, C, ...).

        ValueError for an input without channels.
        """
        if self.has_uninitialized_params():
            self.num_features = self._channels(as_tensor(input))
            for name, value in list(vars(self).items()):
                if isinstance(value, UninitializedBuffer):
                    setattr(self, name, value.materialize((self.num_features,)))
                elif is_lazy(value):
                    value.materialize((self.num_features,))
            self.reset_parameters()
        held = self.running_mean if self.weight is None else self.weight
        self.num_features = self.num_features if held is None else held.shape[0]

    def _channels(self, input) -> int:
        if input.ndim < 2:
            raise ValueError(f"{self.label()}: input of shape {input.shape} is not (N, C, ...)")
        return input.shape[1]


def materialize(parameter, shape) -> None:
    """Give a parameter its shape, unless it has one or is None."""
    if is_lazy(parameter):
        parameter.materialize(shape)
