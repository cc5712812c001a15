"""Modules that learn from their first input how many features it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...autograd.arrays import ArrayLike, DTypeLike
from ..functional._inputs import as_tensor
from ..uninitialized import UninitializedBuffer, UninitializedParameter, is_lazy
from .convolution import Conv1d, Conv2d, Conv3d, ConvNd
from .linear import Linear
from .transposed_convolution import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d

__all__ = ["LazyConv1d", "LazyConv2d", "LazyConv3d", "LazyConvTranspose1d", "LazyConvTranspose2d"]
__all__ += ["LazyConvTranspose3d", "LazyLinear"]


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
            _materialize(self.weight, (self.out_features, self.in_features))
            _materialize(self.bias, (self.out_features,))
            self.reset_parameters()
        self.in_features = self.weight.shape[1]


class LazyConvMixin(LazyModuleMixin, ConvNd):
    """What the lazy convolutions have in common; the channels are counted in the first input (N, C, ...)."""

    def _forget(self, bias, device, dtype) -> None:
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        self.bias = UninitializedParameter(device=device, dtype=dtype) if bias else None

    def reset_parameters(self) -> None:
        """The convolution's numbers, once there is a shape."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()

    def initialize_parameters(self, input: ArrayLike, *args: Any, **kwargs: Any) -> None:
        """Give weight and bias their shapes by the channels of `input` (N, C, ...) or (C, ...).

        ValueError for an input with another number of axes, or channels that groups do not divide.
        """
        x = as_tensor(input)
        if x.ndim not in (self.axes + 1, self.axes + 2):
            raise ValueError(
                f"{self.label()}: input has {self.axes + 1} or {self.axes + 2} axes, not the shape {x.shape}"
            )
        if self.has_uninitialized_params():
            channels = x.shape[-1 - self.axes]
            if channels % self.groups:
                raise ValueError(
                    f"{self.label()}: groups={self.groups} has to divide the {channels} channels of "
                    f"input {x.shape}"
                )
            self.in_channels = channels
            _materialize(self.weight, self._weight_shape())
            _materialize(self.bias, (self.out_channels,))
            self.reset_parameters()
        self.in_channels = self.weight.shape[0] if self.transposed else self.weight.shape[1] * self.groups


class LazyNormMixin(LazyModuleMixin):
    """For batch and instance normalisation; num_features is the C of the first input (N, C, ...).

    A lazy class is this mixin, the ordinary class and its `cls_to_become`. Where inputs may lack the batch,
    as (C, ...), `_channels` tells otherwise.
    """

    weight: Any
    bias: Any

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
        super().__init__(0, eps, momentum, False, False, device, dtype, bias=False)  # type: ignore[call-arg]
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
            super().reset_parameters()

    def initialize_parameters(self, input: ArrayLike) -> None:
        """Give parameters and running statistics their shape by the channels of `input` (N, C, ...)."""
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


def _materialize(parameter, shape) -> None:
    if is_lazy(parameter):
        parameter.materialize(shape)


class LazyConv1d(LazyConvMixin, Conv1d):
    """A Conv1d whose in_channels are those of its first input, (N, C, L)."""

    cls_to_become = Conv1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        options = stride, padding, dilation, groups, False, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConv2d(LazyConvMixin, Conv2d):
    """A Conv2d whose in_channels are those of its first input, (N, C, H, W)."""

    cls_to_become = Conv2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        options = stride, padding, dilation, groups, False, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConv3d(LazyConvMixin, Conv3d):
    """A Conv3d whose in_channels are those of its first input, (N, C, D, H, W)."""

    cls_to_become = Conv3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        options = stride, padding, dilation, groups, False, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConvTranspose1d(LazyConvMixin, ConvTranspose1d):
    """A ConvTranspose1d whose in_channels are those of its first input, (N, C, L)."""

    cls_to_become = ConvTranspose1d

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        options = stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConvTranspose2d(LazyConvMixin, ConvTranspose2d):
    """A ConvTranspose2d whose in_channels are those of its first input, (N, C, H, W)."""

    cls_to_become = ConvTranspose2d

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        options = stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)


class LazyConvTranspose3d(LazyConvMixin, ConvTranspose3d):
    """A ConvTranspose3d whose in_channels are those of its first input, (N, C, D, H, W)."""

    cls_to_become = ConvTranspose3d

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        options = stride, padding, output_padding, groups, False, dilation, padding_mode, device, dtype
        super().__init__(0, out_channels, kernel_size, *options)
        self._forget(bias, device, dtype)
