"""Faults planted in datasets, samplers, collation, workers and resuming."""

from .fault import Fault

BLOCKS = "tests/nn/test_data_blocks.py::"
COLLATE = "tests/nn/test_data_collate.py::"
DATASETS = "tests/nn/test_data_datasets.py::"
LOADER = "tests/nn/test_data_loader.py::"
RESUME = "tests/nn/test_data_resume.py::"
SAMPLERS = "tests/nn/test_data_samplers.py::"
WORKERS = "tests/nn/test_data_workers.py::"
ENDS = "tests/nn/test_data_workers_end.py::"

FAULTS = [
    Fault(
        "nn/data/rows.py",
        "self.indices = np.where(self.indices < 0, self.indices + n, self.indices)",
        "pass",
        f"{DATASETS}test_a_batch_taken_at_once_is_that_of_its_samples",
    ),
    Fault(
        "nn/data/datasets.py",
        "overridden = type(self).__getitem__ is not TensorDataset.__getitem__",
        "overridden = False",
        f"{DATASETS}test_a_subclass_with_its_own_samples_is_asked_for_them",
    ),
    Fault(
        "nn/data/samplers.py",
        "return self._batches(iter(self.sampler))",
        "return self._batches(i for sampler in [self.sampler] for i in sampler)",
        f"{SAMPLERS}test_an_order_is_drawn_when_the_epoch_begins",
    ),
    Fault(
        "nn/data/collate.py",
        "dtype = np.result_type(dtype, array.dtype)",
        "pass",
        f"{COLLATE}test_numbers_arrays_and_tensors",
    ),
    Fault(
        "nn/data/fetching.py",
        'raise RuntimeError(f"dataset[{key!r}] raised StopIteration") from error',
        "raise",
        f"{LOADER}test_errors_of_a_sample_say_which",
    ),
    Fault(
        "nn/data/serving.py",
        "streams.seed(self.streams, seed, index)",
        "streams.seed(self.streams, seed, self.number)",
        f"{WORKERS}test_the_same_batches_for_any_number_of_workers -k fork",
    ),
    Fault(
        "nn/data/blocks.py",
        "weakref.finalize(flat, self.done.append, number).atexit = False",
        "self.done.append(number)",
        f"{WORKERS}test_large_arrays_arrive_whole_and_are_the_callers -k fork",
    ),
    Fault(
        "nn/data/blocks.py",
        "if not block.here and not block.there:",
        "if not block.there:",
        f"{BLOCKS}test_memory_is_not_given_again_while_an_end_has_an_array_in_it",
    ),
    Fault(
        "nn/data/blocks.py",
        "room = self.room(size) if block.here else None",
        "room = None",
        f"{BLOCKS}test_what_one_end_writes_later_is_not_seen_by_the_other",
    ),
    Fault(
        "nn/data/crew.py",
        "for hand in hands if caller == os.getpid() else ():",
        "for hand in hands:",
        f"{ENDS}test_a_loader_in_a_forked_copy_of_the_process -k fork",
    ),
    Fault(
        "nn/data/failure.py",
        "if issubclass(kind, (StopIteration, StopAsyncIteration)):",
        "if issubclass(kind, StopAsyncIteration):",
        f"{ENDS}test_an_error_of_worker_init_fn_and_of_what_cannot_be_sent -k thread",
    ),
    Fault(
        "nn/data/epoch.py",
        "if reply.epoch == self._number:",
        "if reply is not None:",
        f"{WORKERS}test_workers_that_stay -k thread",
    ),
    Fault(
        "nn/data/epoch.py",
        "self._fill()  # now, so that nobody waits while this batch is used",
        "pass",
        f"{WORKERS}test_a_sampler_is_asked_ahead_but_not_further -k thread",
    ),
    Fault(
        "nn/data/epoch.py",
        "sources.write(now, only_generators=True)",
        "pass",
        f"{RESUME}test_a_generator_that_the_program_draws_from_too",
    ),
    Fault(
        "nn/data/serving.py",
        "self._seed(task.seed, index)\n                self.fetch.next_samples()",
        "self.fetch.next_samples()",
        f"{RESUME}test_streams -k workers2",
    ),
]
