"""What graphs say of floating-point operations."""

import numpy as np
import pytest

from graph_cases import leaf
from tapegrad import autograd as ag
from tapegrad.nn import functional as F


def flops_of(result):
    """Of the last op of its graph."""
    return ag.Graph(result).nodes[-1].flops


def test_flops():
    x, w, b = leaf(5, 3), leaf(7, 3), leaf(7)
    assert flops_of(x @ w.T) == flops_of(x.data @ w.T) == 2 * 5 * 3 * 7
    assert flops_of(x[0] @ x[1]) == 6
    assert flops_of(F.linear(leaf(2, 5, 3), w, b)) == 2 * 10 * 3 * 7 + 70
    assert flops_of(F.linear(x.data, w)) == 2 * 5 * 3 * 7
    assert flops_of(x.sum()) == 15 and flops_of(x.mean(axis=0)) == 15 and flops_of(x + 1.0) == 15
    assert flops_of(x.reshape(15)) == flops_of(x.T) == flops_of(np.concatenate([x, x])) == 0
    assert flops_of(np.exp(x)) == 4 * 15


@pytest.mark.parametrize(
    "subscripts, shapes, count",
    [
        ("ij,jk->ik", [(5, 3), (3, 7)], 2 * 5 * 3 * 7),
        ("bhld,bhsd->bhls", [(2, 4, 5, 3), (2, 4, 6, 3)], 2 * 2 * 4 * 5 * 6 * 3),
        ("i,j->ij", [(5,), (7,)], 2 * 5 * 7),
        ("...ij,...jk", [(2, 5, 3), (3, 7)], 2 * 2 * 5 * 3 * 7),
        ("ij->", [(5, 3)], 15),
        ("ij->ji", [(5, 3)], 0),
    ],
)
def test_flops_of_einsum_are_counted_from_its_letters(subscripts, shapes, count):
    assert flops_of(ag.einsum(subscripts, *(leaf(*shape) for shape in shapes))) == count


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_flops_of_attention(heads):
    q, k, v = leaf(2, 3, 8), leaf(2, 5, 8), leaf(2, 5, 4)
    scores = 2 * 3 * 5
    assert flops_of(F.scaled_dot_product_attention(q, k, v)) == scores * (16 + 6 + 8)
    assert flops_of(F.multi_head_attention([q, leaf(2, 5, 16)], heads)) == scores * (16 + 6 * heads + 16)


def test_cross_entropy_counts_its_input():
    graph = ag.Graph(F.cross_entropy(leaf(6, 5), np.zeros(6, int)))
    assert graph.nodes[-1].flops == 6 * 30
