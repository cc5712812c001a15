"""Graphs with gradients in them: what was recorded while one was computed."""

import gc
import weakref

import numpy as np
import pytest

from graph_cases import Network, draw, gpt_gradients, leaf, penalty
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import modes


def calls(graph):
    """Title, path, order of the gradient, depth of each module call."""
    return [(call.title, call.path, call.gradient, call.depth) for call in graph.root.walk()][1:]


def third(x):
    """The third derivative of x sin x."""
    y = (x * np.sin(x)).sum()
    for _ in range(3):
        (y,) = ag.grad(y.sum(), x, create_graph=True)
    return y


def test_a_gradient_has_the_calls_of_what_it_is_the_gradient_of():
    model, loss = penalty()
    graph = ag.Graph(loss, model)
    assert calls(graph) == [
        ("Network", "", 0, 1),
        ("hidden", "hidden", 0, 2),
        ("gradient", "", 1, 1),
        ("∇ Network", "", 1, 2),
        ("∇ out", "out", 1, 3),
        ("∇ hidden", "hidden", 1, 3),
    ]
    ops = {node.op for node in graph.nodes if node.call.title == "∇ hidden"}
    assert ops == {"matmul", "reshape"}
    assert all(node.call.gradient for node in graph.nodes if node.op == "multiply")
    assert not any(node.call.gradient for node in graph.nodes if node.op in ("mean", "linear", "tanh"))
    assert [node.op for node in graph.nodes].count("tanh") == 1  # the gradient reads what forward made


def test_parameters_stay_where_the_forward_pass_used_them():
    model, loss = penalty()
    home = {node.name: node.call.title for node in ag.Graph(loss, model).nodes if node.kind == "parameter"}
    assert home == {"hidden.weight": "hidden", "hidden.bias": "hidden", "out.weight": "∇ out"}


def test_higher_orders():
    x = leaf(3)
    with ag.higher_order():
        graph = ag.Graph(third(x), {"x": x})
    assert calls(graph) == [
        ("gradient", "", 1, 1),
        ("second gradient", "", 2, 1),
        ("∇ gradient", "", 2, 2),
        ("third gradient", "", 3, 1),
        ("∇ second gradient", "", 3, 2),
        ("∇∇ gradient", "", 3, 3),
        ("∇ gradient", "", 2, 2),
    ]


def test_inside_a_module():
    class Slope(nn.Module):
        """The slope of a network."""

        def __init__(self):
            self.net = Network()

        def forward(self, x):
            return ag.grad(self.net(x).sum(), x, create_graph=True)[0]

    model = Slope()
    with ag.higher_order():
        graph = ag.Graph((model(leaf(5, 2)) * 2).sum())
    found = [(title, path) for title, path, *_ in calls(graph)]
    assert found[0] == ("Slope", "") and ("gradient", "") in found
    assert ("∇ net", "net") in found and ("∇ hidden", "net.hidden") in found
    assert ("∇ Slope", "") not in found


def test_of_a_linear_model_nothing_but_the_gradient_is_left():
    model, x = nn.Sequential(nn.Linear(2, 3, dtype=np.float64), nn.Linear(3, 1, dtype=np.float64)), leaf(4, 2)
    with ag.higher_order():
        (slope,) = ag.grad(model(x).sum(), x, create_graph=True)
    graph = ag.Graph(slope)
    assert {node.name for node in graph.nodes if node.kind == "parameter"} == {"0.weight", "1.weight"}
    assert [title for title, *_ in calls(graph)] == ["gradient", "∇ Sequential", "∇ 1", "∇ 0"]
    assert "∇ 1 Linear" in str(graph) and "∇ 0" in ag.visualize(slope).source


def test_gradients_of_repeated_calls_are_folded():
    drawing = draw(gpt_gradients)
    assert "blocks.0…5 × 6" in drawing.source and "∇ blocks.5…0 × 6" in drawing.source
    assert len(drawing.view) < 60


def test_other_calls_are_not_taken_for_repeated_ones():
    model = nn.Sequential(*(nn.Linear(3, 3, dtype=np.float64) for _ in range(3)), nn.Tanh(), nn.Tanh())
    x = leaf(2, 3)
    with ag.higher_order():
        (slope,) = ag.grad(model(x).sum(), x, create_graph=True)
    runs = ag.visualize(slope).view.fold.runs
    assert {call.title: len(run) for call, run in runs.items()} == {"0": 3, "3": 2, "∇ 2": 3}


def test_parts_of_gradients_look_different():
    model, loss = penalty()
    looks = {box.look for box in ag.visualize(loss, model, zoom="ops").view.boxes}
    assert {"op", "gradient_op", "gradient_view", "parameter", "input"} <= looks
    drawing = ag.visualize(loss, model)
    assert {box.look for box in drawing.view.boxes} >= {"gradient_module", "module"}
    assert "recorded while a gradient was computed" in drawing.source
    assert "stroke-dasharray" in drawing.mermaid
    plain = ag.visualize((leaf(2) * 2).sum())
    assert "recorded while" not in plain.source and "dasharray" not in plain.mermaid


def test_what_flows_into_a_gradient_is_faint():
    model, loss = penalty()
    source = ag.visualize(loss, model).source.splitlines()
    (faint,) = (line for line in source if "tanh → multiply" in line)
    assert "#c9d0da" in faint


def test_no_constant_of_a_gradient_is_an_input():
    model, loss = penalty()
    assert sum(box.kind == "input" for box in ag.visualize(loss, model).view.boxes) == 1


def test_the_summary_counts_them():
    _, loss = penalty()
    assert "19 nodes (15 ops, 8 of them of gradients)" in str(ag.Graph(loss))
    assert "of gradients" not in str(ag.Graph((leaf(2) * 2).sum()))


def test_checkpoints_are_of_forward_passes():
    _, loss = penalty()
    assert not any(found.call.gradient for found in ag.graph.Memory(ag.Graph(loss)).checkpoints())


@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
def test_pages_have_them(zoom, tmp_path):
    page = draw(penalty, zoom=zoom).html
    assert "gradient of order 1" in page and "stroke-dasharray" in page


def test_scopes_are_left_and_freed():
    x = leaf(2)
    with ag.higher_order():
        y = np.exp(x)
        (slope,) = ag.grad(y.sum(), x, create_graph=True)
        assert modes.scope.get() is None
        x.register_hook(lambda g: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            ag.grad((slope * y).sum(), x, create_graph=True)
    assert modes.scope.get() is None
    gc.disable()
    try:
        node = weakref.ref(slope.node)
        del slope, y
        assert node() is None
    finally:
        gc.enable()
