"""Faults planted where functions meet one number, nothing at all, booleans or None."""

from .fault import Fault

CORNERS = "tests/autograd/test_corners.py::"

FAULTS = [
    Fault(
        "autograd/ops/extrema.py",
        "hit = np.where(top == top, hit, (x != x) & where)\n            count = np.maximum(hit, 1)",
        "pass",
        f"{CORNERS}test_of_one_number_the_initial_one_may_win_or_share",
    ),
    Fault(
        "autograd/ops/index.py",
        'if as_array(indices).dtype.kind not in "iu":',
        "if False:",
        f"{CORNERS}test_indices_of_take_are_cast_once",
    ),
    Fault(
        "autograd/linalg/norms.py",
        "initial=None if x.shape[axis] else 0",
        "initial=None",
        f"{CORNERS}test_the_largest_of_nothing_is_a_norm_of_0",
    ),
    Fault(
        "autograd/ops/padding.py",
        "        return array.copy()",
        "        return array",
        f"{CORNERS}test_what_is_padded_by_nothing_is_another_array",
    ),
    Fault(
        "autograd/ops/difference.py",
        'value if a.dtype.kind == "f" else as_array(value).dtype',
        "value",
        f"{CORNERS}test_whole_numbers_are_joined_as_numpy_joins_them",
    ),
    Fault(
        "autograd/ops/quantile.py",
        "y = y + (q.reshape(-1) * 0).astype(y.dtype)",
        "pass",
        f"{CORNERS}test_steps_have_no_slope_for_q",
    ),
    Fault(
        "autograd/ops/polynomial.py",
        "outer = tuple(range(g.ndim - inner))",
        "outer = None",
        f"{CORNERS}test_coefficients_may_be_arrays",
    ),
]
