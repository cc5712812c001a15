"""What PyTorch programs reach for under a module: its dictionaries, and methods of its parameters."""

from collections import OrderedDict

import numpy as np
import pytest

from tapegrad import nn


@pytest.fixture
def model():
    return nn.Sequential(OrderedDict(fc=nn.Linear(2, 3, bias=False), norm=nn.BatchNorm1d(3), act=nn.ReLU()))


def test_modules_are_listed_and_replaced_in_place(model):
    assert list(model._modules) == ["fc", "norm", "act"] and list(reversed(model._modules))[0] == "act"
    for name, module in model._modules.items():
        if isinstance(module, nn.ReLU):
            model._modules[name] = nn.Tanh()
    assert [type(m).__name__ for m in model] == ["Linear", "BatchNorm1d", "Tanh"]
    del model._modules["norm"]
    assert len(model) == len(model._modules) == 2 and "norm" not in model._modules
    with pytest.raises(TypeError, match="Sequential: 'fc' is to be a Module, got ndarray"):
        model._modules["fc"] = np.ones(2)


def test_parameters_are_listed_and_replaced(model):
    fc = model.fc
    assert list(fc._parameters) == ["weight"] and fc._parameters["bias"] is None
    fc._parameters["bias"] = nn.Parameter(np.ones(3, np.float32))
    assert [name for name, _ in fc.named_parameters()] == ["weight", "bias"]
    fc._parameters["bias"] = None
    assert [name for name, _ in fc.named_parameters()] == ["weight"]
    with pytest.raises(KeyError):
        fc._parameters["in_features"]


def test_buffers_are_listed_and_replaced(model):
    norm = model.norm
    assert list(norm._buffers) == ["running_mean", "running_var", "num_batches_tracked"]
    norm._buffers["running_mean"] = norm._buffers["running_mean"] + 1
    assert norm.running_mean.tolist() == [1, 1, 1]
    norm.register_buffer("hidden", np.zeros(2), persistent=False)
    norm._buffers["hidden"] = np.ones(2)
    assert norm.hidden.tolist() == [1, 1] and "hidden" not in norm.state_dict()
    del norm._buffers["hidden"]
    assert not hasattr(norm, "hidden")
    with pytest.raises(KeyError):
        del norm._buffers["weight"]


def test_repr_shows_what_is_there(model):
    assert repr(model.act._modules) == "Held({})"


def test_parameters_are_counted_frozen_and_placed(model):
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == 12
    assert [p.dim() for p in model.parameters()] == [2, 1, 1]
    assert model.fc.weight.requires_grad_(False) is model.fc.weight
    assert not model.fc.weight.requires_grad
    device = next(model.parameters()).device
    assert nn.Linear(2, 2, device=device).weight.requires_grad_().requires_grad
    assert model.to(device) is model


def test_attention_has_all_names_of_its_weights():
    attention = nn.MultiheadAttention(4, 2)
    assert attention.q_proj_weight is attention.k_proj_weight is attention.v_proj_weight is None
    assert attention._qkv_same_embed_dim
    other = nn.MultiheadAttention(4, 2, kdim=3)
    assert other.in_proj_weight is None and other.k_proj_weight.shape == (4, 3)
    assert not other._qkv_same_embed_dim


def test_factors_of_upsampling_are_floats():
    assert repr(nn.Upsample(scale_factor=2)) == "Upsample(scale_factor=2.0, mode='nearest')"
    assert nn.Upsample(scale_factor=(2, 3)).scale_factor == (2.0, 3.0)
    assert nn.Upsample(size=4).scale_factor is None


def test_names_that_programs_borrow(model):
    assert model._get_name() == "Sequential"
    assert nn.init._calculate_correct_fan(np.ones((2, 3, 4)), "fan_out") == 8
    assert nn.init._calculate_correct_fan(np.ones((2, 3, 4)), "fan_in") == 12


def test_hooks_are_emptied(model):
    calls = []
    for kind in ("forward", "forward_pre", "full_backward", "full_backward_pre"):
        getattr(model.act, f"register_{kind}_hook")(lambda *given, kind=kind: calls.append(kind))
    x = np.ones((2, 2), np.float32)
    model(x).sum().backward()
    assert sorted(calls) == ["forward", "forward_pre", "full_backward", "full_backward_pre"]
    for name in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks"):
        assert len(getattr(model.act, name)) == 1
    model.act._forward_hooks.clear()
    model.act._forward_pre_hooks = OrderedDict()
    model.act._backward_hooks.popitem()
    model.act._backward_pre_hooks = {}
    calls.clear()
    model(x).sum().backward()
    assert calls == []
    with pytest.raises(TypeError, match="ReLU: hooks are added by register_"):
        model.act._forward_hooks = {1: print}
