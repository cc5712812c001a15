"""Programs run plainly and under checkpoint."""

from typing import NamedTuple

import numpy as np

from tapegrad.autograd import Tensor, checkpoint


def leaf(*shape, seed=0):
    return Tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def plain(fn, *args, **kwargs):
    return fn(*args, **kwargs)


def both(program, *leaves):
    """Gradients of program(run, *leaves), a Tensor, with run=plain and run=checkpoint; equal to the bit."""
    found = []
    for run in (plain, checkpoint):
        for x in leaves:
            x.grad = None
        out = program(run, *leaves)
        out.sum().backward()
        found.append([out.data, *(x.grad for x in leaves)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_array_equal(a, b)
    return found[1]


class Pair(NamedTuple):
    a: object
    b: object
