"""The models of benchmarks/ in torch are those in tapegrad, and learn the same."""

import multiprocessing
import os
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.append(str(Path(__file__).resolve().parent.parent.parent))

import tapegrad.autograd as ag
from benchmarks import array_ops, measure, networks, tasks, torch_models, torch_replicas
from tapegrad.autograd import Tensor

DDP = measure.Candidate("DDP", "benchmarks.torch_replicas:training", pin=False)
TASKS = [tasks.Task(65, 64, 4, 2, 32, 8), tasks.Task(65, 32, 4, 2, 16, 4, "transformer")]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_logits_agree(task):
    assert torch_models.difference(task) < 1e-5


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_steps_agree(task):
    with tasks.training(**task.job()) as ours, torch_models.training(**task.job()) as theirs:
        for _ in range(20):
            assert ours() == pytest.approx(theirs(), rel=1e-5)


def test_two_processes_average_what_one_learns():
    """Gradients too: AdamW takes hardly any notice of their scale."""
    task = TASKS[0]
    model = torch_models.twin(task)
    alone = torch_models.steps(
        torch_models.loss_function(model), torch_models.adamw(model), tasks.batches(task)
    )
    with torch_replicas.together(task) as (replica, both):
        for _ in range(5):
            assert both() == pytest.approx(alone(), rel=1e-5)
            for mine, its in zip(model.parameters(), replica.module.parameters(), strict=True):
                torch.testing.assert_close(its.grad, mine.grad, rtol=1e-4, atol=1e-6)
        (other,) = multiprocessing.active_children()
        other.kill()
        with pytest.raises((RuntimeError, OSError, EOFError)):
            both()
    assert not multiprocessing.active_children()


def test_two_processes_have_equal_parts():
    with pytest.raises(ValueError, match="a batch of 7 has no 2 equal parts"):
        torch_replicas.together(replace(TASKS[0], batch=7)).__enter__()


@pytest.mark.skipif(sys.platform != "linux", reason="children are found in /proc")
def test_the_second_process_ends_with_the_first():
    with measure.Process(DDP) as process:
        process.ask(job=TASKS[0].job())
        assert len(process.ask(steps=2)["values"]) == 2
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children
        os.kill(process.pid, signal.SIGKILL)
        for _ in range(100):
            if not any(running(child) for child in children):
                break
            time.sleep(0.1)
        assert not any(running(child) for child in children)


def running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_another_model_would_be_noticed():
    task = TASKS[0]
    model = tasks.build(task)
    model.blocks[0].norm1.bias.data[:] = 0.1
    theirs = torch_models.twin(task)
    ids = tasks.batches(task, 1)[0][0]
    logits = theirs(torch.from_numpy(ids)).detach().numpy()
    assert abs(model(ids).numpy() - logits).max() / abs(logits).max() > 1e-4


@pytest.mark.parametrize("op", array_ops.ARRAY_OPS)
def test_array_ops_are_the_same_in_both(op):
    made = array_ops.ARRAY_OPS[op]
    given = array_ops.arrays(made)
    ours = [Tensor(x, requires_grad=True) for x in given]
    theirs = [torch.tensor(x, requires_grad=True) for x in given]
    y, z = made.numpy(ag if made.ours else np, *ours), made.torch(torch, *theirs)
    if "eigh" in op:  # whose vectors have any sign
        np.testing.assert_allclose(abs(y.data), abs(z.detach().numpy()), rtol=1e-4, atol=1e-6)
        return
    scale = float(z.detach().abs().max())
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-4, atol=1e-5 * scale)
    y.backward(np.ones_like(y.data))
    z.backward(torch.ones_like(z))
    for a, b in zip(ours, theirs, strict=True):
        scale = float(b.grad.abs().max())
        np.testing.assert_allclose(a.grad, b.grad.numpy(), rtol=1e-3, atol=1e-4 * scale)


@pytest.mark.parametrize("network", ["MLP", "LSTM language model"])
def test_networks_have_the_losses_of_torch(network):
    with networks.torch_training(network) as theirs, networks.tapegrad_training(network) as ours:
        np.testing.assert_allclose([ours(), ours()], [theirs(), theirs()], rtol=1e-4)
