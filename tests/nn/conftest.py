"""What tests of DataLoader's workers stand in."""

import gc
import multiprocessing
import threading
import time

import pytest


@pytest.fixture(params=["fork", "thread"])
def kind(request):
    """How workers are started."""
    return request.param


@pytest.fixture
def no_worker_is_left():
    before = set(threading.enumerate())
    yield
    gc.collect()
    assert multiprocessing.active_children() == []
    limit = time.monotonic() + 2
    while set(threading.enumerate()) - before and time.monotonic() < limit:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before
