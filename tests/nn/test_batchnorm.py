"""Batch normalisation: numbers, running statistics, errors, large means, and what a replay does with them."""

import copy
import warnings

import numpy as np
import pytest

from replay_cases import recordings
from tapegrad import nn
from tapegrad.autograd import Tensor, no_grad
from tapegrad.nn import functional as F
from tapegrad.nn.functional.batchnorm import batch_norm_plain

pytestmark = pytest.mark.usefixtures("one_blas_thread")

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose


def test_numbers_of_a_small_batch():
    x = np.array([[1.0, 0.0], [3.0, 4.0], [5.0, 2.0]])
    norm = nn.BatchNorm1d(2, eps=1e-12).double()
    y = norm(x).numpy()
    close(y, np.array([[-1, -1], [0, 1], [1, 0]]) * 1.5**0.5, rtol=1e-9)
    close(norm.running_mean, [0.3, 0.2])
    close(norm.running_var, [0.9 + 0.4, 0.9 + 0.4])  # the unbiased variance is 4 for both
    assert norm.num_batches_tracked == 1 and norm.num_batches_tracked.dtype == np.int64
    norm.eval()
    close(norm(x).numpy(), (x - [0.3, 0.2]) / 1.3**0.5, rtol=1e-9)
    assert norm.num_batches_tracked == 1


def test_without_momentum_the_statistics_are_those_of_all_batches():
    norm = nn.BatchNorm2d(3, momentum=None).double()
    batches = RNG.normal(size=(4, 2, 3, 5, 2))
    for x in batches:
        norm(x)
    close(norm.running_mean, np.mean([x.mean((0, 2, 3)) for x in batches], axis=0))
    close(norm.running_var, np.mean([x.var((0, 2, 3), ddof=1) for x in batches], axis=0))
    norm.reset_running_stats()
    assert (norm.running_mean == 0).all() and (norm.running_var == 1).all() and norm.num_batches_tracked == 0


def test_statistics_stay_where_they_are():
    """Others hold them: a state_dict, a replay, an average of models."""
    norm = nn.BatchNorm1d(3)
    held = norm.state_dict()
    with no_grad():
        norm(RNG.normal(size=(4, 3)).astype(np.float32))
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        assert held[name] is getattr(norm, name)
    assert held["num_batches_tracked"] == 1 and (held["running_mean"] != 0).all()


def test_a_batch_that_is_refused_changes_nothing():
    for norm, x, message in [
        (nn.BatchNorm1d(3), np.ones((1, 3)), r"BatchNorm1d: input of shape \(1, 3\) has one value"),
        (nn.BatchNorm2d(3), np.ones((1, 3, 1, 1)), "has one value for each channel"),
        (
            nn.BatchNorm1d(3, affine=False),
            np.ones((2, 4)),
            r"running_mean of shape \(3,\) for input of shape \(2, 4\)",
        ),
        (nn.BatchNorm1d(3, track_running_stats=False), np.ones((2, 4)), r"weight of shape \(3,\)"),
        (nn.BatchNorm2d(3), np.ones((2, 3)), "is 2-D, expected 4-D"),
        (nn.BatchNorm1d(3), np.ones((2, 3, 4, 5)), "is 4-D, expected 2-D or 3-D"),
        (nn.SyncBatchNorm(3), np.ones(3), r"input of shape \(3,\) is to be"),
        (nn.BatchNorm1d(3, eps=0), np.ones((2, 3)), "eps must be positive"),
    ]:
        with pytest.raises(ValueError, match=message):
            norm(x.astype(np.float32))
        if norm.track_running_stats:
            assert norm.num_batches_tracked == 0 and (norm.running_mean == 0).all()
    with pytest.raises(TypeError, match=r"BatchNorm1d: input is float64, .*float32"):
        nn.BatchNorm1d(3)(np.ones((2, 3)))
    with pytest.raises(ValueError, match="process_group"):
        nn.SyncBatchNorm(3, process_group="some")


