"""Which characters of a source a Transformer looks at for each character that it writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tapegrad.autograd import no_grad
from tapegrad.models import Transformer

from . import picture


@no_grad
def cross_attention(model: Transformer, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Weights (layers, heads, T, S) with which each of `target` (T,) looks at `source` (S,).

    Those of a step belong to the character that is written next. They are computed from what each layer of
    the decoder is given, because it does not keep them.
    """
    found: list[np.ndarray] = []

    handles: list[Any] = []

    def watch(attention: Any, inputs: tuple) -> None:
        handles.pop(0).remove()  # or the call below would come here again
        found.append(attention(*inputs[:3], average_attn_weights=False)[1].data[0])

    for layer in model.transformer.decoder.layers:
        handles.append(layer.multihead_attn.register_forward_pre_hook(watch))
    model(source[None], target[None])
    return np.stack(found)


def sharpest(maps: list[np.ndarray]) -> int:
    """The layer of weights (layers, heads, T, S) whose mean over heads looks at the fewest characters."""
    means = [weights.mean(axis=1) for weights in maps]
    entropies = [-(mean * np.log(mean + 1e-12)).sum(axis=-1).mean(axis=-1) for mean in means]
    return int(np.mean(entropies, axis=0).argmin())


def draw(texts: list[tuple[str, str, str]], weights: list[np.ndarray], path: Path) -> None:
    """Write a picture of texts (title, what was read, what was written) and of their weights to `path`.

    Weights are (layers, heads, T, S); it shows the sharpest layer, the mean of its heads.
    """
    layer = sharpest(weights)
    maps = [(*text, w[layer].mean(axis=0)) for text, w in zip(texts, weights, strict=True)]
    letters = "abcdefghijklmnopqrstuvwxyz"[: len(maps)]
    places = "\n".join(letters[i : i + 2].ljust(2, ".") for i in range(0, len(maps), 2))
    rows = places.count("\n") + 1
    with picture.written(path, places, (14, 0.6 + 3.1 * rows)) as (figure, axes):
        for letter, (title, read, answer, seen) in zip(letters, maps, strict=True):
            ax = axes[letter]
            image = ax.imshow(seen, cmap="Blues", vmin=0, vmax=1, aspect="auto")
            ax.set_xticks(range(len(read)), ["␣" if c == " " else c for c in read], family="monospace")
            ax.set_yticks(range(len(answer)), list(answer), family="monospace")
            ax.set_title(title, fontsize=10, loc="left")
            ax.tick_params(length=0)
        for letter in letters[::2]:
            axes[letter].set_ylabel("written")
        for letter in letters[-2:]:
            axes[letter].set_xlabel("read")
        figure.suptitle(f"what is read for each character that is written: decoder, layer {layer + 1} of "
                        f"{len(weights[0])}, mean of the heads")  # fmt: skip
        figure.colorbar(image, ax=list(axes.values()), label="attention", shrink=0.6)
