"""What counting alone reaches: the cross-entropy of n-gram models, the bar that a network has to clear."""

from collections.abc import Iterator

import numpy as np

NAMES = {0: "uniform", 1: "unigram", 2: "bigram", 3: "trigram"}


def count_models(
    train_ids: np.ndarray, val_ids: np.ndarray, vocab_size: int, orders: int = 5
) -> list[tuple[str, float]]:
    """Name and validation cross-entropy (nats per character) of uniform, unigram, ... `orders`-gram.

    The counts come from `train_ids`; `val_ids` is taken to follow it directly, so the first characters of
    the validation split are predicted from the last ones of the training split.
    """
    if not len(val_ids):
        raise ValueError("there are no validation characters to score")
    return [
        (NAMES.get(n, f"{n}-gram"), float(-np.log(p).mean()))
        for n, p in enumerate(probabilities(train_ids, val_ids, vocab_size, orders))
    ]


def probabilities(
    train_ids: np.ndarray, val_ids: np.ndarray, vocab_size: int, orders: int = 5
) -> Iterator[np.ndarray]:
    """Yield what each model, uniform first, expects of every validation character, `orders` + 1 arrays.

    Interpolated Witten-Bell: a history h of n - 1 characters was seen N(h) times, with T(h) distinct
    characters after it, and passes T(h) / (N(h) + T(h)) of its belief on to the history h' that is one
    character shorter:

        P_n(c | h) = (N(h, c) + T(h) * P_{n-1}(c | h')) / (N(h) + T(h))

    A history that was never seen says nothing: P_n = P_{n-1}.
    """
    ids = np.concatenate([train_ids, val_ids]).astype(np.int64)
    if ids.size and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise ValueError(f"ids run from {ids.min()} to {ids.max()}, outside a vocabulary of {vocab_size}")
    split = len(train_ids)
    p = np.full(len(val_ids), 1 / vocab_size)
    yield p
    grams = np.zeros(len(ids) + 1, np.int64)  # one number for each run of n characters, n = 0 to begin with
    for n in range(1, orders + 1):
        # One number serves twice: h followed by c is an n-gram here and a history for the next order.
        # Numbered afresh each time, it stays below len(ids), and the product far below 2**63.
        histories, codes = grams[:-1], grams[:-1] * vocab_size + ids[n - 1 :]
        grams = np.unique(codes, return_inverse=True)[1]
        seen = max(split - n + 1, 0)  # the n-grams that lie in the training split
        p = _witten_bell(histories, grams, seen, p)
        yield p


def _witten_bell(histories: np.ndarray, grams: np.ndarray, seen: int, shorter: np.ndarray) -> np.ndarray:
    """One step of the recursion: the model of one order from the probabilities of the order below.

    histories[i] and grams[i] number one place's history and the same with its character; the first `seen`
    places are training, the rest validation. A place too near the text's start to have a history has no
    entry, and keeps the shorter model's probability.
    """
    followed = np.bincount(histories[:seen], minlength=histories.max(initial=0) + 1)
    together = np.bincount(grams[:seen], minlength=grams.max(initial=0) + 1)
    first = np.unique(grams[:seen], return_index=True)[1]  # one place of each distinct n-gram
    distinct = np.bincount(histories[first], minlength=len(followed))

    h, hc = histories[seen:], grams[seen:]
    p = shorter.copy()
    tail = p[len(p) - len(h) :]
    np.divide(together[hc] + distinct[h] * tail, followed[h] + distinct[h], out=tail, where=followed[h] > 0)
    return p
