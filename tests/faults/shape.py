"""Faults planted in the functions of shapes."""

from .fault import Fault

GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
SAVES = "tests/autograd/test_op_contract.py::test_saves_what_the_case_says"
SHAPES = "tests/autograd/test_shapes.py::"
RULES = "tests/autograd/test_shape_rules.py::"

FAULTS = [
    Fault(
        "autograd/fft.py",
        "lambda n: -(n // 2)",
        "lambda n: n // 2",
        "tests/autograd/test_composed.py::test_equals_the_reference -k ifftshift",
    ),
    Fault(
        "autograd/dialect.py",
        "if hasattr(module, name)",
        "if True",
        "tests/autograd/test_messages.py::test_the_advice_says_where_a_function_of_numpys_stands",
    ),
    Fault(
        "autograd/ops/axes.py",
        "tuple([order.index(i) for i in range(n)])",
        "tuple(order)",
        f"{GRADIENT} -k transpose",
    ),
    Fault(
        "autograd/ops/flipping.py", "np.rot90(g, -k, axes)", "np.rot90(g, k, axes)", f"{GRADIENT} -k rot90"
    ),
    Fault("autograd/ops/windows.py", "lengths[::-1]", "lengths", f"{GRADIENT} -k sliding"),
    Fault(
        "autograd/ops/reflection.py",
        "np.where(share == 0, 0, share * g)",
        "(share * g)",
        f"{SHAPES}test_what_is_nan_elsewhere_stays_there",
    ),
    Fault(
        "autograd/ops/splitting.py",
        "if sum([s[axis] for s in shapes]) == n:",
        "if True:",
        f"{GRADIENT} -k split",
    ),
    Fault(
        "autograd/ops/repeating.py",
        "axis=tuple(range(0, len(apart), 2)), dtype=wide",
        "axis=tuple(range(0, len(apart), 2))",
        f"{SHAPES}test_sums_of_half_precision_are_exact",
    ),
    Fault(
        "autograd/views.py",
        "spoil_views(view)\n            del view.data",
        "pass",
        "tests/autograd/test_inplace.py::test_a_view_that_would_not_see_a_write_is_not_read",
    ),
    Fault(
        "autograd/views.py",
        "seen is data or base",
        "base",
        f"{RULES}test_writes_through_views_of_constants_are_seen",
    ),
    Fault(
        "autograd/ops/joining.py",
        "widest = np.result_type(*floats) if floats else None",
        "widest = None",
        f"{RULES}test_numbers_do_not_widen_what_they_are_joined_with",
    ),
]
