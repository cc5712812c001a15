"""Faults planted in what replicas tell of a step, and in the pieces that a batch is computed in."""

from .fault import Fault

ACCUMULATE = "tests/nn/test_parallel_accumulate.py::"
WORKER = "nn/parallel/worker.py"
WHOLE = f"{ACCUMULATE}test_pieces_train_as_the_whole_batch"
IGNORED = f"{ACCUMULATE}test_ignored_targets_count_over_the_whole_batch"

FAULTS = [
    Fault(
        WORKER,
        "before + (out.data if out.ndim else out.item() * weight)",
        "before + (out.data if out.ndim else out.item())",
        WHOLE,
    ),
    Fault(WORKER, "np.full((), weight, out.dtype)", "np.full((), 1.0, out.dtype)", WHOLE),
    Fault(WORKER, "                g *= seed[0] / task.scale\n", "                pass\n", IGNORED),
    Fault(WORKER, "np.array([task.scale, 0.0])", "np.array([1 / out.data[1], 0.0])", IGNORED),
    Fault(WORKER, "                        place += g\n", "                        place[...] = g\n", WHOLE),
    Fault(
        WORKER,
        "self._add_gradients(out, seed, first=i == 0)",
        "self._add_gradients(out, seed, first=False)",
        WHOLE,
    ),
    Fault(
        WORKER,
        "self._add_gradients(out, seed, first=i == 0)",
        "self._add_gradients(out, seed, first=i == 0); self._update()",
        WHOLE,
    ),
    Fault(
        WORKER,
        "self._add_gradients(out, seed, first=i == 0)",
        "self._add_gradients(out, seed, first=i == 0)\n"
        "                [g.__imul__(min(1, self.max_norm / np.linalg.norm(g))) for g in "
        "self.exchange.gradients]",
        WHOLE,
    ),
    Fault(WORKER, "places if accumulate == 1 else None", "places", WHOLE),
    Fault(
        WORKER,
        "g is not None or (used[i] and not first)",
        "g is not None",
        f"{ACCUMULATE}test_a_parameter_that_only_some_pieces_use_is_trained_and_others_stay",
    ),
    Fault(
        "nn/parallel/replicas.py",
        "(take(batch, share), len(share) / rows)",
        "(take(batch, share), 1 / self._shares)",
        WHOLE,
    ),
    Fault(
        "nn/parallel/replicas.py",
        'kind == "threads" and workers > 1)',
        'kind == "threads")',
        f"{ACCUMULATE}test_a_loss_of_one_worker_draws_noise_as_a_loop_does",
    ),
    Fault(
        "nn/parallel/replicas.py",
        "if form.draws and self.workers > 1 else ()",
        "if form.draws else ()",
        f"{ACCUMULATE}test_a_loss_of_one_worker_draws_noise_as_a_loop_does",
    ),
    Fault(
        "nn/parallel/replicas.py",
        "            if layer.mixes():\n",
        "            if False:\n",
        f"{ACCUMULATE}test_statistics_over_the_batch_are_refused_while_training",
    ),
    Fault(
        "nn/parallel/losses.py",
        "if constant and isinstance(count, Tensor)",
        "if False",
        f"{ACCUMULATE}test_a_count_that_depends_on_parameters_is_refused_and_the_way_out_works",
    ),
    Fault(
        "nn/parallel/replicas.py",
        "return self._self.norm",
        "return min(self._self.norm, self._self.max_norm)",
        "tests/examples/test_log.py::test_the_norm_is_that_before_clipping",
    ),
]
