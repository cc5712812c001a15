"""nn.data beside torch.utils.data: what batches hold and how they nest, indices, shares, lengths, errors."""

from collections import namedtuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from hypothesis import given
from hypothesis import strategies as st
from torch.utils import data as theirs

from tapegrad.autograd import Tensor
from tapegrad.nn import data

Point = namedtuple("Point", "x y")


def form(value):
    """A batch of either library in one form: kinds, dtypes, numbers."""
    if isinstance(value, torch.Tensor):
        value = Tensor(value.numpy())
    if isinstance(value, Tensor):
        return "tensor", str(value.dtype), value.shape, value.data.tolist()
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.tolist()
    if isinstance(value, dict):
        return type(value), {key: form(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value), [form(x) for x in value]
    return value


numbers = st.sampled_from(
    [0, 3, -7, True, 1.5, np.float32(2), np.int16(4), np.float64(1), np.bool_(True), np.uint8(9)]
)
leaves = st.one_of(
    numbers,
    st.sampled_from(["word", b"bytes"]),
    st.sampled_from(["f4", "f8", "i8", "i4", "u1", "?", "f2"]).flatmap(
        lambda dtype: st.sampled_from([(), (2,), (2, 3), (0,)]).map(lambda shape: np.ones(shape, dtype))
    ),
)
samples = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
        st.tuples(inner, inner).map(lambda pair: Point(*pair)),
    ),
    max_leaves=5,
)


@given(samples, st.integers(1, 3))
def test_collated_as_torch_does(sample, n):
    batch = [sample] * n
    assert form(data.default_collate(batch)) == form(theirs.default_collate(batch))


@given(samples)
def test_converted_as_torch_does(sample):
    assert form(data.default_convert(sample)) == form(theirs.default_convert(sample))


@pytest.mark.parametrize(
    "batch",
    [
        [np.ones(2), np.ones(3)],
        [[1], [1, 2]],
        [{"a": 1}, {"b": 1}],
        [None, None],
        [object()],
        [np.array(["a"])],
        [(np.ones(1), None)],
        [{1}],
        [1j],
    ],
)
def test_what_torch_refuses_is_refused_by_the_same_class(batch):
    with pytest.raises(Exception) as told:
        theirs.default_collate(batch)
    with pytest.raises(told.type):
        data.default_collate(batch)


@given(st.integers(0, 40), st.integers(1, 9), st.booleans())
def test_batches_of_indices(n, size, drop_last):
    ours, torchs = (m.BatchSampler(m.SequentialSampler(range(n)), size, drop_last) for m in (data, theirs))
    assert list(ours) == list(torchs) and len(ours) == len(torchs)


@given(st.integers(1, 40), st.integers(1, 7), st.booleans())
def test_shares_of_processes(n, replicas, drop_last):
    for rank in range(replicas):
        ours, torchs = (
            m.DistributedSampler(range(n), replicas, rank, False, drop_last=drop_last)
            for m in (data, theirs.distributed)
        )
        assert list(ours) == list(torchs) and len(ours) == len(torchs)
        shuffled = data.DistributedSampler(range(n), replicas, rank, drop_last=drop_last)
        assert len(list(shuffled)) == len(torchs)


@given(st.integers(1, 60), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_lengths_of_random_parts(n, parts):
    fractions = [p / sum(parts) for p in parts]
    if sum(fractions) > 1 or any(int(n * f) == 0 for f in fractions):
        return
    ours, torchs = data.random_split(range(n), fractions), theirs.random_split(range(n), fractions)
    assert [len(p) for p in ours] == [len(p) for p in torchs]


ORDER = [7, 2, 9, 4, 4, 0, 1]


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 3, "drop_last": True},
        {"batch_size": 2, "sampler": ORDER},
        {"batch_size": 3, "num_workers": 1},
        {"batch_sampler": [ORDER[:4], ORDER[4:]]},
        {"batch_size": None, "sampler": ORDER},
        {"batch_size": 4, "collate_fn": list},
    ],
)
def test_loaders_give_the_same_batches(options):
    x, y = np.arange(30.0, dtype=np.float32).reshape(10, 3), np.arange(10)
    samples = [{"x": row, "y": (int(i), f"{i}")} for row, i in zip(x, y, strict=True)]
    for ours, torchs in [
        (data.TensorDataset(x, Tensor(y)), theirs.TensorDataset(torch.tensor(x), torch.tensor(y))),
        (samples, samples),
        (data.ConcatDataset([samples[:4], samples[4:]]), theirs.ConcatDataset([samples[:4], samples[4:]])),
        (data.StackDataset(a=samples, b=x), theirs.StackDataset(a=samples, b=x)),
        (data.Subset(samples, y[::-1]), theirs.Subset(samples, y[::-1])),
    ]:
        if options.get("collate_fn") is list and not isinstance(ours, list):
            continue  # rows of arrays stay arrays here
        a, b = data.DataLoader(ours, **options), theirs.DataLoader(torchs, **options)
        assert len(a) == len(b) and [form(x) for x in a] == [form(x) for x in b]
        for name in ("batch_size", "num_workers", "drop_last", "timeout", "prefetch_factor", "in_order"):
            assert getattr(a, name) == getattr(b, name)
        assert type(a.sampler).__name__ == type(b.sampler).__name__
        assert type(a.batch_sampler).__name__ == type(b.batch_sampler).__name__


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 0},
        {"batch_size": "8"},
        {"batch_size": 2.5},
        {"num_workers": -1},
        {"num_workers": "2"},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"multiprocessing_context": "spawn"},
        {"num_workers": 1, "multiprocessing_context": "x"},
        {"num_workers": 1, "multiprocessing_context": 3},
        {"sampler": [0], "shuffle": True},
        {"batch_sampler": [[0]], "batch_size": 2},
        {"batch_size": None, "drop_last": True},
        {"dataset": [], "shuffle": True},
    ],
)
def test_what_torch_refuses_a_loader_refuses(options):
    options = {"dataset": [1, 2], **options}
    with pytest.raises(Exception) as told:
        theirs.DataLoader(**options)
    with pytest.raises(told.type):
        data.DataLoader(**options)


class Count(data.IterableDataset):
    def __iter__(self):
        return iter(range(7))


class TheirCount(theirs.IterableDataset):
    __iter__ = Count.__iter__


@pytest.mark.parametrize(
    "options", [{"batch_size": 3}, {"batch_size": 3, "drop_last": True}, {"batch_size": None}]
)
@pytest.mark.parametrize("workers", [0, 2])
def test_streams_give_the_same_batches(options, workers):
    ours, torchs = (m(d(), num_workers=workers, **options) for m, d in
                    ((data.DataLoader, Count), (theirs.DataLoader, TheirCount)))  # fmt: skip
    assert [form(x) for x in ours] == [form(x) for x in torchs]


def test_arguments_have_torchs_names_order_and_defaults():
    import inspect

    for name in data.__all__:
        ours, torchs = getattr(data, name), getattr(theirs, name)
        ours, torchs = (f.__init__ if isinstance(f, type) else f for f in (ours, torchs))
        if not all(inspect.isfunction(f) for f in (ours, torchs)):
            continue
        pairs = [
            [(p.name, p.kind, p.default) for p in inspect.signature(f).parameters.values()]
            for f in (ours, torchs)
        ]
        if name == "random_split":  # torch's default generator is an object of its own
            pairs = [pair[:2] for pair in pairs]
        assert [p[:2] for p in pairs[0]] == [p[:2] for p in pairs[1]], name
        assert [p[2] for p in pairs[0]] == [p[2] for p in pairs[1]], name
