"""PyTorch's files of modules, where they are other files here: isinstance(m, nn.modules.conv._ConvNd)."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

__all__: list[str] = []

FILES = "adaptive channelshuffle container conv flatten fold module pixelshuffle rnn sparse upsampling"
BASES = {  # classes that programs ask for with isinstance, or inherit from
    "_AvgPoolNd": "pooling._AvgPool",
    "_BatchNorm": "batchnorm._BatchNorm",
    "_ConvNd": "convolution.ConvNd",
    "_ConvTransposeNd": "transposed_convolution.TransposedConvolution",
    "_DropoutNd": "dropout._DropoutNd",
    "_InstanceNorm": "instancenorm._InstanceNorm",
    "_Loss": "loss.Loss",
    "_MaxPoolNd": "pooling._MaxPool",
    "_NormBase": "batchnorm._NormBase",
    "_WeightedLoss": "loss.WeightedLoss",
}
HERE = __name__.rpartition(".")[0]  # tapegrad.nn.modules


def elsewhere(file: str) -> Callable[[str], Any]:
    """`__getattr__` of a file, by its __name__: what PyTorch has there, and here is in another one."""

    def load(name: str) -> Any:
        if name in BASES:
            place, _, own = BASES[name].partition(".")
            return getattr(import_module(f"{HERE}.{place}"), own)
        nn = import_module(HERE.rpartition(".")[0])
        if name in nn.__all__:
            return getattr(nn, name)
        if file == HERE and f"modules.{name}" in nn.FILES:
            return import_module(f"{HERE}.{name}")
        raise AttributeError(f"module {file!r} has no attribute {name!r}")

    return load


def torch_files() -> dict[str, ModuleType]:
    """PyTorch's files that are none here, by name."""
    made = {}
    for name in FILES.split():
        made[name] = ModuleType(f"{HERE}.{name}", "What is in PyTorch's file of this name.")
        vars(made[name])["__getattr__"] = elsewhere(made[name].__name__)
    return made
