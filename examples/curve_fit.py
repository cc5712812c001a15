"""Fit a damped oscillation that is written in NumPy alone, by SciPy and by an optimizer of nn.optim.

The model does not know of gradients: given Tensors, NumPy's functions are recorded. The errors of the
parameters come from the Hessian of the loss, the band about the curve from those and the Jacobian of the
model. Writes a picture: the measurements, both fits, and the band of one standard deviation.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import picture, program
from numpy import ndarray

import tapegrad.autograd as ag
from tapegrad import nn

NAMES = "amplitude", "decay", "frequency", "phase", "offset"
TRUE = np.array([2.0, 0.25, 3.0, 0.6, 0.5])


def oscillation(t, amplitude, decay, frequency, phase, offset):
    return amplitude * np.exp(-decay * t) * np.cos(frequency * t + phase) + offset


def guess(t: ndarray, y: ndarray) -> ndarray:
    """Where to start: the highest peak of the spectrum, no decay to speak of, no phase."""
    peak = np.abs(np.fft.rfft(y - y.mean()))[1:].argmax() + 1
    return np.array([np.ptp(y) / 2, 0.1, 2 * np.pi * peak / np.ptp(t), 0.0, y.mean()])


def by_scipy(loss: Callable, start: ndarray) -> ndarray:
    from scipy.optimize import minimize

    return minimize(ag.value_and_grad(loss), start, jac=True, method="BFGS").x


def by_nn(loss: Callable, start: ndarray) -> ndarray:
    parameters = nn.Parameter(start)
    optimizer = nn.optim.LBFGS([parameters], max_iter=200, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        value = loss(parameters)
        value.backward()
        return value

    optimizer.step(closure)
    return parameters.numpy()


def covariance_of(loss: Callable, fit: ndarray, count: int) -> ndarray:
    """Of the parameters: the inverse Hessian times the variance that the fit leaves over."""
    curvature = ag.hessian(loss)(fit)
    if not np.linalg.eigvalsh(curvature).min() > 0:
        raise ValueError("the measurements do not fix all parameters: take more --points or less --noise")
    return 2 * loss(fit) / (count - len(fit)) * np.linalg.inv(curvature)


def main(arguments: list[str] | None = None) -> int:
    parser = program.base(__doc__, out="runs/curve_fit")
    parser.add_argument("--points", type=int, default=80, help="measurements (default %(default)s)")
    parser.add_argument("--noise", type=float, default=0.25, help="their deviation (default %(default)s)")
    return program.attempt(run, parser.parse_args(arguments), needs=("matplotlib", "scipy"))


def run(options: argparse.Namespace) -> None:
    """Measure, fit twice, print both, draw."""
    program.between(10, 100_000, options, "points")
    program.between(0, 10, options, "noise")
    t, fine = np.linspace(0, 10, options.points), np.linspace(0, 10, 500)
    noise = np.random.default_rng(options.seed).normal(0, options.noise, t.shape)
    y = oscillation(t, *TRUE) + noise

    def loss(parameters):
        return ((oscillation(t, *parameters) - y) ** 2).sum() / 2

    with np.errstate(over="ignore", invalid="ignore"):  # a line search may go far
        fit, again = by_scipy(loss, guess(t, y)), by_nn(loss, guess(t, y))
    covariance = covariance_of(loss, fit, len(t))
    errors = np.sqrt(np.diag(covariance))
    print(f"{'':12}{'true':>10}{'SciPy BFGS':>21}{'nn.optim.LBFGS':>17}")
    for name, true, a, error, b in zip(NAMES, TRUE, fit, errors, again, strict=True):
        print(f"{name:12}{true:10.4f}{a:11.4f} +- {error:.4f}{b:17.4f}")
    slopes = ag.jacobian(lambda parameters: oscillation(fine, *parameters))(fit)
    band = np.sqrt(((slopes @ covariance) * slopes).sum(axis=1))
    draw(t, y, fine, fit, again, band, options.out / "curve_fit.png")
    print(f"the picture is {options.out / 'curve_fit.png'}")


def draw(t, y, fine, fit, again, band, path: Path) -> None:
    """Write the measurements, both fits, the truth and the band to `path`."""
    curve = oscillation(fine, *fit)
    with picture.written(path, "a", (8, 4)) as (_, axes):
        a = axes["a"]
        a.plot(t, y, "k.", ms=4, label="measured")
        a.plot(fine, oscillation(fine, *TRUE), "C2:", label="true")
        a.fill_between(fine, curve - band, curve + band, color="C0", alpha=0.25, label="standard deviation")
        a.plot(fine, curve, "C0", label="SciPy's BFGS")
        a.plot(fine, oscillation(fine, *again), "C1--", label="nn.optim.LBFGS")
        a.set(xlabel="t", ylabel="y", title="A damped oscillation written in NumPy, fitted by its gradient")
        a.legend(ncols=2)
        a.grid(alpha=0.3)


if __name__ == "__main__":
    sys.exit(main())
