"""What a training loop needs beside layers and optimizers."""

from . import rnn
from .clip_grad import clip_grad_norm_

__all__ = ["clip_grad_norm_", "rnn"]
