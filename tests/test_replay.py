"""nn.replay: a recorded loss gives the same numbers as the loss, or says that it cannot."""

import numpy as np
import pytest

import tapegrad.autograd as ag
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


def gradients(loss, model):
    for p in model.parameters():
        if p.requires_grad:
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


@pytest.mark.parametrize(
    "made", [mlp, gpt, lambda: gpt(0.3), transformer], ids=["mlp", "gpt", "dropout", "pairs"]
)
def test_gives_the_same_numbers(made):
    model, loss, batches = made()
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, batches)
    assert len(recordings(loss_of)) == 1
    assert repr(loss_of) == f"Replay({type(model).__name__}, 1 recordings)"


def test_runs_no_python_of_the_model():
    model, loss, batches = mlp()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    loss_of = nn.replay(model, loss)
    for batch in batches:
        loss_of(*batch).backward()
    assert len(calls) == 3  # for the first batch, and for the second to compare and to record


def test_numpy_around_the_model_is_replayed_too():
    model = Network()

    def loss(model, x, y):
        x = np.where(np.abs(x) > 1, np.sign(x), x)[:, ::-1].copy()
        x = np.concatenate([x[:2], x[2:] * 2]).astype(np.float32)
        weights = 1 / (1 + np.arange(2) + y.mean(axis=0)[::-1] ** 2)
        return (((model(x) - y) ** 2).mean(axis=0) * weights.astype(np.float32)).sum() + x.max()

    assert_same(model, nn.replay(model, loss), loss, [(floats(4, 3), floats(4, 2)) for _ in range(5)])


def test_a_recording_for_each_form_mode_and_frozen_parameter():
    model, loss, batches = gpt(0.5)
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, batches[:3])
    assert_same(model, loss_of, loss, [tuple(x[:2] for x in batch) for batch in batches[:3]])
    model.eval()
    assert_same(model, loss_of, loss, batches[:3])
    model.tokens.weight.requires_grad = False
    assert loss_of(*batches[0]).item() == loss(model, *batches[0]).item()
    assert gradients(loss_of(*batches[0]), model)[0] is None
    assert len(recordings(loss_of)) == 4


def test_constants_beside_the_arrays():
    model, _, batches = mlp()

    def loss(model, x, y, power):
        return (abs(model(x) - y) ** power).mean()

    loss_of = nn.replay(model, loss)
    for power in (1, 2, 3, 2, 1, 3):
        assert loss_of(*batches[0], power).item() == loss(model, *batches[0], power).item()
    assert len(recordings(loss_of)) == 3
    with pytest.raises(TypeError, match="constants that can be hashed, not list"):
        loss_of(*batches[0], [1])


def test_old_recordings_are_dropped(monkeypatch):
    monkeypatch.setattr("tapegrad.nn.recording.MOST", 2)
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    for n in (1, 1, 2, 2, 3, 3, 4, 4, 3, 3):
        x, y = batches[0]
        assert loss_of(x[:n], y[:n]).item() == loss(model, x[:n], y[:n]).item()
    assert len(recordings(loss_of)) == 2


def test_gradients_add_up_and_hooks_of_parameters_run():
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, batches)
    seen = []
    remove = model.last.bias.register_hook(lambda g: seen.append(g.copy()) or g * 0)
    once = gradients(loss_of(*batches[0]), model)[0].copy()
    assert seen[0].any() and not model.last.bias.grad.any()
    loss_of(*batches[0]).backward(np.float32(2))
    np.testing.assert_allclose(next(model.parameters()).grad, 3 * once, rtol=1e-5)
    remove()


def test_results_are_the_callers_own():
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    first = loss_of(*batches[0])
    kept = gradients(first, model)
    copies = [first.item(), *(g.copy() for g in kept)]
    gradients(loss_of(*batches[1]), model)
    assert first.item() == copies[0]
    for g, copy in zip(kept, copies[1:], strict=True):
        np.testing.assert_array_equal(g, copy)


def test_backward_after_the_memory_was_used_again():
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    for batch in batches:
        loss_of(*batch).backward()
    first, second = loss_of(*batches[0]), loss_of(*batches[1])
    with pytest.raises(RuntimeError, match="before the next replay"):
        first.backward()
    second.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="call backward once"):
        second.backward()


def test_parameters_written_to_before_backward():
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    value = loss_of(*batches[0])
    model.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="changed in place after the forward pass"):
        value.backward()


def test_parameters_in_other_memory_or_replaced():
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, batches)  # which made an optimizer, that moved them
    nn.optim.SGD(model.parameters())
    assert_same(model, loss_of, loss, batches)
    model.last.weight = nn.Parameter(floats(2, 8))
    assert_same(model, loss_of, loss, batches)
    model.last = nn.Linear(8, 2)
    assert_same(model, loss_of, loss, batches)


def test_without_gradients_or_with_all_of_them_the_loss_is_called():
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    x, y = batches[0]
    with ag.no_grad():
        assert loss_of(x, y).edge is None
    with ag.higher_order():
        (g,) = ag.grad(loss_of(x, y), model.last.weight, create_graph=True)
    assert g.requires_grad
    wanted = ag.Tensor(x, requires_grad=True)
    loss_of(wanted, y).backward()
    assert wanted.grad.any() and not recordings(loss_of)
    for _ in range(2):
        assert loss_of(ag.Tensor(x), ag.Tensor(y)).item() == loss(model, x, y).item()
    assert recordings(loss_of)


# ------------------------------------------------------------------ what cannot be replayed


