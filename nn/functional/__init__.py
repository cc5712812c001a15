"""Layers as functions, under PyTorch's names and arguments; kernels stand beside their functions."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .dropout import dropout
from .embedding import embedding
from .linear import linear

FILES = {  # and what is found there; a file that is called as its function is loaded at once
    "activation": "gelu log_softmax relu sigmoid silu softmax tanh",
    "attention": "multi_head_attention scaled_dot_product_attention",
    "convolution": "conv1d conv2d conv3d",
    "folding": "fold unfold",
    "loss": "cross_entropy mse_loss",
    "normalization": "layer_norm rms_norm",
    "transposed_convolution": "conv_transpose1d conv_transpose2d conv_transpose3d",
}
__all__ = sorted({"dropout", "embedding", "linear", *" ".join(FILES.values()).split()})

if TYPE_CHECKING:
    from .activation import *
    from .attention import *
    from .convolution import *
    from .folding import *
    from .loss import *
    from .normalization import *
    from .transposed_convolution import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
