"""Layers whose initial values are not drawn, as they will be loaded."""

from __future__ import annotations

from inspect import signature
from typing import Any

from .. import init
from ..module import Module

__all__ = ["skip_init"]


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Module:
    """module_cls(*args, **kwargs) without the time for initial values: the numbers are whatever was there.

    Functions of nn.init do nothing meanwhile, and draw nothing. TypeError for what is no Module class or does
    not take `device`, as PyTorch asks.
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise TypeError(f"skip_init makes a Module from its class, got {module_cls!r:.80}")
    if "device" not in signature(module_cls).parameters:
        raise TypeError(f"skip_init: {module_cls.__name__} takes no device=, as layers do")
    token = init.skipping.set(True)
    try:
        return module_cls(*args, **kwargs)
    finally:
        init.skipping.reset(token)
