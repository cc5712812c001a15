"""The update rules of nn.optim as plain formulas of one parameter, and made-up gradients to try them with."""

from __future__ import annotations

import inspect
import math

import numpy as np

from tapegrad import nn
from tapegrad.nn import optim

SHAPES = [(3, 4), (5,), (), (2, 0), (40, 3), (7,)]


def average(s, name, beta, x):
    s[name] = beta * s.get(name, 0) + (1 - beta) * x
    return s[name]


def sgd(p, g, s, t, lr=1e-3, momentum=0.0, dampening=0.0, nesterov=False):
    if momentum:
        s["b"] = g if t == 1 else momentum * s["b"] + (1 - dampening) * g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return p - lr * g


def adam(p, g, s, t, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, amsgrad=False):
    m, v = average(s, "m", betas[0], g), average(s, "v", betas[1], g * g)
    if amsgrad:
        v = s["u"] = np.maximum(s.get("u", 0), v)
    return p - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(v / (1 - betas[1] ** t)) + eps)


def rmsprop(p, g, s, t, lr=1e-2, alpha=0.99, eps=1e-8, momentum=0.0, centered=False):
    v, a = average(s, "v", alpha, g * g), average(s, "a", alpha, g)
    s["b"] = momentum * s.get("b", 0) + g / (np.sqrt(v - centered * a**2) + eps)
    return p - lr * s["b"]


def adagrad(p, g, s, t, lr=1e-2, lr_decay=0.0, initial_accumulator_value=0.0, eps=1e-10):
    s["v"] = s.get("v", initial_accumulator_value) + g**2
    return p - lr / (1 + (t - 1) * lr_decay) * g / (np.sqrt(s["v"]) + eps)


def adadelta(p, g, s, t, lr=1.0, rho=0.9, eps=1e-6):
    v, u = average(s, "v", rho, g * g), s.get("u", 0)
    d = np.sqrt(u + eps) / np.sqrt(v + eps) * g
    average(s, "u", rho, d * d)
    return p - lr * d


def adamax(p, g, s, t, lr=2e-3, betas=(0.9, 0.999), eps=1e-8):
    m = average(s, "m", betas[0], g)
    s["u"] = np.maximum(betas[1] * s.get("u", 0), np.abs(g) + eps)
    return p - lr / (1 - betas[0] ** t) * m / s["u"]


def nadam(p, g, s, t, lr=2e-3, betas=(0.9, 0.999), eps=1e-8, momentum_decay=4e-3):
    now, after = (betas[0] * (1 - 0.5 * 0.96 ** (i * momentum_decay)) for i in (t, t + 1))
    w = s["w"] = s.get("w", np.float32(1)) * np.float32(now)  # a number in float32, as PyTorch has it
    m, v = average(s, "m", betas[0], g), average(s, "v", betas[1], g * g)
    n = (1 - now) / (1 - float(w)) * g + after / (1 - float(w) * after) * m
    return p - lr * n / (np.sqrt(v / (1 - betas[1] ** t)) + eps)


