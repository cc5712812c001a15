"""Solve Burgers' equation u_t + u u_x = nu u_xx by a network that has seen no solution, only the equation.

A physics-informed network (Raissi et al. 2019, doi:10.1016/j.jcp.2018.10.045) for u(0, x) = -sin(pi x) and
u(t, -1) = u(t, 1) = 0, which its form keeps exactly. The loss is the mean square of what the equation leaves
over at points of the plane; the derivatives of u in it are gradients with create_graph, so that the loss can
be differentiated once more, by the weights. Adam begins, LBFGS finishes. Writes a picture: the network's
solution, how far it is from the exact one, and both at four times.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from common import picture, program

import tapegrad.autograd as ag
from tapegrad import nn


class Solution(nn.Module):
    """u(t, x) of times and places (N, 1): -sin(pi x) + t (1 - x^2) times what a small network says."""

    def __init__(self, width: int, layers: int):
        super().__init__()
        sizes = [2] + [width] * layers
        self.body = nn.Sequential()
        for n, m in zip(sizes, sizes[1:], strict=False):
            self.body.append(nn.Linear(n, m, dtype=np.float64))
            self.body.append(nn.Tanh())
        self.body.append(nn.Linear(width, 1, dtype=np.float64))

    def forward(self, t, x):
        return -np.sin(np.pi * x) + t * (1 - x**2) * self.body(np.concatenate([2 * t - 1, x], axis=1))


def left_over(model: Solution, t: np.ndarray, x: np.ndarray, viscosity: float) -> ag.Tensor:
    """The mean square of u_t + u u_x - nu u_xx over points (N, 1).

    No place acts on another, so that the gradient of a sum over places is each one's derivative. Half the
    time of ag.jvp of ag.jvp, which runs the network anew for each derivative.
    """
    t, x = (ag.Tensor(a, requires_grad=True) for a in (t, x))
    with ag.higher_order():
        u = model(t, x)
        u_t, u_x = ag.grad(u.sum(), [t, x], create_graph=True)
        (u_xx,) = ag.grad(u_x.sum(), x, create_graph=True)
        return ((u_t + u * u_x - viscosity * u_xx) ** 2).mean()


def exact(t: np.ndarray, x: np.ndarray, viscosity: float, count: int = 100) -> np.ndarray:
    """The solution by Cole and Hopf: a mean over where the matter at x can have come from, by quadrature."""
    nodes, weights = np.polynomial.hermite.hermgauss(count)
    place = x[..., None] - np.sqrt(4 * viscosity * t)[..., None] * nodes
    likely = -np.cos(np.pi * place) / (2 * np.pi * viscosity)
    likely = weights * np.exp(likely - likely.max(axis=-1, keepdims=True))
    return -(np.sin(np.pi * place) * likely).sum(axis=-1) / likely.sum(axis=-1)


def main(arguments: list[str] | None = None) -> int:
    parser = program.base(__doc__, out="runs/pinn")
    add = parser.add_argument
    add("--viscosity", type=float, default=0.02, help="nu, the lower the steeper (default %(default)s)")
    add("--points", type=int, default=1024, help="where the equation is to hold (default %(default)s)")
    add("--width", type=int, default=20, help="of a hidden layer (default %(default)s)")
    add("--layers", type=int, default=3, help="hidden layers (default %(default)s)")
    add("--adam", type=int, default=200, help="steps of Adam (default %(default)s)")
    add("--lbfgs", type=int, default=800, help="iterations of LBFGS after them (default %(default)s)")
    return program.attempt(run, parser.parse_args(arguments), needs=("matplotlib",))


def run(options: argparse.Namespace) -> None:
    """Train, compare with the exact solution, draw."""
    program.at_least(1, options, "points", "layers")
    program.at_least(0, options, "adam", "lbfgs")
    program.between(0.005, 1, options, "viscosity")  # below, the front is thinner than a few points
    ag.keep_memory()
    nn.manual_seed(options.seed)
    model = Solution(options.width, options.layers)
    print(f"{sum(p.size for p in model.parameters()):,} parameters, {options.points:,} points")
    grid = np.meshgrid(np.linspace(0, 1, 101), np.linspace(-1, 1, 201), indexing="ij")
    truth = exact(*grid, options.viscosity)
    with nn.parallel.limit_threads(model, options.points):
        for loss, step in train(model, options):
            found = solve(model, *grid)
            error = np.linalg.norm(found - truth) / np.linalg.norm(truth)
            print(f"{step}: loss {loss:.2e}, relative error {error:.1e}, {time.process_time():.1f} s of CPU")
    draw(grid, found, truth, options.out / "pinn.png")
    print(f"relative L2 error {error:.2e}; the picture is {options.out / 'pinn.png'}")


def train(model: Solution, options: argparse.Namespace):
    """Train, and yield from time to time the loss and how far it is."""
    points = scattered(options.points, np.random.default_rng(options.seed))
    t, x = points[:, :1], 2 * points[:, 1:] - 1

    def closure():
        optimizer.zero_grad()
        loss = left_over(model, t, x, options.viscosity)
        loss.backward()
        return loss

    optimizer = nn.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(options.adam):
        optimizer.step(closure)
    yield closure().item(), f"after {options.adam} steps of Adam"
    optimizer = nn.optim.LBFGS(
        model.parameters(),
        max_iter=100,
        tolerance_grad=0,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    for done in range(0, options.lbfgs, 100):
        optimizer.param_groups[0]["max_iter"] = min(100, options.lbfgs - done)
        optimizer.step(closure)
        yield closure().item(), f"LBFGS, {min(done + 100, options.lbfgs)} iterations"


def scattered(count: int, rng: np.random.Generator) -> np.ndarray:
    """`count` points of the unit square, spread more evenly than by chance, from a random start.

    Roberts' sequence: multiples of 1/p and 1/p^2, without their whole parts, where p^3 = p + 1.
    """
    p = 1.32471795724474602596
    return (rng.random(2) + np.outer(np.arange(count), [1 / p, 1 / p**2])) % 1


@ag.no_grad
def solve(model: Solution, t: np.ndarray, x: np.ndarray) -> np.ndarray:
    return model(t.reshape(-1, 1), x.reshape(-1, 1)).numpy().reshape(t.shape)


def draw(grid: list[np.ndarray], found: np.ndarray, truth: np.ndarray, path: Path) -> None:
    """Write the solution over time and place, its error, and four times beside the exact ones to `path`."""
    t, x = grid
    most = max(np.abs(found - truth).max(), 1e-12)
    with picture.written(path, "abc", (13, 3.6)) as (figure, axes):
        for place, values, colors, limit, title in (
            ("a", found, "RdBu_r", 1, "the network's solution"),
            ("b", found - truth, "PuOr", most, "its difference from the exact one"),
        ):
            image = axes[place].pcolormesh(t, x, values, cmap=colors, vmin=-limit, vmax=limit)
            figure.colorbar(image, ax=axes[place])
            axes[place].set(xlabel="t", ylabel="x", title=title)
        for i in (10, 30, 60, 100):
            axes["c"].plot(x[i], truth[i], "k", lw=3, alpha=0.2)
            axes["c"].plot(x[i], found[i], lw=1, label=f"t = {t[i, 0]:.1f}")
        axes["c"].set(xlabel="x", title="at four times (exact in grey)")
        axes["c"].legend()
        axes["c"].grid(alpha=0.3)


if __name__ == "__main__":
    sys.exit(main())
