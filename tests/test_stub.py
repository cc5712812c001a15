"""autograd/tensor.pyi says what Tensor has at run time."""

import ast

import make_stub
from tapegrad.autograd import tensor


def test_the_stub_is_up_to_date():
    assert make_stub.PATH.read_text(encoding="utf-8") == make_stub.stub(), "run python tests/make_stub.py"


def test_the_stub_names_everything_that_is_public_in_the_module():
    tree = ast.parse(make_stub.stub())
    named = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    named |= {n.target.id for n in tree.body if isinstance(n, ast.AnnAssign)}
    (cls,) = (n for n in tree.body if isinstance(n, ast.ClassDef))
    methods = {n.name for n in cls.body if isinstance(n, ast.FunctionDef)}
    own = {
        k
        for k, v in vars(tensor).items()
        if not k.startswith("_") and getattr(v, "__module__", None) == tensor.__name__
    }
    assert own | {"UFUNCS", "REDUCTIONS", "FUNCTIONS", "HINTS"} <= named
    assert set(vars(tensor.Tensor)) - make_stub.LEFT_OUT == methods
