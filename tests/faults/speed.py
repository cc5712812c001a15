"""Faults planted in what is done in a faster way."""

from .fault import Fault

SELECTING = "tests/autograd/test_selecting.py::"

FAULTS = [
    Fault(
        "autograd/ops/sort.py",
        "if (row == np.arange(len(row), like=row)[:, None]).all():",
        "if True:",
        "tests/autograd/test_sorting.py::test_topk_beside_rows_of_equals_and_of_nan",
    ),
    Fault(
        "autograd/ops/sort.py",
        "order[again] = np.argsort",
        "order[~again] = np.argsort",
        "tests/autograd/test_sorting.py -k sort",
    ),
    Fault(
        "autograd/ops/index.py",
        "if low < -n or high >= n:",
        "if low < -n:",
        f"{SELECTING}test_indices_along_an_axis_of_a_large_array",
    ),
    Fault(
        "autograd/ops/index.py",
        "places += n * (indices < 0)",
        "pass",
        f"{SELECTING}test_indices_along_an_axis_of_a_large_array",
    ),
    Fault(
        "autograd/ops/reduce.py",
        'if x.dtype.char == "f":',
        "if False:",
        "tests/autograd/test_reductions.py::test_a_product_next_to_what_cannot_be_divided",
    ),
]
