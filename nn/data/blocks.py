"""Memory that two processes see, for arrays on their way from one to the other.

A block is an anonymous file in memory (memfd_create, Linux): it has no name that could be left behind, does
not count towards /dev/shm, and is gone with the last process that maps it, however that ends. The sender
makes blocks, and each is mapped once by the receiver and used again as soon as neither has an array in it.
"""

from __future__ import annotations

import os
import weakref
from collections import deque
from mmap import mmap
from typing import Any

import numpy as np

LARGE = 1 << 14  # bytes from which on a block is worth it: smaller arrays go through the pipe
MOST = 64  # blocks of a sender; what is beyond goes through the pipe, so that no process runs out of maps


def available() -> bool:
    """Whether this system has such memory."""
    return hasattr(os, "memfd_create")


class Block:
    """`here`: whether this process has the array in it; `there`: whether the other one may have."""

    def __init__(self, number: int, capacity: int):
        self.number, self.capacity = number, capacity
        self.here, self.there = True, False
        self.file = os.memfd_create("tapegrad batch")
        try:
            os.ftruncate(self.file, capacity)
            self.memory = mmap(self.file, capacity)
        except BaseException:
            os.close(self.file)
            raise


class Lender:
    """The sender's blocks."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.free: dict[int, list[Block]] = {}  # by capacity
        self.fresh: dict[int, Block] = {}  # by address: given since the last message

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
        """Memory for an array, in a block if it is large."""
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        flat = self.room(size) if size >= LARGE else None
        return np.empty(shape, dtype) if flat is None else flat.view(dtype).reshape(shape)

    def room(self, size: int) -> np.ndarray | None:
        """So many bytes of a block; None where no more blocks are to be had."""
        block = self._block(1 << (size - 1).bit_length())  # untouched pages take no memory
        if block is None:
            return None
        block.here = True
        flat = np.frombuffer(block.memory, np.uint8, size)
        self.fresh[address(flat)] = block
        weakref.finalize(flat, self._left, block).atexit = False  # when the last array in it is gone
        return flat

    def _block(self, capacity: int) -> Block | None:
        waiting = self.free.get(capacity)
        if waiting:
            return waiting.pop()
        if len(self.blocks) >= MOST:
            return None
        try:
            block = Block(len(self.blocks), capacity)
        except OSError:  # out of memory, files or maps
            return None
        self.blocks.append(block)
        return block

    def _left(self, block: Block) -> None:
        block.here = False
        self._freed(block)

    def _freed(self, block: Block) -> None:
        if not block.here and not block.there:
            self.free.setdefault(block.capacity, []).append(block)

    def lend(self, bytes_: memoryview) -> tuple[Block, int] | None:
        """The block with these bytes, into which they are copied unless it is fresh, and their number."""
        block = self.fresh.pop(address(np.frombuffer(bytes_, np.uint8)), None)
        if block is None:
            room = self.room(bytes_.nbytes)
            if room is None:
                return None
            room[:] = bytes_
            block = self.fresh.pop(address(room))
        block.there = True
        return block, bytes_.nbytes

    def unshared(self, block: Block, size: int) -> Block:
        """The block, or another with the same bytes if an array here is in it and another is to be had."""
        room = self.room(size) if block.here else None
        if room is None:
            return block
        room[:] = np.frombuffer(block.memory, np.uint8, size)
        other = self.fresh.pop(address(room))
        block.there, other.there = False, True
        return other

    def returned(self, numbers: list[int]) -> None:
        """The other process has no more arrays in these blocks."""
        for number in numbers:
            self.blocks[number].there = False
            self._freed(self.blocks[number])


class Borrower:
    """The receiver's side of them."""

    def __init__(self) -> None:
        self.maps: dict[int, mmap] = {}
        self.done: deque[int] = deque()  # to be returned

    def adopt(self, number: int, capacity: int, file: int) -> None:
        """Map a block that is new."""
        try:
            self.maps[number] = mmap(file, capacity)
        finally:
            os.close(file)

    def array(self, number: int, size: int) -> np.ndarray:
        """The bytes in a block, which is returned when no array is left in them."""
        flat = np.frombuffer(self.maps[number], np.uint8, size)
        weakref.finalize(flat, self.done.append, number).atexit = False
        return flat

    def to_return(self) -> list[int]:
        """Blocks that are not used any more since the last call."""
        numbers = []
        while self.done:
            numbers.append(self.done.popleft())
        return numbers


def address(array: Any) -> int:
    """Where it lies in memory."""
    return array.__array_interface__["data"][0]
