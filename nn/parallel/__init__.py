"""Training on several cores: replicas of a model that share its parameters."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable

from ..module import Module
from ..optim import Optimizer
from ..synced import Synced
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
    accumulate: int = 1,
) -> Replicas:
    """Train `model` on several cores, each with a share of every batch.

    `loss(model, *batch)` gives the mean loss over the rows of a batch, a Tensor with one number, or (total,
    count), a Tensor and a number or Tensor, for total / count. The result is used so:

        def loss(model, ids, targets):  # of which -100 is padding
            logits = model(ids).reshape(-1, vocabulary)
            total = F.cross_entropy(logits, targets.reshape(-1), reduction="sum")
            return total, (targets != -100).sum()

        with nn.parallel.replicate(model, optimizer, loss, workers=2) as replicas:
            for ids, targets in batches:
                value = replicas.step(ids, targets)

    A step shares the batch out along the first axis of its arrays (also in tuples and dicts; a list is one
    item for each row; all else is constant), sums the gradients, scales them to a norm of at most `max_norm`
    if given, and updates the parameters: what one process would do with the whole batch, up to rounding. The
    model can be evaluated, saved, loaded, frozen and switched to eval() in between, and the learning rate
    changed.

    Means are weighted by the number of rows; totals and counts are summed over the workers before they are
    divided. Whether the shares of a batch give what the whole gives is tried in this process at steps 1, 2,
    4, 8 ... of each kind of batch (nesting, dtypes, axes, training or evaluation), and at each step where the
    mean is over a sum of weights (F.cross_entropy with weight=). ValueError says why not: padding or weights
    in a mean, rows that are compared with each other, statistics over the batch. In a try, dropout drops
    nothing and other random numbers are the same for the whole and each share. Where that gives different
    numbers to a row (noise), rows are exchanged between the halves of the batch instead; what then remains
    unseen is a count that depends on the random numbers, so return that.

    `workers`: their number, this process included; "auto" is one for each core. `kind`: "processes", forked
    and with parameters in shared memory, where the system can fork (Linux), else "threads", which wait for
    each other in Python code. Each has one BLAS thread and, if there are enough, a core of its own. `replay`:
    steps are replayed from recordings, see nn.replay.

    `accumulate`: each worker computes its share in so many pieces, one after another, and adds up their
    gradients, which takes the memory of one piece; then come clipping and the update, once. The numbers are
    those of the whole batch, up to rounding, and are tried like those of shares. Dropout and other random
    numbers are drawn for each piece. Refused are layers with statistics over the batch while training
    (BatchNorm, SyncBatchNorm), and counts that depend on parameters.

    Buffers of the model are those of this process, which is worker 0: the others get them before each step,
    and what `loss` changes in theirs, or elsewhere (counters), stays there. BatchNorm, whose statistics are
    over the batch, is refused while training; nn.SyncBatchNorm.convert_sync_batchnorm(model) makes layers of
    it whose statistics, gradients and buffers are those of the whole batch. They are not replayed. Refused
    is also InstanceNorm with track_running_stats, while training.

    Random numbers of the workers differ, in each step, and follow from nn.manual_seed: dropout, and what
    `loss` draws from np.random, random or a generator that it or the model holds. Those streams of this
    process, which is worker 0, are afterwards where they were before the step (where no try has seen them
    drawn from yet, they go on as in one process). Threads share them: what `loss` draws is refused there,
    but for generators that are attributes of the model. A worker alone draws as a plain loop does.
    """
    cores = len(available_cores())
    if workers == "auto":
        workers = cores
    if not isinstance(workers, int) or isinstance(workers, bool) or workers < 1:
        raise ValueError(f"replicate: workers is 'auto' or a number from 1 on, not {workers!r}")
    if kind not in (None, "processes", "threads"):
        raise ValueError(f"replicate: kind is 'processes' or 'threads', not {kind!r}")
    if optimizer.calls_closure:
        raise ValueError(
            f"replicate: {type(optimizer).__name__} calls a closure several times a step, where a step of "
            "replicas has one loss; train with its step(closure) alone, or use another optimizer, as Adam"
        )
    known = {id(p) for p in model.parameters()}
    if any(id(p) not in known for group in optimizer.param_groups for p in group["params"]):
        raise ValueError("replicate: the optimizer has parameters that are not the model's")
    if not isinstance(accumulate, int) or isinstance(accumulate, bool) or accumulate < 1:
        raise ValueError(f"replicate: accumulate is a number of pieces from 1 on, not {accumulate!r}")
    if replay and workers > 1 and any(isinstance(m, Synced) for m in model.modules()):
        raise ValueError(
            "replicate: SyncBatchNorm exchanges statistics in the middle of a step, which is not replayed; "
            "use replay=False, or workers=1"
        )
    if kind is None:
        kind = "processes" if can_fork() else "threads"
        if kind == "threads" and workers > 1:
            warnings.warn("replicas are threads here, slower than processes: this system cannot fork safely",
                          stacklevel=2)  # fmt: skip
    elif kind == "processes" and not can_fork():
        raise ValueError("replicate: kind='processes' needs a system that can fork safely (Linux)")
    return Replicas(model, optimizer, loss, workers, kind, max_norm, replay, accumulate)


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
