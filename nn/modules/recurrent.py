"""Recurrent layers over whole sequences."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from .. import init
from ..devices import dtype_for
from ..functional.recurrent import MODES, Layer, layers
from ..module import Module, Parameter
from ..utils.rnn import PackedSequence
from .linear import tensor_for

__all__ = ["GRU", "LSTM", "RNN", "RNNBase"]

NAMES = Layer._fields


class RNNBase(Module):
    """What nn.RNN, nn.LSTM and nn.GRU have in common: parameters, checks, and the way through the layers.

    `mode` is "RNN_TANH", "RNN_RELU", "LSTM" or "GRU". `input` is (steps, batch, input_size), with batch_first
    (batch, steps, input_size), without a batch (steps, input_size), or a PackedSequence. TypeError and
    ValueError for sizes, dropout or a mode that are not possible.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        name = type(self).__name__
        if mode not in MODES:
            raise ValueError(f"{name}: mode is one of {', '.join(MODES)}, not {mode!r}")
        _check_flags(name, bias=bias, batch_first=batch_first)
        check_sizes(name, 1, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_sizes(name, 0, proj_size=proj_size)
        if proj_size and (mode != "LSTM" or proj_size >= hidden_size):
            raise ValueError(
                f"{name}: proj_size {proj_size} has to be below hidden_size {hidden_size}, of an LSTM"
            )
        _check_dropout(name, dropout, num_layers)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._make_parameters(dtype)
        self.reset_parameters()

    def _make_parameters(self, dtype: np.dtype) -> None:
        rows, features = MODES[self.mode].gates * self.hidden_size, self.proj_size or self.hidden_size
        for layer in range(self.num_layers):
            width = features * self._directions() if layer else self.input_size
            shapes = {
                "weight_ih": (rows, width),
                "weight_hh": (rows, features),
                **({"bias_ih": (rows,), "bias_hh": (rows,)} if self.bias else {}),
                **({"weight_hr": (features, self.hidden_size)} if self.proj_size else {}),
            }
            for suffix in ("", "_reverse")[: self._directions()]:
                for name, shape in shapes.items():
                    setattr(self, f"{name}_l{layer}{suffix}", Parameter.empty(shape, dtype))

    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(hidden_size), as PyTorch does."""
        reset(self)

    def flatten_parameters(self) -> None:
        """Nothing: PyTorch lays the parameters out for cuDNN here."""

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[p for p in layer if p is not None] for directions in self._stack() for layer in directions]

    def _stack(self) -> list[list[Layer]]:
        """The parameters by layers and directions, as they are now: they may be replaced."""
        return [
            [
                Layer(*(getattr(self, f"{name}_l{layer}{suffix}", None) for name in NAMES))
                for suffix in ("", "_reverse")[: self._directions()]
            ]
            for layer in range(self.num_layers)
        ]

    def _run(self, input: Any, hx: Any) -> tuple[Any, list[Tensor]]:
        """y, packed if `input` is, and the last states."""
        mode, stack = MODES[self.mode], self._stack()
        dtype = stack[0][0].weight_ih.dtype
        drop = self.dropout if self.training else 0.0
        if not isinstance(input, PackedSequence):
            x = tensor_for(self, input, dtype)
            return layers(mode, x, hx, stack, None, self.batch_first, drop)
        x, sizes, order, back = tensor_for(self, input.data, dtype), *input[1:]
        hx = _in_order(hx, order)
        y, states = layers(mode, x, hx, stack, sizes.tolist(), self.batch_first, drop)
        return PackedSequence(y, sizes, order, back), _in_order(states, back)

    def extra_repr(self) -> str:
        words = [f"{self.input_size}, {self.hidden_size}"]
        usual = {"proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0}
        for name, value in {**usual, "bidirectional": False}.items():
            if getattr(self, name) != value:
                words.append(f"{name}={getattr(self, name)}")
        return ", ".join(words)


class RNN(RNNBase):
    """A plain recurrent network: h' = tanh(w_ih x + b_ih + w_hh h + b_hh), or relu (Elman 1990).

    `input` is (steps, batch, input_size), with batch_first (batch, steps, input_size), without a batch
    (steps, input_size), or a PackedSequence. A call gives the h of all steps in the last layer, shaped or
    packed as input is, and the last h of all layers, (num_layers * directions, batch, hidden_size), the shape
    of `hx` too, which is 0 unless given. There is dropout between layers, not after the last. ValueError for
    a nonlinearity other than "tanh" and "relu", and where shapes do not fit.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        mode = mode_of(type(self).__name__, nonlinearity)
        self.nonlinearity = nonlinearity
        options = device, dtype
        super().__init__(
            mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, *options
        )

    def forward(self, input: ArrayLike | PackedSequence, hx: ArrayLike | None = None) -> tuple[Any, Tensor]:
        y, (h,) = self._run(input, hx)
        return y, h


class LSTM(RNNBase):
    """Long short-term memory (Hochreiter and Schmidhuber 1997), with PyTorch's order of gates, i f g o.

    `input` is (steps, batch, input_size), with batch_first (batch, steps, input_size), without a batch
    (steps, input_size), or a PackedSequence. A call gives the h of all steps in the last layer, shaped or
    packed as input is, and the last (h, c) of all layers, each (num_layers * directions, batch, hidden_size),
    the shapes of the pair `hx` too, which is 0 unless given. With proj_size, h is projected to that width
    (Sak et al. 2014, arXiv:1402.1128). There is dropout between layers, not after the last. ValueError where
    shapes do not fit, TypeError for an `hx` that is no pair.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        sizes = input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size
        super().__init__("LSTM", *sizes, device, dtype)

    def forward(
        self, input: ArrayLike | PackedSequence, hx: tuple[ArrayLike, ArrayLike] | None = None
    ) -> tuple[Any, tuple[Tensor, Tensor]]:
        y, (h, c) = self._run(input, hx)
        return y, (h, c)


class GRU(RNNBase):
    """Gated recurrent units (Cho et al. 2014), with PyTorch's order of gates, r z n, and r after the product.

    `input` is (steps, batch, input_size), with batch_first (batch, steps, input_size), without a batch
    (steps, input_size), or a PackedSequence. A call gives the h of all steps in the last layer, shaped or
    packed as input is, and the last h of all layers, (num_layers * directions, batch, hidden_size), the shape
    of `hx` too, which is 0 unless given. There is dropout between layers, not after the last. ValueError
    where shapes do not fit.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        sizes = input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional
        super().__init__("GRU", *sizes, 0, device, dtype)

    def forward(self, input: ArrayLike | PackedSequence, hx: ArrayLike | None = None) -> tuple[Any, Tensor]:
        y, (h,) = self._run(input, hx)
        return y, h


def reset(module: Any) -> None:
    """Fill all parameters uniformly within 1 / sqrt(hidden_size)."""
    bound = 1 / module.hidden_size**0.5
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)


