"""Faults planted in tapegrad.autograd."""

from .fault import Fault

BACKWARD = "tests/autograd/test_backward.py::"
CONTRACT = "tests/autograd/test_op_contract.py::"
GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
KINKS = "tests/autograd/test_op_rules.py::test_gradient_at_kinks_ties_and_limits"
BAD_INPUT = "tests/autograd/test_op_rules.py::test_bad_input_is_named"
MODES = "tests/autograd/test_hooks_and_modes.py::"
PROGRAM = "tests/autograd/replay/test_program.py::"
REFERENCE = "tests/autograd/test_op_values.py::test_equals_the_reference"
SAVES = CONTRACT + "test_saves_what_the_case_says"
WRITES = "tests/autograd/test_version_check.py::"
COST = "tests/autograd/graph/test_flops.py::test_cost_of_every_element"
PLACES = "\n    x: ArrayLike,\n    axis: Axes = None,\n"
PLACES += "    dtype: DTypeLike | None = None,\n    out: None = None,\n"

OF_OPS = "tests/autograd/test_composed.py::"

OPS = [
    Fault("autograd/ops/arithmetic.py", "-da * ratio", "da * ratio", f"{GRADIENT} -k divide"),
    Fault("autograd/ops/arithmetic.py", "b * 1 - (b != 0)", "b - 1", KINKS),
    Fault("autograd/ops/exponential.py", "g / (x + 1)", "g * 1.001 / (x + 1)", f"{GRADIENT} -k log1p"),
    Fault("autograd/ops/exponential.py", 'log(1 + x), accurate near 0.", flops=4', 'log(1 + x)."', COST),
    Fault("autograd/ops/trigonometric.py", "-np.sin(x)", "np.sin(x)", f"{GRADIENT} -k cos"),
    Fault("autograd/ops/extrema.py", "(g.reshape(small) / count)", "g.reshape(small)", KINKS),
    Fault(
        "autograd/ops/variance.py",
        f"def var({PLACES}    ddof: float = 0",
        f"def var({PLACES}    ddof: float = 1",
        f"{REFERENCE} -k var",
    ),
    Fault(
        "autograd/ops/index.py",
        "if may_repeat(index):\n            return",
        "if False:\n            return",
        f"{GRADIENT} -k getitem",
    ),
    Fault(
        "autograd/ops/index.py",
        "if may_repeat(index):\n            dv",
        "if False:\n            dv",
        f"{GRADIENT} -k index_put",
    ),
    Fault(
        "autograd/ops/scatter.py",
        "add_at(y, index, value)",
        "y[index] += value",
        f"{REFERENCE} -k index_add",
    ),
    Fault(
        "autograd/ops/contraction.py",
        "return 2 * math.prod(outputs[0]) * inner",
        "return math.prod(outputs[0]) * inner",
        "tests/autograd/graph/test_flops.py::test_cost_of_products_with_vectors_and_stacks",
    ),
    Fault(
        "autograd/ops/einsum.py",
        "kept = [x if count > need else None",
        "kept = [x",
        f"{SAVES} -k einsum",
    ),
    Fault(
        "autograd/special/softmax.py",
        "            dx[block] *= y[block]",
        "            y[block] *= dx[block]\n            dx = y",
        f"{CONTRACT}test_inputs_outputs_and_seed_are_not_written_to -k softmax",
    ),
    Fault(
        "autograd/kernels.py",
        "x.sum(axis=-1)  # for",
        "pass  # for",
        "tests/autograd/test_op_warnings.py::test_sums_of_rows_warn_as_those_of_numpy",
    ),
    Fault(
        "autograd/constant.py",
        "if not lossless and",
        "if False and",
        "tests/autograd/test_protocols.py::test_what_is_not_supported_raises",
    ),
]

