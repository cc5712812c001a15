"""Keys and values of the positions that are read already, and which of them a new position may see."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, as_array

__all__ = ["Cache", "mask_of", "positions_of", "real_of"]

SMALLEST = 32  # positions that a layer has room for at first, unless more are foreseen


class Cache:
    """The keys and values of every layer, so that a step of generation computes new positions only.

    A model that is given a cache takes `ids` as the positions from `length` on, and each of its layers calls
    `extend` with the keys and values of these. `capacity` is how many positions are foreseen; memory for them
    is taken at once, and twice as much whenever they are more. Numbers are kept without gradients: use
    no_grad. After an error inside a step it is of no more use, which the next step says.
    """

    def __init__(self, capacity: int = 0):
        self.capacity = capacity
        self._layers: dict[int, _Layer] = {}
        self._crossed: dict[int, tuple[Tensor, Tensor]] = {}
        self._origin: np.ndarray | None = None  # of each row, the row of what `cross` made

    @property
    def length(self) -> int:
        """How many positions all layers hold: the number of the next one, for who asks before a step."""
        return min((layer.length for layer in self._layers.values()), default=0)

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        held = [x.data for pair in self._crossed.values() for x in pair]
        held += [x for layer in self._layers.values() for x in (layer.keys, layer.values)]
        return sum(x.nbytes for x in held)

    def extend(
        self, layer: int, key: Tensor, value: Tensor, window: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Append `key` and `value` (B, H, T, D) of new positions to a layer; gives all that those may see.

        What comes is (B, H, S, D), views of the cache's memory that are right until the next step. With
        `window` a position sees that many only, itself included, and S is at most window - 1 + T (`mask_of`
        knows).
        ValueError for other rows, heads or widths than before; RuntimeError for Tensors that want a gradient,
        and where layers have not taken in the same positions.
        """
        _refuse_gradients("extend", key, value)
        k, v = self.append(layer, key.data, value.data, window)
        return Tensor(k), Tensor(v)

    def append(
        self, layer: int, key: np.ndarray, value: np.ndarray, window: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """`extend` of arrays, whose views cost less than those of Tensors.

        `key` and `value` (B, H, T, D) are those of the new positions of a `layer`, which sees as many as its
        `window`. ValueError and RuntimeError as there.
        """
        found = self._layers.get(layer)
        if found is None:
            found = self._layers[layer] = _Layer(key, value, window, self.capacity)
        first = next(iter(self._layers.values()))
        end = found.length + key.shape[2]
        if first.length != (self.length if found is first else end):
            raise RuntimeError(
                f"Cache.extend: layer {layer} has {found.length} positions and is given {key.shape[2]}, "
                f"others have {first.length}; after a step that failed, make a new Cache"
            )
        return found.extend(layer, key, value, window)

    def cross(self, layer: int, make: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        """The keys and values (B, H, S, D) of what an encoder read: `make()` is called once, and kept.

        RuntimeError where they want a gradient.
        """
        if layer not in self._crossed:
            key, value = make()
            _refuse_gradients("cross", key, value)
            self._crossed[layer] = key, value
        return self._crossed[layer]

    def select(self, rows: ArrayLike) -> None:
        """Let row i be what row `rows[i]` was: in another order, repeated or left out.

        Only what changes is copied. IndexError for a row that is not there.
        """
        rows = np.asarray(rows, np.intp)
        for layer in self._layers.values():
            layer.select(rows)
        if not self._crossed:
            return
        before = self._origin
        if before is None:
            before = np.arange(len(next(iter(self._crossed.values()))[0].data))
        self._origin = before[rows]
        if not np.array_equal(self._origin, before):  # as the rows of one source change places, nothing does
            for i, pair in self._crossed.items():
                key, value = (Tensor(x.data[rows]) for x in pair)
                self._crossed[i] = key, value


def _refuse_gradients(name: str, *tensors: Tensor) -> None:
    if any(x.edge is not None for x in tensors):
        raise RuntimeError(f"Cache.{name}: keys want a gradient, which a cache does not keep; use no_grad")


class _Layer:
    """The memory of one layer: (B, H, room, D) of which `start` to `end` are held."""

    def __init__(self, key: np.ndarray, value: np.ndarray, window: int | None, capacity: int):
        if window is not None and window < 1:
            raise ValueError(f"Cache.extend: window is a number of positions of 1 or more, not {window}")
        room = max(SMALLEST, capacity)
        room = max(key.shape[2], room if window is None else min(room, 2 * window))
        self.window = window
        self.length = self.start = self.end = 0
        self.keys, self.values = _room(key, room), _room(value, room)

    def extend(
        self, layer: int, key: np.ndarray, value: np.ndarray, window: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        for name, x, held in (("keys", key, self.keys), ("values", value, self.values)):
            b, h, _, d = held.shape
            if x.shape != (b, h, key.shape[2], d) or x.dtype != held.dtype or window != self.window:
                raise ValueError(
                    f"Cache.extend: {name} {x.shape} of {x.dtype} with window {window} for layer {layer}, "
                    f"which has ({b}, {h}, .., {d}) of {held.dtype} with window {self.window}"
                )
        new = key.shape[2]
        if window is not None:
            self.start = max(self.start, self.end - window + 1)  # what no new position sees is dropped
        if self.end + new > self.keys.shape[2]:
            self._make_room(new)
        start, end = self.start, self.end + new
        self.keys[:, :, self.end : end] = key
        self.values[:, :, self.end : end] = value
        self.end, self.length = end, self.length + new
        return self.keys[:, :, start:end], self.values[:, :, start:end]

    def _make_room(self, new: int) -> None:
        """Move what is held to the front: of twice the memory, or of this where more than half is dropped."""
        held, room = self.end - self.start, self.keys.shape[2]
        larger = 2 * held + new > room
        for name in ("keys", "values"):
            before = getattr(self, name)
            after = _room(before, max(2 * room, held + new)) if larger else before
            after[:, :, :held] = before[:, :, self.start : self.end]  # which do not overlap
            setattr(self, name, after)
        self.start, self.end = 0, held

    def select(self, rows: np.ndarray) -> None:
        same = len(rows) == len(self.keys)
        changed = np.flatnonzero(rows != np.arange(len(rows))) if same else rows
        for name in ("keys", "values") if len(changed) or not same else ():
            before = getattr(self, name)
            if same:  # most rows stay where they are
                before[changed, :, : self.end] = before[rows[changed], :, : self.end]
                continue
            after = np.empty_like(before, shape=(len(rows), *before.shape[1:]))
            after[:, :, : self.end] = before[rows, :, : self.end]
            setattr(self, name, after)


def _room(like: np.ndarray, positions: int) -> np.ndarray:
    """Memory as `like` (B, H, .., D) has it, for so many positions."""
    return np.empty((*like.shape[:2], positions, like.shape[3]), like.dtype)


def mask_of(
    new: int, past: int = 0, attention_mask: ArrayLike | None = None, window: int | None = None
) -> tuple[np.ndarray | None, bool]:
    """What `new` positions after `past` others may see: a boolean mask or None, and `is_causal`.

    Both are for F.scaled_dot_product_attention. The mask (1 or B, 1, T, S) is true where position t may look
    at position s: s <= t, s > t - window, and s is a real token by `attention_mask` (B, past + T), whose
    padding is 0. S counts what a layer with such a `window` is given: past + T, or the last window - 1 + T.
    It is None where `is_causal` says it all, or where one position sees everything. ValueError for an
    attention_mask of other positions.
    """
    held = past if window is None else min(past, window - 1)
    real = real_of(attention_mask, past + new)
    narrow = held + new if window is None else window  # how many are seen at most
    if real is None and held + new <= narrow:
        if new == 1:
            return None, False
        if not past:
            return None, True
    t = np.arange(held, held + new)[:, None]
    s = np.arange(held + new)
    seen = s <= t
    if held + new > narrow:
        seen &= s > t - narrow
    return (seen[None, None] if real is None else seen & real[:, None, None, past - held :]), False


def real_of(attention_mask: ArrayLike | None, positions: int) -> np.ndarray | None:
    """`attention_mask` (B, positions) as booleans, true for real tokens; None where all are.

    ValueError for another shape, and for numbers other than 0 and 1 (a mask that is to be added to scores,
    say); TypeError for what are no numbers.
    """
    if attention_mask is None:
        return None
    real = as_array(attention_mask)
    if real.dtype.kind not in "biuf":
        raise TypeError(f"attention_mask is to be of booleans or of 0 and 1, not {real.dtype}")
    if real.ndim != 2 or real.shape[1] != positions:
        raise ValueError(
            f"attention_mask of shape {real.shape}, expected (batch, {positions}): 1 for each token, cached "
            "and new, and 0 for padding"
        )
    given, real = real, real.astype(bool, copy=False)
    if real is not given and (real != given).any():
        raise ValueError("attention_mask is to be 1 for tokens and 0 for padding, and nothing else")
    return None if real.all() else real


def positions_of(new: int, past: int = 0, attention_mask: ArrayLike | None = None) -> np.ndarray:
    """The numbers of `new` positions after `past` others: (T,), or (B, T) where there is padding.

    The real tokens of a row are counted from 0; padding before them has number 0. ValueError for an
    attention_mask of other positions.
    """
    real = real_of(attention_mask, past + new)
    if real is None:
        return np.arange(past, past + new)
    return np.maximum(real.cumsum(axis=1) - 1, 0)[:, past:]
