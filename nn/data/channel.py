"""How the caller and a worker process talk: through a pipe, and shared memory for what is large."""

from __future__ import annotations

import os
import pickle
from typing import Any

from .blocks import LARGE, Block, Borrower, Lender, available


class Channel:
    """One end of a pipe to another process; arrays and texts from 16 KB on go through shared memory."""

    def __init__(self, connection: Any):
        self.connection = connection
        self.lender = Lender() if available() else None
        self.borrower = Borrower()

    def pack(self, value: Any) -> tuple[bytes, list[tuple[Block, int]], bool]:
        """A message: bytes, blocks, whether the last is a pickle; raises what pickling raises."""
        lender = self.lender
        if lender is None:
            return pickle.dumps(value, 5), [], False
        lent: list[tuple[Block, int]] = []

        def aside(buffer: pickle.PickleBuffer) -> bool:  # whether it is to stay in the pickle
            raw = buffer.raw()
            place = lender.lend(raw) if raw.nbytes >= LARGE else None
            if place is not None:
                lent.append(place)
            return place is None

        try:
            data = pickle.dumps(value, 5, buffer_callback=aside)
        except BaseException:
            lender.returned([block.number for block, _ in lent])
            raise
        finally:
            lender.fresh.clear()
        place = lender.lend(memoryview(data)) if len(data) >= LARGE else None
        if place is not None:
            lent.append(place)
        return b"" if place is not None else data, lent, place is not None

    def send(self, message: tuple[bytes, list[tuple[Block, int]], bool]) -> int:
        """Send what `pack` gave; how many bytes that takes in the pipe. OSError where nobody reads it.

        Arrays that are still in use here are copied, so that neither end sees what the other writes.
        """
        from multiprocessing.reduction import send_handle

        data, lent, packed = message
        if self.lender is not None:
            lent = [(self.lender.unshared(block, size), size) for block, size in lent]
        new = [block for block, _ in lent if block.file >= 0]
        head = (
            self.borrower.to_return(),
            [(block.number, block.capacity) for block in new],
            [(block.number, size) for block, size in lent],
            packed,
        )
        data = pickle.dumps(head) + data
        self.connection.send_bytes(data)
        for block in new:
            send_handle(self.connection, block.file, None)
            os.close(block.file)
            block.file = -1
        return len(data)

    def receive(self) -> Any:
        """The next message; waits for it. EOFError or OSError where the other end is gone."""
        from io import BytesIO
        from multiprocessing.reduction import recv_handle

        message = BytesIO(self.connection.recv_bytes())
        returned, new, places, packed = pickle.load(message)
        if self.lender is not None:
            self.lender.returned(returned)
        for number, capacity in new:
            self.borrower.adopt(number, capacity, recv_handle(self.connection))
        buffers = [self.borrower.array(number, size) for number, size in places]
        data = buffers.pop().data if packed else message.read()
        return pickle.loads(data, buffers=buffers)

    def close(self) -> None:
        """Let the other end read that nothing more will come."""
        self.connection.close()
