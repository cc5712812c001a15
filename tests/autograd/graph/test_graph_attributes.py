"""What a graph, its pictures and its texts say of the attributes of calls."""

import re
import weakref

import numpy as np
import pytest

from graph_cases import leaf
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.arguments import Given
from tapegrad.autograd.graph.attributes import brief, full
from tapegrad.autograd.graph.labels import WIDE, box_label
from tapegrad.autograd.graph.view import make_view
from tapegrad.nn import functional as F

IDS = np.array([0, 2])


@ag.op(inputs=1)
def own(x, table=None, *, mode="a", sizes=(1, 2), flag=False):
    """An op that takes anything."""
    return x * 1, lambda g: (g,)


def last(result):
    return ag.Graph(result).nodes[-1]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: ag.sum(x), ""),
        (lambda x: ag.sum(x, None, None, None, False), ""),
        (lambda x: np.sum(x, axis=1), "axis=1"),
        (lambda x: x.sum(axis=(0, 1), keepdims=True), "axis=(0, 1)"),
        (lambda x: ag.var(x, ddof=1), "ddof=1"),
        (lambda x: ag.transpose(x), ""),
        (lambda x: np.transpose(x, (1, 0)), "(1, 0)"),
        (lambda x: x.reshape(2, -1), "(2, -1)"),
        (lambda x: x.swapaxes(0, -1), "0, -1"),
        (lambda x: x.astype(np.float32), "float32"),
        (lambda x: x.astype("f4"), "f4"),
        (lambda x: ag.split(x, 2, axis=1)[0], "2, axis=1"),
        (
            lambda x: ag.pad(x, ((0, 0), (1, 1)), constant_values=3.14159),
            "widths=[[0, 0], [1, 1]], constant_values=3.142",
        ),
        (lambda x: np.einsum("ij,kj", x, x), "ij,kj->ik"),
        (lambda x: np.clip(x, -1, 1), ""),
        (lambda x: ag.concatenate([x, x], axis=1), "axis=1"),
        (lambda x: F.dropout(x, 0.1), "p=0.1"),
        (lambda x: F.cross_entropy(x, IDS[[0, 1, 1, 0]], reduction="sum"), "reduction=sum"),
        (lambda x: x[0], "[0]"),
        (lambda x: x[1:, None, ::2], "[1:, None, ::2]"),
        (lambda x: x[..., [0, 2]], "[..., [0, 2]]"),
        (lambda x: x[1:, IDS], "[1:, ids (2,)]"),
        (
            lambda x: x[np.arange(4) > 0, 2:],
            "[mask (4,), 2:]",
        ),
        (lambda x: x[IDS], ""),  # has a box
        (lambda x: ag.take(x, IDS, axis=1), "axis=1"),
    ],
)
def test_attributes_in_a_few_words(call, text):
    assert brief(last(call(leaf(4, 6))).attributes) == text


def test_a_node_has_those_that_are_not_at_their_defaults():
    x = leaf(4, 6)
    assert last(x.sum(axis=1, keepdims=False)).attributes == {"axis": 1}
    assert last(ag.take(x, IDS, 1)).attributes == {"indices": Given((2,), IDS.dtype), "axis": 1}
    assert last(own(x, sizes=(1, 2))).attributes == last(x + x).attributes == {}
    assert full(last(ag.take(x, IDS, 1)).attributes) == "indices=ids (2,), axis=1"


def test_any_object_may_be_an_attribute():
    x = leaf(2)
    assert brief(last(own(x, list(range(99)), mode="m" * 99)).attributes) == (
        "table=[0, 1, 2, 3, 4, 5, …], mode=mmmmmmmmmmmmmmmmmmmmmmmm…"
    )
    odd = last(own(x, {"a": np.ones(2)}, mode="a\n\x07", flag=leaf)).attributes
    assert brief(odd).isprintable() and "mode='a\\n\\x07'" in brief(odd) and "flag=" in full(odd)
    assert last(own(x, sizes=np.ones(2))).attributes == {"sizes": Given((2,), np.dtype(float))}


