"""A module in another dtype; devices and compilers that there are not."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..autograd import Tensor
from ..autograd.arrays import DTypeLike
from .devices import DEVICES, check_device
from .state import State


class Conversion(State):
    """The part of Module that converts what is inside."""

    def to(self, *args: Any, device: Any = None, dtype: DTypeLike | None = None, **options: Any) -> Any:
        """Convert floating parameters and buffers: to(np.float64), to(dtype=np.float64), to(tensor).

        A device may be named as in PyTorch, ValueError for another than the "cpu"; `non_blocking` and the
        other options of PyTorch's say nothing here. TypeError for what is no float dtype.
        """
        for given in args:
            if isinstance(given, (Tensor, np.ndarray)):
                dtype = given.dtype
            elif isinstance(given, str) and given.partition(":")[0] in DEVICES:
                device = given
            elif given is not None and not isinstance(given, bool):  # which is non_blocking
                dtype = given
        name = f"{type(self).__name__}.to"
        for option in {*options} - {"tensor", "non_blocking", "memory_format"}:
            raise TypeError(f"{name} got an unexpected keyword argument {option!r}")
        check_device(name, device)
        dtype = getattr(options.get("tensor"), "dtype", dtype)
        if dtype is None:
            return self
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"{name}: {np.dtype(dtype)} is no float dtype")
        return self._cast(dtype)

    def type(self, dst_type: DTypeLike) -> Any:
        """to(dtype=dst_type), with its TypeError; buffers of integers stay as they are."""
        return self.to(dtype=dst_type)

    def double(self) -> Any:
        """Convert all floating parameters and buffers to float64; do so before making an optimizer."""
        return self._cast(np.float64)

    def float(self) -> Any:
        """Convert all floating parameters and buffers to float32; do so before making an optimizer."""
        return self._cast(np.float32)

    def half(self) -> Any:
        """Convert all floating parameters and buffers to float16; do so before making an optimizer."""
        return self._cast(np.float16)

    def bfloat16(self) -> Any:
        """TypeError: NumPy has no such numbers; half() has as many bits."""
        raise TypeError(f"{type(self).__name__}.bfloat16: NumPy has no bfloat16; use half() or float()")

    def cpu(self) -> Any:
        """The module itself: arrays of NumPy live there."""
        return self

    def cuda(self, device: Any = None) -> Any:
        """ValueError: arrays of NumPy live on the cpu."""
        check_device(f"{type(self).__name__}.cuda", "cuda" if device is None else f"cuda:{device}")
        return self

    def to_empty(self, *, device: Any, recurse: bool = True) -> Any:
        """The module itself, whose numbers stay; ValueError for another device than the "cpu"."""
        check_device(f"{type(self).__name__}.to_empty", device)
        return self

    def share_memory(self) -> Any:
        """NotImplementedError: nn.parallel.replicate trains one model in several processes."""
        raise NotImplementedError(
            f"{type(self).__name__}.share_memory: arrays are not moved to shared memory by hand; "
            "nn.parallel.replicate does so for training in several processes"
        )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing, whatever is asked for: NumPy is called as ever. nn.replay makes small models faster."""

    def _cast(self, dtype: DTypeLike) -> Any:
        for _, parameter in self._parameters_found():
            if parameter.dtype.kind == "f":
                parameter.become(parameter.data.astype(dtype))
        for module in self.modules():
            for name in vars(module).get("_persistent", ()):
                buffer = vars(module)[name]
                if buffer is not None and np.result_type(buffer).kind == "f":
                    setattr(module, name, buffer.astype(dtype) if hasattr(buffer, "astype") else buffer)
        return self
