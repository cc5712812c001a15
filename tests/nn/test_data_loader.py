"""nn.data.DataLoader in one process: its order, arguments, and what it refuses."""

import copy
import pickle
import types
import warnings

import numpy as np
import pytest

from data_cases import Drawing, Numbers, Stream, batches, plain
from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import data


def test_batches_in_the_order_of_the_dataset():
    loader = data.DataLoader(Numbers(7), 3)
    for _ in range(2):
        assert batches(loader) == [[0, 1, 2], [3, 4, 5], [6]]
    assert len(loader) == len(iter(loader)) == 3
    assert batches(data.DataLoader(Numbers(7), 3, drop_last=True)) == [[0, 1, 2], [3, 4, 5]]
    assert batches(data.DataLoader(["a", "b"], 2)) == [["a", "b"]]
    assert isinstance(loader.sampler, data.SequentialSampler) and loader.batch_sampler.batch_size == 3
    assert (loader.batch_size, loader.num_workers, loader.prefetch_factor) == (3, 0, None)


def test_samplers_of_indices_and_of_batches():
    assert batches(data.DataLoader(Numbers(9), 2, sampler=[8, 3, 1])) == [[8, 3], [1]]
    loader = data.DataLoader(Numbers(9), batch_sampler=[[1, 2, 3], [8]])
    assert batches(loader) == [[1, 2, 3], [8]] and len(loader) == 2 and loader.batch_size is None
    loader = data.DataLoader(np.eye(3), batch_size=None)
    assert [type(x) for x in loader] == [Tensor] * 3 and len(loader) == 3
    names = {"a": 1, "b": 2}
    assert batches(data.DataLoader(names, 2, sampler=["b", "a"])) == [[2, 1]]
    assert batches(data.DataLoader(Numbers(4), 2, collate_fn=sum)) == [1, 5]


def test_a_collate_fn_gets_a_list():
    ds = data.TensorDataset(np.arange(4))
    assert batches(data.DataLoader(ds, 2, collate_fn=lambda samples: samples + [None])) == [
        [[0], [1], None],
        [[2], [3], None],
    ]


def test_shuffled_orders():
    nn.manual_seed(3)
    loader = data.DataLoader(Numbers(50), 8, shuffle=True)
    first, second = batches(loader), batches(loader)
    assert sorted(sum(first, [])) == list(range(50)) and first != second
    nn.manual_seed(3)
    assert batches(loader) == first and batches(loader) == second
    own = [batches(data.DataLoader(Numbers(50), 8, True, generator=np.random.default_rng(0))) for _ in "ab"]
    assert own[0] == own[1] != first


def test_an_epoch_draws_one_number_whatever_is_drawn_in_it():
    nn.manual_seed(5)
    after = []
    for ds in (Numbers(), Drawing()):
        nn.manual_seed(5)
        iterator = iter(data.DataLoader(ds, 4, shuffle=True))
        next(iterator)
        nn.random.generator().random(7)  # of the training loop
        rest = [plain(batch) for batch in iterator]
        after.append(([b if ds.__class__ is Numbers else b[0] for b in rest], nn.get_rng_state()))
    assert after[0] == after[1]


