"""The models of `tasks` in JAX, from the same weights, and their training step as one jitted function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle

import jax
import jax.numpy as jnp

from .tasks import ADAMW, Task, batches, build


def linear(w, name, x):
    bias = w.get(f"{name}.bias")
    y = x @ w[f"{name}.weight"].T
    return y if bias is None else y + bias


def norm(w, name, x):
    x = x - x.mean(-1, keepdims=True)
    x = x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + 1e-5)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


def attend(w, name, heads, x, memory=None, causal=False):
    weight, bias = w[f"{name}.in_proj_weight"], w[f"{name}.in_proj_bias"]
    c = x.shape[-1]
    if memory is None:
        parts = jnp.split(x @ weight.T + bias, 3, -1)
    else:
        keys = jnp.split(memory @ weight[c:].T + bias[c:], 2, -1)
        parts = [x @ weight[:c].T + bias[:c], *keys]
    q, k, v = (part.reshape(*part.shape[:2], heads, -1) for part in parts)
    y = jax.nn.dot_product_attention(q, k, v, is_causal=causal).reshape(x.shape)
    return linear(w, f"{name}.out_proj", y)


def feed_forward(w, name, x):
    return linear(w, f"{name}.linear2", jax.nn.gelu(linear(w, f"{name}.linear1", x), approximate=True))


def gpt(task: Task, w, ids):
    x = w["tokens.weight"][ids] + w["positions.weight"][: ids.shape[1]]
    for i in range(task.layers):
        b = f"blocks.{i}"
        x = x + attend(w, f"{b}.attn", task.heads, norm(w, f"{b}.norm1", x), causal=True)
        x = x + feed_forward(w, b, norm(w, f"{b}.norm2", x))
    return norm(w, "norm", x) @ w["tokens.weight"].T


def transformer(task: Task, w, source, target):
    x = w["tokens.weight"][source] + w["source_positions.weight"][: source.shape[1]]
    y = w["tokens.weight"][target] + w["target_positions.weight"][: target.shape[1]]
    for i in range(task.layers):
        b = f"transformer.encoder.layers.{i}"
        x = x + attend(w, f"{b}.self_attn", task.heads, norm(w, f"{b}.norm1", x))
        x = x + feed_forward(w, b, norm(w, f"{b}.norm2", x))
    memory = norm(w, "transformer.encoder.norm", x)
    for i in range(task.layers):
        b = f"transformer.decoder.layers.{i}"
        y = y + attend(w, f"{b}.self_attn", task.heads, norm(w, f"{b}.norm1", y), causal=True)
        y = y + attend(w, f"{b}.multihead_attn", task.heads, norm(w, f"{b}.norm2", y), memory)
        y = y + feed_forward(w, b, norm(w, f"{b}.norm3", y))
    return linear(w, "head", norm(w, "transformer.decoder.norm", y))


def loss_of(task: Task, w, *batch):
    *inputs, target = batch
    logits = (gpt if task.kind == "gpt" else transformer)(task, w, *inputs)
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits), target[..., None], -1)
    return -picked.mean()


def adamw(state, w, g):
    """One update: `state` is (updates so far, first moments, second moments)."""
    t, m, v = state
    t = t + 1
    (beta1, beta2), lr, decay = ADAMW["betas"], ADAMW["lr"], 1 - ADAMW["lr"] * ADAMW["weight_decay"]
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)

    def moved(p, m, v):
        root = jnp.sqrt(v / (1 - beta2**t)) + ADAMW["eps"]
        return decay * p - lr / (1 - beta1**t) * m / root

    return (t, m, v), jax.tree.map(moved, w, m, v)


@contextmanager
def training(**job) -> Iterator[Callable[[], float]]:
    """A step as `tasks.training` makes it."""
    task = Task(**job)
    state_dict = build(task).state_dict()
    if task.kind == "gpt":
        del state_dict["head.weight"]  # the tokens' table
    weights = {name: jnp.array(array) for name, array in state_dict.items()}
    data = cycle([tuple(map(jnp.array, batch)) for batch in batches(task)])
    state = (jnp.zeros(()), *(jax.tree.map(jnp.zeros_like, weights) for _ in range(2)))

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(state, weights, *batch):
        loss, gradients = jax.value_and_grad(partial(loss_of, task))(weights, *batch)
        return loss, *adamw(state, weights, gradients)

    def step() -> float:
        nonlocal state, weights
        loss, state, weights = update(state, weights, *next(data))
        loss = float(loss)
        jax.block_until_ready(weights)
        return loss

    yield step
