"""Faults planted where gradients are drawn."""

from .fault import Fault

TESTS = "tests/autograd/graph/test_graph_gradients.py::"

FAULTS = [
    Fault(
        "autograd/graph/calls.py",
        "None if other is None else ref(other)",
        "None if other is None else lambda: other",
        "tests/autograd/graph/test_graph_data.py::test_a_graph_is_no_cycle",
    ),
    Fault(
        "autograd/walks.py",
        "run = scopes.enter_context(GradientScopes()).around(run)",
        "pass",
        f"{TESTS}test_a_gradient_has_the_calls_of_what_it_is_the_gradient_of",
    ),
    Fault(
        "autograd/modes.py",
        "        scope.set(self._outer)\n",
        "        pass\n",
        f"{TESTS}test_scopes_are_left_and_freed",
    ),
    Fault(
        "autograd/modes.py",
        "{None: whole, self._outer: whole}",
        "{None: whole}",
        f"{TESTS}test_inside_a_module",
    ),
    Fault(
        "autograd/graph/calls.py",
        "home = _forward(call)",
        "home = call",
        f"{TESTS}test_parameters_stay_where_the_forward_pass_used_them",
    ),
    Fault(
        "autograd/graph/calls.py",
        'getattr(scope, "of", None) or scope.parent',
        "scope.parent",
        f"{TESTS}test_of_a_linear_model_nothing_but_the_gradient_is_left",
    ),
    Fault(
        "autograd/graph/calls.py",
        "call.of.gradient + 1, call.of.kind",
        "call.gradient, call.of.kind",
        f"{TESTS}test_higher_orders",
    ),
    Fault(
        "autograd/graph/fold.py",
        "repeated = call.of in fold.hidden or call.of in fold.runs",
        "repeated = False",
        f"{TESTS}test_gradients_of_repeated_calls_are_folded",
    ),
    Fault(
        "autograd/graph/view.py",
        "return not node.call.gradient and all(",
        "return all(",
        f"{TESTS}test_no_constant_of_a_gradient_is_an_input",
    ),
    Fault(
        "autograd/graph/memory.py",
        "call.parent is not None and not call.gradient",
        "call.parent is not None",
        f"{TESTS}test_checkpoints_are_of_forward_passes",
    ),
]
