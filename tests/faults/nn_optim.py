"""Faults planted in the optimizers whose rule is elementwise, and in what they share."""

from .fault import Fault

RULE = "tests/nn/test_optim.py::test_update_follows_its_formula"
STATE = "tests/nn/test_optim_state.py::"
KINDS = "tests/nn/test_optim_kinds.py::"

FAULTS = [
    Fault("nn/optim/adamax.py", " / (1 - beta1**t)\n        p -= s", "\n        p -= s", f"{RULE} -k Adamax"),
    Fault("nn/optim/radam.py", "if n > 5", "if n > 4", f"{RULE} -k RAdam"),
    Fault("nn/optim/rmsprop.py", "alpha: float = 0.99", "alpha: float = 0.9", f"{RULE} -k RMSprop"),
    Fault("nn/optim/adagrad.py", "(1 + (t - 1) * group", "(1 + t * group", f"{RULE} -k Adagrad"),
    Fault("nn/optim/adadelta.py", "        d *= g\n", "", f"{RULE} -k Adadelta"),
    Fault(
        "nn/optim/optimizer.py",
        'return bool(group.get("decoupled_weight_decay"))',
        "return False",
        f"{RULE} -k NAdam",
    ),
    Fault(
        "nn/optim/averages.py",
        "        scratch *= beta\n",
        "        scratch *= 1 - beta\n",
        f"{RULE} -k NAdam",
    ),
    Fault(
        "nn/optim/asgd.py",
        "p, 1 - mu, s",
        "p, mu, s",
        f"{KINDS}test_the_average_of_asgd",
    ),
    Fault(
        "nn/optim/rprop.py",
        "np.multiply(g, mask, out=h)",
        "h[...] = g",
        f"{KINDS}test_steps_of_rprop_grow_shrink_and_stay",
    ),
    Fault(
        "nn/optim/lion.py",
        "    def decoupled(self, group: Mapping[str, Any]) -> bool:\n        return True\n",
        "",
        f"{RULE} -k Lion",
    ),
    Fault(
        "nn/optim/rmsprop.py",
        '"grad_avg": group["centered"]',
        '"grad_avg": False',
        f"{STATE}test_state_continues_bit_for_bit -k centered",
    ),
    Fault(
        "nn/optim/optimizer.py",
        "                self.advance(group, flat.steps[chosen], numbers)\n",
        "",
        f"{KINDS}test_numbers_go_on_for_the_parameters_that_were_updated",
    ),
    Fault(
        "nn/optim/flat.py",
        "if self.filled or self.steps.any()",
        "if self.steps.any()",
        f"{KINDS}test_replicas_begin_with_what_adagrad_begins_with",
    ),
    Fault(
        "nn/optim/state.py",
        "entry.get(name, initial.get(name, 0))",
        "entry.get(name, 0)",
        f"{KINDS}test_adagrad_has_a_state_from_the_beginning",
    ),
    Fault(
        "nn/optim/steps.py",
        'with np.errstate(all="ignore"):  # inf and nan',
        "with np.errstate():  # inf and nan",
        f"{KINDS}test_squares_that_overflow_make_no_noise",
    ),
]
