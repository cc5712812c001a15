"""Forecast a series like that of carbon dioxide on Mauna Loa by a Gaussian process whose scales are learned.

The logarithm of the marginal likelihood (Rasmussen and Williams 2006, equation 2.30) is NumPy: a Cholesky
factor and a solution. SciPy's L-BFGS-B climbs it by ag.value_and_grad. The series is drawn from such a
process here, so that it is known what is to be learned; two years in its middle are hidden. Writes a picture:
the series, mean and band of two deviations, and trend and season apart.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from common import picture, program
from numpy import ndarray

import tapegrad.autograd as ag

# Of each parameter: with what the series is made, and where learning starts. Learned are the logarithms.
PARAMETERS = {
    "bend, ppm": (2.0, 5.0),
    "bend, years": (2.0, 10.0),
    "season, ppm": (3.0, 1.0),
    "season, roughness": (1.5, 1.0),
    "season, years": (40.0, 10.0),
    "noise, ppm": (0.35, 1.0),
}
TRUE, START = np.array(list(PARAMETERS.values())).T


def bend(a, b, p):
    return p[0] ** 2 * np.exp(-((a[:, None] - b) ** 2) / (2 * p[1] ** 2))


def trend(a, b, p):
    """A line of which little is known, 0 +- 10 ppm and 0 +- 2 ppm a year, and how it bends."""
    return 100 + 4 * a[:, None] * b + bend(a, b, p)


def season(a, b, p):
    """With a period of a year that is 0 in the mean (Durrande et al. 2016, doi:10.7717/peerj-cs.50)."""
    from scipy.special import i0e

    apart = a[:, None] - b
    sharp = 1 / p[3] ** 2
    period = np.exp(-2 * sharp * np.sin(np.pi * apart) ** 2) - i0e(sharp)
    return p[2] ** 2 * period / (1 - i0e(sharp)) * np.exp(-(apart**2) / (2 * p[4] ** 2))


def covariance(a, b, p):
    """Between what is measured at times a and b, (len(a), len(b)), but for the noise."""
    return trend(a, b, p) + season(a, b, p)


def factor(t, p):
    """The lower Cholesky factor of the measurements' covariance."""
    return np.linalg.cholesky(covariance(t, t, p) + p[5] ** 2 * np.eye(len(t)))


def surprise(log_p, t: ndarray, y: ndarray):
    """-log p(y): half of y' K^-1 y + log det K + n log 2 pi."""
    lower = factor(t, np.exp(log_p))
    white = np.linalg.solve(lower, y)
    return white @ white / 2 + np.log(np.diagonal(lower)).sum() + len(t) / 2 * np.log(2 * np.pi)


def measured(years: float, rng: np.random.Generator) -> tuple[ndarray, ndarray]:
    """Every month: the time in years, and parts per million less 350."""
    t = np.arange(0, years, 1 / 12)
    around = bend(t, t, TRUE) + season(t, t, TRUE) + TRUE[5] ** 2 * np.eye(len(t))
    return t, 1.6 * t - 10 + np.linalg.cholesky(around) @ rng.standard_normal(len(t))


def main(arguments: list[str] | None = None) -> int:
    parser = program.base(__doc__, out="runs/gaussian_process")
    add = parser.add_argument
    add("--years", type=float, default=20, help="that are known (default %(default)s)")
    add("--forecast", type=float, default=8, help="years after them (default %(default)s)")
    add("--steps", type=int, default=100, help="at most, of L-BFGS-B (default %(default)s)")
    return program.attempt(run, parser.parse_args(arguments), needs=("matplotlib", "scipy"))


def run(options: argparse.Namespace) -> None:
    """Make the series, learn the scales, forecast, draw."""
    from scipy.optimize import minimize

    program.between(4, 60, options, "years")
    program.between(1, 60, options, "forecast")
    program.at_least(1, options, "steps")
    every, series = measured(options.years + options.forecast, np.random.default_rng(options.seed))
    middle = options.years / 2
    known = (every < options.years) & (abs(every - middle) > 1)
    t, y = every[known], series[known]
    start = np.log(START)

    value_and_grad = ag.value_and_grad(surprise)
    gradient = ag.grad(surprise)(start, t, y)
    nearby = 1e-5 * np.eye(len(start))
    slopes = [(surprise(start + d, t, y) - surprise(start - d, t, y)) / 2e-5 for d in nearby]
    off = np.linalg.norm(gradient - slopes) / np.linalg.norm(gradient)
    print(f"{len(t)} months; the gradient is {off:.0e} of its size off central differences")
    found = minimize(
        value_and_grad,
        start,
        args=(t, y),
        jac=True,
        method="L-BFGS-B",
        bounds=[(np.log(1e-2), np.log(1e3))] * len(start),
        options={"maxiter": options.steps},
    )
    p = np.exp(found.x)
    print(f"-log p(y) from {value_and_grad(start, t, y)[0]:.1f} to {found.fun:.1f} in {found.nit} steps")
    print(f"{'':18}    true   start learned")
    for name, (true, before), after in zip(PARAMETERS, PARAMETERS.values(), p, strict=True):
        print(f"{name:18}{true:8.2f}{before:8.2f}{after:8.2f}")
    lower = factor(t, p)
    white = np.linalg.solve(lower, y)
    fine = np.linspace(0, every[-1], 4 * len(every))
    parts = {
        name: posterior(kernel, fine, t, lower, white, p)
        for name, kernel in (("mean", covariance), ("trend", trend), ("season", season))
    }
    mean, deviation = (np.interp(every[~known], fine, part) for part in parts["mean"])
    within = abs(series[~known] - mean) < 2 * np.hypot(deviation, p[5])
    print(f"{within.mean():.0%} of {len(within)} hidden months lie within two deviations")
    draw(every, series, known, fine, parts, options.out / "gaussian_process.png")
    print(f"the picture is {options.out / 'gaussian_process.png'}")


def posterior(kernel, at: ndarray, t: ndarray, lower: ndarray, white: ndarray, p: ndarray):
    """Mean and standard deviation at times `at` of that part of the process, given the measurements."""
    reach = np.linalg.solve(lower, kernel(t, at, p))
    variance = np.diagonal(kernel(at, at, p)) - (reach**2).sum(axis=0)
    return white @ reach, np.sqrt(np.maximum(variance, 0))


def draw(every, series, known, fine, parts, path: Path) -> None:
    """Write the series with the forecast, and below it the trend and the season, to `path`."""
    ratios = {"height_ratios": (2, 1)}
    with picture.written(path, "aa;bc", (11, 6), gridspec_kw=ratios) as (_, axes):
        for place, name, base in (("a", "mean", 350), ("b", "trend", 350), ("c", "season", 0)):
            mean, deviation = parts[name]
            low, high = base + mean - 2 * deviation, base + mean + 2 * deviation
            axes[place].fill_between(fine, low, high, color="C0", alpha=0.25, label="two deviations")
            axes[place].plot(fine, base + mean, "C0", lw=1, label="mean")
            axes[place].grid(alpha=0.3)
            axes[place].set(title=name, xlabel="years", ylabel="ppm", xlim=(0, fine[-1]))
        axes["a"].plot(every[known], 350 + series[known], "k.", ms=3, label="known")
        axes["a"].plot(every[~known], 350 + series[~known], "C1.", ms=3, label="hidden")
        axes["a"].set_title("A series of months, with a gap and a forecast by a Gaussian process")
        axes["a"].legend(loc="upper left")


if __name__ == "__main__":
    sys.exit(main())
