"""A tape of Tensor ops in NumPy, with hand-written gradients of any order."""

from importlib import import_module
from typing import TYPE_CHECKING

from . import methods as _methods  # noqa: F401  (binds the ops to Tensor)
from . import ops
from ._op import op
from .derivatives import grad
from .gradcheck import gradcheck
from .memory import keep_memory
from .modes import enable_grad, higher_order, no_grad
from .ops import *  # noqa: F403
from .tensor import Tensor

if TYPE_CHECKING:
    from . import graph
    from .graph import Graph, visualize

__all__ = [  # noqa: PLE0604
    "Graph",
    "Tensor",
    "enable_grad",
    "grad",
    "gradcheck",
    "graph",
    "higher_order",
    "keep_memory",
    "no_grad",
    "op",
    "visualize",
    *ops.__all__,
]
_TORCH_NAMES = {"cat": "concatenate", "clamp": "clip", "abs": "absolute", "pow": "power"}
_TORCH_NAMES |= {"permute": "transpose", "unsqueeze": "expand_dims", "gather": "take_along_axis"}
_TORCH_NAMES |= {"tensor": "Tensor", "mm": "matmul", "bmm": "matmul"}
_TORCH_NAMES |= {"div": "divide", "mul": "multiply", "sub": "subtract", "neg": "negative"}


def __getattr__(name: str):
    if name in ("Graph", "graph", "visualize"):  # loaded when somebody looks
        package = import_module(".graph", __name__)
        return package if name == "graph" else getattr(package, name)
    hint = f"; NumPy's name, used here, is {_TORCH_NAMES[name]!r}" if name in _TORCH_NAMES else ""
    raise AttributeError(f"tapegrad.autograd has no {name!r}{hint}")
