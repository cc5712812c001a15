"""Train a layer that is a fixed point, z = tanh(W z + x), differentiated by the implicit function theorem.

A deep equilibrium model (Bai et al. 2019, arXiv:1909.01377). Backward solves a linear equation at the fixed
point by iterations too, u = g + W' (u tanh'), and keeps nothing of those that led there; unrolling records
them all. Both are compared: gradients, memory, time. Writes a picture of that, and of two spirals that a
network of one such layer tells apart.
"""

from __future__ import annotations

import argparse
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import picture, program

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.nn import functional as F

REACH = 0.9  # the largest singular value of W: a distance shrinks at least by it in each iteration


@ag.op
def implicit(W, x, steps=100):
    """The fixed point (N, n) of z = tanh(z W' + x) after `steps` iterations, for W (n, n) and x (N, n)."""
    z = np.zeros_like(x)
    for _ in range(steps):
        z = np.tanh(z @ W.T + x)

    def backward(g):
        slope = 1 - z * z
        u = g
        for _ in range(steps):
            u = g + (u * slope) @ W
        v = u * slope
        return v.T @ z, v

    return z, backward


def unrolled(W, x, steps=100):
    """The same, each iteration recorded."""
    z = np.zeros_like(x)
    for _ in range(steps):
        z = np.tanh(z @ W.T + x)
    return z


class Equilibrium(nn.Module):
    """Points (N, 2) to logits of two kinds, (N, 2), through the fixed point of `width` numbers."""

    def __init__(self, width: int, steps: int):
        super().__init__()
        self.enter = nn.Linear(2, width, dtype=np.float64)
        self.turn = nn.Linear(width, width, bias=False, dtype=np.float64)
        self.leave = nn.Linear(width, 2, dtype=np.float64)
        self.steps = steps

    def forward(self, points):
        return self.leave(implicit(shrinking(self.turn.weight), self.enter(points), self.steps))


def shrinking(V):
    """V, made smaller where its largest singular value is above REACH."""
    return V * (REACH / np.maximum(REACH, np.linalg.norm(V, 2)))


