"""`detect_nan`: the first op that makes nan or inf, by name, place and numbers."""

import numpy as np
import pytest

import tapegrad.autograd as ag
from nan_cases import found, layers, leaf
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import functional as F

# ------------------------------------------------------------------ forward


def test_log_of_zero():
    text = found(lambda: np.log(leaf([1, 2, 3], [4, 0, 6])))
    assert text.splitlines() == [
        "log made -inf out of finite numbers",
        "  output (2, 3) float64: -inf at [1, 1], between 1.386 >-inf< 1.792, 1 of 6 elements",
        "  x (2, 3) float64: 0 at [1, 1], between 4 >0< 6, from 0 to 6",
        "  (the log of 0 is -inf and of less than 0 nan: clip the argument, or use xlogy or log_softmax)",
    ]


def test_zero_by_zero_in_an_entropy():
    counts = leaf([2.0, 2.0], [0.0, 0.0])

    def entropy():
        p = counts / counts.sum(axis=1, keepdims=True)
        return -(p * np.log(p)).sum()

    text = found(entropy)
    assert text.startswith("divide made nan out of finite numbers")
    assert "b (2, 1) float64: 0 at [1, 0]" in text and "0/0 is nan" in text


@pytest.mark.parametrize(("dtype", "most"), [(np.float16, "11.09"), (np.float32, "88.72")])
def test_exp_says_where_it_overflows(dtype, most):
    text = found(lambda: np.exp(leaf(0, 1, 1000, dtype=dtype)))
    assert "x (3,) " in text and "1000 at [2], between 0 1 >1000<" in text
    assert f"exp overflows above {most} in {np.dtype(dtype)}" in text


def test_float16_ends_early():
    x = leaf([6e4, 6e4], [1, 2], dtype=np.float16)
    assert "output (2,) float16: inf at [0]" in found(lambda: x.sum(axis=1))
    text = found(lambda: x @ x)
    assert "matmul made inf" in text and "from 1 to 6e+04" in text and "float16 ends at 65504" in text


def test_long_rows_are_cut():
    x = leaf(*range(9, 0, -1), 0, *range(1, 10))
    assert "between … 2 1 >0< 1 2 …, from 0 to 9" in found(lambda: np.log(x))


def test_numbers_without_axes():
    text = found(lambda: Tensor(1.0, requires_grad=True) / 0.0)
    assert "\n  output () float64: inf\n  a () float64: 1\n  b = 0\n" in text


def test_an_argument_that_was_broadcast():
    text = found(lambda: leaf([1], [2]) / np.array([1, 0]))
    assert "inf at [0, 1]" in text and "a (2, 1) float64: 1 at [0, 0], from 1 to 2" in text


def test_one_of_several_outputs_and_one_of_a_list():
    assert "slogdet made -inf out of finite numbers\n  output 1 () " in found(
        lambda: np.linalg.slogdet(leaf([0, 0], [0, 0]))
    )
    text = found(lambda: np.concatenate([leaf(1, 2), np.array([3, np.nan])]))
    assert text.startswith("nan came in as argument 'arrays[1]' of concatenate, a constant: look at the data")


def test_the_module_is_named_by_its_path():
    ratio, model = layers()
    ratio.by.data[1] = 0
    text = found(lambda: model(np.ones((4, 2))))
    assert text.startswith("divide in Ratio '1.1' made ") and "b (3,) float64: 0 at [1]" in text


def test_the_module_of_a_backward():
    ratio, model = layers()
    ratio.by.data[1] = 1e-200
    text = found(lambda: model(np.ones((4, 2))).sum().backward())
    assert text.startswith("the backward of divide in Ratio '1.1' made ")
    assert "gradient of b, " in text and "the gradient that arrives, (4, 3) float64: 1 at [0, 1]" in text


def test_in_a_loop():
    def squared():
        x = leaf(2, 0.5, dtype=np.float32)
        for step in range(20):
            steps.append(step)
            x = x * x

    steps = []
    assert "a (2,) float32: 1.845e+19 at [0]" in found(squared)
    assert len(steps) == 7


# ------------------------------------------------------------------ what came in


def test_nan_in_the_data():
    model = nn.Sequential(nn.Linear(2, 3, dtype=np.float64))
    text = found(lambda: model(np.array([[0, 1], [2, np.nan]])))
    assert text.startswith(
        "nan came in as argument 'x' of linear in Linear '0', a constant: look at the data"
    )
    assert "(2, 2) float64: nan at [1, 1], between 2 >nan<, 1 of 4 elements" in text


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_nan_and_inf_in_a_parameter(number):
    ratio, model = layers()
    model[0].weight.data[2, 1] = number
    text = found(lambda: model(np.ones((4, 2))))
    assert "came in as argument 'weight' of linear in Linear '0', parameter '0.weight'" in text
    assert f"{number} at [2, 1]" in text


def test_nan_that_nobody_uses_is_none():
    x, data = leaf(1, 2), np.array([1, np.nan])
    with ag.detect_nan():
        y = np.where(np.isnan(data), x, data * np.ones(2)).sum()
        y.backward()
    np.testing.assert_array_equal(x.grad, [0, 1])


def test_nan_written_between():
    x = leaf(1, 2)

    def fn():
        y = x * 2
        y.data[1] = np.nan
        return y + 1

    assert "the result of multiply, which was not watched, or was written to since" in found(fn)


def attention_with_numbers(x, mask):
    return F.softmax(x @ x.mT + mask, -1) @ x


