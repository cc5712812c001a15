"""Sequences of different lengths: padded to one array, or packed without padding.

A packed batch holds the first elements of all sequences, then the second of all that have one, and so on, the
longest sequence first: of "ab", "cde" and "f" it is c a f d b e, with batch_sizes 3, 2, 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import autograd as ag
from ...autograd import Tensor
from ...autograd.arrays import ArrayLike, as_array
from ..devices import DEVICES, check_device
from ..functional._inputs import as_tensor

__all__ = ["PackedSequence", "invert_permutation", "pack_padded_sequence", "pack_sequence", "pad_sequence"]
__all__ += ["pad_packed_sequence", "unpack_sequence", "unpad_sequence"]


class _Fields(NamedTuple):
    data: Tensor
    batch_sizes: np.ndarray
    sorted_indices: np.ndarray | None
    unsorted_indices: np.ndarray | None


class PackedSequence(_Fields):
    """A batch of sequences without padding: `data` (rows, ...), and how many rows each step has.

    Made by `pack_padded_sequence` and `pack_sequence`; nn.RNN, nn.LSTM and nn.GRU take it and give one back.
    `sorted_indices` says which sequence of the batch stands first, second, ..., and `unsorted_indices` the
    way back; both are None where the longest came first already. ValueError where batch_sizes grow, hold
    numbers below 1, or are not all of the rows.
    """

    __slots__ = ()

    def __new__(
        cls,
        data: Any,
        batch_sizes: ArrayLike | None = None,
        sorted_indices: ArrayLike | None = None,
        unsorted_indices: ArrayLike | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:  # PyTorch also takes (data, batch_sizes) as one argument
            if not isinstance(data, (list, tuple)) or len(data) != 2:
                raise ValueError("PackedSequence: takes data and batch_sizes; pack_sequence makes both")
            data, batch_sizes = data
        data, sizes = as_tensor(data), as_array(batch_sizes)
        if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or not sizes.size:
            raise ValueError(
                f"PackedSequence: batch_sizes is a list of integers, one for each step, not {sizes!r}"
            )
        if (np.diff(sizes) > 0).any() or sizes[-1] < 1 or data.shape[:1] != (sizes.sum(),):
            raise ValueError(
                f"PackedSequence: batch_sizes {sizes.tolist()} should not grow, and add up to the rows of "
                f"data, of shape {data.shape}; pack_padded_sequence and pack_sequence make both"
            )
        order = None if sorted_indices is None else as_array(sorted_indices)
        back = invert_permutation(order) if unsorted_indices is None else as_array(unsorted_indices)
        return super().__new__(cls, data, sizes, order, back)

    def to(self, *args: Any, **options: Any) -> PackedSequence:
        """The same with data of another dtype: to(np.float64), to(dtype=np.float64), to(tensor), to("cpu").

        Itself where nothing changes. ValueError for another device than the "cpu".
        """
        dtype, device = options.pop("dtype", None), options.pop("device", None)
        for given in args:
            if isinstance(given, (Tensor, np.ndarray)):
                dtype = given.dtype
            elif isinstance(given, str) and given.partition(":")[0] in DEVICES:
                device = given
            elif given is not None and not isinstance(given, bool):
                dtype = given
        check_device("PackedSequence.to", device)
        if dtype is None or self.data.dtype == dtype:
            return self
        return type(self)(self.data.astype(dtype), *self[1:])

    def cpu(self, *args: Any, **options: Any) -> PackedSequence:
        """As `to`: all arrays live there."""
        return self.to(*args, **options)

    def cuda(self, *args: Any, **options: Any) -> PackedSequence:
        """ValueError: there is no such device."""
        return self.to(*args, **{"device": "cuda", **options})

    def double(self) -> PackedSequence:
        """With data of float64."""
        return self.to(np.float64)

    def float(self) -> PackedSequence:
        """With data of float32."""
        return self.to(np.float32)

    def half(self) -> PackedSequence:
        """With data of float16."""
        return self.to(np.float16)

    def long(self) -> PackedSequence:
        """With data of int64."""
        return self.to(np.int64)

    def int(self) -> PackedSequence:
        """With data of int32."""
        return self.to(np.int32)

    def short(self) -> PackedSequence:
        """With data of int16."""
        return self.to(np.int16)

    def char(self) -> PackedSequence:
        """With data of int8."""
        return self.to(np.int8)

    def byte(self) -> PackedSequence:
        """With data of uint8."""
        return self.to(np.uint8)

    @property
    def is_cuda(self) -> bool:
        """False."""
        return False

    def pin_memory(self) -> PackedSequence:
        """Itself: memory is pinned for other devices."""
        return self

    def is_pinned(self) -> bool:
        """False."""
        return False


def invert_permutation(permutation: ArrayLike | None) -> np.ndarray | None:
    """The order that undoes one: `x[permutation][invert_permutation(permutation)]` is x; None gives None.

    An array (n,) of integers. ValueError where it is not a permutation of 0 to n - 1.
    """
    if permutation is None:
        return None
    order = as_array(permutation)
    if order.ndim != 1 or order.dtype.kind not in "iu" or (np.sort(order) != np.arange(order.size)).any():
        raise ValueError(f"invert_permutation: {order!r} is no permutation of 0 to {order.size - 1}")
    return np.argsort(order)


def pack_padded_sequence(
    input: ArrayLike,
    lengths: ArrayLike | Sequence[int],
    batch_first: bool = False,
    enforce_sorted: bool = True,
) -> PackedSequence:
    """Pack sequences that stand padded in `input` (T, B, ...), or (B, T, ...) with `batch_first`.

    `lengths` (B,) says how many elements of each count. The longest has to come first, unless
    `enforce_sorted` is false; then they are sorted, and come back in their own order. TypeError for lengths
    that are no integers, ValueError where they are not sorted, not as many as sequences, below 1 or beyond T.
    """
    x = as_tensor(input)
    if x.ndim < 2:
        raise ValueError(f"pack_padded_sequence: input is (T, B, ...), not of shape {x.shape}")
    time, batch = (1, 0) if batch_first else (0, 1)
    sizes = _lengths("pack_padded_sequence", lengths, x.shape[batch], 1, x.shape[time])
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
    elif (np.diff(sizes) > 0).any():
        raise ValueError(
            f"pack_padded_sequence: lengths {sizes.tolist()} do not fall; sort the sequences, the longest "
            "first, or pass enforce_sorted=False"
        )
    if not sizes.size:
        raise ValueError(f"pack_padded_sequence: no sequences in input of shape {x.shape}")
    steps, items = np.nonzero(np.arange(sizes[0])[:, None] < sizes)
    places = items if order is None else order[items]
    data = x[(places, steps) if batch_first else (steps, places)]
    return PackedSequence(data, np.bincount(steps), order)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, np.ndarray]:
    """The sequences of a packed batch padded to (T, B, ...), or (B, T, ...) with `batch_first`; and lengths.

    They have the order that they had before packing, and are padded with `padding_value` to the longest or
    to `total_length`. TypeError for what is not packed, ValueError for a total_length below the longest.
    """
    _check_packed("pad_packed_sequence", sequence)
    sizes = sequence.batch_sizes
    longest = len(sizes)
    if total_length is not None and total_length < longest:
        raise ValueError(
            f"pad_packed_sequence: total_length {total_length} is less than the longest sequence, {longest}"
        )
    here = np.arange(sizes[0]) < sizes[:, None]
    places = np.full((longest if total_length is None else total_length, sizes[0]), len(sequence.data))
    places[:longest][here] = np.arange(here.sum())
    lengths = here.sum(axis=0)
    if sequence.unsorted_indices is not None:
        places, lengths = places[:, sequence.unsorted_indices], lengths[sequence.unsorted_indices]
    return _gathered([sequence.data], places.T if batch_first else places, padding_value), lengths


def pad_sequence(
    sequences: Iterable[ArrayLike],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """`sequences` (L, ...) of different lengths as one array (T, B, ...), or (B, T, ...) with `batch_first`.

    Padded with `padding_value` to the longest, on the "right" or the "left". ValueError where there is no
    sequence, where they differ in more than length, or for another side.
    """
    if padding_side not in ("right", "left"):
        raise ValueError(f"pad_sequence: padding_side is 'right' or 'left', not {padding_side!r}")
    parts = [as_tensor(part) for part in sequences]
    if not parts:
        raise ValueError("pad_sequence: there is no sequence")
    if len({part.shape[1:] for part in parts}) > 1 or not parts[0].ndim:
        raise ValueError(
            f"pad_sequence: sequences of shapes {[part.shape for part in parts]}; "
            "they may differ along the first axis alone"
        )
    lengths = np.array([len(part) for part in parts])
    longest = lengths.max()
    places = np.full((len(parts), longest), lengths.sum())
    here = np.arange(longest) < lengths[:, None]
    if padding_side == "left":
        here = here[:, ::-1]
    places[here] = np.arange(lengths.sum())
    return _gathered(parts, places if batch_first else places.T, padding_value)


def unpad_sequence(
    padded_sequences: ArrayLike, lengths: ArrayLike | Sequence[int], batch_first: bool = False
) -> list[Tensor]:
    """The list of sequences in an array, each cut to its length.

    `padded_sequences` is (T, B, ...), or (B, T, ...) with `batch_first`. TypeError for `lengths` (B,) that
    are no integers, ValueError where they are not as many, negative or beyond T.
    """
    x = as_tensor(padded_sequences)
    if x.ndim < 2:
        raise ValueError(f"unpad_sequence: padded_sequences is (T, B, ...), not of shape {x.shape}")
    time, batch = (1, 0) if batch_first else (0, 1)
    sizes = _lengths("unpad_sequence", lengths, x.shape[batch], 0, x.shape[time]).tolist()
    return [x[i, :n] if batch_first else x[:n, i] for i, n in enumerate(sizes)]


def pack_sequence(sequences: Sequence[ArrayLike], enforce_sorted: bool = True) -> PackedSequence:
    """Pack a list of sequences (L, ...): `pad_sequence` and then `pack_padded_sequence`.

    ValueError where one is empty, and where the longest does not come first unless `enforce_sorted` is false.
    """
    parts = [as_tensor(part) for part in sequences]
    padded = pad_sequence(parts)
    return pack_padded_sequence(padded, [len(part) for part in parts], enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """The list of sequences (L, ...) in a packed batch, in the order that they had; TypeError for another."""
    _check_packed("unpack_sequence", packed_sequences)
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


def _gathered(parts: list[Tensor], places: np.ndarray, padding_value: float) -> Tensor:
    """The rows at `places` of all parts, one after the other, behind which stands the padding."""
    padding = np.full((1, *parts[0].shape[1:]), padding_value, np.result_type(*(p.dtype for p in parts)))
    return ag.concatenate([*parts, padding])[places]


def _check_packed(name: str, value: Any) -> None:
    if not isinstance(value, PackedSequence):
        raise TypeError(f"{name}: takes a PackedSequence, as pack_sequence makes, not {type(value).__name__}")


def _lengths(name: str, lengths: Any, count: int, least: int, most: int) -> np.ndarray:
    """`lengths` as an array of `count` integers from `least` to `most`, or ValueError."""
    sizes = as_array(lengths.data if isinstance(lengths, Tensor) else lengths)
    if not sizes.size:
        sizes = sizes.astype(np.int64)
    if sizes.dtype.kind not in "iu":
        raise TypeError(f"{name}: lengths must be integers, not {sizes.dtype}")
    if sizes.shape != (count,):
        raise ValueError(f"{name}: lengths of shape {sizes.shape} for {count} sequences")
    wrong = np.nonzero((sizes < least) | (sizes > most))[0]
    if wrong.size:
        raise ValueError(
            f"{name}: length {sizes[wrong[0]]} of sequence {wrong[0]} is not from {least} to {most}, "
            "the longest that input has room for"
        )
    return sizes.astype(np.int64)
