"""Faults planted in derivatives of derivatives, in their check, and in what an op of a solver says."""

from .fault import Fault

ORDERS = "tests/autograd/test_orders.py::"
SOLVERS = "tests/autograd/test_own_ops_of_solvers.py::"
CHECK = "tests/autograd/test_gradcheck.py::"

FAULTS = [
    Fault(  # a view, which the second round of deviations writes through
        "autograd/ops/variance.py",
        "x, x).reshape(small) + 0",
        "x, x).reshape(small)",
        f"{ORDERS}test_a_gradient_that_is_recorded_equals_the_ordinary_one -k means",
    ),
    Fault(  # a plain form that is a little off
        "nn/functional/batchnorm.py",
        "rest = xhat.sum(axis=(0, 2)) * share  # of a large mean",
        "rest = 1e-9 + xhat.sum(axis=(0, 2)) * share  # of a large mean",
        f"{ORDERS}test_a_gradient_that_is_recorded_equals_the_ordinary_one -k ties",
    ),
    Fault(
        "autograd/gradcheck.py",
        "*self.inputs[:i], x, *self.inputs[i + 1 :]",
        "*self.inputs[:i], x * 1.001, *self.inputs[i + 1 :]",
        f"{CHECK}test_gradcheck_goes_forward_in_any_order",
    ),
    Fault(  # the weighted sum alone
        "autograd/gradcheck.py",
        "if off.any():",
        "if off.all():",
        f"{CHECK}test_gradcheck_forward_finds_what_is_off_and_where",
    ),
    Fault(
        "autograd/gradcheck.py",
        "for _ in range(order - 1):",
        "for _ in range(min(order, 2) - 1):",
        f"{CHECK}test_gradcheck_says_which_order_is_off",
    ),
    Fault(
        "autograd/gradcheck.py",
        "for each in modes:",
        "for each in modes[:1]:",
        f"{CHECK}test_gradcheck_asks_each_mode",
    ),
    Fault(
        "autograd/once.py",
        "if node.op.facts.once:",
        "if False:",
        f"{SOLVERS}test_what_is_differentiated_once_does_not_stand_in_the_way_of_the_rest",
    ),
    Fault(
        "autograd/once.py",
        "except np.linalg.LinAlgError:",
        "except ZeroDivisionError:",
        f"{SOLVERS}test_the_error_of_a_body_that_takes_no_tensors_keeps_its_class_and_its_cause",
    ),
    Fault(  # advice that would cut the graph
        "autograd/once.py",
        '.partition(";")[0]',
        "",
        f"{SOLVERS}test_a_second_derivative_of_a_solver_says_why_there_is_none",
    ),
]
