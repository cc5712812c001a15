"""Parameters and buffers under the name of PyTorch's file: from tapegrad.nn.parameter import Parameter."""

from .registry import Buffer, Parameter
from .uninitialized import UninitializedBuffer, UninitializedParameter

__all__ = ["Buffer", "Parameter", "UninitializedBuffer", "UninitializedParameter"]
