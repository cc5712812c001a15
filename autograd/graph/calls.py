"""The tree of module calls that a graph was recorded in, and the names that modules give to Tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import ref

from .. import engine
from ..modes import GradientScope
from ..tensor import Tensor


class _Other:
    """Another call of the tree, held weakly, as that may hold this one; alive as long as the Graph is.

    RuntimeError where it is gone.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = f"_{name}"

    def __get__(self, call: Call | None, owner: type) -> Call | None:
        held = None if call is None else getattr(call, self.name)  # of the class: the default
        found = None if held is None else held()
        if held is not None and found is None:
            raise RuntimeError(f"the Graph of {call} is gone; keep it as long as its calls are looked at")
        return found

    def __set__(self, call: Call, other: Call | None) -> None:
        setattr(call, self.name, None if other is None else ref(other))


@dataclass(eq=False)
class Call:
    """One call of a module: a module called twice has two."""

    index: int  # in the order of the calls; 0 is what stands around them all
    name: str  # of the module, below the caller's; "" for the outermost
    kind: str  # its class; "" for what stands around them all
    about: str  # its extra_repr()
    parent: _Other = _Other()  # None for the outermost
    path: str = ""  # of the module, below the outermost one
    depth: int = 0
    calls: list[Call] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)  # recorded in it, but in no call inside
    first: int = 1 << 60  # the oldest op among them
    gradient: int = 0  # 1 for what computes the gradient of another call, 2 for the gradient of that, ...
    mark: str = ""  # before its name: ∇, as often
    of: _Other = _Other()  # that call, if anything of it is in the graph

    def __post_init__(self) -> None:
        if self.parent is not None:
            self.depth = self.parent.depth + 1
            self.path = ".".join(filter(None, (self.parent.path, self.name)))
            self.parent.calls.append(self)

    @property
    def title(self) -> str:
        """How to name it in a picture."""
        return f"{self.mark}{self.name or self.kind or 'everything'}"

    def __repr__(self) -> str:
        return f"<Call {self.path or '(outermost)'}: {self.kind}>"

    def around(self) -> Iterator[Call]:
        """This call and those around it, innermost first."""
        call: Call | None = self
        while call is not None:
            yield call
            call = call.parent

    def walk(self) -> Iterator[Call]:
        """This call and all inside it, in order."""
        stack = [self]
        while stack:
            call = stack.pop()
            yield call
            stack.extend(reversed(call.calls))

    def all_nodes(self) -> list[int]:
        """Everything recorded in this call or in one inside it, oldest first."""
        return sorted(i for call in self.walk() for i in call.nodes)


def call_tree(nodes: list[engine.Node], model=None) -> tuple[Call, list[Call]]:
    """The tree of module calls, and for each node the call it belongs to."""
    tree = _Tree(model)
    calls = [tree.call(node.scope if node.edges else None) for node in nodes]
    homes: dict[engine.Node, Call] = {}  # of leaves: the innermost call around all their uses
    for node, call in zip(nodes, calls, strict=True):
        for edge in node.edges:
            if edge is not None and not edge[0].edges:
                home = _forward(call)
                homes[edge[0]] = common(homes[edge[0]], home) if edge[0] in homes else home
    for call in tree.wholes:
        _number(call)
    return tree.root, [homes.get(node, call) for node, call in zip(nodes, calls, strict=True)]


ORDERS = {1: "gradient", 2: "second gradient", 3: "third gradient"}


def _number(whole: Call) -> None:
    """Give a gradient, and what is in it, their orders: one more than what each is the gradient of."""
    for call in whole.walk():
        if call.of is not None:
            call.gradient, call.kind = call.of.gradient + 1, call.of.kind
    whole.gradient = max(call.gradient for call in whole.walk())
    whole.kind = ORDERS.get(whole.gradient, f"gradient of order {whole.gradient}")


def _forward(call: Call) -> Call:
    """The call whose gradient this one computes, of whatever order, as far as it is in the graph."""
    while call.of is not None:
        call = call.of
    return call


