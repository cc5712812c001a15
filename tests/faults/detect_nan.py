"""Faults planted where nan and inf are found."""

from .fault import Fault

TESTS = "tests/autograd/test_detect_nan.py"
MODE = "tests/autograd/test_detect_nan_mode.py::"


FAULTS = [
    Fault(
        "autograd/graph/detect.py",
        "            grads = node.backward(g) if run is None else run(node, g)",
        "            grads = node.backward(g)",
        f"{TESTS}::test_second_derivatives_name_the_op_whose_gradient_it_is",
    ),
    Fault(
        "autograd/graph/detect.py",
        'if kind == "nan" or edge is not None:',
        'if kind == "nan":',
        f"{TESTS}::test_nan_and_inf_in_a_parameter",
    ),
    Fault(
        "autograd/graph/detect.py",
        "for a in (*inputs, *_numbers(recipe))",
        "for a in (*_numbers(recipe),)",
        f"{TESTS}::test_masks_of_minus_inf_are_meant",
    ),
    Fault(
        "autograd/graph/detect.py",
        "        self.origins[node] = origin\n",
        "",
        f"{TESTS}::test_a_loss_that_is_inf_goes_no_further",
    ),
    Fault(
        "autograd/graph/detect.py",
        "        self.quiet.pop().__exit__(*exc)\n",
        "",
        f"{MODE}test_everything_is_as_before_afterwards",
    ),
    Fault(
        "autograd/graph/detect.py",
        "if isinstance(node.scope, modes.GradientScope):",
        "if False:",
        f"{TESTS}::test_second_derivatives_name_the_op_whose_gradient_it_is",
    ),
    Fault(
        "autograd/graph/finding.py",
        "tuple(i if n > 1 else 0 for",
        "tuple(i for",
        f"{TESTS}::test_an_argument_that_was_broadcast",
    ),
    Fault(
        "autograd/graph/finding.py",
        "    failed.scope = node.scope\n",
        "",
        f"{MODE}test_the_error_can_be_drawn",
    ),
    Fault(
        "autograd/engine.py",
        "again, watch = run is not None, current.get().watch",
        "again, watch = True, current.get().watch",
        f"{MODE}test_writes_between_are_noticed_all_the_same",
    ),
    Fault(
        "nn/parallel/worker.py",
        "nullcontext() if task.watch is None else task.watch.again()",
        "nullcontext()",
        f"{MODE}test_replicas_watch_their_shares -k threads",
    ),
]
