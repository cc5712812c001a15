"""Datasets, samplers and the loader of batches, under the names of torch.utils.data."""

from typing import TYPE_CHECKING

from ...autograd.exports import on_first_use

FILES = {  # and what is found there
    "collate": "default_collate default_convert",
    "combining": "StackDataset Subset random_split",
    "datasets": "ChainDataset ConcatDataset Dataset IterableDataset TensorDataset",
    "loader": "DataLoader",
    "random_samplers": "DistributedSampler RandomSampler SubsetRandomSampler WeightedRandomSampler",
    "samplers": "BatchSampler Sampler SequentialSampler",
    "serving": "get_worker_info",
}
__all__ = sorted(" ".join(FILES.values()).split())

if TYPE_CHECKING:
    from .collate import *
    from .combining import *
    from .datasets import *
    from .loader import *
    from .random_samplers import *
    from .samplers import *
    from .serving import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
