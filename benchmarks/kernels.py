"""The fused ops of networks, forward and backward, here and in torch, at the shapes of a training step.

`nn.functional` has PyTorch's names and arguments, so that one table serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from .tasks import ADAMW, Task, build


def shapes(task: Task) -> dict[str, tuple[int, ...]]:
    rows, c, v = task.batch * task.length, task.width, task.vocab
    heads = (task.batch, task.heads, task.length, c // task.heads)
    return {
        "x": (rows, c),
        "hidden": (rows, 4 * c),
        "logits": (rows, v),
        "wide": (4 * c, c),
        "wide_bias": (4 * c,),
        "scale": (c,),
        "shift": (c,),
        "table": (v, c),
        "heads": heads,
        "scores": (*heads[:3], task.length),
    }


# Name: (arrays that get gradients, the call with them); ids are (rows,) integers below the vocabulary.
KERNELS: dict[str, tuple[str, Callable]] = {
    "linear": ("x wide wide_bias", lambda F, ids, x, w, b: F.linear(x, w, b)),
    "layer_norm": ("x scale shift", lambda F, ids, x, w, b: F.layer_norm(x, x.shape[-1:], w, b)),
    "rms_norm": ("x scale", lambda F, ids, x, w: F.rms_norm(x, x.shape[-1:], w)),
    "gelu tanh": ("hidden", lambda F, ids, x: F.gelu(x, approximate="tanh")),
    "softmax": ("scores", lambda F, ids, x: F.softmax(x, dim=-1)),
    "causal attention": (
        "heads heads heads",
        lambda F, ids, *qkv: F.scaled_dot_product_attention(*qkv, is_causal=True),
    ),
    "dropout": ("hidden", lambda F, ids, x: F.dropout(x, 0.1)),
    "embedding": ("table", lambda F, ids, w: F.embedding(ids, w)),
    "cross_entropy": ("logits", lambda F, ids, x: F.cross_entropy(x, ids)),
}
UPDATES = ("AdamW", "AdamW, torch fused")  # of all parameters of the model


def arrays(kernel: str, task: Task) -> tuple[list[np.ndarray], np.ndarray]:
    """Its inputs with gradients, and ids."""
    rng = np.random.default_rng(0)
    sizes = shapes(task)
    made = [rng.standard_normal(sizes[name], np.float32) for name in KERNELS[kernel][0].split()]
    return made, rng.integers(0, task.vocab, task.batch * task.length)


@contextmanager
def tapegrad(kernel: str, **job) -> Iterator[Callable[[], None]]:
    from tapegrad.autograd import Tensor, keep_memory
    from tapegrad.nn import functional as F

    keep_memory()
    if kernel in UPDATES:
        yield tapegrad_update(Task(**job))
        return
    made, ids = arrays(kernel, Task(**job))
    yield kernel_step(KERNELS[kernel][1], F, ids, [Tensor(x, requires_grad=True) for x in made], np.ones_like)


@contextmanager
def torch(kernel: str, **job) -> Iterator[Callable[[], None]]:
    import torch
    from torch.nn import functional as F

    if kernel in UPDATES:
        yield torch_update(Task(**job), "fused" in kernel)
        return
    made, ids = arrays(kernel, Task(**job))
    inputs = [torch.from_numpy(x).requires_grad_() for x in made]
    yield kernel_step(KERNELS[kernel][1], F, torch.from_numpy(ids), inputs, torch.ones_like)


def kernel_step(call: Callable, F, ids, inputs: list, ones_like: Callable) -> Callable[[], None]:
    first = call(F, ids, *inputs)
    seed = ones_like(first.numpy() if ones_like is np.ones_like else first)

    def step() -> None:
        call(F, ids, *inputs).backward(seed)
        for x in inputs:
            x.grad = None

    return step


def gradients(shape_list) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.standard_normal(shape, np.float32) for shape in shape_list]


def tapegrad_update(task: Task) -> Callable[[], None]:
    from tapegrad import nn

    parameters = list(build(task).parameters())
    optimizer = nn.optim.AdamW(parameters, **ADAMW)
    for p, g in zip(parameters, gradients(p.shape for p in parameters), strict=True):
        p.grad = g
    return optimizer.step


def torch_update(task: Task, fused: bool) -> Callable[[], None]:
    import torch

    parameters = [torch.nn.Parameter(torch.tensor(p.data)) for p in build(task).parameters()]
    optimizer = torch.optim.AdamW(parameters, fused=fused or None, **ADAMW)
    for p, g in zip(parameters, gradients(p.shape for p in parameters), strict=True):
        p.grad = torch.from_numpy(g)
    return lambda: void(optimizer.step())


def void(_) -> None:
    """Steps give no value."""
