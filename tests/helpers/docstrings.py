"""What is public, and what its docstring lacks; test_docstrings asks for both.

Documentation is read as a user reads it. A method that overrides another one and has no docstring says what
that one says. The docstring of a class tells how it is made, and that of a Module also what `forward` takes.
NumPy's functions without a gradient (autograd/constant.py) refer to NumPy for their arguments.
"""

import ast
import inspect
import re
import textwrap
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from tapegrad.autograd.bound import Bound

FACE = "tapegrad"
ASIDE = (
    "tapegrad.models.generation.sampling",
    "tapegrad.models.text",
    "tapegrad.nn.random",
    "tapegrad.nn.replay",
)  # what no `__all__` names
SHAPE = re.compile(
    r"\bshaped?\b|\bshapes\b|\belement-?wise\b|\bbroadcast"
    r"|(?<![\w.])\((?:\.\.\.|\w+)(?:, ?(?:\.\.\.|[\w*+/ -]+))*,?\)",  # (..., n), (N, C), (vocabulary,)
    re.IGNORECASE,
)
ARRAYS = re.compile(r"\b(ArrayLike|Tensor|ndarray)\b")  # in an annotation


class Item(NamedTuple):
    """A public function, class, method or property."""

    name: str  # as a user writes it
    value: Any
    owner: type | None = None  # the class of a method


def items() -> dict[str, Item]:
    """Everything public, by the first name it has."""
    found: dict[int, Item] = {}
    for module in modules():
        for name in public_names(module):
            value = getattr(module, name)
            if callable(value):
                found.setdefault(id(value), Item(f"{module.__name__}.{name}", value))
    classes = [item for item in found.values() if isinstance(item.value, type)]
    for item in sorted(classes, key=lambda item: len(item.value.__mro__)):  # bases first
        for method in methods(item):
            found.setdefault(id(method.value), method)
    return {item.name: item for item in found.values()}


def modules() -> list[ModuleType]:
    """The face, all modules to which `__all__` leads from there, and those aside."""
    found = [import_module(FACE)]
    for module in found:  # which grows meanwhile
        inside = [getattr(module, name) for name in public_names(module)]
        found += [m for m in inside if isinstance(m, ModuleType) and m not in found]
    return found + [import_module(name) for name in ASIDE]


def public_names(module: ModuleType) -> list[str]:
    """`__all__`, or what a module defines; where it defines ops, these alone, its kernels being private."""
    if hasattr(module, "__all__"):
        return module.__all__
    own = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__]
    own = [n for n in own if n[0] != "_" and isinstance(getattr(module, n), (FunctionType, type))]
    return [n for n in own if hasattr(getattr(module, n), "facts")] or own


def methods(item: Item) -> list[Item]:
    """Public methods and properties of a class and of its bases here, and the operators that are bound."""
    found: dict[str, Item] = {}
    for base in item.value.__mro__:
        for name, value in vars(base).items():
            method = isinstance(value, (FunctionType, property, classmethod, staticmethod))
            method = method or hasattr(value, "func")  # a cached_property
            if base.__module__.startswith("tapegrad") and method and (name[0] != "_" or base is Bound):
                found.setdefault(name, Item(f"{item.name}.{name}", value, item.value))
    return list(found.values())


def function_of(item: Item) -> FunctionType | None:
    """The function behind a method, a property or a class; None where it is not written in Python."""
    value = item.value
    if isinstance(value, type):
        value = vars(value).get("__init__")
    for name in ("fget", "func", "__func__"):
        value = getattr(value, name, value)
    return value if isinstance(value, FunctionType) and value.__name__ != "<lambda>" else None


def text_of(item: Item) -> str:
    """The docstring; "" if there is none, or one that Python made."""
    value, owner = item.value, item.owner
    doc = vars(value).get("__doc__") if isinstance(value, type) else value.__doc__
    if isinstance(value, type) and (doc or "").startswith(f"{value.__name__}("):  # of a dataclass
        return ""
    if not doc and owner is not None:
        name = item.name.rpartition(".")[2]
        bases = [vars(b).get(name) for b in owner.__mro__ if b.__module__.startswith("tapegrad")]
        doc = next((b.__doc__ for b in bases if getattr(b, "__doc__", None)), "")
    return inspect.cleandoc(doc or "")


def problems(item: Item) -> list[str]:
    """What the docstring lacks, in words."""
    doc = text_of(item)
    if not doc:
        return ["no docstring"]
    first, _, rest = doc.partition("\n")
    found = []
    if not first.endswith((".", ":")) or re.search(r"[.!?] [A-Z]", first) or rest.strip("\n") != rest[1:]:
        found.append(f"its first line is not one sentence with a stop, and a blank line below: {first!r}")
    fn, whole = function_of(item), doc
    if item.name.endswith(".forward") and item.owner is not None:
        whole = (item.value.__doc__ or "") + text_of(Item("", item.owner))
    if fn is None:
        return found
    if not is_constant(fn):
        missing = [name for name in required_arrays(item, fn) if not re.search(rf"\b{name}\b", whole)]
        found += [f"it does not mention {name}" for name in missing]
    silent = [kind for kind in sorted(raised(fn, item.owner)) if not re.search(rf"\b{kind}\b", whole)]
    found += [f"it does not say when {kind} is raised" for kind in silent]
    shaped = hasattr(fn, "facts") or ".nn.functional." in item.name or item.name.endswith(".forward")
    if shaped and not SHAPE.search(whole):
        found.append("it says nothing of shapes")
    return found


def is_constant(fn: Any) -> bool:
    """Whether it is a function of NumPy's, without a gradient."""
    return hasattr(fn, "facts") and getattr(fn, "__wrapped__", None) in fn.facts.numpy


def required_arrays(item: Item, fn: FunctionType) -> list[str]:
    """Names of the parameters without a default that take arrays, or whatever has no annotation."""
    parameters = list(inspect.signature(fn).parameters.values())
    if (item.owner is not None or isinstance(item.value, type)) and not isinstance(item.value, staticmethod):
        parameters = parameters[1:]  # self
    needed = [p for p in parameters if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    needed = [p for p in needed if p.name != "_" and not fn.__qualname__.startswith("operators.")]  # a + b
    return [p.name for p in needed if p.annotation is p.empty or ARRAYS.search(str(p.annotation))]


def raised(fn: Any, owner: type | None, seen: set | None = None) -> set[str]:
    """Names of the exceptions that a function raises, its op's body or private helpers that it calls.

    Looked for are `raise X(...)` in the source, and calls by name of what begins with an underscore.
    """
    seen = set() if seen is None else seen
    if not isinstance(fn, FunctionType) or fn in seen or is_constant(fn):
        return set()
    seen.add(fn)
    found: set[str] = set()
    for body in [fn.body, fn.plain] if hasattr(fn, "body") else [inspect.unwrap(fn)]:
        for node in ast.walk(tree_of(body)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                name = getattr(node.exc.func, "id", "")
                found |= {name} if name.endswith("Error") else set()
            elif isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                of_self = getattr(getattr(node.func, "value", None), "id", "") == "self"
                helper = getattr(owner, name, None) if of_self else body.__globals__.get(name)
                if name.startswith("_"):
                    found |= raised(helper, owner, seen)
    return found


def tree_of(fn: Any) -> ast.AST:
    """The syntax of a function that was written with `def`; nothing of others."""
    fn = inspect.unwrap(fn)
    if fn.__name__ == "<lambda>" or fn.__code__.co_filename.startswith("<"):  # made by dataclass
        return ast.Module([], [])
    return ast.parse(textwrap.dedent(inspect.getsource(fn)))
