"""One replica's part of a training step, the same code for every worker."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...autograd import Tensor, engine, no_grad
from .. import random
from ..module import Module
from ..optim import Optimizer
from ..optim.steps import clip, update
from ..replay import Replay
from .crew import Link
from .exchange import Exchange


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


class Worker:
    """One of several replicas of a model: computes gradients, and updates what the exchange leaves to it.

    `params`: its parameters by id of the optimizer's, where they are not the same Tensors.
    """

    norm = math.nan  # of the last step's gradients, over all parameters

    def __init__(
        self,
        exchange: Exchange,
        model: Module,
        optimizer: Optimizer,
        loss: Callable,
        max_norm: float | None,
        replay: bool,
        params: dict[int, Tensor] | None = None,
    ):
        self.exchange = exchange
        self.modules = list(model.modules())
        self.params = list(model.parameters())
        self.optimizer = optimizer
        self.max_norm = math.inf if max_norm is None else max_norm
        flats = [flat for _, flat in optimizer.buffers()]
        own = params or {}
        self.leaves = [  # each parameter and where its gradient goes
            [
                (own.get(id(p), p), row[span].reshape(p.shape))
                for p, span in zip(flat.params, flat.spans, strict=True)
            ]
            for flat, row in zip(flats, exchange.gradients, strict=True)
        ]
        places = {id(p): place for leaves in self.leaves for p, place in leaves}
        self.loss = Replay(model, loss, places) if replay else partial(loss, model)
        self.scratch = [flat.new_scratch()[1:] for flat in flats]

    def serve(self, link: Link) -> None:
        """Do what the caller sends, until it sends None."""
        while True:
            task = link.receive()
            if task is None:
                return
            if task.settings is not None:
                task.settings.apply(self.modules, self.params, self.optimizer)
            random.use_own_numbers([task.seed, self.exchange.index])
            error = self.run(task, link.report)
            del task, error

    def run(self, task: Task, report: Callable[[str], None] | None = None) -> BaseException | None:
        """Do a task in step with the other workers; gives back what went wrong with this one's share."""
        loss = error = None
        try:
            loss = self._use(task)
        except BaseException as problem:  # KeyboardInterrupt too: the others are waiting
            error = problem
            if report is not None:
                report(traceback.format_exc())
        if self.exchange.agree(loss) and task.train:
            self._update()
        self.exchange.wait()
        return error

    def _use(self, task: Task) -> float:
        """The share's part of the mean loss, its gradients given to the exchange."""
        if not task.train:
            with no_grad():
                return _number(self.loss(*task.share)) * task.weight
        loss = self.loss(*task.share)
        part = _number(loss) * task.weight
        # not by way of `grad`, which would copy once more
        found: dict = {p.edge: None for leaves in self.leaves for p, _ in leaves if p.edge is not None}
        if loss.edge is not None:
            engine.walk([loss.edge], [np.full(loss.shape, task.weight, loss.dtype)], targets=found)
        for leaves, used in zip(self.leaves, self.exchange.used, strict=True):
            for i, (p, place) in enumerate(leaves):
                g = found.get(p.edge)
                used[i] = g is not None
                if g is not place:  # a replay has made it there
                    place[...] = 0 if g is None else g
        return part

    def _update(self) -> None:
        """Reduce, clip, update: every n-th piece, or all where this worker has parameters of its own."""
        exchange, optimizer = self.exchange, self.optimizer
        first = exchange.index % exchange.sharers
        used = exchange.used_by_any()
        pieces = list(optimizer.pieces(used, self.scratch, exchange.sharers))[first :: exchange.sharers]
        gradients = exchange.sum(pieces)
        self.norm = exchange.norm(gradients)
        if math.isfinite(self.norm):
            update(optimizer.update, pieces, clip(gradients, self.norm, self.max_norm))
            if first == 0:  # the counts are shared too
                for (_, flat), of_buffer in zip(optimizer.buffers(), used, strict=True):
                    flat.count_step(of_buffer)


def _number(loss) -> float:
    if not isinstance(loss, Tensor) or loss.size != 1:
        given = f"a Tensor of shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
        raise TypeError(f"the loss of replicas must be a Tensor with one number, got {given}")
    return loss.item()
