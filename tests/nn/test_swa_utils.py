"""Averages of models over training: what they share, what they leave alone, and what is refused."""

import copy

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn.optim import SGD, AdamW
from tapegrad.nn.optim.swa_utils import (
    SWALR,
    AveragedModel,
    get_ema_avg_fn,
    get_ema_multi_avg_fn,
    get_swa_avg_fn,
    get_swa_multi_avg_fn,
    update_bn,
)


def model(dtype=np.float32):
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).to(dtype)


def fill(module, value):
    for p in module.parameters():
        p.data[...] = value


def first(averaged):
    """The number that all parameters have."""
    found = {float(x) for p in averaged.module.parameters() for x in p.data.ravel()}
    assert len(found) == 1
    return found.pop()


WAYS = [
    ({}, [2, 3, 5]),
    ({"avg_fn": get_swa_avg_fn()}, [2, 3, 5]),
    ({"multi_avg_fn": get_swa_multi_avg_fn()}, [2, 3, 5]),
    ({"avg_fn": get_ema_avg_fn(0.75)}, [2, 2.5, 4.125]),
    ({"multi_avg_fn": get_ema_multi_avg_fn(0.75)}, [2, 2.5, 4.125]),
    ({"avg_fn": lambda averaged, current, n: averaged * n}, [2, 2, 4]),
]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(("options", "want"), WAYS)
def test_averages(options, want, dtype):
    net = model(dtype)
    averaged = AveragedModel(net, **options)
    for value, mean in zip([2, 4, 9], want, strict=True):
        fill(net, value)
        averaged.update_parameters(net)
        assert first(averaged) == mean
    assert averaged.n_averaged == 3 and first(AveragedModel(averaged)) == want[-1]
    assert {p.dtype for p in averaged.parameters()} == {np.dtype(dtype)}


def test_parameters_of_every_layout():
    """Longer than a piece, not in order, empty, of one number."""
    rng = np.random.default_rng(0)

    class Net(nn.Module):
        def __init__(self):
            self.long = nn.Parameter(np.zeros((300, 301)))
            self.turned = nn.Parameter(np.zeros((5, 7)))
            self.turned.data = np.zeros((7, 5)).T
            self.empty = nn.Parameter(np.zeros((0, 3)))
            self.number = nn.Parameter(np.zeros(()))

    net = Net()
    averaged = AveragedModel(net)
    seen = []
    for _ in range(3):
        for p in net.parameters():
            p.data[...] = rng.standard_normal(p.shape)
        seen.append([p.data.copy() for p in net.parameters()])
        averaged.update_parameters(net)
    for p, *values in zip(averaged.parameters(), *seen, strict=True):
        np.testing.assert_allclose(p.data, np.mean(values, 0), rtol=1e-12, atol=1e-15)


def test_it_is_a_model_of_its_own():
    net = model()
    optimizer = AdamW(net.parameters(), lr=0.1)  # whose buffer has the parameters now
    (net(np.ones((4, 3), np.float32)) ** 2).mean().backward()
    averaged = AveragedModel(net)
    assert all(p.grad is None for p in averaged.parameters())
    before = [p.data.copy() for p in averaged.parameters()]
    optimizer.step()
    assert all((p.data == old).all() for p, old in zip(averaged.parameters(), before, strict=True))
    averaged.update_parameters(net)
    optimizer.step()
    averaged.update_parameters(net)
    pairs = zip(averaged.parameters(), net.parameters(), strict=True)
    assert not any(np.shares_memory(p.data, q.data) for p, q in pairs)
    assert [*averaged.state_dict()] == ["n_averaged"] + [f"module.{name}" for name in net.state_dict()]
    assert averaged(np.ones((4, 3), np.float32)).shape == (4, 2)
    twin = copy.deepcopy(averaged)
    twin.update_parameters(net)
    assert twin.n_averaged == 3 and averaged.n_averaged == 2


def test_the_average_can_be_trained_too():
    """Its parameters in another optimizer's buffer."""
    net = model()
    averaged = AveragedModel(net)
    optimizer = SGD(averaged.parameters(), lr=0.1)
    fill(net, 3)
    averaged.update_parameters(net)
    averaged(np.ones((4, 3), np.float32)).sum().backward()
    optimizer.step()
    assert float(averaged.module[2].bias.data[0]) == np.float32(3 - 0.1 * 4)


def test_tied_parameters_stay_tied():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.5))
    assert averaged.module[0].weight is averaged.module[1].weight
    for value in (1, 2):
        fill(net, value)
        averaged.update_parameters(net)
    assert first(averaged) == 1.5


