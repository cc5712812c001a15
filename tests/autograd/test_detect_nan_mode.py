"""`detect_nan` as a mode: nested, decorating, in threads, replicas and replays; its error."""

import pickle
import threading
import weakref

import numpy as np
import pytest

import tapegrad.autograd as ag
from nan_cases import found, layers, leaf
from tapegrad import nn
from tapegrad.autograd import modes


def test_one_of_both():
    x = leaf(1, 0)
    with ag.detect_nan(inf=False):
        np.log(x)
        np.sqrt(x).sum().backward()
    assert "divide made nan" in found(lambda: x / np.array([1, 0]), inf=False)
    with ag.detect_nan(nan=False):
        np.log(leaf(-1, 1))
    assert "log made -inf" in found(lambda: np.log(leaf(-1, 0)), nan=False)
    with pytest.raises(ValueError, match="nan=False and inf=False leave nothing"):
        ag.detect_nan(nan=False, inf=False)


def test_the_inner_one_decides():
    with ag.detect_nan():
        with ag.detect_nan(inf=False):
            np.log(leaf(0, 1))
        with pytest.raises(FloatingPointError):
            np.log(leaf(0, 1))


def test_decorated_functions_and_generators():
    @ag.detect_nan
    def log(x):
        return np.log(x)

    @ag.detect_nan(inf=False)
    def logs(x):
        while True:
            yield np.log(x)
            x = x - 1

    with pytest.raises(FloatingPointError):
        log(leaf(0, 1))
    steps = logs(leaf(0.5, 1))
    next(steps)
    assert modes.current.get().watch is None
    with pytest.raises(FloatingPointError, match="log made nan"):
        next(steps)


def test_everything_is_as_before_afterwards():
    before, errors = modes.current.get(), np.geterr()
    found(lambda: np.log(leaf(0, 1)))
    assert modes.current.get() is before and np.geterr() == errors
    y = np.exp(leaf(0, 1))
    assert y.node.recipe is None
    with ag.detect_nan():
        y = np.exp(y)
        inside = weakref.ref(y.node)
        (y * 1).sum().backward()
    del y
    assert inside() is None, "without gc"
    detector = ag.detect_nan()
    watching = weakref.ref(detector)
    with detector, detector:
        np.exp(leaf(0, 1))
    del detector
    assert watching() is None, "without gc"


def test_what_is_no_function_is_not_decorated():
    for switch in (ag.detect_nan, ag.no_grad, ag.enable_grad, ag.higher_order):
        with pytest.raises(TypeError, match="was given a int, and no function"):
            switch(3)


def test_writes_between_are_noticed_all_the_same():
    x = leaf(1, 2)
    with ag.detect_nan():
        y, z = x * 2, np.exp(x)
        with ag.no_grad():
            x += 1
        (y + z).sum().backward()  # which needs neither
        y = (x * x).sum()
        with ag.no_grad():
            x += 1
        with pytest.raises(RuntimeError, match="was changed in place"):
            y.backward()


def test_what_is_not_recorded_is_not_looked_at():
    with ag.detect_nan(), ag.no_grad():
        np.log(leaf(0, 1))


def test_a_thread_has_its_own():
    texts = []

    def run():
        try:
            np.exp(leaf(0, 1000.0, dtype=np.float16) * 1)
            texts.append("not watched")
        except FloatingPointError as error:
            texts.append(str(error))

    def watched():
        with ag.detect_nan():
            run()

    with ag.detect_nan(), np.errstate(all="ignore"):
        for target in (watched, lambda: np.seterr(all="ignore") and run()):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()
    assert texts[0].startswith("exp made inf") and texts[1] == "not watched"


def loss_of(model, x):
    return np.log(model(x) ** 2).mean()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_replicas_watch_their_shares(kind):
    model = nn.Sequential(nn.Linear(2, 3, bias=False, dtype=np.float64))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.0)
    x = np.ones((4, 2))
    x[3] = 0  # in the share of the other worker
    match = "log made -inf out of finite numbers"
    replicas = nn.parallel.replicate(model, optimizer, loss_of, workers=2, kind=kind)
    with replicas, ag.detect_nan(), pytest.raises((RuntimeError, FloatingPointError), match=match):
        replicas.step(x)


def test_a_replayed_loss_runs_itself():
    model = nn.Sequential(nn.Linear(2, 3, bias=False, dtype=np.float64))
    loss = nn.replay(model, loss_of)
    for _ in range(4):
        loss(np.ones((4, 2))).backward()
    assert "log made -inf" in found(lambda: loss(np.zeros((4, 2))))


def test_a_loss_that_has_it_inside_is_not_replayed():
    model = nn.Sequential(nn.Linear(2, 3, bias=False, dtype=np.float64))
    loss = nn.replay(model, ag.detect_nan(loss_of))
    with pytest.warns(RuntimeWarning, match="detect_nan looks at the numbers of each step"):
        for _ in range(4):
            loss(np.ones((4, 2))).backward()
    with pytest.raises(FloatingPointError, match="log made -inf"):
        loss(np.zeros((4, 2)))


@pytest.mark.parametrize(
    ("by", "says"), [(0, "divide in Ratio '1.1'"), (1e-200, "the backward of divide in Ratio")]
)
def test_the_error_can_be_drawn(by, says):
    ratio, model = layers()
    ratio.by.data[1] = by
    with pytest.raises(FloatingPointError) as caught, ag.detect_nan():
        model(np.ones((4, 2))).sum().backward()
    graph = ag.Graph(caught.value, model)
    assert graph.nodes[-1].kind == "failed" and graph.nodes[-1].path == "1.1"
    assert f"FloatingPointError: {says}" in graph.error


def test_it_can_be_sent():
    again = pickle.loads(pickle.dumps(ag.detect_nan(inf=False)))
    assert (again.nan, again.inf) == (True, False)
