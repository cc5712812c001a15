"""Whether the shares of a batch together give what the whole batch gives, tried in one process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from ...autograd import Tensor
from ...autograd.arrays import draws
from ...autograd.modes import current
from .. import random
from ..functional._losses import divided
from ..module import Module
from ..synced import Gather, Synced, gathering
from . import streams
from .held import Held
from .losses import numbers, parts
from .shares import bounds_of, take

SAMPLES = 8  # of a loss that draws random numbers
Rows = range | np.ndarray


@dataclass
class Form:
    """What is known of a loss for one kind of batch."""

    calls: int = 0
    pair: bool | None = False  # whether it gives (total, count)
    draws: bool = False  # whether it draws from np.random, random, or a generator that it holds
    weighs: bool = False  # whether it is a mean in which something is divided by a sum of weights

    @property
    def due(self) -> bool:
        """At calls 1, 2, 4, 8 ...: batches without padding show nothing, nor does an untrained last layer.

        Always where weights may make any batch another case.
        """
        return self.weighs or self.calls & (self.calls - 1) == 0


class Comparison:
    """Tries a loss on whole batches and on their shares.

    `own`: random number streams that no two workers draw from.
    """

    def __init__(
        self, model: Module, loss: Callable, workers: int, accumulate: int, own: Sequence[streams.Stream]
    ):
        self.model, self.loss, self.shares = model, loss, workers * accumulate
        self._alone = one_share(workers, accumulate)
        self._synced = accumulate == 1  # what SyncBatchNorm is a way out of
        self._own = {id(stream) for stream in own}
        self._forms: dict[Any, Form] = {}

    def form(self, key: Any, batch: tuple, rows: int, grad: bool) -> Form:
        """What is known of this kind of batch, after a comparison where one is due."""
        form = self._forms.setdefault(key, Form())
        form.calls += 1
        if form.due:
            compared = False
            try:
                compared = self.compare(form, batch, rows, grad)
            finally:
                form.calls -= not compared  # then the next one is due
        return form

    def compare(self, form: Form, batch: tuple, rows: int, grad: bool) -> bool:
        """ValueError if the shares do not give what the whole batch gives; whether they could be compared.

        The loss is called several times, without dropout: in double precision and without recording first,
        and if that raises something, as it is. If that too fails for a share, nothing is compared: the step
        will tell. What the loss changes meanwhile is put back, as far as `Held` knows of it.
        """
        held = Held(self.model, self.loss)
        drawn = {id(stream): stream for stream in [*streams.shared_streams(), *held.streams]}
        sources = list({**drawn, id(random.generator()): random.generator()}.values())
        trial = Trial(self.model, self.loss, batch, held, sources)
        weights: list = []
        token = divided.set(weights)
        try:
            for double in (True, False):
                with as_tried(list(self.model.parameters()), double, grad and not double):
                    if not trial.run(bounds_of(rows, self.shares), double):
                        continue
                    form.pair = len(trial.whole) == 2
                    form.weighs = bool(weights) and not form.pair
                    form.draws = any(id(stream) in drawn for stream in trial.moved)
                    self._check_shared([s for s in trial.moved if id(s) in drawn.keys() - self._own])
                    self._judge(trial, rows, form.calls <= 1)
                    return True
            return False
        finally:
            divided.reset(token)
            trial.start()

    @staticmethod
    def _check_shared(moved: Sequence[streams.Stream]) -> None:
        for stream in moved:
            raise ValueError(
                f"replicas: the loss draws from {streams.name(stream)}, which threads share: who gets which "
                "numbers would be chance. Draw from a generator that is an attribute of the model, or draw "
                "before the step and give the numbers with the batch, or use kind='processes'"
            )

    def _judge(self, trial: Trial, rows: int, first: bool) -> None:
        put_together = np.sum(trial.shares, axis=0)
        if not np.isfinite(trial.whole).all() or trial.alike([trial.whole], trial.shares):
            return
        if trial.moved:  # with other random numbers for the same rows, that need not be the same
            a, h = np.arange(rows), rows // 2
            b = np.roll(a, -h)
            pairs = [(a, b), (np.r_[a[:h], b[h:]], np.r_[b[:h], a[h:]])]
            before, after = ([trial.numbers(each) for each in pair] for pair in pairs)
            if trial.alike(before, after) and not (first and trial.apart(bounds_of(rows, self.shares))):
                return
        self._refuse(trial.whole, put_together)

    def _refuse(self, whole: np.ndarray, put_together: np.ndarray) -> NoReturn:
        convert = "nn.SyncBatchNorm.convert_sync_batchnorm(model)"
        of_whole, of_shares = (", ".join([f"{x:.7g}" for x in of]) for of in (whole, put_together))
        if len(whole) == 1:
            raise ValueError(
                f"replicas: the loss of the whole batch is {of_whole}, that of its {self.shares} shares, "
                f"weighted by their rows, {of_shares}: it is no mean in which all rows count alike. Where "
                "some elements do not count (padding, masks) or have weights, return (total, count), which "
                "are summed over the workers before dividing: F.cross_entropy(..., reduction='sum') and "
                "(targets != -100).sum(), for instance, and with weight=w w[targets[targets != -100]].sum(). "
                + (
                    f"Where a BatchNorm takes statistics over the batch, convert the model first, {convert}. "
                    if self._synced
                    else ""
                )
                + "Where rows are compared with each other, or another layer takes statistics over the "
                f"batch, use {self._alone}. No parameter was changed"
            )
        raise ValueError(
            f"replicas: (total, count) of the whole batch is ({of_whole}), the sums over its {self.shares} "
            f"shares are ({of_shares}). Both must be sums, no means, over rows that do not influence each "
            f"other; where they do (as in statistics over the batch), use {self._alone}"
            + (f", or for BatchNorm {convert}" if self._synced else "")
            + ". No parameter was changed"
        )


def one_share(workers: int, accumulate: int) -> str:
    """The options with which a batch is computed as a whole."""
    wanted = {"workers=1": workers, "accumulate=1": accumulate}
    return " and ".join(option for option, number in wanted.items() if number > 1) or "workers=1"


class Trial:
    """A loss tried on rows of a batch, each time with what is `held` and `sources` of random numbers as they
    were at first."""

    def __init__(self, model: Module, loss: Callable, batch: tuple, held: Held, sources: list):
        self.model, self.loss, self.batch, self.held = model, loss, batch, held
        self.sources = sources
        self.states = [streams.read(source) for source in sources]
        self.synced = Shown() if any(isinstance(m, Synced) for m in model.modules()) else None
        self.double = all(p.dtype == np.float64 for p in model.parameters())
        self.dtype = np.dtype(np.float64)  # of the loss

    def run(self, shares: Sequence[range], double: bool) -> bool:
        """Set `shares` and `whole`; False if that cannot be done. An error of the whole batch alone is raised
        unless `double`: there will be another try."""
        rows, self.doubled = shares[-1].stop, double
        try:
            if self.synced is not None:  # its statistics are what the shares have together
                self.numbers(range(rows))
            self.shares = [self.numbers(share, len(share) / rows) for share in shares]
        except Exception:
            return False
        try:
            self.whole = self.numbers(range(rows))
        except Exception:
            if not double:
                raise
            return False
        self.moved = streams.moved(self.sources, self.states)
        if {len(share) for share in self.shares} != {len(self.whole)}:
            raise TypeError("replicas: the loss gives (total, count) for some batches and a mean for others")
        return True

    def start(self) -> None:
        for source, state in zip(self.sources, self.states, strict=True):
            streams.write(source, state)
        self.held.restore()

    def numbers(self, rows: Rows, weight: float = 1.0, anew: bool = False) -> np.ndarray:
        """What the loss gives for these rows, copied: it may write into them. `anew`: go on drawing."""
        self.held.restore() if anew else self.start()
        gather = None if self.synced is None else self.synced.begin(len(rows))
        with np.errstate(all="ignore"), gathered_by(gather):
            given = self.loss(self.model, *take(self.batch, np.asarray(rows), self.doubled))
        self.dtype = parts(given)[0].dtype
        return numbers(given, weight)

    def alike(self, a: Sequence[np.ndarray], b: Sequence[np.ndarray]) -> bool:
        """Whether the sums are equal up to rounding.

        Parts of a float32 model stay what they are (a frozen one that the loss holds), hence 1e-5 for it.
        """
        tolerance = {8: 1e-9 if self.double else 1e-5, 4: 1e-3}.get(self.dtype.itemsize, 5e-2)
        scale = np.abs([*a, *b]).max(axis=0) + 0.001
        return bool((np.abs(np.sum(a, axis=0) - np.sum(b, axis=0)) <= tolerance * scale).all())  # nan is not

    def apart(self, shares: Sequence[range]) -> bool:
        """Whether samples of the whole batch's loss and of its shares' are further apart than they spread."""
        rows = shares[-1].stop

        def sample(of: Sequence[range]) -> np.ndarray:
            return np.sum([self.numbers(share, len(share) / rows, anew=True) for share in of], axis=0)

        one, other = ([sample(of) for _ in range(SAMPLES)] for of in ([range(rows)], shares))
        gap = np.max([np.min(one, 0) - np.max(other, 0), np.min(other, 0) - np.max(one, 0)], axis=0)
        return bool((gap > np.max([np.ptp(one, 0), np.ptp(other, 0)], axis=0)).any())


class Shown:
    """In place of an exchange between replicas: the statistics of a whole batch, shown to its shares."""

    def __init__(self) -> None:
        self._rows = 0  # of the largest batch so far
        self._seen: list[np.ndarray] = []
        self._next = 0

    def begin(self, rows: int) -> Gather:
        """For a call of the loss with so many rows."""
        self._next = 0
        if rows >= self._rows:
            self._rows, self._seen = rows, []
            return self._look
        return self._show

    def _look(self, numbers: np.ndarray) -> np.ndarray:
        self._seen.append(numbers.copy())
        return numbers[None]

    def _show(self, numbers: np.ndarray) -> np.ndarray:
        self._next += 1
        return self._seen[self._next - 1][None]


@contextmanager
def gathered_by(gather: Gather | None) -> Iterator[None]:
    token = gathering.set(gather)
    try:
        yield
    finally:
        gathering.reset(token)


@contextmanager
def as_tried(params: Sequence[Tensor], double: bool, grad: bool) -> Iterator[None]:
    """Dropout drops nothing; the parameters are in double precision if wanted."""

    def draw(fn: Callable, *arguments: Any) -> np.ndarray:
        if fn is not random._keep_mask:
            return fn(*arguments)
        return np.ones(arguments[0], bool)

    arrays = [p.data for p in params]
    token, mode = draws.set(draw), current.get()
    try:
        current.set(mode.but(grad=grad))
        if double:
            for p, array in zip(params, arrays, strict=True):
                p.data = array.astype(np.float64)
        yield
    finally:
        draws.reset(token)
        current.set(mode)
        for p, array in zip(params, arrays, strict=True):
            p.data = array
