"""A recorded graph as data."""

import gc
import subprocess
import sys
import weakref

import numpy as np
import pytest

import kernels
from graph_cases import leaf, long_chain, network, transformer
from tapegrad import autograd as ag
from tapegrad import nn


def ops(graph):
    return [node.op for node in graph.nodes]


def test_nodes_and_edges_of_an_expression():
    a, b = leaf(3, 4), leaf(4)
    graph = ag.Graph((a * b + a).sum())
    assert ops(graph) == ["leaf", "leaf", "multiply", "add", "sum"]
    assert [node.shapes for node in graph.nodes] == [((3, 4),), ((4,),), ((3, 4),), ((3, 4),), ((),)]
    assert [node.inputs for node in graph.nodes[2:]] == [((0, 0), (1, 0)), ((2, 0), (0, 0)), ((3, 0),)]
    assert [(e.source, e.target, e.shape, e.nbytes) for e in graph.edges] == [
        (0, 2, (3, 4), 96),
        (1, 2, (4,), 32),
        (2, 3, (3, 4), 96),
        (0, 3, (3, 4), 96),
        (3, 4, (3, 4), 96),
    ]
    orders = [node.order for node in graph.nodes]
    assert orders == sorted(orders) and len(set(orders)) == 5
    node = graph.nodes[2]
    assert (node.dtypes, node.nbytes, node.size, node.requires_grad) == ((np.dtype("f8"),), 96, 12, True)
    assert graph.outputs == [(4, 0)] and len(graph) == 5 and "5 nodes" in repr(graph)


def test_several_outputs_of_one_op_and_of_one_graph():
    x = leaf(4, 6)
    left, right = ag.split(x, 2, axis=1)
    graph = ag.Graph([left, right * 2.0])
    assert graph.nodes[1].shapes == ((4, 3), (4, 3))
    assert graph.outputs == [(1, 0), (2, 0)] and graph.nodes[2].inputs == ((1, 1), None)


def test_what_backward_keeps_counts_shared_memory_once():
    x = leaf(3, 5)
    y = np.exp(x)
    z = np.tanh(y.T) @ y  # exp, and the product, keep the same array
    graph = ag.Graph(z)
    kept = {node.op: [s.name for s in node.saved] for node in graph.nodes if node.saved}
    assert kept == {"exp": ["y"], "tanh": ["y"], "matmul": ["a", "b"]}
    assert graph.saved_bytes == 2 * 15 * 8
    assert [buffer.nbytes for buffer in graph.buffers] == [120, 120]
    assert [len(buffer.holders) for buffer in graph.buffers] == [2, 2]


def test_parameters_do_not_count_as_kept():
    layer = nn.Linear(4, 3, bias=False)
    graph = ag.Graph(layer(ag.Tensor(np.ones((2, 4), np.float32), requires_grad=True)))
    assert {s.name for node in graph.nodes for s in node.saved} == {"x", "weight"}
    assert graph.saved_bytes == 2 * 4 * 4


def test_constants_are_known_by_shape_or_value():
    x = leaf(3)
    graph = ag.Graph((x * 2.5 + np.ones((4, 3)))[1:] ** 2)
    constants = {node.op: [(c.name, c.shape, c.value) for c in node.constants] for node in graph.nodes[1:]}
    assert constants == {
        "multiply": [("b", None, 2.5)],
        "add": [("b", (4, 3), None)],
        "getitem": [],
        "power": [("b", None, 2)],
    }
    joined = ag.Graph(np.concatenate([x, np.ones(2), x])).nodes[1]
    assert [(c.shape, c.value) for c in joined.constants] == [((2,), None)]
    embedded = ag.Graph(kernels.embedding(leaf(5, 2), np.array([[1, 2, 1]]))).nodes[1]
    assert [(c.name, c.shape) for c in embedded.constants] == [("ids", (1, 3))]


def test_nothing_is_remembered_of_constants_where_there_are_none():
    assert not hasattr((leaf(3) + leaf(3)).node, "constants")


