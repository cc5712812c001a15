"""The models of benchmarks/ in torch are those in tapegrad, and learn the same."""

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

sys.path.append(str(Path(__file__).resolve().parent.parent.parent))

from benchmarks import tasks, torch_models

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
