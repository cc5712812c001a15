"""nn.replay of losses that pick by order and scatter: what is chosen follows the numbers."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import Network, assert_same, batch, recordings
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

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


# ------------------------------------------------------------------ constants, by numbers of the batch

TABLE = np.arange(20.0, dtype=np.float32).reshape(10, 2) ** 2


def written(fn):
    """What fn(zeros, ids, y) has made of a constant Tensor, times numbers that tell its rows apart."""

    def loss(y, ids):
        z = Tensor(np.zeros((10, 2), np.float32))
        made = fn(z, ids, y[:1])
        return (z if made is None else made) * TABLE

    return loss


def put_into(z, ids, y):
    z[ids] = y


OF_CONSTANTS = {
    "getitem": lambda y, ids: Tensor(TABLE)[ids] * y[:1],
    "getitem of pairs": lambda y, ids: Tensor(TABLE)[ids, ids % 2] * y[:1, :1],
    "getitem by a Tensor": lambda y, ids: Tensor(TABLE)[Tensor(ids)] * y[:1],
    "getitem of a tuple": lambda y, ids: Tensor(TABLE)[(ids, 0)] * y[0],
    "under no_grad": lambda y, ids: quietly(lambda: Tensor(TABLE)[ids]) * y[:1],
    "take of an array": lambda y, ids: ag.take(TABLE, ids, 0) * y[:1],
    "take by keyword": lambda y, ids: ag.take(TABLE, indices=ids, axis=0) * y[:1],
    "index_fill": lambda y, ids: ag.index_fill(TABLE, 0, ids, 3.0) * y[:1],
    "repeat": lambda y, ids: np.repeat(Tensor(TABLE[:2]), np.concatenate([ids % 2, 1 - ids % 2]), 0) * y[:1],
    "compress": lambda y, ids: np.compress(np.concatenate([ids < 5, ids >= 5]), Tensor(TABLE[:2]), 0) * y[:1],
    "piecewise": lambda y, ids: np.piecewise(Tensor(TABLE[0, :1]), [ids > 5], [1.0, 2.0]) * y[:1],
    "embedding": lambda y, ids: F.embedding(ids, TABLE) * y[:1],
    "embedding_bag": lambda y, ids: F.embedding_bag(ids[None], TABLE) * y[:1],
    "cross_entropy": lambda y, ids: F.cross_entropy(TABLE.T[:1], ids) * y,
    "setitem": written(put_into),
    "index_put": written(lambda z, ids, y: ag.index_put(z, y, ids)),
    "index_copy": written(lambda z, ids, y: ag.index_copy(z, 0, ids, y)),
    "scatter": written(lambda z, ids, y: ag.scatter(z, 0, np.stack([ids, ids], 1), y)),
    "scatter_add": written(lambda z, ids, y: ag.scatter_add(z, 0, np.stack([ids, ids], 1), y)),
    "add.at": written(lambda z, ids, y: np.add.at(z, ids, y)),
}


def quietly(fn):
    with ag.no_grad():
        return fn()


@pytest.mark.parametrize("name", OF_CONSTANTS)
def test_a_constant_is_followed_where_its_index_is(name):
    """NumPy gives plain elements of a plain array. The first batches, which are compared, have equal ids."""

    def loss(model, x, ids):
        return (OF_CONSTANTS[name](model(x), ids) ** 2).sum()

    model = Network()
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, [(batch()[0], np.array([i])) for i in (3, 3, 8, 2, 9)])
    assert recordings(loss_of)


@pytest.mark.parametrize("pick", [lambda ids: TABLE[ids], lambda ids: np.take(TABLE, ids, 0)])
def test_an_array_that_numpy_alone_picks_from_ends_the_replays(pick):
    """As nn.replay says: NumPy asks no index what is to be done."""

    def loss(model, x, ids):
        return (model(x) * pick(ids)).sum()

    model = Network()
    loss_of = nn.replay(model, loss)
    first, second, third = [(batch()[0], np.array([i])) for i in (3, 3, 8)]
    assert_same(model, loss_of, loss, [first, second])
    assert recordings(loss_of)
    with pytest.warns(RuntimeWarning, match="a replay gives other numbers"):
        assert_same(model, loss_of, loss, [third])
    assert not recordings(loss_of)
