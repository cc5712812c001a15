"""The examples of derivatives, with tiny settings and bad input, and the formulas that they rest on."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tapegrad.autograd as ag
from tapegrad import nn

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY = {
    "curve_fit": ["--points", "20"],
    "pinn": ["--points", "16", "--width", "4", "--layers", "1", "--adam", "2", "--lbfgs", "3"],
    "gaussian_process": ["--years", "4", "--forecast", "1", "--steps", "3"],
    "implicit_layer": ["--points", "20", "--width", "4", "--iterations", "5", "--steps", "2", "--most", "8"],
}


@pytest.fixture
def example(monkeypatch, tmp_path):
    """The module of an example, in an empty folder."""
    for name in ("matplotlib", "scipy"):
        pytest.importorskip(name)
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)
    return importlib.import_module


@pytest.mark.parametrize("name", TINY)
def test_runs_to_the_end(example, capsys, name):
    assert example(name).main([*TINY[name], "--out", "run"]) == 0
    picture = Path("run", f"{name}.png")
    assert str(picture) in capsys.readouterr().out
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000


# ------------------------------------------------------------------ curve_fit


@pytest.fixture
def fit(example, monkeypatch, capsys):
    """A function of the arguments: the parameters (5,) of both fits and the errors, as printed."""
    program = example("curve_fit")
    monkeypatch.setattr(program, "draw", lambda *_: None)

    def fits(*arguments):
        assert program.main(list(arguments)) == 0
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:-1]]
        return np.array([[float(row[i]) for row in rows] for i in (2, 5, 4)])

    return fits


def test_both_fits_are_one(fit):
    scipy, ours, errors = fit("--noise", "0.2")
    np.testing.assert_allclose(scipy, ours, atol=2e-3)
    true = [2.0, 0.25, 3.0, 0.6, 0.5]
    assert (abs(scipy - true) < 4 * errors).all() and (errors > 0).all()


def test_without_noise_the_truth_comes_back(fit):
    scipy, ours, errors = fit("--noise", "0")
    np.testing.assert_allclose([scipy, ours], [[2.0, 0.25, 3.0, 0.6, 0.5]] * 2, atol=1e-3)
    assert not errors.any()


def test_errors_of_a_line_are_those_of_the_textbook(example):
    rng = np.random.default_rng(0)
    X = np.stack([np.ones(30), np.linspace(0, 1, 30)], axis=1)
    y = X @ [1.0, 2.0] + rng.normal(0, 0.1, 30)
    best, rest, *_ = np.linalg.lstsq(X, y, rcond=None)
    found = example("curve_fit").covariance_of(lambda p: ((X @ p - y) ** 2).sum() / 2, best, 30)
    np.testing.assert_allclose(found, rest / 28 * np.linalg.inv(X.T @ X))


# ------------------------------------------------------------------ pinn


def test_the_exact_solution_solves_the_equation(example):
    exact, h, nu = example("pinn").exact, 1e-4, 0.05
    t, x = np.meshgrid(np.linspace(0.1, 0.9, 9), np.linspace(-0.9, 0.9, 19), indexing="ij")
    u = exact(t, x, nu)
    u_t = (exact(t + h, x, nu) - exact(t - h, x, nu)) / (2 * h)
    right, left = exact(t, x + h, nu), exact(t, x - h, nu)
    left_over = u_t + u * (right - left) / (2 * h) - nu * (right - 2 * u + left) / h**2
    assert abs(left_over).max() < 1e-4 and abs(u_t).max() > 1
    np.testing.assert_allclose(exact(0 * t, x, nu), -np.sin(np.pi * x), atol=1e-12)
    np.testing.assert_allclose(exact(t, np.sign(x), nu), 0, atol=1e-12)


def test_what_the_equation_leaves_over(example):
    """Against differences of the network's values."""
    pinn, h, nu = example("pinn"), 1e-4, 0.05
    nn.manual_seed(0)
    model = pinn.Solution(width=6, layers=2)
    t, x = np.random.default_rng(0).uniform(0.1, 0.9, (2, 12, 1))

    def u(t, x):
        return pinn.solve(model, t, x)

    u_t, u_x = (u(t + h, x) - u(t - h, x)) / (2 * h), (u(t, x + h) - u(t, x - h)) / (2 * h)
    u_xx = (u(t, x + h) - 2 * u(t, x) + u(t, x - h)) / h**2
    expected = ((u_t + u(t, x) * u_x - nu * u_xx) ** 2).mean()
    np.testing.assert_allclose(pinn.left_over(model, t, x, nu).item(), expected, rtol=1e-5)


