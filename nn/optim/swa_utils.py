"""Averages of a model's weights over its training (Izmailov et al. 2018, arXiv:1803.05407)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from math import cos, pi
from typing import Any

import numpy as np

from ...autograd import Tensor, no_grad, versions
from ...autograd.arrays import ArrayLike
from ..devices import check_device
from ..module import Module
from .flat import CHUNK
from .lr_scheduler.base import LRScheduler
from .lr_scheduler.options import choice, each, whole
from .optimizer import Optimizer

__all__ = [
    "SWALR",
    "AveragedModel",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(name: str, decay: float) -> None:
    if not 0 <= decay <= 1:
        raise ValueError(f"{name}: decay must be from 0 to 1, got {decay}")


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[..., None]:
    """A `multi_avg_fn` of AveragedModel: averaged = decay * averaged + (1 - decay) * current, in place.

    ValueError for a decay outside [0, 1].
    """
    _check_decay("get_ema_multi_avg_fn", decay)

    def update(averaged: Sequence[ArrayLike], current: Sequence[ArrayLike], num_averaged: Any) -> None:
        _move(averaged, current, 1 - decay)

    return update


def get_swa_multi_avg_fn() -> Callable[..., None]:
    """A `multi_avg_fn` of AveragedModel: the mean of all models so far, in place."""

    def update(averaged: Sequence[ArrayLike], current: Sequence[ArrayLike], num_averaged: Any) -> None:
        _move(averaged, current, 1 / (int(num_averaged) + 1))

    return update


def get_ema_avg_fn(decay: float = 0.999) -> Callable[..., Any]:
    """An `avg_fn` of AveragedModel: decay * averaged + (1 - decay) * current.

    ValueError for a decay outside [0, 1].
    """
    _check_decay("get_ema_avg_fn", decay)
    return no_grad(lambda averaged, current, num_averaged: decay * averaged + (1 - decay) * current)


def get_swa_avg_fn() -> Callable[..., Any]:
    """An `avg_fn` of AveragedModel: averaged + (current - averaged) / (num_averaged + 1)."""
    return no_grad(
        lambda averaged, current, num_averaged: averaged + (current - averaged) / (num_averaged + 1)
    )


def _move(averaged: Sequence[ArrayLike], current: Sequence[ArrayLike], part: float) -> None:
    """Move each array `part` of the way to the other, in place, where it is."""
    for ours, theirs in zip(map(_array, averaged), map(_array, current), strict=True):
        _move_one(ours, theirs, part)
        versions.mark_written(ours)


def _move_one(ours: np.ndarray, theirs: np.ndarray, part: float) -> None:
    if ours.dtype.kind not in "fc":  # counts, as of batches
        ours[...] = ours + np.subtract(theirs, ours, dtype=np.float64) * part
        return
    ordered = ours.flags.c_contiguous and theirs.flags.c_contiguous
    flat, other = (a.reshape(-1) if ordered else a[None] for a in (ours, theirs))
    wide = np.result_type(ours, np.float32)  # float16 would round small moves away
    scratch = np.empty_like(flat[:CHUNK], wide)
    for start in range(0, len(flat), CHUNK):
        mine, given = flat[start : start + CHUNK], other[start : start + CHUNK]
        step = scratch[: len(mine)]
        np.subtract(given, mine, out=step, dtype=wide)
        step *= part
        np.add(mine, step, out=mine, casting="same_kind")


def _array(value: ArrayLike) -> np.ndarray:
    return value.data if isinstance(value, Tensor) else value  # type: ignore[return-value]


def _check_model(name: str, model: Any) -> None:
    if not isinstance(model, Module):
        raise TypeError(f"{name}: model must be a Module, got {type(model).__name__}")


class AveragedModel(Module):
    """A copy of a model whose parameters are an average of the model's, over calls of update_parameters().

    The mean, or what `avg_fn(averaged, current, num_averaged)` returns of each parameter, or what
    `multi_avg_fn(list, list, num_averaged)` makes in place of all of one dtype, as get_ema_multi_avg_fn()
    does. Buffers are copied; they are averaged too with `use_buffers`, integers cut to whole numbers. In the
    state_dict are "n_averaged" and "module.<name>". ValueError for both functions and for another device than
    the "cpu", TypeError for what is no Module and no function.
    """

    n_averaged: Any  # how often it was updated: an array ()

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: Callable[..., Any] | None = None,
        multi_avg_fn: Callable[..., None] | None = None,
        use_buffers: bool = False,
    ):
        _check_model("AveragedModel", model)
        check_device("AveragedModel", device)
        if avg_fn is not None and multi_avg_fn is not None:
            raise ValueError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        for name, function in (("avg_fn", avg_fn), ("multi_avg_fn", multi_avg_fn)):
            if function is not None and not callable(function):
                raise TypeError(f"AveragedModel: {name} must be a function, got {function!r}")
        self.module = deepcopy(model)
        self.module.zero_grad()
        self.register_buffer("n_averaged", np.zeros((), np.int64))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the averaged model gives for these arguments, of any shape."""
        return self.module(*args, **kwargs)

    @no_grad
    def update_parameters(self, model: Module) -> None:
        """Average the parameters of `model` in; the first time they are copied.

        TypeError for what is no Module, ValueError for a model with other parameters or buffers than the one
        that was copied; then nothing has been changed.
        """
        _check_model("AveragedModel.update_parameters", model)
        ours, buffers = self._arrays(self.module)
        theirs, current = self._arrays(model)
        for kind, mine, given in (("parameter", ours, theirs), ("buffer", buffers, current)):
            if [a.shape for a in mine] != [a.shape for a in given]:
                raise ValueError(
                    f"AveragedModel.update_parameters: the model's {kind}s are of shapes "
                    f"{[a.shape for a in given]}, those of the average {[a.shape for a in mine]}"
                )
        if self.use_buffers:
            ours, theirs, buffers, current = ours + buffers, theirs + current, [], []
        count = int(self.n_averaged)
        if not count:
            buffers, current = buffers + ours, current + theirs
        elif self.avg_fn is not None:
            for old, new in zip(ours, theirs, strict=True):
                old[...] = _cast(self.avg_fn(Tensor(old), Tensor(new), count), old)
                versions.mark_written(old)
        else:
            self._average(ours, theirs, count)
        for old, new in zip(buffers, current, strict=True):
            old[...] = new
            versions.mark_written(old)
        self.n_averaged = np.asarray(count + 1)

    def _arrays(self, model: Module) -> tuple[list[np.ndarray], list[np.ndarray]]:
        return [p.data for p in model.parameters()], [*model.buffers()]

    def _average(self, ours: list[np.ndarray], theirs: list[np.ndarray], count: int) -> None:
        average = self.multi_avg_fn or get_swa_multi_avg_fn()
        by_dtype: dict[np.dtype, list[tuple[np.ndarray, np.ndarray]]] = {}
        for pair in zip(ours, theirs, strict=True):
            by_dtype.setdefault(pair[0].dtype, []).append(pair)
        for pairs in by_dtype.values():
            average([Tensor(mine) for mine, _ in pairs], [Tensor(given) for _, given in pairs], count)
        versions.mark_written(*ours)


