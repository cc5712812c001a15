"""Faults planted in decompositions, inverses and determinants."""

from .fault import Fault

GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
REFERENCE = "tests/autograd/test_op_values.py::test_equals_the_reference"
DECOMPOSED = "tests/autograd/test_linalg_decompositions.py::"
EQUALS = "tests/autograd/test_linalg_gradients.py::"
FAULTS = [
    Fault("autograd/linalg/solving.py", "-(y.mT @ g @ y.mT)", "-(y.mT @ g @ y)", f"{GRADIENT} -k inv"),
    Fault(
        "autograd/linalg/decompositions.py",
        "np.eye(n, dtype=g.dtype, like=g) * 0.5",
        "np.eye(n, dtype=g.dtype, like=g) * 0.501",
        f"{GRADIENT} -k cholesky",
    ),
    Fault(
        "autograd/linalg/spectra.py",
        "wrong = wrong | (np.absolute(t + t.mT) > 2 * limit)",
        "pass",
        f"{EQUALS}test_gradients_that_are_not_defined_are_nan",
    ),
    Fault(
        "autograd/linalg/spectra.py",
        "(g + 0 * s)[..., None, :]",
        "g[..., None, :]",
        f"{EQUALS}test_second_derivatives_at_equal_values_are_never_silently_wrong",
    ),
    Fault(
        "autograd/linalg/spectra.py",
        "np.where(_size(turn) > 2 * limit, np.nan, x)",
        "x",
        f"{EQUALS}test_gradients_that_are_not_defined_are_nan",
    ),
    Fault(
        "autograd/linalg/determinants.py",
        "    if not np.any(singular):\n        return y",
        "    if True:\n        return y",
        f"{EQUALS}test_det_of_singular_matrices",
    ),
    Fault(
        "autograd/linalg/least_squares.py",
        "if np.any(~kept & (s > rounding * top)):",
        "if False:",
        f"{EQUALS}test_what_is_cut_off_by_rcond_takes_part_in_the_gradient",
    ),
    Fault(
        "autograd/linalg/functions.py",
        "y = np.where(large, y @ y, y)",
        "y = y @ y",
        f"{EQUALS}test_expm_of_large_small_and_nilpotent_matrices",
    ),
    Fault(
        "autograd/linalg/triangles.py",
        "u[..., :half, half:] @ last",
        "u[..., half:, :half].mT @ last",
        f"{REFERENCE} -k solve_triangular",
    ),
]
