"""Trees: tuples, named tuples, lists, dicts and dataclasses of arrays, taken apart and put together again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

import numpy as np

from .arrays import is_array
from .tensor import Tensor

NUMBERS = (bool, int, float, complex, np.generic)
KEPT = (str, type(None))  # no numbers: they stay where they are


class Form(NamedTuple):
    """What a tree is without its leaves."""

    kind: Any  # the class of a container; None for a leaf
    keys: tuple  # of its items: indices, keys of a dict, names of fields
    items: tuple[Form, ...]
    kept: Any = None  # a word or None, which is no container and has no leaves


LEAF = Form(None, (), ())


def is_leaf(value: Any) -> bool:
    """Whether `value` is an array, a Tensor or a number."""
    return isinstance(value, (Tensor, np.ndarray, *NUMBERS)) or is_array(value)


def flatten(tree: Any, name: str) -> tuple[dict[str, Any], Form]:
    """The leaves by the path that leads to them, from `name` on, and the form.

    TypeError naming the path of what is neither a leaf, a tree of them, a word nor None.
    """
    leaves: dict[str, Any] = {}
    return leaves, _take_apart(tree, name, leaves)


def _take_apart(tree: Any, path: str, leaves: dict[str, Any]) -> Form:
    if is_leaf(tree):
        leaves[path] = tree
        return LEAF
    if isinstance(tree, KEPT):
        return Form(type(tree), (), (), tree)
    items = _items(tree)
    if items is None:
        raise TypeError(
            f"{path} is a {type(tree).__name__}, and must be an array, a Tensor, a float, or a tuple, list, "
            "dict or dataclass of them"
        )
    forms = tuple(_take_apart(item, _step(path, tree, key), leaves) for key, item in items.items())
    return Form(type(tree), tuple(items), forms)


def _items(tree: Any) -> dict | None:
    """The items of a container by key, index or field; None for what is none."""
    if isinstance(tree, dict):
        return tree
    if isinstance(tree, (tuple, list)):
        return dict(enumerate(tree))
    if is_dataclass(tree) and not isinstance(tree, type):
        return {field.name: getattr(tree, field.name) for field in fields(tree)}
    return None


def _step(path: str, tree: Any, key: Any) -> str:
    return f"{path}[{key!r}]" if isinstance(tree, (dict, list, tuple)) else f"{path}.{key}"


def build(form: Form, leaves: Iterator) -> Any:
    """A tree of this form with the next of `leaves`."""
    if form is LEAF:
        return next(leaves)
    if form.kind in KEPT:
        return form.kept
    items = [build(item, leaves) for item in form.items]
    if issubclass(form.kind, tuple) and hasattr(form.kind, "_make"):
        return form.kind._make(items)
    if issubclass(form.kind, (tuple, list)):
        return form.kind(items)
    if issubclass(form.kind, dict):
        kind = dict if hasattr(form.kind, "default_factory") else form.kind
        return kind(zip(form.keys, items, strict=True))
    made = object.__new__(form.kind)  # a dataclass, perhaps frozen, perhaps with checks of its own
    for key, item in zip(form.keys, items, strict=True):
        object.__setattr__(made, key, item)
    return made


def leaves_as(form: Form, tree: Any, name: str) -> list:
    """The leaves of `tree` in the order of `form`; ValueError naming the path where it is another form."""
    return list(_leaves_as(form, tree, name))


def _leaves_as(form: Form, tree: Any, path: str) -> Iterator:
    if form is LEAF:
        if not is_leaf(tree):
            raise ValueError(f"{path} is a {type(tree).__name__}, and must be an array")
        yield tree
    elif form.kind not in KEPT:
        items = _items(tree)
        kind = form.kind.__name__
        if items is None or isinstance(tree, dict) != issubclass(form.kind, dict):
            raise ValueError(f"{path} is a {type(tree).__name__}, and must be a {kind}")
        if set(items) != set(form.keys):
            found, wanted = list(items), list(form.keys)
            if not issubclass(form.kind, dict):
                found, wanted = [[f"{len(keys)} items"] for keys in (found, wanted)]
            raise ValueError(f"{path} has {found}, and must be a {kind} of {wanted}")
        for key, item in zip(form.keys, form.items, strict=True):
            yield from _leaves_as(item, items[key], _step(path, tree, key))


def mapped(fn: Callable[[Tensor], Any], tree: Any) -> Any:
    """The tree with fn(t) in place of each Tensor t; what is no tree stays as it is."""
    if isinstance(tree, Tensor):
        return fn(tree)
    items = _items(tree)
    if not items:
        return tree
    form = Form(type(tree), tuple(items), (LEAF,) * len(items))
    return build(form, iter([mapped(fn, item) for item in items.values()]))