RECORD = [
    Fault("autograd/op.py", "tuple([wanted and edge is not None for edge in edges])", "all_needed", SAVES),
    Fault(
        "autograd/elementwise.py",
        'x, y = x if "x" in needed else None, out if "y" in needed else None',
        "y = out",
        SAVES,
    ),
    Fault(
        "autograd/op.py",
        "recipe if mode.recipes else None",
        "recipe",
        "tests/autograd/graph/test_graph_colors.py::test_a_profile_keeps_no_recipes_but_those_of_higher_order",
    ),
    Fault(
        "autograd/binding.py",
        '__r{facts.operator}__", swapped',
        '__r{facts.operator}__", forward',
        f"{CONTRACT}test_operators_and_methods_are_the_free_functions",
    ),
    Fault(
        "autograd/engine.py",
        "owned = d is not g and",
        "owned =",
        f"{BACKWARD}test_a_gradient_that_two_parents_share_is_not_added_into",
    ),
    Fault(
        "autograd/engine.py",
        "return g if g.dtype == dtype else g.astype(dtype)",
        "return g",
        f"{BACKWARD}test_each_gradient_has_its_inputs_dtype",
    ),
    Fault(
        "autograd/engine.py",
        "slots[2 * i + 2] = False  # the hook",
        "pass  # the hook",
        f"{MODES}test_a_hook_gets_a_read_only_array_and_may_return_it",
    ),
    Fault(
        "autograd/versions.py",
        "_written.pop(key, None)",
        "pass",
        f"{WRITES}test_notes_of_writes_go_with_their_arrays",
    ),
    Fault(
        "autograd/inplace.py",
        "versions.mark_region(part if np.may_share_memory(part, target.data) else target.data)",
        "pass",
        f"{WRITES}test_backward_refuses_data_that_changed",
    ),
    Fault(
        "autograd/arrays.py",
        "else value.astype(dtype)",
        "else value",
        "tests/autograd/test_tensor.py::test_data_is_not_copied",
    ),
    Fault(
        "autograd/arguments.py",
        "[number(name, a) if isinstance(a, np.generic) else a for a in arrays] if numpys else arrays",
        "arrays",
        "tests/autograd/test_protocols.py::test_scalars_and_integers_do_not_widen_float32",
    ),
    Fault(
        "autograd/modes.py",
        "current.set(self.outer.pop())",
        "exc[0] or current.set(self.outer.pop())",
        f"{MODES}test_a_mode_ends_with_an_exception",
    ),
    Fault(
        "autograd/modes.py",
        "return Switch(**self.changes)",
        "return self",
        f"{MODES}test_a_decorated_function_runs_in_two_threads_at_once",
    ),
    Fault(
        "autograd/dialect.py",
        ', "keepdim": "keepdims"',
        "",
        "tests/autograd/test_dialect.py::test_keywords_of_pytorch_are_told_numpys",
    ),
    Fault(
        "autograd/walks.py",
        "wrap(g.copy(), None)",
        "wrap(g, None)",
        f"{BACKWARD}test_results_of_grad_share_memory_with_nothing",
    ),
    Fault(
        "autograd/gradcheck.py",
        "abs(found - expected) <=",
        "found - expected <=",
        "tests/autograd/test_gradcheck.py::test_gradcheck_accepts_a_right_gradient_and_not_one_off_by_a_thousandth",
    ),
    Fault(
        "autograd/replay/trace.py",
        "made._owner = owner",
        "pass",
        f"{PROGRAM}test_every_op_is_replayed -k attention",
    ),
    Fault(
        "autograd/replay/program.py",
        "out = self._out.copy()",
        "out = self._out",
        "tests/nn/test_replay.py::test_results_are_the_callers_own",
    ),
    Fault(
        "autograd/graph/profile.py",
        "_look_at(out[0] if isinstance(out, (tuple, list)) else out, measured)",
        "pass",
        "tests/autograd/graph/test_graph_colors.py::test_a_profile_sees_values",
    ),
]

