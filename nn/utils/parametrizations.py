"""Weights held to a norm or to orthogonal matrices, as parametrizations: see parametrize."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor, no_grad
from .. import random
from ..module import Module
from ._norms import default_dim, drawn, iterate, largest, matrix_of, norm_except_dim, weight_normed
from .parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
M = TypeVar("M", bound=Module)
MAPS = ("matrix_exp", "cayley", "householder")


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Train length and direction of a weight apart: g v / |v|, a length for each index of `dim`, or just one.

    Salimans and Kingma 2016, arXiv:1602.07868. They are parametrizations.<name>.original0 (g) and original1
    (v); states with <name>_g and <name>_v, of the older weight_norm, are loaded too. Returns the module.
    ValueError where there is no such parameter, IndexError for an axis that it has not.
    """
    register_parametrization(module, name, _WeightNorm(-1 if dim is None else dim), unsafe=True)
    module.register_load_state_dict_pre_hook(_OldNames(name))
    return module


class _OldNames:
    """A hook that gives g and v of the older weight_norm their new names."""

    def __init__(self, name: str):
        self.name = name

    def __call__(self, module: Module, state_dict: dict, prefix: str, *others: Any) -> None:
        old = [f"{prefix}{self.name}_g", f"{prefix}{self.name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{self.name}.original{i}"] = state_dict.pop(key)


class _WeightNorm(Module):
    def __init__(self, dim: int):
        self.dim = dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return weight_normed(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def spectral_norm(
    module: M, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> M:
    """Divide a weight by its largest singular value, as a matrix whose rows go along `dim`.

    Miyato et al. 2018, arXiv:1802.05957. In training each call improves the estimate by power iterations,
    which change the buffers parametrizations.<name>.0._u and _v. A vector is divided by its norm. `dim` is 1
    for transposed convolutions, else 0. Returns the module. ValueError where there is no such parameter or
    for less than 1 iteration, IndexError for an axis that it has not.
    """
    weight = _weight_of("spectral_norm", module, name)
    dim = default_dim(module) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, dim, eps))  # type: ignore


class _SpectralNorm(Module):
    def __init__(self, weight: Tensor, n_power_iterations: int, dim: int, eps: float):
        if not -weight.ndim <= dim < weight.ndim:
            raise IndexError(f"spectral_norm: a tensor of shape {weight.shape} has no axis {dim}")
        if n_power_iterations < 1:
            raise ValueError(f"spectral_norm: n_power_iterations is 1 or more, not {n_power_iterations}")
        self.dim = dim % weight.ndim
        self.eps = eps
        if weight.ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = matrix_of(weight.data, self.dim)
            for vector, n in zip(("_u", "_v"), matrix.shape, strict=True):
                self.register_buffer(vector, drawn(n, matrix.dtype, eps))
            self._iterate(matrix, 15)

    def _iterate(self, matrix: np.ndarray, n: int) -> None:
        for _ in range(n):
            iterate([self._u, self._v], matrix, self.eps, "uv")

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return weight / ag.maximum(ag.sqrt((weight * weight).sum()), self.eps)
        matrix = matrix_of(weight, self.dim)
        if self.training:
            self._iterate(matrix.data, self.n_power_iterations)
        return weight / largest(matrix, self._u, self._v)

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def orthogonal(
    module: M, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> M:
    """Hold a weight, or each matrix of a stack, to matrices with orthonormal columns, or rows if it is wide.

    `orthogonal_map` says how: "matrix_exp" of a skew matrix A, "cayley", (I - A/2)^-1 (I + A/2), or
    "householder" reflections; the first for square matrices, else the last. With `use_trivialization`
    (Lezcano-Casado 2019, arXiv:1909.09501) the result is multiplied by a buffer `base`, so that any
    orthogonal matrix can be assigned, and the weight begins as the Q of what it was. Returns the module.
    ValueError where there is no such parameter, for less than two axes or another map.
    """
    weight = _weight_of("orthogonal", module, name)
    if weight.ndim < 2:
        raise ValueError(f"orthogonal: a matrix or a stack of them is wanted, not a tensor of {weight.shape}")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in MAPS:
        raise ValueError(f"orthogonal: orthogonal_map is one of {MAPS}, not {orthogonal_map!r}")
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)  # type: ignore[return-value]


