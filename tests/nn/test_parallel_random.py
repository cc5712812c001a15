"""nn.parallel: random numbers that a loss draws outside of the package differ from worker to worker."""

import copy
import random

import numpy as np
import pytest

from parallel_cases import KINDS, net, regression, squared, state
from tapegrad import nn
from tapegrad.nn import parallel

needs_processes = pytest.mark.skipif("processes" not in KINDS, reason="this system cannot fork")


def shown(draw):
    """A loss that gives a drawn number: what a worker drew is seen from its part of the loss."""

    def loss(model, x, y):
        return squared(model, x, y) * 0 + draw(model)

    return loss


def drawn(loss, seed=1, steps=4, workers=2, kind="processes", change=None):
    """What each worker drew in each step."""
    model, optimizer = net()
    if change is not None:
        change(model)
    with parallel.replicate(model, optimizer, loss, workers=workers, kind=kind) as replicas:
        nn.manual_seed(seed)
        found = []
        for i in range(steps):
            (replicas.step if i % 2 else replicas.evaluate)(*regression(2 * workers))
            found.append((replicas._exchange.losses * workers).tolist())
        return found


def by_numpy(model):
    return np.random.random()


def by_numpy_normal(model):
    return np.random.standard_normal()


def by_python(model):
    return random.random()


closed_over = np.random.default_rng(5)
others = {"state": np.random.RandomState(5), "python": random.Random(5)}


def by_a_global_generator(model):
    return closed_over.random()


def by_a_random_state(model, known=others):
    return known["state"].random_sample() + known["python"].random()


def by_the_model(model):
    return model.rng.random()


def with_generator(model):
    model.rng = np.random.default_rng(5)


DRAWS = [by_numpy, by_numpy_normal, by_python, by_a_global_generator, by_a_random_state, by_the_model]


@needs_processes
@pytest.mark.parametrize("draw", DRAWS)
def test_workers_draw_different_numbers_in_each_step_which_follow_from_the_seed(draw):
    first = drawn(shown(draw), change=with_generator)
    every = [value for step in first for value in step]
    assert len({round(value, 9) for value in every}) == len(every) == 8
    np.random.seed(7)  # neither of these has a say
    random.seed(7)
    closed_over.random(3)
    assert drawn(shown(draw), change=with_generator) == first
    assert drawn(shown(draw), seed=2, change=with_generator) != first


@needs_processes
def test_the_package_s_own_generator_held_by_a_loss_differs_too():
    rng = nn.manual_seed(0)
    found = drawn(shown(lambda model: rng.random()))
    assert len({round(value, 9) for step in found for value in step}) == 8


@needs_processes
def test_draws_that_come_only_later_differ_between_workers():
    """No comparison has seen them, so the calling process draws from its own stream, as it would alone."""
    model, optimizer = net()

    def loss(model, x, y):
        return squared(model, x, y) * 0 + (np.random.random() if y[0] > 100 else 0)

    x, y = regression(6)
    with parallel.replicate(model, optimizer, loss, workers=3, kind="processes") as replicas:
        for _ in range(2):
            replicas.step(x, y)
        replicas.step(x, y + 1000)
        assert len(set(replicas._exchange.losses.tolist())) == 3


def streams_state():
    _, keys, place, has, cached = np.random.get_state()
    return keys.tolist(), place, has, cached, random.getstate(), copy.copy(closed_over.bit_generator.state)


@pytest.mark.parametrize("kind", KINDS)
def test_the_caller_s_streams_are_where_they_were(kind):
    np.random.seed(0)
    np.random.standard_normal()  # the second number of a pair is kept
    before = streams_state()
    model, optimizer = net(p=0.5)

    def loss(model, x, y):
        if kind == "processes":
            np.random.standard_normal(3), random.random(), closed_over.random()
        return squared(model, x, y)

    with parallel.replicate(model, optimizer, loss, workers=2, kind=kind) as replicas:
        for i in range(3):
            replicas.step(*regression(6, i))
            replicas.evaluate(*regression(6, i))
        assert streams_state() == before


def test_a_worker_alone_draws_as_a_plain_loop_does():
    loss = shown(lambda model: np.random.random() + random.random())

    def started():
        np.random.seed(3), random.seed(3)
        return net()

    model, _ = started()
    expected = [loss(model, *regression(2)).item() for _ in range(3)]
    with parallel.replicate(*started(), loss, workers=1) as replicas:
        assert [replicas.step(*regression(2)) for _ in range(3)] == expected


@needs_processes
def test_noise_of_saved_replicas_goes_on_bit_for_bit(tmp_path):
    def loss(model, x, y):
        x = x + np.random.standard_normal(x.shape) * random.random() * closed_over.random()
        return squared(model, x, y)

    batches = [regression(6, seed) for seed in range(6)]
    path = tmp_path / "c.safetensors"

    def trained(made, given):
        with parallel.replicate(*made, loss, workers=2, kind="processes") as replicas:
            for batch in given:
                replicas.step(*batch)

    whole, part = net(p=0.3), net(p=0.3)
    nn.manual_seed(1)
    trained(whole, batches)
    nn.manual_seed(1)
    trained(part, batches[:3])
    nn.save(path, model=part[0], optimizer=part[1])
    np.random.seed(9)
    nn.manual_seed(9)
    resumed = net(p=0.3)
    nn.load(path, model=resumed[0], optimizer=resumed[1])
    trained(resumed, batches[3:])
    ours, expected = state(resumed[0]), state(whole[0])
    assert all(np.array_equal(ours[name], expected[name]) for name in expected)


@pytest.mark.parametrize("draw", [by_numpy, by_python, by_a_global_generator, by_a_random_state])
def test_threads_refuse_what_they_would_share(draw):
    for kind_of_call in ("step", "evaluate"):
        replicas = parallel.replicate(*net(), shown(draw), workers=2, kind="threads")
        with replicas, pytest.raises(ValueError, match=r"the loss draws from .*, which threads share"):
            getattr(replicas, kind_of_call)(*regression(4))


def test_threads_draw_different_numbers_from_a_generator_of_the_model():
    first = drawn(shown(by_the_model), kind="threads", change=with_generator)
    assert len({round(value, 9) for step in first for value in step}) == 8
    assert drawn(shown(by_the_model), kind="threads", change=with_generator) == first


@needs_processes
def test_np_random_may_have_another_bit_generator():
    before = np.random.get_bit_generator()
    state_before = np.random.get_state(legacy=False)
    try:
        np.random.set_bit_generator(np.random.PCG64(1))
        first = drawn(shown(by_numpy_normal))
        assert len({round(value, 9) for step in first for value in step}) == 8
        assert drawn(shown(by_numpy_normal)) == first
    finally:
        np.random.set_bit_generator(before)
        np.random.set_state(state_before)
