"""nn.parallel: several workers do what one process would, and say clearly what went wrong."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor, op
from tapegrad.models import GPT, GPTConfig
from tapegrad.nn import functional as F
from tapegrad.nn import parallel
from tapegrad.nn.utils import clip_grad_norm_

KINDS = ["threads"] + ["processes"] * parallel.can_fork()
CONFIG = GPTConfig(vocab_size=11, block_size=6, d_model=8, nhead=2, num_layers=1)


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


def language(model, ids):
    logits = model(ids[:, :-1])
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), ids[:, 1:].reshape(-1))


def regression(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)), rng.normal(size=n)


def net(p=0.0, lr=0.1):
    nn.manual_seed(3)
    model = Net(p)
    return model, nn.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def state(model):
    return {name: array.copy() for name, array in model.state_dict().items()}


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


# ---------------------------------------------------------------------------------- what it computes


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("max_norm", [0.05, 100.0])
def test_replicas_train_as_one_process(kind, workers, max_norm):
    def made():
        nn.manual_seed(0)
        model = GPT(CONFIG).double()
        return model, nn.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.1)

    batches = [(np.random.default_rng(i).integers(0, 11, (7, 7)),) for i in range(4)]  # 7 rows: 3 and 4
    expected_model, expected_optimizer = made()
    expected = alone(expected_model, expected_optimizer, language, batches, max_norm)
    model, optimizer = made()
    with parallel.replicate(model, optimizer, language, workers=workers, max_norm=max_norm, kind=kind) as r:
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
        out = model.first(x).sum(axis=1)
        return ((out if x[0, 0] > 0 else model.second(model.first(x))[:, 0]) - y).mean()

    x, y = np.ones((4, 3)), np.zeros(4)
    x[2:] = -1  # the second share uses `second`, the first does not
    model, optimizer = net()
    before = state(model)
    with parallel.replicate(model, optimizer, loss, workers=2, kind=kind) as replicas:
        replicas.step(x, y)
        assert not np.array_equal(model.second.weight.data, before["second.weight"])
        middle = state(model)
        replicas.step(np.ones((4, 3)), y)  # now nobody uses it: it and its momentum stay
        assert np.array_equal(model.second.weight.data, middle["second.weight"])
    steps = [entry["step"] for entry in optimizer.state_dict()["state"].values()]
    assert steps == [2, 2, 1, 1]


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
            per_worker = replicas._board.losses.copy()
            model.eval()
            return first, per_worker, replicas.evaluate(np.zeros((2, 1)))

    first, per_worker, calm = losses(1)
    assert losses(1)[0] == first
    assert losses(2)[0] != first
    assert per_worker[0] != per_worker[1] and first[0] != first[1]
    assert calm == np.arange(64).mean()  # eval() reached the worker


def test_a_checkpoint_goes_on_bit_for_bit(kind, tmp_path):
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


# ---------------------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("workers", [0, -1, 1.5, "all", True, None])
def test_wrong_worker_counts(workers):
    with pytest.raises(ValueError, match="workers is 'auto' or a number"):
        parallel.replicate(*net(), squared, workers=workers)


def test_wrong_kinds_and_parameters_of_another_model():
    with pytest.raises(ValueError, match="'processes' or 'threads'"):
        parallel.replicate(*net(), squared, workers=2, kind="gpu")
    with pytest.raises(ValueError, match="not the model's"):
        parallel.replicate(net()[0], net()[1], squared, workers=2)


def test_where_the_system_cannot_fork_threads_take_over(monkeypatch):
    monkeypatch.setattr(parallel, "can_fork", lambda: False)
    with pytest.raises(ValueError, match="can fork safely"):
        parallel.replicate(*net(), squared, workers=2, kind="processes")
    with pytest.warns(UserWarning, match="threads here"):
        replicas = parallel.replicate(*net(), squared, workers=2)
    with replicas:
        assert replicas.kind == "threads" and np.isfinite(replicas.step(*regression(4)))


def test_batches_that_cannot_be_shared_out(kind):
    x, y = regression(6)
    with parallel.replicate(*net(), squared, workers=2, kind=kind) as replicas:
        for batch in [(x[:1], y[:1]), (x, y[:5]), (x[:0], y[:0]), (), (1.0,)]:
            with pytest.raises(ValueError, match="cannot be shared out among 2 workers"):
                replicas.step(*batch)
        assert np.isfinite(replicas.step(x, y))


def test_nan_in_one_share_changes_nothing(kind):
    model, optimizer = net()
    x, y = regression(6)
    with parallel.replicate(model, optimizer, squared, workers=2, kind=kind) as replicas:
        replicas.step(x, y)
        before, bad = state(model), y.copy()
        bad[5] = np.nan
        with pytest.raises(FloatingPointError, match="loss of worker 1 is nan; no parameter was changed"):
            replicas.step(x, bad)
        assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())
        assert np.isfinite(replicas.step(x, y))


def test_infinite_gradients_change_nothing(kind):
    @op
    def steep(x):
        return x * 0, lambda g: (np.full_like(x, np.inf),)

    def loss(model, x):
        return steep(model.second.weight.sum())

    model, optimizer = net()
    before = state(model)
    with parallel.replicate(model, optimizer, loss, workers=2, kind=kind) as replicas:
        with pytest.raises(FloatingPointError, match="norm of the gradients is inf"):
            replicas.step(np.zeros((2, 1)))
        assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize("where", [0, 1])
def test_an_error_in_a_share_is_told_and_training_can_go_on(kind, where):
    def picky(model, x, y):
        if (y > 100).any():
            raise KeyError("a strange sample")
        return squared(model, x, y)

    model, optimizer = net()
    x, y = regression(6)
    with parallel.replicate(model, optimizer, picky, workers=2, kind=kind) as replicas:
        before, bad = state(model), y.copy()
        bad[0 if where == 0 else 5] = 1000
        told = "a strange sample" if where == 0 else "(?s)worker 1 of 2.*in picky.*a strange sample"
        with pytest.raises(KeyError if where == 0 else RuntimeError, match=told):
            replicas.step(x, bad)
        assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())
        assert np.isfinite(replicas.step(x, y))


def test_a_loss_that_is_no_number(kind):
    replicas = parallel.replicate(*net(), lambda model, x: model(x), workers=2, kind=kind)
    with replicas, pytest.raises(TypeError, match=r"one number, got a Tensor of shape \(2, 1\)"):
        replicas.step(np.ones((4, 3)))


def test_ctrl_c_in_a_step_leaves_the_replicas_usable(kind):
    def interrupted(model, x, y):
        if y[0] == 1000:
            raise KeyboardInterrupt
        return squared(model, x, y)

    x, y = regression(6)
    with parallel.replicate(*net(), interrupted, workers=2, kind=kind) as replicas:
        with pytest.raises(KeyboardInterrupt):
            replicas.step(x, np.where(np.arange(6) == 0, 1000, y))
        assert np.isfinite(replicas.step(x, y))


def test_closing_in_the_middle_of_a_step_ends_the_workers(kind, monkeypatch):
    model, optimizer = net()
    replicas = parallel.replicate(model, optimizer, squared, workers=2, kind=kind)

    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(replicas._self, "meet", interrupted)
    with pytest.raises(KeyboardInterrupt):
        replicas.step(*regression(4))
    assert replicas._links[0].death() is not None
    with pytest.raises(RuntimeError, match="are closed"):
        replicas.step(*regression(4))


def test_a_replaced_parameter_or_layer_is_noticed(kind):
    for name in ("weight", "second"):
        model, optimizer = net()
        with parallel.replicate(model, optimizer, squared, workers=2, kind=kind) as replicas:
            if name == "weight":
                model.first.weight = nn.Parameter(np.ones((5, 3)))
            else:
                model.second = nn.Linear(5, 1, dtype=np.float64)
            with pytest.raises(RuntimeError, match=f"'{name}' of the model was replaced"):
                replicas.step(*regression(4))


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


needs_fork = pytest.mark.skipif(not parallel.can_fork(), reason="this system cannot fork")


@needs_fork
def test_a_killed_worker_is_reported_within_seconds():
    def slow(model, x, y):
        time.sleep(0.2)
        return squared(model, x, y)

    replicas = parallel.replicate(*net(), slow, workers=2, kind="processes")
    x, y = regression(6)
    replicas.step(x, y)
    os.kill(replicas._links[0]._process.pid, signal.SIGKILL)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="worker 1 of 2 .* was killed by SIGKILL.*last checkpoint"):
        for _ in range(3):
            replicas.step(x, y)
    assert time.monotonic() - start < 10
    with pytest.raises(RuntimeError, match="are closed"):
        replicas.step(x, y)


PROGRAM = """
import os, sys, time
import numpy as np
from tapegrad import nn
from tapegrad.nn import parallel

