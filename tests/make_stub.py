"""Writes autograd/tensor.pyi, which tells editors and type checkers what methods.py binds to Tensor.

    python tests/make_stub.py     # needs tapegrad installed; tests/test_stub.py compares the file with stub()

A stub hides tensor.py from type checkers, so it has everything that other modules import from there.
"""

import inspect
from pathlib import Path

from tapegrad.autograd import methods, tensor
from tapegrad.autograd.tensor import Tensor

PATH = Path(__file__).resolve().parent.parent / "autograd" / "tensor.pyi"

HEADER = """\
# Made by tests/make_stub.py from tensor.py and methods.py; do not edit.
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from .engine import Node

Operand: TypeAlias = Tensor | np.ndarray | np.generic | float | list[Any] | tuple[Any, ...]
Axes: TypeAlias = int | tuple[int, ...] | None

UFUNCS: dict[np.ufunc, Callable[..., Any]]
REDUCTIONS: dict[np.ufunc, Callable[..., Any]]
FUNCTIONS: dict[Any, Callable[..., Any]]
HINTS: dict[str, str]
"""

# The types of what has no annotation in the source: ops are written for ndarrays and take Tensors.
PARAMETERS = {
    **dict.fromkeys(["a_min", "a_max", "min", "max"], "Operand | None"),
    **dict.fromkeys(["axis1", "axis2", "ddof"], "int"),
    **dict.fromkeys(["value", "other"], "Operand"),
    **dict.fromkeys(["args", "kwargs", "index", "inputs", "memo", "out"], "Any"),
    "axes": "int | tuple[int, ...]",
    "axis": "Axes",
    "cls": "type[Any]",
    "copy": "bool | None",
    "data": "Tensor | ArrayLike",
    "dtype": "DTypeLike",
    "edge": "tuple[Node, int] | None",
    "func": "Callable[..., Any]",
    "gradient": "Tensor | ArrayLike | None",
    "hook": "Callable[[Any], Any]",
    "indices": "Tensor | ArrayLike",
    "keepdims": "bool",
    "method": "str",
    "output": "Tensor",
    "shape": "int | tuple[int, ...]",
    "types": "Any",
    "ufunc": "np.ufunc",
}
RETURNS = {
    "__array__": "np.ndarray",
    "__array_function__": "Any",
    "__array_ufunc__": "Any",
    "__init__": "None",
    "__iter__": "Iterator[Tensor]",
    "__reduce__": "tuple[Any, ...]",
    "register_hook": "Callable[[], None]",
    "seed_for": "Any",
    "wrap": "Any",
}
PROPERTIES = {
    "shape": "tuple[int, ...]",
    "ndim": "int",
    "size": "int",
    "dtype": "np.dtype[Any]",
    "nbytes": "int",
    "is_leaf": "bool",
    "T": "Tensor",
    "mT": "Tensor",
}
UNARY = {"__hash__": "int", "__invert__": "Tensor"}
BINARY = {f"__{form}{name}__" for name in [*methods.OPERATORS, "mod", "floordiv"] for form in ("", "r", "i")}
BINARY |= set(methods.COMPARISONS)
# `__getattr__` always raises: with it in the stub, type checkers would take any name for an attribute.
LEFT_OUT = {"__module__", "__doc__", "__slots__", "__weakref__", "__getattr__", "data", "edge"}
LEFT_OUT |= {"__firstlineno__", "__static_attributes__"}  # which Python 3.13 adds to a class


def stub() -> str:
    lines = ["", "class Tensor:", "    data: np.ndarray", "    edge: tuple[Node, int] | None"]
    for name, value in vars(Tensor).items():
        if name in LEFT_OUT:
            continue
        if isinstance(value, property):
            lines += of_property(name, value)
        elif name in UNARY:
            lines.append(f"    def {name}(self) -> {UNARY[name]}: ...")
        elif name in BINARY:
            ignore = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
            lines.append(f"    def {name}(self, other: Operand) -> Tensor: ...{ignore}")
        else:
            lines.append(f"    def {name}{signature(name, value, method=True)}: ...")
    functions = [
        f"def {f.__name__}{signature(f.__name__, f)}: ..."
        for f in (tensor.unsupported, tensor.wrap, tensor.seed_for)
    ]
    return "\n".join([HEADER.rstrip(), *lines, "", *functions]) + "\n"


def of_property(name: str, value: property) -> list[str]:
    kind = PROPERTIES.get(name) or value.fget.__annotations__["return"]
    lines = ["    @property", f"    def {name}(self) -> {kind}: ..."]
    if value.fset is not None:
        (annotation,) = (a for key, a in value.fset.__annotations__.items() if key != "return")
        lines += [f"    @{name}.setter", f"    def {name}(self, value: {annotation}) -> None: ..."]
    return lines


def signature(name: str, fn, method: bool = False) -> str:
    """(self, axis: Axes = None, ...) -> Tensor"""
    parameters = list(inspect.signature(fn).parameters.values())
    parts = ["self"] if method else []
    if method and parameters[0].kind is not inspect.Parameter.VAR_POSITIONAL:
        del parameters[0]
    for p in parameters:
        if p.kind is p.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        stars = {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
        kind = p.annotation if p.annotation is not p.empty else PARAMETERS[p.name]
        if p.default is None and "None" not in kind and kind not in ("Any", "Axes"):
            kind += " | None"
        default = "" if p.default is p.empty else f" = {getattr(p.default, '__name__', repr(p.default))}"
        parts.append(f"{stars}{p.name}: {kind}{default}")
    returns = inspect.signature(fn).return_annotation
    if returns is inspect.Signature.empty:
        returns = RETURNS.get(name, "None" if name == "__setitem__" else "Tensor")
    return f"({', '.join(parts)}) -> {returns}"


if __name__ == "__main__":
    PATH.write_text(stub(), encoding="utf-8")
