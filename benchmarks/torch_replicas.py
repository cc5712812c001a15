"""PyTorch's training step on two processes: DistributedDataParallel, which averages the gradients over gloo.

Each process has one thread and half of every batch, from the same weights. The second one is a child, which
waits for a word on a pipe before each step, answers with its loss, and ends when the pipe or gloo's
connection does, however that comes.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from tapegrad.nn.parallel.cores import available_cores, pin

from .tasks import Task, batches
from .torch_models import adamw, loss_function, steps, twin

RANKS = 2
WAIT = timedelta(minutes=2)  # for the other process; then an error


@contextmanager
def joined(rank: int, meeting: Path, core: int) -> Iterator[None]:
    """As one of the processes that meet at a file, with one thread; pinned, which is faster than not."""
    cores, threads = available_cores(), torch.get_num_threads()
    found = f"file://{meeting}"
    pin([core])
    torch.set_num_threads(1)
    try:
        distributed.init_process_group("gloo", init_method=found, rank=rank, world_size=RANKS, timeout=WAIT)
        yield
    finally:
        if distributed.is_initialized():
            distributed.destroy_process_group()
        torch.set_num_threads(threads)
        pin(cores)


def prepare(task: Task, rank: int) -> tuple[DistributedDataParallel, Callable[[], float]]:
    """The model, and the step on this process's part of the batches."""
    model = DistributedDataParallel(twin(task), gradient_as_bucket_view=True, static_graph=True)
    mine = [[np.ascontiguousarray(np.split(ids, RANKS)[rank]) for ids in batch] for batch in batches(task)]
    return model, steps(loss_function(model), adamw(model, fused=True), mine)


def serve(pipe: Connection, meeting: Path, core: int, task: Task) -> None:
    """The second process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the first decides
    pipe.send(os.getpid())
    with suppress(EOFError, BrokenPipeError), joined(1, meeting, core):
        _, step = prepare(task, 1)
        while True:
            pipe.recv()
            pipe.send(step())


@contextmanager
def together(task: Task) -> Iterator[tuple[DistributedDataParallel, Callable[[], float]]]:
    """The first process's model, and a step of both that gives the mean of their losses."""
    if task.batch % RANKS:
        raise ValueError(f"a batch of {task.batch} has no {RANKS} equal parts, whose gradients are averaged")
    cores = available_cores()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        pipe, theirs = spawn.Pipe()
        child = spawn.Process(target=serve, args=(theirs, meeting, cores[1 % len(cores)], task), daemon=True)
        child.start()
        theirs.close()
        try:
            pipe.recv()  # an error at once if it could not even start
            with joined(0, meeting, cores[0]):
                model, half = prepare(task, 0)

                def step() -> float:
                    pipe.send(None)
                    mine = half()
                    return (mine + pipe.recv()) / RANKS

                yield model, step
        finally:
            child.kill()
            child.join()
            pipe.close()


@contextmanager
def training(**job) -> Iterator[Callable[[], float]]:
    """A step as `tasks.training` makes it."""
    with together(Task(**job)) as (_, step):
        yield step