def test_paths_of_modules_and_names_of_parameters():
    model, loss = network()
    graph = ag.Graph(loss)
    assert [call.path for call in graph.root.walk()] == ["", "", "hidden", "out"]
    assert [call.kind for call in graph.root.walk()] == ["", "Network", "Linear", "Linear"]
    assert {node.name for node in graph.nodes} - {""} == {n for n, _ in model.named_parameters()}
    assert {node.path for node in graph.nodes if node.op == "linear"} == {"hidden", "out"}
    assert [node.kind for node in graph.nodes if node.op == "leaf"] == ["parameter"] * 4


def test_a_module_called_twice_has_two_calls_and_its_parameters_stand_around_both():
    class Twice(nn.Module):
        def __init__(self):
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return self.layer(np.tanh(self.layer(x)))

    model = Twice()
    graph = ag.Graph(model(np.ones((2, 3), np.float32)))
    assert [call.path for call in graph.root.walk()] == ["", "", "layer", "layer"]
    homes = {node.name: node.call.kind for node in graph.nodes if node.kind == "parameter"}
    assert homes == {"layer.weight": "Twice", "layer.bias": "Twice"}


def test_shared_parameters_come_once_with_all_their_names():
    model, loss = transformer()
    graph = ag.Graph(loss, model)
    names = [node.name for node in graph.nodes if node.kind == "parameter"]
    assert names.count("tokens.weight = head.weight") == 1
    assert len(names) == len(list(model.parameters()))
    assert sum(n.size for n in graph.nodes if n.kind == "parameter") == sum(
        p.size for p in model.parameters()
    )


def test_a_model_names_modules_that_were_called_from_outside():
    model, _ = transformer()
    encoded = model.encode(np.arange(8)[None])
    assert {call.path for call in ag.Graph(encoded).root.calls} == {""}
    assert [c.path for c in ag.Graph(encoded, model).root.calls] == [
        "tokens",
        "source_positions",
        "transformer.encoder",
    ]
    assert "Embedding.weight" in {
        node.name for node in ag.Graph(encoded).nodes
    }  # of several outermost modules
    assert "tokens.weight = head.weight" in {node.name for node in ag.Graph(encoded, model).nodes}


def test_a_dict_of_tensors_gives_names():
    w, x = leaf(3), leaf(3)
    y = w * x
    named = {node.op + str(node.index): node.name for node in ag.Graph(y.sum(), {"w": w, "y": y}).nodes}
    assert named == {"leaf0": "w", "leaf1": "", "multiply2": "y", "sum3": ""}
    assert [node.kind for node in ag.Graph(y, {"w": w}).nodes] == ["parameter", "input", "op"]
    assert [node.kind for node in ag.Graph(y).nodes] == ["parameter", "parameter", "op"]


def test_modules_that_no_longer_exist_leave_the_structure():
    loss = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))(np.ones((1, 2), np.float32)).sum()
    gc.collect()
    graph = ag.Graph(loss)
    assert [call.kind for call in graph.root.walk()] == ["", "Module", "Module", "Module"]
    assert {node.kind for node in graph.nodes} == {"parameter", "op"}


def test_after_backward_the_structure_is_left():
    _, loss = network()
    before = ag.Graph(loss)
    loss.backward()
    graph = ag.Graph(loss)
    assert graph.freed and not before.freed
    assert ops(graph) == ops(before) and graph.saved_bytes == 0
    assert [n.freed for n in graph.nodes] == [n.op != "leaf" for n in graph.nodes]
    assert "freed" in graph.summary()


def test_leaf_gives_data_and_gradient_while_they_exist():
    model, loss = network()
    graph = ag.Graph(loss)
    index = next(n.index for n in graph.nodes if n.name == "out.weight")
    assert graph.leaf(index)[0] is model.out.weight.data and graph.leaf(index)[1] is None
    loss.backward()
    assert graph.leaf(index)[1] is model.out.weight.grad
    del model, loss
    gc.collect()
    assert graph.leaf(index) == (None, None)


def test_a_graph_keeps_nothing_alive():
    x = leaf(3)
    y = np.exp(x)
    node = weakref.ref(y.node)
    graph = ag.Graph(y.sum())
    del y
    assert node() is None and len(graph) == 3


class Penalised(nn.Module):
    """Its gradient, and that of the module around it, is recorded inside its own call."""

    def __init__(self):
        super().__init__()
        self.first, self.inner = nn.Linear(2, 2, dtype=np.float64), None

    def forward(self, x, outer=None):
        y = self.first(x)
        if self.inner is not None:
            return self.inner(y, (x * y).sum())
        (slope,) = ag.grad(outer + (y**3).sum(), [x], create_graph=True)
        return slope.sum()