INPLACE = "tests/autograd/test_inplace.py::"
IDENTITY = "tests/autograd/test_identity.py::"
WRITING = [
    Fault(
        "autograd/tensor.py",
        "known = self._leaf\n        if known is None",
        "known = None\n        if known is None",
        f"{IDENTITY}test_freezing_and_thawing_keeps_the_gradient",
    ),
    Fault(
        "autograd/tensor.py",
        "            self.data = self.data.copy()\n",
        "            pass\n",
        f"{IDENTITY}test_a_leaf_owns_its_memory",
    ),
    Fault(
        "autograd/tensor.py",
        "if self.edge is not None and current.get().grad:",
        "if False:",
        f"{INPLACE}test_a_value_that_carries_a_gradient_does_not_turn_into_a_number",
    ),
    Fault(
        "autograd/inplace.py",
        "        set_item(source, index, target)\n",
        "        pass\n",
        f"{INPLACE}test_rows_are_added_to_in_a_loop",
    ),
    Fault(
        "autograd/inplace.py",
        "    if index is OTHER:",
        "    if False:",
        f"{INPLACE}test_a_change_with_a_graph_that_cannot_be_handed_on_is_refused",
    ),
    Fault(
        "autograd/protocols.py",
        "if current.get().grad and any(x.edge is not None for x in given):",
        "if False:",
        "tests/autograd/test_messages.py::test_a_function_without_a_gradient_here_says_so_and_names_three",
    ),
    Fault(
        "nn/optim/flat.py",
        'return {**vars(self), "_views": [None] * len(self.params)}',
        "return {**vars(self)}",
        f"{IDENTITY}test_a_model_and_its_optimizer_stay_together",
    ),
]

EDGES = "tests/autograd/test_edges.py"
NUMBERS = [  # half precision, accuracy, edges and arguments
    Fault(
        "autograd/engine.py",
        "wide = np.float32 if g.dtype is HALF else None",
        "wide = None",
        "tests/autograd/test_half_precision.py",
    ),
    Fault(
        "autograd/ops/variance.py",
        "root = np.sqrt(np.where(v == 0, np.inf, v))",
        "root = np.where(v == 0, np.inf, np.sqrt(v))",
        "tests/autograd/test_accuracy.py",
    ),
    Fault(
        "autograd/ops/variance.py",
        "math.sqrt(count) / 16",
        "math.sqrt(count) / 1e9",
        "tests/autograd/test_accuracy.py",
    ),
    Fault(
        "autograd/ops/extrema.py",
        "return g * ~(a < b), g * ~(a > b)",
        "return g * (a >= b), g * (a <= b)",
        EDGES,
    ),
    Fault(
        "autograd/arguments.py",
        "weak = any(isinstance(a, np.generic) for a in numbers)",
        "weak = False",
        EDGES,
    ),
    Fault("autograd/ops/padding.py", "[:: -1 if side else 1]", "[::1]", "tests/autograd/test_arguments.py"),
    Fault(
        "autograd/arguments.py",
        "for kind in type(error).__mro__:",
        "for kind in type(error).__mro__[-4:]:",
        "tests/autograd/test_op_errors.py",
    ),
    Fault(
        "autograd/replay/trace.py",
        "self._owner = parent  #",
        "pass  #",
        f"{PROGRAM}test_memory_is_in_use_as_long_as_a_view",
    ),
    Fault(
        "autograd/protocols.py",
        "versions.mark_region(target.data)",
        "pass",
        f"{INPLACE}test_what_numpys_functions_write_is_noticed_by_backward",
    ),
]

COMPOSED = [
    Fault(
        "autograd/ops/counting.py",
        "counts.astype(weights.dtype)",
        "counts",
        f"{OF_OPS}test_equals_the_reference -k histogram",
    ),
    Fault(
        "autograd/ops/parts.py",
        "@opaque\ndef _put_exponents",
        "def _put_exponents",
        f"{OF_OPS}test_replayed -k frexp",
    ),
    Fault(
        "autograd/ops/sort.py",
        "order[..., ::-1] if largest else order",
        "order",
        f"{OF_OPS}test_equals_the_reference -k topk",
    ),
]

FAULTS = OPS + RECORD + WRITING + NUMBERS + COMPOSED
