"""What a DataLoader may be told, and what excludes what."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from ..module import Module
from .datasets import IterableDataset
from .randomness import check_generator

THREAD = "thread"


def check_numbers(num_workers: Any, timeout: Any, prefetch_factor: Any, persistent_workers: Any) -> None:
    """TypeError and ValueError for numbers of workers and what needs workers."""
    for name, value in {"num_workers": num_workers, "prefetch_factor": prefetch_factor}.items():
        if isinstance(value, bool) or not isinstance(value, (int, type(None))):
            raise TypeError(f"DataLoader: {name} is an int, not {value!r}")
    if num_workers is None or num_workers < 0:
        raise ValueError(
            f"DataLoader: num_workers is 0 (this process makes the batches) or more, not {num_workers}"
        )
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise ValueError(f"DataLoader: timeout is a number of seconds, 0 for no limit, not {timeout!r}")
    if prefetch_factor is not None and prefetch_factor < 1:
        raise ValueError(f"DataLoader: prefetch_factor is at least 1, not {prefetch_factor}")
    wants = {"prefetch_factor": prefetch_factor, "persistent_workers": persistent_workers, "timeout": timeout}
    for name, value in wants.items():
        if num_workers == 0 and value:
            raise ValueError(f"DataLoader: {name}={value} needs workers, num_workers > 0")


def check_dataset(dataset: Any, sampled: bool) -> None:
    """TypeError unless samples can be asked of it; `sampled`: it need not know how many there are."""
    if isinstance(dataset, IterableDataset):
        return
    kind = type(dataset).__name__
    if isinstance(dataset, type):
        raise TypeError(f"DataLoader: dataset is the class {dataset.__name__}; give an object of it")
    if isinstance(dataset, (Module, ModuleType)):
        raise TypeError(f"DataLoader: dataset is a module ({kind}), which has no samples")
    if not hasattr(dataset, "__getitem__"):
        hint = "; make it a list or an IterableDataset" if hasattr(dataset, "__iter__") else ""
        raise TypeError(f"DataLoader: dataset {kind} has no __getitem__, which gives a sample{hint}")
    if not sampled and not hasattr(dataset, "__len__"):
        raise TypeError(
            f"DataLoader: dataset {kind} has no __len__; add it, or give a sampler of its indices"
        )


def check_order(
    dataset: Any,
    batch_size: Any,
    shuffle: Any,
    sampler: Any,
    batch_sampler: Any,
    drop_last: Any,
    generator: Any,
) -> None:
    """ValueError for options that exclude each other, TypeError for a generator of another kind."""
    check_generator("DataLoader", generator)
    if isinstance(dataset, IterableDataset):
        for name, value in {"shuffle": shuffle, "sampler": sampler, "batch_sampler": batch_sampler}.items():
            if value is not None and value is not False:
                raise ValueError(
                    f"DataLoader: {name}={value!r:.60} is for datasets with an index; an IterableDataset "
                    "gives its samples in its own order"
                )
    for name, value in {"sampler": sampler, "batch_sampler": batch_sampler}.items():
        lists = "lists of indices" if name == "batch_sampler" else "indices"
        if value is not None and not hasattr(value, "__iter__"):
            raise TypeError(f"DataLoader: {name} gives {lists} when iterated over, got {value!r:.60}")
    if sampler is not None and shuffle:
        raise ValueError(
            "DataLoader: sampler and shuffle exclude each other: a sampler says the order itself"
        )
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "DataLoader: batch_sampler, which gives whole batches, excludes batch_size, shuffle, sampler and "
            "drop_last"
        )
    if batch_size is None and batch_sampler is None and drop_last:
        raise ValueError("DataLoader: batch_size=None makes no batches, so drop_last has nothing to drop")


def context_of(given: Any, num_workers: int) -> Any:
    """The context of multiprocessing, or "thread". ValueError for an unknown name, TypeError for no name."""
    if given is None and num_workers == 0:
        return None
    if num_workers == 0:
        raise ValueError(f"DataLoader: multiprocessing_context={given!r} needs workers, num_workers > 0")
    if given == THREAD:
        return THREAD
    import multiprocessing
    from multiprocessing.context import BaseContext

    from ..parallel import can_fork

    if given is None:
        return multiprocessing.get_context("fork" if can_fork() else None)
    methods = multiprocessing.get_all_start_methods()
    if isinstance(given, str) and given not in methods:
        raise ValueError(f"DataLoader: multiprocessing_context is one of {[*methods, THREAD]}, not {given!r}")
    context = multiprocessing.get_context(given) if isinstance(given, str) else given
    if not isinstance(context, BaseContext):
        raise TypeError(
            f"DataLoader: multiprocessing_context is a name or of multiprocessing.get_context, not {given!r}"
        )
    return context
