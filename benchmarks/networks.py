"""Layers, networks and their training steps that are spelled alike here and in PyTorch: one text serves both.

`nn` is tapegrad.nn or torch.nn, `F` its functional.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

IDS = np.random.default_rng(0).integers(0, 1000, 4096)
OFFSETS = np.arange(0, 4096, 16)


class Layer(NamedTuple):
    """A layer and the shape of its input; of what is looked up, the ids and more that is called with."""

    make: Callable[[ModuleType], Any]
    shape: tuple[int, ...] = ()
    ids: tuple[np.ndarray, ...] = ()


LAYERS: dict[str, Layer] = {
    "conv2d 3x3, 32 channels": Layer(lambda nn: nn.Conv2d(32, 32, 3, padding=1), (16, 32, 32, 32)),
    "conv2d 3x3, 128 channels": Layer(lambda nn: nn.Conv2d(128, 128, 3, padding=1), (16, 128, 16, 16)),
    "conv2d 1x1, 128 channels": Layer(lambda nn: nn.Conv2d(128, 128, 1), (16, 128, 16, 16)),
    "conv2d 3x3 depthwise, 64 channels": Layer(
        lambda nn: nn.Conv2d(64, 64, 3, padding=1, groups=64), (16, 64, 32, 32)
    ),
    "conv2d 3x3 stride 2, 32 to 64": Layer(
        lambda nn: nn.Conv2d(32, 64, 3, stride=2, padding=1), (16, 32, 32, 32)
    ),
    "conv1d 5, 64 channels": Layer(lambda nn: nn.Conv1d(64, 64, 5, padding=2), (16, 64, 256)),
    "conv_transpose2d 4x4 stride 2": Layer(
        lambda nn: nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), (16, 64, 16, 16)
    ),
    "batch_norm 2d": Layer(lambda nn: nn.BatchNorm2d(64), (16, 64, 32, 32)),
    "group_norm": Layer(lambda nn: nn.GroupNorm(8, 64), (16, 64, 32, 32)),
    "layer_norm": Layer(lambda nn: nn.LayerNorm(384), (2048, 384)),
    "max_pool 2x2": Layer(lambda nn: nn.MaxPool2d(2), (16, 64, 32, 32)),
    "max_pool 3x3 stride 2": Layer(lambda nn: nn.MaxPool2d(3, 2, 1), (16, 64, 32, 32)),
    "avg_pool 2x2": Layer(lambda nn: nn.AvgPool2d(2), (16, 64, 32, 32)),
    "upsample bilinear": Layer(lambda nn: nn.Upsample(scale_factor=2, mode="bilinear"), (16, 32, 16, 16)),
    "LSTM, width 128": Layer(lambda nn: nn.LSTM(128, 128), (64, 32, 128)),
    "LSTM, width 512": Layer(lambda nn: nn.LSTM(512, 512), (64, 32, 512)),
    "GRU, width 128": Layer(lambda nn: nn.GRU(128, 128), (64, 32, 128)),
    "GRU, width 512": Layer(lambda nn: nn.GRU(512, 512), (64, 32, 512)),
    "softmax (8, 4, 32, 32)": Layer(lambda nn: nn.Softmax(-1), (8, 4, 32, 32)),
    "softmax (12, 4, 64, 64)": Layer(lambda nn: nn.Softmax(-1), (12, 4, 64, 64)),
    "softmax (8, 6, 256, 256)": Layer(lambda nn: nn.Softmax(-1), (8, 6, 256, 256)),
    "softmax (1024, 1024)": Layer(lambda nn: nn.Softmax(-1), (1024, 1024)),
    "embedding, 4,096 of 1,000": Layer(lambda nn: nn.Embedding(1000, 128), ids=(IDS,)),
    "embedding, 4,096 of 50,257": Layer(lambda nn: nn.Embedding(50_257, 128), ids=(IDS * 50,)),
    "embedding_bag, 256 of 16": Layer(lambda nn: nn.EmbeddingBag(1000, 64, mode="mean"), ids=(IDS, OFFSETS)),
}


# ------------------------------------------------------------------ networks


def resnet(nn: ModuleType, F: ModuleType) -> Any:
    """Three stages of residual blocks on 32 x 32 images (He et al. 2016): 16, 32, 64 channels, 20 layers."""

    class Block(nn.Module):
        def __init__(self, inputs: int, outputs: int, stride: int):
            super().__init__()
            self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
            self.norm1 = nn.BatchNorm2d(outputs)
            self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
            self.norm2 = nn.BatchNorm2d(outputs)
            self.shortcut = nn.Sequential()
            if inputs != outputs:
                conv = nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False)
                self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(outputs))

        def forward(self, input):
            x = F.relu(self.norm1(self.conv1(input)))
            return F.relu(self.norm2(self.conv2(x)) + self.shortcut(input))

    widths = [16, 16, 16, 16, 32, 32, 32, 64, 64, 64]
    strides = [1 if a == b else 2 for a, b in zip(widths, widths[1:], strict=False)]
    blocks = [Block(*pair, s) for *pair, s in zip(widths, widths[1:], strides, strict=False)]
    first = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
    return nn.Sequential(*first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def lstm_language_model(nn: ModuleType, F: ModuleType) -> Any:
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(65, 128)
            self.body = nn.LSTM(128, 256, 2, batch_first=True)
            self.head = nn.Linear(256, 65)

        def forward(self, input):
            return self.head(self.body(self.embedding(input))[0]).swapaxes(1, 2)

    return Network()


def mlp(nn: ModuleType, F: ModuleType) -> Any:
    return nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))


NETWORKS = {"ResNet-20": resnet, "LSTM language model": lstm_language_model, "MLP": mlp}


def batches(network: str, count: int = 8) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same at each call: inputs and targets."""
    rng = np.random.default_rng(0)
    if network == "LSTM language model":
        return [(x, y) for x, y in rng.integers(0, 65, (count, 2, 32, 64))]
    shape = (64, 3, 32, 32) if network == "ResNet-20" else (128, 784)
    images = rng.standard_normal((count, *shape), np.float32)
    return [(x, rng.integers(0, 10, len(x))) for x in images]


