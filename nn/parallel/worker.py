"""One replica's part of a training step, the same code for every worker."""

from __future__ import annotations

import math
import traceback
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ...autograd import Tensor, engine, no_grad
from ...autograd.sparse import SparseRows
from .. import random
from ..functional._tables import shared
from ..module import Module
from ..optim import Optimizer
from ..optim.steps import clip, update
from ..replay import Replay
from ..synced import gathering
from . import buffers, streams
from .crew import Link
from .exchange import Exchange, LeftAloneError
from .losses import as_one


@dataclass
class Task:
    """What a worker is to do with its share of a batch."""

    train: bool  # else only the loss
    # The share, in pieces that are computed one after another, and the weight of each in the mean over the
    # batch.
    pieces: Sequence[tuple[tuple, float]]
    seed: int  # of this step's random numbers
    settings: Settings | None  # if they changed
    # Whether the loss gives (total, count); None: whatever it is, nobody else waits.
    pair: bool | None = False
    scale: float = 1.0  # of totals, while the count that they are divided by is not known
    buffers: Sequence[buffers.Change] = ()  # that changed
    watch: Any = None  # the caller's mode `watch`, which threads and processes do not share


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

    `params`: its parameters by id of the optimizer's, where they are not the same Tensors. `drawn`: random
    number streams that are its alone, to be seeded for each task.
    """

    norm = math.nan  # of the last step's gradients, over all parameters
    sums: np.ndarray | None = None  # of the last (total, count) over all workers

    def __init__(
        self,
        exchange: Exchange,
        model: Module,
        optimizer: Optimizer,
        loss: Callable,
        max_norm: float | None,
        replay: bool,
        accumulate: int = 1,
        params: dict[int, Tensor] | None = None,
        drawn: Sequence[streams.Stream] = (),
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
        one = partial(as_one, loss, accumulate > 1)
        # A replay writes gradients where they go, but for those that are to be added to what is there.
        self.loss = Replay(model, one, places if accumulate == 1 else None) if replay else partial(one, model)
        self.drawn = drawn
        self.scratch = [flat.new_scratch()[1:] for flat in flats]

    def serve(self, link: Link) -> None:
        """Do what the caller sends, until it sends None."""
        while True:
            task = link.receive()
            if task is None:
                return
            if task.settings is not None:
                task.settings.apply(self.modules, self.params, self.optimizer)
            buffers.apply(self.modules, task.buffers)
            random.use_own_numbers([task.seed, self.exchange.index])
            streams.seed(self.drawn, task.seed, self.exchange.index)
            with nullcontext() if task.watch is None else task.watch.again():
                error = self.run(task, link.report)
            del task, error

    def run(self, task: Task, report: Callable[[str], None] | None = None) -> BaseException | None:
        """Do a task in step with the other workers; gives back what went wrong with this one's share."""
        errors: list[BaseException] = []
        gather = self.exchange.gather if self.exchange.replicas > 1 else None

        def tried(part: Callable[..., Any], *arguments: Any) -> Any:
            token = gathering.set(gather)
            try:
                return None if errors else part(*arguments)
            except LeftAloneError as problem:  # another has failed, or says what is wrong with its loss
                errors.append(problem)
                return None
            except BaseException as problem:  # KeyboardInterrupt too: the others are waiting
                errors.append(problem)
                if report is not None:
                    report(traceback.format_exc())
                return None
            finally:
                gathering.reset(token)

        before = tried(self._accumulate, task)
        out, self.sums = tried(self._forward, task, task.pieces[-1]), None
        if task.pair or (task.pair is None and out is not None and out.ndim == 1):
            self.sums = self.exchange.totals(None if out is None else out.data + before)
        loss = tried(self._backward, task, out, before)
        left = bool(errors) and isinstance(errors[0], LeftAloneError)
        if self.exchange.agree(loss, left) and task.train:
            self._update()
        self.exchange.wait()
        return errors[0] if errors and not left else None

    def _accumulate(self, task: Task) -> Any:
        """All pieces but the last: what they add to the mean, or to total and count.

        Gradients are added up where they go; those of totals are divided by the pieces' weights' sum, not yet
        by the count, which is only known at the end.
        """
        before: Any = 0.0
        for i, (share, weight) in enumerate(task.pieces[:-1]):
            out = self._forward(task, (share, weight))
            before = before + (out.data if out.ndim else out.item() * weight)
            if task.train and np.isfinite(before).all():
                seed = np.full((), weight, out.dtype) if out.ndim == 0 else np.array([task.scale, 0.0])
                self._add_gradients(out, seed, first=i == 0)
        return before

    def _forward(self, task: Task, piece: tuple[tuple, float]) -> Tensor:
        """What the loss gives for a piece: a mean, or an array of total and count."""
        token = shared.set(self.exchange.sharers > 1)
        try:
            with nullcontext() if task.train else no_grad():
                out = self.loss(*piece[0])
        finally:
            shared.reset(token)
        if task.pair is not None and task.pair != (out.ndim == 1):
            raise TypeError("replicas: the loss gives (total, count) for some batches and a mean for others")
        return out

    def _backward(self, task: Task, out: Tensor, before: Any) -> float:
        """The share's part of the loss, its gradients given to the exchange."""
        if self.sums is None:
            weight = task.pieces[-1][1]
            part, seed = before + out.item() * weight, np.full(out.shape, weight, out.dtype)
        else:
            total, count = self.sums
            with np.errstate(all="ignore"):  # no count at all: the loss is nan
                part = float((out.data + before)[0] / count)
                seed = np.array([1 / count, -total / count**2])
        if not task.train or not np.isfinite([part, *seed.flat]).all():
            return part
        alone = len(task.pieces) == 1
        if self.sums is not None and not alone:
            for g in self.exchange.gradients:
                g *= seed[0] / task.scale
        self._add_gradients(out, seed, first=alone)
        return part

    def _add_gradients(self, out: Tensor, seed: np.ndarray, first: bool) -> None:
        """Backward from `out`; what is in the exchange is added to, or with `first` replaced."""
        # not by way of `grad`, which would copy once more
        found: dict = {p.edge: None for leaves in self.leaves for p, _ in leaves if p.edge is not None}
        if out.edge is not None:
            engine.walk([out.edge], [seed], targets=found)
        for leaves, used in zip(self.leaves, self.exchange.used, strict=True):
            for i, (p, place) in enumerate(leaves):
                g = found.get(p.edge)
                if isinstance(g, SparseRows):
                    raise TypeError(
                        f"replicas: the gradient of a table of {p.shape} is sparse, and whole ones are "
                        "exchanged; use sparse=False"
                    )
                used[i] = g is not None or (used[i] and not first)
                if not first:
                    if g is not None:
                        place += g
                elif g is not place:  # a replay has made it there
                    place[...] = 0 if g is None else g

    def _update(self) -> None:
        """Reduce, clip, update: every n-th piece, or all where this worker has parameters of its own."""
        exchange, optimizer = self.exchange, self.optimizer
        first = exchange.index % exchange.sharers
        used = exchange.used_by_any()
        pieces = list(optimizer.pieces(used, self.scratch, exchange.sharers))[first :: exchange.sharers]
        gradients = exchange.sum(pieces)
        self.norm = exchange.norm(gradients)
        if math.isfinite(self.norm):
            update(optimizer.apply, pieces, clip(gradients, self.norm, self.max_norm))
            if first == 0:  # the counts are shared too
                optimizer.count_step(used)
