"""Measurements laid over pictures as colours, and the profile that has some of them."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from graph_cases import decoder_layer, draw, gpt, leaf, network
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph import profile
from tapegrad.autograd.graph.colors import MEASURES

needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="graphviz's program `dot` is not installed"
)


@pytest.fixture(scope="module")
def measured():
    model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
    with profile() as p, np.errstate(all="ignore"):
        loss = np.log(model(np.ones((2, 3), np.float32)) * 0.0).sum()  # log(0)
        loss.backward()
    return model, loss, p


@pytest.mark.parametrize("color", MEASURES)
def test_colours_have_a_legend(color, measured):
    model, loss, p = measured
    if color == "memory":
        loss = model(np.ones((2, 3), np.float32)).sum()
    drawing = ag.visualize(loss, model, color=color, profile=p)
    assert MEASURES[color].title in drawing.source and "BGCOLOR" in drawing.source


@pytest.mark.parametrize("zoom", ["modules", "ops", "backward"])
@pytest.mark.parametrize("color", MEASURES)
def test_a_measurement_is_drawn_whatever_else_the_box_says(color, zoom, monkeypatch):
    """1 and 16 are in the shapes of this network, 32.8 in what it saves."""
    for value in (1, 16, 32.8, 0.033):
        monkeypatch.setitem(
            MEASURES, color, replace(MEASURES[color], read=lambda *_, v=value: lambda nodes: v)
        )
        measure = MEASURES[color]
        try:
            text = measure.unit.format(measure.text(value))
        except ValueError:  # a count is no fraction
            continue
        drawing = draw(network, zoom=zoom, color=color, profile=profile())
        boxes = len(drawing.view.all_nodes())
        assert boxes > 5 and drawing.source.count(f">{text}</FONT></TD></TR></TABLE>>") == boxes


def test_what_is_saved_for_backward_is_drawn_once_and_sums_beside_their_parts():
    source = draw(decoder_layer, zoom="backward", color="memory").source
    (relu,) = (line for line in source.splitlines() if "saves y (2, 3, 32) 768 B" in line)
    (norm,) = (line for line in source.splitlines() if 'tooltip="norm3 layer_norm"' in line)
    assert "768 B saved" not in relu and "472 B saved" in norm
    closed = draw(decoder_layer, zoom="backward", color="memory", depth=0).source
    assert "saves 8.3 kB" in closed and "8.3 kB saved" not in closed
    folded = draw(gpt, zoom="backward", color="memory").source  # one block's line, the sum of twelve
    (gelu,) = (line for line in folded.splitlines() if "saves slope (2, 8, 96) 6.14 kB" in line)
    assert "73.7 kB saved" in gelu


def test_gradient_norms_are_those_of_the_parameters():
    model, loss = network()
    loss.backward()
    source = ag.visualize(loss, model, zoom="ops", color="gradient").source
    for p in model.parameters():
        assert f"|grad| {np.linalg.norm(p.grad):.2g}" in source
    closed = ag.visualize(loss, model, depth=0, color="ratio").source
    gradient = np.sqrt(sum(np.sum(p.grad**2) for p in model.parameters()))
    weight = np.sqrt(sum(np.sum(p.data**2) for p in model.parameters()))
    assert f"|grad|/|weight| {gradient / weight:.2g}" in closed


def test_a_profile_measures_every_op_and_changes_nothing():
    model, loss = network()
    loss.backward()
    wanted = [p.grad for p in model.parameters()]
    with profile() as p:
        model, loss = network()
        loss.backward()
    graph = ag.Graph(loss)
    ops = [node for node in graph.nodes if node.op != "leaf"]
    assert [p.nodes[node.order].op for node in ops] == [node.op for node in ops]
    assert all(m.forward > 0 and m.backward > 0 for m in p.nodes.values()) and len(p.nodes) == len(ops)
    assert ag.modes.current.get().observers == ()
    assert [parameter.grad.shape for parameter in model.parameters()] == [g.shape for g in wanted]
    recipe = (leaf(2) * 2.0).node
    assert recipe.recipe is None and len(p.nodes) == len(ops)


def test_a_profile_keeps_no_recipes_but_those_of_higher_order():
    x = leaf(3)
    with profile() as p:
        y = np.exp(x)
    assert y.node.recipe is None and [s.name for s in ag.Graph(y).nodes[1].saved] == ["y"]
    with ag.higher_order(), profile() as p:
        z = (x**3).sum()
    (g,) = ag.grad(z, x, create_graph=True)
    assert np.allclose(ag.grad(g.sum(), x)[0].numpy(), 6 * x.numpy()) and len(p.nodes) == 2


def test_a_profile_sees_values():
    x = ag.Tensor([0.0, 1.0, 3.0], requires_grad=True)
    with profile() as p, profile() as inner, np.errstate(divide="ignore"):
        np.log(x)
    (m,) = p.nodes.values()
    assert (m.bad, m.low) == (1, 0.0) and m.high == pytest.approx(np.log(3)) and m.rms > 0
    assert m.backward is None and len(inner.nodes) == 1 and "1 node" in repr(p)


@pytest.mark.parametrize(
    ("color", "message"),
    [("heat", "'gradient', 'ratio'"), ("forward", "needs a profile"), ("gradient", "call backward first")],
)
def test_colours_that_cannot_be(color, message):
    with pytest.raises(ValueError, match=message):
        draw(network, color=color)


@needs_dot
@pytest.mark.parametrize("color", ["gradient", "ratio", "backward", "values"])
def test_a_picture_shows_what_was_there_when_it_was_made(color, tmp_path):
    """Not what has become of it when it is saved."""
    with profile() as p:
        model, loss = network()
        loss.backward()
    drawing, again = (ag.visualize(loss, model, color=color, profile=p, title="T") for _ in range(2))
    page = drawing.html
    for parameter in model.parameters():
        parameter.grad = None
    p.nodes.clear()
    del model, loss, parameter
    assert again.html == page and again.source == drawing.source


def test_norms_of_half_precision_do_not_overflow():
    w = ag.Tensor(np.ones(8, np.float16), requires_grad=True)
    loss = (w * np.float16(250)).sum()
    loss.backward()
    assert "|grad| 7.1e+02" in ag.visualize(loss, {"w": w}, color="gradient").source
    assert "|grad|/|weight| 2.5e+02" in ag.visualize(loss, {"w": w}, color="ratio").source


def test_a_profile_of_something_else():
    with pytest.raises(ValueError, match="nothing of this graph"):
        draw(network, color="forward", profile=profile())
