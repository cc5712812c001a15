"""The models of benchmarks/ in torch are those in tapegrad, and learn the same."""

import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.append(str(Path(__file__).resolve().parent.parent.parent))

import tapegrad.autograd as ag
from benchmarks import array_ops, networks, tasks, torch_models
from tapegrad.autograd import Tensor

TASKS = [tasks.Task(65, 64, 4, 2, 32, 8), tasks.Task(65, 32, 4, 2, 16, 4, "transformer")]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_logits_agree(task):
    assert torch_models.difference(task) < 1e-5


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
def test_steps_agree(task):
    with tasks.training(**task.job()) as ours, torch_models.training(**task.job()) as theirs:
        for _ in range(20):
            assert ours() == pytest.approx(theirs(), rel=1e-5)


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
