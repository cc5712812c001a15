"""Automatic differentiation and neural networks in NumPy."""

__version__ = "0.1.0"
__all__ = ["Tensor", "__version__", "autograd", "models", "nn"]

TYPE_CHECKING = False  # type checkers take it for true; typing itself takes longer to import than all of this
if TYPE_CHECKING:
    from . import autograd, models, nn
    from .autograd import Tensor
else:

    def __getattr__(name):
        """Loaded when first asked for, so that `import tapegrad` costs nothing."""
        from importlib import import_module

        if name == "Tensor":
            return import_module(".autograd", __name__).Tensor
        if name in ("autograd", "models", "nn"):
            return import_module(f".{name}", __name__)
        raise AttributeError(f"module 'tapegrad' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
