"""The picture of a checkpoint's model, drawn from its config.json."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from .usage import UsageError

SUMMARY = "Draw a folder's model: SVG, PNG, PDF, an interactive page, DOT or Mermaid."
EXAMPLE = """\
examples:
  tapegrad graph gpt2/
  tapegrad graph gpt2/ -o gpt2.svg
  tapegrad graph gpt2/ -o gpt2.html --zoom ops

The model is built from config.json and run once, on zeros, to draw what it
does: weights are not read, and need not be there. Without -o the graph is
printed as text. SVG, PNG, PDF and HTML need graphviz's program `dot`; DOT and
Mermaid do not."""


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="FOLDER", help="a folder with config.json")
    parser.add_argument("-o", "--output", metavar="FILE", help="FILE.svg, .png, .pdf, .html, .dot or .mmd")
    parser.add_argument(
        "--zoom",
        choices=("modules", "ops", "backward"),
        help="how much the picture shows (modules)",
    )
    parser.add_argument(
        "--depth", type=int, metavar="N", help="open the picture's modules to N levels (as is readable)"
    )
    parser.add_argument("--length", type=int, metavar="T", default=8, help="of the text that is read (8)")
    parser.add_argument("--title", default=None, help="below the picture (the model's class and folder)")


def run(args: Namespace) -> None:
    import numpy as np

    from ..autograd import Graph, visualize

    check(args)
    model = built(args.folder)
    with np.errstate(all="ignore"):  # nothing has been put into the weights
        output = model(*inputs(model, args.length))
    outputs = [x for x in (output if isinstance(output, tuple) else (output,)) if x is not None]
    graph = Graph(outputs, model)
    if args.output is None:
        print(graph)
        return
    title = f"{type(model).__name__} of {args.folder}" if args.title is None else args.title
    print(visualize(graph, zoom=args.zoom or "modules", depth=args.depth, title=title).save(args.output))


def check(args: Namespace) -> None:
    """UsageError for what would have no effect, or could not be drawn once the model has run."""
    from ..autograd.graph.drawing import SUFFIXES

    for name, value, least in ("length", args.length, 1), ("depth", args.depth, 0):
        if value is not None and value < least:
            raise UsageError(f"--{name} is to be {least} or more, not {value}")
    unused = [name for name in ("zoom", "depth", "title") if getattr(args, name) is not None]
    if args.output is None and unused:
        raise UsageError(f"--{unused[0]} is for a picture: name its file with -o")
    if args.output is not None and not args.output.lower().endswith(SUFFIXES):
        raise UsageError(f"-o is the name of a file that ends in {', '.join(SUFFIXES)}, not {args.output!r}")


def built(folder: str) -> Any:
    """The model of a folder's config.json, in evaluation mode, with whatever numbers its memory has."""
    from .. import nn
    from ..models import pretrained

    with nn.utils.no_init():
        return pretrained.from_config(folder).eval()


def inputs(model: Any, length: int) -> list[Any]:
    """What the model reads: ids, two texts, or an image."""
    import numpy as np

    config = model.config
    if hasattr(config, "image"):
        return [np.zeros((1, config.num_channels, *config.image), np.float32)]
    context = getattr(model, "context", None)
    ids = np.zeros((1, length if context is None else min(length, context)), np.int64)
    return [ids, ids] if hasattr(model, "encode") else [ids]
