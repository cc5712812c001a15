"""Faults planted in saving states in PyTorch's form."""

from .fault import Fault

NESTED = "tests/nn/test_nested.py::"

FAULTS = [
    Fault(
        "nn/nested.py",
        "while key in arrays:",
        "while False:",
        f"{NESTED}test_names_that_meet_do_not_hide_each_other",
    ),
    Fault(
        "nn/nested.py",
        'dtype=array.dtype.newbyteorder("="), order="C")',
        'order="C")',
        f"{NESTED}test_any_layout_and_byte_order_and_numbers_of_numpy",
    ),
    Fault(
        "nn/nested.py",
        'return items if kind == "list" else tuple(items)',
        "return items",
        f"{NESTED}test_what_is_saved_comes_back",
    ),
    Fault(
        "nn/nested.py",
        'return Tensor(arrays[content]) if kind == "tensor" else arrays[content]',
        "return arrays[content]",
        f"{NESTED}test_tensors_come_back_as_tensors",
    ),
    Fault(
        "nn/nested.py",
        '{"dict": [[key, flatten(item, arrays, f"{inside}{key}")] for',
        '{"dict": [[str(key), flatten(item, arrays, f"{inside}{key}")] for',
        f"{NESTED}test_what_is_saved_comes_back",
    ),
    Fault(
        "nn/saving.py",
        "        if more:\n",
        "        if False:\n",
        f"{NESTED}test_what_cannot_be_saved_is_named_and_nothing_written",
    ),
]
