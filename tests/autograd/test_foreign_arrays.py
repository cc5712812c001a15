"""Arrays of another library, which are no ndarrays and refuse to become one, go through everything."""

from dataclasses import replace

import numpy as np
import pytest

from cases import CASES
from cases.case import seeds_for
from foreign import Foreign, abroad, native
from tapegrad import nn
from tapegrad.autograd import engine
from tapegrad.models import GPT, GPTConfig
from tapegrad.nn import functional as F


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_op_forward_and_backward(case):
    inputs = case.draw()
    tensors, outputs, _ = case.record(inputs)
    seeds = seeds_for(outputs)
    engine.walk([y.edge for y in outputs], seeds)

    attrs = {key: abroad(value) for key, value in case.attrs.items()}
    theirs, made, _ = replace(case, args=abroad(case.args), attrs=attrs).record(map(Foreign, inputs))
    engine.walk([y.edge for y in made], list(map(Foreign, seeds)))
    for ours, other in zip(outputs, made, strict=True):
        assert type(other.data) is Foreign
        np.testing.assert_allclose(native(other.data), ours.data, rtol=1e-11, atol=1e-13)
    for ours, other in zip(tensors, theirs, strict=True):
        assert type(other.grad) is Foreign
        np.testing.assert_allclose(native(other.grad), ours.grad, rtol=1e-10, atol=1e-12)


def test_a_state_of_them_is_loaded_into_them():
    layer, other = nn.Linear(2, 3), nn.Linear(2, 3)
    for parameter in (*layer.parameters(), *other.parameters()):
        parameter.data = Foreign(parameter.data)
    layer.load_state_dict(other.state_dict())
    assert type(layer.weight.data) is Foreign
    for ours, theirs in zip(layer.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(native(ours.data), native(theirs.data))
    with pytest.raises(ValueError, match=r"misshapen: weight has shape \(3,\), expected \(3, 2\)"):
        layer.load_state_dict({**other.state_dict(), "weight": other.bias})


def train(convert, steps=2):
    """Losses and parameters of a GPT trained on arrays as `convert` gives them."""
    nn.manual_seed(0)
    model = GPT(
        GPTConfig(vocab_size=11, block_size=6, d_model=8, nhead=2, num_layers=2, dropout=0.0)
    ).double()
    for parameter in model.parameters():
        parameter.data = convert(parameter.data)
    optimizer = nn.optim.AdamW(model.parameters(), lr=1e-2)
    ids = np.random.default_rng(0).integers(0, 11, (3, 7))
    losses = []
    for _ in range(steps):
        logits = model(convert(ids[:, :-1]))
        loss = F.cross_entropy(logits.reshape(-1, 11), convert(ids[:, 1:].reshape(-1)))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses, [p.data for p in model.parameters()]


def test_a_gpt_trains_on_them():
    losses, parameters = train(np.asarray)
    theirs, their_parameters = train(Foreign)
    np.testing.assert_allclose(theirs, losses, rtol=1e-12)
    for ours, other in zip(parameters, their_parameters, strict=True):
        assert type(other) is Foreign
        np.testing.assert_allclose(native(other), ours, rtol=1e-9, atol=1e-12)