def test_arrays_among_them_have_boxes_whether_or_not_they_are_kept():
    loss = F.cross_entropy(F.linear(kept := leaf(4, 6), leaf(3, 6))[IDS], IDS)
    for _ in range(2):
        found = {node.op: [(c.name, c.shape) for c in node.constants] for node in ag.Graph(loss).nodes}
        assert found["getitem"] == [("index", (2,))] and found["cross_entropy"] == [("targets", (2,))]
        if kept.grad is None:
            loss.backward()


def label(result, zoom="ops"):
    view = make_view(ag.Graph(result), zoom)
    box = next(box for box in view.boxes if box.nodes and box.nodes[0].index == len(view.graph) - 1)
    return box_label(view, box)


def test_long_attributes_stand_below_the_title():
    q = leaf(2, 3, 8)
    short, long = label(q.sum(axis=1)), label(F.multi_head_attention([q, q, q], 4, is_causal=True))
    assert short.stacked() == ("axis=1", [])
    assert long.stacked() == ("", ["num_heads=4, is_causal=True"])
    wide = label(own(q, list(range(99)), mode="m" * 99)).stacked()
    assert wide[0] == "" and len(wide[1]) > 1 and max(map(len, wide[1])) <= WIDE
    named = ag.Graph(y := q.sum(axis=1), {"y": y})
    assert "y sum axis=1" in str(named) and "sum axis=1" in ag.visualize(named).mermaid


def test_pictures_and_texts_show_them():
    x = leaf(4, 6)
    y = F.multi_head_attention([x[None]] * 3, 2, is_causal=True).sum(axis=1)
    for zoom in ("modules", "ops", "backward"):
        source = re.sub("</?[FT][^>]*>", "|", ag.visualize(y, zoom=zoom).source)
        assert "|multi_head_attention|" in source and "|num_heads=2, is_causal=True|" in source
        assert "sum |axis=1|" in source
    assert re.search(r"^multi_head_attention num_heads=2, is_causal=True  ", str(ag.Graph(y)), re.MULTILINE)
    assert "multi_head_attention<br/>num_heads=2, is_causal=True" in ag.visualize(y).mermaid


def test_a_failed_op_shows_its_attributes():
    with pytest.raises(ValueError) as caught:
        leaf(4, 6).reshape(5, -1)
    assert brief(ag.Graph(caught.value).nodes[-1].attributes) == "(5, -1)"
    with pytest.raises(TypeError) as caught:
        ag.special.softmax(leaf(4, 6), dim=1)
    assert brief(ag.Graph(caught.value).nodes[-1].attributes) == "dim=1"


@pytest.mark.parametrize(("axes", "folded"), [((0, 0, 0), 2), ((0, 1, 0), 0), ((0, 0, 1), 1)])
def test_calls_that_differ_in_an_attribute_do_not_fold(axes, folded):
    class Mean(nn.Module):
        def __init__(self, axis):
            self.axis = axis

        def forward(self, x):
            return np.tanh(x) - x.mean(axis=self.axis)

    model = nn.Sequential(*map(Mean, axes))
    assert len(make_view(ag.Graph(model(np.tanh(leaf(4, 4))))).fold.hidden) == folded


def test_attributes_of_a_call_are_known_without_its_arrays():
    x, index = leaf(3, 4), np.array([0, 2])
    assert x.sum(axis=0, keepdims=True).node.attributes == {"axis": 0, "keepdims": True}
    assert ag.transpose(x, (1, 0)).node.attributes == {"axes": (1, 0)}
    taken = ag.take(x, index, axis=1).node
    assert taken.attributes == {"indices": ((2,), index.dtype), "axis": 1}
    assert not hasattr((x + x).node, "attributes")
    alive = weakref.ref(index)
    taken.backward = None  # as after a backward
    del index
    assert alive() is None
