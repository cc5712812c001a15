"""What each op costs, said a second time: a wrong cost on an op is a wrong number in every drawing."""

import numpy as np
import pytest

from cases import CASES
from cases.case import listed
from kernels import EVERY_OP
from tapegrad import autograd as ag

# FLOPs for each element of the largest array of an op. Those that depend on more than that are in BY_SHAPES
# and tested below and in test_graph_data.py.
COSTS = {
    0: "astype broadcast_to concatenate embedding expand_dims getitem index_put pad reshape split squeeze "
    "stack swapaxes take take_along_axis transpose",
    1: "absolute add clip divide index_add max maximum mean min minimum multiply negative power relu sqrt "
    "square subtract sum where",
    2: "dropout",
    4: "exp expm1 log log1p std var",
    5: "rms_norm",
    6: "cross_entropy log_softmax logsumexp softmax",
    8: "cos expit layer_norm sin tanh",
    10: "silu",
    14: "gelu",
    20: "erf",
}
COST = {name: cost for cost, names in COSTS.items() for name in names.split()}
BY_SHAPES = {"einsum", "linear", "matmul", "multi_head_attention", "scaled_dot_product_attention"}


def test_ops_of_the_table():
    assert COST.keys() | BY_SHAPES <= EVERY_OP.keys()
    assert all(
        callable(EVERY_OP[name].facts.flops) == (name in BY_SHAPES) for name in COST.keys() | BY_SHAPES
    )


@pytest.mark.parametrize("name", COST)
def test_cost_of_every_element(name):
    cases = [case for case in CASES if case.op.__name__ == name]
    assert cases
    for case in cases:
        _, outputs, node = case.record(case.draw())
        given = [np.size(a) for arrays in node.recipe.arrays for a in listed(arrays) if a is not None]
        largest = max(*given, sum(y.size for y in outputs))
        if largest > 1:
            assert ag.Graph(outputs).nodes[-1].flops == COST[name] * largest, case.name


def test_cost_of_products_with_vectors_and_stacks():
    vector, matrix, stack = (ag.Tensor(np.ones(shape), True) for shape in [(3,), (3, 7), (2, 5, 3)])
    flops = {}
    for a, b in [(vector, vector), (vector, matrix), (matrix.T, vector), (stack, vector), (stack, matrix)]:
        for x, y in [(a, b), (a.data, b), (a, b.data)]:  # constants are known by shape
            flops.setdefault((a.ndim, b.ndim), set()).add(ag.Graph(ag.matmul(x, y)).nodes[-1].flops)
    products = {(1, 1): 3, (1, 2): 3 * 7, (2, 1): 7 * 3, (3, 1): 2 * 5 * 3, (3, 2): 2 * 5 * 3 * 7}
    assert flops == {ndims: {2 * count} for ndims, count in products.items()}
