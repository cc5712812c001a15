"""What a replica knows of the others: how their gradients come together, whatever memory they lie in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..optim.steps import Piece


class LeftAloneError(Exception):
    """Other replicas do not take part in what all have to do together."""


class Exchange:
    """Brings the gradients of all replicas together; `SharedBuffers` does so in shared memory.

    A version for another kind of memory (MPI) gives these attributes and methods. In a step every replica
    calls `totals` where the loss gives (total, count), writes its gradients and calls `agree`; if that says
    so, all go on with `used_by_any`, `sum` and `norm` in this order; at the end all call `wait`. Before
    `agree` layers may call `gather`, all replicas equally often. Where one does not, having failed or having
    no gradients to compute, the others' calls raise `LeftAloneError`, and all meet in `totals` or `agree`.
    """

    index: int  # of this replica, from 0 on
    replicas: int  # how many there are
    sharers: int  # replicas that update the same memory, each every n-th piece; 1 where each has its own
    gradients: list[np.ndarray]  # where this replica's go: 1-D, for each of the optimizer's buffers
    used: list[np.ndarray]  # and for each, which of its parameters have one
    losses: np.ndarray  # what all gave to `agree`
    failed: np.ndarray  # and who could not
    left: np.ndarray  # who was left alone in `gather`

    def gather(self, numbers: np.ndarray) -> np.ndarray:
        """These numbers of all replicas, one row each, in an array of one's own."""
        raise NotImplementedError

    def totals(self, numbers: np.ndarray | None) -> np.ndarray:
        """The sums of these two numbers over all replicas, nan if one has failed and gives None."""
        raise NotImplementedError

    def agree(self, loss: float | None, left: bool = False) -> bool:
        """Give this replica's part of the mean loss, None if it failed. Whether all have a finite one.

        `left`: it was left alone, and has none.
        """
        raise NotImplementedError

    def used_by_any(self) -> list[np.ndarray]:
        """As `used`, of all replicas together."""
        raise NotImplementedError

    def sum(self, pieces: Sequence[Piece]) -> list[np.ndarray]:
        """The gradients of these pieces summed over all replicas, in arrays that may be written to."""
        raise NotImplementedError

    def norm(self, gradients: Sequence[np.ndarray]) -> float:
        """The 2-norm of these sums and those of all other sharers together; may be inf or nan."""
        raise NotImplementedError

    def wait(self) -> None:
        """Until all replicas are here, and see what any has written to memory that they share."""
        raise NotImplementedError
