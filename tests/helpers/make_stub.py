"""Writes autograd/bound.pyi, which tells editors and type checkers what binding.py gives to Tensor.

python tests/helpers/make_stub.py     # needs tapegrad installed; a test compares the file with stub()
"""

import inspect
from pathlib import Path

from tapegrad.autograd import binding
from tapegrad.autograd.bound import Bound

PATH = Path(__file__).resolve().parents[2] / "autograd" / "bound.pyi"
HEADER = """\
# Made by tests/helpers/make_stub.py from the facts on ops and from binding.py; do not edit.
from collections.abc import Sequence
from typing import Any

from .arrays import ArrayLike, Axes, DTypeLike
from .tensor import Tensor

class Bound:
"""
ITEMS = {
    "__getitem__": "    def __getitem__(self, index: Any) -> Tensor: ...",
    "__setitem__": "    def __setitem__(self, index: Any, value: ArrayLike) -> None: ...",
    "__contains__": "    def __contains__(self, value: ArrayLike) -> bool: ...",
    "__divmod__": "    def __divmod__(self, other: ArrayLike) -> tuple[Tensor, Tensor]: ...",
    "__round__": "    def __round__(self, ndigits: int | None = None) -> Any: ...",
    "__rdivmod__": "    def __rdivmod__(self, other: ArrayLike) -> tuple[Tensor, Tensor]: ...",
}
UNARY = ("__neg__", "__pos__", "__abs__", "__invert__")


def stub() -> str:
    lines = []
    for name, value in vars(Bound).items():
        if name in ITEMS:
            lines.append(ITEMS[name])
        elif name in ("__array_ufunc__", "__array_function__", "__getattr__"):
            continue  # with __getattr__ in the stub, type checkers would take any name for an attribute
        elif isinstance(value, property):
            lines += ["    @property", f"    def {name}(self) -> Tensor: ..."]
        elif name in UNARY:
            lines.append(f"    def {name}(self) -> Tensor: ...")
        elif name.startswith("__") and callable(value):
            ignore = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
            lines.append(f"    def {name}(self, other: ArrayLike) -> Tensor: ...{ignore}")
        elif callable(value):
            lines.append(f"    def {name}{signature(value)}: ...")
    return HEADER + "\n".join(lines) + "\n"


def signature(fn) -> str:
    """(self, axis: Axes = None, ...) -> Tensor; the first parameter of an op is the Tensor itself."""
    parameters = list(inspect.signature(fn).parameters.values())
    if fn.__module__ != binding.__name__ and not hasattr(fn, "body"):  # of NumPy, and constant
        return "(self, *args: Any, **kwargs: Any) -> Tensor"
    returns = inspect.signature(fn).return_annotation
    parts = ["self"]
    for p in parameters[1:]:
        if p.kind is p.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        star = "*" if p.kind is p.VAR_POSITIONAL else ""
        default = "" if p.default is p.empty else f" = {p.default!r}"
        parts.append(f"{star}{p.name}: {p.annotation}{default}")
    return f"({', '.join(parts)}) -> {'Tensor' if returns is inspect.Signature.empty else returns}"


if __name__ == "__main__":
    PATH.write_text(stub(), encoding="utf-8")
