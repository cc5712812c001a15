"""What recurrent layers and cells refuse, and how they say it."""

import numpy as np
import pytest

from replay_cases import floats
from tapegrad import nn
from tapegrad.nn.utils import rnn

REFUSED = [
    (lambda: nn.LSTM(3, 4)(floats(2, 2, 5)), r"lstm of LSTM: input of shape \(2, 2, 5\), .*input_size 3"),
    (lambda: nn.LSTM(3, 4)(floats(3)), r"input of shape \(3,\), expected three axes, or two"),
    (lambda: nn.GRU(3, 4)(floats(0, 2, 3)), r"gru of GRU: input of shape \(0, 2, 3\) has no step"),
    (
        lambda: nn.GRU(3, 4)(floats(2, 2, 3), floats(1, 3, 4)),
        r"h_0 of shape \(1, 3, 4\), expected \(1, 2, 4\)",
    ),
    (lambda: nn.GRU(3, 4)(floats(2, 3), floats(1, 1, 4)), r"expected \(1, 4\) for input without a batch"),
    (
        lambda: nn.LSTM(3, 4, proj_size=2)(floats(2, 2, 3), (floats(1, 2, 2), floats(1, 2, 2))),
        r"c_0 of shape \(1, 2, 2\), expected \(1, 2, 4\)",
    ),
    (
        lambda: nn.GRU(3, 4)(rnn.pack_sequence([floats(2, 3)]), floats(1, 2, 4)),
        r"h_0 of shape \(1, 2, 4\), expected \(1, 1, 4\)",
    ),
    (lambda: nn.GRU(3, 4)(rnn.pack_sequence([floats(2, 2)])), r"expected \(rows, 3\) packed"),
    (lambda: nn.GRUCell(3, 4)(floats(2, 2)), r"gru_cell of GRUCell: input of shape \(2, 2\)"),
    (lambda: nn.RNNCell(3, 4)(floats(2, 3), floats(4)), r"h_0 of shape \(4,\), expected \(2, 4\)"),
    (lambda: nn.RNN(3, 4, nonlinearity="elu"), "RNN: nonlinearity is 'tanh' or 'relu', not 'elu'"),
    (lambda: nn.RNNBase("SRU", 3, 4), "mode is one of RNN_TANH, RNN_RELU, LSTM, GRU, not 'SRU'"),
    (lambda: nn.LSTM(3, 4, proj_size=4), "proj_size 4 has to be below hidden_size 4"),
    (lambda: nn.LSTM(3, 0), "LSTM: hidden_size is 0, it has to be at least 1"),
    (lambda: nn.LSTM(3, 4, dropout=1.5, num_layers=2), "LSTM: dropout is a number from 0 to 1, not 1.5"),
    (lambda: nn.LSTM(3, 4, dropout=True), "dropout is a number from 0 to 1, not True"),
]


@pytest.mark.parametrize("call, message", REFUSED, ids=[message for _, message in REFUSED])
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


MISTYPED = [
    (lambda: nn.LSTM(3, 4)(floats(2, 2, 3), floats(1, 2, 4)), r"pair \(h_0, c_0\), not an array of shape"),
    (lambda: nn.LSTMCell(3, 4)(floats(2, 3), (floats(2, 4),)), r"hx is the pair \(h_0, c_0\), not tuple"),
    (lambda: nn.GRU(3, 4)(np.zeros((2, 2, 3))), "GRU: input is float64, its parameters are float32"),
    (
        lambda: nn.GRU(3, 4)(floats(2, 2, 3), np.zeros((1, 2, 4))),
        r"h_0 is float64, .* h_0.astype\(np.float32\)",
    ),
    (lambda: nn.LSTM(3.0, 4), "LSTM: input_size is an integer, not 3.0"),
    (lambda: nn.LSTM(3, 4, 1, "tanh"), "LSTM: bias is a bool, not 'tanh'"),
    (lambda: nn.LSTM(3, 4, True), "num_layers is an integer, not True"),
]


@pytest.mark.parametrize("call, message", MISTYPED, ids=[message for _, message in MISTYPED])
def test_mistyped(call, message):
    with pytest.raises(TypeError, match=message):
        call()
