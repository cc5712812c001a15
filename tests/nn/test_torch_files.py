"""Names under which programs written for PyTorch import: its files, and classes they ask isinstance for."""

import importlib
import warnings

import numpy as np
import pytest

from tapegrad import nn


def test_bases_of_layers_are_found_in_pytorchs_files():
    from tapegrad.nn.modules.batchnorm import _BatchNorm
    from tapegrad.nn.modules.conv import _ConvNd
    from tapegrad.nn.modules.utils import _pair, _single, _triple

    model = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ConvTranspose1d(1, 1, 1), nn.InstanceNorm1d(2)
    )
    assert [isinstance(m, _ConvNd) for m in model] == [True, False, True, False]
    assert [isinstance(m, _BatchNorm) for m in model] == [False, True, False, False]
    assert isinstance(model[3], nn.modules.instancenorm._InstanceNorm)
    assert isinstance(model[2], nn.modules.conv._ConvTransposeNd)
    assert isinstance(nn.Dropout2d(), nn.modules.dropout._DropoutNd)
    assert _single(3) == (3,) and _pair(3) == (3, 3) and _triple([1, 2, 3]) == (1, 2, 3)


def test_classes_are_found_in_pytorchs_files():
    from tapegrad.nn.modules import Linear, Module
    from tapegrad.nn.parameter import Parameter

    assert Module is nn.Module is nn.modules.module.Module
    assert Linear is nn.Linear and Parameter is nn.Parameter
    assert nn.modules.activation.ReLU is nn.ReLU and nn.modules.loss.MSELoss is nn.MSELoss
    assert nn.modules.pooling.AdaptiveAvgPool2d is nn.AdaptiveAvgPool2d
    assert nn.modules.container.Sequential is nn.Sequential and nn.modules.rnn.LSTM is nn.LSTM
    assert importlib.import_module("tapegrad.nn.modules.sparse").Embedding is nn.Embedding
    assert nn.parameter.UninitializedParameter is nn.UninitializedParameter


def test_what_is_nowhere_is_named():
    with pytest.raises(AttributeError, match="module 'tapegrad.nn.modules.conv' has no attribute 'Conv9d'"):
        nn.modules.conv.Conv9d  # noqa: B018
    with pytest.raises(AttributeError, match="module 'tapegrad.nn.modules.loss' has no attribute '_Lost'"):
        nn.modules.loss._Lost  # noqa: B018
    with pytest.raises(AttributeError, match="module 'tapegrad.nn.modules' has no attribute 'convolved'"):
        nn.modules.convolved  # noqa: B018


def test_losses_of_ones_own():
    class Dice(nn.modules.loss._WeightedLoss):
        def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean"):
            super().__init__(weight, size_average, reduce, reduction)

        def forward(self, input):
            return (input * self.weight).sum()

    loss = Dice(np.float32([1, 2]), reduction="sum")
    assert list(loss.state_dict()) == ["weight"] and loss.reduction == "sum"
    assert loss(np.float32([3, 4])).item() == 11
    for kind in (Dice, nn.CrossEntropyLoss, nn.BCELoss, nn.L1Loss, nn.BCEWithLogitsLoss):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert kind(size_average=False).reduction == "sum"
        assert [w.filename for w in told] == [__file__], kind


def test_no_layer_passes_for_another():
    """As in PyTorch: a loop over modules that asks for Dropout or LayerNorm gets these alone."""
    assert not isinstance(nn.Dropout2d(), nn.Dropout) and not isinstance(nn.AlphaDropout(), nn.Dropout)
    assert not isinstance(nn.RMSNorm(2), nn.LayerNorm)
    assert not isinstance(nn.CrossMapLRN2d(2), nn.LocalResponseNorm)