def test_arguments_stand_where_pytorchs_stand():
    def collate(samples):
        return samples

    rng = np.random.default_rng(0)
    given = [Numbers(4), 2, False, None, None, 1, collate, True, True, 5, print, "thread", rng]
    loader = data.DataLoader(*given, prefetch_factor=3, persistent_workers=True, in_order=False)
    names = (
        "dataset batch_size shuffle sampler batch_sampler num_workers collate_fn pin_memory drop_last timeout"
    )
    names += " worker_init_fn multiprocessing_context generator"
    for name, value in zip(names.split(), given, strict=True):
        if name not in ("shuffle", "sampler", "batch_sampler"):
            assert getattr(loader, name) is value or getattr(loader, name) == value
    assert (loader.prefetch_factor, loader.persistent_workers, loader.in_order) == (3, True, False)


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ({"batch_size": 0}, ValueError, "batch_size is a positive int .* not 0"),
        ({"batch_size": "8"}, ValueError, "not '8'"),
        ({"batch_size": 2.5}, ValueError, "not 2.5"),
        ({"num_workers": -1}, ValueError, "num_workers is 0 .* not -1"),
        ({"num_workers": "2"}, TypeError, "num_workers is an int, not '2'"),
        ({"num_workers": None}, ValueError, "num_workers"),
        ({"timeout": -1}, ValueError, "timeout is a number of seconds"),
        ({"timeout": 3}, ValueError, "timeout=3 needs workers"),
        ({"prefetch_factor": 2}, ValueError, "prefetch_factor=2 needs workers"),
        ({"num_workers": 1, "prefetch_factor": 0}, ValueError, "at least 1, not 0"),
        ({"num_workers": 1, "prefetch_factor": 1.5}, TypeError, "prefetch_factor is an int"),
        ({"persistent_workers": True}, ValueError, "persistent_workers=True needs workers"),
        ({"multiprocessing_context": "fork"}, ValueError, "needs workers"),
        ({"multiprocessing_context": "x", "num_workers": 1}, ValueError, "one of .*'thread'.* not 'x'"),
        ({"multiprocessing_context": 3, "num_workers": 1}, TypeError, "not 3"),
        ({"sampler": [0], "shuffle": True}, ValueError, "sampler and shuffle exclude each other"),
        ({"batch_sampler": [[0]], "batch_size": 2}, ValueError, "batch_sampler, .* excludes batch_size"),
        ({"batch_sampler": [[0]], "shuffle": True}, ValueError, "excludes"),
        ({"batch_sampler": [[0]], "sampler": [0]}, ValueError, "excludes"),
        ({"batch_sampler": [[0]], "drop_last": True}, ValueError, "excludes"),
        ({"batch_size": None, "drop_last": True}, ValueError, "nothing to drop"),
        ({"generator": 7}, TypeError, r"np.random.default_rng\(seed\), not int 7"),
        ({"generator": np.random.RandomState(0)}, TypeError, "not numpy.random.mtrand.RandomState"),
        ({"dataset": [], "shuffle": True}, ValueError, "an empty dataset cannot be shuffled"),
        ({"dataset": nn.Sequential(nn.ReLU())}, TypeError, r"is a module \(Sequential\)"),
        ({"dataset": types}, TypeError, "is a module"),
        ({"dataset": Numbers}, TypeError, "is the class Numbers; give an object of it"),
        ({"dataset": 5}, TypeError, "int has no __getitem__"),
        (
            {"dataset": iter([1])},
            TypeError,
            "list_iterator has no __getitem__.*; make it a list or an Iterable",
        ),
        ({"dataset": data.Dataset()}, TypeError, "Dataset has no __len__; add it, or give a sampler"),
        ({"dataset": Stream(), "shuffle": True}, ValueError, "shuffle=True is for datasets with an index"),
        ({"dataset": Stream(), "sampler": [1]}, ValueError, r"sampler=\[1\] is for"),
        ({"dataset": Stream(), "batch_sampler": [[1]]}, ValueError, r"batch_sampler=\[\[1\]\] is for"),
    ],
)
def test_arguments_that_are_refused(options, kind, told):
    with pytest.raises(kind, match=told):
        data.DataLoader(**{"dataset": Numbers(3), **options})


