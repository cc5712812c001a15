"""Optimizers in PyTorch's style, as a program would write them."""

import numpy as np

from tapegrad.autograd import Tensor, no_grad
from tapegrad.nn.optim import Optimizer


class Momentum(Optimizer):
    """What PyTorch's tutorials write: options of any kind, step() over groups, state[p] filled at will."""

    def __init__(self, params, lr=0.1, betas=(0.9, None), name="own"):
        super().__init__(params, {"lr": lr, "betas": betas, "name": name})

    def step(self, closure=None):
        loss = None if closure is None else closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if len(state) == 0:
                    state["step"] = 0
                    state["v"] = np.zeros_like(p.data)
                state["step"] += 1
                state["v"] *= group["betas"][0]
                state["v"] += p.grad
                with no_grad():
                    p -= group["lr"] * state["v"]
        return loss


class Lookahead(Optimizer):
    """Wraps another optimizer, whose groups it shares."""

    def __init__(self, base, alpha=0.5):
        super().__init__(base.param_groups, {"alpha": alpha})
        self.base = base

    def step(self, closure=None):
        slow = [p.data.copy() for group in self.param_groups for p in group["params"]]
        loss = self.base.step(closure)
        for p, was in zip([p for group in self.param_groups for p in group["params"]], slow, strict=True):
            p.data += self.param_groups[0]["alpha"] * (was - p.data)
        return loss


def parameters(*shapes):
    rng = np.random.default_rng(0)
    return [Tensor(rng.normal(size=shape), requires_grad=True) for shape in shapes]


def train(optimizer, steps=3):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = sum((p**4).sum() for group in optimizer.param_groups for p in group["params"])
        loss.backward()
        optimizer.step()
    return [p.data.copy() for group in optimizer.param_groups for p in group["params"]]


def assert_equal(a, b):
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x, y)
