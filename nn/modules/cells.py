"""Single steps of recurrent layers."""

from __future__ import annotations

from typing import Any

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, DTypeLike
from ..devices import dtype_for
from ..functional.recurrent import MODES, Layer, step
from ..module import Module, Parameter
from .linear import tensor_for
from .recurrent import check_sizes, mode_of, reset

__all__ = ["GRUCell", "LSTMCell", "RNNCell", "RNNCellBase"]


class RNNCellBase(Module):
    """What nn.RNNCell, nn.LSTMCell and nn.GRUCell have in common: their parameters.

    `input` is (batch, input_size) or (input_size,). `num_chunks` is how many times hidden_size rows the
    weights have.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        dtype = dtype_for(self, device, dtype)
        check_sizes(type(self).__name__, 1, input_size=input_size, hidden_size=hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter.empty((rows, input_size), dtype)
        self.weight_hh = Parameter.empty((rows, hidden_size), dtype)
        self.bias_ih = Parameter.empty(rows, dtype) if bias else None
        self.bias_hh = Parameter.empty(rows, dtype) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within 1 / sqrt(hidden_size), as PyTorch does."""
        reset(self)

    def _step(self, mode: str, input: ArrayLike, hx: Any) -> list[Tensor]:
        x = tensor_for(self, input, self.weight_ih.dtype)
        return step(MODES[mode], x, hx, Layer(*(getattr(self, name, None) for name in Layer._fields)))

    def extra_repr(self) -> str:
        bias = "" if self.bias else f", bias={self.bias}"
        shape = getattr(self, "nonlinearity", "tanh")
        return f"{self.input_size}, {self.hidden_size}{bias}" + (
            f", nonlinearity={shape}" if shape != "tanh" else ""
        )


class RNNCell(RNNCellBase):
    """One step of a plain recurrent network, tanh(w_ih x + b_ih + w_hh h + b_hh) or relu: the next h.

    `input` is (batch, input_size) with `hx` (batch, hidden_size), 0 unless given; or both are without a
    batch. ValueError for another nonlinearity, or where shapes do not fit.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        mode_of(type(self).__name__, nonlinearity)
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: ArrayLike, hx: ArrayLike | None = None) -> Tensor:
        return self._step(mode_of(self.label(), self.nonlinearity), input, hx)[0]


class LSTMCell(RNNCellBase):
    """One step of an LSTM: the next (h, c).

    `input` is (batch, input_size) with the pair `hx` of (batch, hidden_size) each, 0 unless given; or all are
    without a batch. ValueError where shapes do not fit, TypeError for an `hx` that is no pair.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self, input: ArrayLike, hx: tuple[ArrayLike, ArrayLike] | None = None
    ) -> tuple[Tensor, Tensor]:
        h, c = self._step("LSTM", input, hx)
        return h, c


class GRUCell(RNNCellBase):
    """One step of gated recurrent units: the next h.

    `input` is (batch, input_size) with `hx` (batch, hidden_size), 0 unless given; or both are without a
    batch. ValueError where shapes do not fit.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: DTypeLike | None = None,
    ):
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: ArrayLike, hx: ArrayLike | None = None) -> Tensor:
        return self._step("GRU", input, hx)[0]
