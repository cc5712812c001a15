"""Distances, losses by margins, and connectionist temporal classification, against torch."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad import nn
from tapegrad.nn import functional as F

T = torch.nn.functional
N, D = 5, 4


def normal(*shape):
    return RNG.normal(size=shape)


def signs(*shape):
    return RNG.choice([-1, 1], shape)


# ---------------------------------------------------------------------------------- distances


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("shapes", [((3, 4), (3, 4)), ((3, 1), (1, 4)), ((2, 3, 4), (3, 4))])
def test_cosine_similarity(shapes, dim):
    inputs = [normal(*shape) for shape in shapes]
    compare(F.cosine_similarity, T.cosine_similarity, inputs, {"dim": dim})
    compare_layers(pair("CosineSimilarity", dim, 0.5), inputs)


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.5, float("inf")])
@pytest.mark.parametrize("keepdim", [False, True])
def test_pairwise_distance(p, keepdim):
    for shapes in (((N, D), (N, D)), ((D,), (D,)), ((N, D), (1, D))):
        inputs = [normal(*shape) for shape in shapes]
        compare(F.pairwise_distance, T.pairwise_distance, inputs, {"p": p, "keepdim": keepdim})
        compare_layers(pair("PairwiseDistance", p, 0.1, keepdim), inputs)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 1.5, 2.0, 3.5, float("inf")])
def test_all_pairs(p):
    """Also of rows that are equal, whose distance has gradient 0."""
    x = normal(N, D)
    compare(F.pdist, T.pdist, [x], {"p": p})
    compare(F.cdist, torch.cdist, [normal(3, D), normal(2, D)], {"p": p})
    compare(F.cdist, torch.cdist, [normal(2, 1, 3, D), normal(4, 2, D)], {"p": p})
    if p >= 1:
        x[1] = x[3]
        compare(F.pdist, T.pdist, [x], {"p": p})
        compare(F.cdist, torch.cdist, [x, x[:2]], {"p": p})


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, float("inf")])
def test_normalize(p):
    x = normal(3, 4, 2)
    x[0, :, 0] = 0
    for dim in (1, -1, 0):
        compare(F.normalize, T.normalize, [x], {"p": p, "dim": dim})
    compare(F.normalize, T.normalize, [x], {"eps": 3.0})


def test_one_hot():
    for shape in ((), (3,), (2, 3)):
        ids = RNG.integers(0, 4, shape)
        for classes in (4, 6):
            theirs = T.one_hot(torch.tensor(ids), classes).numpy()
            np.testing.assert_array_equal(F.one_hot(ids, classes).numpy(), theirs)
    assert F.one_hot([1, 2]).shape == (2, 3)


# ---------------------------------------------------------------------------------- pairs and triplets


def both(name, layer, inputs, **options):
    for reduction in ("mean", "sum", "none"):
        given = {**options, "reduction": reduction}
        compare(getattr(F, name), getattr(T, name), inputs, given)
        compare_layers(pair(layer, **given), inputs)


@pytest.mark.parametrize("margin", [-0.4, 0.0, 0.3])
def test_pairs(margin):
    both(
        "cosine_embedding_loss", "CosineEmbeddingLoss", [normal(N, D), normal(N, D), signs(N)], margin=margin
    )
    both("cosine_embedding_loss", "CosineEmbeddingLoss", [normal(D), normal(D), signs()], margin=margin)
    both("hinge_embedding_loss", "HingeEmbeddingLoss", [normal(N, D), signs(N, D)], margin=margin)
    both(
        "hinge_embedding_loss",
        "HingeEmbeddingLoss",
        [normal(N, D), RNG.integers(-1, 2, (N, D))],
        margin=margin,
    )
    inputs = [normal(N), normal(N), signs(N)]
    both("margin_ranking_loss", "MarginRankingLoss", inputs, margin=margin)
    both("margin_ranking_loss", "MarginRankingLoss", [normal(N, 1), normal(1, D), signs(N, D)], margin=margin)
    both("soft_margin_loss", "SoftMarginLoss", [normal(N, D) * 50, signs(N, D)])


def test_margins_at_their_kinks():
    """Where a margin is met exactly."""
    ones = np.ones(3)
    compare(F.margin_ranking_loss, T.margin_ranking_loss, [ones, ones, np.array([1, -1, 1])], {"margin": 0.0})
    compare(F.hinge_embedding_loss, T.hinge_embedding_loss, [ones, np.array([1, -1, -1])])
    compare(F.multi_margin_loss, T.multi_margin_loss, [np.array([1.0, 0.0, 0.0]), np.array(0)])
    inputs = [np.array([1.0, 0.0, 0.0]), np.array([0, -1, 0])]
    compare(F.multilabel_margin_loss, T.multilabel_margin_loss, inputs)


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_triplets(swap, p):
    inputs = [normal(N, D) for _ in range(3)]
    both("triplet_margin_loss", "TripletMarginLoss", inputs, margin=0.7, p=p, eps=1e-3, swap=swap)
    both("triplet_margin_loss", "TripletMarginLoss", [x[0] for x in inputs], p=p, swap=swap)
    both("triplet_margin_with_distance_loss", "TripletMarginWithDistanceLoss", inputs, margin=0.7, swap=swap)
    for reduction in ("mean", "none"):

        def distance(a, b):
            return abs(a - b).sum(-1)

        given = {"distance_function": distance, "swap": swap, "reduction": reduction}
        name = "triplet_margin_with_distance_loss"
        compare(getattr(F, name), getattr(T, name), inputs, given)
        ours, theirs = (lib.TripletMarginWithDistanceLoss(**given) for lib in (nn, torch.nn))
        compare(ours, theirs, inputs)


# ---------------------------------------------------------------------------------- several classes


@pytest.mark.parametrize("p", [1, 2])
def test_multi_margin(p):
    for inputs in ([normal(N, D), RNG.integers(0, D, N)], [normal(D), RNG.integers(0, D, ())]):
        both("multi_margin_loss", "MultiMarginLoss", inputs, p=p, margin=0.6)
        weight = RNG.uniform(0.5, 2, D)
        given = {"p": p, "weight": weight}
        compare(F.multi_margin_loss, T.multi_margin_loss, inputs, given)
        ours = nn.MultiMarginLoss(p, weight=weight)
        compare(ours, torch.nn.MultiMarginLoss(p, weight=torch.tensor(weight)), inputs)
        assert list(ours.state_dict()) == ["weight"]


def test_multilabel():
    labels = np.array([[1, 3, -1, 0], [-1, 1, 2, 3], [0, 1, 2, 3], [2, 2, -1, -1]])
    both("multilabel_margin_loss", "MultiLabelMarginLoss", [normal(4, D), labels])
    both("multilabel_margin_loss", "MultiLabelMarginLoss", [normal(D), labels[0]])
    targets = RNG.integers(0, 2, (N, D)).astype(float)
    x = normal(N, D) * 30
    both("multilabel_soft_margin_loss", "MultiLabelSoftMarginLoss", [x, targets])
    weight = RNG.uniform(0.5, 2, D)
    compare(F.multilabel_soft_margin_loss, T.multilabel_soft_margin_loss, [x, targets], {"weight": weight})


# ---------------------------------------------------------------------------------- texts over time


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("blank", [0, 4])
def test_ctc(blank, reduction):
    steps, classes = 9, 5
    x = torch.log_softmax(torch.tensor(normal(steps, 4, classes)), 2).numpy()
    targets = RNG.integers(0, 4, (4, 5)) + (blank == 0)
    targets[1] = [1, 1, 2, 3, 2]  # a letter twice, and still it fits into its time
    lengths, input_lengths = np.array([3, 5, 0, 1]), np.array([9, 8, 5, 1])
    given = {"blank": blank, "reduction": reduction}
    compare(F.ctc_loss, T.ctc_loss, [x, targets, input_lengths, lengths], given)
    flat = np.concatenate([row[:k] for row, k in zip(targets, lengths, strict=True)])
    compare_layers(pair("CTCLoss", **given), [x, flat, input_lengths, lengths])
    alone = [x[:, 0], targets[0, :3], np.array(9), np.array(3)]
    compare(F.ctc_loss, T.ctc_loss, alone, given)


def test_ctc_of_texts_that_do_not_fit():
    x = torch.log_softmax(torch.tensor(normal(4, 2, 3)), 2).numpy()
    inputs = [x, np.array([[1, 1, 2], [1, 2, 1]]), np.array([3, 4]), np.array([3, 3])]
    given = {"reduction": "none", "zero_infinity": True}
    compare(F.ctc_loss, T.ctc_loss, inputs, given)
    theirs = T.ctc_loss(*map(torch.tensor, inputs), reduction="none").numpy()
    np.testing.assert_allclose(F.ctc_loss(*inputs, reduction="none").numpy(), theirs)
    assert np.isinf(theirs[0])


def test_ctc_through_log_softmax():
    """Of logits, whatever the gradient of log_probs is taken for."""
    logits = normal(8, 3, 4)
    rest = [RNG.integers(1, 4, (3, 3)), np.array([8, 7, 6]), np.array([3, 2, 1])]

    def ours(x):
        return F.ctc_loss(F.log_softmax(x, 2), *rest)

    def theirs(x):
        return T.ctc_loss(torch.log_softmax(x, 2), *map(torch.tensor, rest))

    compare(ours, theirs, [logits])
