"""Draw computation graphs: a small network, one attention head, a decoder layer, and a Transformer's
whole loss.

Each goes into the folder as SVG, PNG and an interactive HTML page; without graphviz's program `dot` as
DOT, Mermaid and text.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import checks

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph import Drawing
from tapegrad.autograd.graph.render import DotMissingError
from tapegrad.models import Transformer, TransformerConfig
from tapegrad.nn import functional as F

PICTURES = (".svg", ".png", ".html")
TEXTS = (".dot", ".mmd")


class Network(nn.Module):
    """Two layers."""

    def __init__(self):
        self.hidden = nn.Linear(2, 16)
        self.out = nn.Linear(16, 1)

    def forward(self, x):  # (B, 2)
        return self.out(np.tanh(self.hidden(x)))  # (B, 1)


class AttentionHead(nn.Module):
    """softmax(q k^T / sqrt(d)) v, written out."""

    def __init__(self, width: int, d: int):
        rng = np.random.default_rng(0)
        for name in ("w_query", "w_key", "w_value"):
            setattr(self, name, nn.Parameter(rng.normal(0, width**-0.5, (width, d))))

    def forward(self, x):  # (T, C)
        # what a module keeps as an attribute has a name in the picture
        self.query, self.key, self.value = x @ self.w_query, x @ self.w_key, x @ self.w_value  # (T, D)
        self.scores = self.query @ self.key.mT / np.sqrt(self.key.shape[-1])  # (T, T)
        self.weights = F.softmax(self.scores)
        return self.weights @ self.value  # (T, D)


def network() -> Drawing:
    """A whole graph: every op, parameter and constant."""
    x = np.random.default_rng(0).uniform(-1, 1, (256, 2)).astype(np.float32)
    y = np.sign(x[:, :1] * x[:, 1:])
    model = Network()
    loss = ((model(x) - y) ** 2).mean()
    return ag.visualize(loss, zoom="ops", title="Loss of a network with two layers")


def attention_head() -> Drawing:
    """How three products of the same input become attention."""
    x = ag.Tensor(np.random.default_rng(1).normal(size=(5, 16)), requires_grad=True)
    head = AttentionHead(16, 8)
    return ag.visualize(head(x), zoom="ops", title="One attention head")


def decoder_layer() -> Drawing:
    """What each op of a decoder layer keeps for its backward."""
    layer = nn.TransformerDecoderLayer(64, 4, 256, dropout=0.0, batch_first=True, norm_first=True)
    rng = np.random.default_rng(0)
    x = ag.Tensor(rng.normal(size=(8, 32, 64)), requires_grad=True, dtype=np.float32)
    memory = ag.Tensor(rng.normal(size=(8, 48, 64)), requires_grad=True, dtype=np.float32)
    y = layer(x, memory, tgt_is_causal=True)
    return ag.visualize(y, zoom="backward", color="memory", title="Backward of a decoder layer")


def transformer() -> Drawing:
    """The loss that examples/train_transformer.py minimises."""
    nn.manual_seed(1)
    model = Transformer(TransformerConfig(vocab_size=65, block_size=64))
    ids = np.random.default_rng(0).integers(0, 65, (3, 16, 64))
    logits = model(ids[0], ids[1])
    loss = F.cross_entropy(logits.reshape(-1, 65), ids[2].reshape(-1))
    return ag.visualize(loss, model, title="Loss of the Transformer of examples/train_transformer.py")


DRAWINGS = (network, attention_head, decoder_layer, transformer)


def save(drawing: Drawing, path: Path) -> Iterator[Path]:
    """Write a drawing in every format that can be had; yields the paths."""
    try:
        for suffix in PICTURES:
            yield drawing.save(path.with_suffix(suffix))
    except DotMissingError as missing:
        print(missing, file=sys.stderr)
        for suffix in TEXTS:
            yield drawing.save(path.with_suffix(suffix))
        path.with_suffix(".txt").write_text(f"{drawing.view.graph}\n", encoding="utf-8")
        yield path.with_suffix(".txt")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    default = Path("runs/graphs")
    parser.add_argument("--out", type=Path, default=default, metavar="DIR", help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        checks.writable(options.out)
        for draw in DRAWINGS:
            drawing = draw()
            print(f"{draw.__name__}: {drawing.view.graph.summary()}")
            for path in save(drawing, options.out / draw.__name__):
                print(f"  {path}")
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
