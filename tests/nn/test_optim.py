"""Optimizers against plain per-array formulas; missing gradients, groups, and what is refused."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optim_rules import IDS, RULES, decayed, parameters, train
from tapegrad import nn
from tapegrad.nn.optim import SGD, Adam, AdamW, flat


@pytest.mark.parametrize(("kind", "rule", "options"), RULES, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
@pytest.mark.parametrize("chunk", [flat.CHUNK, 16], ids=["whole", "cut"])
def test_update_follows_its_formula(kind, rule, options, dtype, tolerance, chunk, monkeypatch):
    monkeypatch.setattr(flat, "CHUNK", chunk)
    params = parameters(dtype)
    expected = [p.data.astype(np.float64) for p in params]
    formula, state = decayed(kind, rule, options), [{} for _ in params]
    count = [0] * len(params)
    # parameter 1 has no gradient at times, so its count of updates falls behind its neighbours'
    for gradients in train(
        kind(params, **options), params, 40, skip=lambda step, i: i == 1 and step % 3 == 0
    ):
        for i, (p, g) in enumerate(zip(params, gradients, strict=True)):
            if g is not None:
                count[i] += 1
                expected[i] = formula(expected[i], g.astype(np.float64), state[i], count[i])
                assert np.array_equal(p.grad, g), "step() changed a gradient"
    for p, want in zip(params, expected, strict=True):
        assert p.dtype == dtype
        np.testing.assert_allclose(p.data, want, rtol=tolerance, atol=tolerance)


def test_groups_have_options_of_their_own():
    one, two, three = parameters(shapes=[(3,), (4,), (2,)])
    optimizer = SGD([{"params": [one], "lr": 0.5}, {"params": two, "weight_decay": 1.0}], lr=0.1)
    optimizer.add_param_group({"params": [three], "lr": 0.0})
    before = [p.data.copy() for p in (one, two, three)]
    for p in (one, two, three):
        p.grad = np.ones_like(p.data)
    optimizer.step()
    np.testing.assert_allclose(one.data, before[0] - 0.5)
    np.testing.assert_allclose(two.data, before[1] - 0.1 * (1 + before[1]))
    np.testing.assert_array_equal(three.data, before[2])
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 0.1, 0.0]


def test_two_dtypes_in_one_group():
    params = [
        *parameters(np.float32, [(3,)]),
        *parameters(np.float64, [(4,)]),
        *parameters(np.float32, [(2, 2)]),
    ]
    before = [p.data.copy() for p in params]
    optimizer = SGD(params, lr=0.5, momentum=0.9)
    for p in params:
        p.grad = np.ones_like(p.data)
    optimizer.step()
    for p, was in zip(params, before, strict=True):
        assert p.dtype == was.dtype
        np.testing.assert_allclose(p.data, was - 0.5)
    assert [entry["momentum_buffer"].shape for entry in optimizer.state_dict()["state"].values()] == [
        (3,),
        (4,),
        (2, 2),
    ]


def test_parameters_keep_their_values_and_share_one_buffer():
    weight = nn.Parameter(np.arange(6.0).reshape(2, 3).T)  # not C-contiguous
    bias = nn.Parameter(np.arange(3.0))
    AdamW([weight, bias])
    np.testing.assert_array_equal(weight.data, np.arange(6.0).reshape(2, 3).T)
    assert weight.data.base is bias.data.base is not None
    assert weight.data.flags.c_contiguous


def test_gradient_of_any_layout():
    (p,) = parameters(shapes=[(3, 4)])
    before = p.data.copy()
    p.grad = np.arange(12.0).reshape(4, 3).T
    SGD([p], lr=1.0).step()
    np.testing.assert_array_equal(p.data, before - np.arange(12.0).reshape(4, 3).T)


def test_an_array_bound_to_a_parameter_later_is_trained():
    params = parameters(shapes=[(3,), (4,)])
    optimizer = SGD(params, lr=1.0)
    mine = np.full(4, 7.0)
    params[1].data = mine
    params[1].grad = np.ones(4)
    optimizer.step()
    np.testing.assert_array_equal(params[1].data, np.full(4, 6.0))
    np.testing.assert_array_equal(mine, np.full(4, 7.0))  # taken over by value
    optimizer.step()
    np.testing.assert_array_equal(params[1].data, np.full(4, 5.0))
    params[1].data = np.ones(5)
    with pytest.raises(ValueError, match=r"was \(4,\) float64 .* is \(5,\) float64"):
        optimizer.step()


def test_two_optimizers_over_the_same_parameters():
    (p,) = parameters(shapes=[(3,)])
    before = p.data.copy()
    first, second = SGD([p], lr=1.0), SGD([p], lr=10.0)
    p.grad = np.ones(3)
    for optimizer in (first, second, first):
        optimizer.step()
    np.testing.assert_allclose(p.data, before - 12)


@pytest.mark.parametrize(("kind", "rule", "options"), RULES, ids=IDS)
def test_a_deep_copy_trains_apart(kind, rule, options):
    params = parameters()
    optimizer = kind(params, **options)
    list(train(optimizer, params, 3))
    params2, optimizer2 = copy.deepcopy((params, optimizer))
    halfway = [p.data.copy() for p in params]
    list(train(optimizer2, params2, 3, seed=2))
    for p, was in zip(params, halfway, strict=True):
        np.testing.assert_array_equal(p.data, was)
    list(train(optimizer, params, 3, seed=2))
    for p, q in zip(params, params2, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_parameters_without_gradient_stay():
    frozen, used, unused = parameters(shapes=[(3,), (4,), (5,)])
    frozen.requires_grad = False
    before = [p.data.copy() for p in (frozen, used, unused)]
    optimizer = AdamW([frozen, used, unused], weight_decay=0.5)
    used.grad = np.ones(4)
    optimizer.step()
    np.testing.assert_array_equal(frozen.data, before[0])
    np.testing.assert_array_equal(unused.data, before[2])
    assert not np.array_equal(used.data, before[1])
    assert list(optimizer.state_dict()["state"]) == [1]


def test_backward_through_updated_weights_raises():
    (weight,) = parameters(shapes=[(3, 3)])
    optimizer = SGD([weight], lr=0.1)
    y = ((weight * 2.0) @ weight).sum()
    weight.grad = np.ones((3, 3))
    optimizer.step()
    with pytest.raises(RuntimeError, match="changed in place"):
        y.backward()


def over_one_array(matrix):
    """Two parameters that share memory."""
    p, q = nn.Parameter(matrix), nn.Parameter(matrix[1:])
    q.data = p.data[1:]
    return [p, q]


def test_zero_grad():
    used, unused = parameters(shapes=[(3,), (2,)])
    optimizer = SGD([used, unused])
    used.grad = np.ones(3)
    optimizer.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(used.grad, np.zeros(3))
    assert unused.grad is None
    optimizer.zero_grad()
    assert used.grad is None


def test_what_cannot_be_optimized_is_refused():
    p, q = parameters(shapes=[(3,), (4,)])
    matrix = np.ones((2, 3))
    cases = [
        (lambda: SGD([]), ValueError, "empty list"),
        (lambda: SGD([p, q, p]), ValueError, "listed twice"),
        (lambda: SGD([{"params": [p]}, {"params": [q, p]}]), ValueError, "listed twice"),
        (lambda: SGD(over_one_array(matrix)), ValueError, "share memory"),
        (lambda: SGD([p * 2.0]), ValueError, "computed by multiply is no leaf"),
        (lambda: SGD([np.ones(3)]), TypeError, "ndarray"),
        (lambda: SGD([(1, p)]), TypeError, "tuple"),
        (lambda: SGD([("weight", p), q]), ValueError, "all parameters come with a name"),
        (lambda: SGD({p, q}), TypeError, "a set has no order"),
        (lambda: SGD([p], differentiable=True), ValueError, "differentiable=True is not there"),
        (lambda: SGD([p], foreach="yes"), TypeError, "foreach must be True or False, got 'yes'"),
        (lambda: SGD([p, {"params": [q]}]), TypeError, "not both"),
        (lambda: SGD([p], lr=-1.0), ValueError, "lr must be 0 or more, got -1.0"),
        (lambda: SGD([p], lr=math.nan), ValueError, "lr must be"),
        (lambda: SGD([p], weight_decay=-1.0), ValueError, "weight_decay"),
        (lambda: SGD([p], momentum=-1.0), ValueError, "momentum"),
        (lambda: SGD([p], nesterov=True), ValueError, "nesterov"),
        (lambda: Adam([p], betas=(0.9, 1.0)), ValueError, "betas"),
        (lambda: AdamW([p], eps=-1.0), ValueError, "eps"),
        (lambda: AdamW([{"params": [p], "momentum": 0.9}]), ValueError, "no option momentum"),
        (lambda: AdamW([{"params": [p], "lr": -2.0}]), ValueError, "AdamW: lr must be 0 or more, got -2.0"),
    ]
    for make, kind, message in cases:
        with pytest.raises(kind, match=message):
            make()


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(
    rule=st.sampled_from(RULES),
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=5),
    skipped=st.integers(0, 2**20 - 1),
    chunk=st.integers(1, 40),
)
def test_pieces_of_any_length_give_the_numbers_of_the_whole(rule, sizes, skipped, chunk):
    """To the bit, whichever parameters lack a gradient at which step."""
    kind, _, options = rule
    trained = []
    for length in (flat.CHUNK, chunk):
        params = parameters(np.float32, [(size,) for size in sizes])
        optimizer = kind(params, **options)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(flat, "CHUNK", length)
            list(train(optimizer, params, 4, skip=lambda step, i: bool(skipped >> (5 * step + i) & 1)))
        trained.append(np.concatenate([p.data for p in params]))
    np.testing.assert_array_equal(*trained)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("kind", [SGD, AdamW])
def test_gradients_that_are_not_finite_change_nothing(kind, bad):
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    optimizer = kind(model.named_parameters())
    for p in model.parameters():
        p.grad = np.full(p.shape, 1e30 if kind is SGD else 1e18, np.float32)  # whose squares overflow
    optimizer.step()
    before = [p.data.copy() for p in model.parameters()]
    model[1].weight.grad[0, 1] = bad
    nans, infs = (1, 0) if np.isnan(bad) else (0, 1)
    message = (
        rf"parameter 2 \(1.weight\), of shape \(1, 3\), has {nans} nan and {infs} inf; nothing was changed"
    )
    with pytest.raises(FloatingPointError, match=f"^{kind.__name__}: the gradient of {message}"):
        optimizer.step()
    for p, was in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.data, was)
    assert optimizer.calls == 1 and [*optimizer.buffers()][0][1].steps.tolist() == [1] * 4
