"""nn.replay: whatever a loss does with the batch's arrays beside Tensors is captured, as ndarrays do it."""

import warnings

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import Network, assert_same, floats, recordings
from tapegrad import nn
from tapegrad.nn import functional as F


def probabilities(model, x):
    return F.softmax(model(x), -1)


def halves(model, x, y):
    return np.stack([y, model(x)]), np.concatenate([y, model(x)])


EXPRESSIONS = {
    "squares": lambda m, x, y: ((y - m(x)) ** 2).mean(),
    "product": lambda m, x, y: (x @ m.first.weight.T).sum() + (m(x) * y).sum(),
    "matrix products": lambda m, x, y: ((x.T @ y) @ m.last.weight).sum() + (x.T @ m(x)).sum(),
    "cross entropy": lambda m, x, y: (
        -(y * np.log(probabilities(m, x)) + (1 - y) * np.log(1 - probabilities(m, x))).mean()
    ),
    "quotient": lambda m, x, y: (y / (2 + probabilities(m, x))).sum(),
    "power": lambda m, x, y: (np.abs(y) ** probabilities(m, x)).sum(),
    "comparison": lambda m, x, y: ((y > m(x)) * m(x)).sum() + ((y <= m(x)) & (y != m(x))).sum(),
    "equality": lambda m, x, y: ((y == m(x)) * m(x)).sum() + m(x).mean(),
    "where": lambda m, x, y: np.where(y > 0, m(x), -2 * m(x)).sum() + np.where(m(x) > y, y, m(x)).sum(),
    "minimum": lambda m, x, y: np.minimum(y, m(x)).sum() + np.maximum(y, m(x)).mean(),
    "new axes": lambda m, x, y: (y[..., None] * m(x)[:, None]).sum(),
    "lists": lambda m, x, y: sum(part[0].sum() + (part * part).mean() for part in halves(m, x, y)),
    "ufuncs": lambda m, x, y: np.subtract(y, m(x)).mean() + np.arctan2(1, 1) * np.multiply(y, m(x)).sum(),
    "einsum": lambda m, x, y: np.einsum("bi,bj->ij", y, m(x)).sum(),
    "products": lambda m, x, y: np.matmul(y.T, m(x)).sum(),
    "clip": lambda m, x, y: np.clip(m(x), -abs(y), abs(y)).sum(),
    "sums": lambda m, x, y: (m(x) - y.sum()).mean() * y.std() + m(x).sum() / (y > 0).mean(),
    "counts": lambda m, x, y: m(x).sum() / (y > -9).sum() + (y > 0).mean() * m(x).mean(),
    "unpacked": lambda m, x, y: sum((row - out).sum() * i for i, (row, out) in enumerate(zip(y, m(x)))),  # noqa: B905
    "a loop": lambda m, x, y: sum(value * m(x)[0, 0] for value in y[:, 0]),
    "taken": lambda m, x, y: m(x)[np.arange(4), y.argmax(axis=1)].sum() + y[y.argsort(axis=0)[:, 0]].sum(),
    "detached": lambda m, x, y: (m(x) * y.dot(m.last.weight.detach().numpy()).sum()).sum(),
    "an index": lambda m, x, y: m(x).sum() * y.take(abs(m.last.bias.detach()).argmax()),
    "in place": lambda m, x, y: shifted(m, x, y),
    "moved": lambda m, x, y: (
        (np.roll(m(x), 1, 0) * np.rot90(y, 2)).sum() + (np.flip(m(x).T.ravel("K"))[1:] * np.arange(7)).mean()
    ),
    "joined": lambda m, x, y: (
        (np.concatenate([m(x), y], dtype=np.float32, casting="same_kind") ** 2).sum()
        + (np.insert(m(x), 1, y[0], 0) * np.insert(y, [0], np.delete(m(x), 0, 0)[:1], 0)).sum()
        + (np.block([[y], [m(x)]]) ** 3).mean()
    ),
    "padded": lambda m, x, y: (
        np.pad(m(x), 2, "reflect", reflect_type="odd") * np.pad(y, 2, "median") * np.tile(m(x)[:1], (8, 3))
    ).sum(),
    "sorted": lambda m, x, y: (m(x) * in_order(y)).sum(),
}


def shifted(m, x, y):
    y = y.copy()
    y -= y.mean(axis=0)
    y[y > 0] = 2
    return ((y - m(x)) ** 2).sum()


def in_order(y):
    y = y * 1
    y.sort(axis=0)
    return y


@pytest.mark.parametrize("loss", EXPRESSIONS.values(), ids=EXPRESSIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_array_of_the_batch_defers_to_a_tensor(loss, dtype):
    model = Network()
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, [(floats(4, 3), floats(4, 2).astype(dtype)) for _ in range(8)])
    assert len(recordings(loss_of)) == 1


def test_tensors_in_a_batch_are_tensors_in_the_capture():
    model = Network()

    def of_tensors(model, x, y):
        assert type(x) is type(y) is ag.Tensor
        return ((y.detach() - model(x)) ** 2).mean()

    loss_of = nn.replay(model, of_tensors)
    assert_same(
        model, loss_of, of_tensors, [(ag.Tensor(floats(4, 3)), ag.Tensor(floats(4, 2))) for _ in range(4)]
    )
    assert len(recordings(loss_of)) == 1


