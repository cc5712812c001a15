"""PyTorch's older weight_norm and spectral_norm, with the names that their states have.

They do what those of nn.utils.parametrizations do. The weight is computed when it is read.
"""

from __future__ import annotations

import warnings
from typing import Any, TypeVar

import numpy as np

from ...autograd import Tensor, no_grad
from ..computed import Computed, computes, in_call, set_computed
from ..module import Module, Parameter
from ._norms import default_dim, drawn, iterate, largest, matrix_of, norm_except_dim, weight_normed

__all__ = ["remove_spectral_norm", "remove_weight_norm", "spectral_norm", "weight_norm"]
M = TypeVar("M", bound=Module)


class WeightNorm(Computed):
    """Computes a weight of length <name>_g and direction <name>_v."""

    advice = "remove_weight_norm first"

    def __init__(self, name: str, dim: int):
        self.name = name
        self.dim = dim

    def __call__(self, module: Any) -> Tensor:
        return weight_normed(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Train a weight as <name>_g v / |v| with v = <name>_v, a length for each index of `dim`, or just one.

    Salimans and Kingma 2016, arXiv:1602.07868. FutureWarning, as in PyTorch: nn.utils.parametrizations has
    the newer one. Returns the module. ValueError where there is no such parameter or where it is there
    already, IndexError for an axis that the weight has not.
    """
    warnings.warn(
        "nn.utils.weight_norm is the old one; nn.utils.parametrizations.weight_norm does the same",
        FutureWarning,
        stacklevel=2,
    )
    weight = _parameter("weight_norm", module, name)
    dim = -1 if dim is None else dim
    with no_grad():
        length = norm_except_dim(weight, dim)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(length.data))
    module.register_parameter(f"{name}_v", Parameter(weight.data))
    set_computed(module, name, WeightNorm(name, dim))
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Make the weight a parameter again, with the numbers it has; returns the module.

    ValueError where there is no weight_norm.
    """
    return _removed("weight_norm", module, name, WeightNorm, ("_g", "_v"))


class SpectralNorm(Computed):
    """Computes <name>_orig divided by its largest singular value."""

    advice = "remove_spectral_norm first"

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float):
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def __call__(self, module: Any) -> Tensor:
        weight = getattr(module, f"{self.name}_orig")
        u, v = (getattr(module, f"{self.name}_{vector}") for vector in "uv")
        matrix = matrix_of(weight, self.dim)
        if module.training and in_call(module):
            for _ in range(self.n_power_iterations):
                iterate([u, v], matrix.data, self.eps, "vu")
        return weight / largest(matrix, u, v)


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight by its largest singular value, as a matrix whose rows go along `dim`.

    Miyato et al. 2018, arXiv:1802.05957. <name>_orig is trained; in training each call of the module improves
    the estimate by power iterations, which change the buffers <name>_u and <name>_v. `dim` is 1 for
    transposed convolutions, else 0. Returns the module. ValueError where there is no such parameter, where it
    is there already or for less than 1 iteration, IndexError for an axis that the weight has not.
    """
    weight = _parameter("spectral_norm", module, name)
    if n_power_iterations < 1:
        raise ValueError(f"spectral_norm: n_power_iterations is 1 or more, not {n_power_iterations}")
    dim = default_dim(module) if dim is None else dim
    if not -weight.ndim <= dim < weight.ndim:
        raise IndexError(f"spectral_norm: a tensor of shape {weight.shape} has no axis {dim}")
    matrix = matrix_of(weight.data, dim % weight.ndim)
    delattr(module, name)
    module.register_parameter(f"{name}_orig", weight)
    for vector, n in zip("uv", matrix.shape, strict=True):
        module.register_buffer(f"{name}_{vector}", drawn(n, matrix.dtype, eps))
    set_computed(module, name, SpectralNorm(name, n_power_iterations, dim % weight.ndim, eps))
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Make the weight a parameter again, with the numbers it has; returns the module.

    ValueError where there is no spectral_norm.
    """
    return _removed("spectral_norm", module, name, SpectralNorm, ("_orig", "_u", "_v"))


def _parameter(function: str, module: Module, name: str) -> Parameter:
    if computes(module, name) is not None:
        raise ValueError(f"{function}: {type(module).__name__}.{name} is computed from others already")
    found = vars(module).get(name)
    if not isinstance(found, Parameter):
        raise ValueError(f"{function}: {type(module).__name__} has no parameter {name!r}")
    return found


def _removed(function: str, module: M, name: str, kind: type, parts: tuple[str, ...]) -> M:
    if not isinstance(computes(module, name), kind):
        raise ValueError(f"remove_{function}: {type(module).__name__} has no {function} of {name!r}")
    with no_grad():
        weight = np.array(getattr(module, name).data)
    set_computed(module, name, None)
    for part in parts:
        delattr(module, f"{name}{part}")
    module.register_parameter(name, Parameter(weight))
    return module
