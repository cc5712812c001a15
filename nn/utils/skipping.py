"""Modules whose initial values are not drawn, as they will be loaded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

from .. import init
from ..module import Module

__all__ = ["no_init", "skip_init"]


@contextmanager
def no_init() -> Iterator[None]:
    """In a `with` block modules are built, however nested, without the time for initial values.

    Functions of nn.init do nothing meanwhile, and draw nothing: parameters hold whatever was there, and those
    of layers take no memory before they are written to, so that load_state_dict(nn.load_weights(path),
    assign=True) is all that a model costs. What a constructor fills in otherwise is as ever. In a class of
    your own, Parameter.empty(shape) is a parameter that takes no memory. Other threads are not concerned.
    """
    token = init.skipping.set(True)
    try:
        yield
    finally:
        init.skipping.reset(token)


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """module_cls(*args, **kwargs) without the time for initial values, as in no_init.

    TypeError for what is no Module class or does not take `device`, as PyTorch asks; no_init takes any.
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise TypeError(f"skip_init makes a Module from its class, got {module_cls!r:.80}")
    if "device" not in signature(module_cls).parameters:
        raise TypeError(
            f"skip_init: {module_cls.__name__} takes no device=, as layers do; `with nn.utils.no_init():` "
            "builds any module"
        )
    with no_init():
        return module_cls(*args, **kwargs)