def _cast(value: Any, like: np.ndarray) -> np.ndarray:
    return np.asarray(_array(value)).astype(like.dtype, copy=False)


@no_grad
def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Set the running statistics of a model's batch normalisations to those over all batches of `loader`.

    A batch is an input of the model, or a list or tuple whose first entry is. The model is called in training
    mode, without gradients, and is in its own mode again afterwards. A model without batch normalisation is
    not called. TypeError for what is no Module, ValueError for a loader without a batch, as a generator that
    is used up, and for another device than the "cpu"; the statistics are the old ones then, and after
    whatever else is raised.
    """
    from ..modules.batchnorm import _BatchNorm

    check_device("update_bn", device)
    _check_model("update_bn", model)
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [module.momentum for module in norms]
    before = [(buffer, buffer.copy()) for module in norms for buffer in module.buffers()]
    modes = [(module, module.training) for module in model.modules()]
    model.train()
    try:
        for module in norms:
            module.reset_running_stats()
            module.momentum = None
        batch = None
        for batch in loader:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)
        if batch is None:
            raise ValueError("update_bn: loader gave no batch")
    except BaseException:
        for buffer, old in before:
            buffer[...] = old
        raise
    finally:
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = momentum
        for module, training in modes:
            module.training = training


class SWALR(LRScheduler):
    """The rate goes to `swa_lr` in `anneal_epochs` steps, along half a cosine or a line, and stays there.

    `swa_lr` is a number or a list with one for each group, `anneal_strategy` "cos" or "linear". ValueError
    for another word, a list of another length and a negative anneal_epochs, TypeError for rates that are no
    numbers. A group that is added later needs its own "swa_lr", else stepping is a KeyError.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ):
        groups = self._attach(optimizer)
        rates = each(self, "swa_lr", swa_lr)
        self._anneal_strategy = choice(self, "anneal_strategy", anneal_strategy, "cos", "linear")
        self.anneal_epochs = whole(self, "anneal_epochs", anneal_epochs, least=0)
        for group, rate in zip(groups, rates, strict=True):
            group["swa_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def _compute_lr(self) -> list[float]:
        steps = self._step_count - 1
        if not self.anneal_epochs:
            steps = max(1, steps)
        before, now = self._part(steps - 1), self._part(steps)
        rates = []
        for i, group in enumerate(self.optimizer.param_groups):
            if "swa_lr" not in group:
                raise KeyError(f"SWALR: param_groups[{i}] was added later and has no 'swa_lr'; give it one")
            rate, last = group["lr"], group["swa_lr"]
            first = last if before == 1 else (rate - before * last) / (1 - before)  # where it came from
            rates.append(last * now + first * (1 - now))
        return rates

    def _part(self, steps: int) -> float:
        """Of the way to swa_lr."""
        part = max(0, min(1, steps / max(1, self.anneal_epochs)))
        return part if self._anneal_strategy == "linear" else (1 - cos(pi * part)) / 2
