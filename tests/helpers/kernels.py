"""The ops under nn.functional by name, kernels that its public functions call; and all ops there are."""

import importlib
import pkgutil

from tapegrad.autograd import fft, linalg, ops, special
from tapegrad.models import pretrained
from tapegrad.nn import functional


def _is_op(fn) -> bool:
    return hasattr(fn, "body") and not isinstance(fn, type)


def ops_in(*modules) -> dict:
    """The ops that stand in modules, by name."""
    return {fn.__name__: fn for module in modules for fn in vars(module).values() if _is_op(fn)}


def composed_in(*packages) -> dict:
    """The public functions made of ops that stand in packages, by name with the package's."""
    return {
        f"{package.__name__}.{name}": fn
        for package in packages
        for name, fn in vars(package).items()
        if hasattr(fn, "facts") and fn.facts.gradient and not hasattr(fn, "body")
    }


def files_of(package) -> list:
    return [
        importlib.import_module(f"{package.__name__}.{i.name}")
        for i in pkgutil.iter_modules(package.__path__)
    ]


EVERY_OP = ops_in(
    *(file for package in (linalg, ops, special, functional, pretrained) for file in files_of(package))
)
EVERY_COMPOSED = composed_in(fft, linalg, ops, special)
globals().update(ops_in(*files_of(functional)))
