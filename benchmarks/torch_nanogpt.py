"""nanoGPT's model in PyTorch, under tapegrad's state_dict keys, and its optimizer. Import where torch is.

As nanoGPT has them: no biases, one product for query, key and value, the fused attention, the exact GELU, one
table for embedding and head, weight decay for matrices, AdamW fused where torch can.

    python -m benchmarks.torch_nanogpt FILE JOB     # to write what its seed draws, for a job of nanogpt.py
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .nanogpt import Course

SEED = 1337  # of its train.py


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads, self.p = heads, dropout
        self.in_proj_weight = nn.Linear(width, 3 * width, bias=False).weight
        self.out_proj = nn.Linear(width, width, bias=False)

    def forward(self, x):
        b, t, c = x.shape
        parts = F.linear(x, self.in_proj_weight).split(c, dim=2)
        q, k, v = (part.view(b, t, self.heads, c // self.heads).transpose(1, 2) for part in parts)
        p = self.p if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=p, is_causal=True)
        return self.out_proj(y.transpose(1, 2).contiguous().view(b, t, c))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, bias=False)
        self.attn = Attention(width, heads, dropout)
        self.norm2 = nn.LayerNorm(width, bias=False)
        self.linear1 = nn.Linear(width, 4 * width, bias=False)
        self.linear2 = nn.Linear(4 * width, width, bias=False)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.dropout(self.attn(self.norm1(x)))
        return x + self.dropout(self.linear2(F.gelu(self.linear1(self.norm2(x)))))


class NanoGPT(nn.Module):
    def __init__(self, vocabulary: int, block: int, width: int, heads: int, layers: int, dropout: float):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(block, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=False)
        self.head = nn.Linear(width, vocabulary, bias=False)
        self.head.weight = self.tokens.weight

    def forward(self, ids, targets):
        """The mean loss."""
        x = self.dropout(self.tokens(ids) + self.positions(torch.arange(ids.shape[1])))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1))


def built(course: Course) -> NanoGPT:
    s = course.settings
    return NanoGPT(len(course.vocabulary), s.block, s.width, s.heads, s.layers, s.dropout)


def drawn(course: Course) -> dict[str, np.ndarray]:
    """What nanoGPT's seed gives: weights by name, and where its batches start, in the order of its draws.

    "train" (steps, batch) are those of training, "estimates" (times, 2, blocks) those of its evaluations.
    torch draws numbers for layers as they are built, too, before nanoGPT draws its own.
    """
    torch.manual_seed(SEED)
    s, model = course.settings, built(course)
    outputs = [w for b in model.blocks for w in (b.attn.out_proj.weight, b.linear2.weight)]
    inner = [
        (b.attn.in_proj_weight, b.attn.out_proj.weight, b.linear1.weight, b.linear2.weight)
        for b in model.blocks
    ]
    tables = model.tokens.weight, model.positions.weight
    for weight in (*tables, *(w for block in inner for w in block), model.head.weight):
        nn.init.normal_(weight, 0.0, 0.02)
    for weight in outputs:
        nn.init.normal_(weight, 0.0, 0.02 / (2 * s.layers) ** 0.5)

    def starts(part: str, batches: int = 1) -> np.ndarray:
        blocks = course.blocks[part]
        count = len(blocks.ids) - blocks.size
        return torch.cat([torch.randint(count, (s.batch,)) for _ in range(batches)]).numpy()

    train, estimates = [starts("train")], []  # the first batch comes before the first estimate
    for step in range(s.steps + 1):
        if step % s.eval_interval == 0 or step == s.steps:
            estimates.append([starts(part, s.eval_batches) for part in ("train", "val")])
        train.append(starts("train"))
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    return weights | {"train": np.array(train), "estimates": np.array(estimates)}


def twin(course: Course) -> NanoGPT:
    """The course's model in torch, with the same weights."""
    model = built(course)
    state = course.model().state_dict()
    model.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
    return model


def trained(course: Course, compiled: bool = False) -> tuple[Callable, Callable, torch.optim.Optimizer]:
    """A step and a measurement of the twin, each giving a loss, and its optimizer."""
    model = twin(course)
    groups = course.groups(list(model.parameters()))
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.99), fused=True)
    loss_of = torch.compile(model) if compiled else model

    def train(*batch) -> float:
        loss = loss_of(*map(torch.from_numpy, batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), course.settings.max_norm)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def measure(*batch) -> float:
        model.eval()
        with torch.no_grad():
            loss = loss_of(*map(torch.from_numpy, batch)).item()
        model.train()
        return loss

    if compiled:  # compiling is not on the clock; weights and optimizer stay as they are
        batch = course.blocks["train"].at([0] * course.settings.batch)
        loss_of(*map(torch.from_numpy, batch)).backward()
        optimizer.zero_grad(set_to_none=True)
        measure(*batch)
    return train, measure, optimizer


if __name__ == "__main__":
    np.savez(sys.argv[1], **drawn(Course(**json.loads(sys.argv[2]))))
