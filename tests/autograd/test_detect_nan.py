"""`detect_nan`: the first op that makes nan or inf, by name, place and numbers."""

import pickle
import threading
import weakref

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd import Tensor, modes
from tapegrad.nn import functional as F


def leaf(*numbers, dtype=np.float64):
    return Tensor(np.array(numbers, dtype), requires_grad=True)


def found(fn, **options):
    """The message of the error that stops `fn`."""
    with pytest.raises(FloatingPointError) as caught, ag.detect_nan(**options):
        fn()
    return str(caught.value)


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


class Ratio(nn.Module):
    """Divides by its parameter."""

    def __init__(self, size):
        self.by = nn.Parameter(np.ones(size))

    def forward(self, x):
        return x / self.by


def layers():
    """A Ratio two levels below, and the model around it."""
    ratio = Ratio(3)
    inner = nn.Sequential(nn.Tanh(), ratio)
    return ratio, nn.Sequential(nn.Linear(2, 3, dtype=np.float64), nn.ModuleList([inner])[0])


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


# ------------------------------------------------------------------ the mode


def test_one_of_both():
    x = leaf(1, 0)
    with ag.detect_nan(inf=False):
        np.log(x)
        np.sqrt(x).sum().backward()
    assert "divide made nan" in found(lambda: x / np.array([1, 0]), inf=False)
    with ag.detect_nan(nan=False):
        np.log(leaf(-1, 1))
    assert "log made -inf" in found(lambda: np.log(leaf(-1, 0)), nan=False)
    with pytest.raises(ValueError, match="nan=False and inf=False leave nothing"):
        ag.detect_nan(nan=False, inf=False)


def test_the_inner_one_decides():
    with ag.detect_nan():
        with ag.detect_nan(inf=False):
            np.log(leaf(0, 1))
        with pytest.raises(FloatingPointError):
            np.log(leaf(0, 1))


def test_decorated_functions_and_generators():
    @ag.detect_nan
    def log(x):
        return np.log(x)

    @ag.detect_nan(inf=False)
    def logs(x):
        while True:
            yield np.log(x)
            x = x - 1

    with pytest.raises(FloatingPointError):
        log(leaf(0, 1))
    steps = logs(leaf(0.5, 1))
    next(steps)
    assert modes.current.get().watch is None
    with pytest.raises(FloatingPointError, match="log made nan"):
        next(steps)


def test_everything_is_as_before_afterwards():
    before, errors = modes.current.get(), np.geterr()
    found(lambda: np.log(leaf(0, 1)))
    assert modes.current.get() is before and np.geterr() == errors
    y = np.exp(leaf(0, 1))
    assert y.node.recipe is None
    with ag.detect_nan():
        y = np.exp(y)
        inside = weakref.ref(y.node)
        (y * 1).sum().backward()
    del y
    assert inside() is None, "without gc"


def test_writes_between_are_noticed_all_the_same():
    x = leaf(1, 2)
    with ag.detect_nan():
        y, z = x * 2, np.exp(x)
        with ag.no_grad():
            x += 1
        (y + z).sum().backward()  # which needs neither
        y = (x * x).sum()
        with ag.no_grad():
            x += 1
        with pytest.raises(RuntimeError, match="was changed in place"):
            y.backward()


def test_what_is_not_recorded_is_not_looked_at():
    with ag.detect_nan(), ag.no_grad():
        np.log(leaf(0, 1))


def test_a_thread_has_its_own():
    texts = []

    def run():
        try:
            np.exp(leaf(0, 1000.0, dtype=np.float16) * 1)
            texts.append("not watched")
        except FloatingPointError as error:
            texts.append(str(error))

    def watched():
        with ag.detect_nan():
            run()

    with ag.detect_nan(), np.errstate(all="ignore"):
        for target in (watched, lambda: np.seterr(all="ignore") and run()):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert texts[0].startswith("exp made inf") and texts[1] == "not watched"


def loss_of(model, x):
    return np.log(model(x) ** 2).mean()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_replicas_watch_their_shares(kind):
    model = nn.Sequential(nn.Linear(2, 3, bias=False, dtype=np.float64))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.0)
    x = np.ones((4, 2))
    x[3] = 0  # in the share of the other worker
    match = "log made -inf out of finite numbers"
    replicas = nn.parallel.replicate(model, optimizer, loss_of, workers=2, kind=kind)
    with replicas, ag.detect_nan(), pytest.raises((RuntimeError, FloatingPointError), match=match):
        replicas.step(x)


def test_a_replayed_loss_runs_itself():
    model = nn.Sequential(nn.Linear(2, 3, bias=False, dtype=np.float64))
    loss = nn.replay(model, loss_of)
    for _ in range(4):
        loss(np.ones((4, 2))).backward()
    assert "log made -inf" in found(lambda: loss(np.zeros((4, 2))))


def test_a_loss_that_has_it_inside_is_not_replayed():
    model = nn.Sequential(nn.Linear(2, 3, bias=False, dtype=np.float64))
    loss = nn.replay(model, ag.detect_nan(loss_of))
    with pytest.warns(RuntimeWarning, match="detect_nan looks at the numbers of each step"):
        for _ in range(4):
            loss(np.ones((4, 2))).backward()
    with pytest.raises(FloatingPointError, match="log made -inf"):
        loss(np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("by", "says"), [(0, "divide in Ratio '1.1'"), (1e-200, "the backward of divide in Ratio")]
)
def test_the_error_can_be_drawn(by, says):
    ratio, model = layers()
    ratio.by.data[1] = by
    with pytest.raises(FloatingPointError) as caught, ag.detect_nan():
        model(np.ones((4, 2))).sum().backward()
    graph = ag.Graph(caught.value, model)
    assert graph.nodes[-1].kind == "failed" and graph.nodes[-1].path == "1.1"
    assert f"FloatingPointError: {says}" in graph.error


def test_it_can_be_sent():
    again = pickle.loads(pickle.dumps(ag.detect_nan(inf=False)))
    assert (again.nan, again.inf) == (True, False)