class _Tree:
    """Makes the Call of each scope, once."""

    def __init__(self, model):
        self.root = Call(0, "", "", "", None)
        self.model = model if hasattr(model, "named_modules") else None
        self.made: dict[engine.Scope, Call] = {}
        self.wholes: list[Call] = []  # around all that one walk recorded, whose gradient is that of its parts
        self.names: dict[int, dict[int, str]] = {}  # of a module: id of each module inside -> its dotted path

    def call(self, scope: engine.Scope | None) -> Call:
        chain = []
        while scope is not None and scope not in self.made:
            chain.append(scope)
            scope = scope.parent
        call = self.root if scope is None else self.made[scope]
        for scope in reversed(chain):
            call = self.made[scope] = self._made(scope, call)
        return call

    def _made(self, scope: engine.Scope, parent: Call) -> Call:
        """Of a scope; that of a gradient is called as what it is the gradient of."""
        order, first = 0, scope
        while isinstance(first, GradientScope) and first.of is not None:
            order, first = order + 1, first.of
        whole = isinstance(first, GradientScope)
        call = Call(len(self.made) + 1, *(("", ORDERS[1], "") if whole else self._described(first)), parent)
        call.gradient = order + whole
        call.of = self.made.get(scope.of) if isinstance(scope, GradientScope) and scope.of else None
        call.mark = "∇" * order + " " * (order > 0)
        if whole and not order:
            self.wholes.append(call)
        return call

    def _described(self, scope: engine.Scope) -> tuple[str, str, str]:
        """Name, class and extra_repr of the module that was called."""
        module = scope.owner()
        outer = self.model if scope.parent is None else scope.parent.owner()
        kind = "Module" if module is None else type(module).__name__
        about = module.extra_repr() if hasattr(module, "extra_repr") else ""
        return self._name(outer, module), kind, about

    def _name(self, outer, module) -> str:
        if outer is None or module is None:
            return ""
        if id(outer) not in self.names:
            self.names[id(outer)] = {id(m): name for name, m in outer.named_modules()}
        return self.names[id(outer)].get(id(module), "")


def common(a: Call, b: Call) -> Call:
    """The innermost call around both."""
    around = set(map(id, a.around()))
    return next(call for call in b.around() if id(call) in around)


@dataclass
class Names:
    """What the model calls by name."""

    tensors: dict[engine.Node, list[tuple[str, Tensor]]] = field(default_factory=dict)  # several if shared
    parameters: set[engine.Node] = field(default_factory=set)

    def add(self, name: str, tensor: Tensor, is_parameter: bool) -> None:
        assert tensor.edge is not None
        self.tensors.setdefault(tensor.edge[0], []).append((name, tensor))
        if is_parameter and tensor.is_leaf:
            self.parameters.add(tensor.edge[0])

    def of(self, node: engine.Node) -> str:
        named = self.tensors.get(node)
        return " = ".join(dict.fromkeys(name for name, _ in named)) if named else ""


def find_names(nodes: list[engine.Node], model=None) -> Names:
    """Names of Tensors: parameters, and what else modules hold on to.

    The model is what was given (a dict of Tensors will do), else the outermost modules that were called.
    """
    names = Names()
    if isinstance(model, Mapping):
        for name, tensor in model.items():
            if isinstance(tensor, Tensor) and tensor.edge is not None:
                names.add(str(name), tensor, True)
        return names
    models = _outermost(nodes) if model is None else [model]
    for top in models:
        prefix = f"{type(top).__name__}." if len(models) > 1 else ""
        parameters = {id(p) for _, p in top.named_parameters()}
        for path, module in top.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Tensor) and value.edge is not None:
                    full = f"{path}.{name}" if path else name
                    names.add(prefix + full, value, id(value) in parameters)
    return names


def _outermost(nodes: list[engine.Node]) -> list[Any]:
    """The modules that were called from outside of any other, as far as they still exist."""
    scopes = dict.fromkeys(node.scope for node in nodes if node.scope is not None and node.edges)
    found: dict[int, Any] = {}
    seen: set[engine.Scope] = set()
    for scope in scopes:
        while scope.parent is not None and scope not in seen:
            seen.add(scope)
            scope = getattr(scope, "of", None) or scope.parent
        module = scope.owner() if scope.parent is None else None
        if module is not None:
            found.setdefault(id(module), module)
    return list(found.values())
