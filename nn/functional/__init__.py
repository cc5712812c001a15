"""Layers as functions, under PyTorch's names and arguments; kernels stand beside their functions."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .dropout import dropout
from .embedding import embedding
from .linear import bilinear, linear

FILES = {  # and what is found there; a file that is called as its function is loaded at once
    "activation": "gelu log_softmax relu sigmoid silu softmax tanh",
    "attention": "multi_head_attention scaled_dot_product_attention",
    "bags": "embedding_bag",
    "loss": "cross_entropy mse_loss",
    "normalization": "layer_norm rms_norm",
}
__all__ = sorted({"bilinear", "dropout", "embedding", "linear", *" ".join(FILES.values()).split()})

if TYPE_CHECKING:
    from .activation import *
    from .attention import *
    from .bags import *
    from .loss import *
    from .normalization import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
