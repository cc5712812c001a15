"""What makes nan or inf, and the error that says so."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor


def leaf(*numbers, dtype=np.float64):
    return Tensor(np.array(numbers, dtype), requires_grad=True)


def found(fn, **options):
    """The message of the error that stops `fn`."""
    with pytest.raises(FloatingPointError) as caught, ag.detect_nan(**options):
        fn()
    return str(caught.value)


class Ratio(nn.Module):
    """Divides by its parameter."""

    def __init__(self, size):
        self.by = nn.Parameter(np.ones(size))

    def forward(self, x):
        return x / self.by


def layers():
    """A Ratio two levels below, and the model around it."""
    ratio = Ratio(3)
    inner = nn.Sequential(nn.Tanh(), ratio)
    return ratio, nn.Sequential(nn.Linear(2, 3, dtype=np.float64), nn.ModuleList([inner])[0])
