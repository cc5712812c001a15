"""Pictures by matplotlib, written to a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def written(path: Path, places: str, size: tuple[float, float], **options: Any) -> Iterator[tuple]:
    """A figure with its axes by their letters in `places`, written to `path` at the end.

    "ab" stands for two side by side, "aa;bc" for a wide one above two; `size` is in inches.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplot_mosaic(places, figsize=size, layout="constrained", **options)
    try:
        yield figure, axes
        figure.savefig(path, dpi=110)
    finally:
        plt.close(figure)
