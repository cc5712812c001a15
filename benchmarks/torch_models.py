"""The models of `tasks` in PyTorch, under the same state_dict keys, and their training step.

Written for speed: one product for query, key and value, the fused attention and GELU, nothing that
synchronises but reading the loss. Import where torch is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tapegrad.autograd import no_grad

from .tasks import ADAMW, Task, batches, build


class Attention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, x, memory=None, causal=False):
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if memory is None:
            parts = F.linear(x, weight, bias).chunk(3, -1)
        else:
            c = x.shape[-1]
            keys = F.linear(memory, weight[c:], bias[c:]).chunk(2, -1)
            parts = (F.linear(x, weight[:c], bias[:c]), *keys)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=causal)
        return self.out_proj(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """GPT's block."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x), causal=True)
        return x + self.linear2(F.gelu(self.linear1(self.norm2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, task: Task):
        super().__init__()
        self.tokens = nn.Embedding(task.vocab, task.width)
        self.positions = nn.Embedding(task.length, task.width)
        self.blocks = nn.ModuleList(Block(task.width, task.heads) for _ in range(task.layers))
        self.norm = nn.LayerNorm(task.width)
        self.head = nn.Linear(task.width, task.vocab, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids):
        x = self.tokens(ids) + self.positions.weight[: ids.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


class Layer(nn.Module):
    """Of the encoder, or with `looks_at_memory` of the decoder, which is causal."""

    def __init__(self, width: int, heads: int, looks_at_memory: bool):
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)
        if looks_at_memory:
            self.multihead_attn = Attention(width, heads)
            self.norm3 = nn.LayerNorm(width)

    def forward(self, x, memory=None):
        x = x + self.self_attn(self.norm1(x), causal=memory is not None)
        last = self.norm2
        if memory is not None:
            x = x + self.multihead_attn(self.norm2(x), memory)
            last = self.norm3
        return x + self.linear2(F.gelu(self.linear1(last(x)), approximate="tanh"))


class Stack(nn.Module):
    def __init__(self, task: Task, looks_at_memory: bool):
        super().__init__()
        layers = (Layer(task.width, task.heads, looks_at_memory) for _ in range(task.layers))
        self.layers = nn.ModuleList(layers)
        self.norm = nn.LayerNorm(task.width)

    def forward(self, x, memory=None):
        for layer in self.layers:
            x = layer(x, memory)
        return self.norm(x)


class Transformer(nn.Module):
    def __init__(self, task: Task):
        super().__init__()
        self.tokens = nn.Embedding(task.vocab, task.width)
        self.source_positions = nn.Embedding(task.length, task.width)
        self.target_positions = nn.Embedding(task.length, task.width)
        self.transformer = nn.ModuleDict({"encoder": Stack(task, False), "decoder": Stack(task, True)})
        self.head = nn.Linear(task.width, task.vocab, bias=False)

    def forward(self, source, target):
        x = self.tokens(source) + self.source_positions.weight[: source.shape[1]]
        y = self.tokens(target) + self.target_positions.weight[: target.shape[1]]
        memory = self.transformer["encoder"](x)
        return self.head(self.transformer["decoder"](y, memory))


def twin(task: Task, ours=None) -> nn.Module:
    """The task's model in torch, with the weights of `ours`, by default those of `build`."""
    model = (GPT if task.kind == "gpt" else Transformer)(task)
    state = (ours or build(task)).state_dict()
    model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    return model


def adamw(model: nn.Module, fused: bool = False) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), fused=fused or None, **ADAMW)


def loss_function(model: nn.Module) -> Callable[..., torch.Tensor]:
    def loss_of(*batch):
        *inputs, target = batch
        logits = model(*inputs)
        return F.cross_entropy(logits.flatten(0, 1), target.flatten())

    return loss_of


def steps(
    loss_of: Callable, optimizer: torch.optim.Optimizer, made: Sequence[Sequence[np.ndarray]]
) -> Callable[[], float]:
    """A step on the next of these batches."""
    data = cycle([tuple(map(torch.from_numpy, batch)) for batch in made])

    def step() -> float:
        loss = loss_of(*next(data))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


@contextmanager
def training(fused: bool = False, compiled: bool = False, **job) -> Iterator[Callable[[], float]]:
    """A step as `tasks.training` makes it. `fused` is AdamW's."""
    task = Task(**job)
    model = twin(task)
    loss_of, made = loss_function(model), batches(task)
    if compiled:
        loss_of = torch.compile(loss_of)
        check_compiled(loss_of, tuple(map(torch.from_numpy, made[0])))
    yield steps(loss_of, adamw(model, fused), made)


def check_compiled(function: Callable, batch: tuple) -> None:
    """Raise unless all of it became one graph."""
    from torch._dynamo.utils import counters

    counters.clear()
    function(*batch)
    graphs, breaks = counters["stats"]["unique_graphs"], sum(counters["graph_break"].values())
    if graphs != 1 or breaks:
        raise RuntimeError(f"torch.compile made {graphs} graphs with {breaks} breaks")


@contextmanager
def agreement(**job) -> Iterator[Callable[[], float]]:
    """A step that gives the largest difference between tapegrad's logits and torch's."""
    task = Task(**job)
    yield lambda: difference(task)


def difference(task: Task) -> float:
    """Largest difference between logits, relative to the largest logit."""
    ours = build(task)
    theirs = twin(task, ours)
    *inputs, _ = batches(task, 1)[0]
    with torch.no_grad(), no_grad():
        x = ours(*inputs).numpy()
        y = theirs(*map(torch.from_numpy, inputs)).numpy()
    return float(np.abs(x - y).max() / np.abs(y).max())
