"""What the last expression of a notebook's cell, or of a line in the interpreter, shows."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from graph_cases import gpt, leaf, network
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph import profile
from tapegrad.nn.optim import lr_scheduler


def html(shown):
    """(Texts of paragraphs, tables as rows of cells) of what a notebook shows."""
    bundle = shown._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"} and bundle["text/plain"] == str(shown)
    tree = ET.fromstring(f"<x>{bundle['text/html']}</x>")
    tables = [[[cell.text or "" for cell in row] for row in table.iter("tr")] for table in tree.iter("table")]
    return ["".join(p.itertext()) for p in tree.iter("p")], tables


def test_a_graph_is_a_table_with_the_lines_of_its_text():
    model, loss = gpt(3)
    graph = ag.Graph(loss, model)
    (summary,), (rows,) = html(graph)
    assert summary == graph.summary() and rows[0] == ["", "output", "parameters", "FLOPs", "saved"]
    assert [" ".join(filter(None, row)).split() for row in rows] == [
        line.split() for line in str(graph).splitlines()[1:]
    ]
    assert repr(graph) == f"<Graph of {len(graph)} nodes>"


def test_a_graph_of_a_forward_that_failed_or_whose_backward_has_run():
    x = leaf(2, 3)
    with pytest.raises(ValueError) as caught:
        np.tanh(x) @ x
    paragraphs, (rows,) = html(ag.Graph(caught.value))
    assert rows[-1][:2] == ["matmul", "failed"] and "is summed over with" in paragraphs[1]
    assert "red box" not in str(ag.Graph(caught.value))  # which is in pictures
    loss = np.tanh(x).sum()
    loss.backward()
    assert "backward has run" in html(ag.Graph(loss))[0][-1]


def test_names_stay_text():
    x = leaf(2)
    _, (rows,) = html(ag.Graph((x * 2.0).sum(), {"<b>&": x}))
    assert rows[1][0] == "<b>&"


def test_memory_is_two_tables():
    model, loss = gpt(2)
    memory = ag.graph.Memory(ag.Graph(loss, model))
    (summary,), (saved, freed) = html(memory)
    assert " saved for backward; peak" in summary and summary in repr(memory) and "\n" not in repr(memory)
    assert saved[0] == ["saved", "array", "by"] and len(saved) == 11 and freed[1][1] == "GPT"
    for row in saved[1:]:
        assert "  ".join(row) in str(memory)
    loss = np.tanh(leaf(2)).sum()
    loss.backward()
    paragraphs, tables = html(ag.graph.Memory(ag.Graph(loss)))
    assert "backward has run" in paragraphs[0] and tables == []


def test_a_tensor_of_which_something_is_left_out_says_its_shape():
    text = repr(ag.Tensor(np.zeros((100, 30), np.float32), requires_grad=True))
    assert text.endswith("..., 0., 0., 0.]], shape=(100, 30), dtype=float32, requires_grad=True)")
    assert len(text.splitlines()) == 7
    assert repr(ag.Tensor(np.zeros(200))).count("0.") == 200 and "shape" not in repr(ag.Tensor(np.zeros(200)))
    assert "shape=(201,)" in repr(ag.Tensor(np.zeros(201)))


def test_a_parameter_says_what_it_is():
    p = nn.Parameter(np.float32([1, 2]))
    assert repr(p) == "Parameter([1., 2.], dtype=float32, requires_grad=True)"
    assert repr(p * 2) == "Tensor([2., 4.], dtype=float32, op=multiply)"
    lines = repr(nn.Parameter(np.eye(2))).splitlines()
    assert lines[1].index("[") == len("Parameter([")


def optimizer():
    return nn.optim.SGD([nn.Parameter(np.zeros(3))], lr=0.5)


def cosine(n):
    return np.cos(n)


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("StepLR", {"step_size": 3}, "StepLR(step_size=3, gamma=0.1)"),
        ("MultiStepLR", {"milestones": [9, 3, 9]}, "MultiStepLR(milestones=[3, 9, 9], gamma=0.1)"),
        ("LambdaLR", {"lr_lambda": cosine}, "LambdaLR(lr_lambda=cosine)"),
        ("CosineAnnealingLR", {"T_max": 9}, "CosineAnnealingLR(T_max=9, eta_min=0.0)"),
        (
            "CyclicLR",
            {"base_lr": 0.5, "max_lr": 1.0, "cycle_momentum": False},
            "CyclicLR(base_lr=0.5, max_lr=1.0, mode=triangular, gamma=1.0, scale_mode=cycle, "
            "cycle_momentum=False)",
        ),
    ],
)
def test_a_schedule_says_where_it_is(name, options, text):
    sgd = optimizer()
    schedule = getattr(lr_scheduler, name)(sgd, **options)
    assert repr(schedule) == f"{text}  # after 0 updates, lr 0.5"
    schedule.last_epoch = 1234
    sgd.param_groups[0]["lr"] = 0.25
    assert repr(schedule) == f"{text}  # after 1,234 updates, lr 0.25"


def test_a_schedule_of_schedules_shows_them():
    sgd = optimizer()
    parts = [lr_scheduler.LinearLR(sgd, 0.5), lr_scheduler.ExponentialLR(sgd, 0.9)]
    chain = lr_scheduler.ChainedScheduler([lr_scheduler.SequentialLR(sgd, parts, [5])])
    assert repr(chain).splitlines() == [
        "ChainedScheduler()  # after 0 updates, lr 0.25",
        "  SequentialLR(milestones=[5])  # after 0 updates, lr 0.25",
        "    LinearLR(start_factor=0.5, end_factor=1.0, total_iters=5)  # after 0 updates, lr 0.25",
        "    ExponentialLR(gamma=0.9)  # after 0 updates, lr 0.25",
    ]


def test_an_optimizer_says_its_options_and_how_much_it_trains():
    one = optimizer()
    assert repr(one).startswith("SGD(lr=0.5, ") and repr(one).endswith(")  # 3 parameters")
    p, q = (nn.Parameter(np.zeros(n)) for n in (2, 3))
    groups = nn.optim.AdamW([{"params": [p], "lr": 0.1}, {"params": [q], "weight_decay": 0.0}], lr=0.2)
    head, *lines = repr(groups).splitlines()
    assert head == "AdamW" and len(lines) == 2
    assert "lr=0.1," in lines[0] and "# 2 parameters" in lines[0] and "weight_decay=0.0" in lines[1]
    assert "lr 0.1, 0.2" in repr(lr_scheduler.StepLR(groups, 9))


def test_equal_modules_in_a_row_are_one_entry():
    layers = [nn.Linear(2, 2), nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)]
    assert repr(nn.Sequential(*layers)).splitlines() == [
        "Sequential()  # 18 parameters",
        "  (0…1): 2 × Linear(in_features=2, out_features=2)  # 6 parameters each",
        "  (2): Tanh()",
        "  (3): Linear(in_features=2, out_features=2)  # 6 parameters",
    ]
    model, _ = gpt(12)
    assert "    (0…11): 12 × Block()  # " in repr(model) and len(repr(model).splitlines()) == 14
    named = network()[0]
    named.out = named.hidden
    assert repr(named).count("Linear") == 2  # names are no numbers


def test_a_profile_says_how_long_it_took():
    with profile() as p:
        loss = np.tanh(leaf(3)).sum()
    assert re.fullmatch(r"<profile of 2 nodes: forward [\d.]+ \w+>", repr(p))
    loss.backward()
    assert re.fullmatch(r"<profile of 2 nodes: forward [\d.]+ \w+, backward [\d.]+ \w+>", repr(p))


def test_nothing_shows_an_address_or_all_of_a_graph():
    model, loss = network()
    graph = ag.Graph(loss, model)
    view = ag.visualize(graph).view
    loss_of = nn.replay(model, lambda model, x: model(x).sum())
    shown = [
        graph,
        ag.graph.Memory(graph),
        view,
        view.boxes,
        view.arrows,
        graph.root.calls,
        loss_of,
        optimizer(),
    ]
    for thing in shown:
        assert " at 0x" not in repr(thing) and len(repr(thing)) < 600