def spirals(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`count` points of two spirals, (count, 2), and which they are of."""
    kind = np.arange(count) % 2
    angle = 3 * np.pi * np.sqrt(rng.uniform(0.02, 1, count))
    around = angle + np.pi * kind
    points = np.stack([np.cos(around), np.sin(around)], axis=1) * angle[:, None] / (3 * np.pi)
    return 2 * points + rng.normal(0, 0.04, points.shape), kind


def main(arguments: list[str] | None = None) -> int:
    parser = program.base(__doc__, out="runs/implicit_layer")
    add = parser.add_argument
    add("--points", type=int, default=400, help="of the spirals (default %(default)s)")
    add("--width", type=int, default=32, help="numbers of the layer (default %(default)s)")
    add("--iterations", type=int, default=40, help="in training, each way (default %(default)s)")
    add("--steps", type=int, default=400, help="of training (default %(default)s)")
    add("--most", type=int, default=160, help="iterations in the comparison (default %(default)s)")
    return program.attempt(run, parser.parse_args(arguments), needs=("matplotlib",))


def run(options: argparse.Namespace) -> None:
    """Compare the two ways, train, draw."""
    program.at_least(2, options, "points")
    program.at_least(1, options, "iterations", "most", "width", "steps")
    ag.keep_memory()
    nn.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    points, kind = spirals(options.points, rng)
    model = Equilibrium(options.width, options.iterations)
    with nn.parallel.limit_threads(model, options.points):
        rows = compared(rng, options.most)
        train(model, points, kind, options.steps)
    fresh, which = spirals(1000, rng)
    right = (predict(model, fresh).argmax(axis=1) == which).mean()
    draw(rows, model, points, kind, options.out / "implicit_layer.png")
    print(f"{right:.1%} of 1,000 new points told right; the picture is {options.out / 'implicit_layer.png'}")


def compared(rng: np.random.Generator, most: int, count: int = 256, width: int = 64) -> list[tuple]:
    """For several numbers of iterations: (number, difference of gradients, (bytes, s) of both ways)."""
    V = rng.standard_normal((width, width))
    V = shrinking(V + V.T)  # the eigenvalues of which are as large: it takes many iterations
    x, g = rng.standard_normal((2, count, width)) / 10
    print(f"{'iterations':>10}{'implicit':>20}{'unrolled':>20}   gradients differ by")
    rows = []
    for steps in sorted({max(1, most * part // 8) for part in (1, 2, 3, 4, 6, 8)}):
        costs, gradients = zip(*[cost(way, V, x, g, steps) for way in (implicit, unrolled)], strict=True)
        a, b = (np.concatenate([part.ravel() for part in found]) for found in gradients)
        rows.append((steps, np.linalg.norm(a - b) / np.linalg.norm(b), *costs))
        told = "".join(f"{nbytes / 1e6:9.2f} MB{1e3 * s:5.0f} ms" for nbytes, s in costs)
        print(f"{steps:10}{told}   {rows[-1][1]:.1e}")
    return rows


def cost(way: Callable, V: np.ndarray, x: np.ndarray, g: np.ndarray, steps: int) -> tuple:
    """((most bytes alive, seconds of CPU), gradients) of a run forward and backward."""

    def gradients():
        inputs = [ag.Tensor(a, requires_grad=True) for a in (V, x)]
        return [d.numpy() for d in ag.grad(way(*inputs, steps), inputs, g)]

    found, seconds = [], []
    for _ in range(5):  # the shortest time is the one without neighbours
        start = time.process_time()
        found = gradients()
        seconds.append(time.process_time() - start)
    tracemalloc.start()
    gradients()
    nbytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (nbytes, min(seconds)), found


def train(model: Equilibrium, points: np.ndarray, kind: np.ndarray, steps: int) -> None:
    optimizer = nn.optim.Adam(model.parameters(), lr=1e-2)
    schedule = nn.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    start = time.perf_counter()
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(points), kind)
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % -(-steps // 5) == 0 or step == steps:
            print(f"step {step}: loss {loss.item():.4f}, {time.perf_counter() - start:.1f} s")


@ag.no_grad
def predict(model: Equilibrium, points: np.ndarray) -> np.ndarray:
    return model(points).numpy()


def draw(rows: list[tuple], model: Equilibrium, points: np.ndarray, kind: np.ndarray, path: Path) -> None:
    """Write memory, time and the difference of gradients by iterations, and the spirals, to `path`."""
    steps, differences, *costs = zip(*rows, strict=True)
    with picture.written(path, "abcd", (14, 3.6)) as (_, axes):
        for name, cost in zip(("implicit", "unrolled"), costs, strict=True):
            nbytes, seconds = np.array(cost).T
            axes["a"].plot(steps, nbytes / 1e6, marker=".", label=name)
            axes["b"].plot(steps, seconds * 1e3, marker=".", label=name)
        axes["a"].set(title="memory", xlabel="iterations", ylabel="MB", ylim=0)
        axes["b"].set(title="time", xlabel="iterations", ylabel="ms of CPU", ylim=0)
        axes["c"].semilogy(steps, differences, "C2", marker=".")
        axes["c"].set(title="difference of gradients", xlabel="iterations")
        for place in "abc":
            axes[place].grid(alpha=0.3)
        axes["a"].legend()
        x, y = np.meshgrid(np.linspace(-2.3, 2.3, 120), np.linspace(-2.3, 2.3, 120))
        logits = predict(model, np.stack([x.ravel(), y.ravel()], axis=1))
        sure = np.tanh((logits[:, 1] - logits[:, 0]) / 2).reshape(x.shape)
        axes["d"].pcolormesh(x, y, sure, cmap="RdBu", vmin=-1.5, vmax=1.5)
        axes["d"].scatter(*points.T, c=kind, cmap="RdBu", s=5, edgecolors="k", linewidths=0.2)
        axes["d"].set(title="told apart by one such layer", xticks=[], yticks=[], aspect="equal")


if __name__ == "__main__":
    sys.exit(main())
