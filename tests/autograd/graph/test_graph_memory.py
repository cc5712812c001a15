"""What is saved for backward, and what recomputing would free."""

import numpy as np
import pytest

from graph_cases import array, leaf, network, transformer
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph import Memory


def test_running_total_and_largest():
    x = leaf(10)
    y = np.exp(x)  # saves 80 bytes
    z = np.tanh(y[:5])  # and 40
    memory = Memory(ag.Graph((z * z).sum()))
    assert memory.total == 120 and memory.running == [0, 80, 80, 120, 120, 120]
    assert [(row.nbytes, row.name, row.op, row.shape) for row in memory.largest()] == [
        (80, "y", "exp", (10,)),
        (40, "y", "tanh", (5,)),
    ]
    assert len(memory.largest(1)) == 1


def test_peak_counts_gradients_on_their_way():
    x = leaf(10)
    y = np.exp(x)
    memory = Memory(ag.Graph(y.sum()))
    # at exp: what it saves, the gradient of its output and that of x
    assert memory.peak == 80 + 80 + 80


def test_peak_is_near_what_is_measured():
    tracemalloc = pytest.importorskip("tracemalloc")
    x = ag.Tensor(array(200, 1000), requires_grad=True)
    tracemalloc.start()
    try:
        y = x
        for _ in range(8):
            y = np.tanh(y)
        loss = y.sum()
        peak = Memory(ag.Graph(loss)).peak
        del y
        tracemalloc.reset_peak()
        loss.backward()
        measured = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert measured == pytest.approx(peak, rel=0.2)


class Block(nn.Module):
    def forward(self, x):
        return np.tanh(np.exp(np.sin(x)))


def test_what_checkpointing_a_call_would_save():
    block = Block()
    x = leaf(100)
    graph = ag.Graph(block(x * 2.0).sum())
    (call,) = graph.root.calls
    checkpoint = Memory(graph).checkpoint(call)
    saved = sum(s.nbytes for node in graph.nodes for s in node.saved if node.call is call)
    assert saved == 3 * 800  # by sin, exp and tanh
    assert (checkpoint.inputs, checkpoint.frees) == (800, saved - 800)
    assert checkpoint.flops == sum(node.flops for node in graph.nodes if node.call is call) > 0
    assert "frees 1.6 kB" in str(checkpoint)


def test_the_advice_works():
    """As much is freed as is said, where autograd.checkpoint(module, x) stands in place of module(x)."""
    block, x = Block(), leaf(100)
    before = ag.Graph(block(x * 2.0).sum())
    (call,) = before.root.calls
    said = Memory(before)
    assert "autograd.checkpoint(module, x) for module(x) would free" in str(said)
    after = Memory(ag.Graph(ag.checkpoint(block, x * 2.0).sum()))
    assert after.total == said.total - said.checkpoint(call).frees == 800


def test_what_others_keep_too_is_not_saved():
    block = Block()
    x = leaf(100)
    y = block(x)
    graph = ag.Graph((y * y).sum())
    (call,) = graph.root.calls
    assert Memory(graph).checkpoint(call).frees == 2 * 800  # the product saves what tanh does


def test_every_call_of_a_transformer():
    model, loss = transformer()
    graph = ag.Graph(loss)
    memory = Memory(graph)
    checkpoints = memory.checkpoints()
    assert len(checkpoints) == sum(1 for _ in graph.root.walk()) - 1
    assert all(0 <= c.frees <= memory.total for c in checkpoints)
    assert [c.frees for c in checkpoints] == sorted((c.frees for c in checkpoints), reverse=True)
    assert memory.running[-1] == memory.total <= memory.peak


def test_as_text():
    model, loss = network()
    text = str(Memory(ag.Graph(loss)))
    assert (
        " saved for backward; peak" in text
        and "autograd.checkpoint(module, x) for module(x) would free" in text
    )
    assert "hidden: linear" in text


def test_after_backward():
    _, loss = network()
    loss.backward()
    memory = Memory(ag.Graph(loss))
    assert memory.total == 0 and memory.largest() == [] and "freed" in str(memory)


def test_plot():
    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = Memory(ag.Graph(network()[1])).plot(figure.subplots())
    assert "MB" in axes.get_ylabel()