def _in_order(states: Any, order: np.ndarray | None) -> Any:
    """States (layers, batch, features), or a pair of them, with the batch in another order."""
    if states is None or order is None:
        return states
    if isinstance(states, (tuple, list)):
        return [_in_order(state, order) for state in states]
    if np.ndim(states) != 3 or np.shape(states)[1] != len(order):
        return states  # which is refused for its shape
    return ag.take(states, order, axis=1)


def mode_of(name: str, nonlinearity: str) -> str:
    """The mode of a plain recurrence, or ValueError in the name of a layer."""
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{name}: nonlinearity is 'tanh' or 'relu', not {nonlinearity!r}")
    return f"RNN_{nonlinearity.upper()}"


def _check_flags(name: str, **flags: Any) -> None:
    for argument, value in flags.items():
        if not isinstance(value, (bool, np.bool_)):
            raise TypeError(f"{name}: {argument} is a bool, not {value!r}")


def check_sizes(name: str, least: int, **sizes: Any) -> None:
    """Raise TypeError or ValueError for sizes that are no integers, or too small."""
    for argument, value in sizes.items():
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise TypeError(f"{name}: {argument} is an integer, not {value!r}")
        if value < least:
            raise ValueError(f"{name}: {argument} is {value}, it has to be at least {least}")


def _check_dropout(name: str, dropout: Any, num_layers: int) -> None:
    number = isinstance(dropout, (int, float, np.integer, np.floating)) and not isinstance(dropout, bool)
    if not number or not 0 <= dropout <= 1:
        raise ValueError(f"{name}: dropout is a number from 0 to 1, not {dropout!r}")
    if dropout and num_layers == 1:
        warnings.warn(
            f"{name}: dropout={dropout} does nothing with num_layers=1: there is none after the last layer",
            stacklevel=4,
        )
