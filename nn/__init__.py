"""Layers, losses and optimizers under PyTorch's names, over the ops of tapegrad.autograd."""

from typing import TYPE_CHECKING

from ..autograd.exports import on_first_use
from .module import Buffer, Module, Parameter
from .random import get_rng_state, manual_seed, set_rng_state
from .replay import replay

FILES = {  # and what is found there
    "container": "ModuleDict ModuleList Sequential",
    "data": "data",
    "functional": "functional",
    "functions": "functional_call value_and_grad",
    "init": "init",
    "modules": "modules",
    "modules.activation": "GELU GLU LogSigmoid Mish SiLU Sigmoid Softplus Softsign Tanh Tanhshrink",
    "modules.adaptive_pooling": """AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d
        AdaptiveMaxPool2d AdaptiveMaxPool3d""",
    "modules.alignment": "CTCLoss",
    "modules.attention": "MultiheadAttention PositionalEncoding",
    "modules.batchnorm": "BatchNorm1d BatchNorm2d BatchNorm3d SyncBatchNorm",
    "modules.cells": "GRUCell LSTMCell RNNCell RNNCellBase",
    "modules.convolution": "Conv1d Conv2d Conv3d",
    "modules.distance": "CosineSimilarity PairwiseDistance",
    "modules.dropout": "AlphaDropout Dropout Dropout1d Dropout2d Dropout3d FeatureAlphaDropout",
    "modules.embedding": "Embedding EmbeddingBag",
    "modules.folding": "Fold Unfold",
    "modules.fractional_pooling": "FractionalMaxPool2d FractionalMaxPool3d",
    "modules.hard": "Hardshrink Hardsigmoid Hardswish Hardtanh ReLU6 Softshrink Threshold",
    "modules.instancenorm": "InstanceNorm1d InstanceNorm2d InstanceNorm3d",
    "modules.lazy": "LazyLinear",
    "modules.lazy_convolution": """LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d
        LazyConvTranspose2d LazyConvTranspose3d""",
    "modules.lazy_norms": """LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyInstanceNorm1d
        LazyInstanceNorm2d LazyInstanceNorm3d""",
    "modules.likelihood": "BCELoss BCEWithLogitsLoss GaussianNLLLoss KLDivLoss PoissonNLLLoss",
    "modules.linear": "Bilinear Linear",
    "modules.loss": "CrossEntropyLoss NLLLoss",
    "modules.margin_loss": """CosineEmbeddingLoss HingeEmbeddingLoss MarginRankingLoss
        MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss SoftMarginLoss TripletMarginLoss
        TripletMarginWithDistanceLoss""",
    "modules.normalization": "CrossMapLRN2d GroupNorm LayerNorm LocalResponseNorm RMSNorm",
    "modules.padding": """CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d
        ConstantPad3d ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d
        ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d""",
    "modules.pooling": """AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d LPPool3d MaxPool1d MaxPool2d
        MaxPool3d""",
    "modules.rectifier": "CELU ELU LeakyReLU PReLU RReLU ReLU SELU",
    "modules.recurrent": "GRU LSTM RNN RNNBase",
    "modules.regression": "HuberLoss L1Loss MSELoss SmoothL1Loss",
    "modules.shape": "Flatten Identity Unflatten",
    "modules.softmaxes": "LogSoftmax Softmax Softmax2d Softmin",
    "modules.transformer": """Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
        TransformerEncoderLayer""",
    "modules.transposed_convolution": "ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "modules.unpooling": "MaxUnpool1d MaxUnpool2d MaxUnpool3d",
    "modules.vision": """ChannelShuffle PixelShuffle PixelUnshuffle Upsample UpsamplingBilinear2d
        UpsamplingNearest2d""",
    "modules.vocabulary": "AdaptiveLogSoftmaxWithLoss LinearCrossEntropyLoss LinearCrossEntropyOptions",
    "optim": "optim",
    "parallel": "parallel",
    "parameter": "parameter",
    "parameter_containers": "ParameterDict ParameterList",
    "saving": "load save",
    "uninitialized": "UninitializedBuffer UninitializedParameter",
    "utils": "utils",
    "weights": "load_weights save_weights",
}
_LOADED = "Buffer Module Parameter get_rng_state manual_seed replay set_rng_state"
__all__ = sorted(" ".join([_LOADED, *FILES.values()]).split())

if TYPE_CHECKING:
    from . import data, functional, init, modules, optim, parallel, parameter, utils
    from .container import *
    from .functions import *
    from .modules.activation import *
    from .modules.adaptive_pooling import *
    from .modules.alignment import *
    from .modules.attention import *
    from .modules.batchnorm import *
    from .modules.cells import *
    from .modules.convolution import *
    from .modules.distance import *
    from .modules.dropout import *
    from .modules.embedding import *
    from .modules.folding import *
    from .modules.fractional_pooling import *
    from .modules.hard import *
    from .modules.instancenorm import *
    from .modules.lazy import *
    from .modules.lazy_convolution import *
    from .modules.lazy_norms import *
    from .modules.likelihood import *
    from .modules.linear import *
    from .modules.loss import *
    from .modules.margin_loss import *
    from .modules.normalization import *
    from .modules.padding import *
    from .modules.pooling import *
    from .modules.rectifier import *
    from .modules.recurrent import *
    from .modules.regression import *
    from .modules.shape import *
    from .modules.softmaxes import *
    from .modules.transformer import *
    from .modules.transposed_convolution import *
    from .modules.unpooling import *
    from .modules.vision import *
    from .modules.vocabulary import *
    from .parameter_containers import *
    from .saving import *
    from .uninitialized import *
    from .weights import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
