"""Datasets for the tests of nn.data, in a module that workers can import."""

import os
import random
import signal
import time

import numpy as np

from tapegrad import nn
from tapegrad.nn import data


class Numbers(data.Dataset):
    """Sample i is i; which were asked for is kept."""

    def __init__(self, n=20):
        self.n, self.asked = n, []

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        if not 0 <= i < self.n:
            raise IndexError(f"no sample {i}")
        self.asked.append(i)
        return i


class Drawing(Numbers):
    """Sample i is i and a random number of the package, NumPy and Python."""

    def __getitem__(self, i):
        return i, nn.random.generator().random(), np.random.rand(), random.random()


class Failing(Numbers):
    """Does something wrong at sample 5."""

    def __init__(self, how, n=8):
        super().__init__(n)
        self.how = how

    def __getitem__(self, i):
        if i == 5:
            if self.how == "exit":
                os._exit(3)
            elif self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            elif self.how == "sleep":
                time.sleep(60)
            raise self.how
        return i


class Stream(data.IterableDataset):
    """The numbers below n, of which each worker has its part."""

    def __init__(self, n=10, told=None):
        self.n, self.told = n, told

    def __iter__(self):
        info = data.get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        begun = nn.random.generator().random()
        for i in range(first, self.n, step):
            yield i, begun + nn.random.generator().random()

    def __len__(self):
        if self.told is None:
            raise TypeError("unknown")
        return self.told


class Tape(data.IterableDataset):
    """The numbers below n; it knows where it is."""

    def __init__(self, n=12):
        self.n, self.at, self.made = n, 0, []

    def __iter__(self):
        while self.at < self.n:
            self.at += 1
            self.made.append(self.at - 1)
            yield self.at - 1
        self.at = 0

    def state_dict(self):
        return {"at": self.at}

    def load_state_dict(self, state):
        self.at = state["at"]


def plain(batch):
    """A batch as Python numbers."""
    if isinstance(batch, (list, tuple)):
        return [plain(x) for x in batch]
    return batch.data.tolist() if hasattr(batch, "data") else batch


def batches(loader):
    return [plain(batch) for batch in loader]


def loader(dataset, *args, workers=2, kind="fork", **options):
    return data.DataLoader(dataset, *args, num_workers=workers, multiprocessing_context=kind, **options)


class Slow(Numbers):
    def __getitem__(self, i):
        if i == 0:
            time.sleep(0.3)
        return i


class Images(data.Dataset):
    """Large and small arrays, of several sizes."""

    def __len__(self):
        return 24

    def __getitem__(self, i):
        size = (60, 80 + i // 8)
        return {
            "image": np.full(size, i, np.float32),
            "label": i,
            "name": f"image {i}",
            "flip": np.eye(2)[::-1],
        }
