"""Every module of nn: those that hold weights or buffers, with inputs, and those that hold none."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

RNG = np.random.default_rng(0)


class Layer(NamedTuple):
    """How a module is made and called, here and in torch."""

    name: str
    args: tuple
    inputs: list[np.ndarray]
    options: dict[str, Any] = {}

    def made(self, library, array):
        """The module of a library, with arrays among the arguments as `array` makes them."""
        args = [array(arg) if isinstance(arg, np.ndarray) else arg for arg in self.args]
        options = {k: array(v) if isinstance(v, np.ndarray) else v for k, v in self.options.items()}
        return getattr(library, self.name)(*args, **options)


def x(*shape):
    return RNG.normal(size=shape)


def ids(end, *shape):
    return RNG.integers(0, end, shape)


def p(*shape):
    """Probabilities, or weights of classes."""
    return RNG.uniform(0.1, 0.9, shape)


SPACES = {1: (7,), 2: (4, 5), 3: (3, 4, 3)}
LAYERS = [
    Layer("Linear", (4, 3), [x(5, 4)]),
    Layer("Linear", (4, 3), [x(5, 4)], {"bias": False}),
    Layer("Bilinear", (4, 3, 2), [x(5, 4), x(5, 3)]),
    Layer("LazyLinear", (3,), [x(5, 4)]),
    Layer("Embedding", (6, 3), [ids(6, 2, 4)], {"padding_idx": 1}),
    Layer("EmbeddingBag", (6, 3), [ids(6, 2, 4)], {"mode": "sum"}),
    Layer("PReLU", (4,), [x(5, 4)]),
    Layer("LayerNorm", ((3, 4),), [x(5, 3, 4)]),
    Layer("RMSNorm", (4,), [x(5, 4)]),
    Layer("GroupNorm", (2, 4), [x(5, 4, 3)]),
    Layer("SyncBatchNorm", (4,), [x(5, 4)]),
    Layer("MultiheadAttention", (6, 2), [x(3, 2, 6), x(4, 2, 6), x(4, 2, 6)]),
    Layer(
        "MultiheadAttention",
        (6, 2),
        [x(3, 2, 6), x(4, 2, 5), x(4, 2, 3)],
        {"kdim": 5, "vdim": 3, "add_bias_kv": True},
    ),
    Layer("AdaptiveLogSoftmaxWithLoss", (32, 9, [3, 6]), [x(12, 32), np.arange(12) % 9], {"head_bias": True}),
    Layer("LinearCrossEntropyLoss", (3, 4), [x(5, 3), ids(4, 5)], {"bias": True, "weight": p(4)}),
    Layer("CrossEntropyLoss", (p(4),), [x(5, 4), ids(4, 5)]),
    Layer("NLLLoss", (p(4),), [x(5, 4), ids(4, 5)]),
    Layer("BCELoss", (p(4),), [p(5, 4), p(5, 4)]),
    Layer("BCEWithLogitsLoss", (p(4),), [x(5, 4), p(5, 4)], {"pos_weight": p(4)}),
    Layer("MultiMarginLoss", (1, 1.0, p(4)), [x(5, 4), ids(4, 5)]),
    Layer("MultiLabelSoftMarginLoss", (p(4),), [x(5, 4), p(5, 4).round()]),
]
LAYERS += [
    Layer(f"{lazy}{kind}{n}d", (*(() if lazy else (4,)), *more), [x(2, 4, *SPACES[n])], options)
    for n in SPACES
    for lazy in ("", "Lazy")
    for kind, more, options in [
        ("BatchNorm", (), {}),
        ("InstanceNorm", (), {"affine": True, "track_running_stats": True}),
        ("Conv", (6, 3), {"groups": 2}),
        ("ConvTranspose", (6, 3), {"groups": 2, "stride": 2}),
    ]
]
LAYERS += [
    Layer(name, args, [x(5, 2, 3)], {"num_layers": 2, "bidirectional": True, **options})
    for name, args, options in [
        ("RNN", (3, 4), {}),
        ("GRU", (3, 4), {}),
        ("LSTM", (3, 4), {"proj_size": 2}),
    ]
]
LAYERS += [Layer(f"{kind}Cell", (3, 4), [x(5, 3)]) for kind in ("RNN", "LSTM", "GRU")]
STACK = {"nhead": 2, "dim_feedforward": 5, "dropout": 0.0}
LAYERS += [
    Layer("TransformerEncoderLayer", (4,), [x(3, 2, 4)], STACK),
    Layer("TransformerDecoderLayer", (4,), [x(3, 2, 4), x(5, 2, 4)], STACK),
    Layer(
        "Transformer",
        (4,),
        [x(3, 2, 4), x(5, 2, 4)],
        {**STACK, "num_encoder_layers": 2, "num_decoder_layers": 1},
    ),
]

# What others derive from, what holds others, and what torch has not.
HELD = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "RNNBase", "Sequential"]
HELD += ["TransformerDecoder", "TransformerEncoder"]
BARE = ["Module", "PositionalEncoding", "RNNCellBase"]
NONE_HELD: dict[str, tuple] = {
    name: args
    for args, names in {
        (): """AlphaDropout BCELoss BCEWithLogitsLoss CELU CTCLoss CosineEmbeddingLoss CosineSimilarity
            CrossEntropyLoss Dropout Dropout1d Dropout2d Dropout3d ELU FeatureAlphaDropout Flatten GELU GLU
            GaussianNLLLoss Hardshrink Hardsigmoid Hardswish Hardtanh HingeEmbeddingLoss HuberLoss Identity
            KLDivLoss L1Loss LeakyReLU LogSigmoid LogSoftmax MSELoss MarginRankingLoss Mish
            MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss NLLLoss PairwiseDistance
            PoissonNLLLoss RReLU ReLU ReLU6 SELU SiLU Sigmoid SmoothL1Loss SoftMarginLoss Softmax Softmax2d
            Softmin Softplus Softshrink Softsign Tanh Tanhshrink TripletMarginLoss
            TripletMarginWithDistanceLoss Upsample""",
        (2,): """AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d
            AdaptiveMaxPool3d AvgPool1d AvgPool2d AvgPool3d ChannelShuffle CircularPad1d CircularPad2d
            CircularPad3d CrossMapLRN2d InstanceNorm1d InstanceNorm2d InstanceNorm3d LocalResponseNorm
            MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d PixelShuffle PixelUnshuffle
            ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d
            ReplicationPad3d Unfold UpsamplingBilinear2d UpsamplingNearest2d ZeroPad1d ZeroPad2d ZeroPad3d""",
        (2, 2): """ConstantPad1d ConstantPad2d ConstantPad3d Fold LPPool1d LPPool2d LPPool3d
            Threshold""",
        (2, 3): "FractionalMaxPool2d FractionalMaxPool3d",
        (1, (2, 3)): "Unflatten",
    }.items()
    for name in names.split()
}