# ------------------------------------------------------------------ candidates of the benchmark


def layer_step(layer: Layer, nn: ModuleType, leaf: Callable, constant: Callable) -> Callable[[], None]:
    """Forward and backward of a layer, its input's gradient too."""
    module = layer.make(nn)
    inputs = tuple(map(constant, layer.ids))
    if not inputs:
        inputs = (leaf(np.random.default_rng(0).standard_normal(layer.shape, np.float32)),)
    first = module(*inputs)
    seed = np.ones((first[0] if isinstance(first, tuple) else first).shape, np.float32)
    seed = constant(seed)

    def step() -> None:
        out = module(*inputs)
        (out[0] if isinstance(out, tuple) else out).backward(seed)
        module.zero_grad()
        if not layer.ids:
            inputs[0].grad = None

    return step


@contextmanager
def tapegrad_layer(layer: str) -> Iterator[Callable[[], None]]:
    from tapegrad import nn
    from tapegrad.autograd import Tensor, keep_memory

    keep_memory()
    yield layer_step(LAYERS[layer], nn, partial(Tensor, requires_grad=True), lambda x: x)


@contextmanager
def torch_layer(layer: str) -> Iterator[Callable[[], None]]:
    import torch

    def leaf(x):
        return torch.from_numpy(x).requires_grad_()

    yield layer_step(LAYERS[layer], torch.nn, leaf, torch.from_numpy)


def tapegrad_loss(model, x: np.ndarray, y: np.ndarray):
    from tapegrad.nn import functional as F

    return F.cross_entropy(model(x), y)


@contextmanager
def tapegrad_training(
    network: str, replicas: str | None = None, workers: int = 2, replay: bool = False
) -> Iterator[Callable[[], float]]:
    """Forward, backward and Adam's step on the next batch; gives the loss."""
    from tapegrad import nn
    from tapegrad.autograd import keep_memory

    keep_memory()
    nn.manual_seed(0)
    model = NETWORKS[network](nn, nn.functional)
    if replicas:  # statistics over the whole batch
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
    data = cycle(batches(network))
    if replicas:
        options = {"workers": workers, "kind": replicas, "replay": replay}
        with nn.parallel.replicate(model, optimizer, tapegrad_loss, **options) as together:
            yield lambda: together.step(*next(data))
        return
    loss_of = nn.replay(model, tapegrad_loss) if replay else partial(tapegrad_loss, model)

    def step() -> float:
        loss = loss_of(*next(data))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    yield step


@contextmanager
def torch_training(network: str, fused: bool = False) -> Iterator[Callable[[], float]]:
    import torch

    from tapegrad import nn

    nn.manual_seed(0)
    weights = NETWORKS[network](nn, nn.functional).state_dict()
    model = NETWORKS[network](torch.nn, torch.nn.functional)
    model.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused or None)
    data = cycle([tuple(map(torch.from_numpy, batch)) for batch in batches(network)])

    def step() -> float:
        x, y = next(data)
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    yield step
