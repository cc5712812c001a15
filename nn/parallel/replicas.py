"""The caller's side: shares out batches, looks after the workers, and is worker 0 itself."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import numpy as np

from ...autograd import Tensor
from ...autograd.modes import current
from .. import random
from ..module import Module
from ..optim import Optimizer
from ..structure import Structure
from ..synced import Following, Mixing, Synced
from . import streams
from .buffers import Buffers
from .comparison import Comparison, Form, one_share
from .cores import BlasLimit, available_cores, one_blas_thread, pin
from .crew import Link, ProcessLink, ThreadLink, shared_array
from .held import streams_of
from .shared_buffers import SharedBuffers
from .shares import bounds_of, is_flat, kind_of, rows_of, take
from .worker import Settings, Task, Worker


class Replicas:
    """Copies of a model that train together; made by `replicate`, which says how they are used.

    `workers` is their number, `kind` "processes" or "threads". In a `with` statement they are closed at the
    end.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        loss: Callable,
        workers: int,
        kind: str,
        max_norm: float | None,
        replay: bool,
        accumulate: int,
    ):
        self.workers = workers
        self.accumulate = accumulate
        self._shares = workers * accumulate  # that a batch is computed in
        self.kind = kind
        self._optimizer = optimizer
        self._structure = Structure(model)
        allocate = shared_array if kind == "processes" and workers > 1 else np.zeros
        self._following = {name: m for name, m in model.named_modules() if isinstance(m, Following)}
        self._mixing = {name: m for name, m in model.named_modules() if isinstance(m, Mixing)}
        gathered = [m.most_gathered() for m in model.modules() if isinstance(m, Synced)]
        shared = SharedBuffers(optimizer, workers, allocate, max(gathered, default=0))
        self._exchange = shared.seat(0, self._meet)
        self._memory = [flat.values for _, flat in optimizer.buffers()]
        self._known: Settings | None = None
        self._loss, self._replay = loss, replay
        own = streams_of(model, loss, kind == "threads" and workers > 1)
        self._drawn = [stream for stream in own if stream is not random.generator()]
        self._comparison = Comparison(model, loss, workers, accumulate, own)
        self._buffers = Buffers(self._structure.modules if workers > 1 else ())
        self._links: list[Link] = []
        self._closed = False
        self._cores = available_cores()
        self._blas: BlasLimit | None = None
        make = partial(Worker, optimizer=optimizer, loss=loss, max_norm=max_norm, replay=replay)
        make = partial(make, accumulate=accumulate)
        self._self = make(self._exchange, model)
        if workers > 1:
            self._begin(model, shared, make)

    def _begin(self, model: Module, shared: SharedBuffers, make: Callable[..., Worker]) -> None:
        self._blas = one_blas_thread()
        self._blas.start()
        try:
            self._start_workers(model, shared, make)
        except BaseException:
            self.close()
            raise

    def _start_workers(self, model: Module, shared: SharedBuffers, make: Callable[..., Worker]) -> None:
        link_kind = ProcessLink if self.kind == "processes" else ThreadLink
        for index in range(1, self.workers):
            twin, params = (model, None) if self.kind == "processes" else _twin(model)
            drawn = streams_of(twin, self._loss, self.kind == "threads")

            def serve(link: Link, index=index, twin=twin, params=params, drawn=drawn) -> None:
                self._pin(index)

                def meet() -> None:
                    link.up.release()
                    link.wait(link.down, link.check_caller)

                make(shared.seat(index, meet), twin, params=params, drawn=drawn).serve(link)

            self._links.append(link_kind(serve))
        self._pin(0)

    def _pin(self, index: int) -> None:
        if self.workers <= len(self._cores):
            pin([self._cores[index]])

    # ------------------------------------------------------------------ use

    @property
    def norm(self) -> float:
        """The 2-norm of the last step's gradients, of all parameters, before clipping; nan before a step."""
        return self._self.norm

    def step(self, *batch) -> float:
        """Train on `batch` and return its loss, a number: gradients of the mean, clipped, and one update.

        Raises FloatingPointError if the loss or the gradients' norm is not finite, ValueError if the loss
        cannot be put together from shares or the batch not shared out, TypeError for a loss of another kind,
        RuntimeError for a failed worker or after close(), or what this process' share raised; no parameter
        has been changed then.
        """
        self._run(batch, train=True)
        losses, norm, sums = self._exchange.losses, self.norm, self._self.sums
        if sums is not None and sums[1] == 0:
            raise FloatingPointError("replicas: the counts of the batch sum to 0; no parameter was changed")
        for index, loss in enumerate(losses.tolist()):
            if not math.isfinite(loss) and not self._exchange.left[index]:
                raise FloatingPointError(
                    f"replicas: the loss of worker {index} is {loss}; no parameter was changed"
                )
        if not math.isfinite(norm):
            raise FloatingPointError(
                f"replicas: the norm of the gradients is {norm}; no parameter was changed"
            )
        self._optimizer.calls += 1
        return float(losses.sum())

    def evaluate(self, *batch) -> float:
        """The mean loss of `batch`, a number, without gradients; call model.eval() before, as usual.

        Raises ValueError, TypeError and RuntimeError as `step` does.
        """
        self._run(batch, train=False)
        return float(self._exchange.losses.sum())

    def close(self) -> None:
        """End the workers, so that the model and the optimizer are the caller's alone again."""
        if self._closed:
            return
        self._closed = True
        for link in self._links:
            with suppress(OSError):  # it may be dead
                link.send(link.pack(None))
        for link in self._links:
            link.join(2.0)
        pin(self._cores)
        if self._blas is not None:
            self._blas.stop()

    def __enter__(self) -> Replicas:
        return self

    def __exit__(self, *exc) -> None:
        self.close()

    def __reduce_ex__(self, protocol):  # what copying and pickling ask for
        raise TypeError(
            "replicas are workers and the memory they share, which cannot be copied or pickled; "
            "the model and the optimizer can be: use nn.save, or copy the model"
        )

    def __repr__(self) -> str:
        return f"Replicas({self.workers} {self.kind}{', closed' if self._closed else ''})"

    # ------------------------------------------------------------------ a task

    def _run(self, batch: tuple, *, train: bool) -> None:
        if self._closed:
            raise RuntimeError("these replicas are closed; call replicate() again")
        self._check_model()
        rows = rows_of(batch, self.workers, self.accumulate)
        if self._replay and not is_flat(batch):
            raise TypeError("replicas: with replay=True a batch is of arrays and constants, not nested")
        settings = Settings.of(self._self.modules, self._self.params, self._optimizer)
        if self._shares > 1 and settings != self._known:
            self._check_statistics()
        form = Form(pair=None)  # a worker alone finds out
        if self._shares > 1:
            key = train, tuple(settings.training), kind_of(batch)
            form = self._comparison.form(key, batch, rows, train)
        seed = random.generator().bit_generator.random_raw() if self.workers > 1 else 0
        changed = None if settings == self._known else settings
        buffers, watch = self._buffers.changed(), current.get().watch
        pieces = [(take(batch, share), len(share) / rows) for share in bounds_of(rows, self._shares)]
        tasks = [
            Task(train, pieces[i : i + self.accumulate], seed, changed, form.pair, 1 / rows, buffers, watch)
            for i in range(0, self._shares, self.accumulate)
        ]
        packed = [link.pack(task) for link, task in zip(self._links, tasks[1:], strict=True)]
        self._known = settings
        try:
            for link, content in zip(self._links, packed, strict=True):
                try:
                    link.send(content)
                except OSError:
                    self._check_alive()
                    raise
            with streams.seeded(self._drawn if form.draws and self.workers > 1 else (), seed, 0):
                error = self._self.run(tasks[0])
        except BaseException:  # a worker died, or Ctrl-C while waiting for one
            self.close()
            raise
        self._raise_failures(error)
        if self._shares > 1 and not np.isfinite(self._exchange.losses).all():
            self._comparison.compare(form, batch, rows, train)  # perhaps a share has nothing that counts

    def _raise_failures(self, error: BaseException | None) -> None:
        failed = np.flatnonzero(self._exchange.failed).tolist()
        texts = {index: self._links[index - 1].reported() for index in failed if index > 0}
        if error is not None:
            raise error
        for index, text in texts.items():
            raise RuntimeError(f"worker {index} of {self.workers} failed, no parameter was changed:\n{text}")
        left = self._exchange.left
        if left.any() and np.isfinite(self._exchange.losses[~left]).all():
            raise RuntimeError(
                "replicas: the loss calls layers that exchange statistics (SyncBatchNorm) more often in one "
                "worker than in another, or under other conditions; no parameter was changed"
            )

    def _meet(self) -> None:
        for link in self._links:
            link.wait(link.up, self._check_alive)
        for link in self._links:
            link.down.release()

    def _check_alive(self) -> None:
        for index, link in enumerate(self._links, start=1):
            death = link.death()
            if death is not None:
                raise RuntimeError(
                    f"worker {index} of {self.workers} {death}; the replicas are closed, and the parameters "
                    "may be between two steps: go back to what was saved last"
                )

    def _check_statistics(self) -> None:
        """Raise for running statistics, which no loss shows, that would be those of a share, and for layers
        that would take their statistics over a piece."""
        alone = one_share(self.workers, self.accumulate)
        for name, module in self._following.items():
            if module.follows():
                raise ValueError(
                    f"replicas: {type(module).__name__} {name!r} keeps running statistics of the batch, of "
                    f"which it sees a share; use track_running_stats=False, its eval(), or {alone}"
                )
        for name, layer in self._mixing.items() if self.accumulate > 1 else ():
            if layer.mixes():
                raise ValueError(
                    f"replicas: {type(layer).__name__} {name!r} takes statistics over the batch, which is "
                    f"computed in {self.accumulate} pieces here, one after another; use its eval(), a "
                    "GroupNorm or LayerNorm in its place, or accumulate=1"
                )

    def _check_model(self) -> None:
        """Raise if the model or the optimizer is not what the workers have copies of."""
        name = self._structure.change()
        if name is not None:
            raise RuntimeError(
                f"replicas: {name!r} of the model was replaced after replicate(), which only this process "
                "would see; close() these replicas and call replicate() again"
            )
        flats = [flat for _, flat in self._optimizer.buffers()]
        if [id(flat.values) for flat in flats] != [id(values) for values in self._memory]:
            raise RuntimeError("replicas: the optimizer has changed since; call replicate() again")
        for flat in flats:
            flat.adopt()


def _twin(model: Module) -> tuple[Module, dict[int, Tensor]]:
    """A copy of the model with leaves of its own over the same parameter arrays; and {id: its parameter}."""
    twin = copy.deepcopy(model)
    pairs = list(zip(model.parameters(), twin.parameters(), strict=True))
    for p, own in pairs:
        own.grad = None
        own.data = p.data
    return twin, {id(p): own for p, own in pairs}
