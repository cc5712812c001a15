"""Layers as functions, under PyTorch's names and arguments; kernels stand beside their functions."""

from .activation import gelu, log_softmax, relu, sigmoid, silu, softmax, tanh
from .attention import multi_head_attention, scaled_dot_product_attention
from .dropout import dropout
from .embedding import embedding
from .linear import linear
from .loss import cross_entropy, mse_loss
from .normalization import layer_norm, rms_norm

__all__ = [
    "cross_entropy",
    "dropout",
    "embedding",
    "gelu",
    "layer_norm",
    "linear",
    "log_softmax",
    "mse_loss",
    "multi_head_attention",
    "relu",
    "rms_norm",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "softmax",
    "tanh",
]