def test_what_the_function_refuses():
    x, mean, var = np.ones((2, 3)), np.zeros(3), np.ones(3)
    for options, message in [
        ((mean, None), "both, or neither"),
        ((None, None), "needed for evaluation"),
        ((mean[:2], var), r"running_mean of shape \(2,\)"),
        ((mean, var, np.ones(2)), r"weight of shape \(2,\) for input of shape \(2, 3\)"),
        ((mean, var, None, np.ones((1, 3))), r"bias of shape \(1, 3\)"),
        ((Tensor(mean, requires_grad=True), var, None, None, True), "cannot require a gradient"),
        ((mean, var, None, None, False, 0.1, -1.0), "eps must be positive"),
    ]:
        with pytest.raises(ValueError, match=message):
            F.batch_norm(x, *options)
    for options, message in [
        (([0.0] * 3, [1.0] * 3, None, None, True), "written to, so it is an array of floats, not list"),
        ((mean.astype(int), var, None, None, True), "not int64"),
        ((mean, var, None, None, True, None), "momentum is a number"),
    ]:
        with pytest.raises(TypeError, match=message):
            F.batch_norm(x, *options)
    assert (mean == 0).all() and (var == 1).all()


def exact(x, g):
    """Batch norm in float64, and the gradient of x."""
    x, g = x.astype(np.float64), g.astype(np.float64)
    axes = (0, *range(2, x.ndim))
    x = x - x.mean(axes, keepdims=True)
    r = 1 / np.sqrt((x * x).mean(axes, keepdims=True) + 1e-5)
    y = x * r
    return y, r * (g - g.mean(axes, keepdims=True) - y * (g * y).mean(axes, keepdims=True))


@pytest.mark.parametrize("mean", [0, 3, 30, 1e3, 1e5])
@pytest.mark.parametrize("shape", [(64, 5), (16, 3, 7), (4, 3, 40), (3, 2, 600)])
@pytest.mark.parametrize("form", ["fast", "plain"])
def test_large_means(shape, mean, form):
    x = (RNG.normal(size=shape) + mean).astype(np.float32)
    g = RNG.normal(size=shape).astype(np.float32)
    y, dx = exact(x, g)
    if form == "fast":
        leaf = Tensor(x, requires_grad=True)
        out = F.batch_norm(leaf, None, None, training=True)
        out.backward(g)
        ours = out.numpy(), leaf.grad
    else:
        (out, *_), backward = batch_norm_plain((True, False, False), x)
        ours = out, backward((g, None, None))[0]
    for a, b in zip(ours, (y, dx), strict=True):
        assert a.dtype == np.float32
        close(a, b, rtol=0, atol=4e-6 * abs(b).max())


@pytest.mark.parametrize("value", [1234.567, 1e6 / 3, -0.1, 0])
def test_constant_channels_are_zero(value):
    for shape in ((32, 4), (8, 4, 9), (2, 4, 520)):
        x = Tensor(np.full(shape, value, np.float32), requires_grad=True)
        y = F.batch_norm(x, None, None, training=True)
        y.backward(RNG.normal(size=shape).astype(np.float32))
        assert abs(y.numpy()).max() < 2e-3 and np.isfinite(x.grad).all()


def test_a_channel_with_nan_or_inf_leaves_the_others_alone():
    for bad in (np.nan, np.inf):
        x = RNG.normal(size=(6, 3, 4)).astype(np.float32)
        right = F.batch_norm(x[:, 1:], None, None, training=True).numpy()
        x[2, 0, 1] = bad
        leaf = Tensor(x, requires_grad=True)
        y = F.batch_norm(leaf, None, None, training=True)
        y.sum().backward()
        close(y.numpy()[:, 1:], right, rtol=1e-5, atol=1e-6)
        assert np.isfinite(leaf.grad[:, 1:]).all() and np.isnan(y.numpy()[:, 0]).any()


def test_numpys_settings_are_left_as_they_are():
    before = np.getbufsize(), np.geterr()
    x = Tensor(np.ones((2, 3, 600), np.float32), requires_grad=True)
    F.batch_norm(x, None, None, training=True).sum().backward()
    assert (np.getbufsize(), np.geterr()) == before


def test_strided_inputs():
    x = RNG.normal(size=(5, 6, 4))
    for view in (x.transpose(2, 1, 0), x[::2, ::-1], np.broadcast_to(x[:, :, :1], x.shape)):
        leaf = Tensor(view, requires_grad=True)
        y = F.batch_norm(leaf, None, None, training=True)
        close(y.numpy(), exact(view, view)[0], rtol=1e-9, atol=1e-12)


# ------------------------------------------------------------------------------------------------ replay


class Net(nn.Module):
    """One norm that is used twice, others, and dropout that draws."""

    def __init__(self, momentum=0.1):
        self.first = nn.Linear(3, 4)
        self.norm = nn.BatchNorm1d(4, momentum=momentum)
        self.again = self.norm
        self.items = nn.InstanceNorm1d(2, affine=True, track_running_stats=True)
        self.drop = nn.AlphaDropout(0.2)
        self.last = nn.Linear(4, 1)

    def forward(self, x):
        h = self.again(self.norm(self.first(x)))
        return self.last(self.drop(self.items(h.reshape(-1, 2, 2, 4)[..., 0, :]).reshape(-1, 4)))


