"""One replica's part of a training step, the same code for every worker."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...autograd import Tensor, engine, no_grad
from .. import random
from ..module import Module
from ..optim import Optimizer
from ..optim.flat import CHUNK, Flat
from ..replay import Replay
from ..utils.clip_grad import square_sum
from .crew import Link


@dataclass
class Task:
    """What a worker is to do with its share of a batch."""

    train: bool  # else only the loss
    share: tuple
    weight: float  # of the share in the mean over the batch
    seed: int  # of this step's random numbers
    settings: Settings | None  # if they changed


@dataclass
class Settings:
    """What the caller may change between steps, and workers in other processes must be told."""

    training: list[bool]  # of each module
    requires_grad: list[bool]  # of each parameter
    options: list[dict[str, Any]]  # of each parameter group

    @classmethod
    def of(cls, modules: Sequence[Module], params: Sequence[Tensor], optimizer: Optimizer) -> Settings:
        groups = optimizer.param_groups
        options = [{name: value for name, value in g.items() if name != "params"} for g in groups]
        return cls([m.training for m in modules], [p.requires_grad for p in params], options)

    def apply(self, modules: Sequence[Module], params: Sequence[Tensor], optimizer: Optimizer) -> None:
        for module, training in zip(modules, self.training, strict=True):
            module.training = training
        for p, wanted in zip(params, self.requires_grad, strict=True):
            if p.requires_grad != wanted:
                p.requires_grad = wanted
        for group, options in zip(optimizer.param_groups, self.options, strict=True):
            group.update(options)


class Board:
    """The arrays that all workers see; row w is written by worker w."""

    def __init__(self, workers: int, flats: list[Flat], allocate: Callable[..., np.ndarray]):
        self.losses = allocate((workers,), np.float64)  # times the share's weight
        self.squares = allocate((workers,), np.float64)  # of the summed gradients that a worker looks after
        self.failed = allocate((workers,), np.bool_)
        self.gradients = [allocate((workers, flat.values.size), flat.dtype) for flat in flats]
        self.used = [allocate((workers, len(flat.params)), np.bool_) for flat in flats]


class Worker:
    """Worker `index` of several: a model whose parameters share memory with those of all others.

    `meet()` waits until every worker has called it. What is written before, all see after.
    """

    def __init__(
        self,
        index: int,
        board: Board,
        model: Module,
        optimizer: Optimizer,
        loss: Callable,
        meet: Callable[[], None],
        max_norm: float | None,
        replay: bool,
        params: dict[int, Tensor] | None = None,
    ):
        self.index = index
        self.board = board
        self.model = model
        self.modules = list(model.modules())
        self.params = list(model.parameters())
        self.optimizer = optimizer
        self.meet = meet
        self.max_norm = math.inf if max_norm is None else max_norm
        self.buffers = list(optimizer.buffers())  # (group, flat)
        own = params or {}  # its parameters, where they are not the optimizer's
        self.leaves = [  # and where on the board the gradient of each goes
            [
                (own.get(id(p), p), rows[index, span].reshape(p.shape))
                for p, span in zip(flat.params, flat.spans, strict=True)
            ]
            for (_, flat), rows in zip(self.buffers, board.gradients, strict=True)
        ]
        places = {id(p): place for leaves in self.leaves for p, place in leaves}
        self.loss = Replay(model, loss, places) if replay else partial(loss, model)
        self.scratch = [flat.new_scratch()[1:] for _, flat in self.buffers]

    def serve(self, link: Link) -> None:
        """Do what the caller sends, until it sends None."""
        while True:
            task = link.receive()
            if task is None:
                return
            if task.settings is not None:
                task.settings.apply(self.modules, self.params, self.optimizer)
            random.use_own_numbers([task.seed, self.index])
            error = self.run(task, link.report)
            del task, error

    def run(self, task: Task, report: Callable[[str], None] | None = None) -> BaseException | None:
        """Do a task in step with the other workers; gives back what went wrong with this one's share."""
        board, error = self.board, None
        board.failed[self.index] = False
        try:
            self._use(task)
        except BaseException as problem:  # KeyboardInterrupt too: the others are waiting
            error = problem
            board.failed[self.index] = True
            if report is not None:
                report(traceback.format_exc())
        self.meet()
        if task.train and not board.failed.any() and np.isfinite(board.losses).all():
            self._update()
        self.meet()
        return error

    def _use(self, task: Task) -> None:
        """Put the loss and the gradients of the share on the board."""
        if not task.train:
            with no_grad():
                self._note(self.loss(*task.share), task.weight)
            return
        loss = self.loss(*task.share)
        self._note(loss, task.weight)
        # not by way of `grad`, which would copy once more
        found: dict = {p.edge: None for leaves in self.leaves for p, _ in leaves if p.edge is not None}
        if loss.edge is not None:
            engine.walk([loss.edge], [np.full(loss.shape, task.weight, loss.dtype)], targets=found)
        for leaves, used in zip(self.leaves, self.board.used, strict=True):
            for i, (p, place) in enumerate(leaves):
                g = found.get(p.edge)
                used[self.index, i] = g is not None
                if g is not place:  # a replay has made it there
                    place[...] = 0 if g is None else g

    def _tables(self, own: list) -> Iterator:
        """For each buffer: (group, buffer), what this worker has for it, all gradients, and who has one."""
        return zip(self.buffers, own, self.board.gradients, self.board.used, strict=True)

    def _note(self, loss, weight: float) -> None:
        if not isinstance(loss, Tensor) or loss.size != 1:
            given = f"a Tensor of shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
            raise TypeError(f"the loss of replicas must be a Tensor with one number, got {given}")
        self.board.losses[self.index] = loss.item() * weight

    def _update(self) -> None:
        """Sum the gradients of all workers and update the parameters: each worker every n-th piece."""
        pieces = []
        for (group, flat), scratch, rows, used in self._tables(self.scratch):
            rule = partial(self.optimizer.update, group)
            even = -(-flat.values.size // len(used))  # so that all have as much to do
            for span, steps in flat.pieces(np.logical_or.reduce(used), min(CHUNK, even)):
                update = partial(flat.update_piece, rule, span, steps, scratch=scratch)
                pieces.append((rows[:, span], update))
        pieces = pieces[self.index :: len(self.board.losses)]
        for rows, _ in pieces:
            for row in rows[1:]:
                rows[0] += row
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite stops the step below
            self.board.squares[self.index] = sum(square_sum(rows[0]) for rows, _ in pieces)
        self.meet()
        if not math.isfinite(self.norm):
            return
        factor = self.max_norm / (self.norm + 1e-6)  # as in clip_grad_norm_
        for (g, *_), update in pieces:
            if factor < 1:
                g *= factor
            update(g)
        if self.index == 0:
            for (_, flat), used in zip(self.buffers, self.board.used, strict=True):
                flat.count_step(np.logical_or.reduce(used))

    @property
    def norm(self) -> float:
        """Of the last step's gradients, over all parameters."""
        return math.sqrt(self.board.squares.sum())
