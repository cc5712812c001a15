"""Models that write texts from a folder of weights: here, and in transformers on PyTorch.

A writer is `write(ids, count)`: it yields the `count` likeliest tokens, arrays (B,) one by one, after prompts
`ids` (B, T). transformers' is its model and its cache in a plain loop, which is faster than its `generate`.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

Writer = Callable[[np.ndarray, int], Iterator[np.ndarray]]


def tapegrad_writer(folder: Path) -> Writer:
    from tapegrad import models
    from tapegrad.autograd import keep_memory

    keep_memory()
    model = models.from_pretrained(folder)
    return lambda ids, count: model.generate(ids, count, temperature=0, stop=())


def torch_writer(folder: Path) -> Writer:
    import torch
    from transformers import AutoModelForCausalLM, DynamicCache

    model = AutoModelForCausalLM.from_pretrained(folder)
    name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"

    @torch.inference_mode()
    def write(ids: np.ndarray, count: int) -> Iterator[np.ndarray]:
        new, cache = torch.from_numpy(ids), DynamicCache(config=model.config)
        for _ in range(count):
            logits = model(new, **{name: cache}, use_cache=True, logits_to_keep=1).logits
            new = logits[:, -1].argmax(-1, keepdim=True)
            yield new[:, 0].numpy()

    return write


WRITERS = {"torch": torch_writer, "tapegrad": tapegrad_writer}


@contextmanager
def writing(
    library: str, folder: str, vocabulary: int, batch: int, context: int, tokens: int
) -> Iterator[Callable[[], dict]]:
    """A step writes `tokens` tokens: {"seconds": of the first with the prompt, then of each, "tokens"}."""
    write = WRITERS[library](Path(folder))
    ids = np.random.default_rng(0).integers(0, vocabulary, (batch, context))

    def step() -> dict:
        written, seconds, before = [], [], time.perf_counter()
        for token in write(ids, tokens):
            written.append(token.tolist())
            now = time.perf_counter()
            seconds.append(now - before)
            before = now
        return {"seconds": seconds, "tokens": written}

    yield step
