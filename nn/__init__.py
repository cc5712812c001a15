"""Layers, losses and optimizers under PyTorch's names, over the ops of tapegrad.autograd."""

from typing import TYPE_CHECKING

from ..autograd.exports import on_first_use
from .container import ModuleDict, ModuleList, Sequential
from .module import Module, Parameter
from .random import get_rng_state, manual_seed, set_rng_state
from .replay import replay
from .saving import load, save

FILES = {  # and what is found there
    "functional": "functional",
    "init": "init",
    "modules.activation": "GELU ReLU Sigmoid SiLU Softmax Tanh",
    "modules.attention": "MultiheadAttention PositionalEncoding",
    "modules.dropout": "Dropout",
    "modules.embedding": "Embedding EmbeddingBag",
    "modules.linear": "Bilinear Linear",
    "modules.loss": "CrossEntropyLoss MSELoss",
    "modules.normalization": "LayerNorm RMSNorm",
    "modules.transformer": """Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
        TransformerEncoderLayer""",
    "optim": "optim",
    "parallel": "parallel",
    "utils": "utils",
}
_LOADED = """Module ModuleDict ModuleList Parameter Sequential get_rng_state load manual_seed replay save
    set_rng_state"""
__all__ = sorted(" ".join([_LOADED, *FILES.values()]).split())

if TYPE_CHECKING:
    from . import functional, init, optim, parallel, utils
    from .modules.activation import *
    from .modules.attention import *
    from .modules.dropout import *
    from .modules.embedding import *
    from .modules.linear import *
    from .modules.loss import *
    from .modules.normalization import *
    from .modules.transformer import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
