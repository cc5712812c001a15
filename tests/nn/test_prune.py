"""Pruning: masks, what is trained on, methods on top of each other, and what is refused."""

import copy
import pickle

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn.utils import prune

W = np.array([[1.0, -5.0, 2.0], [0.5, 4.0, -3.0]])


def linear():
    layer = nn.Linear(3, 2, dtype=np.float64)
    layer.weight.data[...] = W
    return layer


class EverySecond(prune.BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        mask = default_mask.copy()
        mask.reshape(-1)[::2] = 0
        return mask


def test_the_least_are_pruned_and_the_rest_is_trained():
    layer = linear()
    kept = layer.weight
    assert prune.l1_unstructured(layer, "weight", 2) is layer and layer.weight_orig is kept
    assert list(layer.state_dict()) == ["bias", "weight_orig", "weight_mask"] and prune.is_pruned(layer)
    mask = np.array([[0, 1, 1], [0, 1, 1]])
    np.testing.assert_array_equal(layer.weight.data, W * mask)
    layer(np.ones((1, 3))).sum().backward()
    np.testing.assert_array_equal(kept.grad, mask)
    kept.data[...] = 7
    np.testing.assert_array_equal(layer.weight.data, 7 * mask)
    assert prune.remove(layer, "weight") is layer and layer.weight is kept
    np.testing.assert_array_equal(kept.data, 7 * mask)
    assert list(layer.state_dict()) == ["bias", "weight"] and not prune.is_pruned(nn.Sequential(layer))


def test_what_is_pruned_may_be_infinite():
    layer = prune.l1_unstructured(linear(), "weight", 1)
    layer.weight_orig.data[1, 0] = np.inf
    assert layer.weight.data[1, 0] == 0
    (layer(np.ones((1, 3))) ** 2).sum().backward()
    assert layer.weight_orig.grad[1, 0] == 0 and np.isfinite(layer.weight_orig.grad).all()
    assert prune.remove(layer, "weight").weight.data[1, 0] == 0


def test_amounts_are_parts_or_counts():
    for amount, left in [(0.5, 3), (0.0, 6), (0, 6), (1, 5), (1.0, 0), (np.int64(2), 4)]:
        assert prune.l1_unstructured(linear(), "weight", amount).weight_mask.sum() == left
        assert prune.random_unstructured(linear(), "weight", amount).weight_mask.sum() == left
    for amount, error in [
        (1.5, ValueError),
        (-1, ValueError),
        (7, ValueError),
        ("a", TypeError),
        (True, TypeError),
    ]:
        layer = linear()
        for function, others in [
            (prune.l1_unstructured, ()),
            (prune.random_unstructured, ()),
            (prune.random_structured, (0,)),
            (prune.ln_structured, (2, 0)),
        ]:
            with pytest.raises(error, match="prune: amount"):
                function(layer, "weight", amount, *others)
        assert list(layer.state_dict()) == ["weight", "bias"]


def test_slices_are_pruned():
    layer = prune.ln_structured(linear(), "weight", 1, n=1, dim=0)
    np.testing.assert_array_equal(layer.weight_mask, [[1, 1, 1], [0, 0, 0]])  # 8 and 7.5
    layer = prune.ln_structured(linear(), "weight", 1, n=np.inf, dim=-1)
    np.testing.assert_array_equal(layer.weight_mask, [[0, 1, 1], [0, 1, 1]])
    layer = prune.ln_structured(linear(), "weight", 1, n="fro", dim=1, importance_scores=-W)
    np.testing.assert_array_equal(layer.weight_mask, [[0, 1, 1], [0, 1, 1]])
    mask = prune.random_structured(linear(), "weight", 2, dim=1).weight_mask
    assert sorted(mask.sum(0)) == [0, 0, 2]
    with pytest.raises(IndexError, match=r"a tensor of shape \(2, 3\) has no axis 2"):
        prune.random_structured(linear(), "weight", 1, dim=2)
    with pytest.raises(ValueError, match="two or more axes"):
        prune.ln_structured(linear(), "bias", 1, 2, dim=0)


def test_scores_decide():
    layer = prune.l1_unstructured(linear(), "weight", 1, importance_scores=[[9, 0.1, 9], [9, 9, 9]])
    np.testing.assert_array_equal(layer.weight_mask, [[1, 0, 1], [1, 1, 1]])
    with pytest.raises(ValueError, match=r"importance_scores of shape \(1,\) for \(2, 3\)"):
        prune.l1_unstructured(linear(), "weight", 1, importance_scores=[1])


def test_methods_follow_each_other_among_what_is_left():
    layer = linear()
    prune.l1_unstructured(layer, "weight", 2)  # 0.5 and 1
    prune.l1_unstructured(layer, "weight", 0.25)  # 2, of the four that are left
    np.testing.assert_array_equal(layer.weight_mask, [[0, 1, 0], [0, 1, 1]])
    prune.ln_structured(layer, "weight", 1, 2, 1)  # of two columns
    np.testing.assert_array_equal(layer.weight_mask, [[0, 1, 0], [0, 1, 0]])
    prune.custom_from_mask(layer, "weight", np.array([[1, 1, 1], [0, 0, 0]]))
    np.testing.assert_array_equal(layer.weight_mask, [[0, 1, 0], [0, 0, 0]])
    with pytest.raises(ValueError, match="amount=2 is more than the 1 there are"):
        prune.l1_unstructured(layer, "weight", 2)
    np.testing.assert_array_equal(layer.weight_mask, [[0, 1, 0], [0, 0, 0]])
    np.testing.assert_array_equal(prune.remove(layer, "weight").weight.data, [[0, -5, 0], [0, 0, 0]])


def test_layers_are_pruned_together():
    a, b = linear(), linear()
    b.weight.data[...] = 10 * W
    prune.global_unstructured([(a, "weight"), (b, "weight")], prune.L1Unstructured, amount=5 / 12)
    assert a.weight_mask.sum() == 1 and b.weight_mask.all()
    scores = {(a, "weight"): np.full((2, 3), 100.0)}
    c, d = linear(), linear()
    prune.global_unstructured(
        [(c, "weight"), (d, "weight")], prune.L1Unstructured, {(d, "weight"): 0 * W}, amount=6
    )
    assert c.weight_mask.all() and not d.weight_mask.any()
    for arguments, error in [
        ((3, prune.L1Unstructured), TypeError),
        (([(c, "weight")], prune.L1Unstructured, [1]), TypeError),
        (([(c, "weight")], prune.L1Unstructured, {(c, "weight"): np.ones(2)}), ValueError),
    ]:
        with pytest.raises(error, match="global_unstructured: "):
            prune.global_unstructured(*arguments, amount=1)
    with pytest.raises(TypeError, match="LnStructured is 'structured'"):
        prune.global_unstructured(list(scores), prune.LnStructured, amount=1, n=2)


def test_a_method_of_ones_own():
    layer = linear()
    method = EverySecond.apply(layer, "weight")
    assert isinstance(method, EverySecond)
    np.testing.assert_array_equal(layer.weight_mask, [[0, 1, 0], [1, 0, 1]])
    np.testing.assert_array_equal(EverySecond().prune(W), W * layer.weight_mask)

    class Broken(prune.BasePruningMethod):
        PRUNING_TYPE = "unstructured"

        def compute_mask(self, t, default_mask):
            return default_mask[0]

    other = linear()
    with pytest.raises(ValueError, match=r"a mask of shape \(3,\) for a parameter of \(2, 3\)"):
        Broken.apply(other, "weight")
    assert list(other.state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_and_states_are_pruned(duplicate):
    layer = EverySecond.apply(made := linear(), "weight") and made
    twin = duplicate(layer)
    twin.weight_orig.data[...] = 1
    np.testing.assert_array_equal(twin.weight.data, layer.weight_mask)
    np.testing.assert_array_equal(layer.weight.data, W * layer.weight_mask)
    other = prune.identity(linear(), "weight")
    assert other.weight_mask.all()
    other.load_state_dict(twin.state_dict())
    np.testing.assert_array_equal(other.weight.data, twin.weight.data)


def test_what_cannot_be_pruned():
    layer = linear()
    with pytest.raises(ValueError, match="Linear has no parameter 'gain'"):
        prune.identity(layer, "gain")
    with pytest.raises(ValueError, match="Linear.weight is not pruned"):
        prune.remove(layer, "weight")
    with pytest.raises(ValueError, match=r"a mask of shape \(3,\) for a parameter of \(2, 3\)"):
        prune.custom_from_mask(layer, "weight", np.ones(3))
    prune.identity(layer, "weight")
    with pytest.raises(TypeError, match="Linear.weight is computed .*: prune.remove first"):
        layer.weight = nn.Parameter(W)