def test_arrays_that_the_loss_writes_to_are_written_to_by_a_replay():
    model = Network()

    def loss(model, x, y):
        y -= y.mean(axis=0)
        y *= 2
        return ((y - model(x)) ** 2).mean()

    loss_of = nn.replay(model, loss)
    x, y = floats(4, 3), floats(4, 2)
    mine, theirs = y.copy(), y.copy()
    for i in range(12):
        mine[0] += i
        theirs[0] += i
        assert loss_of(x, mine).item() == loss(model, x, theirs).item()
        np.testing.assert_array_equal(mine, theirs)
    assert len(recordings(loss_of)) == 1


def test_errors_are_those_of_the_loss():
    """An array that is written to in place takes no Tensor with a gradient, captured or not."""
    model = Network()

    def loss(model, x, y):
        y -= model(x)
        return y.sum()

    loss_of = nn.replay(model, loss)
    for _ in range(4):
        with pytest.raises(TypeError, match="out= is an ndarray, and an operand a Tensor that requires"):
            loss_of(floats(4, 3), floats(4, 2))


def test_a_capture_that_raises_is_refused_and_the_step_is_that_of_the_loss():
    model = Network()

    def loss(model, x, y):
        return F.mse_loss(model(x), y) * np.frombuffer(memoryview(y).tobytes(), np.float32)[0]

    def strict(model, x, y):
        if type(y) is not np.ndarray:
            raise ValueError("no plain array")
        return F.mse_loss(model(x), y)

    def hidden(model, x, y):
        try:
            scale = float(y[0, 0])
        except Exception:
            scale = 1.0
        return F.mse_loss(model(x), y) * scale

    for fn, reason in (
        (loss, "other numbers"),
        (strict, "ValueError: no plain array"),
        (hidden, "into Python"),
    ):
        loss_of = nn.replay(model, fn)
        batches = [(floats(4, 3), floats(4, 2)) for _ in range(5)]
        assert_same(model, loss_of, fn, batches[:1])
        with pytest.warns(RuntimeWarning, match=reason):
            assert_same(model, loss_of, fn, batches[1:2])
        assert_same(model, loss_of, fn, batches[2:])


def test_a_loss_that_raises_may_go_on_with_the_next_batch():
    model = Network()

    def loss(model, x, y):
        if np.isnan(y).any():
            raise ValueError("nan in the target")
        return F.mse_loss(model(x), y)

    loss_of = nn.replay(model, loss)
    for i in range(12):
        x, y = floats(4, 3), floats(4, 2)
        if i % 3 != 2:
            assert_same(model, loss_of, loss, [(x, y)])
            continue
        with pytest.raises(ValueError, match="nan in the target"):
            loss_of(x, y * np.nan)
    assert len(recordings(loss_of)) == 1


def test_a_loss_that_gives_more_than_one_tensor_is_refused():
    model = Network()

    def loss(model, x, y):
        out = model(x)
        return F.mse_loss(out, y), out

    loss_of = nn.replay(model, loss)
    x, y = floats(4, 3), floats(4, 2)
    loss_of(x, y)
    with pytest.warns(RuntimeWarning, match="gives a tuple, not a Tensor"):
        loss_of(x, y)
    value, out = loss_of(x, y)
    assert out.shape == (4, 2) and value.item() == loss(model, x, y)[0].item()


def test_arrays_with_rules_of_their_own_are_refused():
    model = Network()

    def loss(model, x, y):
        return F.mse_loss(model(x), np.asarray(y.filled(0)))

    loss_of = nn.replay(model, loss)
    batches = [(floats(4, 3), np.ma.masked_less(floats(4, 2), 0)) for _ in range(4)]
    assert_same(model, loss_of, loss, batches[:1])
    with pytest.warns(RuntimeWarning, match="MaskedArray"):
        assert_same(model, loss_of, loss, batches[1:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(model, loss_of, loss, batches[2:])


def test_an_error_in_a_replay_is_for_the_loss_to_handle():
    model = Network()

    def loss(model, x, y):
        try:
            scale = np.linalg.inv(x[:3]).sum() ** 2
        except np.linalg.LinAlgError:
            scale = 1
        return F.mse_loss(model(x), y) * scale

    loss_of = nn.replay(model, loss)
    for i in range(20):
        x, y = floats(4, 3), floats(4, 2)
        if i > 2 and i % 3 == 0:
            x[:3] = 0
        assert loss_of(x, y).item() == loss(model, x, y).item()
    assert len(recordings(loss_of)) == 1


def test_numbers_that_depend_on_shapes():
    model = Network()

    def loss(model, x, y):
        return ((y - model(x)) ** 2).sum() / len(x) * (2 if x.shape[0] > 2 else 1)

    loss_of = nn.replay(model, loss)
    for n in (4, 2, 4, 2, 4, 2, 3, 3, 1):
        x, y = floats(n, 3), floats(n, 2)
        assert loss_of(x, y).item() == loss(model, x, y).item()
    assert len(recordings(loss_of)) == 3
