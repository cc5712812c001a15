"""nn.replay: a recorded loss gives the same numbers as the loss itself."""

import sys

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import Network, assert_same, floats, gpt, gradients, mlp, recordings, transformer
from tapegrad import nn


@pytest.mark.parametrize(
    "made", [mlp, gpt, lambda: gpt(0.3), transformer], ids=["mlp", "gpt", "dropout", "pairs"]
)
def test_gives_the_same_numbers(made):
    model, loss, batches = made()
    loss_of = nn.replay(model, loss)
    assert_same(model, loss_of, loss, batches)
    assert len(recordings(loss_of)) == 1
    assert repr(loss_of) == f"Replay({type(model).__name__}, 1 captures)"


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
    monkeypatch.setattr(sys.modules["tapegrad.nn.replay"], "MOST", 2)
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
    handle = model.last.bias.register_hook(lambda g: seen.append(g.copy()) or g * 0)
    once = gradients(loss_of(*batches[0]), model)[0].copy()
    assert seen[0].any() and not model.last.bias.grad.any()
    loss_of(*batches[0]).backward(np.float32(2))
    np.testing.assert_allclose(next(model.parameters()).grad, 3 * once, rtol=1e-5)
    handle.remove()


def test_results_are_the_callers_own():
    model, loss, batches = mlp()
    loss_of = nn.replay(model, loss)
    for batch in batches[:2]:
        loss_of(*batch)
    first = loss_of(*batches[2])
    kept = gradients(first, model)
    copies = [first.item(), *(g.copy() for g in kept)]
    assert gradients(loss_of(*batches[3]), model)[0] is not kept[0]
    assert len(recordings(loss_of)) == 1 and first.item() == copies[0]
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
    model.last.weight = nn.Parameter(floats(2, 8))  # and none of the others is moved
    assert loss_of(*batches[0]).item() == loss(model, *batches[0]).item()


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


def test_a_replay_inside_of_another():
    model, loss, batches = mlp()
    inner = nn.replay(model, loss)

    def twice(model, x, y):
        return inner(x, y) * 2

    assert_same(model, nn.replay(model, twice), lambda model, x, y: loss(model, x, y) * 2, batches)
