"""Training on several cores: replicas of a model that share its parameters."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

from ..module import Module
from ..optim import Optimizer
from .cores import available_cores, limit_threads
from .replicas import Replicas

__all__ = ["Replicas", "available_cores", "limit_threads", "replicate"]


def replicate(
    model: Module,
    optimizer: Optimizer,
    loss: Callable,
    *,
    workers: int | str = "auto",
    max_norm: float | None = None,
    kind: str | None = None,
    replay: bool = False,
) -> Replicas:
    """Train `model` on several cores, each with a share of every batch.

    `loss(model, *batch)` gives the mean loss of a batch, a Tensor with one number. The result is used so:

        with nn.parallel.replicate(model, optimizer, loss, workers=2) as replicas:
            for x, y in batches:
                value = replicas.step(x, y)

    A step shares the arrays of the batch out along their first axis (shares that differ by a row are weighted
    accordingly), sums the gradients, scales them to a norm of at most `max_norm` if given, and updates the
    parameters: what one process would do with the whole batch, up to rounding. The model can be evaluated,
    saved, loaded, frozen and switched to eval() in between, and the learning rate changed.

    `workers`: their number, this process included; "auto" is one for each core. `kind`: "processes", forked
    and with parameters in shared memory, where the system can fork (Linux), else "threads", which wait for
    each other in Python code. Each has one BLAS thread and, if there are enough, a core of its own. Random
    numbers of the workers (dropout) differ and follow from nn.manual_seed. What `loss` changes in the model
    or elsewhere (buffers, counters) stays in its worker. `replay`: steps are replayed from recordings, see
    nn.replay.
    """
    cores = len(available_cores())
    if workers == "auto":
        workers = cores
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        raise ValueError(f"replicate: workers is 'auto' or a number from 1 on, not {workers!r}")
    if kind not in (None, "processes", "threads"):
        raise ValueError(f"replicate: kind is 'processes' or 'threads', not {kind!r}")
    known = {id(p) for p in model.parameters()}
    if any(id(p) not in known for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("replicate: the optimizer has parameters that are not the model's")
    if kind is None:
        kind = "processes" if can_fork() else "threads"
        if kind == "threads" and workers > 1:
            warnings.warn("replicas are threads here, slower than processes: this system cannot fork safely",
                          stacklevel=2)  # fmt: skip
    elif kind == "processes" and not can_fork():
        raise ValueError("replicate: kind='processes' needs a system that can fork safely (Linux)")
    return Replicas(model, optimizer, loss, workers, kind, max_norm, replay)


def can_fork() -> bool:
    """Whether processes can be forked and kept in step. (macOS can, but its BLAS fails in the copy.)"""
    import multiprocessing

    if sys.platform == "darwin" or "fork" not in multiprocessing.get_all_start_methods():
        return False
    try:
        multiprocessing.get_context("fork").Semaphore(0)
    except (ImportError, OSError):  # no semaphores, as in some serverless systems
        return False
    return True
