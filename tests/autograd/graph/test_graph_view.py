"""What a picture of a graph shows."""

import numpy as np
import pytest

from graph_cases import array, decoder_layer, gpt, head, leaf, long_chain, network, transformer
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph.labels import arrow_label, box_label, call_label
from tapegrad.autograd.graph.view import LIMITS, make_view

ZOOMS = ["modules", "ops", "backward"]


def view(case, zoom="modules", **options):
    model, loss = case
    return make_view(ag.Graph(loss, model), zoom, **options)


def titles(picture):
    return [box_label(picture, box).title for box in picture.boxes]


def of_kind(picture, kind):
    return [box_label(picture, box).title for box in picture.boxes if box.kind == kind]


def arrows(picture):
    def title(box):
        return box_label(picture, box).title

    return {(title(arrow.source), title(arrow.target)) for arrow in picture.arrows}


class Chain(nn.Module):
    """Calls its modules one after the other."""

    def __init__(self, *modules):
        self.parts = nn.ModuleList(modules)

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x


class Residual(nn.Module):
    def __init__(self, width=4):
        self.inner = nn.Linear(width, width, dtype=np.float64)

    def forward(self, x):
        return x + np.tanh(self.inner(x))


def blocks(*widths):
    model = Chain(*map(Residual, widths))
    return model, model(leaf(2, 4))


def test_depth_opens_so_many_levels():
    case = network()
    assert titles(view(case, depth=0)) == ["input", "Network", "subtract", "power", "mean", "loss"]
    opened = ["input", "hidden", "tanh", "out", "subtract", "power", "mean", "loss"]
    assert titles(view(case, depth=1)) == opened
    assert [c.title for c in view(case, "ops", depth=1).open_calls] == ["everything", "Network"]


def test_expand_decides_call_by_call():
    case = network()
    picture = view(case, "ops", expand=lambda call: call.name != "hidden")
    assert of_kind(picture, "module") == ["hidden"]
    assert [c.title for c in picture.open_calls] == ["everything", "Network", "out"]
    assert of_kind(view(case, expand=lambda call: False), "module") == ["Network"]


def test_all_of_an_op_graph_is_drawn():
    picture = view(head(), "ops")
    kinds = [box.kind for box in picture.boxes]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "parameter": 3,
        "input": 1,
        "op": 7,
        "view": 1,
        "output": 1,
    }
    assert ("w_key", "matmul") in arrows(picture) and ("matmul", "swapaxes") in arrows(picture)
    assert ("divide", "softmax") in arrows(picture) and ("matmul", "output") in arrows(picture)


def test_modules_pass_over_views_and_count_parameters():
    picture = view(head())
    assert of_kind(picture, "parameter") == of_kind(picture, "view") == []
    assert ("matmul", "matmul") in arrows(picture)
    assert "384 parameters" in call_label(picture, picture.open_calls[1]).lines


def test_parameters_outside_of_modules_are_drawn():
    w = leaf(3)
    picture = view(({"w": w}, (w * 2.0).sum()))
    assert titles(picture) == ["w", "multiply", "sum", "loss"]


def test_numbers_stand_in_the_box_of_their_op_and_arrays_have_their_own():
    picture = view(network(), "ops")
    power = next(box for box in picture.boxes if box.nodes and box.nodes[0].op == "power")
    assert box_label(picture, power).note == "2"
    assert of_kind(picture, "constant") == ["constant"] and of_kind(picture, "input") == ["input"]


def test_backward_says_what_is_saved():
    picture = view(network(), "backward")
    tanh = next(box for box in picture.boxes if box.nodes and box.nodes[0].op == "tanh")
    assert box_label(picture, tanh).lines == ["saves y (256, 16) 32.8 kB"]
    assert "saves" in call_label(picture, picture.open_calls[1]).lines[0]


def test_arrows_say_shapes():
    picture = view(decoder_layer(), depth=2)
    labels = {arrow_label(arrow) for arrow in picture.arrows}
    assert "(2, 3, 48)" in labels and "(2, 3, 16)" in labels
    assert all(arrow_label(a) == "" for a in picture.arrows if a.source.kind in ("input", "constant"))


# ------------------------------------------------------------------ folding


def test_repeated_blocks_fold_into_one():
    picture = view(blocks(4, 4, 4))
    assert [len(picture.fold.members(call)) for call in picture.open_calls] == [1, 1, 3]
    label = call_label(picture, picture.open_calls[2])
    assert label.title == "parts.0…2 × 3" and label.lines == ["60 parameters"]
    assert titles(picture).count("inner") == 1
    assert ("add", "output") in arrows(picture) and ("add", "inner") not in arrows(picture)


