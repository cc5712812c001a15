"""Small models with preferences, for texts of different lengths."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig


def sharpened(model):
    """So that tokens differ in likelihood, and depend on those before."""
    rng = np.random.default_rng(1)
    for p in model.parameters():
        p.data += rng.normal(size=p.shape).astype(np.float32) * (0.25 if p.ndim > 1 else 0.1)
    return model.eval()


@pytest.fixture(scope="package")
def gpt():
    nn.manual_seed(0)
    return sharpened(GPT(GPTConfig(13, block_size=24, d_model=16, nhead=2, num_layers=2)))


@pytest.fixture(scope="package")
def translator():
    nn.manual_seed(0)
    return sharpened(Transformer(TransformerConfig(13, 24, 16, 2, 1, 2)))
