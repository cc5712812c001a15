"""A tape of Tensor ops in NumPy, with hand-written gradients of any order."""

from importlib import import_module
from typing import TYPE_CHECKING

from . import binding as _binding  # binds the ops to Tensor
from . import dialect as _dialect
from . import fft as fft
from . import linalg as linalg
from . import ops as ops
from . import special as special
from .derivatives import elementwise_grad as elementwise_grad
from .derivatives import grad as grad  # the form that tells type checkers that it is public
from .derivatives import value_and_grad as value_and_grad
from .derivatives import vjp as vjp
from .elementwise import elementwise as elementwise
from .forward import hvp as hvp
from .forward import jvp as jvp
from .gradcheck import gradcheck as gradcheck
from .jacobians import hessian as hessian
from .jacobians import jacobian as jacobian
from .memory import keep_memory as keep_memory
from .modes import enable_grad as enable_grad
from .modes import higher_order as higher_order
from .modes import no_grad as no_grad
from .op import op as op
from .ops import *  # noqa: F403
from .recompute import checkpoint as checkpoint
from .special import i0 as i0  # NumPy's, too
from .tensor import Tensor as Tensor
from .writing import *  # noqa: F403

if TYPE_CHECKING:
    from . import graph as graph
    from .graph import Graph as Graph
    from .graph import detect_nan as detect_nan
    from .graph import visualize as visualize
else:
    del tensor  # noqa: F821  (the file: a word of PyTorch's, which `__getattr__` tells Tensor)
    __all__ = [
        "Graph",
        "Tensor",
        "checkpoint",
        "detect_nan",
        "elementwise",
        "enable_grad",
        "grad",
        "gradcheck",
    ]
    __all__ += ["elementwise_grad", "graph", "hessian", "higher_order", "hvp", "i0", "jacobian", "jvp"]
    __all__ += ["value_and_grad", "vjp"]
    __all__ += ["fft", "keep_memory", "linalg", "no_grad", "op", "special", "visualize"]
    __all__ += ops.__all__
    __all__ += _binding.writing.__all__

    def __getattr__(name):
        if name in ("Graph", "detect_nan", "graph", "visualize"):  # loaded when somebody looks
            package = import_module(".graph", __name__)
            return package if name == "graph" else getattr(package, name)
        raise AttributeError(f"tapegrad.autograd has no {name!r}{_dialect.hint(name, ops.__all__)}")
