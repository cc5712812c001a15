"""Graphs that several tests draw."""

from functools import cache

import numpy as np

from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F


def array(*shape):
    return np.linspace(-1, 1, int(np.prod(shape))).reshape(shape)


def leaf(*shape):
    return ag.Tensor(array(*shape), requires_grad=True)


class Network(nn.Module):
    def __init__(self):
        self.hidden = nn.Linear(2, 16, dtype=np.float64)
        self.out = nn.Linear(16, 1, dtype=np.float64)

    def forward(self, x):
        return self.out(np.tanh(self.hidden(x)))


class Head(nn.Module):
    """One attention head from single ops."""

    def __init__(self):
        self.w_query, self.w_key, self.w_value = (nn.Parameter(array(16, 8)) for _ in range(3))

    def forward(self, x):
        q, k, v = x @ self.w_query, x @ self.w_key, x @ self.w_value
        return F.softmax(q @ k.mT / 8**0.5) @ v


def network():
    model = Network()
    return model, ((model(array(256, 2)) - array(256, 1)) ** 2).mean()


def head():
    model = Head()
    return model, model(leaf(5, 16))


def penalty():
    """A loss of a gradient: how far its length is from 1."""
    model, x = Network(), leaf(5, 2)
    with ag.higher_order():
        (slope,) = ag.grad(model(x).sum(), x, create_graph=True)
        return model, (((slope**2).sum(axis=1) - 1) ** 2).mean()


def gpt_gradients(layers=6):
    """The squares of a GPT's gradients."""
    with ag.higher_order():
        model, loss = gpt(layers)
        return model, sum((g * g).sum() for g in ag.grad(loss, list(model.parameters()), create_graph=True))


def decoder_layer():
    model = nn.TransformerDecoderLayer(16, 2, 32, 0.0, batch_first=True, norm_first=True)
    x, memory = (ag.Tensor(array(2, n, 16), dtype=np.float32, requires_grad=True) for n in (3, 5))
    return model, model(x, memory, tgt_is_causal=True)


def transformer(layers=2):
    c = TransformerConfig(
        11, 8, 16, 2, num_encoder_layers=layers, num_decoder_layers=layers, tie_weights=True
    )
    model = Transformer(c)
    ids = np.arange(16).reshape(2, 8) % 11
    return model, F.cross_entropy(model(ids, ids).reshape(-1, 11), ids.reshape(-1))


def gpt(layers=12):
    model = GPT(GPTConfig(11, 8, 24, 12, layers))
    ids = np.arange(16).reshape(2, 8) % 11
    return model, F.cross_entropy(model(ids).reshape(-1, 11), ids.reshape(-1))


def draw(case, **options):
    model, loss = case()
    return ag.visualize(loss, model, **options)


@cache
def long_chain():
    """The Graph of 100,000 ops."""
    y = ag.Tensor([1.0], requires_grad=True)
    for _ in range(50_000):
        y = y * 0.5 + 1.0
    return ag.Graph(y)
