"""nn.parallel: what goes wrong is told clearly, within seconds, and changes no parameter."""

import copy
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from tapegrad import nn
from tapegrad.autograd import op
from tapegrad.nn import parallel


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


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

    monkeypatch.setattr(replicas._exchange, "wait", interrupted)
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
    with pytest.raises(RuntimeError, match="worker 1 of 2 .* was killed by SIGKILL.*saved last"):
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


# A shell that starts the tests in the background has them, and what they start, ignore Ctrl-C.
HEED = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"


def program(rest):
    return subprocess.Popen(
        [sys.executable, "-c", HEED + PROGRAM + textwrap.dedent(rest)],
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


def test_replicas_are_not_copied_or_pickled(kind):
    with parallel.replicate(*net(), squared, workers=2, kind=kind) as replicas:
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="cannot be copied or pickled.*nn.save"):
                attempt(replicas)
        assert np.isfinite(replicas.step(*regression(4)))


def test_closed_replicas_evaluate_nothing(kind):
    replicas = parallel.replicate(*net(), squared, workers=2, kind=kind)
    replicas.close()
    with pytest.raises(RuntimeError, match="are closed"):
        replicas.evaluate(*regression(4))


def test_ctrl_c_in_the_comparison_leaves_everything_as_it_was(kind):
    def interrupted(model, x, y):
        if len(x) == 6:  # the whole batch
            raise KeyboardInterrupt
        return squared(model, x, y)

    model, optimizer = net()
    before = state(model)
    with parallel.replicate(model, optimizer, interrupted, workers=2, kind=kind) as replicas:
        with pytest.raises(KeyboardInterrupt):
            replicas.step(*regression(6))
        assert all(np.array_equal(before[k], v) for k, v in model.state_dict().items())
        assert np.isfinite(replicas.step(*regression(4)))


@needs_fork
def test_what_a_file_holds_back_is_written_once(tmp_path):
    with open(tmp_path / "log.txt", "w") as log:
        log.write("before\n")  # still in memory when the workers are forked
        with parallel.replicate(*net(), squared, workers=3, kind="processes") as replicas:
            replicas.step(*regression(6))
        log.write("after\n")
    assert (tmp_path / "log.txt").read_text() == "before\nafter\n"
