"""Initial values and the package's random numbers."""

import inspect
import json
import math

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import init, random

SHAPE = (300, 100, 3)  # fan in 300, fan out 900
FAN_IN, FAN_OUT = 300, 900
BOUND = {  # name -> bound of the uniform ones, std of the normal ones
    init.xavier_uniform_: math.sqrt(6 / (FAN_IN + FAN_OUT)),
    init.kaiming_uniform_: math.sqrt(3) * math.sqrt(2 / FAN_IN),
}
STD = {init.xavier_normal_: math.sqrt(2 / (FAN_IN + FAN_OUT)), init.kaiming_normal_: math.sqrt(2 / FAN_IN)}


@pytest.fixture(autouse=True)
def seeded():
    before = random.get_rng_state()
    yield random.manual_seed(0)
    random.set_rng_state(before)


def tensor(shape=SHAPE, dtype=np.float32):
    return Tensor(np.full(shape, 99, dtype))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    "fill",
    [
        f
        for name, f in vars(init).items()
        if name.endswith("_") and inspect.isfunction(f) and name not in ("constant_", "dirac_", "sparse_")
    ],
    ids=lambda f: f.__name__,
)
def test_fills_in_place_in_the_tensors_dtype(fill, dtype):
    t = tensor((20, 30), dtype)
    array = t.data
    assert fill(t) is t
    assert t.data is array
    assert array.dtype == dtype
    assert not (array == 99).any()
    view = Tensor(np.full((30, 20), 99, dtype).T)  # written through any layout
    fill(view)
    assert not (view.data == 99).any()
    parameter = nn.Parameter(np.full((3, 3), 99.0))
    y = (parameter * 2.0 * parameter).sum()
    fill(parameter)
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def test_plain_values():
    assert (init.zeros_(tensor()).data == 0).all()
    assert (init.ones_(tensor()).data == 1).all()
    assert (init.constant_(tensor(), 2.5).data == 2.5).all()


@pytest.mark.parametrize("fill", BOUND, ids=lambda f: f.__name__)
def test_uniform_bounds(fill):
    values = fill(tensor()).data
    assert np.abs(values).max() == pytest.approx(BOUND[fill], rel=1e-3)
    assert np.abs(values).max() <= BOUND[fill] * (1 + 1e-6)
    assert values.std() == pytest.approx(BOUND[fill] / math.sqrt(3), rel=0.02)


@pytest.mark.parametrize("fill", STD, ids=lambda f: f.__name__)
def test_normal_std(fill):
    values = fill(tensor()).data
    assert values.std() == pytest.approx(STD[fill], rel=0.02)
    assert values.mean() == pytest.approx(0, abs=STD[fill] * 0.02)


def test_options():
    values = init.uniform_(tensor(), 3.0, 5.0).data
    assert 3 <= values.min() < 3.01 and 4.99 < values.max() <= 5
    values = init.normal_(tensor(), 4.0, 0.5).data
    assert (values.mean(), values.std()) == (pytest.approx(4, rel=0.01), pytest.approx(0.5, rel=0.02))
    out = init.kaiming_normal_(tensor(), a=math.sqrt(5), mode="fan_out").data
    assert out.std() == pytest.approx(math.sqrt(2 / 6 / FAN_OUT), rel=0.02)
    assert init.xavier_normal_(tensor(), gain=2.0).data.std() == pytest.approx(
        2 * STD[init.xavier_normal_], rel=0.02
    )


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [
        (0, 1, -2, 2),
        (0, 0.02, -2, 2),
        (1, 2, 0, 1),
        (0, 1, 1, 9),
        (0, 1, -0.1, 0.3),
        (3, 1, 0, 1.5),
        (0, 1, 1, 1),
    ],
)
def test_truncated_normal(mean, std, a, b):
    values = init.trunc_normal_(tensor((200_000,), np.float64), mean, std, a, b).data
    assert a <= values.min() and values.max() <= b
    if a < b:  # the empirical distribution against the exact one
        phi = np.vectorize(lambda x: math.erf((x - mean) / std / math.sqrt(2)) / 2)
        x = np.linspace(max(a, mean - 5 * std), min(b, mean + 5 * std), 50)
        exact = (phi(x) - phi(a)) / (phi(b) - phi(a))
        got = np.searchsorted(np.sort(values), x) / values.size
        np.testing.assert_allclose(got, exact, atol=0.005)


def test_truncated_normal_refuses_what_it_cannot_draw():
    for a, b in [(1, -1), (3, 4), (-5, -2.5)]:
        with pytest.raises(ValueError, match="cannot draw"):
            init.trunc_normal_(tensor((3,)), 0, 1, a, b)


def test_gains():
    assert init.calculate_gain("tanh") == 5 / 3
    assert init.calculate_gain("relu") == math.sqrt(2)
    assert init.calculate_gain("leaky_relu", 1.0) == 1.0
    with pytest.raises(ValueError, match="'gelu'; known: linear"):
        init.calculate_gain("gelu")
    assert init.calculate_gain("conv_transpose3d") == 1
    with pytest.raises(ValueError, match="slope of a leaky_relu is a number, not True"):
        init.calculate_gain("leaky_relu", True)
    with pytest.raises(ValueError, match="two or more axes"):
        init.xavier_uniform_(tensor((3,)))
    with pytest.raises(ValueError, match="'fan_out', got 'fan'"):
        init.kaiming_normal_(tensor(), mode="fan")


