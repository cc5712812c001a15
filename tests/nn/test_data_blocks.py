"""Shared memory between a worker and its caller, both ends in this process."""

import multiprocessing
import threading

import numpy as np
import pytest

from tapegrad.nn.data import blocks
from tapegrad.nn.data.channel import Channel

pytestmark = pytest.mark.skipif(not blocks.available(), reason="this system has no such memory")
SHAPE, DTYPE = (blocks.LARGE,), np.dtype(np.uint8)


@pytest.fixture
def ends():
    one, other = multiprocessing.Pipe()
    with one, other:
        yield Channel(one), Channel(other)


def sent(worker, caller, packed):
    """What arrives."""
    thread = threading.Thread(target=worker.send, args=(packed,))
    thread.start()
    value = caller.receive()
    thread.join()
    return value


def test_memory_is_not_given_again_while_an_end_has_an_array_in_it():
    lender = blocks.Lender()
    kept = lender.empty(SHAPE, DTYPE)
    block, _ = lender.lend(kept.data)
    lender.returned([block.number])  # the caller has dropped its array, the worker has not
    assert lender.lend(lender.empty(SHAPE, DTYPE).data)[0] is not block
    del kept
    again = lender.empty(SHAPE, DTYPE)
    assert lender.lend(again.data)[0] is block
    del again  # the worker has dropped its array, the caller has not
    assert lender.lend(lender.empty(SHAPE, DTYPE).data)[0] is not block


def test_what_one_end_writes_later_is_not_seen_by_the_other(ends):
    worker, caller = ends
    kept = worker.lender.empty(SHAPE, DTYPE)
    for round_ in range(3):
        kept[:] = round_
        got = sent(worker, caller, worker.pack(kept))
        kept[:] = 9
        assert (got == round_).all()
        got[:] = 7
        assert (kept == 9).all()


def test_an_array_that_is_not_kept_is_not_copied(ends):
    worker, caller = ends
    array = worker.lender.empty(SHAPE, DTYPE)
    array[:] = 5
    packed = worker.pack(array)
    del array
    assert (sent(worker, caller, packed) == 5).all() and len(worker.lender.blocks) == 1