def test_a_graph_is_no_cycle():
    def penalty():
        model = Penalised()
        model.inner = Penalised()
        with ag.higher_order():
            return model(leaf(3, 2)), model

    for make in (network, transformer, penalty, lambda: (np.exp(leaf(3)), None)):
        made = make()
        loss, model = made if isinstance(made[0], ag.Tensor) else made[::-1]
        gc.collect()
        gc.disable()
        try:
            graph = ag.Graph(loss, model)
            str(graph), graph.summary()
            del graph
            assert gc.collect() == 0
        finally:
            gc.enable()


def test_a_call_whose_graph_is_gone_says_so():
    model, loss = network()
    graph = ag.Graph(loss, model)
    inner = list(graph.root.walk())[-1]
    assert list(inner.around())[1] is inner.parent
    del graph
    with pytest.raises(RuntimeError, match="the Graph of <Call .*> is gone; keep it"):
        inner.parent  # noqa: B018


def test_two_graphs_of_one_loss_are_the_same():
    _, loss = transformer()
    a, b = (ag.Graph(loss) for _ in range(2))
    for m, n in zip(a.nodes, b.nodes, strict=True):
        assert (m.op, m.inputs, m.shapes, m.saved, m.path, m.name) == (
            n.op,
            n.inputs,
            n.shapes,
            n.saved,
            n.path,
            n.name,
        )


def test_size_does_not_grow_with_the_number_of_paths():
    y = leaf(2)
    for _ in range(60):
        y = y + y
    assert len(ag.Graph(y)) == 61 and len(ag.Graph(y).edges) == 120


def test_a_long_chain():
    assert len(long_chain()) == 100_001


# ------------------------------------------------------------------ failures and bad input


def test_a_failed_op_ends_the_graph():
    x = leaf(2, 3)
    with pytest.raises(ValueError, match="matmul") as caught:
        np.tanh(x) @ x
    graph = ag.Graph(caught.value)
    assert ops(graph) == ["leaf", "tanh", "matmul"] and graph.nodes[-1].kind == "failed"
    assert graph.nodes[-1].inputs == ((1, 0), (0, 0)) and "matmul" in graph.error and not graph.freed


def test_a_failed_op_stands_in_the_module_that_called_it():
    class Bad(nn.Module):
        def forward(self, x):
            return np.tanh(x) @ x

    model = Bad()
    with pytest.raises(ValueError) as caught:
        model(leaf(2, 3))
    *_, tanh, failed = ag.Graph(caught.value).nodes
    assert failed.call is tanh.call and failed.call.kind == "Bad"


def test_an_error_outside_of_ops_ends_the_graph_too():
    x = nn.Linear(3, 5)(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError) as caught:
        nn.Linear(4, 2)(x)
    graph = ag.Graph(caught.value)
    assert graph.nodes[-1].kind == "failed" and "Linear" in graph.nodes[-1].op
    assert "linear" in ops(graph)


def test_an_error_before_anything_was_recorded():
    with pytest.raises(ValueError, match="nothing was recorded before this KeyError"):
        ag.Graph(KeyError("x"))


def test_tensors_without_a_graph_and_other_things():
    with pytest.raises(ValueError, match="no graph"):
        ag.Graph(ag.Tensor([1.0]))
    with ag.no_grad():
        y = leaf(3) * 2
    with pytest.raises(ValueError, match="no_grad"):
        ag.Graph([y])
    with pytest.raises(TypeError, match="not of float"):
        ag.Graph([1.0])


def test_training_does_not_load_the_drawing():
    code = (
        "import sys, numpy as np, tapegrad.autograd as ag, tapegrad.nn, tapegrad.models\n"
        "ag.Tensor(np.ones(3), requires_grad=True).sum().backward()\n"
        "print([m for m in sys.modules if 'graphviz' in m or 'autograd.graph' in m])\n"
        "ag.Graph(ag.Tensor([1.0], requires_grad=True) * 2); print('graphviz' in sys.modules)\n"
        "assert ag.graph.Graph is ag.Graph and ag.graph.visualize is ag.visualize"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["[]", "False"]
