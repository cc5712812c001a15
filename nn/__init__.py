"""Layers, losses and optimizers under PyTorch's names, over the ops of tapegrad.autograd."""

from typing import TYPE_CHECKING

from ..autograd.exports import on_first_use
from .module import Buffer, Module, Parameter
from .random import get_rng_state, manual_seed, set_rng_state
from .replay import replay
from .saving import load, save

FILES = {  # and what is found there
    "container": "ModuleDict ModuleList Sequential",
    "functional": "functional",
    "init": "init",
    "modules.activation": "GELU ReLU Sigmoid SiLU Softmax Tanh",
    "modules.attention": "MultiheadAttention PositionalEncoding",
    "modules.dropout": "Dropout",
    "modules.embedding": "Embedding",
    "modules.linear": "Linear",
    "modules.loss": "CrossEntropyLoss MSELoss",
    "modules.normalization": "LayerNorm RMSNorm",
    "modules.shape": "Flatten Identity Unflatten",
    "modules.transformer": """Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
        TransformerEncoderLayer""",
    "optim": "optim",
    "parallel": "parallel",
    "parameter_containers": "ParameterDict ParameterList",
    "utils": "utils",
}
_LOADED = "Buffer Module Parameter get_rng_state load manual_seed replay save set_rng_state"
__all__ = sorted(" ".join([_LOADED, *FILES.values()]).split())

if TYPE_CHECKING:
    from . import functional, init, optim, parallel, utils
    from .container import *
    from .modules.activation import *
    from .modules.attention import *
    from .modules.dropout import *
    from .modules.embedding import *
    from .modules.linear import *
    from .modules.loss import *
    from .modules.normalization import *
    from .modules.shape import *
    from .modules.transformer import *
    from .parameter_containers import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
