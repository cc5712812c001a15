"""Layers as functions, under PyTorch's names and arguments; kernels stand beside their functions."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from .embedding import embedding
from .linear import linear

FILES = {  # and what is found there; a file that is called as its function is loaded at once
    "activation": "gelu log_softmax relu sigmoid silu softmax tanh",
    "attention": "multi_head_attention scaled_dot_product_attention",
    "batchnorm": "batch_norm",
    "groupnorm": "group_norm instance_norm",
    "loss": "cross_entropy mse_loss",
    "normalization": "layer_norm rms_norm",
    "response": "local_response_norm",
}
_DROPOUT = "alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout"
__all__ = sorted({"embedding", "linear", *" ".join([_DROPOUT, *FILES.values()]).split()})

if TYPE_CHECKING:
    from .activation import *
    from .attention import *
    from .batchnorm import *
    from .groupnorm import *
    from .loss import *
    from .normalization import *
    from .response import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
