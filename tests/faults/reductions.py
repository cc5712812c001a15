"""Faults planted in reductions and scans."""

from .fault import Fault

REDUCTIONS = "tests/autograd/test_reductions.py::"
SCANS = "tests/autograd/test_scans.py::"
PRODUCT = REDUCTIONS + "test_a_product_next_to_what_cannot_be_divided"
ZEROS = SCANS + "test_running_products_with_zeros_anywhere"

FAULTS = [
    Fault("autograd/ops/reduce.py", "safe = is_normal(y)", "safe = y != 0", PRODUCT),
    Fault("autograd/ops/reduce.py", "before * after * start", "before * after", PRODUCT),
    Fault("autograd/ops/scan.py", "safe = is_normal(y).all(axis=-1)", "safe = (x == x).all(axis=-1)", ZEROS),
    Fault("autograd/ops/scan.py", "a = a[..., :-step] * a[..., step:]", "a = a[..., :-step]", ZEROS),
    Fault(
        "autograd/ops/scan.py",
        "finite = np.where(end == -np.inf, 0, end)",
        "finite = end",
        f"{SCANS}test_logcumsumexp_of_minus_inf_and_of_large_numbers",
    ),
    Fault("autograd/ops/scan.py", " | (a != a)", "", f"{SCANS}test_cummax_and_cummin"),
    Fault(
        "autograd/ops/median.py",
        "return np.where(hole == hole, order, last)",
        "return order",
        f"{REDUCTIONS}test_a_nan_makes_a_median_nan_and_has_its_gradient",
    ),
    Fault(
        "autograd/ops/quantile.py",
        "b - step * (1 - t), a + step * t",
        "b - step * (1.001 - t), a + step * t",
        f"{REDUCTIONS}test_quantiles_are_numpys -k linear",
    ),
    Fault(
        "autograd/ops/nan.py",
        "numbers if where is True else",
        "numbers if True else",
        f"{REDUCTIONS}test_masks_and_other_arguments_of_nan_functions_are_numpys",
    ),
    Fault(
        "autograd/ops/difference.py",
        "else h[-2:-1])",
        "else h[1:2])",
        f"{SCANS}test_slopes_are_numpys",
    ),
    Fault(
        "autograd/ops/statistics.py",
        "(min(n, m) - 1) // 2",
        "min(n, m) // 2",
        f"{REDUCTIONS}test_convolutions_are_numpys",
    ),
]  # fmt: skip
