"""Layers as functions, under PyTorch's names and arguments; kernels stand beside their functions."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .dropout import dropout
from .embedding import embedding
from .linear import linear

FILES = {  # and what is found there; a file that is called as its function is loaded at once
    "activation": "gelu log_softmax relu sigmoid silu softmax tanh",
    "attention": "multi_head_attention scaled_dot_product_attention",
    "likelihood": """binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss kl_div
        poisson_nll_loss""",
    "loss": "cross_entropy nll_loss",
    "normalization": "layer_norm rms_norm",
    "regression": "huber_loss l1_loss mse_loss smooth_l1_loss",
    "vocabulary": "linear_cross_entropy",
}
__all__ = sorted({"dropout", "embedding", "linear", *" ".join(FILES.values()).split()})

if TYPE_CHECKING:
    from .activation import *
    from .attention import *
    from .likelihood import *
    from .loss import *
    from .normalization import *
    from .regression import *
    from .vocabulary import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
