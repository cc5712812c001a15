"""Refusals of layers and functions that stand in no topic's own tests."""

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn import functional as F

X = np.ones((2, 3), np.float32)
IMAGE = np.ones((1, 2, 4, 4), np.float32)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.gelu(X, "tan"), ValueError, "approximate is 'none' or 'tanh', not 'tan'"),
        (lambda: F.embedding([0], 1.0), ValueError, "embedding: weight is a table, not one number"),
        (lambda: F.multi_margin_loss(X[:, :0], [0, 0]), ValueError, r"shape \(2, 0\) has no classes"),
        (lambda: F.multilabel_margin_loss(X[:, :0], np.zeros((2, 0), int)), ValueError, "has no classes"),
        (lambda: F.multilabel_soft_margin_loss(1.0, 1.0), ValueError, r"shape \(\) has no classes"),
        (
            lambda: F.max_unpool2d(IMAGE, np.zeros(IMAGE.shape, int), 2, 0),
            ValueError,
            "max_unpool2d: stride is at least 1",
        ),
        (
            lambda: nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")(X[0]),
            ValueError,
            r"conv2d of Conv2d: input has 3 or 4 axes, not the shape \(3,\)",
        ),
        (
            lambda: nn.FractionalMaxPool2d(2, output_ratio=(0.5, 1.5)),
            ValueError,
            "FractionalMaxPool2d: output_ratio is 2 numbers between 0 and 1",
        ),
        (
            lambda: nn.TripletMarginWithDistanceLoss(margin=0.0),
            ValueError,
            "TripletMarginWithDistanceLoss: margin must be greater than 0, not 0.0",
        ),
        (
            lambda: nn.ConvTranspose2d(2, 2, 3, padding="same"),
            TypeError,
            "ConvTranspose2d: padding is an integer or 2 of them, not 'same'",
        ),
        (
            lambda: nn.ConvTranspose2d(2, 2, 3)(IMAGE, output_size=(6,)),
            ValueError,
            "output_size has 2 numbers, or as many as",
        ),
    ],
)
def test_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
