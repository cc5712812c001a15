"""A model with batch normalisation, for replicas, and the same for one process."""

import copy

import numpy as np

from tapegrad import nn
from tapegrad.nn import functional as F


class Net(nn.Module):
    """Three norms, one of them of maps, and one after the other."""

    def __init__(self, momentum=0.1):
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4, momentum=momentum)
        self.maps = nn.BatchNorm2d(2, affine=False)
        self.rows = nn.BatchNorm1d(4, track_running_stats=False)
        self.last = nn.Linear(4, 1)

    def forward(self, x):
        h = np.tanh(self.norm(self.first(x))).reshape(-1, 2, 2, 1)
        return self.last(self.rows(self.maps(h).reshape(-1, 4)))


def mean(model, x, y):
    return F.mse_loss(model(x)[:, 0], y)


def pair(model, x, y):
    return ((model(x)[:, 0] - y) ** 2).sum(), len(y)


def synced(momentum=0.1):
    """A model, the same with SyncBatchNorm, and an optimizer for each."""
    nn.manual_seed(0)
    plain = Net(momentum).double()
    model = nn.SyncBatchNorm.convert_sync_batchnorm(copy.deepcopy(plain))
    return plain, model, *(nn.optim.SGD(m.parameters(), lr=0.1) for m in (plain, model))


def assert_same_state(model, plain, about):
    for (name, a), b in zip(model.state_dict().items(), plain.state_dict().values(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11, err_msg=f"{name}, {about}")
