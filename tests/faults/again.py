"""Faults planted in what makes derivatives of derivatives, and Jacobians, cheap."""

from .fault import Fault

AGAIN = "tests/autograd/test_again.py::"
PIECES = "tests/autograd/test_pieces.py::"
SAMPLES = "tests/autograd/test_samples.py::"
RULES = f"{SAMPLES}test_a_rule_gives_what_the_whole_stack_gives"


def _of_samples(right: str, wrong: str, words: str) -> Fault:
    return Fault("autograd/samples.py", right, wrong, f"{RULES} -k {words}")


FAULTS = [
    Fault(
        "autograd/once.py",
        "WHOLE = SCALARS - {float}",
        "WHOLE = SCALARS",
        f"{AGAIN}test_a_number_computed_from_the_input_is_not_taken_for_a_constant",
    ),
    Fault(
        "autograd/once.py",
        "type(backward) is not FunctionType or backward.__defaults__ or backward.__kwdefaults__",
        "type(backward) is not FunctionType",
        f"{AGAIN}test_what_a_backward_saves_elsewhere_is_seen",
    ),
    Fault(
        "autograd/once.py",
        "if self.lasting and tuple(edges)",
        "if tuple(edges)",
        f"{AGAIN}test_the_whole_graph_may_be_freed_on_the_way",
    ),
    Fault(
        "autograd/once.py",
        "if node.order < versions.last_write and versions",
        "if False and versions",
        f"{AGAIN}test_a_result_that_was_written_to_is_computed_again",
    ),
    Fault(
        "autograd/once.py",
        "_alike(arrays, recipe.arrays) and _alike(rest, recipe.rest)",
        "_alike(rest, recipe.rest)",
        f"{AGAIN}test_an_op_within_its_own_body_is_another_call",
    ),
    Fault(
        "autograd/once.py",
        "    known.node = node\n",
        "",
        f"{AGAIN}test_results_are_those_of_the_forward_pass",
    ),
    Fault(
        "autograd/functions.py",
        "return self.given(value) if self.tensors else value.data.copy()",
        "return self.given(value)",
        f"{AGAIN}test_values_are_nobody_elses",
    ),
    Fault(
        "autograd/engine.py",
        "if type(d) is Pieces and type(parent.shape) is list:",
        "if False:",
        f"{PIECES}test_parts_and_wholes",
    ),
    Fault(
        "autograd/engine.py",
        "slots[1:] = whole, type(whole) is ndarray",
        "slots[1:] = slots[1], False",
        f"{PIECES}test_gradients_are_arrays_for_hooks_and_retained_ones",
    ),
    Fault(
        "autograd/pieces.py",
        "return self.whole() if crowded else self",
        "return self",
        f"{PIECES}test_no_more_is_kept_than_the_whole",
    ),
    Fault(
        "autograd/pieces.py",
        "        total = other.copy()\n",
        "        total = other\n",
        f"{PIECES}test_a_gradient_that_is_handed_on_is_not_added_to",
    ),
    Fault(
        "autograd/ops/index.py",
        "        whole[index] += value\n",
        "        whole[index] = value\n",
        f"{PIECES}test_parts_and_wholes",
    ),
    Fault(
        "autograd/samples.py",
        "        whole = np.moveaxis(whole, 1, self.axis + 2)\n",
        "        whole = np.moveaxis(whole, 1, 2)\n",
        f"{SAMPLES}test_the_whole_stack_has_zeros_beside_each_block",
    ),
    Fault(
        "autograd/samples.py",
        "        if not self.data.flags.writeable:\n",
        "        if True:\n",
        f"{SAMPLES}test_what_is_written_out_is_not_kept_where_it_may_change",
    ),
    Fault(
        "autograd/samples.py",
        "if not _is_plain(other) or (x is b and ufunc is np.true_divide):",
        "if not _is_plain(other):",
        f"{RULES} -k quotient",
    ),
    Fault(
        "autograd/samples.py",
        "x.axis + wider)\n\n\ndef _added",
        "x.axis)\n\n\ndef _added",
        f"{RULES} -k axes",
    ),
    Fault(
        "autograd/samples.py",
        "a.places != b.places",
        "False",
        f"{SAMPLES}test_blocks_in_other_places_are_not_added",
    ),
    Fault(
        "autograd/samples.py", "if x.axis != x.ndim - (1 if x is a else 2):", "if True:", f"{RULES} -k stack"
    ),
    _of_samples("sum(i < a.axis for i in axes)", "0", "sums"),
    _of_samples("front == before and length", "length", "reshape"),
    _of_samples("order.index(a.axis)", "a.axis", "transpose"),
    _of_samples(" or other != 0", "", "where"),
    Fault(
        "autograd/samples.py",
        "return after if p == slice(None) else None",
        "return after",
        f"{RULES} -k turned",
    ),
    Fault(
        "autograd/jacobians.py",
        "of_samples(y, run.inputs) or in_stacks(y, run.inputs)",
        "in_stacks(y, run.inputs)",
        f"{SAMPLES}test_the_zeros_of_other_samples_are_never_written_out",
    ),
    Fault(
        "autograd/jacobians.py",
        "    if any(node.hooks for node in engine.reachable([y.edge])):\n        return None\n",
        "",
        f"{SAMPLES}test_hooks_see_whole_gradients",
    ),
]