def loss(model, x, y):
    return F.mse_loss(model(x), y)


def batch(rows=8):
    x = RNG.normal(size=(rows, 3)).astype(np.float32)
    return x, RNG.normal(size=(rows // 2, 1)).astype(np.float32)


def assert_steps_are_alike(model, plain, loss_of, steps):
    """Training by a replay and by the loss itself, in training and evaluation: all numbers are equal."""
    optimizers = [nn.optim.SGD(m.parameters(), lr=0.1) for m in (model, plain)]
    replayed = 0
    for i in range(steps):
        x, y = batch(8 if i % 5 else 4)
        for m in (model, plain):
            m.train(i % 7 != 6)
        state = nn.get_rng_state()
        values = [loss_of(x, y)]
        nn.set_rng_state(state)
        values.append(loss(plain, x, y))
        assert values[0].item() == values[1].item()
        replayed += values[0].node.op.__name__ == "replay"
        for value, optimizer in zip(values, optimizers, strict=True):
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
        for (name, a), b in zip(model.state_dict().items(), plain.state_dict().values(), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=f"{name} after step {i}")
    return replayed


@pytest.mark.parametrize("momentum", [0.1, None])
def test_replayed_steps_bring_the_statistics_up_to_date(momentum):
    nn.manual_seed(0)
    model = Net(momentum)
    plain = copy.deepcopy(model)
    loss_of = nn.replay(model, loss)
    assert assert_steps_are_alike(model, plain, loss_of, 30) > 15
    assert model.norm.num_batches_tracked == 2 * 26
    assert len(recordings(loss_of)) == 3  # two lengths, and evaluation


def test_statistics_that_are_loaded_or_reset_are_what_a_replay_goes_on_with():
    nn.manual_seed(0)
    model = Net()
    plain = copy.deepcopy(model)
    loss_of = nn.replay(model, loss)
    assert_steps_are_alike(model, plain, loss_of, 6)
    saved = {name: array * 2 for name, array in model.state_dict().items()}
    for m in (model, plain):
        m.load_state_dict(saved)
    assert_steps_are_alike(model, plain, loss_of, 6)
    for m in (model, plain):
        m.norm.reset_running_stats()
        m.norm.running_var = m.norm.running_var + 1  # another array
    assert_steps_are_alike(model, plain, loss_of, 6)


def test_a_replay_that_is_given_up_has_changed_nothing():
    class Branching(Net):
        def forward(self, x):
            h = self.norm(self.first(x))
            return self.last(h * 2 if (x.data if isinstance(x, Tensor) else x).mean() > 0 else h)[::2]

    nn.manual_seed(0)
    model = Branching()
    plain = copy.deepcopy(model)
    loss_of = nn.replay(model, loss)
    for i in range(12):
        x, y = batch()
        x = abs(x) * (-1 if i in (7, 9) else 1)
        assert loss_of(x, y).item() == loss(plain, x, y).item()
        for name, array in plain.state_dict().items():
            np.testing.assert_array_equal(model.state_dict()[name], array, err_msg=f"{name}, {i}")
    assert recordings(loss_of)


def test_statistics_that_are_written_to_by_hand_are_refused_with_the_reason():
    class Own(Net):
        def forward(self, x):
            self.norm.running_mean += 1
            return self.last(self.norm(self.first(x)))[::2]

    model, plain = Own(), Own()
    plain.load_state_dict(model.state_dict())
    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="changes arrays in place beside the batch"):
        for _ in range(4):
            x, y = batch()
            assert loss_of(x, y).item() == loss(plain, x, y).item()
            close(model.norm.running_mean, plain.norm.running_mean)


def test_a_loss_that_fails_in_a_replay_leaves_no_trace():
    """A capture that cannot be made has run the loss more than once; the statistics have seen one."""

    class Reading(Net):
        def forward(self, x):
            h = self.norm(self.first(x))
            return self.last(h * float(h.data[0, 0]))[::2]  # which a capture refuses

    nn.manual_seed(0)
    model = Reading()
    plain = copy.deepcopy(model)
    loss_of = nn.replay(model, loss)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(5):
            x, y = batch()
            loss_of(x, y), loss(plain, x, y)
            np.testing.assert_array_equal(model.norm.running_mean, plain.norm.running_mean)
            assert model.norm.num_batches_tracked == plain.norm.num_batches_tracked
    assert len(told) == 1
