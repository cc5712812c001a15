"""What the page is made of: its pictures, one of each module, say together what one picture says."""

import json
import random
import re
import shutil

import numpy as np
import pytest

from graph_cases import decoder_layer, gpt, head, leaf, long_chain, network, transformer
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph.insides import all_open, insides
from tapegrad.autograd.graph.view import make_view

ZOOMS = ["modules", "ops", "backward"]
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None, reason="graphviz's program `dot` is not installed"
)


def composed(views, flows, opened):
    """The arrows between boxes that are seen if these calls are open: each followed through its ports."""
    shown = [call for call in views if set(call.around()) - {call} <= opened and call in opened]
    arrows = [arrow for call in shown for arrow in views[call].arrows]
    names = {f"c{call.index}" for call in shown}

    def ends(arrow):
        start, end = arrow.source.id, arrow.target.id
        for key in flows[arrow.id]:
            yield (
                f"out.{start}.{key}" if start in names else start,
                f"in.{end}.{key}" if end in names else end,
            )

    ways = [way for arrow in arrows for way in ends(arrow)]
    found, waiting = set(), [way for way in ways if not way[0].startswith(("in.", "out."))]
    while waiting:
        start, end = waiting.pop()
        if end.startswith(("in.", "out.")):
            waiting += [(start, further) for port, further in ways if port == end]
        else:
            found.add((start, end))
    return found


@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize(
    "case", [network, head, decoder_layer, transformer, gpt], ids=lambda case: case.__name__
)
def test_together_they_show_what_one_picture_shows_whatever_is_open(case, zoom):
    model, loss = case()
    view = make_view(ag.Graph(loss, model), zoom)
    flows = {}
    views = insides(all_open(view), flows)
    chance = random.Random(0)
    for share in (0.0, 0.3, 0.5, 0.7, 0.9, 1.0):
        opened = {call for call in views if call.parent is None or chance.random() < share}
        flat = make_view(view.graph, zoom, expand=opened.__contains__, fold=view.fold)
        assert composed(views, flows, opened) == {(a.source.id, a.target.id) for a in flat.arrows}


@pytest.mark.parametrize("zoom", ZOOMS)
def test_boxes_and_arrows_have_ids_of_their_own(zoom):
    model, loss = transformer()
    views = insides(all_open(make_view(ag.Graph(loss, model), zoom)), {})
    boxes = [box.id for view in views.values() for box in view.boxes]
    arrows = [arrow.id for view in views.values() for arrow in view.arrows]
    assert len(set(boxes)) == len(boxes) and len(set(arrows)) == len(arrows)


def data(case, **options):
    """What the page of a drawing holds."""
    model, loss = case()
    page = ag.visualize(loss, model, **options).html
    return page, json.loads(re.search(r'data-ui="data">(.*?)</script>', page)[1])


@needs_dot
def test_the_page_starts_with_what_the_drawing_shows():
    _, chosen = data(transformer, depth=2)
    _, automatic = data(transformer)
    assert len(chosen["opened"]) == 3 and not chosen["fits"]
    assert len(automatic["opened"]) > 3 and automatic["fits"]
    assert {part["id"] for part in automatic["insides"]} > set(automatic["opened"])


@needs_dot
def test_a_page_grows_with_its_modules_and_not_with_the_ways_to_open_them():
    page, held = data(lambda: gpt(12), zoom="ops")
    assert len(held["insides"]) == 13 and len(page) < 250_000


@needs_dot
def test_a_chain_without_modules_has_one_picture():
    page = ag.visualize(long_chain()).html
    assert page.count("<template>") == 1


@needs_dot
def test_colours_mean_the_same_in_all_pictures():
    """One scale: a colour says the same before a module is opened and after, and the legend stands once."""
    page, _ = data(transformer, color="flops")
    assert (
        page.count("FLOPs of the forward") == 2
    )  # in the picture for where scripts do not run, and in the page
    legend = set(re.findall(r'fill="(#[0-9a-f]{6})"', page.split("<template>")[1]))
    colours = set(re.findall(r'fill="(#[0-9a-f]{6})"', "".join(page.split("<template>")[2:])))
    assert len(colours & legend) > 2


# ------------------------------------------------------------------ what hovering shows


class Twice(nn.Module):
    """An embedding for two inputs; its weight is also that of the last layer."""

    def __init__(self):
        self.tokens = nn.Embedding(7, 4)
        self.mix = nn.Linear(4, 4)
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, a, b):
        self.sum = self.tokens(a) + self.tokens(b)
        return self.head(np.tanh(self.mix(self.sum)))


def twice():
    model = Twice()
    return model, model(np.array([1, 2]), np.array([3, 4]))


@needs_dot
def test_a_module_that_shares_its_parameters_says_how_many_it_has():
    _, held = data(twice, zoom="ops")
    said = {(d.get("module"), d["parameters"]) for d in held["details"].values() if "parameters" in d}
    assert {("tokens", "28, 28 of them shared"), ("head", "28, 28 of them shared"), ("mix", "20")} <= said


def test_shared_parameters_are_in_boxes_and_colours():
    model, y = twice()
    y.sum().backward()
    norm = float(np.linalg.norm(model.tokens.weight.grad))
    source = ag.visualize(y, model, color="gradient").source
    assert source.count("28 parameters") == 3 and source.count(f"|grad| {norm:.2g}<") == 3


def test_an_op_of_a_module_has_the_gradient_of_parameters_without_a_box():
    model, loss = decoder_layer()
    loss.sum().backward()
    source = ag.visualize(loss, model, color="gradient").source
    weights = [model.self_attn.in_proj_weight, model.self_attn.in_proj_bias]
    norm = np.sqrt(sum(np.sum(p.grad**2) for p in weights))
    assert f"|grad| {norm:.2g}<" in source


@needs_dot
def test_a_named_op_says_both_its_name_and_what_it_is():
    _, held = data(twice, zoom="ops")
    (card,) = (d for d in held["details"].values() if d.get("name") == "sum")
    assert card["op"] == "add"
    parameters = [d["parameter"] for d in held["details"].values() if "parameter" in d]
    assert sorted(parameters) == ["mix.bias", "mix.weight", "tokens.weight = head.weight"]
    x = leaf(3)
    details = data(lambda: ({"y": x}, (x * 2.0).sum()), zoom="ops")[1]["details"]
    assert {d.get("op") for d in details.values()} == {None, "multiply", "sum"}


@needs_dot
def test_an_op_says_all_its_attributes():
    x = leaf(3, 4)
    taken = ag.take(x, np.array([0, 2]), axis=1).sum(axis=1, keepdims=True)
    details = data(lambda: (None, taken), zoom="ops")[1]["details"].values()
    said = {d["op"]: d.get("attributes") for d in details if "op" in d}
    assert said == {"take": "indices=ids (2,), axis=1", "sum": "axis=1, keepdims=True"}
