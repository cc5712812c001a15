"""Published models in transformers and here, beside each other."""

import functools
import logging

import numpy as np
import pytest
import torch
import transformers


@pytest.fixture
def quiet():
    """transformers talks of settings that are as they are meant to be."""
    transformers.utils.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def theirs(settings, name=None, dtype=torch.float64):
    """Their model with weights that are large enough to tell things apart, biases and norms among them."""
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(**settings)
    model = getattr(transformers, name or settings["architectures"][0])(config).to(dtype).eval()
    with torch.no_grad():
        for p in model.parameters():
            p += torch.randn_like(p) * (0.3 if p.ndim > 1 else 0.2)
    return model


def close(found, expected, tolerance=1e-9):
    found, expected = (x.detach().numpy() if hasattr(x, "detach") else x for x in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def all_gradients(own, model, tolerance=1e-9, base=""):
    """Every parameter of both has the same gradient; None is that of what was not used."""
    found = {name: p.grad for name, p in own.named_parameters(remove_duplicate=False)}
    expected = {base + name: p.grad for name, p in model.named_parameters()}
    assert expected.keys() <= found.keys()
    assert len(expected) == len(list(own.parameters()))
    for name, gradient in expected.items():
        if gradient is None:
            assert found[name] is None, name
            continue
        np.testing.assert_allclose(
            found[name], gradient.numpy(), rtol=tolerance, atol=tolerance, err_msg=name
        )


def exact_norms(model):
    """Let T5's norms compute in the dtype of what they are given, and not the mean square in float32."""
    for module in model.modules():
        if type(module).__name__.endswith("T5LayerNorm"):
            module.forward = functools.partial(_exact_norm, module)


def _exact_norm(module, x):
    return module.weight * x * torch.rsqrt((x * x).mean(-1, keepdim=True) + module.variance_epsilon)
