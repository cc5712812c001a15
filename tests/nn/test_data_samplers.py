"""nn.data: orders, shares and batches of indices."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegrad import nn
from tapegrad.nn import data


def rng(seed=0):
    return np.random.default_rng(seed)


@given(st.integers(0, 30), st.integers(1, 9), st.booleans())
def test_batches_of_indices(n, size, drop_last):
    sampler = data.BatchSampler(data.SequentialSampler(range(n)), size, drop_last)
    batches = list(sampler)
    assert len(sampler) == len(batches) and all(len(b) == size for b in batches[: -1 if batches else None])
    kept = n // size * size if drop_last else n
    assert [i for b in batches for i in b] == list(range(kept))


def test_random_orders():
    sampler = data.RandomSampler(range(10000), generator=rng())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == list(range(10000)) and first != second and type(first[0]) is int
    assert first == list(data.RandomSampler(range(10000), generator=rng()))
    rounds = list(data.RandomSampler("abc", num_samples=8, generator=rng()))
    assert len(rounds) == 8 and sorted(rounds[:3]) == sorted(rounds[3:6]) == [0, 1, 2]
    drawn = Counter(data.RandomSampler("abc", True, 9000, rng()))
    assert sum(drawn.values()) == 9000 and all(abs(n - 3000) < 300 for n in drawn.values())
    part = list(data.SubsetRandomSampler([5, 7, 9], rng()))
    assert sorted(part) == [5, 7, 9] and len(data.SubsetRandomSampler([5, 7, 9])) == 3
    nn.manual_seed(1)
    own = list(data.RandomSampler(range(50)))
    nn.manual_seed(1)
    assert own == list(data.RandomSampler(range(50)))


def test_an_order_is_drawn_when_the_epoch_begins():
    for make in (
        lambda g: data.RandomSampler(range(9), generator=g),
        lambda g: data.BatchSampler(data.RandomSampler(range(9), generator=g), 2, False),
        lambda g: data.SubsetRandomSampler(range(9), g),
        lambda g: data.WeightedRandomSampler(np.ones(9), 9, False, g),
    ):
        g = rng()
        order = iter(make(g))
        g.random(100)  # of somebody else
        assert list(order) == list(make(rng()))


def test_a_random_sampler_follows_the_length_of_its_source():
    source = [1, 2, 3]
    sampler = data.RandomSampler(source)
    source.append(4)
    assert len(sampler) == 4 and sorted(sampler) == [0, 1, 2, 3]


def test_weights():
    weights = [0.0, 1, 2, 5]
    drawn = Counter(data.WeightedRandomSampler(weights, 16000, generator=rng()))
    for i, w in enumerate(weights):
        assert abs(drawn[i] - 2000 * w) < 300
    firsts = Counter(next(iter(data.WeightedRandomSampler(weights, 3, False, rng(i)))) for i in range(800))
    assert firsts[0] == 0 and 430 < firsts[3] < 570 and 60 < firsts[1] < 140
    for seed in range(20):
        assert sorted(data.WeightedRandomSampler(weights, 3, False, rng(seed))) == [1, 2, 3]
    huge = data.WeightedRandomSampler([1e308, 1e308, 0, 1e-308], 50, generator=rng())
    assert set(huge) <= {0, 1}


@pytest.mark.parametrize(
    ("weights", "count", "replacement", "told"),
    [
        ([1, -1], 1, True, "got -1.0 at 1"),
        ([1, np.nan], 1, True, "got nan at 1"),
        ([1, np.inf], 1, True, "got inf at 1"),
        ([0, 0], 1, True, "0 of 2 weights are above zero"),
        ([], 1, True, "0 of 0 weights"),
        ([1, 0, 1], 3, False, "2 of 3 weights are above zero, too few to draw 3"),
        ([[1, 2]], 1, True, r"not shaped \(1, 2\)"),
        ([1, 2], 0, True, "num_samples should be a positive integer, not 0"),
        ([1, 2], 1.5, True, "positive integer, not 1.5"),
        ([1, 2], True, True, "positive integer, not True"),
        ([1, 2], 1, "yes", "replacement is True or False, not 'yes'"),
    ],
)
def test_weights_that_are_refused(weights, count, replacement, told):
    with pytest.raises(ValueError, match=told):
        data.WeightedRandomSampler(weights, count, replacement)


def test_samplers_that_are_refused():
    for size in (0, -1, "8", 2.5, True):
        with pytest.raises(ValueError, match="batch_size is a positive int"):
            data.BatchSampler(range(3), size, False)
    with pytest.raises(ValueError, match="drop_last is True or False, not 1"):
        data.BatchSampler(range(3), 1, 1)
    with pytest.raises(ValueError, match="not 0: an empty dataset cannot be shuffled"):
        data.RandomSampler([])
    with pytest.raises(ValueError, match="positive integer, not -3"):
        data.RandomSampler([1], num_samples=-3)
    with pytest.raises(TypeError, match="replacement is True or False"):
        data.RandomSampler([1], 1)
    for make in (
        lambda g: data.RandomSampler([1], generator=g),
        lambda g: data.SubsetRandomSampler([1], g),
        lambda g: data.WeightedRandomSampler([1], 1, True, g),
    ):
        with pytest.raises(TypeError, match="generator is None .* not int 7"):
            make(7)
    with pytest.raises(NotImplementedError, match="Sampler has no __iter__"):
        iter(data.Sampler())


@given(st.integers(1, 25), st.integers(1, 6), st.booleans(), st.booleans())
def test_shares_of_processes(n, replicas, drop_last, shuffle):
    shares = []
    for rank in range(replicas):
        sampler = data.DistributedSampler(range(n), replicas, rank, shuffle, 3, drop_last)
        sampler.set_epoch(2)
        shares.append(list(sampler))
        assert len(shares[-1]) == len(sampler) == sampler.total_size // replicas
    together = [i for turn in zip(*shares, strict=True) for i in turn]
    order = rng(3 + 2).permutation(n).tolist() if shuffle else list(range(n))
    assert together == ((order * replicas)[: -(-n // replicas) * replicas] if not drop_last else
                        order[: n // replicas * replicas])  # fmt: skip


def test_shares_that_are_refused():
    with pytest.raises(ValueError, match="rank 2 is not between 0 and num_replicas - 1 = 1"):
        data.DistributedSampler(range(3), 2, 2)
    with pytest.raises(RuntimeError, match="give num_replicas and rank"):
        data.DistributedSampler(range(3), rank=0)


@pytest.mark.parametrize("indices", [[1.5, 2], np.array([True, False]), ["1"], [None]])
def test_indices_are_whole_numbers(indices):
    dataset = data.TensorDataset(np.arange(5.0))
    with pytest.raises(TypeError, match="TensorDataset: indices are whole numbers, got "):
        list(data.DataLoader(dataset, batch_sampler=[indices]))


def test_the_indices_of_a_sampler_are_not_written_to():
    given = np.array([0, -1])
    ((batch,),) = data.DataLoader(data.TensorDataset(np.arange(5.0)), batch_sampler=[given])
    assert batch.tolist() == [0, 4] and given.tolist() == [0, -1]


@pytest.mark.parametrize("weights", ["x", {}, ["a", 1]])
def test_weights_are_numbers(weights):
    with pytest.raises(TypeError, match="WeightedRandomSampler: weights are numbers, got "):
        data.WeightedRandomSampler(weights, 2)
