"""Faults planted in distances, losses by margins, and connectionist temporal classification."""

from .fault import Fault

MARGIN = "tests/nn/test_margin_loss.py::"

FAULTS = [
    Fault(
        "nn/functional/margin_loss.py",
        "gaps = ag.where(np.arange(x.shape[-1]) == here, 0, gaps",
        "gaps = ag.where(np.arange(x.shape[-1]) == -1, 0, gaps",
        f"{MARGIN}test_numbers",
    ),
    Fault(
        "nn/functional/margin_loss.py",
        "counted = np.logical_and.accumulate(ids >= 0, axis=-1)",
        "counted = ids >= 0",
        f"{MARGIN}test_numbers",
    ),
    Fault(
        "nn/functional/distance.py",
        "return x + np.maximum(least - x.data, 0)",
        "return x + np.maximum(0 * x.data, 0)",
        f"{MARGIN}test_rows_that_are_equal_or_zero_have_finite_gradients",
    ),
    Fault(
        "nn/functional/alignment.py",
        "states[:, 2:] != states[:, :-2]",
        "states[:, 2:] != blank",
        f"{MARGIN}test_ctc_of_one_letter",
    ),
    Fault(
        "nn/functional/alignment.py",
        "min(abs(by), x.shape[1])",
        "abs(by)",
        "tests/nn/test_odd_input.py::test_ctc_of_empty_texts_alone_has_blanks_all_along",
    ),
    Fault(
        "nn/functional/alignment.py",
        "there & within,",
        "there,",
        "tests/nn/test_odd_input.py::test_ctc_does_not_see_nan_behind_the_end_of_time",
    ),
    Fault(
        "nn/functional/alignment.py",
        "~(total <= NEVER / 2)",
        "total > NEVER / 2",
        "tests/nn/test_odd_input.py::test_ctc_of_nan_is_nan_and_not_a_text_that_does_not_fit",
    ),
    Fault(
        "nn/parallel/replicas.py",
        "if module.follows():",
        "if not module.training:",
        "tests/nn/test_odd_input.py::test_replicas_refuse_running_statistics_of_a_share",
    ),
    Fault(
        "nn/functional/batchnorm.py",
        "    check_momentum(name, momentum)\n",
        "",
        "tests/nn/test_odd_input.py -k momentum",
    ),
    Fault(
        "nn/functional/alignment.py",
        "visits.append(np.exp(np.minimum(alpha[t] + behind - seen[t] - total, 0)))",
        "visits.append(np.exp(np.minimum(alpha[t] + behind - total, 0)))",
        "tests/autograd/test_op_gradients.py::test_gradient -k ctc",
    ),
]