def test_points_are_spread_over_the_square(example):
    points = example("pinn").scattered(400, np.random.default_rng(3))
    counts = np.histogram2d(*points.T, bins=5, range=[(0, 1), (0, 1)])[0]
    assert counts.sum() == 400 and counts.min() >= 13 and counts.max() <= 19  # 16 in each of 25


def error_of(out: str) -> float:
    return float(out.split("relative L2 error ")[1].split(";")[0])


def test_a_network_finds_a_solution(example, capsys):
    arguments = ["--viscosity", "0.2", "--points", "128", "--width", "10", "--layers", "2"]
    assert example("pinn").main([*arguments, "--adam", "20", "--lbfgs", "60"]) == 0
    out = capsys.readouterr().out
    assert "LBFGS, 60 iterations" in out and error_of(out) < 0.1


@pytest.mark.slow
def test_the_solution_is_as_near_as_is_promised(example, capsys):
    assert example("pinn").main([]) == 0
    assert error_of(capsys.readouterr().out) < 2e-3


# ------------------------------------------------------------------ gaussian_process


def test_the_likelihood_is_that_of_a_normal_distribution(example):
    program = example("gaussian_process")
    t, y = program.measured(5, np.random.default_rng(0))
    log_p = np.log(program.START)
    K = program.covariance(t, t, program.START) + program.START[-1] ** 2 * np.eye(len(t))
    expected = importlib.import_module("scipy.stats").multivariate_normal(cov=K).logpdf(y)
    np.testing.assert_allclose(-program.surprise(log_p, t, y), expected, rtol=1e-10)
    value, gradient = ag.value_and_grad(program.surprise)(log_p, t, y)
    inverse, d = np.linalg.inv(K), 1e-6
    np.testing.assert_allclose(-value, expected, rtol=1e-10)
    for i, g in enumerate(gradient):  # tr((K^-1 - a a') dK) / 2 with a = K^-1 y
        p, q = (np.exp(log_p + s * d * np.eye(6)[i]) for s in (1, -1))
        dK = program.covariance(t, t, p) - program.covariance(t, t, q)
        dK += (p[-1] ** 2 - q[-1] ** 2) * np.eye(len(t))
        a = inverse @ y
        np.testing.assert_allclose(g, np.trace((inverse - np.outer(a, a)) @ dK) / (4 * d), rtol=1e-5)


def test_the_posterior_is_that_of_conditioning(example):
    program = example("gaussian_process")
    t, y = program.measured(4, np.random.default_rng(0))
    p, at = program.TRUE, np.array([1.05, 2.5, 9.0])
    lower = program.factor(t, p)
    mean, deviation = program.posterior(program.season, at, t, lower, np.linalg.solve(lower, y), p)
    K, k = lower @ lower.T, program.season(t, at, p)
    np.testing.assert_allclose(mean, k.T @ np.linalg.solve(K, y))
    left = program.season(at, at, p) - k.T @ np.linalg.solve(K, k)
    np.testing.assert_allclose(deviation, np.sqrt(np.diag(left)))


