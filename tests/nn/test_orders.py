"""Every function of nn.functional has two derivatives, forward and reverse, as docs/coverage.md says."""

from functools import partial

import numpy as np
import pytest

import kernels
from tapegrad import autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor, special
from tapegrad.nn import functional as F

SIGNS = np.array([[1, -1, 1], [-1, 1, -1]])
MAP = (1, 2, 4, 4)


def apart(rng, shape, shift):
    """Numbers apart from each other, from those of another shift and from the kinks of activations."""
    n = int(np.prod(shape))
    return (rng.permutation(n).reshape(shape) - n // 2) * 0.13 + 0.031 * (1 + shift)


def shares(x):
    """Numbers between 0 and 1."""
    return special.expit(x)


def attended(x):
    weight = np.linspace(-1, 1, 18 * 6).reshape(18, 6)
    return F.multi_head_attention_forward(
        x, x, x, 6, 2, weight, None, None, None, False, 0.0, weight[:6], None, need_weights=False
    )[0]


def unpooled(n, x):
    values, places = getattr(F, f"max_pool{n}d")(x, 2, return_indices=True)
    return getattr(F, f"max_unpool{n}d")(values, places, 2)


def first(outputs):
    return outputs[0] if isinstance(outputs, tuple) else outputs


def each(names: str, *shapes, call=lambda fn, *xs: fn(*xs)) -> dict:
    """For each name the function, called with Tensors of these shapes, and the shapes."""
    return {name: (partial(call, getattr(F, name)), *shapes) for name in names.split()}


def in_one_two_three_axes(names: str, shape: tuple, size: int, call, axes=(1, 2, 3)) -> dict:
    """The same of functions with a number of axes in their names: `shape` and as many axes of a size."""
    found = {}
    for n in axes:
        found |= each(names.replace("#", str(n)), (*shape, *[size] * n), call=call)
    return found


# By name: a function of Tensors, and their shapes. What is drawn at random is drawn from one seed.
FUNCTIONS = {
    **each(
        """celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish relu relu6 selu
        sigmoid silu softplus softshrink softsign tanh tanhshrink dropout alpha_dropout rrelu gumbel_softmax
        normalize""",
        (3, 4),
    ),
    **each("celu_ elu_ hardtanh_ leaky_relu_ relu_ rrelu_ selu_", (3, 4), call=lambda fn, x: fn(x * 1)),
    **each("threshold threshold_", (3, 4), call=lambda fn, x: fn(x * 1, 0.1, 2.0)),
    **each("softmax softmin log_softmax glu", (3, 4), call=lambda fn, x: fn(x, -1)),
    **each("prelu", (2, 3, 2), (3,)),
    **in_one_two_three_axes(
        "adaptive_avg_pool#d adaptive_max_pool#d adaptive_max_pool#d_with_indices",
        (1, 2),
        4,
        lambda fn, x: first(fn(x, 3)),
    ),
    **in_one_two_three_axes(
        "avg_pool#d max_pool#d max_pool#d_with_indices", (1, 2), 4, lambda fn, x: first(fn(x, 2))
    ),
    **in_one_two_three_axes("lp_pool#d", (1, 2), 4, lambda fn, x: fn(shares(x), 3.0, 2)),
    **{f"max_unpool{n}d": (partial(unpooled, n), (1, 2, *[4] * n)) for n in (1, 2, 3)},
    **in_one_two_three_axes(
        "fractional_max_pool#d fractional_max_pool#d_with_indices",
        (1, 2),
        5,
        lambda fn, x: first(fn(x, 2, output_size=2)),
        axes=(2, 3),
    ),
    **in_one_two_three_axes("dropout#d", (2, 3), 2, lambda fn, x: fn(x)),
    **each("feature_alpha_dropout", (2, 3, 2)),
    **{f"conv{n}d": (getattr(F, f"conv{n}d"), (1, 2, *[4] * n), (3, 2, *[2] * n), (3,)) for n in (1, 2, 3)},
    **{
        f"conv_transpose{n}d": (
            getattr(F, f"conv_transpose{n}d"),
            *((1, 2, *[3] * n), (2, 3, *[2] * n), (3,)),
        )
        for n in (1, 2, 3)
    },
    "linear": (F.linear, (3, 4), (2, 4), (2,)),
    "bilinear": (F.bilinear, (3, 4), (3, 2), (5, 4, 2), (5,)),
    "embedding": (lambda w: F.embedding(np.array([[0, 2], [2, 1]]), w), (3, 2)),
    "embedding_bag": (lambda w: F.embedding_bag(np.array([[0, 2], [2, 1]]), w), (3, 2)),
    "batch_norm": (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (4, 3, 2), (3,), (3,)),
    "instance_norm": (F.instance_norm, (2, 3, 4)),
    "group_norm": (lambda x, w, b: F.group_norm(x, 2, w, b), (2, 4, 3), (4,), (4,)),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, (4,), w, b), (3, 4), (4,), (4,)),
    "rms_norm": (lambda x, w: F.rms_norm(x, (4,), w), (3, 4), (4,)),
    "local_response_norm": (lambda x: F.local_response_norm(x, 2), (2, 4, 3)),
    "scaled_dot_product_attention": (F.scaled_dot_product_attention, (2, 3, 4), (2, 5, 4), (2, 5, 3)),
    "multi_head_attention": (
        lambda q, k, v: F.multi_head_attention([q, k, v], 2),
        (2, 3, 4),
        (2, 5, 4),
        (2, 5, 4),
    ),
    "multi_head_attention_forward": (attended, (3, 2, 6)),
    "cdist": (F.cdist, (3, 2), (4, 2)),
    "pdist": (F.pdist, (4, 2)),
    "pairwise_distance": (F.pairwise_distance, (3, 4), (3, 4)),
    "cosine_similarity": (F.cosine_similarity, (3, 4), (3, 4)),
    "affine_grid": (lambda t: F.affine_grid(t, (1, 2, 3, 4), align_corners=False), (1, 2, 3)),
    "grid_sample": (lambda x, g: F.grid_sample(x, g * 0.3, align_corners=False), MAP, (1, 2, 3, 2)),
    "interpolate": (lambda x: F.interpolate(x, scale_factor=1.7, mode="bicubic"), MAP),
    "upsample": (lambda x: F.upsample(x, scale_factor=2, mode="bilinear"), MAP),
    "upsample_bilinear": (lambda x: F.upsample_bilinear(x, scale_factor=2), MAP),
    "upsample_nearest": (lambda x: F.upsample_nearest(x, scale_factor=2), MAP),
    "fold": (lambda x: F.fold(x, (3, 3), 2), (1, 8, 4)),
    "unfold": (lambda x: F.unfold(x, 2), MAP),
    "pad": (lambda x: F.pad(x, (1, 2), mode="reflect"), (1, 2, 4)),
    "channel_shuffle": (lambda x: F.channel_shuffle(x, 2), MAP),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x, 2), (1, 4, 2, 2)),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x, 2), MAP),
    "binary_cross_entropy": (lambda x, t: F.binary_cross_entropy(shares(x), shares(t)), (2, 3), (2, 3)),
    "binary_cross_entropy_with_logits": (
        lambda x, t: F.binary_cross_entropy_with_logits(x, shares(t)),
        (2, 3),
        (2, 3),
    ),
    "cross_entropy": (lambda x: F.cross_entropy(x, [0, 2]), (2, 3)),
    "linear_cross_entropy": (lambda x, w: F.linear_cross_entropy(x, w, np.array([0, 2, 1])), (3, 4), (5, 4)),
    "nll_loss": (lambda x: F.nll_loss(F.log_softmax(x, -1), [0, 2]), (2, 3)),
    "ctc_loss": (lambda x: F.ctc_loss(F.log_softmax(x, -1), np.array([[1, 2]]), [5], [2]), (5, 1, 3)),
    "kl_div": (lambda x, t: F.kl_div(x, shares(t), reduction="sum"), (2, 3), (2, 3)),
    "gaussian_nll_loss": (lambda x, t, v: F.gaussian_nll_loss(x, t, shares(v)), (2, 3), (2, 3), (2, 3)),
    "poisson_nll_loss": (F.poisson_nll_loss, (2, 3), (2, 3)),
    **each("huber_loss l1_loss mse_loss smooth_l1_loss", (2, 3), (2, 3)),
    "hinge_embedding_loss": (lambda x: F.hinge_embedding_loss(x, SIGNS), (2, 3)),
    "soft_margin_loss": (lambda x: F.soft_margin_loss(x, SIGNS), (2, 3)),
    "cosine_embedding_loss": (lambda x, y: F.cosine_embedding_loss(x, y, SIGNS[:, 0]), (2, 3), (2, 3)),
    "margin_ranking_loss": (lambda x, y: F.margin_ranking_loss(x, y, SIGNS, margin=2.0), (2, 3), (2, 3)),
    "multi_margin_loss": (lambda x: F.multi_margin_loss(x, [0, 2], p=2), (2, 3)),
    "multilabel_margin_loss": (
        lambda x: F.multilabel_margin_loss(x, np.array([[0, -1, 1], [2, 1, -1]])),
        (2, 3),
    ),
    "multilabel_soft_margin_loss": (lambda x: F.multilabel_soft_margin_loss(x, SIGNS > 0), (2, 3)),
    "triplet_margin_loss": (F.triplet_margin_loss, (2, 3), (2, 3), (2, 3)),
    "triplet_margin_with_distance_loss": (F.triplet_margin_with_distance_loss, (2, 3), (2, 3), (2, 3)),
}
NOT_DIFFERENTIABLE = {"one_hot"}  # of integers


