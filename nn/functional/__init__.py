"""Layers as functions, under PyTorch's names and arguments; kernels stand beside their functions."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .dropout import dropout
from .embedding import embedding
from .linear import linear

FILES = {  # and what is found there; a file that is called as its function is loaded at once
    "activation": "gelu glu logsigmoid mish sigmoid silu softplus softsign tanh tanhshrink",
    "attention": "multi_head_attention scaled_dot_product_attention",
    "hard": "hardshrink hardsigmoid hardswish hardtanh hardtanh_ relu6 softshrink threshold threshold_",
    "loss": "cross_entropy mse_loss",
    "multi_head": "multi_head_attention_forward",
    "normalization": "layer_norm rms_norm",
    "rectifier": """celu celu_ elu elu_ leaky_relu leaky_relu_ prelu relu relu_ rrelu rrelu_ selu
        selu_""",
    "softmaxes": "gumbel_softmax log_softmax softmax softmin",
}
__all__ = sorted({"dropout", "embedding", "linear", *" ".join(FILES.values()).split()})

if TYPE_CHECKING:
    from .activation import *
    from .attention import *
    from .hard import *
    from .loss import *
    from .multi_head import *
    from .normalization import *
    from .rectifier import *
    from .softmaxes import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