def test_buffers_are_copied_or_averaged():
    net = model()
    copied, averaged = AveragedModel(net), AveragedModel(net, use_buffers=True)
    for mean, count in ((1.0, 1), (2.0, 4)):
        net[1].running_mean[...] = mean
        net[1].num_batches_tracked[...] = count
        copied.update_parameters(net)
        averaged.update_parameters(net)
    assert (copied.module[1].running_mean == 2).all() and copied.module[1].num_batches_tracked == 4
    assert (averaged.module[1].running_mean == 1.5).all() and averaged.module[1].num_batches_tracked == 2


def taken_over(averaged, current, n):
    for old, new in zip(averaged, current, strict=True):
        old.data[...] = new.data


@pytest.mark.parametrize("options", [*[way for way, _ in WAYS[:3]], {"multi_avg_fn": taken_over}])
def test_a_backward_that_needs_the_old_average_refuses(options):
    net = model()
    averaged = AveragedModel(net, **options)
    x = nn.Parameter(np.ones((4, 3), np.float32))
    for _ in range(2):
        loss = averaged(x).sum()
        averaged.update_parameters(net)
        with pytest.raises(RuntimeError, match="was changed in place"):
            loss.backward()


def test_an_average_records_nothing():
    seen = []

    def average(averaged, current, n):
        seen.append((averaged * current).requires_grad)
        return current

    net = model()
    averaged = AveragedModel(net, avg_fn=average)
    averaged.update_parameters(net)
    averaged.update_parameters(net)
    assert seen and not any(seen)
    assert all(p.requires_grad and p.is_leaf for p in averaged.parameters())


def test_statistics_of_all_batches():
    rng = np.random.default_rng(0)
    batches = [rng.standard_normal((8, 3)).astype(np.float32) for _ in range(4)]
    net = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.5)).eval()
    net[1].train()
    update_bn(((x, "label") for x in batches), net)
    np.testing.assert_allclose(net[0].running_mean, np.mean(batches, (0, 1)), rtol=1e-5)
    np.testing.assert_allclose(net[0].running_var, np.var(batches, 1, ddof=1).mean(0), rtol=1e-5)
    assert net[0].momentum == 0.1 and net[0].num_batches_tracked == 4
    assert not net.training and not net[0].training and net[1].training
    update_bn(iter(()), nn.Linear(2, 2))  # nothing to do


def test_statistics_are_the_old_ones_after_a_failure():
    net = model()
    net[1].running_mean[...] = 7
    state = {name: np.copy(array) for name, array in net.state_dict().items()}
    net.eval()
    good = np.ones((2, 3), np.float32)
    for loader, kind in (([], ValueError), ([good, np.ones((2, 5), np.float32)], ValueError)):
        with pytest.raises(kind):
            update_bn(loader, net)
        assert net[1].momentum == 0.1 and not net[1].training
        for name, array in net.state_dict().items():
            np.testing.assert_array_equal(array, state[name])


def test_swalr_goes_to_its_rate_and_stays():
    optimizer = SGD([nn.Parameter(np.zeros(2))], lr=1.0)
    schedule = SWALR(optimizer, 0.2, anneal_epochs=4, anneal_strategy="linear")
    seen = []
    for _ in range(7):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    np.testing.assert_allclose(seen, [1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2], rtol=1e-12)
    optimizer.add_param_group({"params": [nn.Parameter(np.zeros(2))]})
    with pytest.raises(KeyError, match=r"SWALR: param_groups\[1\] was added later and has no 'swa_lr'"):
        schedule.step()
    optimizer.param_groups[1]["swa_lr"] = 0.5
    schedule.step()


def test_what_is_refused():
    net = model()
    with pytest.raises(TypeError, match="AveragedModel: model must be a Module, got list"):
        AveragedModel([net])
    with pytest.raises(ValueError, match="AveragedModel: give avg_fn or multi_avg_fn, not both"):
        AveragedModel(net, None, get_ema_avg_fn(), get_ema_multi_avg_fn())
    with pytest.raises(TypeError, match="AveragedModel: multi_avg_fn must be a function, got 0.9"):
        AveragedModel(net, multi_avg_fn=0.9)
    with pytest.raises(ValueError, match="AveragedModel: device='cuda' is not there"):
        AveragedModel(net, "cuda")
    for make in (get_ema_avg_fn, get_ema_multi_avg_fn):
        with pytest.raises(ValueError, match=f"{make.__name__}: decay must be from 0 to 1, got 1.5"):
            make(1.5)
    averaged = AveragedModel(net)
    for other in (nn.Linear(3, 4), nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 3))):
        with pytest.raises(ValueError, match="update_parameters: the model's parameters are of shapes"):
            averaged.update_parameters(other)
    assert averaged.n_averaged == 0


def test_what_is_no_model():
    averaged = AveragedModel(nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"AveragedModel.update_parameters: model must be a Module, got dict"):
        averaged.update_parameters({})
    with pytest.raises(TypeError, match="update_bn: model must be a Module, got NoneType"):
        update_bn([np.ones((2, 2), np.float32)], None)