def test_what_a_box_of_a_folded_block_stands_for():
    picture = view(blocks(4, 4, 4))
    inner = next(box for box in picture.boxes if box.call is not None)
    assert [node.op for node in picture.all_nodes()[inner] if node.op != "leaf"] == ["linear"] * 3


class Parallel(nn.Module):
    """Calls its modules on the same input."""

    def __init__(self):
        self.parts = nn.ModuleList(nn.Linear(4, 4, dtype=np.float64) for _ in range(3))

    def forward(self, x):
        q, k, v = (part(x) for part in self.parts)
        return q @ k.mT @ v


def test_parallel_modules_do_not_fold():
    model = Parallel()
    assert of_kind(view((model, model(leaf(2, 4)))), "module") == ["parts.0", "parts.1", "parts.2"]


@pytest.mark.parametrize(
    ("parts", "shown"),
    [
        ([nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)], 1),
        ([nn.Linear(4, 4), nn.Linear(4, 4, bias=False), nn.Linear(4, 4)], 3),
        ([nn.Linear(4, 8), nn.Linear(8, 4), nn.Linear(4, 8)], 3),
        ([nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 8), nn.Linear(8, 8), nn.Linear(8, 8)], 3),
    ],
)
def test_only_equal_calls_fold(parts, shown):
    model = Chain(*parts)
    x = ag.Tensor(array(2, 4), requires_grad=True, dtype=np.float32)
    assert len(of_kind(view((model, model(x))), "module")) == shown


def test_one_module_called_again_and_again_folds():
    class Loop(nn.Module):
        def __init__(self):
            self.cell = Residual()

        def forward(self, x):
            for _ in range(30):
                x = self.cell(x)
            return x

    model = Loop()
    picture = view((model, model(leaf(2, 4))))
    assert [call_label(picture, call).title for call in picture.open_calls[1:]] == ["Loop", "cell × 30"]
    assert call_label(picture, picture.open_calls[2]).lines == ["20 parameters"]  # once
    assert "20 parameters" in call_label(picture, picture.open_calls[1]).lines


def test_blocks_with_new_parameters_fold_whatever_the_order_in_which_they_were_made():
    model, _ = blocks(4, 4)
    model.parts[0].inner.weight = nn.Parameter(array(4, 4))
    assert len(view((model, model(leaf(2, 4)))).fold.hidden) == 1


# ------------------------------------------------------------------ size


@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize("case", [transformer, lambda: transformer(6), gpt], ids=["two", "six", "gpt"])
def test_pictures_have_a_readable_size_by_default(case, zoom):
    assert 10 < len(view(case(), zoom)) <= LIMITS[zoom]


def test_wide_networks_stay_closed():
    class Wide(nn.Module):
        def __init__(self):
            self.parts = nn.ModuleList(Residual() for _ in range(40))

        def forward(self, x):
            return sum(part(x) for part in self.parts)

    model = Wide()
    picture = view((model, model(leaf(2, 4))))
    assert of_kind(picture, "module") == ["Wide"]
    assert len(of_kind(view((model, model(leaf(2, 4))), depth=1), "module")) == 40


@pytest.mark.parametrize("zoom", ZOOMS)
def test_a_long_chain_leaves_out_its_middle(zoom):
    picture = make_view(long_chain(), zoom)
    assert len(picture) < 30 and any("more ops" in title for title in titles(picture))
    assert len(picture.arrows) == len(picture) - 1


@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize("case", [network, head, decoder_layer, transformer], ids=lambda case: case.__name__)
def test_ids_are_unique_and_arrows_connect_boxes(case, zoom):
    for depth in (0, 1, 2, 3, 9):
        picture = view(case(), zoom, depth=depth)
        boxes = {box.id for box in picture.boxes}
        arrows = [arrow.id for arrow in picture.arrows]
        clusters = {f"c{call.index}" for call in picture.open_calls}
        assert len(boxes) == len(picture.boxes) and len(set(arrows)) == len(arrows)
        assert not boxes & clusters
        assert all(a.source.id in boxes and a.target.id in boxes for a in picture.arrows)
        assert {a.target.id for a in picture.arrows} >= {b.id for b in picture.boxes if b.kind == "output"}


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"zoom": "op"}, ValueError, "'modules', 'ops' or 'backward', not 'op'"),
        ({"depth": -1}, ValueError, "not -1"),
        ({"depth": 1.5}, ValueError, "not 1.5"),
        ({"depth": 1, "expand": bool}, ValueError, "not both"),
        ({"expand": "all"}, TypeError, "'all'"),
    ],
)
def test_bad_options(options, error, message):
    with pytest.raises(error, match=message):
        view(network(), **options)
