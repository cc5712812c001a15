"""Tables for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

CELL = "white-space: pre; font-family: monospace; padding: 1px 8px; border: none; text-align: "


def table(head: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """An HTML table whose first `left` columns are aligned to the left."""

    def row(tag: str, cells: Sequence[str]) -> str:
        sides = ["left"] * left + ["right"] * (len(cells) - left)
        cells = [
            f'<{tag} style="{CELL}{side}">{html.escape(cell)}</{tag}>'
            for side, cell in zip(sides, cells, strict=True)
        ]
        return f"<tr>{''.join(cells)}</tr>"

    body = "".join(row("td", cells) for cells in rows)
    return f"<table><thead>{row('th', head)}</thead><tbody>{body}</tbody></table>"


def paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"
