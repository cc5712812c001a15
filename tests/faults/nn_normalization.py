"""Faults planted in norms of channels, in dropout, and in what replicas and replays do with them."""

from .fault import Fault

BATCH = "tests/nn/test_batchnorm.py::"
DROPOUT = "tests/nn/test_dropout.py::"
GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
GROUP = "tests/nn/test_groupnorm.py::"
SYNCED = "tests/nn/test_syncbatchnorm.py::"

FAULTS = [
    Fault(
        "nn/functional/batchnorm.py",
        "level, slope = -a * sums[0] * share",
        "level, slope = -a * sums[0] * share * 1.001",
        f"{GRADIENT} -k batch_norm",
    ),
    Fault(
        "nn/functional/batchnorm.py",
        "var = times(table[VAR, 0], total / np.maximum(1, total - 1), x.dtype)",
        "var = table[VAR, 0]",
        f"{BATCH}test_numbers_of_a_small_batch",
    ),
    Fault(
        "nn/functional/batchnorm.py",
        "(variances + np.square(means - mean))",
        "variances",
        f"{SYNCED}test_replicas_compute_what_one_process_does -k threads-2",
    ),
    Fault(
        "nn/functional/batchnorm.py",
        "sums = gather(sums.reshape(2, -1)).sum(axis=0)[:, None]",
        "pass",
        f"{SYNCED}test_replicas_compute_what_one_process_does -k threads-2",
    ),
    Fault(
        "nn/functional/batchnorm.py",
        "squares * a * r * r / -2, squares * r, db\n    return [d.ast",
        "squares * a * r * r / -2.002, squares * r, db\n    return [d.ast",
        f"{GRADIENT} -k running_norm",
    ),
    Fault(
        "nn/functional/groupnorm.py",
        "sums = sums * weight",
        "pass",
        f"{GRADIENT} -k group_norm",
    ),
    Fault(
        "nn/functional/_channels.py",
        "return not (mean * mean <= 16 * square).all()",
        "return False",
        f"{BATCH}test_large_means",
    ),
    Fault(
        "nn/functional/_channels.py",
        "@opaque\n@quietly\ndef scale(",
        "@opaque\ndef scale(",
        f"{BATCH}test_numpys_settings_are_left_as_they_are",
    ),
    Fault(
        "nn/functional/_running.py",
        "else 1 / float(count)",
        "else 0.1",
        f"{BATCH}test_without_momentum_the_statistics_are_those_of_all_batches",
    ),
    Fault(
        "nn/functional/_running.py",
        "return kept(array) if isinstance(array, np.ndarray) else array",
        "return array",
        f"{BATCH}test_replayed_steps_bring_the_statistics_up_to_date",
    ),
    Fault(
        "autograd/replay/program.py",
        "                array[...] = old\n",
        "                pass\n",
        f"{BATCH}test_a_replay_that_is_given_up_has_changed_nothing",
    ),
    Fault(
        "nn/replay.py",
        "            changes.write(changed)\n",
        "",
        f"{BATCH}test_a_loss_that_fails_in_a_replay_leaves_no_trace",
    ),
    Fault(
        "nn/parallel/shared_buffers.py",
        "while (self._meet(STEP) == GATHER).any():",
        "if (self._meet(STEP) == GATHER).any():",
        f"{SYNCED}test_nobody_waits_for_a_replica_that_is_gone -k threads-fails",
    ),
    Fault(
        "nn/parallel/worker.py",
        "            buffers.apply(self.modules, task.buffers)\n",
        "",
        f"{SYNCED}test_buffers_that_the_caller_changes_reach_the_workers",
    ),
    Fault(
        "nn/modules/batchnorm.py",
        "if id(each) in made:",
        "if False:",
        f"{SYNCED}test_conversion",
    ),
    Fault(
        "nn/functional/dropout.py",
        "kept, lost = -a * alpha * p, a * alpha * (1 - p)",
        "kept, lost = 0.0, a * alpha * (1 - p)",
        f"{DROPOUT}test_mean_and_variance_are_kept",
    ),
    Fault(
        "nn/functional/dropout.py",
        "axes = 1 if len(shape) == alone else 2",
        "axes = 2",
        f"{DROPOUT}test_whole_channels_are_dropped",
    ),
    Fault(
        "nn/functional/response.py",
        "if step <= before:",
        "if step < before:",
        f"{GROUP}test_neighbours",
    ),
]
