"""Parts of a layer's work on several threads: what comes of it is what one thread gives."""

import os
import signal
import sys
import threading
import time
import warnings
from functools import partial

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn.functional import _together
from tapegrad.nn.parallel import cores

SHAPES = [
    (nn.Conv2d(4, 6, 3, padding=1), (5, 4, 9, 8)),
    (nn.Conv2d(4, 6, 3, stride=2, groups=2), (5, 4, 9, 8)),
    (nn.Conv2d(4, 4, 3, padding=1, groups=4), (5, 4, 9, 8)),
    (nn.Conv1d(3, 2, 1), (3, 3, 200)),
    (nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1), (5, 4, 9, 8)),
    (nn.BatchNorm2d(4), (5, 4, 9, 8)),
    (nn.GroupNorm(2, 4), (5, 4, 9, 8)),
]


@pytest.fixture
def three(monkeypatch):
    """Threads for however little work."""
    monkeypatch.setattr(_together, "WORK", 2)
    monkeypatch.setattr(_together, "_threads", lambda: 3)


def results(module, shape):
    module = module.double()
    rng = np.random.default_rng(0)
    x = Tensor(rng.standard_normal(shape), requires_grad=True)
    module.zero_grad()
    y = module(x)
    y.backward(rng.standard_normal(y.shape))
    return [y.data, x.grad, *(p.grad for p in module.parameters())]


@pytest.mark.parametrize(("module", "shape"), SHAPES)
def test_layers_are_the_same(module, shape, monkeypatch, request):
    alone = results(module, shape)
    request.getfixturevalue("three")
    names = []
    error_of = _together._error_of

    def noted(job):
        names.append(threading.current_thread().name)
        time.sleep(0.001)
        return error_of(job)

    monkeypatch.setattr(_together, "_error_of", noted)
    for found, expected in zip(results(module, shape), alone, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert isinstance(module, nn.GroupNorm) or len(set(names)) > 1


def test_parts_have_all_images(three):
    for count in range(8):
        found = _together.parts(count, 100)
        assert [i for part in found for i in range(count)[part]] == list(range(count))
        assert len(found) == max(1, min(6, count))


def test_little_work_is_for_one(monkeypatch):
    monkeypatch.setattr(_together, "_threads", lambda: 2)
    assert len(_together.parts(8, _together.WORK - 1)) == 1
    assert len(_together.parts(8, _together.WORK)) == 2
    assert len(_together.parts(8, 9 * _together.WORK)) == 4


def test_one_thread_of_blas_is_one_for_all(monkeypatch):
    library = type("Library", (), {"num_threads": 1})()
    monkeypatch.setattr(cores, "blas_libraries", lambda: [library])
    assert _together._threads() == 1
    monkeypatch.setattr(cores, "blas_libraries", lambda: None)
    assert _together._threads() == 1


@pytest.mark.parametrize("at", [0, 1, 2])
def test_errors_come_out_when_all_is_done(at):
    done = []

    def job(i):
        if i == at:
            raise KeyError(i)
        done.append(i)

    with pytest.raises(KeyError):
        _together.together([partial(job, i) for i in range(3)])
    assert sorted(done) == [i for i in range(3) if i != at]
    _together.together([partial(done.append, 7)] * 3)
    assert done.count(7) == 3


def test_settings_of_the_caller_hold():
    here, seen = threading.get_native_id(), []

    def job():
        if threading.get_native_id() != here:
            seen.append(np.geterr())
        time.sleep(0.01)

    with np.errstate(over="raise"):
        while not seen:
            _together.together([job] * 4)
        assert seen[0] == np.geterr()


def test_who_finds_the_workers_busy_works_alone():
    here = []

    def inner():
        here.append(threading.current_thread().name)

    def outer():
        _together.together([inner, inner])
        assert len({*here}) == 1

    _together.together([outer, lambda: None])
    assert len(here) == 2


def test_limits_of_blas_are_as_before():
    library = (cores.blas_libraries() or [None])[0]
    if library is None:
        pytest.skip("threadpoolctl is not installed")
    before, seen = library.num_threads, []
    _together.together([lambda: seen.append(library.num_threads)] * 2)
    assert seen == [1, 1]
    assert library.num_threads == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_child_has_its_own_workers():
    _together.together([lambda: None] * 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads at a fork
        pid = os.fork()
    if pid == 0:
        signal.alarm(5)  # ends a child that has no workers
        here, seen = threading.get_native_id(), set()

        def job():
            seen.add(threading.get_native_id())
            time.sleep(0.01)

        while not seen - {here}:
            _together.together([job] * 4)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="cores are Linux's")
def test_workers_keep_off_this_core():
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one core")
    seen = []
    here = threading.get_native_id()

    def job():
        if threading.get_native_id() != here:
            seen.append(os.sched_getaffinity(0))
        time.sleep(0.01)

    while not seen:
        _together.together([job] * 4)
    assert seen[0] < os.sched_getaffinity(0)
