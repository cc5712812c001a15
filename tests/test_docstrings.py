"""Every public function, class and method says what it takes, gives and raises, in a docstring of its own."""

import inspect

import numpy as np
import pytest

from docstrings import Item, function_of, is_constant, items, problems
from tapegrad import autograd as ag
from tapegrad.nn import Module

PUBLIC = items()
TYPED = ("tapegrad.nn.functional.", "tapegrad.nn.init.", "tapegrad.nn.utils.", "tapegrad.models.")


@pytest.mark.parametrize("name", PUBLIC)
def test_documented(name):
    assert problems(PUBLIC[name]) == []


SOME = """
Tensor Tensor.backward Tensor.reshape Tensor.__add__ Tensor.mT Tensor.shape
autograd.matmul autograd.less autograd.special.erf autograd.op autograd.no_grad autograd.gradcheck
autograd.Graph autograd.Graph.summary autograd.graph.Memory
nn.Linear.forward nn.Module.train nn.functional.gelu nn.init.ones_ nn.load nn.random.generator nn.replay
nn.optim.lr_scheduler.LRScheduler.step nn.optim.swa_utils.AveragedModel
nn.utils.clip_grad_norm_ nn.parallel.Replicas.step
models.GPT.hidden models.generation.Writes.generate models.generation.sampling.pick
"""


def test_what_is_public():
    found = {name.removeprefix("tapegrad.") for name in PUBLIC}
    assert found >= set(SOME.split()) | {f"autograd.{name}" for name in ag.ops.__all__}
    private = [name for name in found if "kernel" in name or "plain" in name]
    assert private + [name for name in found if "._" in name.replace(".__", ".")] == []


@pytest.mark.parametrize("name", [name for name in PUBLIC if name.startswith(TYPED)])
def test_typed(name):
    fn = function_of(PUBLIC[name])
    if fn is None or fn.__code__.co_filename.startswith("<"):
        return
    signature = inspect.signature(fn)
    every = [p for p in signature.parameters.values() if p.name not in ("self", "cls")]
    given = [p for p in every if p.kind is not p.VAR_KEYWORD]
    assert [p.name for p in given if p.annotation is p.empty] == []
    assert fn.__name__ == "__init__" or signature.return_annotation is not signature.empty


@pytest.mark.parametrize(
    "fn", [i.value for i in PUBLIC.values() if is_constant(i.value)], ids=lambda f: f.__name__
)
def test_functions_without_gradient_say_so_in_a_few_lines(fn):
    lines = fn.__doc__.splitlines()
    assert "without gradient" in lines[0] and len(lines) < 8 and len(lines[2]) > 20


def test_what_would_lose_a_gradient_says_what_it_raises():
    x = ag.Tensor([1.0], requires_grad=True)
    assert "TypeError" in ag.union1d.__doc__ and "TypeError" not in ag.less.__doc__
    with pytest.raises(TypeError):
        ag.union1d(x, x)


def test_elementwise_ops_say_so_whoever_describes_them():
    rule = {"slope": lambda x: 3 * x * x}
    own = ag.elementwise(lambda x: x * x * x, name="cube", **rule)
    told = ag.elementwise(lambda x: x * x * x, name="cube", doc="x^3.", **rule)
    numpy = ag.elementwise(np.tan, slope=lambda y: 1 + y * y)
    first = [fn.__doc__.splitlines()[0] for fn in (own, told, numpy)]
    assert first == ["cube(x).", "x^3.", "Compute tangent element-wise."]
    assert all("Elementwise: " in fn.__doc__ for fn in (own, told, numpy))


# ---------------------------------------------------------------------- the checker finds what is missing


def of(value, owner=None):
    """What the checker says of a function, or of a method."""
    return problems(Item(f"x.{getattr(value, '__name__', '')}", value, owner))


def _helper(x):
    raise IndexError("by a helper")


def good(x: ag.Tensor):
    """x itself.

    Shapes are none of its business. ValueError always, IndexError before.
    """
    _helper(x)
    raise ValueError("always")


def silent(x: ag.Tensor):
    """x itself."""
    _helper(x)
    raise ValueError("always")


def test_it_is_content_with_what_is_good():
    assert of(good) == []


def test_it_finds_exceptions_that_are_not_named():
    said = of(silent)
    assert len(said) == 2 and "IndexError" in said[0] and "ValueError" in said[1]


def test_it_finds_exceptions_of_ops():
    @ag.op
    def refusing(x):
        """x, elementwise."""
        raise TypeError("never")

    @ag.op(plain=lambda x: (x, None))
    def faster(x):
        """x, elementwise."""
        return x, None

    assert of(refusing) == ["it does not say when TypeError is raised"]
    assert of(faster) == []


@pytest.mark.parametrize(
    "doc",
    [
        "No stop at the end",
        "Two. Sentences of x.",
        "A sentence about x.\nAnd no blank line.",
        "A sentence about x\n    that goes on.\n",
    ],
)
def test_it_finds_a_first_line_that_is_no_sentence(doc):
    def fn(): ...

    fn.__doc__ = doc
    (said,) = of(fn)
    assert "first line" in said


def test_it_finds_missing_docstrings():
    def fn(): ...

    class Bare(Module):
        pass

    class Generated(tuple):
        __doc__ = "Generated(a, b)"

    assert of(fn) == of(Bare) == of(Generated) == ["no docstring"]
    assert of(Bare.forward, Bare) != ["no docstring"]  # Module's


def test_it_finds_arrays_that_are_not_mentioned():
    def fn(x, weight: "ArrayLike", count: int, bias: "ArrayLike | None" = None):  # noqa: F821
        """Something of xs."""

    assert of(fn) == ["it does not mention x", "it does not mention weight"]


def test_a_module_tells_in_its_docstring_what_forward_takes():
    class Told(Module):
        """x of shape (..., n), with ones added."""

        def forward(self, x):
            return x + 1

    class Untold(Module):
        """Ones added."""

        def forward(self, x):
            return x + 1

    assert of(Told.forward, Told) == []
    assert of(Untold.forward, Untold) == ["it does not mention x", "it says nothing of shapes"]


@pytest.mark.parametrize("doc", ["The sine of x.", "f(x, y) of x.", "np.add(x, y, out=None) of x."])
def test_it_finds_ops_that_are_silent_about_shapes(doc):
    @ag.op
    def fn(x):
        return x, lambda g: (g,)

    fn.__doc__ = doc
    assert of(fn) == ["it says nothing of shapes"]


@pytest.mark.parametrize(
    "doc", ["x, elementwise.", "(..., n) from x.", "x, shapes broadcast.", "x (N, C, d1, ...)."]
)
def test_shapes_can_be_told_in_several_ways(doc):
    @ag.op
    def fn(x):
        return x, lambda g: (g,)

    fn.__doc__ = doc
    assert of(fn) == []