@pytest.mark.parametrize(
    "attend",
    [
        attention_with_numbers,
        lambda x, mask: F.scaled_dot_product_attention(x, x, x, mask),
        lambda x, mask: F.scaled_dot_product_attention(x, x, x, mask == 0),
        lambda x, mask: F.softmax(np.where(mask == 0, x @ x.mT, -np.inf), -1) @ x,
        lambda x, mask: F.softmax(ag.masked_fill(x @ x.mT, mask != 0, -np.inf), -1) @ x,
        lambda x, mask: nn.MultiheadAttention(4, 2, dtype=np.float64, batch_first=True)(
            x, x, x, attn_mask=mask
        )[0],
    ],
)
def test_masks_of_minus_inf_are_meant(attend):
    x = Tensor(np.linspace(-1, 1, 24).reshape(2, 3, 4), requires_grad=True)
    mask = np.where(np.tri(3, dtype=bool), 0, -np.inf)
    with ag.detect_nan():
        attend(x, mask).sum().backward()
    assert np.isfinite(x.grad).all()


def test_nan_made_of_a_mask_says_where_the_mask_came_in():
    x, mask = leaf(1, 2), np.array([0, -np.inf])
    text = found(lambda: ((x + mask) * 1) * np.array([1, 0]))
    assert text.startswith("multiply made nan out of inf, which came in as argument 'b' of add")
    assert found(lambda: x * np.array([0, np.inf]) * 0).startswith(
        "multiply made nan out of inf, which came in"
    )


def test_a_loss_that_is_inf_goes_no_further():
    x = leaf(1, 2)
    text = found(lambda: (x * np.array([1, np.inf])).sum().backward())
    assert text == "backward starts at inf, given by sum; it came in as argument 'b' of multiply"
    one = Tensor(np.full((1, 1), 2.0), requires_grad=True)
    assert "backward starts at inf" in found(lambda: (one * np.inf).backward())


# ------------------------------------------------------------------ backward


def test_the_slope_of_a_root_at_zero():
    text = found(lambda: np.sqrt(leaf(1, 0)).sum().backward())
    assert text.splitlines() == [
        "the backward of sqrt made inf out of finite numbers",
        "  gradient of x, (2,) float64: inf at [1], between 0.5 >inf<, 1 of 2 elements",
        "  x (2,) float64: 0 at [1], between 1 >0<, from 0 to 1",
        "  the gradient that arrives, (2,) float64: 1 at [1], between 1 >1<, from 1 to 1",
        "  (the slope at 0 is inf: add a small number under the root)",
    ]


def test_a_norm_at_zero_by_hand_and_of_numpy():
    x = leaf([0, 0], [3, 4])
    assert "backward of sqrt made inf" in found(lambda: np.sqrt((x * x).sum(axis=1)).sum().backward())
    with ag.detect_nan():
        np.linalg.norm(x, axis=1).sum().backward()  # whose slope there is 0


def test_a_root_behind_a_choice():
    x = leaf(0, 4)
    text = found(lambda: np.where(x.data > 0, np.sqrt(x), 0).sum().backward())
    assert text.startswith("the backward of sqrt made nan out of finite numbers")


def test_of_a_graph_from_outside():
    y = np.sqrt(leaf(1, 0)).sum()
    text = found(y.backward)
    assert "gradient of x, (2,)" in text and "y (saved) (2,) float64: 0 at [1]" in text


@ag.op
def halved(x):
    """x / 2, whose backward is wrong."""

    def backward(g):
        return (np.where(x > 1, np.nan, g / 2),)

    return x / 2, backward


@ag.op
def parted(x):
    """x and its logarithm."""
    return (x + 0, np.log(x)), lambda g: (np.full_like(x, np.inf),)


def test_ops_of_ones_own():
    text = found(lambda: halved(leaf(1, 2)).sum().backward())
    assert text.startswith("the backward of halved made nan out of finite numbers\n  gradient of x, (2,) ")
    assert "output 1 (2,) float64: -inf at [0]" in found(lambda: parted(leaf(0, 2)))
    assert "the backward of parted made inf" in found(lambda: parted(leaf(1, 2))[0].sum().backward())


def test_gradients_that_are_given_or_add_up():
    x = leaf(1, 2, dtype=np.float16)
    assert "arrives at multiply is nan: backward was given it" in found(
        lambda: (x * 2).backward(np.array([1, np.nan], np.float16))
    )

    def many():
        y = x * 1e-3
        (y * 60000 + y * 60000).sum().backward()

    text = found(many)
    assert text.startswith(
        "the gradient that arrives at multiply is inf: the sum of several gradients overfl"
    )


def test_the_gradient_of_a_sparse_table():
    table = nn.Embedding(5, 2, sparse=True, dtype=np.float64)

    def fn():
        rows = table(np.array([1, 3]))
        rows.register_hook(lambda g: g * 1e300)
        (rows * 1e10).sum().backward()

    assert "embedding in Embedding" in found(fn)


def test_second_derivatives_name_the_op_whose_gradient_it_is():
    x = leaf(1, 0)
    text = found(lambda: ag.grad((x**1.5).sum(), x, create_graph=True)[0].sum().backward())
    assert "power" in text and "backward of" in text

    def first():
        ag.grad(np.sqrt(x).sum(), x, create_graph=True)

    assert found(first).startswith(
        "the backward of sqrt made inf out of finite numbers\n  gradient of x, (2,)"
    )


def test_a_choice_inside_a_gradient_may_leave_nan_out():
    x = Tensor(np.array([[-1.0, 2.0], [0.0, 3.0]]), requires_grad=True)
    with ag.detect_nan():
        (slope,) = ag.grad(np.linalg.norm(x * np.array([[1.0], [0.0]]), axis=1).sum(), x, create_graph=True)
    assert np.isfinite(slope.data).all()
