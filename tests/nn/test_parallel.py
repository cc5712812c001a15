"""nn.parallel: several workers do what one process would."""

import os

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.models import GPT, GPTConfig
from tapegrad.nn import functional as F
from tapegrad.nn import parallel
from tapegrad.nn.utils import clip_grad_norm_

CONFIG = GPTConfig(vocab_size=11, block_size=6, d_model=8, nhead=2, num_layers=1)


def language(model, ids):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))


def assert_same(state_a, state_b, rtol=1e-10):
    for name, array in state_a.items():
        np.testing.assert_allclose(array, state_b[name], rtol=rtol, atol=1e-12, err_msg=name)


def alone(model, optimizer, loss, batches, max_norm):
    """The loop that replicas stand for."""
    losses = []
    for batch in batches:
        value = loss(model, *batch)
        optimizer.zero_grad()
        value.backward()
        clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        losses.append(value.item())
    return losses


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize(("max_norm", "replay"), [(0.05, False), (100.0, False), (0.05, True)])
def test_replicas_train_as_one_process(kind, workers, max_norm, replay):
    def made():
        nn.manual_seed(0)
        model = GPT(CONFIG).double()
        return model, nn.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)

    batches = [(np.random.default_rng(i).integers(0, 11, (7, 7)),) for i in range(4)]  # 7 rows: 3 and 4
    expected_model, expected_optimizer = made()
    expected = alone(expected_model, expected_optimizer, language, batches, max_norm)
    model, optimizer = made()
    options = {"workers": workers, "max_norm": max_norm, "kind": kind, "replay": replay}
    with parallel.replicate(model, optimizer, language, **options) as r:
        losses = [r.step(*batch) for batch in batches]
        evaluated = r.evaluate(*batches[0])
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    np.testing.assert_allclose(evaluated, language(model, *batches[0]).item(), rtol=1e-10)
    assert_same(model.state_dict(), expected_model.state_dict(), rtol=1e-7)
    ours, theirs = optimizer.state_dict()["state"], expected_optimizer.state_dict()["state"]
    for index, entry in theirs.items():
        assert entry["step"] == ours[index]["step"] == 4
        np.testing.assert_allclose(ours[index]["exp_avg_sq"], entry["exp_avg_sq"], rtol=1e-6, atol=1e-20)
    assert all(p.grad is None for p in model.parameters())


def test_a_parameter_that_one_share_does_not_use_is_trained_by_the_other(kind):
    def loss(model, x, y):
        further = x[:, 0] < 0  # these rows go through `second`, the others do not
        out = model.first(x).sum(axis=1)
        total = ((out - y)[~further] ** 2).sum()
        if further.any():
            total = total + ((model.second(model.first(x))[:, 0] - y)[further] ** 2).sum()
        return total / len(y)

    x, y = np.ones((4, 3)), np.zeros(4)
    x[2:] = -1  # only the second share has such rows
    model, optimizer = net()
    before = state(model)
    with parallel.replicate(model, optimizer, loss, workers=2, kind=kind) as replicas:
        replicas.step(x, y)
        assert not np.array_equal(model.second.weight.data, before["second.weight"])
        middle = state(model)
        replicas.step(np.ones((4, 3)), y)  # now nobody uses it: it and its momentum stay
        assert np.array_equal(model.second.weight.data, middle["second.weight"])
    assert [[*flat.steps] for _, flat in optimizer.buffers()] == [[2, 2, 1, 1]]


def test_what_is_changed_between_steps_reaches_the_workers(kind):
    def run(step, model, optimizer):
        x, y = regression(6)
        step(x, y)
        optimizer.param_groups[0]["lr"] = 0.01
        model.first.bias.requires_grad = False
        step(x, y)
        model.load_state_dict({name: array * 0.5 for name, array in model.state_dict().items()})
        model.second.bias.data = np.array([0.25])
        step(x, y)
        return state(model)

    model, optimizer = net()
    expected = run(lambda *b: alone(model, optimizer, squared, [b], np.inf), model, optimizer)
    model, optimizer = net()
    with parallel.replicate(model, optimizer, squared, workers=2, kind=kind) as replicas:
        assert_same(run(replicas.step, model, optimizer), expected)


def test_dropout_differs_between_workers_and_follows_from_the_seed(kind):
    def outputs(model, x):
        seen = model.drop(Tensor(np.ones((x.shape[0], 64))))
        return (seen * np.arange(64)).mean() * (model.second.weight.sum() * 0 + 1)

    def losses(seed, rows=2):
        model, optimizer = net(p=0.5)
        with parallel.replicate(model, optimizer, outputs, workers=2, kind=kind) as replicas:
            nn.manual_seed(seed)
            first = [replicas.step(np.zeros((rows, 1))) for _ in range(2)]
            per_worker = replicas._exchange.losses.copy()
            model.eval()
            return first, per_worker, replicas.evaluate(np.zeros((2, 1)))

    first, per_worker, calm = losses(1)
    assert losses(1)[0] == first
    assert losses(2)[0] != first
    assert per_worker[0] != per_worker[1] and first[0] != first[1]
    assert calm == np.arange(64).mean()  # eval() reached the worker


def test_saved_replicas_go_on_bit_for_bit(kind, tmp_path):
    batches = [regression(6, seed) for seed in range(6)]
    path = tmp_path / "c.safetensors"

    def run(first, rest):
        model, optimizer = net(p=0.3)
        with parallel.replicate(model, optimizer, squared, workers=2, kind=kind) as replicas:
            for batch in first:
                replicas.step(*batch)
            if rest:
                nn.save(path, model=model, optimizer=optimizer)
        model_b, optimizer_b = (net(p=0.3)) if rest else (model, optimizer)
        if rest:
            with parallel.replicate(model_b, optimizer_b, squared, workers=2, kind=kind) as replicas:
                nn.load(path, model=model_b, optimizer=optimizer_b)
                for batch in rest:
                    replicas.step(*batch)
        return state(model_b)

    whole, parts = run(batches, []), run(batches[:3], batches[3:])
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)


def test_closed_replicas_say_so_and_the_model_lives_on(kind):
    model, optimizer = net()
    x, y = regression(6)
    replicas = parallel.replicate(model, optimizer, squared, workers=2, kind=kind)
    value = replicas.step(x, y)
    replicas.close()
    replicas.close()
    with pytest.raises(RuntimeError, match="are closed"):
        replicas.step(x, y)
    assert alone(model, optimizer, squared, [(x, y)], np.inf)[0] != value
    with parallel.replicate(model, optimizer, squared, workers=2, kind=kind) as again:
        assert again.step(x, y) < value


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="no affinity here")
def test_cores_are_given_back(kind):
    before = os.sched_getaffinity(0)
    with parallel.replicate(*net(), squared, workers=2, kind=kind) as replicas:
        replicas.step(*regression(4))
    assert os.sched_getaffinity(0) == before


def test_buffers_that_the_loss_changes_stay_in_their_worker(kind):
    model, optimizer = net()
    model.register_buffer("seen", np.zeros(()))

    def counted(model, x, y):
        model.seen = model.seen + len(x)
        return squared(model, x, y)

    with parallel.replicate(model, optimizer, counted, workers=2, kind=kind) as replicas:
        for i in range(3):
            replicas.step(*regression(6, seed=i))
    assert model.seen == 9
