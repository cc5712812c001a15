"""Faults planted in what a program does to an optimizer by hand, and in optimizers of its own."""

from .fault import Fault

OWN = "tests/nn/test_optim_own.py::"
BY_HAND = "tests/nn/test_optim_by_hand.py::"

FAULTS = [
    Fault(
        "nn/optim/groups.py",
        "param_group.update(group)  #",
        "param_group = group  #",
        f"{OWN}test_a_wrapper_shares_the_groups_of_what_it_wraps",
    ),
    Fault(
        "nn/optim/flat.py",
        "self.steps[i] = other.steps[place]",
        "pass",
        f"{BY_HAND}test_parameters_that_are_exchanged_are_trained",
    ),
    Fault(
        "nn/optim/optimizer.py",
        "        self._follow()\n",
        "",
        f"{BY_HAND}test_groups_that_cannot_be_trained",
    ),
    Fault(
        "nn/optim/state.py",
        "= copy.deepcopy(entry)",
        "= entry",
        f"{OWN}test_the_state_of_ones_own_optimizer_is_saved",
    ),
    Fault(
        "nn/optim/live_state.py",
        "was = copy.deepcopy(dict(self[p]))",
        "was = dict(self[p])",
        f"{BY_HAND}test_what_is_written_into_the_state_counts",
    ),
    Fault(
        "nn/optim/live_state.py",
        "        self.clear()\n        for entry",
        "        for entry",
        f"{BY_HAND}test_what_is_written_into_the_state_counts",
    ),
    Fault(
        "nn/optim/hooks.py",
        "        self._after_step(args, kwargs)\n        return result\n",
        "        return result\n",
        f"{OWN}test_hooks_closures_and_schedules_of_ones_own_optimizer",
    ),
    Fault(
        "nn/optim/state.py",
        "0 <= float(entry[STEP]) < 2**63",
        "0 <= float(entry[STEP])",
        f"{BY_HAND}test_a_damaged_state_changes_nothing",
    ),
    Fault(
        "nn/optim/groups.py",
        "if not math.isfinite(group[name]):",
        "if math.isnan(group[name]):",
        f"{BY_HAND}test_options_that_would_spoil_every_parameter",
    ),
]
