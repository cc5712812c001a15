"""Errors in ops keep their class, name the op and its inputs; bodies that cannot be ops are refused."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad.autograd import Tensor


class PlainError(ValueError):
    """Built from a message."""


class CoordinatesError(IndexError):
    """Not built from a message."""

    def __init__(self, row, column):
        super().__init__(row, column)


def failing(error):
    @ag.op
    def fails(x):
        raise error

    return fails


@pytest.mark.parametrize(
    "error",
    [
        *(ValueError("v"), TypeError("t"), IndexError("i"), KeyError("k"), np.exceptions.AxisError("a")),
        *(
            np.linalg.LinAlgError("singular"),
            FloatingPointError("f"),
            ZeroDivisionError("z"),
            PlainError("p"),
        ),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_keeps_its_class_and_says_what_the_op_was_given(error):
    with pytest.raises(type(error), match=r"fails: .*\(2,\) float64") as caught:
        failing(error)(Tensor([1.0, 2.0]))
    assert type(caught.value) is type(error) and caught.value.node.name == "fails"
    assert str(error).strip("'") in str(caught.value)


@pytest.mark.skipif(not hasattr(Exception, "add_note"), reason="notes came with Python 3.11")
def test_an_error_that_takes_no_message_gets_a_note():
    error = CoordinatesError(1, 2)
    with pytest.raises(CoordinatesError) as caught:
        failing(error)(Tensor([1.0, 2.0]))
    assert caught.value is error and caught.value.node.name == "fails"
    assert "fails: (1, 2) (inputs: (2,) float64)" in error.__notes__


def test_without_notes_it_is_the_class_above(monkeypatch):
    class OldError(CoordinatesError):
        add_note = property()  # as in Python 3.10: hasattr says no

    with pytest.raises(IndexError, match=r"fails: \(1, 2\)") as caught:
        failing(OldError(1, 2))(Tensor([1.0, 2.0]))
    assert type(caught.value) is IndexError


def test_floating_point_errors_name_the_op():
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError, match="log: divide by zero"):
        ag.log(Tensor([0.0], requires_grad=True))


def test_an_op_is_named_once():
    for call in (lambda x: x @ np.ones(4), lambda x: np.matmul(x, 2.0)):
        with pytest.raises(ValueError) as caught:
            call(Tensor(np.ones((2, 3))))
        assert str(caught.value).count("matmul") == 1


def test_a_body_with_any_number_of_arguments_is_refused_with_a_way_out():
    with pytest.raises(TypeError, match=r"op: total takes \*arguments.* list of arrays"):

        @ag.op
        def total(*arrays):
            return sum(arrays), lambda g: (g,) * len(arrays)

    @ag.op
    def total(arrays):
        return sum(arrays), lambda g: (g,) * len(arrays)

    x = Tensor([1.0, 2.0], requires_grad=True)
    total([x, x, [1.0, 1.0]]).sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_a_body_may_take_any_keywords():
    @ag.op
    def scaled(x, **how):
        return x * how.get("by", 1), lambda g: (g * how.get("by", 1),)

    x = Tensor([1.0, 2.0], requires_grad=True)
    y = scaled(x, by=np.float64(3))
    y.sum().backward()
    assert y.data.tolist() == [3, 6] and x.grad.tolist() == [3, 3]


def test_an_annotated_input_of_ones_own_op_is_an_array():
    @ag.op
    def twice(x: "ag.arrays.ArrayLike"):
        return x * 2, lambda g: (g * 2,)

    t = Tensor(1.0, requires_grad=True)
    y = twice([t, 3])
    assert y.data.tolist() == [2, 6] and ag.grad(y.sum(), t)[0].item() == 2
    assert twice(2).data == 4 and twice(np.float32(2)).dtype == np.float32
