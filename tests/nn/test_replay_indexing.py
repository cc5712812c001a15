"""nn.replay of losses that pick by order and scatter: what is chosen follows the numbers."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import Network, assert_same, batch, recordings
from tapegrad import nn

IDS = np.array([[0, 1, 0], [1, 1, 0]])


def put(y, at):
    y = y * 1
    y[at] = y[:1] * 2
    return y


LOSSES = {
    "sort": lambda y: ag.sort(y, 0),
    "partition": lambda y: ag.partition(y, 1, 0),
    "topk": lambda y: ag.topk(y, 2, 0)[0],
    "kthvalue": lambda y: ag.kthvalue(y, 2, 0)[0],
    "mode": lambda y: ag.mode(y, 0)[0],
    "take_along_axis": lambda y: ag.take_along_axis(y, np.argsort(y, 0), 0),
    "scatter_add": lambda y: ag.scatter_add(
        y[:2, :1] * [[1, 2, 3]], 1, IDS, y[:2] @ np.ones((2, 3), np.float32)
    ),
    "amax": lambda y: ag.scatter_reduce(y, 0, IDS[:, :2], y[2:], "amax"),
    "prod": lambda y: ag.scatter_reduce(y, 0, IDS[:, :2], y[2:], "prod", include_self=False),
    "mean": lambda y: ag.scatter_reduce(y, 0, IDS[:, :2], y[2:], "mean"),
    "index_put": lambda y: put(y, [0, 3, 0]),
    "index of maxima": lambda y: y[np.argmax(y, 0)],
    "masked_fill": lambda y: ag.masked_fill(y, y < 0, 0.5),
    "choose": lambda y: ag.choose((y > 0).astype(int), [y, y * y]),
}


@pytest.mark.parametrize("name", LOSSES)
def test_it_is_recorded_and_gives_the_same(name):
    def loss(model, x, y):
        return (LOSSES[name](model(x)) ** 2).sum()

    model = Network()
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, [batch() for _ in range(5)])
    assert recordings(loss_of)
