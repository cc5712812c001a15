"""Activations by the names that config.json has for them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ... import autograd as ag
from ...autograd import Tensor
from ...nn import functional as F

tanh_gelu = partial(F.gelu, approximate="tanh")


def quick_gelu(x: Tensor) -> Tensor:
    """x * sigmoid(1.702 x)."""
    return x * ag.special.expit(x * 1.702)


def relu2(x: Tensor) -> Tensor:
    """max(x, 0)^2 (So et al. 2021, Primer, arXiv:2109.08668)."""
    y = F.relu(x)
    return y * y


def clipped_gelu(x: Tensor) -> Tensor:
    """gelu(x), from -10 to 10."""
    return ag.clip(F.gelu(x), -10, 10)


def linear(x: Tensor) -> Tensor:
    """x."""
    return x


ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": F.gelu,
    "gelu_10": clipped_gelu,
    "gelu_accurate": tanh_gelu,
    "gelu_fast": tanh_gelu,
    "gelu_new": tanh_gelu,
    "gelu_python": F.gelu,
    "gelu_python_tanh": tanh_gelu,
    "gelu_pytorch_tanh": tanh_gelu,
    "hardswish": F.hardswish,
    "leaky_relu": F.leaky_relu,
    "linear": linear,
    "mish": F.mish,
    "quick_gelu": quick_gelu,
    "relu": F.relu,
    "relu2": relu2,
    "relu6": F.relu6,
    "sigmoid": F.sigmoid,
    "silu": F.silu,
    "swish": F.silu,
    "tanh": F.tanh,
}


def activation(name: str) -> Callable[[Tensor], Tensor]:
    """The function of a Tensor that config.json calls `name`; ValueError that lists the names there are."""
    if name not in ACTIVATIONS:
        raise ValueError(f"config.json: no activation is called {name!r}; there are {', '.join(ACTIVATIONS)}")
    return ACTIVATIONS[name]