def test_a_condition_that_comes_out_differently():
    model = Network()
    taken = []

    def loss(model, x, y):
        if (x > 0).all():
            taken.append("up")
            return squares(model, x, y) * 2
        return squares(model, x, y)

    loss_of = nn.replay(model, loss)
    batches = [(floats(4, 3), floats(4, 2)) for _ in range(4)]
    batches[2] = np.abs(batches[2][0]), batches[2][1]
    assert_same(model, loss_of, loss, batches)
    assert taken == ["up"] * 2  # as the loss, and in place of the replay
    assert len(recordings(loss_of)) == 1


def test_a_first_batch_that_is_unlike_the_others():
    model = Network()

    def loss(model, x, y):
        return squares(model, x, y) * (2 if (x > 0).all() else 1)

    batches = [(floats(4, 3), floats(4, 2)) for _ in range(5)]
    batches[0] = np.abs(batches[0][0]), batches[0][1]
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, batches)
    assert len(recordings(loss_of)) == 1


def test_conditions_that_never_come_out_alike():
    model = Network()

    def loss(model, x, y):
        return squares(model, x, y) * (2 if x[0, 0] > 0 else 1)

    x, y = np.abs(floats(4, 3)), floats(4, 2)
    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="differently from batch to batch"):
        for i in range(20):
            assert loss_of(x * (-1) ** i, y).item() == loss(model, x * (-1) ** i, y).item()


def test_random_numbers_are_not_lost_where_a_replay_is_given_up():
    model = Network(0.5)

    def loss(model, x, y):
        out = model(x)
        return F.mse_loss(out, y) * (2 if (out > 0).all() else 1)

    batches = [(floats(1, 3), floats(1, 2)) for _ in range(12)]
    assert_same(model, nn.replay(model, loss), loss, batches)


def test_bad_input_has_the_error_it_always_has():
    model, loss, batches = gpt()
    loss_of = nn.replay(model, loss)
    for batch in batches:
        loss_of(*batch).backward()
    ids, target = batches[0]
    with pytest.raises(IndexError, match="outside the vocabulary of 11"):
        loss_of(ids + 5, target)
    with pytest.raises(ValueError, match="longer than"):
        loss_of(np.zeros((2, 7), int), np.zeros((2, 7), int))


HIDDEN = floats(4, 2)


def by_item(model, x, y):
    return squares(model, x, y) * float(np.abs(x).max())


def by_other_array(model, x, y):
    np.copyto(HIDDEN, np.array(x[:, :2]))  # np.array makes a plain array, whose numbers are then constants
    return squares(model, x, y) + np.array(x).sum()


def by_method(model, x, y):
    return squares(model, x, y) + x.repeat(2)[-1]


def by_leaf(model, x, y):
    return squares(model, x, y) * LEAF


def by_nothing(model, x, y):
    return ag.Tensor(1.0, requires_grad=True) * 2


LEAF = ag.Tensor(np.float32(2), requires_grad=True)


@pytest.mark.parametrize(
    ("loss", "reason"),
    [
        (by_item, "read into Python"),
        (by_other_array, "other numbers than the loss"),
        (by_method, "a method of ndarray"),
        (by_leaf, "a leaf besides"),
        (by_nothing, "no Tensor that was computed from the arrays"),
    ],
)
def test_what_cannot_be_replayed_is_said_once_and_run_as_it_is(loss, reason):
    model = Network()
    loss_of = nn.replay(model, loss)
    batches = [(floats(4, 3), floats(4, 2)) for _ in range(4)]
    with pytest.warns(RuntimeWarning, match=reason):
        first = [loss_of(*batch).item() for batch in batches[:2]]
    assert first == [loss(model, *batch).item() for batch in batches[:2]]
    for batch in batches[2:]:
        assert loss_of(*batch).item() == loss(model, *batch).item()
    assert not recordings(loss_of)


def test_an_array_that_stays_the_same_is_compared_when_it_changes():
    model, loss, batches = mlp()
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    loss_of = nn.replay(model, loss)
    x, y = batches[0]
    for other, _ in batches:
        loss_of(other, y)
    assert len(calls) == 3
    for more in (1, 2, 3):
        loss_of(x, y + more)
        assert len(calls) == 5


def test_the_same_batch_again_proves_nothing():
    model = Network()
    loss_of = nn.replay(model, by_other_array)
    x, y = floats(4, 3), floats(4, 2)
    for _ in range(3):
        assert loss_of(x, y).item() == by_other_array(model, x, y).item()
    with pytest.warns(RuntimeWarning, match="other numbers"):
        loss_of(floats(4, 3), floats(4, 2))


def test_a_number_of_results_that_depends_on_numbers():
    model = Network()

    def loss(model, x, y):
        return squares(model, x, y) + np.unique(np.round(x)).astype(np.float32).sum()

    assert_same(model, nn.replay(model, loss), loss, [(floats(4, 3), floats(4, 2)) for _ in range(6)])


def test_a_buffer_that_the_model_replaces():
    class Counting(Network):
        def __init__(self):
            super().__init__()
            self.register_buffer("average", np.zeros(3, np.float32))

        def forward(self, x):
            self.average = self.average * 0.9 + x.mean(axis=0) * 0.1
            return super().forward(x - self.average)

    model = Counting()
    loss_of = nn.replay(model, squares)
    with pytest.warns(RuntimeWarning, match="replaces 'average' of the model"):
        for _ in range(2):
            loss_of(floats(4, 3), floats(4, 2))
    for _ in range(3):  # no recording is tried again
        loss_of(floats(4, 3), floats(4, 2))
    assert type(model.average) is np.ndarray


def test_a_replay_inside_of_another():
    model, loss, batches = mlp()
    inner = nn.replay(model, loss)

    def twice(model, x, y):
        return inner(x, y) * 2

    assert_same(model, nn.replay(model, twice), lambda model, x, y: loss(model, x, y) * 2, batches)
