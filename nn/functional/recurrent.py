"""Recurrent layers on top of each other, forwards and backwards; and one step of one layer.

PyTorch has no public functions for these, so neither have we: nn/modules/recurrent.py calls them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ._gru import _gru
from ._inputs import as_tensor, where
from ._lstm import _lstm
from ._rnn import _rnn
from .dropout import dropout


class Mode(NamedTuple):
    """A kind of recurrence."""

    name: str
    op: Any
    gates: int  # so many times hidden_size rows have the weights
    states: int


MODES = {
    "RNN_TANH": Mode("rnn", _rnn, 1, 1),
    "RNN_RELU": Mode("rnn", partial(_rnn, nonlinearity="relu"), 1, 1),
    "LSTM": Mode("lstm", _lstm, 4, 2),
    "GRU": Mode("gru", _gru, 3, 1),
}


class Layer(NamedTuple):
    """The parameters of one layer in one direction; what is not there is None."""

    weight_ih: Any
    weight_hh: Any
    bias_ih: Any = None
    bias_hh: Any = None
    weight_hr: Any = None

    def sizes(self, states: int) -> list[int]:
        """The widths of h, and of c if there is one."""
        return [self.weight_hh.shape[1], self.weight_hh.shape[0] // 4][:states]

    def run(self, mode: Mode, x: Tensor, states: Sequence, **options: Any) -> list[Tensor]:
        """y and the last states; float16 is computed in float32."""
        given = list(self if self.weight_hr is not None else self[:4])
        if x.data.dtype.char != "e":
            return mode.op(x, *states, *given, **options)
        wide = [a if a is None else ag.astype(as_tensor(a), np.float32) for a in (x, *states, *given)]
        return [y.astype(np.float16) for y in mode.op(*wide, **options)]


def layers(
    mode: Mode,
    input: Tensor,
    hx: Any,
    stack: Sequence[Sequence[Layer]],
    batch_sizes: Sequence[int] | None,
    batch_first: bool,
    drop: float,
) -> tuple[Tensor, list[Tensor]]:
    """y of the last layer and the last states (layers * directions, batch, features) of all.

    `input` is (steps, batch, features), (batch, steps, features) if `batch_first`, (steps, features) without
    a batch, or with `batch_sizes` the rows of a packed sequence. `stack` holds the directions of each layer.
    """
    alone = batch_sizes is None and input.ndim == 2
    x = _checked_input(mode, input, stack[0][0].weight_ih, batch_sizes)
    if alone:
        x = ag.expand_dims(x, 1)
    elif batch_first and batch_sizes is None:
        x = ag.swapaxes(x, 0, 1)
    if not len(x):
        raise ValueError(f"{where(mode.name)}: input of shape {input.shape} has no step, it needs one")
    batch = x.shape[1] if batch_sizes is None else batch_sizes[0]
    count = sum(len(directions) for directions in stack)
    sizes = stack[0][0].sizes(mode.states)
    states = _first_states(mode, hx, [(count, batch, size) for size in sizes], alone, x)
    options = {} if batch_sizes is None else {"batch_sizes": tuple(batch_sizes)}
    ends: list[Any] = []
    for i, directions in enumerate(stack):
        x = dropout(x, drop) if i and drop else x
        outs = []
        for backwards, layer in enumerate(directions):
            more = {**options, "reverse": True} if backwards else options
            y, *end = layer.run(mode, x, [state[len(ends)] for state in states], **more)
            outs.append(y)
            ends.append(end)
        x = outs[0] if len(outs) == 1 else ag.concatenate(outs, axis=-1)
    last = [ag.stack(list(parts)) for parts in zip(*ends, strict=True)]
    if alone:
        return ag.squeeze(x, 1), [ag.squeeze(state, 1) for state in last]
    return (ag.swapaxes(x, 0, 1) if batch_first and batch_sizes is None else x), last


def step(mode: Mode, input: Tensor, hx: Any, layer: Layer) -> list[Tensor]:
    """The states after one step, of `input` (batch, features) or (features,), from the states `hx`."""
    name = mode.name + "_cell"
    alone = input.ndim == 1
    width = layer.weight_ih.shape[1]
    if input.ndim not in (1, 2) or input.shape[-1] != width:
        raise ValueError(
            f"{where(name)}: input of shape {input.shape}, expected (batch, {width}) or ({width},)"
        )
    x = ag.reshape(input, (1, -1, width)) if alone else ag.expand_dims(input, 0)
    shapes = [(x.shape[1], size) for size in layer.sizes(mode.states)]
    _, *states = layer.run(mode, x, _first_states(mode._replace(name=name), hx, shapes, alone, x, 0))
    return [ag.squeeze(state, 0) for state in states] if alone else list(states)


def _checked_input(mode: Mode, x: Tensor, weight: Tensor, batch_sizes) -> Tensor:
    width = weight.shape[1]
    if batch_sizes is not None:
        shapes, fits = f"(rows, {width}) packed", x.ndim == 2
    else:
        shapes, fits = f"three axes, or two without a batch, the last of {width}", x.ndim in (2, 3)
    if not fits or x.shape[-1] != width:
        raise ValueError(
            f"{where(mode.name)}: input of shape {x.shape}, expected {shapes} "
            f"(input_size {width}, weight_ih of shape {weight.shape})"
        )
    return x


def _first_states(mode: Mode, hx: Any, shapes: list, alone: bool, x: Tensor, batch_axis: int = 1) -> list:
    """The states `hx` as Tensors of these shapes; zeros for None."""
    if hx is None:
        return [np.zeros_like(x.data, shape=shape) for shape in shapes]
    names = ["h_0", "c_0"][: mode.states]
    if mode.states == 2:
        if not isinstance(hx, (tuple, list)) or len(hx) != 2:
            raise TypeError(f"{where(mode.name)}: hx is the pair (h_0, c_0), not {_described(hx)}")
    else:
        hx = [hx]
    made = []
    for name, given, shape in zip(names, hx, shapes, strict=True):
        state = as_tensor(given)
        expected = tuple(n for axis, n in enumerate(shape) if axis != batch_axis) if alone else shape
        if state.shape != expected:
            raise ValueError(
                f"{where(mode.name)}: {name} of shape {state.shape}, expected {expected} "
                f"for input {'without a batch' if alone else f'with a batch of {shape[batch_axis]}'}"
            )
        if state.dtype != x.dtype:
            raise TypeError(
                f"{where(mode.name)}: {name} is {state.dtype}, input {x.dtype}; "
                f"use {name}.astype(np.{x.dtype})"
            )
        made.append(ag.reshape(state, shape) if alone else state)
    return made


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"an array of shape {shape}"
