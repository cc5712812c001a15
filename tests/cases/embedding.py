"""Cases of nn/functional/embedding.py and bags.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case

IDS = np.array([[2, 0, 2], [-1, 1, 1]])


def bag_sums(weight, scale, ids, bags, count, divisor=1):
    sums = np.zeros((count, weight.shape[1]))
    for i, bag in enumerate(bags):
        sums[bag] += weight[ids[i]] * (1 if scale is None else scale[i])
    return (sums.T / divisor).T


BAGS = {"ids": np.array([2, 0, 2, 1, 3]), "bags": np.array([0, 0, 2, 2, 2]), "count": 4}
DIVISOR = np.array([2.0, 1.0, 3.0, 1.0])
MANY = {"ids": np.arange(90) ** 2 % 7, "bags": np.sort(np.arange(90) * 3 % 7), "count": 8}
NOTHING = {"ids": np.zeros(0, int), "bags": np.zeros(0, int), "count": 2}

CASES = [
    case(kernels.embedding, ref.embedding, (4, 3), ids=IDS % 3),
    case(kernels.embedding, ref.embedding, (4, 3), ids=np.array(2)),
    case(kernels.embedding, ref.embedding, (3,), ids=np.array([1, 2, 1])),
    case(kernels.embedding, ref.embedding, (4, 2, 3), ids=np.array([1, 3, 1])),
    case(kernels.embedding, ref.embedding, (4, 3), ids=np.zeros((2, 0), int)),
    case(kernels.embedding, ref.embedding, (50, 24), ids=np.arange(90).reshape(2, 45) ** 2 % 7),
    case(kernels.embedding_bag, bag_sums, (4, 3), None, **BAGS),
    case(
        kernels.embedding_bag,
        bag_sums,
        (4, 3),
        None,
        **BAGS,
        divisor=DIVISOR,
        saves="divisor",
    ),
    case(kernels.embedding_bag, bag_sums, (4, 3), (5,), **BAGS, saves="weight scale"),
    case(kernels.embedding_bag, bag_sums, (50, 24), None, **MANY),
    case(kernels.embedding_bag, bag_sums, (50, 24), (90,), **MANY, saves="weight scale"),
    case(kernels.embedding_bag, bag_sums, (4, 3), None, **NOTHING),
]
