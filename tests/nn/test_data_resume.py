"""nn.data.DataLoader: a run that is stopped in the middle of an epoch goes on as if it had not been."""

import json

import numpy as np
import pytest

from data_cases import Drawing, Numbers, Stream, Tape, batches, plain
from tapegrad import nn
from tapegrad.nn import data


def run(make, stop, others=None):
    """Batches after `stop` of two epochs: of a run that is not stopped, and of one that is."""
    nn.manual_seed(0)
    loader = make()
    kept, state, rng = [], None, None
    for _ in range(3):
        for batch in loader:
            nn.random.generator().random()  # what training draws
            kept.append(plain(batch))
            if len(kept) == stop:
                state, rng = json.loads(json.dumps(loader.state_dict())), nn.get_rng_state()
    nn.manual_seed(99)
    loader = (others or make)()
    loader.load_state_dict(state)
    assert loader.state_dict() == state
    nn.set_rng_state(rng)
    again = []
    for _ in range(3 - (stop - 1) * 3 // len(kept)):
        for batch in loader:
            nn.random.generator().random()
            again.append(plain(batch))
    return kept[stop:], again


def threads(workers):
    return {"multiprocessing_context": "thread"} if workers else {}


@pytest.mark.parametrize("stop", [1, 3, 5, 7])
@pytest.mark.parametrize("workers", [(0, 0), (2, 3), (0, 2)])
def test_map_style(stop, workers):
    forks = stop == 3

    def make(n):
        return lambda: data.DataLoader(Drawing(18), 4, True, num_workers=n, **({} if forks else threads(n)))

    rest, again = run(make(workers[0]), stop, make(workers[1]))
    if 0 in workers or not forks:  # np.random and random are the program's own there
        rest, again = ([b[:2] for b in each] for each in (rest, again))
    assert again == rest and len(rest) == 15 - stop


def test_samples_that_were_passed_over_are_not_loaded():
    loader = data.DataLoader(Numbers(), 4, shuffle=True)
    iterator = iter(loader)
    seen = [plain(next(iterator)) for _ in range(3)]
    fresh = data.DataLoader(Numbers(), 4, shuffle=True)
    fresh.load_state_dict(loader.state_dict())
    rest = batches(fresh)
    assert fresh.dataset.asked == sum(rest, []) and sorted(sum(seen + rest, [])) == list(range(20))


@pytest.mark.parametrize("kind", [np.random.SFC64, np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_generators_of_the_loader_and_of_samplers(kind):
    def loader():
        return data.DataLoader(Numbers(12), 4, True, generator=np.random.Generator(kind(1)))

    def weighted():
        rng = np.random.Generator(kind(2))
        return data.DataLoader(
            Numbers(12), 4, sampler=data.WeightedRandomSampler(np.ones(12), 12, generator=rng)
        )

    def grouped():
        inner = data.RandomSampler(range(12), generator=np.random.Generator(kind(3)))
        return data.DataLoader(Numbers(12), batch_sampler=data.BatchSampler(inner, 4, False))

    for make in (loader, weighted, grouped):
        for stop in (1, 3, 5):
            rest, again = run(make, stop)
            assert again == rest


def test_a_generator_that_the_program_draws_from_too():
    rng = np.random.default_rng(0)
    loader = data.DataLoader(Numbers(8), 2, True, generator=rng)
    iterator = iter(loader)
    next(iterator)
    rng.random(5)
    state, rest, later = loader.state_dict(), [plain(b) for b in iterator], batches(loader)
    loader.load_state_dict(state)
    assert batches(loader) == rest and batches(loader) == later


class Lazily(data.Sampler):
    """Draws as it goes."""

    def __init__(self, generator=None):
        self.generator = generator

    def __iter__(self):
        for _ in range(12):
            rng = nn.random.generator() if self.generator is None else self.generator
            yield int(rng.integers(12))


class Counting(data.Sampler):
    """Another order in each epoch, and a state."""

    epochs = 0

    def __iter__(self):
        self.epochs += 1
        return iter([(i * 5 + self.epochs) % 12 for i in range(12)])

    def __len__(self):
        return 12

    def state_dict(self):
        return {"epochs": self.epochs}

    def load_state_dict(self, state):
        self.epochs = state["epochs"]


@pytest.mark.parametrize("workers", [0, 2])
def test_samplers_of_others(workers):
    for sampler in (Lazily, lambda: Lazily(np.random.default_rng(4)), Counting):
        for stop in (2, 3, 4):
            rest, again = run(
                lambda make=sampler: data.DataLoader(
                    Numbers(12), 4, sampler=make(), num_workers=workers, **threads(workers)
                ),
                stop,
            )
            assert again[: 3 - stop % 3] == rest[: 3 - stop % 3]
            if workers == 0 or sampler is not Lazily:
                assert len(again) == len(rest)


@pytest.mark.parametrize("stop", [1, 2, 4, 6, 9])
@pytest.mark.parametrize("workers", [(0, 0), (0, 1), (2, 2), (3, 3)])
def test_streams(stop, workers):
    """Those without a state are iterated over again, and draw what they drew."""

    def make(n):
        return lambda: data.DataLoader(Stream(13), 3, num_workers=n, **threads(n))

    rest, again = run(make(workers[0]), stop, make(workers[1]))
    assert again == rest


def test_a_stream_that_knows_its_place_is_not_read_again():
    for workers in (0, 1, 2):
        loader = data.DataLoader(Tape(), 2, num_workers=workers, **threads(workers))
        iterator = iter(loader)
        seen = [plain(next(iterator)) for _ in range(3)]
        state = json.loads(json.dumps(loader.state_dict()))
        rest = [plain(b) for b in iterator]
        tape = Tape()
        fresh = data.DataLoader(tape, 2, num_workers=workers, **threads(workers))
        fresh.load_state_dict(state)
        assert batches(fresh) == rest and len(seen + rest) == 6 * max(1, workers)
        assert min(tape.made) == (6 if workers < 2 else 2)


def test_between_epochs_and_after_the_last_batch():
    loader = data.DataLoader(Numbers(4), 2)
    assert loader.state_dict()["progress"] is None
    iterator = iter(loader)
    batch, _ = next(iterator), next(iterator)
    last = loader.state_dict()
    assert next(iterator, None) is None and batch is not None and loader.state_dict()["progress"] is None
    loader.load_state_dict(last)
    assert batches(loader) == [] and batches(loader) == [[0, 1], [2, 3]]


def test_batches_that_come_out_of_order():
    nn.manual_seed(0)
    options = dict(batch_size=1, num_workers=2, in_order=False, multiprocessing_context="thread")
    loader = data.DataLoader(Numbers(30), **options)
    iterator = iter(loader)
    seen = [plain(next(iterator)) for _ in range(11)]
    fresh = data.DataLoader(Numbers(30), **options)
    fresh.load_state_dict(loader.state_dict())
    assert sorted(sum(seen + batches(fresh), [])) == list(range(30))
    with pytest.raises(RuntimeError, match="in_order=False cannot be resumed"):
        data.DataLoader(Stream(), **options).state_dict()


def test_states_that_do_not_fit():
    loader = data.DataLoader(Numbers(8), 2, generator=np.random.default_rng(0))
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    for wrong, told in [
        ({}, "cannot be loaded: 'batch_size'"),
        (None, "cannot be loaded"),
        ({**state, "batch_size": 4}, "batch_size was 4, and is 2 here"),
        ({**state, "length": 9}, "length was 9, and is 8 here"),
        ({**state, "now": []}, "other samplers or generators"),
        ({**state, "now": [{}]}, "no state of the generator's PCG64"),
        ({**state, "progress": {}}, "cannot be loaded"),
        ({**state, "progress": {**state["progress"], "seed": -1}}, "out of range"),
        ({**state, "progress": {**state["progress"], "sources": [3]}}, "no state of the generator"),
    ]:
        with pytest.raises(ValueError, match=told):
            loader.load_state_dict(wrong)
    assert plain(next(iterator)) == [2, 3] and batches(loader)[0] == [0, 1]
    states = [data.DataLoader(Stream(), num_workers=n).state_dict() for n in (1, 2)]
    with pytest.raises(ValueError, match="workers was 2, and is 1 here"):
        data.DataLoader(Stream()).load_state_dict(states[1])
    data.DataLoader(Stream()).load_state_dict(states[0])


def test_a_checkpoint_holds_the_loader(tmp_path):
    pytest.importorskip("safetensors")
    nn.manual_seed(0)
    loader = data.DataLoader(Drawing(12), 4, shuffle=True)
    iterator = iter(loader)
    next(iterator)
    nn.save(tmp_path / "run", loader=loader.state_dict())
    rest, later = [[plain(b)[:2] for b in each] for each in (iterator, loader)]
    extra = nn.load(tmp_path / "run")
    fresh = data.DataLoader(Drawing(12), 4, shuffle=True)
    fresh.load_state_dict(extra["loader"])
    assert [[plain(b)[:2] for b in fresh] for _ in "ab"] == [rest, later]


@pytest.mark.parametrize("state", [None, 3, [1], np.ones(2), {"progress": np.ones(2)}])
def test_what_is_no_state_is_refused(state):
    loader = data.DataLoader(list(range(6)), 2)
    before = loader.state_dict()
    if isinstance(state, dict):
        state = {**before, **state}
    with pytest.raises(ValueError, match="^DataLoader: this state cannot be loaded"):
        loader.load_state_dict(state)
    assert loader.state_dict() == before


@pytest.mark.parametrize("name", ["sampler", "batch_sampler"])
def test_a_sampler_that_gives_nothing(name):
    with pytest.raises(TypeError, match=f"DataLoader: {name} gives .*indices when iterated over, got 3"):
        data.DataLoader(list(range(6)), **{name: 3})
