"""Losses that replicas of a model are given, right and wrong ones, and what one process makes of them."""

import numpy as np

from parallel_cases import regression, state
from tapegrad import nn
from tapegrad.nn import functional as F
from tapegrad.nn.utils import clip_grad_norm_

PADDED = np.array([[0, 1, 2], [0, -100, -100]])
IDS = np.array([[1, 2, 3], [3, 4, 0]])


def words(dtype=np.float64):
    """A model of 5 words, and its optimizer."""
    nn.manual_seed(0)
    model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 3))
    model = model.double() if dtype == np.float64 else model
    return model, nn.optim.AdamW(model.parameters(), lr=0.1)


def logits(model, ids):
    return model(ids).reshape(-1, 3)


def mean(model, ids, targets):
    return F.cross_entropy(logits(model, ids), targets.reshape(-1))


def pair(model, ids, targets):
    total = F.cross_entropy(logits(model, ids), targets.reshape(-1), reduction="sum")
    return total, (targets != -100).sum()


def alone(made, loss, batches, max_norm=np.inf):
    """What one process does with a plain mean: losses, and the parameters then."""
    model, optimizer = made
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, *batch)
        value.backward()
        clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        losses.append(value.item())
    return losses, state(model)


def assert_equal(ours, expected):
    for name, array in expected.items():
        np.testing.assert_allclose(ours[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


class BatchNorm(nn.Module):
    """Statistics over the batch while training, running ones in evaluation."""

    def __init__(self):
        self.first = nn.Linear(3, 5, dtype=np.float64)
        self.drop = nn.Dropout(0.5)
        self.second = nn.Linear(5, 1, dtype=np.float64)
        self.register_buffer("average", np.zeros(5))

    def forward(self, x):
        h = self.first(x)
        centre = h.mean(axis=0) if self.training else self.average
        if self.training:
            self.average *= 0.9
            self.average += 0.1 * centre.data
        return self.second(self.drop(np.tanh(h - centre)))


def normed():
    nn.manual_seed(3)
    model = BatchNorm()
    return model, nn.optim.SGD(model.parameters(), lr=0.1)


def uneven():
    """Samples of which `masked` counts three in the first half and one in the second."""
    x, y = regression(6)
    return x, np.abs(y) * [1, 1, 1, 1, -1, -1]


def masked(model, x, y):
    counts = y > 0
    return (((model(x)[:, 0] - y) ** 2) * counts).sum() / counts.sum()


def weighted(model, x, y):
    weights = np.abs(y) / np.abs(y).sum()
    return (((model(x)[:, 0] - y) ** 2) * weights).sum()


def contrastive(model, x, y):
    out = model(x)
    return F.cross_entropy(out @ out.T, np.arange(len(x)))


def summed(model, x, y):
    return ((model(x)[:, 0] - y) ** 2).sum()


def noisy(loss):
    """The loss of inputs that are changed by noise."""

    def with_noise(model, x, y):
        return loss(model, x + 0.01 * np.random.standard_normal(x.shape), y)

    return with_noise
