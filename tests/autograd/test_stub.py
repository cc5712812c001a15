"""autograd/bound.pyi says what Tensor is given at run time."""

import ast

import make_stub
from tapegrad.autograd.bound import Bound


def test_the_stub_is_up_to_date():
    assert make_stub.PATH.read_text(encoding="utf-8") == make_stub.stub(), (
        "run python tests/helpers/make_stub.py"
    )


def test_the_stub_names_all_that_is_bound():
    (cls,) = (n for n in ast.parse(make_stub.stub()).body if isinstance(n, ast.ClassDef))
    named = {n.name for n in cls.body if isinstance(n, ast.FunctionDef)}
    own = {name for name, value in vars(Bound).items() if callable(value) or isinstance(value, property)}
    own -= {"__array_ufunc__", "__array_function__", "__getattr__"}
    assert own == named and "__add__" in named and "sum" in named
