"""What the tests of LBFGS minimise."""

import numpy as np

from tapegrad import nn
from tapegrad.nn.optim import LBFGS

WOLFE = {"line_search_fn": "strong_wolfe"}


def rosenbrock(x):
    return ((1 - x[:-1]) ** 2).sum() + 100 * ((x[1:] - x[:-1] ** 2) ** 2).sum()


def problem(loss=rosenbrock, start=(-1.2, 1.0, 0.5, -0.3), dtype=np.float64, **options):
    """(parameter, optimizer, closure, the points at which it was called)"""
    x = nn.Parameter(np.array(start, dtype))
    optimizer, seen = LBFGS([x], **options), []

    def closure():
        seen.append(x.data.copy())
        optimizer.zero_grad()
        value = loss(x)
        value.backward()
        return value

    return x, optimizer, closure, seen
