"""A batch norm in evaluation, which is a line, put into the weights of the layer before it."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import numpy as np

from ...autograd import Tensor
from ..module import Module, Parameter

__all__ = ["fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"]
M = TypeVar("M", bound=Module)


def fuse_conv_bn_eval(conv: M, bn: Any, transpose: bool = False) -> M:
    """A copy of the convolution `conv` that computes bn(conv(x)), for both in evaluation.

    `transpose`: it is a transposed one, whose outputs are on the weight's second axis. ValueError for modules
    in training or without running statistics, or where shapes do not fit.
    """
    _check_modes("fuse_conv_bn_eval", conv, bn)
    fused: Any = copy.deepcopy(conv)
    given = bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    fused.weight, fused.bias = fuse_conv_bn_weights(fused.weight, fused.bias, *given, transpose)
    return fused


def fuse_conv_bn_weights(
    conv_w: Any,
    conv_b: Any,
    bn_rm: Any,
    bn_rv: Any,
    bn_eps: float,
    bn_w: Any,
    bn_b: Any,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution with the batch norm behind it in them.

    conv_w is (outputs, inputs, *window), with `transpose` (inputs, outputs, *window); conv_b, the running
    mean bn_rm and variance bn_rv, bn_w and bn_b are (outputs,), all but the statistics may be None.
    ValueError where shapes do not fit.
    """
    axis = 1 if transpose else 0
    return _fused("fuse_conv_bn_weights", conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, axis)


def fuse_linear_bn_eval(linear: M, bn: Any) -> M:
    """A copy of the Linear layer `linear` that computes bn(linear(x)), for both in evaluation.

    ValueError for modules in training or without running statistics, or where features do not fit.
    """
    _check_modes("fuse_linear_bn_eval", linear, bn)
    fused: Any = copy.deepcopy(linear)
    if fused.out_features != bn.num_features and bn.num_features != 1:
        raise ValueError(
            f"fuse_linear_bn_eval: linear.out_features {fused.out_features} and bn.num_features "
            f"{bn.num_features} differ, and the latter is not 1"
        )
    given = bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    fused.weight, fused.bias = fuse_linear_bn_weights(fused.weight, fused.bias, *given)
    return fused


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """Weight (outputs, inputs) and bias of a Linear layer with the batch norm behind it in them.

    The statistics, bn_w and bn_b are (outputs,) or (1,); linear_b, bn_w and bn_b may be None. ValueError
    where shapes do not fit.
    """
    return _fused("fuse_linear_bn_weights", linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fused(
    name: str, w: Any, b: Any, mean: Any, var: Any, eps: float, gain: Any, shift: Any, axis: int
) -> Any:
    """bn(W x + b) = scale (W x + b - mean) + shift with scale = gain / sqrt(var + eps)."""
    weight, mean, var = _array(w), _array(mean), _array(var)
    outputs = weight.shape[axis] if weight.ndim > axis else 0
    parts = {"bias": b, "running mean": mean, "running variance": var, "bn weight": gain, "bn bias": shift}
    for what, part in parts.items():
        if part is not None and np.shape(_array(part)) not in ((outputs,), (1,)):
            raise ValueError(
                f"{name}: {what} of shape {np.shape(_array(part))} for weight of shape {weight.shape}, which "
                f"has {outputs} outputs on axis {axis}"
            )
    scale = (1.0 if gain is None else _array(gain)) / np.sqrt(var + eps)
    bias = ((0.0 if b is None else _array(b)) - mean) * scale + (0.0 if shift is None else _array(shift))
    along = [1] * weight.ndim
    along[axis] = -1
    frozen = isinstance(w, Tensor) and not w.requires_grad
    frozen_bias = isinstance(b, Tensor) and not b.requires_grad
    dtype = weight.dtype if b is None else _array(b).dtype
    fused = np.broadcast_to(bias, (outputs,)).astype(dtype)
    return (
        Parameter((weight * scale.reshape(along)).astype(weight.dtype), not frozen),
        Parameter(fused, b is not None and not frozen_bias),
    )


def _array(value: Any) -> np.ndarray:
    return value.data if isinstance(value, Tensor) else np.asarray(value)


def _check_modes(name: str, layer: Module, bn: Any) -> None:
    if layer.training or bn.training:
        raise ValueError(f"{name} is for evaluation: call eval() on both modules before")
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError(f"{name}: {type(bn).__name__} has no running statistics")
