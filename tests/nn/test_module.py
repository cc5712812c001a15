"""nn.Module: what is found inside it, calls, hooks, modes, copies, and how it reads."""

import copy
import pickle

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor


class Net(nn.Module):
    def __init__(self):
        self.first = nn.Linear(3, 4)
        self.scale = nn.Parameter(np.ones(4, np.float32))
        self.register_buffer("mean", np.zeros(4, np.float32))
        self.register_buffer("cache", np.zeros(2), persistent=False)
        self.last = nn.Sequential(nn.Tanh(), nn.Linear(4, 2, bias=False))

    def forward(self, x):
        return self.last(self.first(x) * self.scale - self.mean)


class Tied(nn.Module):
    def __init__(self):
        self.tokens = nn.Embedding(5, 4)
        self.head = nn.Linear(4, 5, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids):
        return self.head(self.tokens(ids))


def names(pairs):
    return [name for name, _ in pairs]


def x32(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


# ---------------------------------------------------------------------------------- what is inside


def test_attributes_are_found_in_the_order_of_assignment():
    net = Net()
    assert names(net.named_parameters()) == ["scale", "first.weight", "first.bias", "last.1.weight"]
    assert names(net.named_buffers()) == ["mean", "cache"]
    assert names(net.named_children()) == ["first", "last"]
    assert names(net.named_modules()) == ["", "first", "last", "last.0", "last.1"]
    assert names(net.named_parameters("net"))[:2] == ["net.scale", "net.first.weight"]
    assert list(net.children()) == [net.first, net.last]
    assert list(net.modules())[0] is net
    assert [p.shape for p in net.parameters()] == [(4,), (4, 3), (4,), (2, 4)]
    assert [b.shape for b in net.buffers()] == [(4,), (2,)]


def test_a_replaced_or_deleted_attribute_is_gone():
    net = Net()
    net.first = None
    del net.scale
    net.last = nn.Linear(1, 1)
    assert names(net.named_parameters()) == ["last.weight", "last.bias"]


def test_a_shared_parameter_or_module_is_listed_once():
    net = Tied()
    assert names(net.named_parameters()) == ["tokens.weight"]
    assert list(net.state_dict()) == ["tokens.weight", "head.weight"]
    layer = nn.Linear(2, 2)
    stack = nn.Sequential(layer, layer)
    assert names(stack.named_modules()) == ["", "0"]
    assert list(stack.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert len(stack) == 2


def test_a_plain_tensor_is_not_registered():
    net = nn.Module()
    net.constant = Tensor(np.ones(3))
    assert list(net.parameters()) == []


def test_a_missing_attribute_is_named():
    with pytest.raises(AttributeError, match="^Net has no attribute 'secnd'$"):
        Net().secnd  # noqa: B018
    assert not hasattr(Net(), "secnd")
    with pytest.raises(NotImplementedError, match=r"^Module has no forward\(\)$"):
        nn.Module()(1)


def test_a_buffer_may_be_none():
    net = nn.Module()
    net.register_buffer("mask", None)
    assert list(net.buffers()) == [] and net.state_dict() == {} and net.double() is net


# ---------------------------------------------------------------------------------- modes and changes


def test_train_and_eval_reach_every_module():
    net = Net()
    assert net.training and net.eval() is net
    assert not any(m.training for m in net.modules())
    net.train()
    assert all(m.training for m in net.modules())
    net.last.eval()
    assert net.training and not net.last[1].training


def test_apply_goes_children_first():
    seen = []
    net = Net()
    assert net.apply(lambda m: seen.append(type(m).__name__)) is net
    assert seen == ["Linear", "Tanh", "Linear", "Sequential", "Net"]


def test_zero_grad_and_freezing():
    net = Net()
    net(x32(2, 3)).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.zero_grad(set_to_none=False)
    assert all((p.grad == 0).all() for p in net.parameters())
    net.zero_grad()
    assert all(p.grad is None for p in net.parameters())
    net.first.requires_grad_(False)
    net.zero_grad()  # also with frozen parameters
    net(x32(2, 3)).sum().backward()
    assert net.first.weight.grad is None and net.scale.grad is not None
    net.requires_grad_()
    assert all(p.requires_grad for p in net.parameters())


def test_double_and_float_convert_parameters_and_buffers():
    net = Net()
    net.count = nn.Parameter(np.arange(3), requires_grad=False)
    net.scale.requires_grad = False
    assert net.double() is net
    assert {p.dtype for p in net.parameters()} == {np.dtype(float), np.dtype(int)}
    assert net.mean.dtype == np.float64
    assert not net.scale.requires_grad and net.first.weight.requires_grad
    assert net(np.zeros((1, 3))).dtype == np.float64
    net.float()
    assert net.first.weight.dtype == net.mean.dtype == np.float32 and net.count.dtype.kind == "i"
    tied = Tied().double()
    assert tied.head.weight is tied.tokens.weight


# ---------------------------------------------------------------------------------- copies


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_shares_nothing_and_keeps_its_ties(duplicate):
    net = Tied()
    twin = duplicate(net)
    assert twin.head.weight is twin.tokens.weight is not net.tokens.weight
    assert not np.shares_memory(twin.tokens.weight.numpy(), net.tokens.weight.numpy())
    np.testing.assert_array_equal(twin([1, 2]).numpy(), net([1, 2]).numpy())
    twin([1, 2]).sum().backward()
    assert isinstance(twin.head.weight, nn.Parameter) and net.tokens.weight.grad is None


def test_a_deep_copy_keeps_the_buffers_modes_and_frozen_parameters():
    net = Net().eval()
    net.scale.requires_grad = False
    net.mean += 3
    twin = copy.deepcopy(net)
    assert not twin.last.training and not twin.scale.requires_grad
    assert list(twin.state_dict()) == list(net.state_dict())
    net.mean += 1
    assert (twin.mean == 3).all()


# ---------------------------------------------------------------------------------- how it reads


def test_repr_counts_parameters():
    net = Net()
    net.tokens = nn.Embedding(1000, 8, padding_idx=0)
    assert repr(net) == (
        "Net()  # 8,028 parameters\n"
        "  (first): Linear(in_features=3, out_features=4)  # 16 parameters\n"
        "  (last): Sequential()  # 8 parameters\n"
        "    (0): Tanh()\n"
        "    (1): Linear(in_features=4, out_features=2, bias=False)  # 8 parameters\n"
        "  (tokens): Embedding(1000, 8, padding_idx=0)  # 8,000 parameters"
    )