def test_what_is_fixed_and_what_can_be_changed():
    loader = data.DataLoader(Numbers(4), 2)
    for name in ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"):
        with pytest.raises(ValueError, match=f"{name} cannot be changed"):
            setattr(loader, name, None)
    loader.collate_fn = list
    assert batches(loader) == [[0, 1], [2, 3]]
    for twin in (copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert batches(twin) == [[0, 1], [2, 3]]


def test_an_empty_dataset_has_no_batches():
    assert batches(data.DataLoader([], 2)) == [] and len(data.DataLoader([])) == 0


class Odd(Numbers):
    def __getitem__(self, i):
        if i == 4:
            raise self.error
        return i


def test_errors_of_a_sample_say_which():
    ds = Odd(9)
    for error in (ValueError("broken"), KeyError("k"), IndexError()):
        ds.error = error
        iterator = iter(data.DataLoader(ds, 3))
        next(iterator)
        with pytest.raises(type(error)) as caught:
            next(iterator)
        assert caught.value is error
        assert error.__notes__ == ["This was dataset[4], sample 1 of 3 of a batch."]
        assert plain(next(iterator)) == [6, 7, 8]  # the loop may go on
    ds.error = StopIteration()
    with pytest.raises(RuntimeError, match=r"dataset\[4\] raised StopIteration"):
        batches(data.DataLoader(ds, 3))
    ds.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError) as caught:
        batches(data.DataLoader(data.Subset(ds, range(9)), 3))
    assert caught.value.__notes__ == ["This was dataset.__getitems__([3, 4, 5])."]
    with pytest.raises(IndexError, match="no sample 77"):
        batches(data.DataLoader(Numbers(3), sampler=[77]))

    def stop(samples):
        raise StopIteration

    with pytest.raises(RuntimeError, match="collate_fn raised StopIteration"):
        batches(data.DataLoader(Numbers(3), collate_fn=stop))


def test_a_dataset_that_changes_its_length():
    ds = Numbers(6)
    loader = data.DataLoader(ds, 2, shuffle=True)
    assert sorted(sum(batches(loader), [])) == list(range(6))
    ds.n = 8
    assert sorted(sum(batches(loader), [])) == list(range(8)) and len(loader) == 4
    iterator = iter(loader)
    ds.n = 1
    with pytest.raises(IndexError) as caught:
        list(iterator)
    assert "This was dataset[" in caught.value.__notes__[0]


def test_streams():
    assert [b[0] for b in batches(data.DataLoader(Stream(5), 2))] == [[0, 1], [2, 3], [4]]
    assert [b[0] for b in batches(data.DataLoader(Stream(5), 2, drop_last=True))] == [[0, 1], [2, 3]]
    assert [b[0] for b in data.DataLoader(Stream(2), None)] == [0, 1]
    loader = data.DataLoader(Stream(5, told=5), 2)
    assert len(loader) == 3 == len(batches(loader))
    with pytest.raises(TypeError, match="unknown"):
        len(data.DataLoader(Stream(5)))
    with pytest.raises(TypeError, match="length of this epoch is not known"):
        len(iter(data.DataLoader(Stream(5))))


@pytest.mark.parametrize(("n", "told"), [(9, "5 batches have come"), (2, "only 1 batches came")])
def test_a_stream_that_is_as_long_as_it_said_or_not(n, told):
    loader = data.DataLoader(Stream(n, told=8), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(loader)  # nobody has been told anything
    assert len(loader) == 4
    with pytest.warns(UserWarning, match=rf"by len\(\) .* should be 4 batches, but {told}"):
        assert len(list(loader)) == -(-n // 2)


def test_batches_feed_replays_and_replicas():
    x, y = np.ones((8, 3), np.float32), np.arange(8)
    loader = data.DataLoader(data.TensorDataset(x, y), 4)
    model = nn.Linear(3, 8)
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)

    def loss(model, x, y):
        return nn.functional.cross_entropy(model(x), y)

    with nn.parallel.replicate(model, optimizer, loss, workers=2, kind="threads") as replicas:
        values = [replicas.step(*batch) for batch in loader]
    assert len(values) == 2 and np.isfinite(values).all()
    step = nn.replay(model, loss)
    assert all(np.isfinite(step(*batch).item()) for _ in range(3) for batch in loader)
