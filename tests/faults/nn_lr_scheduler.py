"""Faults planted in learning-rate schedules and in averages of models."""

from .fault import Fault

FOLDER = "nn/optim/lr_scheduler/"
TESTS = "tests/nn/test_lr_scheduler.py::"
STATE = "tests/nn/test_lr_scheduler_state.py::"
REFUSED = "tests/nn/test_lr_scheduler_refused.py::"
SWA = "tests/nn/test_swa_utils.py::"

FAULTS = [
    Fault(
        f"{FOLDER}decay.py",
        "(n - 1) * slope)  # of",
        "n * slope)  # of",
        f"{TESTS}test_curves_follow_their_formulas",
    ),
    Fault(
        f"{FOLDER}cosine.py",
        "(n - 1 - length) % (2 * length) == 0",
        "n == length + 1",
        f"{TESTS}test_a_cosine_comes_back_as_often_as_one_likes",
    ),
    Fault(
        f"{FOLDER}cosine.py",
        "self.T_cur % self.T_i, self.T_i * self.T_mult",
        "self.T_cur % self.T_i, self.T_i + self.T_mult",
        f"{TESTS}test_warm_restarts_grow_longer",
    ),
    Fault(
        f"{FOLDER}cyclic.py",
        "self._set_momentum(group, top - (top - base) * part * scale)",
        "self._set_momentum(group, base + (top - base) * part * scale)",
        f"{TESTS}test_a_cycle_goes_up_and_down_and_momentum_against_it",
    ),
    Fault(
        f"{FOLDER}cyclic.py",
        "if n > self.total_steps:",
        "if n > self.total_steps + 1:",
        f"{REFUSED}test_the_end_of_one_cycle",
    ),
    Fault(
        f"{FOLDER}plateau.py",
        "if self.num_bad_epochs > self.patience:",
        "if self.num_bad_epochs >= self.patience:",
        f"{TESTS}test_plateau",
    ),
    Fault(
        f"{FOLDER}compound.py",
        "            part._update_lr(0)\n        else:\n            part.step()",
        "            part.step()\n        else:\n            part.step()",
        f"{TESTS}test_one_schedule_after_another",
    ),
    Fault(
        f"{FOLDER}base.py",
        "            self.last_epoch = before\n            raise",
        "            raise",
        f"{TESTS}test_each_group_has_its_own_rate",
    ),
    Fault(
        f"{FOLDER}base.py",
        "if self._step_count == 1 and counts",
        "if self._step_count == 0 and counts",
        f"{TESTS}test_a_step_before_the_optimizers_warns",
    ),
    Fault(
        f"{FOLDER}state.py",
        "Counter({int(key): count",
        "Counter({key: count",
        f"{STATE}test_a_state_goes_through_json_and_continues -k milestones",
    ),
    Fault(
        f"{FOLDER}state.py",
        "        own.check_state_dict(given)\n",
        "        pass\n",
        f"{STATE}test_a_state_of_another_schedule_changes_nothing",
    ),
    Fault(
        "nn/parallel/replicas.py",
        "        self._optimizer.calls += 1\n",
        "",
        f"{TESTS}test_replicas_step_the_optimizer_too",
    ),
    Fault(
        "nn/optim/swa_utils.py",
        "_move(averaged, current, 1 / (int(num_averaged) + 1))",
        "_move(averaged, current, 1 / (int(num_averaged) + 2))",
        f"{SWA}test_averages",
    ),
    Fault(
        "nn/optim/swa_utils.py",
        "        versions.mark_written(*ours)\n",
        "",
        f"{SWA}test_a_backward_that_needs_the_old_average_refuses",
    ),
    Fault(
        "nn/optim/swa_utils.py",
        "        for buffer, old in before:\n            buffer[...] = old\n",
        "",
        f"{SWA}test_statistics_are_the_old_ones_after_a_failure",
    ),
]
