"""Faults planted in the losses of tapegrad.nn."""

from .fault import Fault

GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
LIKELIHOOD = "tests/nn/test_likelihood.py::"
LOSS = "tests/nn/test_loss.py::"
REGRESSION = "tests/nn/test_regression.py::"
VOCABULARY = "tests/nn/test_vocabulary.py::"

FAULTS = [
    Fault(
        "nn/functional/loss.py",
        "return np.where(counted, table[targets], 0), backward",
        "return table[targets], backward",
        f"{LOSS}test_an_ignore_index_among_the_classes",
    ),
    Fault(
        "nn/functional/loss.py",
        "shares, logits = (ag.where(counted[..., None], x, 0) for x in (shares, logits))",
        "shares = ag.where(counted[..., None], shares, 0)",
        f"{LOSS}test_a_row_that_is_ignored_may_hold_anything",
    ),
    Fault(
        "nn/functional/loss.py",
        'w = class_weights("cross_entropy", weight, x, x.shape[-1:])',
        "w = as_tensor(weight)",
        f"{LOSS}test_weights_do_not_widen",
    ),
    Fault(
        "nn/functional/_shares.py",
        "p[rows] * (total * g[rows])",
        "p[rows] * g[rows]",
        f"{GRADIENT} -k cross_entropy_of_shares",
    ),
    Fault(
        "nn/functional/_shares.py",
        "    _sum_again(sums, shares, log_p)\n    return",
        "    return",
        f"{LOSS}test_a_class_of_probability_0_may_have_no_chance",
    ),
    Fault(
        "nn/functional/regression.py",
        "        c = c * scale\n",
        "",
        f"{GRADIENT} -k rounded_error",
    ),
    Fault(
        "nn/functional/_losses.py",
        'return over_weights(losses.sum(), weight) if reduction == "mean" else',
        "return",
        f"{REGRESSION}test_weights",
    ),
    Fault(
        "nn/functional/likelihood.py",
        "np.maximum(yes, -100)",
        "yes",
        f"{LIKELIHOOD}test_logarithms_of_0_count_as_minus_100",
    ),
    Fault(
        "nn/functional/likelihood.py",
        "dt = (pos_weight - 1) * rest - x",
        "dt = pos_weight * rest - x",
        f"{GRADIENT} -k binary_cross_entropy_with_logits",
    ),
    Fault(
        "nn/functional/likelihood.py",
        " + np.maximum(-limit - x, 0)",
        "",
        f"{LIKELIHOOD}test_logits_of_any_size",
    ),
    Fault(
        "nn/functional/likelihood.py",
        "- np.where(none, 0, x)\n    x =",
        "- x\n    x =",
        f"{LIKELIHOOD}test_what_has_no_probability_counts_nothing_whatever_the_input",
    ),
    Fault(
        "nn/functional/vocabulary.py",
        "            d[here] -= g[rows]\n",
        "",
        f"{GRADIENT} -k linear_cross_entropy",
    ),
    Fault(
        "nn/functional/vocabulary.py",
        "x = ag.where(counted[:, None], x, 0)  # what is ignored may be inf or nan",
        "pass",
        f"{VOCABULARY}test_rows_that_are_ignored_may_hold_anything",
    ),
    Fault(
        "nn/modules/vocabulary.py",
        "best[rows] = ag.argmax(self.log_prob(x[rows]), 1).data",
        "best[rows] = self.shortlist_size",
        f"{VOCABULARY}test_the_probabilities_of_all_classes",
    ),
    Fault(
        "nn/parallel/comparison.py",
        "return self.weighs or self.calls",
        "return self.calls",
        "tests/nn/test_parallel_losses.py::test_weights_that_tell_shares_apart_are_noticed_at_any_step",
    ),
]
