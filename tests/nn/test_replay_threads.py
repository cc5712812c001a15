"""nn.replay: other threads may use the model while it is captured."""

import queue
import threading

import numpy as np
import pytest

import tapegrad.autograd as ag
from replay_cases import Network, floats, gpt, recordings, squares
from tapegrad import nn
from tapegrad.autograd.replay.trace import Traced


@pytest.mark.parametrize("made", [lambda: (Network(), squares), lambda: gpt()[:2]], ids=["mlp", "gpt"])
def test_a_model_may_be_evaluated_while_it_is_captured(made):
    model, loss = made()
    given = np.random.default_rng(0).integers(0, 11, (2, 6)) if loss is not squares else floats(4, 3)
    with ag.no_grad():
        right = model(given).data.copy()
    wrong, stop, rounds = [], threading.Event(), [0, 0]

    def evaluate(i):
        while not stop.is_set():
            try:
                with ag.no_grad():
                    out = model(given).data
                arrays = [out, *(p.data for p in model.parameters())]
                assert not any(isinstance(a, Traced) for a in arrays)
                np.testing.assert_array_equal(out, right)
            except BaseException as error:
                wrong.append(error)
                return
            rounds[i] += 1

    threads = [threading.Thread(target=evaluate, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    try:
        for n in range(1, 16):
            loss_of = nn.replay(model, loss)
            for _ in range(3):
                batch = (given[:n], given[:n]) if loss is not squares else (floats(4, 3), floats(4, 2))
                loss_of(*batch)
            assert recordings(loss_of)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong and min(rounds) > 1
    assert {type(p) for p in model.parameters()} == {nn.Parameter}


def test_captures_of_one_model_in_two_threads():
    model, results = Network(), {}
    batches = [(floats(4, 3), floats(4, 2)) for _ in range(6)]
    right = [squares(model, *batch).item() for batch in batches]
    start = threading.Barrier(3)

    def capture(i):
        start.wait()
        for _ in range(10):
            loss_of = nn.replay(model, squares)
            results[i] = [loss_of(*batch).item() for batch in batches], len(recordings(loss_of))

    threads = [threading.Thread(target=capture, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: (right, 1) for i in range(3)}
    assert {type(p) for p in model.parameters()} == {nn.Parameter}


def test_during_a_capture_another_thread_sees_plain_arrays():
    """Those of parameters, and whatever the loss may have put into the model by then."""
    model, seen = Network(), queue.SimpleQueue()  # into which nn.replay does not look

    def look():
        for module in model.modules():
            for value in vars(module).values():
                seen.put(type(getattr(value, "data", value)))

    def loss(model, x, y):
        value = squares(model, x, y)
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return value

    loss_of = nn.replay(model, loss)
    for _ in range(3):
        loss_of(floats(4, 3), floats(4, 2))
    kinds = {seen.get() for _ in range(seen.qsize())}
    assert recordings(loss_of) and np.ndarray in kinds and Traced not in kinds


def test_a_loss_that_computes_in_another_thread_is_refused():
    """Where nothing of the capture can be seen."""
    model = Network()

    def loss(model, x, y):
        found = []
        thread = threading.Thread(target=lambda: found.append(np.exp(model.last.weight.data).sum()))
        thread.start()
        thread.join()
        return squares(model, x, y) * found[0]

    loss_of = nn.replay(model, loss)
    with pytest.warns(RuntimeWarning, match="other numbers"):
        for _ in range(8):
            x, y = floats(4, 3), floats(4, 2)
            value = loss_of(x, y)
            model.last.weight.data *= 0.9
    assert value is not None and not recordings(loss_of)
