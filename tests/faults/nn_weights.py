"""Faults planted in files of weights, as they are written and read."""

from .fault import Fault

WEIGHTS = "tests/nn/test_weights.py::"
DAMAGED = "tests/nn/test_weights_damaged.py::"

FAULTS = [
    Fault(
        "nn/safetensors.py",
        'dtype=array.dtype.newbyteorder("<"), order="C")',
        'dtype=array.dtype.newbyteorder("<"))',
        f"{WEIGHTS}test_arrays_of_any_layout -k backwards",
    ),
    Fault(
        "nn/safetensors.py",
        'np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")',
        'np.asarray(array, order="C")',
        f"{WEIGHTS}test_arrays_of_any_layout -k big-endian",
    ),
    Fault(
        "nn/safetensors.py",
        "key=lambda item: -item[1].dtype.itemsize",
        "key=lambda item: item[1].dtype.itemsize",
        f"{WEIGHTS}test_arrays_are_views_of_the_file",
    ),
    Fault(
        "nn/stored.py",
        "numbers *= 256",
        "numbers *= 128",
        f"{WEIGHTS}test_eight_bits_become_float32",
    ),
    Fault(
        "nn/stored.py",
        '"BOOL": ("u1", lambda bits: bits.astype(bool), np.bool_)',
        '"BOOL": ("?", lambda bits: bits, np.bool_)',
        f"{WEIGHTS}test_flags_of_other_bytes_are_true",
    ),
    Fault(
        "nn/safetensors.py",
        "if entry.begin != at:",
        "if entry.begin < at:",
        f"{DAMAGED}test_entries_that_overlap_or_leave_a_hole",
    ),
    Fault(
        "nn/safetensors.py",
        "if at < room:",
        "if False:",
        f"{DAMAGED}test_entries_that_are_wrong -k its",
    ),
    Fault(
        "nn/safetensors.py",
        "object_pairs_hook=once",
        "object_pairs_hook=dict",
        f"{DAMAGED}test_headers_that_are_wrong -k twice",
    ),
    Fault(
        "nn/weight_files.py",
        'and name != "format"',
        "",
        f"{WEIGHTS}test_what_is_no_alias",
    ),
    Fault(
        "nn/weights.py",
        "(_take_tied(arrays) if is_model else {})",
        "_take_tied(arrays)",
        f"{WEIGHTS}test_tied_weights_of_a_model_are_written_once",
    ),
]