def loss(model, x):
    return (model(x) ** 2).mean()

model = nn.Linear(3, 2)
replicas = parallel.replicate(model, nn.optim.SGD(model.parameters(), lr=0.1), loss, workers=3)
x = np.ones((6, 3), np.float32)
replicas.step(x)
print(*[link._process.pid for link in replicas._links], flush=True)
"""


def program(rest):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM + textwrap.dedent(rest)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_until_gone(pids):
    deadline = time.monotonic() + 20
    while any(os.path.exists(f"/proc/{pid}/stat") and not is_zombie(pid) for pid in pids):
        assert time.monotonic() < deadline, "workers outlive their caller"
        time.sleep(0.05)


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


@needs_fork
@pytest.mark.parametrize("ending", ["exit", "kill", "interrupt"])
def test_workers_end_with_their_caller(ending):
    with program("time.sleep(0 if %r == 'exit' else 60)\n" % ending) as process:  # noqa: UP031 (braces in the code)
        pids = list(map(int, process.stdout.readline().split()))
        assert len(pids) == 2
        if ending == "kill":
            process.kill()
        elif ending == "interrupt":
            time.sleep(0.3)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
        _, errors = process.communicate(timeout=20)
    wait_until_gone(pids)
    if ending == "interrupt":
        assert errors.count("Traceback") == 1 and "KeyboardInterrupt" in errors
    else:
        assert errors == ""
