"""`visualize`: a picture of a graph, to look at and to save."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..tensor import Tensor
from . import render, text
from .calls import Call
from .colors import make_coloring, read
from .dot import caption, digraph
from .graph import Graph
from .mermaid import mermaid
from .profile import profile as Profile
from .view import View, make_view

if TYPE_CHECKING:
    import graphviz

TEXTS = {".dot": "source", ".gv": "source", ".mmd": "mermaid", ".md": "markdown"}
SUFFIXES = (*(f".{kind}" for kind in render.FORMATS), ".html", *TEXTS)


def visualize(
    output: Tensor | Iterable[Tensor] | BaseException | Graph,
    model=None,
    *,
    zoom: str = "modules",
    depth: int | None = None,
    expand: Callable[[Call], bool] | str | None = None,
    color: str | None = None,
    profile: Profile | None = None,
    title: str = "",
) -> Drawing:
    """Draw what `output` was computed from: a loss, several Tensors, or the exception of a failed forward.

    `model` (a Module, or a dict of Tensors) gives names; without it those of the modules that were called
    are used. `zoom`: "modules"; "ops", every op and parameter; "backward", what each op saves for its
    backward and where gradients go. Module calls are opened to `depth` levels, or where `expand(call)`
    says so, by default as deep as is readable. `color` lays a measurement over it: "gradient", "ratio"
    (|grad| / |weight|), "flops", "memory", or with `profile=` "forward", "backward" (time), "values",
    "nan"; of repeated calls, their sum.
    """
    graph = output if isinstance(output, Graph) else Graph(output, model)
    view = make_view(graph, zoom, depth=depth, expand=expand)
    return Drawing(view, color, profile, title)


class Drawing:
    """A picture of a graph, which shows itself in a notebook.

    `digraph` is graphviz's object, `source` its text. `save(path)` writes SVG, PNG, PDF, DOT (.dot, .gv),
    Mermaid (.mmd, or .md with its fence) or an interactive page (.html) by the suffix.
    """

    def __init__(self, view: View, color: str | None = None, profile: Profile | None = None, title: str = ""):
        self.view = view
        self.title = title
        self._color = color
        self._reading = read(view.graph, color, profile) if color is not None else None
        (self.digraph,) = self._digraphs([view])

    def _digraphs(self, views: list[View]) -> list[graphviz.Digraph]:
        """Of Views of one graph, with one scale of colours; the first has title and legend."""
        coloring = make_coloring(views, self._color, self._reading) if self._color and self._reading else None
        below = caption(views[0], coloring, self.title)
        return [digraph(view, coloring, below if view is views[0] else "") for view in views]

    @property
    def source(self) -> str:
        """The picture in graphviz's language, DOT."""
        return self.digraph.source

    @property
    def mermaid(self) -> str:
        """The picture in Mermaid's language."""
        return mermaid(self.view)

    @property
    def markdown(self) -> str:
        """The same for a Markdown page."""
        return f"```mermaid\n{self.mermaid}```\n"

    @property
    def svg(self) -> str:
        """The picture as SVG, drawn by graphviz."""
        return render.render(self.source, "svg").decode()

    @property
    def html(self) -> str:
        """A page of its own, in which modules open and close."""
        from .insides import interactive  # takes 12 ms, and not every drawing becomes a page

        return interactive(self.view, self._digraphs, self.title)

    def save(self, path) -> Path:
        """Write the picture in the format that the suffix of `path` names; returns the path.

        ValueError for a suffix of no format.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix in TEXTS or suffix == ".html":
            content = getattr(self, TEXTS.get(suffix, "html")).encode()
        elif suffix[1:] in render.FORMATS:
            content = render.render(self.source, suffix[1:])
        else:
            known = ", ".join(SUFFIXES)
            raise ValueError(f"{path}: a drawing is saved as {known}, not as {path.suffix or 'nothing'!r}")
        path.write_bytes(content)
        return path

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.view.graph)} nodes in {len(self.view)} boxes; .save('graph.svg')>"

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict[str, Any]:
        try:
            return {"image/svg+xml": self.svg, "text/plain": repr(self)}
        except render.DotMissingError as missing:
            return {"text/plain": f"{text.tree(self.view.graph)}\n\n{missing}"}
