"""Input that is odd, empty or does not fit: what tables of such input have found in nn's functions."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

rng = np.random.default_rng(0)


# ---------------------------------------------------------------------------------- texts in time


def logs(*shape):
    x = rng.normal(size=shape)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


def test_ctc_of_empty_texts_alone_has_blanks_all_along():
    x = logs(5, 2, 4)
    losses = F.ctc_loss(x, np.zeros((2, 3), np.int64), [5, 3], [0, 0], reduction="none")
    np.testing.assert_allclose(losses.data, [-x[:, 0, 0].sum(), -x[:3, 1, 0].sum()])
    alone = F.ctc_loss(x[:, 0], np.zeros(0, np.int64), 5, 0)
    np.testing.assert_allclose(alone.data, -x[:, 0, 0].sum())


@pytest.mark.parametrize("zero_infinity", [True, False])
def test_ctc_of_nan_is_nan_and_not_a_text_that_does_not_fit(zero_infinity):
    x = logs(4, 2, 3)
    x[1, 0] = np.nan
    losses = F.ctc_loss(x, [[1], [2]], [4, 4], [1, 1], reduction="none", zero_infinity=zero_infinity)
    assert np.isnan(losses.data[0]) and np.isfinite(losses.data[1])


def test_ctc_does_not_see_nan_behind_the_end_of_time():
    clean, given = logs(6, 2, 3), [[1, 2], [2, 1]]
    spoilt = clean.copy()
    spoilt[3:, 1] = np.nan
    made = []
    for x in (clean, spoilt):
        x = Tensor(x, requires_grad=True)
        loss = F.ctc_loss(x, given, [6, 3], [2, 2])
        loss.backward()
        made.append((loss.data, x.grad))
    np.testing.assert_allclose(made[0][0], made[1][0])
    np.testing.assert_allclose(made[0][1], made[1][1])
    assert not made[1][1][3:, 1].any()


# ------------------------------------------------------------------------------------------ options


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.max_pool2d(np.ones((1, 4, 4)), True),
        lambda: F.avg_pool1d(np.ones((1, 4)), 2, stride=True),
        lambda: F.adaptive_avg_pool2d(np.ones((1, 4, 4)), True),
        lambda: F.unfold(np.ones((1, 1, 4, 4)), 2, padding=np.True_),
        lambda: F.conv1d(np.ones((1, 1, 4)), np.ones((1, 1, 2)), stride=True),
        lambda: F.normalize(np.ones((2, 3)), dim=True),
    ],
)
def test_a_flag_is_no_number_of_elements(call):
    with pytest.raises(TypeError, match="integer.* not (True|np.True_)"):
        call()


def test_interpolate_takes_a_number_for_each_axis():
    with pytest.raises(ValueError, match=r"interpolate: size is an integer or 2 of them, not \[3\]"):
        F.interpolate(np.ones((1, 2, 4, 4)), [3])
    assert F.interpolate(np.ones((1, 2, 4)), [3]).shape == (1, 2, 3)


def test_linear_cross_entropy_names_options_that_are_none():
    with pytest.raises(TypeError, match="options is a LinearCrossEntropyOptions, not 3"):
        F.linear_cross_entropy(np.ones((2, 3)), np.ones((4, 3)), np.array([0, 1]), options=3)


# ------------------------------------------------------------------------------------- shapes that do not fit


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: F.layer_norm(np.ones((3, 4)), (4,), np.ones(1)), r"layer_norm: weight of shape \(1,\)"),
        (lambda: F.layer_norm(np.ones((2, 6)), (2, 6), np.ones(12)), r"layer_norm: weight of shape \(12,\)"),
        (lambda: F.layer_norm(np.ones((3, 4)), (4,), None, np.ones((1, 4))), "layer_norm: bias of shape"),
        (lambda: F.rms_norm(np.ones((3, 4)), (4,), np.ones(1)), r"rms_norm: weight of shape \(1,\)"),
        (
            lambda: F.gaussian_nll_loss(np.ones(3), np.ones(2), np.ones(3)),
            "gaussian_nll_loss: input of shape",
        ),
        (lambda: F.poisson_nll_loss(np.ones(3), np.ones(2)), "poisson_nll_loss: input of shape"),
        (
            lambda: F.multilabel_soft_margin_loss(np.ones(3), np.ones((2, 3))),
            r"input of shape \(3,\), target of shape \(2, 3\)",
        ),
        (
            lambda: F.linear(np.ones((2, 3)), np.ones(2)),
            r"linear: input of shape \(2, 3\) and weight of shape",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("unbatched", ["query", "key"])
def test_attention_takes_all_with_a_batch_or_all_without(unbatched):
    layer = nn.MultiheadAttention(4, 2)
    x, alone = np.ones((3, 1, 4), np.float32), np.ones((3, 4), np.float32)
    given = (alone, x, x) if unbatched == "query" else (x, alone, alone)
    with pytest.raises(ValueError, match="all with a batch or all without"):
        layer(*given)


@pytest.mark.parametrize("argument", ["in_proj_bias", "bias_k", "out_proj_weight", "out_proj_bias"])
def test_attention_draws_nothing_where_a_bias_does_not_fit(argument):
    x, wrong = np.ones((3, 1, 4)), np.ones(3)
    arrays = {"in_proj_bias": np.ones(12), "bias_k": np.ones(4), "bias_v": np.ones(4)}
    last = {"out_proj_weight": np.ones((4, 4)), "out_proj_bias": np.ones(4)}
    arrays, last = ({k: wrong if k == argument else v for k, v in d.items()} for d in (arrays, last))
    before = nn.get_rng_state()
    with pytest.raises(ValueError, match=rf"multi_head_attention_forward: {argument} of shape \(3,\)"):
        F.multi_head_attention_forward(
            x, x, x, 4, 2, np.ones((12, 4)), **arrays, add_zero_attn=False, dropout_p=0.5, **last
        )
    assert nn.get_rng_state() == before


# ------------------------------------------------------------------------------------------------ nothing


def test_attention_of_no_queries_or_no_features():
    layer = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True)
    y, weights = layer(np.ones((0, 4), np.float32), *[np.ones((3, 4), np.float32)] * 2)
    assert y.shape == (0, 4) and weights.shape == (0, 5)
    y = F.scaled_dot_product_attention(
        np.ones((2, 3, 0)), np.ones((2, 4, 0)), np.arange(8.0).reshape(2, 4, 1)
    )
    np.testing.assert_allclose(y.data[:, 0, 0], [1.5, 5.5])  # all keys alike: the mean of the values


def test_circular_padding_of_an_empty_batch():
    assert F.pad(np.ones((0, 2, 3)), (1, 1), "circular").shape == (0, 2, 5)
    assert F.pad(np.ones((2, 0, 3)), (1, 1), "circular").shape == (2, 0, 5)
    with pytest.raises(ValueError, match="finds nothing"):
        F.pad(np.ones((1, 2, 0)), (1, 1), "circular")


def test_embedding_of_no_ids_is_held_to_a_norm():
    table = np.ones((3, 2))
    assert F.embedding(np.zeros((0, 2), np.int64), Tensor(table), max_norm=1.0).shape == (0, 2, 2)
    assert F.embedding([], Tensor(table), max_norm=1.0).shape == (0, 2)


# ---------------------------------------------------------------------------- dtypes, axes


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64])
def test_tanh_of_whole_numbers_is_float64(dtype):
    assert F.tanh(np.array([0, 1], dtype)).dtype == np.float64


def test_cosine_embedding_loss_has_the_wider_dtype():
    a, b = np.ones((2, 3), np.float32), np.ones((2, 3))
    assert F.cosine_embedding_loss(a, b, np.array([1, -1])).dtype == np.float64


def test_linear_with_one_row_of_weights():
    x, w = rng.normal(size=(2, 5, 3)), Tensor(rng.normal(size=3), requires_grad=True)
    y = F.linear(x, w, np.array(2.0))
    np.testing.assert_allclose(y.data, x @ w.data + 2)
    y.sum().backward()
    np.testing.assert_allclose(w.grad, x.sum(axis=(0, 1)))


@pytest.mark.parametrize("dim", [(1, 2), [0, 2], None])
def test_normalize_over_several_axes(dim):
    x = rng.normal(size=(2, 3, 4))
    axes = tuple(dim) if dim is not None else None
    expected = x / np.sqrt((x * x).sum(axis=axes, keepdims=True))
    np.testing.assert_allclose(F.normalize(x, dim=dim).data, expected)


# --------------------------------------------------------------------- nothing changes where a call fails


@pytest.mark.parametrize(
    "make", [nn.BatchNorm1d, lambda *a, **k: nn.InstanceNorm1d(*a, **k, track_running_stats=True)]
)
@pytest.mark.parametrize("momentum", ["x", (1,), True, float("nan")])
def test_a_momentum_that_is_no_number_leaves_running_statistics(make, momentum):
    layer = make(2, momentum=momentum)
    with pytest.raises((TypeError, ValueError), match=r"Norm1d: momentum is a number, not"):
        layer(np.ones((3, 2, 4), np.float32))
    assert layer.num_batches_tracked == 0 and not layer.running_mean.any() and layer.running_var.all()


def test_a_transposed_convolution_that_cannot_be_made_draws_nothing():
    before = nn.get_rng_state()
    with pytest.raises(ValueError, match="output_padding is at least 0"):
        nn.ConvTranspose1d(2, 2, 2, output_padding=-1)
    assert nn.get_rng_state() == before


@pytest.mark.parametrize("activation", ["x", "__all__", 3, None])
def test_a_transformer_names_an_activation_that_is_none(activation):
    before = nn.get_rng_state()
    with pytest.raises(ValueError, match="TransformerEncoderLayer: activation is 'relu'"):
        nn.TransformerEncoderLayer(4, 2, 8, activation=activation)
    assert nn.get_rng_state() == before
    assert nn.TransformerEncoderLayer(4, 2, 8, activation="gelu").activation is F.gelu


def test_label_smoothing_names_the_layer():
    with pytest.raises(ValueError, match="cross_entropy of CrossEntropyLoss: label_smoothing"):
        nn.CrossEntropyLoss(label_smoothing=2)(np.ones((2, 3)), np.array([0, 1]))


def test_bilinear_without_features():
    assert F.bilinear(np.ones((2, 3)), np.ones((2, 4)), np.ones((0, 3, 4))).shape == (2, 0)
    y = F.bilinear(np.ones((2, 0)), np.ones((2, 4)), np.ones((5, 0, 4)))
    assert y.shape == (2, 5) and not y.data.any()


def test_ctc_with_a_blank_among_the_targets_is_pytorchs():
    x = np.log(np.full((2, 1, 3), 1 / 3))
    # 1 then blank as labels: 3 frames at least were needed if a blank could not follow at once
    np.testing.assert_allclose(F.ctc_loss(x, [[1, 0]], [2], [2]).data, np.log(9) / 2)


# --------------------------------------------------------------------------------------------------- replicas


def test_replicas_refuse_running_statistics_of_a_share():
    def net(tracks):
        layers = nn.Conv1d(2, 3, 2), nn.InstanceNorm1d(3, track_running_stats=tracks), nn.Flatten()
        return nn.Sequential(*layers, nn.Linear(9, 1)).double()

    def loss(model, x):
        return (model(x) ** 2).mean()

    def replicate(model):
        optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
        return nn.parallel.replicate(model, optimizer, loss, workers=2, kind="threads")

    x, model = rng.normal(size=(4, 2, 4)), net(True)
    with replicate(model) as replicas:
        with pytest.raises(ValueError, match="InstanceNorm1d '1' keeps running statistics of the batch"):
            replicas.step(x)
        with pytest.raises(ValueError, match="keeps running statistics"):  # and again
            replicas.step(x)
        assert not model[1].running_mean.any()
        model[1].eval()  # what the message says
        replicas.step(x)
    with replicate(net(False)) as replicas:
        replicas.step(x)


# ----------------------------------------------------------------------------------------------------- advice


def test_advice_of_losses_works_as_it_stands():
    x, few, turned = np.full((2, 3), 0.5), np.full(3, 0.5), np.full(6, 0.5)
    with pytest.raises(ValueError, match=r"np.broadcast_to\(target, \(2, 3\)\)"):
        F.binary_cross_entropy(x, few)
    F.binary_cross_entropy(x, np.broadcast_to(few, (2, 3)))
    with pytest.raises(ValueError, match=r"target.reshape\(\(6, 1\)\)"):
        F.binary_cross_entropy(x.reshape(6, 1), turned)
    F.binary_cross_entropy(x.reshape(6, 1), turned.reshape((6, 1)))


def test_advice_of_linear_cross_entropy_works_as_it_stands():
    x, w, t = np.ones((2, 3, 8)), np.ones((4, 8)), np.zeros((2, 3), np.int64)
    with pytest.raises(ValueError, match=r"use input.reshape\(-1, 8\)$"):
        F.linear_cross_entropy(x, w, t)
    F.linear_cross_entropy(x.reshape(-1, 8), w, t.reshape(-1))


def test_eval_is_advised_only_where_it_helps():
    x = np.ones((1, 3), np.float32)
    with pytest.raises(ValueError, match="give a larger batch, or call eval"):
        nn.BatchNorm1d(3)(x)
    nn.BatchNorm1d(3).eval()(x)
    with pytest.raises(ValueError, match="give a larger batch$"):
        nn.BatchNorm1d(3, track_running_stats=False).eval()(x)


def test_nll_loss_does_not_speak_of_probabilities():
    with pytest.raises(TypeError, match="nll_loss: targets must be integers, not bool$"):
        F.nll_loss(np.ones((2, 3)), np.array([True, False]))


def test_weights_of_integers_are_told_the_dtype_that_works():
    x, w = np.ones((1, 1, 4)), np.ones((1, 1, 2), int)
    with pytest.raises(TypeError, match=r"use weight.astype\(np.float64\)"):
        F.conv1d(x, w)
    F.conv1d(x, w.astype(np.float64))


@pytest.mark.parametrize("p", ["x", True, None, (0.5,)])
def test_dropout_wants_a_number(p):
    with pytest.raises(TypeError, match="^Dropout: p is a number"):
        nn.Dropout(p)
    with pytest.raises(TypeError, match="^dropout: p is a number"):
        F.dropout(np.ones(3), p)
    assert F.dropout(np.ones(3), np.float32(0)).tolist() == [1, 1, 1] == F.dropout(np.ones(3), 0).tolist()
