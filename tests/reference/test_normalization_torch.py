"""Batch, instance and group normalisation and local responses: outputs, gradients and buffers as torch's."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from against_torch import RNG, compare, compare_layers, pair
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

SHAPES = {1: (3, 4, 5), 2: (3, 4, 5, 2), 3: (3, 4, 2, 3, 2)}


def two(name, *args, **options):
    """The layer here and in torch, with random weights and likely statistics."""
    ours = getattr(nn, name)(*args, **options).double()
    theirs = getattr(torch.nn, name)(*args, **options).double()
    for p in theirs.parameters():
        p.data = torch.tensor(RNG.normal(size=p.shape))
    for key, buffer in theirs.named_buffers():
        if buffer.ndim:
            buffer.data[...] = torch.tensor(RNG.uniform(0.5, 2, size=buffer.shape))
        assert key in dict(ours.named_buffers())
    assert ours.load_state_dict(theirs.state_dict()) == ([], [])
    assert repr(ours).partition("  #")[0] == repr(theirs)
    return ours, theirs


def compare_buffers(ours, theirs):
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for key, array in ours.state_dict().items():
        assert array.dtype == state[key].numpy().dtype, key
        np.testing.assert_allclose(array, state[key].numpy(), rtol=1e-12, err_msg=key)


OPTIONS = [
    {},
    {"eps": 0.1, "momentum": 0.3},
    {"momentum": None},
    {"affine": False},
    {"bias": False},
    {"track_running_stats": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_batch_norm_layers(n, options):
    layers = two(f"BatchNorm{n}d", 4, **options)
    for shape in (SHAPES[n], (2, *SHAPES[n][1:])):
        compare_layers(layers, [RNG.normal(size=shape) + 3])
        compare_buffers(*layers)
    for layer in layers:
        layer.eval()
    compare_layers(layers, [RNG.normal(size=SHAPES[n])])
    compare_buffers(*layers)


def test_batch_norm_of_rows_and_as_synced():
    for name in ("BatchNorm1d", "SyncBatchNorm"):
        ours, theirs = two(name, 4)
        for _ in range(2):
            if name == "SyncBatchNorm" and theirs.training:  # torch's trains on a GPU alone
                theirs = torch.nn.BatchNorm1d(4).double()
                theirs.load_state_dict({key: torch.tensor(a) for key, a in ours.state_dict().items()})
            compare_layers((ours, theirs), [RNG.normal(size=(6, 4))])
            compare_buffers(ours, theirs)
            ours.eval(), theirs.eval()


@pytest.mark.parametrize(
    "options", [{}, {"affine": True}, {"track_running_stats": True, "affine": True}], ids=str
)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_instance_norm_layers(n, options):
    layers = two(f"InstanceNorm{n}d", 4, **options)
    for _ in range(2):
        compare_layers(layers, [RNG.normal(size=SHAPES[n])])
        compare_layers(layers, [RNG.normal(size=SHAPES[n][1:])])  # one item
        compare_buffers(*layers)
        for layer in layers:
            layer.eval()


@pytest.mark.parametrize("options", [{}, {"eps": 0.1}, {"affine": False}, {"bias": False}], ids=str)
@pytest.mark.parametrize("shape", [(3, 6), (2, 6, 5), (2, 6, 3, 4)])
def test_group_norm_layers(shape, options):
    for groups in (1, 2, 6) if len(shape) > 2 else (2,):
        layers = two("GroupNorm", groups, 6, **options)
        compare_layers(layers, [RNG.normal(size=shape)])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 20])
def test_local_responses(size):
    for shape in ((2, 6, 3), (2, 6, 3, 2), (2, 6, 2, 1, 3), (2, 1, 3)):
        compare_layers(pair("LocalResponseNorm", size, 0.3, 0.6, 1.5), [RNG.normal(size=shape)])


@pytest.mark.parametrize("size", [1, 3, 4, 5, 20])
def test_responses_across_maps(size):
    """Outputs alone: torch's gradient is not that of its output."""
    ours, theirs = pair("CrossMapLRN2d", size, 0.3, 0.6, 2)
    assert repr(ours) == repr(theirs)
    x = RNG.normal(size=(2, 7, 3, 2))
    np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).numpy(), rtol=1e-12)


