"""Layers as functions, under PyTorch's names and arguments; kernels stand beside their functions."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use
from .dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from .embedding import embedding
from .linear import bilinear, linear

FILES = {  # and what is found there; a file that is called as its function is loaded at once
    "activation": "gelu glu logsigmoid mish sigmoid silu softplus softsign tanh tanhshrink",
    "adaptive_pooling": """adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d
        adaptive_max_pool1d_with_indices adaptive_max_pool2d adaptive_max_pool2d_with_indices
        adaptive_max_pool3d adaptive_max_pool3d_with_indices""",
    "alignment": "ctc_loss",
    "attention": "multi_head_attention scaled_dot_product_attention",
    "bags": "embedding_bag",
    "batchnorm": "batch_norm",
    "convolution": "conv1d conv2d conv3d",
    "distance": "cdist cosine_similarity normalize one_hot pairwise_distance pdist",
    "folding": "fold unfold",
    "fractional_pooling": """fractional_max_pool2d fractional_max_pool2d_with_indices
        fractional_max_pool3d fractional_max_pool3d_with_indices""",
    "groupnorm": "group_norm instance_norm",
    "hard": "hardshrink hardsigmoid hardswish hardtanh hardtanh_ relu6 softshrink threshold threshold_",
    "likelihood": """binary_cross_entropy binary_cross_entropy_with_logits gaussian_nll_loss kl_div
        poisson_nll_loss""",
    "loss": "cross_entropy nll_loss",
    "margin_loss": """cosine_embedding_loss hinge_embedding_loss margin_ranking_loss multi_margin_loss
        multilabel_margin_loss multilabel_soft_margin_loss soft_margin_loss triplet_margin_loss
        triplet_margin_with_distance_loss""",
    "multi_head": "multi_head_attention_forward",
    "normalization": "layer_norm rms_norm",
    "padding": "pad",
    "pooling": """avg_pool1d avg_pool2d avg_pool3d lp_pool1d lp_pool2d lp_pool3d max_pool1d
        max_pool1d_with_indices max_pool2d max_pool2d_with_indices max_pool3d max_pool3d_with_indices""",
    "rectifier": "celu celu_ elu elu_ leaky_relu leaky_relu_ prelu relu relu_ rrelu rrelu_ selu selu_",
    "regression": "huber_loss l1_loss mse_loss smooth_l1_loss",
    "resampling": "interpolate upsample upsample_bilinear upsample_nearest",
    "response": "local_response_norm",
    "softmaxes": "gumbel_softmax log_softmax softmax softmin",
    "transposed_convolution": "conv_transpose1d conv_transpose2d conv_transpose3d",
    "unpooling": "max_unpool1d max_unpool2d max_unpool3d",
    "vision": "affine_grid channel_shuffle grid_sample pixel_shuffle pixel_unshuffle",
    "vocabulary": "linear_cross_entropy",
}
_LOADED = (
    "alpha_dropout bilinear dropout dropout1d dropout2d dropout3d embedding feature_alpha_dropout linear"
)
__all__ = sorted(" ".join([_LOADED, *FILES.values()]).split())

if TYPE_CHECKING:
    from .activation import *
    from .adaptive_pooling import *
    from .alignment import *
    from .attention import *
    from .bags import *
    from .batchnorm import *
    from .convolution import *
    from .distance import *
    from .folding import *
    from .fractional_pooling import *
    from .groupnorm import *
    from .hard import *
    from .likelihood import *
    from .loss import *
    from .margin_loss import *
    from .multi_head import *
    from .normalization import *
    from .padding import *
    from .pooling import *
    from .rectifier import *
    from .regression import *
    from .resampling import *
    from .response import *
    from .softmaxes import *
    from .transposed_convolution import *
    from .unpooling import *
    from .vision import *
    from .vocabulary import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
