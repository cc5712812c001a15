"""What the tests of nn.replay record: small models, their losses and batches, and what has to come out."""

import numpy as np

from tapegrad import nn
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn import functional as F

rng = np.random.default_rng(0)


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


class Network(nn.Module):
    def __init__(self, dropout=0.0):
        self.first = nn.Linear(3, 8)
        self.norm = nn.LayerNorm(8)
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Linear(8, 2)

    def forward(self, x):
        return self.last(self.dropout(self.norm(F.gelu(self.first(x)))))


def squares(model, x, y):
    return F.mse_loss(model(x), y)


def tokens(model, *batch):
    *inputs, target = batch
    logits = model(*inputs)
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1))


def batch():
    return floats(4, 3), floats(4, 2)


def gradients(loss, model):
    for p in model.parameters():
        p.grad = None
    loss.backward()
    return [p.grad for p in model.parameters()]


def assert_same(model, loss_of, loss, batches):
    """Losses and gradients, bit for bit, with the parameters changing in between."""
    optimizer = nn.optim.AdamW(model.parameters(), lr=0.01)
    for batch in batches:
        state = nn.get_rng_state()
        right = loss(model, *batch)
        expected = gradients(right, model)
        drawn = nn.get_rng_state()
        nn.set_rng_state(state)
        replayed = loss_of(*batch)
        assert nn.get_rng_state() == drawn  # as many random numbers
        assert replayed.item() == right.item()
        for a, b in zip(expected, gradients(replayed, model), strict=True):
            np.testing.assert_array_equal(a, b)
        optimizer.step()


def assert_same_numbers(model, loss_of, loss, count):
    """Losses of so many batches, with the parameters as they are."""
    for _ in range(count):
        x, y = batch()
        assert loss_of(x, y).item() == loss(model, x, y).item()


def recordings(loss_of):
    return [known.program for known in loss_of._known.values() if known.program is not None]


def mlp():
    return Network(), squares, [(floats(4, 3), floats(4, 2)) for _ in range(5)]


def gpt(dropout=0.0):
    model = GPT(GPTConfig(11, block_size=6, d_model=8, nhead=2, num_layers=2, dropout=dropout))
    return model, tokens, [tuple(rng.integers(0, 11, (2, 3, 6))) for _ in range(5)]


def transformer():
    config = TransformerConfig(
        7, block_size=5, d_model=8, nhead=2, num_encoder_layers=1, num_decoder_layers=1
    )
    return Transformer(config), tokens, [tuple(rng.integers(0, 7, (3, 2, 5))) for _ in range(5)]