@pytest.mark.parametrize("training", [True, False])
def test_functions_change_the_statistics_they_are_given(training):
    x, w, b = RNG.normal(size=(3, 4, 5)), RNG.normal(size=4), RNG.normal(size=4)
    mean, var = RNG.normal(size=4), RNG.uniform(1, 2, size=4)
    for name, keyword in (("batch_norm", "training"), ("instance_norm", "use_input_stats")):
        own = mean.copy(), Tensor(var.copy())
        theirs = torch.tensor(mean), torch.tensor(var)
        given = torch.tensor(x), *theirs, torch.tensor(w), torch.tensor(b)
        y = getattr(F, name)(x, *own, w, b, **{keyword: training}, momentum=0.3)
        z = getattr(torch.nn.functional, name)(*given, **{keyword: training}, momentum=0.3)
        np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=1e-12)
        for a, t in zip(own, theirs, strict=True):
            np.testing.assert_allclose(np.asarray(a), t.numpy(), rtol=1e-12)


def test_empty_batches():
    for shape in ((0, 4), (0, 4, 3), (3, 4, 0), (0, 4, 0)):
        x = RNG.normal(size=shape)
        layers = two("BatchNorm1d", 4)
        compare_layers(layers, [x])
        compare_buffers(*layers)
        compare(F.group_norm, torch.nn.functional.group_norm, [x], {"num_groups": 2})
        if len(shape) > 2:
            compare(F.instance_norm, torch.nn.functional.instance_norm, [x])
            compare(F.local_response_norm, torch.nn.functional.local_response_norm, [x], {"size": 2})
    for empty in (np.zeros((3, 0)), np.zeros((0, 0)), np.zeros(0)):
        assert F.batch_norm(empty, np.zeros(0), np.ones(0)).shape == empty.shape


def test_half_precision():
    """Computed in float32, as torch does; buffers and weights may be either."""
    x = (RNG.normal(size=(8, 4, 6)) + 2).astype(np.float16)
    for dtype in (np.float16, np.float32):
        own = np.zeros(4, dtype), np.ones(4, dtype), np.full(4, 1.5, dtype), np.full(4, 0.5, dtype)
        theirs = [torch.tensor(a) for a in own]
        y = F.batch_norm(x, *own, training=True)
        z = torch.nn.functional.batch_norm(torch.tensor(x), *theirs, training=True)
        assert y.dtype == np.float16 and own[0].dtype == dtype
        np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=2e-3, atol=6e-3)
        for a, t in zip(own, theirs, strict=True):
            np.testing.assert_allclose(a, t.numpy(), rtol=2e-3)
    ours, theirs = nn.BatchNorm1d(4), torch.nn.BatchNorm1d(4)
    np.testing.assert_allclose(ours(x).numpy(), theirs(torch.tensor(x)).detach().numpy(), atol=6e-3)
    for name, args in (("group_norm", (2,)), ("instance_norm", ()), ("local_response_norm", (3, 1.0))):
        y = getattr(F, name)(x, *args)
        z = getattr(torch.nn.functional, name)(torch.tensor(x), *args)
        assert y.dtype == np.float16
        np.testing.assert_allclose(y.numpy(), z.numpy(), rtol=2e-3, atol=6e-3)


def test_conversion_keeps_what_torchs_keeps():
    def net(of):
        return of.Sequential(of.Linear(3, 4), of.BatchNorm1d(4, 0.1, None), of.Sequential(of.BatchNorm1d(4)))

    ours, theirs = (of.SyncBatchNorm.convert_sync_batchnorm(net(of)) for of in (nn, torch.nn))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert [type(m).__name__ for m in ours.modules()] == [type(m).__name__ for m in theirs.modules()]
    assert ours[1].momentum is None and ours[1].eps == 0.1
