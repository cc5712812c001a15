"""Faults planted in the optimizers that see whole parameters, and in what is saved of them."""

from .fault import Fault

CLOSURE = "tests/nn/test_lbfgs_closure.py::"
LBFGS = "tests/nn/test_lbfgs.py::"
WHOLE = "tests/nn/test_optim_whole.py::"

FAULTS = [
    Fault(
        "nn/optim/adafactor.py",
        'max(group["eps"][1], _rms(p))',
        "_rms(p)",
        f"{WHOLE}test_update_follows_its_formula -k eps-d-foreach",
    ),
    Fault(
        "nn/optim/adafactor.py",
        "np.minimum(exact, np.finfo(average.dtype).max) if narrow else exact",
        "exact",
        f"{WHOLE}test_float16_is_computed_in_float32 -k Adafactor",
    ),
    Fault(
        "nn/optim/adafactor.py",
        "eps * eps, out=u",
        "eps, out=u",
        f"{WHOLE}test_update_follows_its_formula -k eps-d-foreach",
    ),
    Fault(
        "nn/optim/muon.py",
        "math.sqrt(max(1, m / n))",
        "math.sqrt(max(1, n / m))",
        f"{WHOLE}test_update_follows_its_formula -k Muon",
    ),
    Fault(
        "nn/optim/muon.py",
        "x.shape[0] > short else (x, False)",
        "x.shape[0] < short else (x, False)",
        f"{WHOLE}test_a_step_of_muon_is_nearly_orthogonal",
    ),
    Fault(
        "nn/optim/curvature.py",
        "len(old) + 1 - most",
        "len(old) - most",
        f"{LBFGS}test_directions_are_those_of_the_inverse_hessian_written_out",
    ),
    Fault(
        "nn/optim/curvature.py",
        "changes[i + 1] if i + 1 < found",
        "changes[i] if i + 1 < found",
        f"{LBFGS}test_directions_are_those_of_the_inverse_hessian_written_out",
    ),
    Fault(
        "nn/optim/line_search.py",
        "abs(point.slope) <= -CURVATURE * start.slope:\n            return [point, point]",
        "abs(point.slope) <= -2 * CURVATURE * start.slope:\n            return [point, point]",
        f"{LBFGS}test_the_search_ends_where_the_wolfe_conditions_hold",
    ),
    Fault(
        "nn/optim/line_search.py",
        "if math.isnan(t) else",
        "if t is None else",
        f"{CLOSURE}test_a_search_comes_back_from_where_the_loss_is_infinite",
    ),
    Fault(
        "nn/optim/lbfgs.py",
        "            vector.move(before)\n",
        "            pass\n",
        f"{CLOSURE}test_a_closure_that_raises_leaves_parameters_and_state_as_they_were",
    ),
    Fault(
        "nn/optim/lbfgs.py",
        "copy.deepcopy(entry)",
        "{}",
        f"{LBFGS}test_a_run_resumed_from_a_file_a_state_or_a_copy_goes_on",
    ),
    Fault(
        "nn/optim/vector.py",
        "versions.mark_written(*[p.data for p in self.params])",
        "pass",
        f"{CLOSURE}test_a_graph_from_before_a_step_is_noticed",
    ),
    Fault(
        "nn/saving.py",
        "if value is None or isinstance(value, (int, float, str, np.generic)):",
        "if isinstance(value, (int, float, str, np.generic)):",
        f"{LBFGS}test_a_run_resumed_from_a_file_a_state_or_a_copy_goes_on",
    ),
]
