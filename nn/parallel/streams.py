"""Random numbers from outside of this package: np.random, random, and generators that a loss holds."""

from __future__ import annotations

import pickle
import random as python_random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np

Stream: TypeAlias = Any  # a Generator or RandomState of NumPy, a Random of Python or its module `random`


def is_stream(value: Any) -> bool:
    """Whether random numbers are drawn from it."""
    kinds = (
        np.random.Generator,
        np.random.RandomState,
        python_random.Random,
    )  # importing np.random takes 5 ms
    return isinstance(value, kinds)


def shared_streams() -> list[Stream]:
    """The two that a whole process draws from."""
    return [np.random.mtrand._rand, python_random]


def name(stream: Stream) -> str:
    names = ["np.random", "random"]
    shared = [names[i] for i, known in enumerate(shared_streams()) if known is stream]
    return shared[0] if shared else f"a {type(stream).__name__} that the loss holds"


def read(stream: Stream) -> Any:
    """Its state, for `write`."""
    if isinstance(stream, np.random.Generator):
        return stream.bit_generator.state
    if isinstance(stream, np.random.RandomState):
        return stream.get_state(legacy=False)
    return stream.getstate()


def write(stream: Stream, state: Any) -> None:
    if isinstance(stream, np.random.Generator):
        stream.bit_generator.state = state
    elif isinstance(stream, np.random.RandomState):
        stream.set_state(state)
    else:
        stream.setstate(state)


def seed(streams: Sequence[Stream], step: int, worker: int) -> None:
    """Start them anew, differently for each step (64 random bits), worker, and place in the list.

    From 32 bits where that is ten times as fast: np.random and random are seeded in every step of a worker.
    """
    for i, stream in enumerate(streams):
        words = [step, worker, i]
        word = (step ^ step >> 32 ^ worker * 0x9E3779B9 ^ i * 0x85EBCA6B) & 0xFFFFFFFF
        if isinstance(stream, np.random.Generator):
            stream.bit_generator.state = type(stream.bit_generator)(words).state
        elif isinstance(stream, np.random.RandomState) and not _is_mersenne_twister(stream):
            bits: Any = type(stream._bit_generator)
            stream.set_state({**bits(words).state, "has_gauss": 0, "gauss": 0.0})
        else:
            stream.seed(word)


def _is_mersenne_twister(stream: np.random.RandomState) -> bool:
    """Whether it has a seed(), as it has unless somebody gave it another bit generator."""
    return isinstance(stream._bit_generator, np.random.MT19937)


def moved(streams: Sequence[Stream], states: Sequence[Any]) -> list[Stream]:
    """Those that are not in these states any more."""
    pairs = zip(streams, states, strict=True)
    return [stream for stream, state in pairs if pickle.dumps(read(stream)) != pickle.dumps(state)]


@contextmanager
def seeded(streams: Sequence[Stream], step: int, worker: int) -> Iterator[None]:
    """Start them anew for what is inside; afterwards they are where they were before."""
    states = [read(stream) for stream in streams]
    try:
        seed(streams, step, worker)
        yield
    finally:
        for stream, state in zip(streams, states, strict=True):
            write(stream, state)