def test_identities():
    np.testing.assert_array_equal(init.eye_(tensor((2, 3))).data, [[1, 0, 0], [0, 1, 0]])
    weight = init.dirac_(tensor((4, 2, 3)), groups=2).data
    expected = np.zeros((4, 2, 3))
    expected[[0, 1, 2, 3], [0, 1, 0, 1], 1] = 1
    np.testing.assert_array_equal(weight, expected)
    assert init.dirac_(tensor((3, 2, 2, 4, 5))).data[1, 1, 1, 2, 2] == 1
    for fill, shape, words in [
        (init.eye_, (3,), r"eye_ fills a tensor of 2 axes, not \(3,\)"),
        (init.dirac_, (3, 3), "of 3 or 4 or 5 axes"),
        (lambda t: init.dirac_(t, 2), (3, 3, 1), "2 groups do not divide the 3 outputs"),
        (lambda t: init.sparse_(t, 0.5), (3,), "sparse_ fills a tensor of 2 axes"),
        (init.orthogonal_, (3,), "of two or more axes"),
    ]:
        with pytest.raises(ValueError, match=words):
            fill(tensor(shape))


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 2, 4)])
def test_orthogonal_matrices(shape):
    q = init.orthogonal_(tensor(shape, np.float64), gain=2).data.reshape(shape[0], -1)
    q = q if shape[0] >= q.shape[1] else q.T
    np.testing.assert_allclose(q.T @ q, 4 * np.eye(q.shape[1]), atol=1e-13)
    diagonals = [init.orthogonal_(tensor((2, 2), np.float64)).data[0, 0] for _ in range(200)]
    assert 60 < np.sum(np.array(diagonals) > 0) < 140  # either sign, as where all are alike


def test_sparse_matrices():
    values = init.sparse_(tensor((10, 400), np.float64), 0.25, std=2.0).data
    assert ((values == 0).sum(0) == 3).all()
    assert values[values != 0].std() == pytest.approx(2, rel=0.1)
    assert len({tuple(column) for column in (values == 0).T}) > 50  # others in each column


FILLS = ["uniform_", "normal_", "trunc_normal_", "orthogonal_", "xavier_uniform_", "xavier_normal_"]
FILLS += ["kaiming_uniform_", "kaiming_normal_", "sparse_"]


@pytest.mark.parametrize("name", FILLS)
def test_a_generator_of_ones_own(name):
    options = {"sparsity": 0.5} if name == "sparse_" else {}
    state = random.get_rng_state()
    a, b = (
        getattr(init, name)(tensor((5, 5)), generator=np.random.default_rng(3), **options).data
        for _ in range(2)
    )
    np.testing.assert_array_equal(a, b)
    assert random.get_rng_state() == state
    with pytest.raises(TypeError, match="generator is a numpy.random.Generator, not a int"):
        getattr(init, name)(tensor((5, 5)), generator=3, **options)


def test_nothing_to_fill():
    for name in ("uniform_", "normal_", "xavier_uniform_", "xavier_normal_", "orthogonal_", "trunc_normal_"):
        assert getattr(init, name)(tensor((0, 3))).shape == (0, 3)
    for fill in (init.kaiming_uniform_, init.kaiming_normal_):
        with pytest.warns(UserWarning, match="there are no numbers to fill"):
            assert fill(tensor((0, 3))).shape == (0, 3)


# ------------------------------------------------------------------------------------- random numbers


def test_the_seed_decides():
    first = [random.manual_seed(5).random(3), random.keep_mask((7,), 0.5), init.normal_(tensor()).data]
    again = [random.manual_seed(5).random(3), random.keep_mask((7,), 0.5), init.normal_(tensor()).data]
    other = random.manual_seed(6).random(3)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], other)


def test_state_goes_through_json_and_continues_bit_for_bit():
    rng = random.generator()
    rng.random(5)
    rng.integers(0, 9, 3, dtype=np.uint32)  # leaves half of a 64-bit number behind
    state = json.loads(json.dumps(random.get_rng_state()))
    first = [
        rng.integers(0, 9, 5, dtype=np.uint32),
        rng.random(9, dtype=np.float32),
        random.keep_mask((9,), 0.3),
    ]
    random.manual_seed(1)
    random.set_rng_state(state)
    assert random.generator() is rng  # whoever holds it goes on from there too
    again = [
        rng.integers(0, 9, 5, dtype=np.uint32),
        rng.random(9, dtype=np.float32),
        random.keep_mask((9,), 0.3),
    ]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_strange_state_is_refused_and_changes_nothing():
    state = random.get_rng_state()
    strange = [
        {},
        None,
        {**state, "bit_generator": "PCG64"},
        {**state, "state": [1, 2]},
        {**state, "state": [-1] * 4},
    ]
    for bad in strange:
        with pytest.raises(ValueError, match="not a state of tapegrad's random numbers"):
            random.set_rng_state(bad)
    assert random.get_rng_state() == state


@pytest.mark.parametrize("p", [0.0, 1e-4, 0.1, 0.5, 0.9, 0.9999, 1.0])
def test_keep_mask_keeps_the_right_share(p):
    mask = random.keep_mask((1001, 999), p)
    assert mask.shape == (1001, 999) and mask.dtype == np.bool_
    n = mask.size
    assert abs(mask.mean() - (1 - p)) <= 5 * math.sqrt(p * (1 - p) / n) + 1e-5
    if 0.05 < p < 0.95:  # neighbours, which come from one random number, do not go together
        correlation = np.corrcoef(mask.reshape(-1)[:-1], mask.reshape(-1)[1:])[0, 1]
        assert abs(correlation) < 5 / math.sqrt(n)


def test_keep_mask_near_1_is_not_rounded_to_nothing():
    assert 40 < random.keep_mask((10_000_000,), 1 - 7e-6).sum() < 100


def test_keep_mask_of_odd_shapes():
    assert random.keep_mask((), 0.5).shape == ()
    assert random.keep_mask((0, 3), 0.5).shape == (0, 3)
    assert random.keep_mask((5,), 0.5).shape == (5,)
    for p in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            random.keep_mask((3,), p)
