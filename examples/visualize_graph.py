"""Draw computation graphs: how much of one they show, what colours tell, and where a forward failed.

Each picture goes into the folder as SVG, PNG and an interactive HTML page; without graphviz's program `dot`
as DOT, Mermaid and text. The SVGs are small and turn dark with the page that they are in.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import checks

import tapegrad.autograd as ag
from tapegrad import nn
from tapegrad.autograd.graph import Drawing, profile
from tapegrad.autograd.graph.render import DotMissingError
from tapegrad.models import Transformer, TransformerConfig
from tapegrad.nn import functional as F

FORMATS = ("svg", "png", "html")
TEXTS = ("dot", "mmd")
DARK = (
    "<style>@media (prefers-color-scheme: dark) { .graph { filter: invert(0.9) hue-rotate(180deg) } }</style>"
)


def points(*shape: int) -> np.ndarray:
    """Numbers between -1 and 1, always the same."""
    return np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)


# ------------------------------------------------------------------ how much is shown


class Network(nn.Module):
    """Two layers."""

    def __init__(self):
        self.hidden = nn.Linear(2, 16, bias=False)
        self.out = nn.Linear(16, 1, bias=False)

    def forward(self, x):  # (B, 2)
        return self.out(np.tanh(self.hidden(x)))  # (B, 1)


def network(zoom: str) -> Drawing:
    model = Network()
    return ag.visualize((model(points(256, 2)) ** 2).mean(), model, zoom=zoom)


def modules() -> Drawing:
    """A network as its modules (zoom="modules")."""
    return network("modules")


def ops() -> Drawing:
    """The same as every op and parameter (zoom="ops")."""
    return network("ops")


def backward() -> Drawing:
    """The same as what each op saves for its backward, and where gradients go (zoom="backward")."""
    return network("backward")


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


def attention_head() -> Drawing:
    """How three products of the same input become attention."""
    x = ag.Tensor(np.random.default_rng(1).normal(size=(5, 16)), requires_grad=True)
    head = AttentionHead(16, 8)
    return ag.visualize(head(x), zoom="ops", title="One attention head")


def transformer() -> Drawing:
    """The loss that examples/train_transformer.py minimises."""
    nn.manual_seed(1)
    model = Transformer(TransformerConfig(vocab_size=65, block_size=64))
    ids = np.random.default_rng(0).integers(0, 65, (3, 16, 64))
    logits = model(ids[0], ids[1])
    loss = F.cross_entropy(logits.reshape(-1, 65), ids[2].reshape(-1))
    return ag.visualize(loss, model, title="Loss of the Transformer of examples/train_transformer.py")


def second_order() -> Drawing:
    """A loss of a gradient: ops that were recorded while the gradient was computed are dashed."""
    model, x = Network(), ag.Tensor(points(64, 2), requires_grad=True)
    with ag.higher_order():
        (slope,) = ag.grad(model(x).sum(), x, create_graph=True)
        loss = (((slope**2).sum(axis=1) - 1) ** 2).mean()
    return ag.visualize(loss, model)


# ------------------------------------------------------------------ what colours tell


def gradients() -> Drawing:
    """A chain of sigmoids whose gradients vanish on their way back (color="gradient")."""
    nn.manual_seed(0)
    layers = [layer for _ in range(2) for layer in (nn.Linear(16, 16), nn.Sigmoid())]
    model = nn.Sequential(*layers, nn.Linear(16, 1))
    loss = (model(points(64, 16)) ** 2).mean()
    loss.backward()
    return ag.visualize(loss, model, color="gradient")


class Entropy(nn.Module):
    """Of a softmax, with 0 log(0) where a probability underflows."""

    def __init__(self):
        self.scores = nn.Linear(8, 5)

    def forward(self, x):  # (B, 8)
        p = F.softmax(self.scores(x) * 1000)
        return -(p * np.log(p)).sum(axis=-1)  # (B,)


def not_a_number() -> Drawing:
    """Where the first NaN of an entropy comes from (color="nan")."""
    nn.manual_seed(0)
    model = Entropy()
    with profile() as p, np.errstate(all="ignore"):
        loss = model(points(16, 8)).mean()
    return ag.visualize(loss, model, color="nan", profile=p)


def time() -> Drawing:
    """Where the backward of an encoder layer takes its time (color="backward", with a profile)."""
    nn.manual_seed(0)
    layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, batch_first=True, norm_first=True)
    for _ in range(2):  # the first is slower: memory is new
        with profile() as p:
            loss = layer(ag.Tensor(points(8, 32, 64), requires_grad=True)).mean()
            loss.backward()
    return ag.visualize(loss, layer, color="backward", profile=p, depth=1)


def memory() -> Drawing:
    """What each op of a decoder layer saves for its backward (zoom="backward", color="memory")."""
    layer = nn.TransformerDecoderLayer(64, 4, 256, dropout=0.0, batch_first=True, norm_first=True)
    x, memory = (ag.Tensor(points(8, n, 64), requires_grad=True) for n in (32, 48))
    return ag.visualize(layer(x, memory, tgt_is_causal=True), zoom="backward", color="memory")


def failure() -> Drawing:
    """A forward that failed, from its exception."""
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(8, 1))  # 16 is not 8
    try:
        model(points(256, 2))
    except ValueError as error:
        return ag.visualize(error, model)
    raise AssertionError("the widths fit")


DRAWINGS = (
    modules, ops, backward, attention_head, transformer, second_order, gradients, not_a_number, time, memory,
    failure,
)  # fmt: skip


# ------------------------------------------------------------------ the program


def slim(svg: str) -> str:
    """An SVG for a README: without comments, tooltips and ids, and with a style for the dark."""
    unneeded = r'<!--.*?-->\n?|<title>.*?</title>\n?|</?a\b[^>]*>\n?| (?:id|xmlns:xlink)="[^"]*"'
    return re.sub(unneeded, "", svg, flags=re.DOTALL).replace("<g ", f"{DARK}\n<g ", 1)


def save(drawing: Drawing, path: Path, formats: list[str]) -> Iterator[Path]:
    """Write a drawing in these formats, or without `dot` in those that can be had; yields the paths."""
    try:
        for suffix in formats:
            yield drawing.save(path.with_suffix(f".{suffix}"))
            if suffix == "svg":
                small = slim(path.with_suffix(".svg").read_text(encoding="utf-8"))
                path.with_suffix(".svg").write_text(small, encoding="utf-8")
    except DotMissingError as missing:
        print(missing, file=sys.stderr)
        for suffix in TEXTS:
            yield drawing.save(path.with_suffix(f".{suffix}"))
        path.with_suffix(".txt").write_text(f"{drawing.view.graph}\n", encoding="utf-8")
        yield path.with_suffix(".txt")


def parser() -> argparse.ArgumentParser:
    width = max(len(draw.__name__) for draw in DRAWINGS)
    pictures = "\n".join(f"  {draw.__name__:{width}}  {draw.__doc__.splitlines()[0]}" for draw in DRAWINGS)
    made = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"pictures:\n{pictures}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("pictures", nargs="*", metavar="PICTURE", help="which of those below (default: all)")
    made.add_argument(
        "--out", type=Path, default=Path("runs/graphs"), metavar="DIR", help="default: %(default)s"
    )
    made.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=list(FORMATS), metavar="FORMAT",
        help=f"some of {', '.join(FORMATS)} (default: all)",
    )  # fmt: skip
    return made


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    known = {draw.__name__: draw for draw in DRAWINGS}
    unknown = [name for name in options.pictures if name not in known]
    if unknown:
        print(f"error: no picture is called {unknown[0]!r}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    try:
        checks.writable(options.out)
        for name in options.pictures or known:
            drawing = known[name]()
            print(f"{name}: {drawing.view.graph.summary()}")
            for path in save(drawing, options.out / name, options.formats):
                print(f"  {path}")
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
