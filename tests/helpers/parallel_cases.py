"""What the tests of nn.parallel train: a small net, its loss, and samples."""

import numpy as np

from tapegrad import nn
from tapegrad.nn import parallel

KINDS = ["threads"] + ["processes"] * parallel.can_fork()


class Net(nn.Module):
    """Two layers, the second with dropout before it."""

    def __init__(self, p=0.0):
        self.first = nn.Linear(3, 5, dtype=np.float64)
        self.drop = nn.Dropout(p)
        self.second = nn.Linear(5, 1, dtype=np.float64)

    def forward(self, x):
        return self.second(self.drop(np.tanh(self.first(x))))


def squared(model, x, y):
    return ((model(x)[:, 0] - y) ** 2).mean()


def regression(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.normal(size=n)


def net(p=0.0, lr=0.1):
    nn.manual_seed(3)
    model = Net(p)
    return model, nn.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def state(model):
    return {name: array.copy() for name, array in model.state_dict().items()}