def test_a_season_is_zero_over_the_year(example):
    p = np.array([1, 1, 3, 0.7, 1e6, 1])  # one that never changes
    apart = np.arange(360) / 360
    k = example("gaussian_process").season(np.array([0.3]), apart + 0.3, p)[0]
    usual = np.exp(-2 * np.sin(np.pi * apart) ** 2 / 0.7**2)
    np.testing.assert_allclose((k - k[180]) / np.ptp(k), (usual - usual[180]) / np.ptp(usual), atol=1e-9)
    np.testing.assert_allclose(k.mean(), 0, atol=1e-9)
    np.testing.assert_allclose(k[0], 9)


# ------------------------------------------------------------------ implicit_layer


def test_the_gradient_of_a_fixed_point(example):
    program, rng = example("implicit_layer"), np.random.default_rng(0)
    W, x = 0.5 * program.shrinking(rng.standard_normal((3, 3))), rng.standard_normal((4, 3))
    inputs = [ag.Tensor(a, requires_grad=True) for a in (W, x)]
    z = program.implicit(*inputs, 60)
    np.testing.assert_allclose(z.numpy(), np.tanh(z.numpy() @ W.T + x), atol=1e-14)
    ag.gradcheck(lambda W, x: program.implicit(W, x, 60), inputs)
    g = rng.standard_normal((4, 3))
    found = [ag.grad(way(*inputs, 60), inputs, g) for way in (program.implicit, program.unrolled)]
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10)


def test_implicit_memory_does_not_grow(example):
    rows = example("implicit_layer").compared(np.random.default_rng(0), 80, count=64, width=16)
    first, last = rows[0], rows[-1]
    assert (first[0], last[0]) == (10, 80)
    (implicit, unrolled), (still, grown) = ([way[0] for way in row[2:]] for row in (first, last))
    assert still < 1.2 * implicit and grown > 4 * unrolled
    assert last[1] < 1e-2 * first[1]  # the difference of gradients


def test_only_what_does_not_shrink_is_made_smaller(example):
    shrinking, V = example("implicit_layer").shrinking, np.diag([3.0, 1.0])
    np.testing.assert_allclose(np.linalg.norm(shrinking(V), 2), 0.9)
    np.testing.assert_allclose(shrinking(V / 4), V / 4)


def test_spirals_are_told_apart(example):
    program, rng = example("implicit_layer"), np.random.default_rng(0)
    nn.manual_seed(0)
    points, kind = program.spirals(100, rng)
    model = program.Equilibrium(16, 15)
    program.train(model, points, kind, 150)
    assert (program.predict(model, points).argmax(axis=1) == kind).mean() > 0.8


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("curve_fit", ["--points", "5"], "--points must be from 10 to 100,000, not 5"),
        ("curve_fit", ["--noise", "inf"], "--noise must be from 0 to 10, not inf"),
        ("curve_fit", ["--seed", "-1"], "--seed must be 0 or more, not -1"),
        ("pinn", ["--viscosity", "nan"], "--viscosity must be from 0.005 to 1, not nan"),
        ("pinn", ["--layers", "0"], "--layers must be 1 or more, not 0"),
        ("pinn", ["--width", "0"], "--width must be 1 or more, not 0"),
        ("gaussian_process", ["--years", "1"], "--years must be from 4 to 60, not 1.0"),
        ("gaussian_process", ["--steps", "0"], "--steps must be 1 or more, not 0"),
        ("implicit_layer", ["--iterations", "0"], "--iterations must be 1 or more, not 0"),
        ("implicit_layer", ["--out", "file/x"], "cannot be written to"),
    ],
)
def test_bad_input(example, capsys, name, arguments, message):
    Path("file").touch()
    assert example(name).main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error


def test_measurements_that_fix_nothing(example):
    with pytest.raises(ValueError, match="do not fix all parameters"):
        example("curve_fit").covariance_of(lambda p: p[0] ** 2 + 0 * p[1], np.zeros(2), 10)


@pytest.mark.parametrize("name", TINY)
def test_help(name):
    told = subprocess.run(
        [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", "--help"], capture_output=True, text=True
    )
    assert told.returncode == 0 and "--out" in told.stdout and "(default" in told.stdout
