"""Faults planted in functions that differentiate functions."""

from .fault import Fault

DERIVATIVES = "tests/autograd/test_derivatives.py::"
REFUSED = "tests/autograd/test_derivatives_refused.py::"
NESTED = "tests/nn/test_functions_nested.py::"
SOLVERS = "tests/autograd/test_own_ops_of_solvers.py::"
STACKED = "tests/autograd/test_stacked.py::"
MODULES = "tests/nn/test_functions.py::"
ORDERS = "tests/autograd/test_derivatives_orders.py::"
SOLVERS = "tests/autograd/test_own_ops_of_solvers.py::"
SCIPY = "tests/autograd/test_derivatives_scipy.py::"


FAULTS = [
    Fault(
        "autograd/once.py",
        "token = rerunning.set(True)",
        "token = rerunning.set(False)",
        f"{SOLVERS}test_a_body_that_reads_numbers_of_its_input_loses_no_derivative_in_silence",
    ),
    Fault(
        "autograd/once.py",
        "        rerunning.reset(token)",
        "        pass",
        f"{SOLVERS}test_a_body_that_reads_numbers_of_its_input_loses_no_derivative_in_silence",
    ),
    Fault(
        "autograd/tensor.py",
        "if self.edge is not None and rerunning.get():",
        "if rerunning.get():",
        f"{SOLVERS}test_numbers_that_are_read_beside_a_body",
    ),
    Fault(
        "autograd/arrays.py",
        "            token = rerunning.set(False)",
        "            token = rerunning.set(rerunning.get())",
        f"{SOLVERS}test_numbers_that_are_read_beside_a_body",
    ),
    Fault(
        "autograd/jacobians.py",
        "columns < rows and _twice(run)",
        "columns < rows",
        f"{SOLVERS}test_a_jacobian_through_what_is_differentiated_once_goes_in_reverse",
    ),
    Fault(
        "autograd/functions.py",
        """            return i
        try:""",
        """            return len(args)
        try:""",
        f"{DERIVATIVES}test_arguments_by_name",
    ),
    Fault(
        "autograd/functions.py",
        "if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]",
        "if p]",
        f"{REFUSED}test_arguments_that_are_not_there",
    ),
    Fault(
        "autograd/functions.py",
        'if array.dtype.kind in "iu" and',
        "if False and",
        f"{SCIPY}test_minimizers_with_products",
    ),
    Fault(
        "autograd/functions.py",
        'if array.dtype.kind in "iu" and',
        'if array.dtype.kind in "iub" and',
        f"{REFUSED}test_tangents_that_do_not_fit",
    ),
    Fault(
        "autograd/jacobians.py",
        "jacobian(f, argnums, has_aux, mode=",
        "jacobian(f, argnums, mode=",
        f"{DERIVATIVES}test_auxiliary_results",
    ),
    Fault(
        "autograd/jacobians.py",
        "return (found, run.given_aux()) if has_aux else found",
        "return (found, run.aux) if has_aux else found",
        f"{DERIVATIVES}test_auxiliary_results",
    ),
    Fault(
        "autograd/functions.py",
        "        return argument(x)\n",
        "        return x\n",
        f"{ORDERS}test_perturbations_are_not_confused",
    ),
    Fault(
        "autograd/functions.py",
        "recipes = higher or (outer.grad and (tensors or nested))",
        "recipes = True",
        f"{DERIVATIVES}test_a_first_gradient_of_arrays_keeps_no_recipes",
    ),
    Fault(
        "autograd/functions.py",
        "(tensors or nested) and self._reaches_older",
        "tensors and self._reaches_older",
        f"{ORDERS}test_perturbations_are_not_confused",
    ),
    Fault(
        "autograd/functions.py",
        "(every or n.op is argument)",
        "every",
        f"{ORDERS}test_perturbations_are_not_confused",
    ),
    Fault(
        "autograd/functions.py",
        "    if copied and not isinstance(x, Tensor):\n        data = data.copy()\n",
        "",
        f"{DERIVATIVES}test_a_vjp_is_not_changed_by_what_is_written_to_its_argument",
    ),
    Fault(
        "autograd/functions.py",
        "        node.grads = UNKEPT\n",
        "        pass\n",
        f"{REFUSED}test_tensors_that_leave_the_function_have_no_gradient_to_give",
    ),
    Fault(
        "autograd/functions.py",
        "    finally:\n        running.pop()",
        "    finally:\n        pass",
        f"{REFUSED}test_the_mode_is_as_before_after_an_error",
    ),
    Fault(
        "autograd/walks.py",
        "run=recorder, retain_graph=True",
        "run=recorder",
        f"{ORDERS}test_hessians",
    ),
    Fault(
        "autograd/forward.py",
        "return walked(rows, self.seeds, given, self.recorder, retain_graph)",
        "return walked(rows, self.seeds, given, None, retain_graph)",
        f"{ORDERS}test_three_orders_by_every_way",
    ),
    Fault(
        "autograd/jacobians.py",
        "columns < rows",
        "columns > rows",
        f"{ORDERS}test_auto_walks_the_fewer_times",
    ),
    Fault(
        "autograd/jacobians.py",
        "moveaxis(c, 0, -1).reshape",
        "c.reshape",
        f"{ORDERS}test_jacobians",
    ),
    Fault(
        "autograd/trees.py",
        "yield from _leaves_as(item, items[key], _step(path, tree, key))",
        "yield from _leaves_as(item, [*items.values()][form.keys.index(key)], path)",
        f"{ORDERS}test_the_order_of_the_keys_of_a_dict_does_not_matter",
    ),
    Fault(
        "nn/functions.py",
        "        for own, name, value in reversed(before):\n            own[name] = value\n",
        "        pass\n",
        MODULES + "test_an_error_leaves_the_module_as_it_was",
    ),
    Fault(
        "nn/functions.py",
        "        with afresh():\n            yield",
        "        yield",
        MODULES + "test_weights_that_are_computed_are_computed_from_what_is_given",
    ),
    Fault(
        "nn/functions.py",
        "groups = _shared(slots) if tied else {}",
        "groups = {}",
        MODULES + "test_shared_parameters_are_replaced_under_all_names",
    ),
    Fault(
        "autograd/stacked.py",
        "return len(parts) < 2 or all(type(i) is int for i in parts)",
        "return True",
        STACKED + "test_indices_mean_the_same_behind_an_axis",
    ),
    Fault(
        "autograd/stacked.py",
        "            if self.data.base is not None:",
        "            if False:",
        STACKED + "test_a_view_is_not_written_to_behind_its_back",
    ),
    Fault(
        "autograd/jacobians.py",
        "np.eye(n, y.size, start, y.dtype)",
        "np.eye(n, y.size, 0, y.dtype)",
        STACKED + "test_in_parts_and_in_both_modes",
    ),
    Fault(
        "autograd/functions.py",
        "        trees.mapped(lambda t: edges.append(t.edge), self.aux)\n",
        "",
        f"{ORDERS}test_an_auxiliary_result_keeps_what_it_depends_on",
    ),
    Fault(
        "autograd/functions.py",
        "        nested = bool(running)\n",
        "        import threading as t\n"
        "        nested = bool(running) and t.current_thread() is t.main_thread()\n",
        f"{ORDERS}test_a_function_may_compute_in_threads_of_its_own",
    ),
    Fault(
        "autograd/entered.py",
        "    token = entered.set((*entered.get(), enter))",
        "    token = entered.set(())",
        f"{NESTED}test_a_checkpoint_computes_again_with_what_was_in_place",
    ),
    Fault(
        "nn/functions.py",
        "wrap(tensor.data, tensor.edge, Parameter)",
        "tensor",
        f"{NESTED}test_a_module_lists_the_parameters_that_are_in_place",
    ),
    Fault(
        "nn/functions.py",
        "p.data if p.is_leaf else p for",
        "p.data for",
        f"{NESTED}test_value_and_grad_inside_of_itself_gives_second_derivatives",
    ),
    Fault(
        "nn/functions.py",
        "    if id(value) not in made:\n",
        "    if True:\n",
        f"{NESTED}test_a_shared_parameter_is_listed_once_inside",
    ),
    Fault(
        "autograd/graph/detect.py",
        "        self.changes = {}  # which know this detector: a cycle\n",
        "",
        "tests/autograd/test_detect_nan_mode.py::test_everything_is_as_before_afterwards",
    ),
    Fault(
        "nn/functions.py",
        '    _check_known("functional_call", path, own[name])\n',
        "",
        f"{NESTED}test_a_lazy_module_is_called_before",
    ),
]
