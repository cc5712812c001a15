"""The pickle in a file of torch.save, read without executing anything: tensors and plain containers alone.

A pickle is a program for a stack machine (its instructions: Python's pickletools). Here is a machine that has
those instructions alone that torch.save writes for such things, and calls nothing by a name from the file.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from typing import Any, NamedTuple

PROTOCOLS = range(1, 6)
MARK = object()
KEYS = (str, int, float, bool, type(None))  # others could take for ever to be hashed
PLAIN = "tensors, numbers, words and dicts, lists and tuples of them"
NEW: dict[str, Callable[[], Any]] = {"EMPTY_TUPLE": tuple, "EMPTY_LIST": list, "EMPTY_DICT": dict}
NEW |= {"NONE": lambda: None, "NEWTRUE": lambda: True, "NEWFALSE": lambda: False}
NUMBERS = ["INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"]
WORDS = ["SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"]


class Word(NamedTuple):
    """A name from the file, of a class or function of torch's: no more than that."""

    name: str


class Machine:
    """Runs a pickle; `storage` and `rebuild` make what stands for storages and tensors.

    `storage(*arguments)` gets what torch.save says of a storage, `rebuild(name, arguments)` what one of the
    functions in `functions` would be called with; `words` are names that stand for themselves. Anything else
    is a ValueError that names it.
    """

    def __init__(
        self,
        storage: Callable[..., Any],
        rebuild: Callable[[str, tuple], Any],
        functions: set[str],
        words: set[str],
    ):
        self.storage, self.rebuild = storage, rebuild
        self.functions, self.words = functions, words
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, program: bytes) -> Any:
        """What the pickle holds."""
        try:
            for opcode, argument, at in pickletools.genops(program):
                self._step(opcode.name, argument, at or 0)
        except (IndexError, KeyError, TypeError, OverflowError, UnicodeDecodeError) as error:
            raise ValueError(f"its pickle is damaged: {error}") from None
        if len(self.stack) != 1:
            raise ValueError(f"its pickle is damaged: {len(self.stack)} values are left at its end, not one")
        return self._pop()

    def _step(self, name: str, argument: Any, at: int) -> None:
        if name in NEW:
            self.stack.append(NEW[name]())
        elif name in NUMBERS or name in WORDS:
            self.stack.append(argument)
        elif name == "MARK":
            self.stack.append(MARK)
        elif name in ("PROTO", "FRAME", "STOP"):
            if name == "PROTO" and argument not in PROTOCOLS:
                raise ValueError(f"its pickle is of protocol {argument}, which there is not")
        elif name in STEPS:
            STEPS[name](self, argument)
        else:
            raise ValueError(f"its pickle has {name} at byte {at}, which is not executed: only {PLAIN} are")

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is MARK:
            raise ValueError("its pickle is damaged: a mark in place of a value")
        return value

    def _items(self) -> list:
        """What is above the last mark, taken off with it."""
        at = len(self.stack) - 1
        while at >= 0 and self.stack[at] is not MARK:
            at -= 1
        if at < 0:
            raise ValueError("its pickle is damaged: a mark is missing")
        items = self.stack[at + 1 :]
        del self.stack[at:]
        return items

    # ------------------------------------------------------------------ containers

    def _tuple(self, _) -> None:
        self.stack.append(tuple(self._items()))

    def _pack(self, count: int) -> None:
        self.stack.append(tuple([self._pop() for _ in range(count)][::-1]))

    def _extend(self, items: list) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("its pickle appends to what is no list")
        self.stack[-1].extend(items)

    def _update(self, items: list) -> None:
        if type(self.stack[-1]) is not dict or len(items) % 2:
            raise ValueError("its pickle sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if type(key) not in KEYS:
                raise ValueError(f"a dict in it has a {type(key).__name__} for a key, not a word or a number")
            if key in self.stack[-1]:
                raise ValueError(f"a dict in it has the key {key!r:.80} twice")
            self.stack[-1][key] = value

    # ------------------------------------------------------------------ what was there already

    def _put(self, place: int) -> None:
        self.memo[place] = self._top()

    def _get(self, place: int) -> None:
        self.stack.append(self.memo[place])

    def _top(self) -> Any:
        if self.stack[-1] is MARK:
            raise ValueError("its pickle is damaged: a mark in place of a value")
        return self.stack[-1]

    # ------------------------------------------------------------------ names, and what is made by them

    def _stack_global(self, _) -> None:
        name, module = self._pop(), self._pop()
        self._name(f"{module}.{name}" if type(name) is type(module) is str else "what is no name")

    def _name(self, name: str) -> None:
        if name not in self.functions | self.words and name not in ("collections.OrderedDict", "torch.Size"):
            raise ValueError(f"its pickle asks for {name:.80}, which is not called: only {PLAIN} are read")
        self.stack.append(Word(name))

    def _binpersid(self, _) -> None:
        said = self._pop()
        if type(said) is not tuple or len(said) != 5 or said[0] != "storage":
            raise ValueError("its pickle has what is no storage of a tensor")
        self.stack.append(self.storage(*said[1:]))

    def _reduce(self, _) -> None:
        arguments, function = self._pop(), self._pop()
        if type(function) is not Word or type(arguments) is not tuple:
            raise ValueError("its pickle calls what is no function")
        if function.name in self.functions:
            made = self.rebuild(function.name, arguments)
        elif function.name == "torch.Size" and len(arguments) == 1 and type(arguments[0]) is tuple:
            made = arguments[0]
        elif function.name == "collections.OrderedDict" and arguments == ():
            made = {}
        else:
            raise ValueError(f"its pickle calls {function.name} in a way that torch.save does not")
        self.stack.append(made)

    def _build(self, _) -> None:
        """Attributes of an OrderedDict, the versions of modules: left out."""
        attributes = self._pop()
        if type(attributes) is not dict or type(self._top()) is not dict:
            raise ValueError("its pickle has BUILD for what is no OrderedDict, which is not executed")


STEPS: dict[str, Callable[[Machine, Any], None]] = {
    "TUPLE": Machine._tuple,
    "TUPLE1": lambda machine, _: machine._pack(1),
    "TUPLE2": lambda machine, _: machine._pack(2),
    "TUPLE3": lambda machine, _: machine._pack(3),
    "APPEND": lambda machine, _: machine._extend([machine._pop()]),
    "APPENDS": lambda machine, _: machine._extend(machine._items()),
    "SETITEM": lambda machine, _: machine._update([machine._pop(), machine._pop()][::-1]),
    "SETITEMS": lambda machine, _: machine._update(machine._items()),
    "BINPUT": Machine._put,
    "LONG_BINPUT": Machine._put,
    "MEMOIZE": lambda machine, _: machine._put(len(machine.memo)),
    "BINGET": Machine._get,
    "LONG_BINGET": Machine._get,
    "GLOBAL": lambda machine, name: machine._name(name.replace(" ", ".")),
    "STACK_GLOBAL": Machine._stack_global,
    "BINPERSID": Machine._binpersid,
    "REDUCE": Machine._reduce,
    "BUILD": Machine._build,
}
