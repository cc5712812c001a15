"""Layers, losses and optimizers under PyTorch's names, over the ops of tapegrad.autograd."""

from importlib import import_module
from typing import TYPE_CHECKING

from . import functional, init, optim, utils
from .container import ModuleDict, ModuleList, Sequential
from .module import Module, Parameter
from .modules.activation import GELU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from .modules.attention import MultiheadAttention, PositionalEncoding
from .modules.dropout import Dropout
from .modules.embedding import Embedding
from .modules.linear import Linear
from .modules.loss import CrossEntropyLoss, MSELoss
from .modules.normalization import LayerNorm, RMSNorm
from .modules.transformer import (
    Transformer,
    TransformerDecoder,
    TransformerDecoderLayer,
    TransformerEncoder,
    TransformerEncoderLayer,
)
from .random import get_rng_state, manual_seed, set_rng_state
from .replay import replay
from .saving import load, save

if TYPE_CHECKING:
    from . import parallel
else:

    def __getattr__(name):
        if name == "parallel":  # an eighth of the time that the import takes, and for few programs
            return import_module(".parallel", __name__)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "GELU",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "LayerNorm",
    "Linear",
    "MSELoss",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "Parameter",
    "PositionalEncoding",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "functional",
    "get_rng_state",
    "init",
    "load",
    "manual_seed",
    "optim",
    "parallel",
    "replay",
    "save",
    "set_rng_state",
    "utils",
]
