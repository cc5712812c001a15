"""Norms of groups, of single channels, and by neighbouring channels: numbers, errors, large means, replay."""

import copy

import numpy as np
import pytest

from replay_cases import assert_same, recordings
from tapegrad import nn
from tapegrad.autograd import Tensor, gradcheck
from tapegrad.nn import functional as F

pytestmark = pytest.mark.usefixtures("one_blas_thread")

RNG = np.random.default_rng(0)
close = np.testing.assert_allclose


def test_numbers_of_two_groups():
    x = np.array([[[1.0, 3.0], [5.0, 7.0], [0.0, 0.0], [2.0, 2.0]]])  # groups of mean 4 and 1
    norm = nn.GroupNorm(2, 4, eps=1e-12).double()
    norm.weight.data[:], norm.bias.data[:] = [1, 2, 1, 1], [0, 0, 10, 0]
    expected = np.array([[-3, -1], [1, 3], [-1, -1], [1, 1]]) / np.array([[5**0.5]] * 2 + [[1.0]] * 2)
    close(norm(x).numpy()[0], expected * [[1], [2], [1], [1]] + [[0], [0], [10], [0]], rtol=1e-9)


def test_one_group_is_layer_norm_and_as_many_as_channels_are_instances():
    x = RNG.normal(size=(3, 4, 5))
    close(F.group_norm(x, 1).numpy(), F.layer_norm(x, (4, 5)).numpy(), rtol=1e-10, atol=1e-12)
    close(F.group_norm(x, 4).numpy(), F.instance_norm(x).numpy(), rtol=1e-12)
    close(F.instance_norm(x).numpy(), F.layer_norm(x, 5).numpy(), rtol=1e-10, atol=1e-12)


def test_instance_statistics():
    norm = nn.InstanceNorm1d(2, momentum=0.5, track_running_stats=True).double()
    x = RNG.normal(size=(3, 2, 4)) + 5
    norm(x)
    close(norm.running_mean, x.mean((0, 2)) / 2)
    close(norm.running_var, 0.5 + x.var(2, ddof=1).mean(0) / 2)
    assert norm.num_batches_tracked == 0  # as in PyTorch
    norm.eval()
    expected = (x - norm.running_mean[:, None]) / np.sqrt(norm.running_var[:, None] + 1e-5)
    close(norm(x).numpy(), expected, rtol=1e-12)
    close(norm(x[0]).numpy(), expected[0], rtol=1e-12)


@pytest.mark.parametrize("mean", [0, 3, 30, 1e3, 1e5])
@pytest.mark.parametrize("shape", [(3, 6, 5), (2, 6, 1, 300), (2, 6, 600), (5, 6)])
def test_large_means(shape, mean):
    x = (RNG.normal(size=shape) + mean).astype(np.float32)
    x[0] = (x[0] - mean) / 10  # one item among others
    g = RNG.normal(size=shape).astype(np.float32)
    leaf, wide = Tensor(x, requires_grad=True), Tensor(x.astype(np.float64), requires_grad=True)
    for t in (leaf, wide):
        y = F.group_norm(t, 2)
        y.backward(g.astype(t.dtype))
    close(F.group_norm(x, 2).numpy(), y.numpy(), rtol=0, atol=4e-6 * abs(y.numpy()).max())
    close(leaf.grad, wide.grad, rtol=0, atol=6e-6 * abs(wide.grad).max())


def test_neighbours():
    x = np.arange(1.0, 5).reshape(1, 4, 1)
    y = F.local_response_norm(x, 3, alpha=3.0, beta=1.0, k=0.0).numpy()
    close(y.ravel(), [1 / 5, 2 / 14, 3 / 29, 4 / 25])
    y = F.local_response_norm(x, 2, alpha=2.0, beta=1.0, k=0.0).numpy()  # the channel before, and itself
    close(y.ravel(), [1 / 1, 2 / 5, 3 / 13, 4 / 25])
    maps = nn.CrossMapLRN2d(3, 3.0, 1.0, 0.0)(x[..., None]).numpy()
    close(maps.ravel(), [1 / 5, 2 / 14, 3 / 30, 4 / 26])
    t = Tensor(RNG.normal(size=(2, 4, 2, 1)), requires_grad=True)
    assert gradcheck(lambda t: F.local_response_norm(t, 3, 0.5), [t])
    assert gradcheck(lambda t: nn.CrossMapLRN2d(3, 0.5)(t), [t])


def test_what_is_refused():
    x = np.ones((2, 6, 4))
    for call, message in [
        (lambda: F.group_norm(x, 4), r"\(2, 6, 4\) has 6 channels, which cannot be put in num_groups=4"),
        (lambda: F.group_norm(x, 0), "num_groups=0"),
        (lambda: F.group_norm(x, -2), "num_groups=-2"),
        (lambda: F.group_norm(np.ones(6), 2), r"shape \(6,\) is to be"),
        (lambda: F.group_norm(np.ones((1, 6)), 6), "a single value in each of 6 groups"),
        (lambda: F.group_norm(x, 2, np.ones(3)), r"weight of shape \(3,\) for input of shape \(2, 6, 4\)"),
        (lambda: nn.GroupNorm(4, 6), "num_channels=6 cannot be put in num_groups=4"),
        (
            lambda: nn.GroupNorm(2, 4)(x.astype(np.float32)),
            r"group_norm of GroupNorm: weight of shape \(4,\)",
        ),
        (lambda: F.instance_norm(np.ones((2, 3, 1))), "one value for each item and channel"),
        (lambda: F.instance_norm(np.ones((2, 3))), "one value for each item and channel"),
        (lambda: F.instance_norm(x, use_input_stats=False), "needed for evaluation"),
        (lambda: F.instance_norm(x, np.zeros(6)), "both, or neither"),
        (lambda: nn.InstanceNorm1d(3, affine=True)(x.astype(np.float32)), "expected num_features=3"),
        (lambda: nn.InstanceNorm2d(6)(x[0]), "is 2-D, expected 3-D or 4-D"),
        (lambda: F.local_response_norm(x[0], 2), r"shape \(6, 4\) is to be"),
        (lambda: F.local_response_norm(x, 0), "size is a number of channels, not 0"),
        (lambda: nn.CrossMapLRN2d(3)(x), r"shape \(2, 6, 4\) is to be \(N, C, H, W\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            call()
    for call in (lambda: F.group_norm(x, True), lambda: F.group_norm(x, 2.0)):
        with pytest.raises(TypeError):
            call()
    with pytest.warns(UserWarning, match="expected num_features=3; without affine=True nothing depends"):
        nn.InstanceNorm1d(3)(x)


def test_training_is_replayed():
    class Net(nn.Module):
        def __init__(self):
            self.first = nn.Linear(3, 24)
            self.groups = nn.GroupNorm(2, 4)
            self.near = nn.LocalResponseNorm(3, 0.5)
            self.last = nn.Linear(24, 2)

        def forward(self, x):
            h = self.near(self.groups(self.first(x).reshape(-1, 4, 6)))
            return self.last(h.reshape(-1, 24))

    def loss(model, x, y):
        return F.mse_loss(model(x), y)

    model = Net()
    loss_of = nn.replay(model, loss)
    batches = [tuple(RNG.normal(size=(4, n)).astype(np.float32) for n in (3, 2)) for _ in range(8)]
    assert_same(model, loss_of, loss, batches)
    assert len(recordings(loss_of)) == 1
    assert copy.deepcopy(model).groups.num_groups == 2
