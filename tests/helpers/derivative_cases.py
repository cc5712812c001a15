"""Functions with their derivatives."""

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.uniform(0.5, 1.5, 4)
V = RNG.normal(size=4)
A = RNG.normal(size=(3, 4))


def wave(x):
    """Of NumPy alone."""
    return np.sin(x) * x**2


def wave1(x):
    return np.cos(x) * x**2 + np.sin(x) * 2 * x


def wave2(x):
    return -np.sin(x) * x**2 + 4 * x * np.cos(x) + 2 * np.sin(x)


def wave3(x):
    return -np.cos(x) * x**2 - 6 * x * np.sin(x) + 6 * np.cos(x)


def energy(x):
    return np.exp(-(x @ x)) + (x**3).sum() * x[0]


def several(x):
    return np.tanh(A @ x) * x[1]
