"""nn.parallel: what a batch may consist of, and how it is shared out."""

from typing import NamedTuple

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from tapegrad.autograd import Tensor
from tapegrad.nn import parallel


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


class Samples(NamedTuple):
    x: np.ndarray
    y: np.ndarray


def nested(model, batch, scale=1.0):
    return squared(model, batch["x"], batch["y"]) * scale


def listed(model, x, y, scale=1.0):
    assert isinstance(y, list) and len(y) == len(x)
    return squared(model, x, np.array(y)) * scale


def named(model, samples, scale=1.0):
    assert isinstance(samples, Samples)
    return squared(model, samples.x, samples.y) * scale


def paired(model, xy, scale=1.0):
    return squared(model, *xy) * scale


def mapped(model, x, words, scale=1.0):
    """Texts of different lengths, in a list."""
    return squared(model, x, np.array([float(len(word)) for word in words])) * scale


x, y = regression(7)
FORMS = {
    "arrays": (lambda model, x, y, scale=1.0: squared(model, x, y) * scale, (x, y)),
    "a Tensor": (lambda model, x, y, scale=1.0: squared(model, x, y) * scale, (Tensor(x), y)),
    "a dict": (nested, ({"x": x, "y": y, "name": "train"},)),
    "a list": (listed, (x, y.tolist())),
    "texts": (mapped, (x, ["a" * n for n in range(7)])),
    "a tuple": (paired, ((x, y),)),
    "a named tuple": (named, (Samples(x, y),)),
}


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("form", FORMS)
def test_rows_are_shared_out_wherever_they_are(kind, workers, form):
    loss, batch = FORMS[form]
    model, optimizer = net()
    expected_model, expected_optimizer = net()
    with parallel.replicate(model, optimizer, loss, workers=workers, kind=kind) as replicas:
        for scale in (1.0, 0.5, np.float64(2.0), np.array(3.0)):  # constants reach every worker whole
            value = loss(expected_model, *batch, scale)
            expected_optimizer.zero_grad()
            value.backward()
            expected_optimizer.step()
            assert replicas.step(*batch, scale) == pytest.approx(value.item(), rel=1e-12)
    for name, array in state(expected_model).items():
        np.testing.assert_allclose(state(model)[name], array, rtol=1e-12, atol=1e-12)


class Frame:
    """As a table of another library: it has rows, but is no array."""

    shape = (7, 3)


@pytest.mark.parametrize(
    ("batch", "told"),
    [
        ((x, y.tolist()[:5]), "with shapes .7, 3., .5,. cannot be shared out among 2 workers"),
        (({"x": x, "y": y[:3]},), "with shapes .7, 3., .3,. cannot"),
        ((x, [x, y]), "A list is one item for each row; give several arrays, or constants, as a tuple"),
        ((x, Frame()), "Frame cannot be shared out; make it an array"),
        ((Tensor(x, requires_grad=True), y), "requires a gradient, which only parameters get; give x.detach"),
    ],
)
def test_what_cannot_be_shared_out_is_said(kind, batch, told):
    with parallel.replicate(*net(), squared, workers=2, kind=kind) as replicas:
        with pytest.raises(ValueError, match=told):
            replicas.step(*batch)
        assert np.isfinite(replicas.step(x, y))


def test_what_cannot_be_pickled_leaves_the_replicas_usable():
    def loss(model, x, y, scale=lambda: 1.0):
        return squared(model, x, y) * scale()

    if "processes" not in KINDS:
        pytest.skip("threads send nothing")
    with parallel.replicate(*net(), loss, workers=3, kind="processes") as replicas:
        with pytest.raises(TypeError, match="cannot be sent to another process .*or use kind='threads'"):
            replicas.step(x, y, lambda: 2.0)
        assert np.isfinite(replicas.step(x, y))


def test_replays_take_flat_batches_only(kind):
    loss = FORMS["a dict"][0]
    replicas = parallel.replicate(*net(), loss, workers=2, kind=kind, replay=True)
    with replicas, pytest.raises(TypeError, match="with replay=True a batch is of arrays and constants"):
        replicas.step({"x": x, "y": y})


def test_shapes_may_change_from_step_to_step(kind):
    def loss(model, x, y):
        return ((model(x)[..., 0] - y) ** 2).sum(), y.size

    rng = np.random.default_rng(0)
    model, optimizer = net()
    expected_model, expected_optimizer = net()
    with parallel.replicate(model, optimizer, loss, workers=2, kind=kind) as replicas:
        for shape in [(4, 2), (3, 5), (9,), (2, 1, 3), (4, 2)]:
            batch = rng.normal(size=(*shape, 3)), rng.normal(size=shape)
            total, count = loss(expected_model, *batch)
            expected_optimizer.zero_grad()
            (total / count).backward()
            expected_optimizer.step()
            assert replicas.step(*batch) == pytest.approx(total.item() / count, rel=1e-12)
    for name, array in state(expected_model).items():
        np.testing.assert_allclose(state(model)[name], array, rtol=1e-12, atol=1e-12)
