"""How many BLAS threads matrix products use, where models and replicas have a say in it."""

import sys

import pytest

from tapegrad import nn
from tapegrad.models import GPT, GPTConfig, Transformer, TransformerConfig
from tapegrad.nn.parallel import cores, limit_threads


class Library:
    """A BLAS library, as threadpoolctl shows it."""

    def __init__(self, num_threads):
        self.num_threads = num_threads

    def set_num_threads(self, number):
        self.num_threads = number


@pytest.fixture
def library(monkeypatch):
    """The only BLAS library of this process, with 8 threads."""
    library = Library(8)
    monkeypatch.setattr(cores, "blas_libraries", lambda: [library])
    return library


@pytest.fixture
def without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    cores.blas_libraries.cache_clear()
    yield
    cores.blas_libraries.cache_clear()


def test_a_limit_holds_until_it_ends(library):
    limit = cores.BlasLimit(3)
    for _ in range(2):
        with limit:
            assert library.num_threads == 3
        assert library.num_threads == 8
    with pytest.raises(ZeroDivisionError), limit:
        1 / 0  # noqa: B018
    assert library.num_threads == 8


def test_the_lowest_of_overlapping_limits_counts_and_none_raises_the_number(library):
    two, three, many = cores.BlasLimit(2), cores.BlasLimit(3), cores.BlasLimit(99)
    seen = []
    for change in (three.start, many.start, two.start, three.stop, two.stop, many.stop):
        change()
        seen.append(library.num_threads)
    assert seen == [3, 3, 2, 2, 8, 8]
    library.num_threads = 1  # by the user
    with many:
        assert library.num_threads == 1
    assert library.num_threads == 1


def test_each_library_keeps_its_own_number(monkeypatch):
    libraries = [Library(8), Library(2)]
    monkeypatch.setattr(cores, "blas_libraries", lambda: libraries)
    with cores.BlasLimit(4):
        assert [library.num_threads for library in libraries] == [4, 2]
    assert [library.num_threads for library in libraries] == [8, 2]


@pytest.mark.parametrize(("rows", "threads"), [(1, 1), (64, 1), (200, 1), (300, 2), (1000, 8), (0, 1)])
def test_threads_follow_from_the_work_of_a_product(rows, threads):
    model = nn.Linear(1024, 4096)  # 8.4 MFLOP a row
    assert limit_threads(model, rows).threads == threads
    model = nn.Sequential(model, nn.Linear(1024, 4096), nn.LayerNorm(10_000))  # the average matrix counts
    assert limit_threads(model, rows).threads == threads
    assert limit_threads(nn.GELU(), rows).threads == 1


def generators():
    nn.manual_seed(0)
    gpt = GPT(GPTConfig(11, 8, 16, 2, 1)).eval()
    transformer = Transformer(TransformerConfig(11, 8, 16, 2, 1, 1)).eval()
    return [
        (gpt, lambda: gpt.generate([1, 2], 3)),
        (transformer, lambda: transformer.generate([1, 2], [0], 3)),
    ]


@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize(("flops_for_a_thread", "threads"), [(1e9, 1), (1.0, 8)])
def test_generating_uses_the_threads_that_its_work_is_worth(
    library, monkeypatch, index, flops_for_a_thread, threads
):
    monkeypatch.setattr(cores, "FLOPS_FOR_A_THREAD", flops_for_a_thread)
    model, generate = generators()[index]
    used = []
    for module in model.modules():
        module.register_forward_pre_hook(lambda module, args: used.append(library.num_threads))
    between = [library.num_threads for _ in generate()]
    assert between == [8, 8, 8]  # the caller's products
    assert set(used) == {threads}


def test_the_number_is_restored_when_a_token_fails(library):
    for model, generate in generators():
        model.head.register_forward_pre_hook(lambda module, args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            list(generate())
        assert library.num_threads == 8


def test_the_real_library_is_asked():
    pytest.importorskip("threadpoolctl")
    libraries = cores.blas_libraries()
    before = [library.num_threads for library in libraries]
    with cores.BlasLimit(1):
        assert all(library.num_threads == 1 for library in libraries)
    assert [library.num_threads for library in libraries] == before


def test_without_threadpoolctl_generating_goes_on(without_threadpoolctl):
    for _, generate in generators():
        assert len(list(generate())) == 3


def test_without_threadpoolctl_replicas_tell_their_caller(without_threadpoolctl, monkeypatch):
    def replicate():
        model = nn.Linear(2, 1)
        optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
        kind = "processes" if nn.parallel.can_fork() else "threads"
        nn.parallel.replicate(model, optimizer, lambda model, x: model(x).sum(), workers=2, kind=kind).close()

    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    with pytest.warns(UserWarning, match="pip install threadpoolctl") as caught:
        replicate()
    assert caught[0].filename == __file__
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    replicate()
