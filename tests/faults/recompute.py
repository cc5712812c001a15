"""Faults planted in computing again."""

from .fault import Fault

ALONE, MODULES = "tests/autograd/test_recompute.py::", "tests/nn/test_recompute_modules.py::"
SECOND = "tests/autograd/test_recompute_second_run.py::"
REFUSED = "tests/autograd/test_recompute_refused.py::"
STATE = f"{MODULES}test_dropout_running_statistics_and_power_iterations"

FAULTS = [
    Fault(
        "autograd/recompute.py",
        "                source.restore(state)\n            with",
        "                pass\n            with",
        STATE,
    ),
    Fault(
        "autograd/recompute.py",
        "        finally:\n            for (source, _), state in zip(self.states, now",
        "        finally:\n            for (source, _), state in zip([], [] and now",
        f"{SECOND}test_random_numbers_of_numpy_and_python",
    ),
    Fault(
        "autograd/sources.py",
        "return type(state) is ndarray and",
        "return",
        f"{MODULES}test_replay_of_a_gpt",
    ),
    Fault(
        "autograd/recompute.py",
        "        second = Run(Repeating(self.found))",
        "        second = Run(None)",
        STATE,
    ),
    Fault("autograd/recompute.py", "return next(self.left, array)", "return array", STATE),
    Fault(
        "autograd/recompute.py",
        "self.context.copy().run(self._run, mode)",
        "copy_context().run(self._run, mode)",
        f"{SECOND}test_context_variables_and_errstate",
    ),
    Fault(
        "autograd/recompute.py",
        "mode = current.get().but(grad=True, recipes=recipes)",
        "mode = current.get().but(recipes=recipes)",
        f"{SECOND}test_backward_under_no_grad",
    ),
    Fault(
        "autograd/recompute.py",
        "mode = current.get().but(grad=True, recipes=recipes)",
        "mode = current.get().but(grad=True, recipes=False)",
        f"{ALONE}test_second_derivatives",
    ),
    Fault(
        "autograd/engine.py",
        "_add_leading_to(useful, reachable(grads.edges, node.order))",
        "pass",
        f"{ALONE}test_grad_of_inputs_only_goes_where_they_are",
    ),
    Fault(
        "autograd/recompute.py",
        "return known.setdefault(id(value), wrap(value.data, value.edge, value.__class__))",
        "return value",
        f"{ALONE}test_arguments_may_change_afterwards",
    ),
    Fault(
        "autograd/recompute.py",
        "first.edges |= dict",
        "dict",
        f"{REFUSED}test_a_leaf_made_inside",
    ),
    Fault(
        "autograd/recompute.py",
        "known.setdefault(id(value), wrap(",
        "known.setdefault(len(known), wrap(",
        f"{MODULES}test_self_attention_is_seen_as_such",
    ),
    Fault(
        "autograd/recompute.py",
        "if edge is not None and edge[0].order < self.start:",
        "if edge is not None:",
        f"{ALONE}test_nested",
    ),
    Fault(
        "autograd/recompute.py",
        "        if source is None:\n            view._origin = None",
        "        if source is None:\n            pass",
        f"{ALONE}test_a_view_of_what_is_inside_does_not_keep_it",
    ),
    Fault(
        "autograd/recompute.py",
        "return again(g, inputs)",
        "return again(g, None)",
        f"{REFUSED}test_what_it_reads_is_written_to_in_between",
    ),
    Fault(
        "autograd/recompute.py",
        "            if not _is_close(sample, _sample(found[place].data)):",
        "            if False:",
        f"{REFUSED}test_a_counter",
    ),
    Fault(
        "nn/computed.py",
        "mode.recipes, mode.observers",
        "mode.recipes",
        f"{MODULES}test_a_weight_computed_inside_and_outside",
    ),
]
