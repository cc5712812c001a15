"""What users of other libraries type, and what they are told."""

import copy

import numpy as np
import pytest

import tapegrad.autograd as ag
from leaves import leaf
from tapegrad import nn
from tapegrad.autograd import Tensor, dialect
from tapegrad.autograd.protocols import function_names


def test_pytorchs_constructor_is_told_ours():
    with pytest.raises(AttributeError, match=r"no 'tensor'; instead: ag\.Tensor\(array\)"):
        ag.tensor([1.0])
    from tapegrad.autograd import tensor  # the file is still there

    assert tensor.Tensor is Tensor


@pytest.mark.parametrize("draw", [ag.visualize, ag.Graph])
def test_a_graph_of_a_model_is_asked_for_with_what_it_computes(draw):
    with pytest.raises(TypeError, match="not of Linear; give it what that computes, as visual"):
        draw(nn.Linear(2, 2))
    with pytest.raises(TypeError, match="not of int$"):
        draw(3)


@pytest.mark.parametrize(
    "outputs, inputs, message",
    [
        ([lambda x: x * x], leaf(), "outputs is list"),
        (leaf(), 1.0, "inputs is float"),
        (leaf(), [1.0], "inputs is list"),
        (2.0, leaf(), "outputs is float"),
    ],
)
def test_grad_of_a_function_is_told_how_it_is_called(outputs, inputs, message):
    with pytest.raises(TypeError, match=rf"grad: {message}.*y = f\(x\), then grad\(y, x\)"):
        ag.grad(outputs, inputs)


def test_formats_are_for_one_number():
    assert f"{Tensor([[1.25]]):.1f} {leaf() * 0:.2f} {Tensor(3):d}" == "1.2 0.00 3"
    assert f"{Tensor([1.0, 2.0])}" == "Tensor([1., 2.])"
    with pytest.raises(TypeError, match=r"formats one number, not a Tensor of shape"):
        f"{Tensor([1.0, 2.0]):.3f}"


def test_plots_take_constants_and_say_what_to_do_with_others():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    x = leaf(3)
    figure, axes = pyplot.subplots()
    try:
        axes.plot(x.detach())
        axes.scatter(x.detach(), x.detach())
        for draw in (axes.plot, axes.hist, lambda x: axes.scatter(x, x)):
            with pytest.raises(TypeError, match=r"use \.numpy\(\) or \.detach\(\)"):
                draw(x)
    finally:
        pyplot.close(figure)


def test_a_shallow_copy_is_the_same_value_of_the_graph():
    x = leaf(3)
    y = copy.copy(x * 2)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad, [2, 2, 2])


class Column:
    """What a table of another library gives: it turns into an array, and knows nothing of Tensors."""

    def __array__(self, dtype=None, copy=None):
        return np.array([1.0, 2.0, 3.0], dtype)


def test_columns_of_tables_are_operands():
    x = leaf(3)
    for y in (x - Column(), Column() * x if hasattr(Column, "__mul__") else x * Column()):
        assert y.requires_grad
    np.testing.assert_array_equal((x - Column()).data, x.data - [1, 2, 3])
    np.testing.assert_array_equal((Column() - x).data, [1, 2, 3] - x.data)


@pytest.mark.parametrize(
    "use, message",
    [
        (lambda x: np.roots(x), r"np\.roots has no gradient here"),
        (lambda x: np.fft.fft(x), r"np\.fft\.fft has no gradient here"),
        (lambda x: np.sort_complex(x), r"np\.sort_complex has no gradient here.*or use one of: iscomplex"),
        (lambda x: np.add.reduceat(x, [0, 1]), r"np\.add\.reduceat has no gradient here"),
        (lambda x: np.hypot.reduce(x), r"np\.hypot\.reduce has no gradient here"),
    ],
)
def test_a_function_without_a_gradient_here_says_so_and_names_three(use, message):
    with pytest.raises(TypeError, match=message) as caught:
        use(leaf(3))
    assert len(str(caught.value).rpartition("one of:")[2].split(",")) <= 3
    use(leaf(3).detach())  # the advice
    with ag.no_grad():
        use(leaf(3))


@pytest.mark.parametrize(
    "use",
    [
        lambda c, path: np.bincount(c.astype(int)),
        lambda c, path: np.isin(c, [1.0]),
        lambda c, path: np.median(c),
        lambda c, path: np.save(path / "c.npy", c),
        lambda c, path: np.histogram(c),
        lambda c, path: np.percentile(c, 50),
        lambda c, path: np.add.accumulate(c),
        lambda c, path: np.searchsorted(c, 2.0),
        lambda c, path: np.linalg.svd(c[:, None] * c),
        lambda c, path: np.copyto(np.zeros(3), c),
        lambda c, path: np.array_split(c, 2),
    ],
)
def test_functions_without_a_gradient_take_constants(use, tmp_path):
    c = Tensor([1.0, 2.0, 3.0])
    ours, numpys = use(c, tmp_path), use(c.numpy(), tmp_path)
    for a, b in zip(*(v if isinstance(v, (tuple, list)) else [v] for v in (ours, numpys)), strict=True):
        assert b is None or isinstance(a, Tensor) and not a.requires_grad
        np.testing.assert_array_equal(np.asarray(a), b)


@pytest.mark.parametrize(
    "use, name",
    [
        (lambda x: np.hstack([x, x[None]]), "hstack: concatenate: "),
        (lambda x: np.trace(x), "trace: "),
        (lambda x: np.append(x, x[None], axis=0), "append: "),
        (lambda x: np.tril(x[0]), "tril: takes an array of one axis"),
        (lambda x: np.rot90(x), "rot90: "),
    ],
)
def test_an_error_names_the_function_that_was_called(use, name):
    with pytest.raises(ValueError, match=f"^{name}"):
        use(leaf(3))


def test_the_advice_says_where_more_arguments_are_needed():
    with pytest.raises(AttributeError, match=r"instead: np\.roll\(x, \.\.\.\)"):
        leaf(3).roll(1)
    with pytest.raises(AttributeError, match=r"instead: np\.sinh\(x\)$"):
        leaf(3).sinh()


def test_the_advice_says_where_a_function_of_numpys_stands():
    """np.eigvalsh is none."""
    x, told = leaf(3), 0
    for name in set(function_names()) - set(dialect.WORDS):
        if not hasattr(x, name):
            with pytest.raises(AttributeError, match="instead: ") as caught:
                getattr(x, name)
            path = str(caught.value).partition("instead: ")[2].partition("(")[0]
            told += eval(path, {"np": np, "ag": ag}).__name__ == name
    assert told > 100
    with pytest.raises(AttributeError, match=r"instead: np\.fft\.fftshift\(x\)$"):
        x.fftshift()
    with pytest.raises(AttributeError, match="attribute 'reduce'$"):  # a method of ufuncs
        x.reduce()


@pytest.mark.parametrize("shift", [np.fft.fftshift, np.fft.ifftshift])
def test_shifting_names_itself_and_takes_any_axes(shift):
    x = ag.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    with pytest.raises(np.exceptions.AxisError, match=f"^{shift.__name__}: axis 2 is out of bounds"):
        shift(x, (0, 2))
    with pytest.raises(TypeError, match=f"^{shift.__name__}: an axis is a whole number, not 1.5"):
        shift(x, 1.5)
    for axes in (np.int64(1), np.array([0, 1]), range(2)):
        np.testing.assert_array_equal(shift(x, axes).data, shift(x.data, axes))
    same = shift(x, ())
    assert same is not x and np.array_equal(same.data, x.data) and shift(ag.Tensor(2.0)).item() == 2