def radam(p, g, s, t, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    m = average(s, "m", betas[0], g) / (1 - betas[0] ** t)
    v = average(s, "v", betas[1], g * g)
    k = 2 / (1 - betas[1]) - 1
    n = k - 2 * t * betas[1] ** t / (1 - betas[1] ** t)
    if n <= 5:
        return p - lr * m
    r = math.sqrt((n - 4) * (n - 2) * k / ((k - 4) * (k - 2) * n))
    return p - lr * m * r * math.sqrt(1 - betas[1] ** t) / (np.sqrt(v) + eps)


def asgd(p, g, s, t, lr=1e-2, lambd=1e-4, alpha=0.75, t0=1e6):
    eta, mu = (float(np.float32(x)) for x in s.get("next", (lr, 1)))
    p = (1 - lambd * eta) * p - eta * g
    s["a"] = s.get("a", 0) + mu * (p - s.get("a", 0))
    s["next"] = lr / (1 + lambd * lr * t) ** alpha, 1 / max(1, t - t0)
    return p


def rprop(p, g, s, t, lr=1e-2, etas=(0.5, 1.2), step_sizes=(1e-6, 50)):
    agree = g * s.get("h", 0)
    factor = np.where(agree > 0, etas[1], np.where(agree < 0, etas[0], 1))
    s["d"] = np.clip(s.get("d", lr) * factor, *step_sizes)
    s["h"] = np.where(agree < 0, 0, g)
    return p - s["d"] * np.sign(s["h"])


def lion(p, g, s, t, lr=1e-4, betas=(0.9, 0.99)):
    p = p - lr * np.sign(betas[0] * s.get("m", 0) + (1 - betas[0]) * g)
    average(s, "m", betas[1], g)
    return p


# Options that a formula above does not know, weight_decay and where it acts, are `decayed`'s.
RULES = [
    (optim.SGD, sgd, {}),
    (optim.SGD, sgd, {"lr": 0.1, "weight_decay": 0.1}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "weight_decay": 0.01}),
    (optim.SGD, sgd, {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    (optim.Adam, adam, {}),
    (optim.Adam, adam, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.1}),
    (optim.Adam, adam, {"lr": 0.01, "amsgrad": True, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    (optim.AdamW, adam, {}),
    (optim.AdamW, adam, {"lr": 0.01, "betas": (0.5, 0.9), "eps": 1e-3, "weight_decay": 0.0}),
    (optim.RMSprop, rmsprop, {}),
    (optim.RMSprop, rmsprop, {"alpha": 0.9, "eps": 1e-3, "momentum": 0.8, "weight_decay": 0.1}),
    (optim.RMSprop, rmsprop, {"centered": True}),
    (optim.RMSprop, rmsprop, {"centered": True, "momentum": 0.5, "lr": 0.1, "weight_decay": 0.1}),
    (optim.Adagrad, adagrad, {}),
    (optim.Adagrad, adagrad, {"lr": 0.1, "lr_decay": 0.2, "eps": 0.1, "weight_decay": 0.1}),
    (optim.Adagrad, adagrad, {"initial_accumulator_value": 0.5}),
    (optim.Adadelta, adadelta, {}),
    (optim.Adadelta, adadelta, {"lr": 0.5, "rho": 0.7, "eps": 1e-3, "weight_decay": 0.1}),
    (optim.Adamax, adamax, {}),
    (optim.Adamax, adamax, {"lr": 0.1, "betas": (0.3, 0.9), "eps": 0.1, "weight_decay": 0.1}),
    (optim.NAdam, nadam, {}),
    (optim.NAdam, nadam, {"betas": (0.3, 0.9), "eps": 0.1, "weight_decay": 0.1, "momentum_decay": 0.1}),
    (optim.NAdam, nadam, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    (optim.RAdam, radam, {}),
    (optim.RAdam, radam, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 0.1, "weight_decay": 0.1}),
    (optim.RAdam, radam, {"lr": 0.1, "weight_decay": 0.1, "decoupled_weight_decay": True}),
    (optim.ASGD, asgd, {}),
    (optim.ASGD, asgd, {"lr": 0.1, "lambd": 0.1, "alpha": 0.5, "t0": 6, "weight_decay": 0.1}),
    (optim.Rprop, rprop, {}),
    (optim.Rprop, rprop, {"lr": 0.1, "etas": (0.3, 1.5), "step_sizes": (0.02, 0.3)}),
    (optim.Lion, lion, {}),
    (optim.Lion, lion, {"lr": 0.01, "betas": (0.7, 0.8), "weight_decay": 0.1}),
]
IDS = [f"{kind.__name__}-{'-'.join(options)}" for kind, _, options in RULES]
DECOUPLED = {optim.AdamW: 1e-2, optim.Lion: 0.0}  # and their weight decay, where none is said


def decayed(kind, rule, options):
    """A formula with weight decay before it: rule(p, g, state, t)."""
    given = dict(options)
    decay = given.pop("weight_decay", DECOUPLED.get(kind, 0.0))
    apart = given.pop("decoupled_weight_decay", kind in DECOUPLED)
    lr = given.get("lr", inspect.signature(rule).parameters["lr"].default)

    def whole(p, g, s, t):
        if apart:
            return rule(p - lr * decay * p, g, s, t, **given)
        return rule(p, g + decay * p, s, t, **given)

    return whole


def parameters(dtype=np.float64, shapes=SHAPES):
    rng = np.random.default_rng(0)
    return [nn.Parameter(np.asarray(rng.standard_normal(shape), dtype)) for shape in shapes]


def train(optimizer, params, steps, skip=lambda step, i: False, seed=1):
    """Steps with made-up gradients; yields after each the gradients that were given."""
    rng = np.random.default_rng(seed)
    for step in range(steps):
        gradients = [np.asarray(rng.standard_normal(p.shape), p.dtype) for p in params]
        for i, p in enumerate(params):
            p.grad = None if skip(step, i) else gradients[i].copy()
        optimizer.step()
        yield [None if p.grad is None else g for p, g in zip(params, gradients, strict=True)]
