"""Faults planted in NumPy's elementwise functions and in the protocol of its ufuncs."""

from .fault import Fault

GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
HARD = "tests/autograd/test_elementwise.py::"
PROTOCOL = "tests/autograd/test_ufunc_protocol.py::"

FAULTS = [
    Fault(
        "autograd/ops/trigonometric.py",
        "1 / np.hypot(1, x), doc",
        "1.001 / np.hypot(1, x), doc",
        f"{GRADIENT} -k arcsinh",
    ),
    Fault(
        "autograd/ops/trigonometric.py",
        "np.absolute(x) < 1",
        "np.absolute(x) < 0",
        f"{HARD}test_derivatives_at_0_to_any_order",
    ),
    Fault(
        "autograd/ops/trigonometric.py",
        "np.where(y == 0, np.inf, y)",
        "y",
        f"{HARD}test_gradient_of_two_numbers -k hypot",
    ),
    Fault(
        "autograd/ops/exponential.py",
        "(x1 == x2) & np.isinf(x1)",
        "x1 != x1",
        f"{HARD}test_gradient_of_two_numbers -k logaddexp",
    ),
    Fault(
        "autograd/ops/arithmetic.py",
        "b * 1 - ((b != 0) |",
        "b * 1 - ((b != 0) + 0 *",
        f"{HARD}test_the_slope_of_a_power_depends_on_the_exponent_at_0",
    ),
    Fault(
        "autograd/ops/extrema.py",
        "(x1 >= x2) | np.isnan(x2)",
        "x1 >= x2",
        f"{HARD}test_gradient_of_two_numbers -k fmax",
    ),
    Fault(
        "autograd/ops/interpolation.py",
        "fixed |= at > xp[-1]",
        "pass",
        f"{HARD}test_interp_of_nan_and_outside_sends_nothing_to_the_points",
    ),
    Fault("autograd/ops/rounding.py", "np.where(finite, g, 0)", "g", f"{HARD}test_gradient_of_one_number"),
    Fault(
        "autograd/elementwise.py",
        "return np.zeros_like(g)",
        "return g * 0",
        f"{HARD}test_steps_keep_the_graph_and_have_a_gradient_of_zeros",
    ),
    Fault(
        "autograd/protocols.py",
        "return where(chosen, x, smooth)",
        "return x",
        f"{PROTOCOL}test_what_where_leaves_out_has_no_part",
    ),
    Fault("autograd/protocols.py", "(1,) * b.ndim", "(1,) * a.ndim", f"{PROTOCOL}test_outer"),
    Fault(
        "autograd/protocols.py",
        "part if target is None else",
        "part if target is out else",
        f"{PROTOCOL}test_out_of_two_results",
    ),
    Fault(
        "autograd/ops/creation.py",
        "made = in_order(object, dtype, order, copy)",
        "made = in_order(object, dtype, order, None)",
        f"{PROTOCOL}test_arrays_of_tensors_like_a_tensor_keep_the_gradient",
    ),
]