class _Orthogonal(Module):
    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool):
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        wide = X.shape[-2] < X.shape[-1]
        if wide:
            X = X.mT
        Q = _reflected(X) if self.orthogonal_map == "householder" else self._of_skew(X)
        if hasattr(self, "base"):
            Q = ag.matmul(self.base, Q)
        return Q.mT if wide else Q

    def _of_skew(self, X: Tensor) -> Tensor:
        n, k = X.shape[-2:]
        X = ag.tril(X)
        if n != k:
            X = ag.concatenate([X, np.zeros((*X.shape[:-1], n - k), X.dtype)], axis=-1)
        A = X - X.mT
        if self.orthogonal_map == "matrix_exp":
            Q = ag.linalg.expm(A)
        else:
            eye = np.eye(n, dtype=A.dtype)
            Q = ag.linalg.solve(eye - A / 2, eye + A / 2)  # type: ignore[call-arg]
        return Q[..., :k]

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        if Q.shape != self.shape:
            raise ValueError(f"orthogonal: a matrix of shape {self.shape} is wanted, not {Q.shape}")
        q, wide = Q.data, Q.shape[-2] < Q.shape[-1]
        q = q.mT if wide else q
        if hasattr(self, "base"):
            self.base = _base(q)
            return Tensor(-np.eye(*Q.shape[-2:], dtype=Q.dtype) + np.zeros(Q.shape, Q.dtype))
        if self.orthogonal_map != "householder":
            raise NotImplementedError(
                f"orthogonal: without use_trivialization nothing is assigned to {self.orthogonal_map!r}"
            )
        h, tau = np.linalg.qr(q, mode="raw")
        a = h.mT.copy()
        diagonal = np.einsum("...ii->...i", a[..., : a.shape[-1], :])  # a view
        diagonal[...] = np.where(tau == 0, -np.sign(diagonal), np.sign(diagonal))
        return Tensor(a.mT if wide else a)


def _reflected(X: Tensor) -> Tensor:
    """The first columns of H_1 H_2 ..., H_i = I - tau v v^T, v a column of X below a diagonal of ones.

    Their product is I - V T V^T, T^-1 = diag(1 / tau) + the part of V^T V above the diagonal (Joffrain et al.
    2006). Times the signs on the diagonal of X, of which PyTorch takes the whole part: after weight decay 0.
    """
    n, k = X.shape[-2:]
    A = ag.tril(X, -1)
    eye = np.eye(n, k, dtype=X.dtype)
    V = A + eye
    tau = 2 / (1 + (A * A).sum(axis=-2))[..., None]
    inverse = np.eye(k, dtype=X.dtype) + tau * ag.triu(V.mT @ V, 1)
    T = ag.linalg.solve(inverse, tau * V[..., :k, :].mT)  # type: ignore[call-arg]
    signs = np.sign(np.diagonal(X.data, axis1=-2, axis2=-1))[..., None, :]
    return (eye - V @ T) * signs


def _base(q: np.ndarray) -> np.ndarray:
    """q itself if it is square and orthogonal, else the Q of it and of random columns beside it."""
    n, k = q.shape[-2:]
    tolerance = 10 * n * np.finfo(q.dtype).eps
    if n == k and np.allclose(q.mT @ q, np.eye(n, dtype=q.dtype), atol=tolerance):
        return q.copy()
    if n != k:
        more = random.generator().standard_normal((*q.shape[:-1], n - k)).astype(q.dtype)
        q = np.concatenate([q, more], axis=-1)
    made, r = np.linalg.qr(q)
    return made * np.sign(np.diagonal(r, axis1=-2, axis2=-1))[..., None, :]


def _weight_of(name: str, module: Module, weight: str) -> Tensor:
    found = getattr(module, weight, None)
    if not isinstance(found, (Tensor, np.ndarray)):
        raise ValueError(f"{name}: {type(module).__name__} has no parameter or buffer {weight!r}")
    return found if isinstance(found, Tensor) else Tensor(found)
