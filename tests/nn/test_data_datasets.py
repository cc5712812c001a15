"""nn.data: datasets, those made of others, and what they refuse."""

import numpy as np
import pytest

from data_cases import Numbers, Stream
from tapegrad.autograd import Tensor
from tapegrad.nn import data


def letters(*names):
    return [list(name) for name in names]


def test_rows_of_tensors_and_arrays():
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    ds = data.TensorDataset(Tensor(x), y)
    assert len(ds) == 6 and ds[4][0].data.tolist() == [8, 9] and ds[-1][1] == 5
    whole = ds.__getitems__([1, -1, 1])
    assert len(whole) == 3 and [s[1] for s in whole] == [1, 5, 1] and whole[1][0].data.tolist() == [10, 11]


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.bool_, np.uint8, ">f4", ">i8"])
def test_a_batch_taken_at_once_is_that_of_its_samples(dtype):
    rng = np.random.default_rng(0)
    x, y = (rng.random((7, 3, 2)) * 5).astype(dtype), rng.random(7).astype(dtype)
    ds, indices = data.TensorDataset(x, y, Tensor(x[:, :0].astype(np.float32))), [3, 0, -1, 3]
    at_once = data.default_collate(ds.__getitems__(indices))
    one_by_one = data.default_collate([ds[i] for i in indices])
    for a, b in zip(at_once, one_by_one, strict=True):
        assert a.dtype == b.dtype and a.dtype.isnative and np.array_equal(a.data, b.data)
        assert not a.requires_grad and not np.shares_memory(a.data, x)


def test_a_subclass_with_its_own_samples_is_asked_for_them():
    class Doubled(data.TensorDataset):
        def __getitem__(self, i):
            return (super().__getitem__(i)[0] * 2,)

    class Shifted(data.Subset):
        def __getitem__(self, i):
            return super().__getitem__(i) + 100

    class Negated(data.StackDataset):
        def __getitem__(self, i):
            return -super().__getitem__(i)[0]

    loader = data.DataLoader(Doubled(np.arange(4)), 4)
    assert next(iter(loader))[0].data.tolist() == [0, 2, 4, 6]
    assert next(iter(data.DataLoader(Shifted(range(9), [3, 1]), 2))).data.tolist() == [103, 101]
    assert next(iter(data.DataLoader(Negated(range(3)), 3))).data.tolist() == [0, -1, -2]


def test_rows_that_need_a_gradient_keep_their_graph():
    w = Tensor(np.ones((3, 2)), requires_grad=True)
    (batch,) = next(iter(data.DataLoader(data.TensorDataset(w), 2)))
    batch.sum().backward()
    assert w.grad.data.tolist() == [[1, 1], [1, 1], [0, 0]]


def test_tensor_datasets_that_do_not_fit():
    with pytest.raises(ValueError, match=r"same number of rows, got \(3, 2\), \(4,\)"):
        data.TensorDataset(np.ones((3, 2)), np.ones(4))
    with pytest.raises(ValueError, match="same number of rows, got none"):
        data.TensorDataset()
    with pytest.raises(TypeError, match="not list; use np.asarray"):
        data.TensorDataset([1, 2])
    with pytest.raises(IndexError, match="index 3 is out of range for 3 samples"):
        data.TensorDataset(np.ones(3)).__getitems__([0, 3])
    with pytest.raises(IndexError, match="index -4 is out of range"):
        data.TensorDataset(np.ones(3)).__getitems__([-4])


def test_parts_chains_and_stacks():
    a, b = letters("abc", "de")
    joined = data.Dataset.__add__(a, b) + ["f"]
    assert len(joined) == 6 and [joined[i] for i in (0, 2, 3, 5, -1, -6)] == list("acdffa")
    assert joined.cumulative_sizes == [5, 6]
    part = data.Subset(joined, [4, 0, 5])
    assert len(part) == 3 and part[0] == "e" and part[-1] == "f" and part.__getitems__([1, 0]) == ["a", "e"]
    assert data.Subset(np.arange(10), [4, 0, 5])[[0, 2]].tolist() == [4, 5]
    for index in (6, -7):
        with pytest.raises(IndexError, match=f"index {index} is out of range for 6"):
            joined[index]
    x = data.TensorDataset(np.arange(3))
    for stack, sample in [
        (data.StackDataset(a, x), ("b", (1,))),
        (data.StackDataset(n=a, x=x), {"n": "b", "x": (1,)}),
    ]:
        assert len(stack) == 3 and stack[1] == sample and stack.__getitems__([1]) == [sample]
    chained = Stream(2) + Stream(1)
    assert [i for i, _ in chained] == [0, 1, 0]
    assert len(Stream(2, 2) + Stream(1, 1)) == 3


def test_what_cannot_be_combined():
    with pytest.raises(ValueError, match="at least one"):
        data.ConcatDataset([])
    with pytest.raises(TypeError, match="use ChainDataset"):
        data.ConcatDataset([Stream()])
    with pytest.raises(TypeError, match="not list; use ConcatDataset"):
        list(data.ChainDataset([[1]]))
    with pytest.raises(ValueError, match=r"lengths \[3, 2\]"):
        data.StackDataset(*letters("abc", "de"))
    for args, kwargs in [((), {}), (("a",), {"b": "c"})]:
        with pytest.raises(ValueError, match="either by position or by name"):
            data.StackDataset(*args, **kwargs)
    with pytest.raises(NotImplementedError, match="Dataset has no __getitem__"):
        data.Dataset()[0]
    with pytest.raises(NotImplementedError, match="IterableDataset has no __iter__"):
        iter(data.IterableDataset())

    class Short(Numbers):
        def __getitems__(self, indices):
            return [0]

    for ds in (data.Subset(Short(), range(20)), data.StackDataset(Short())):
        with pytest.raises(ValueError, match="Short.__getitems__ gave 1 samples for 2 indices"):
            ds.__getitems__([1, 2])
    with pytest.raises(ValueError, match="gave 1 samples for 4 indices"):
        next(iter(data.DataLoader(Short(), 4)))


@pytest.mark.parametrize(
    ("lengths", "counts"),
    [([3, 7], [3, 7]), ([0.5, 0.5], [5, 5]), ([0.33, 0.33, 0.34], [4, 3, 3]), ([10], [10]), ([1.0], [10])],
)
def test_random_split(lengths, counts):
    parts = data.random_split(range(10), lengths, np.random.default_rng(0))
    assert [len(p) for p in parts] == counts
    assert sorted(i for p in parts for i in p.indices) == list(range(10))
    again = data.random_split(range(10), lengths, np.random.default_rng(0))
    assert [p.indices for p in parts] == [p.indices for p in again] and parts[0].indices != sorted(parts[0])


def test_lengths_that_do_not_sum():
    for lengths, told in [([3, 3], "sum to 6"), ([0.5, 0.4], "sum to 0.9"), ([0.7, 0.7], "sum to 1.4")]:
        with pytest.raises(ValueError, match=f"{told}.*10 samples"):
            data.random_split(range(10), lengths)
    for lengths in ([-1, 11], [1.5, -0.5], [float("nan"), 1]):
        with pytest.raises(ValueError, match="negative"):
            data.random_split(range(10), lengths)
    with pytest.raises(ValueError, match="sum to 10"):
        data.random_split(range(10), [2.5, 7.5])
    with pytest.warns(UserWarning, match="part 1 of .* is empty"):
        assert [len(p) for p in data.random_split(range(2), [0.9, 0.1])] == [2, 0]
    with pytest.raises(TypeError, match="not int 0"):
        data.random_split(range(10), [10], 0)