def test_every_function_of_nn_functional_is_here():
    assert set(FUNCTIONS) | NOT_DIFFERENTIABLE == set(F.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_two_derivatives_forward_and_reverse(name):
    fn, *shapes = FUNCTIONS[name]
    rng = np.random.default_rng(len(name))
    inputs = [Tensor(apart(rng, shape, i), requires_grad=True) for i, shape in enumerate(shapes)]

    def drawn(*xs):
        nn.manual_seed(1)
        return fn(*xs)

    def squared(*xs):
        y = drawn(*xs)
        return y * y

    assert drawn(*inputs).requires_grad
    ag.gradcheck(drawn, inputs, tolerance=1e-6, mode="forward")
    ag.gradcheck(squared, inputs, tolerance=1e-6, order=2, mode=("reverse", "forward"))


def test_batchnorm_over_replicas_says_that_it_has_one_derivative():
    x = Tensor(apart(np.random.default_rng(0), (4, 3), 0), requires_grad=True)

    def beside_another(x):
        return kernels.batch_norm(x, None, None, 1e-5, lambda sums: np.stack([sums, sums]))[0]

    (g,) = ag.grad(beside_another(x).sum(), x)
    assert np.isfinite(g.data).all()
    with pytest.raises(
        NotImplementedError, match="^SyncBatchNorm over several replicas has a first derivative"
    ):
        ag.gradcheck(beside_another, [x], mode="forward")
