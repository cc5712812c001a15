"""Faults planted in tapegrad.autograd.special."""

from .fault import Fault

EDGES = "tests/autograd/test_special.py::test_edges_without_a_warning"
GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
SPECIAL = "tests/autograd/test_special.py::"
DERIVATIVES = "tests/autograd/test_special_derivatives.py::"

FAULTS = [
    Fault(
        "autograd/special/entropy.py",
        "y = np.where((x == 0) & (y <= 0), 1, y)",
        "y = y * 1",
        f"{EDGES} -k xlogy",
    ),
    Fault(
        "autograd/special/gamma.py",
        "factor = (-1.0) ** (n + 1)",
        "factor = (-1.0) ** n",
        f"{GRADIENT} -k digamma",
    ),
    Fault(
        "autograd/special/gamma.py",
        "return y, _beta_gradient(needs, a, b, y)",
        "return y, _beta_gradient(needs, a, b, y * 1.001)",
        f"{GRADIENT} -k beta",
    ),
    Fault(
        "autograd/special/logistic.py",
        '{"f": 88.0}',
        '{"f": 800.0}',
        "tests/nn/test_activation.py::test_huge_and_infinite_numbers_have_their_limits -k sigmoid",
    ),
    Fault(
        "autograd/special/logistic.py",
        "np.divide(e, d, out=slopes[block])",
        "np.multiply(e, 1 - e, out=slopes[block])",
        f"{EDGES} -k expit",
    ),
    Fault(
        "autograd/special/normal.py",
        "np.where(x < 0, sums, ",
        "np.where(x < np.inf, x + y, ",
        f"{DERIVATIVES}test_second_derivatives_in_tails_where_terms_cancel",
    ),
    Fault(
        "autograd/special/bessel.py",
        "-np.sign(x) * inside",
        "-1 * inside",
        f"{EDGES} -k i0e",
    ),
    Fault(
        "autograd/special/borrowed.py",
        'return y.astype(x.dtype) if x.dtype.kind == "f" else y',
        "return y",
        f"{SPECIAL}test_narrow_floats_stay_what_they_are -k gammaln",
    ),
    Fault(
        "autograd/special/softmax.py",
        "seen = np.where(off, -np.inf, x)",
        "seen = x * 1",
        f"{DERIVATIVES}test_elements_without_weight_do_not_count",
    ),
    Fault(
        "autograd/special/incomplete.py",
        "return np.where(x < 0, np.nan, np.where(a < 20, near, far))",
        "return np.where(x < 0, np.nan, np.where(a < 20, near, far * 1.001))",
        f"{GRADIENT} -k gammainc",
    ),
    Fault(
        "autograd/special/orders.py",
        "(at(_jv, v - 1, z) - at(_jv, v + 1, z)) / 2",
        "(at(_jv, v - 1, z) + at(_jv, v + 1, z)) / 2",
        f"{GRADIENT} -k jv",
    ),
    Fault(
        "autograd/special/softmax.py",
        "np.log1p(rest) + top",
        "np.log(1 + rest) + top",
        f"{DERIVATIVES}test_logsumexp_keeps_its_digits_near_zero",
    ),
    Fault(
        "autograd/exports.py",
        "package[name] = module",
        "pass",
        "tests/test_packaging.py::test_no_file_of_ops_is_hidden_by_what_another_imports",
    ),
    Fault(
        "autograd/binding.py",
        '"psi": special.digamma, ',
        "",
        f"{SPECIAL}test_names_of_scipys_that_are_not_those_of_its_ufuncs",
    ),
]
