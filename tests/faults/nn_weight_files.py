"""Faults planted in what weights of files become, and in what is believed of a file."""

from .fault import Fault

ASSIGNED = "tests/nn/test_weights_assigned.py::"
PICKLE = "tests/nn/test_weights_torch_pickle.py::"
PLACES = "tests/nn/test_weights_places.py::"
ZIP = "tests/nn/test_weights_torch_zip.py::"

FAULTS = [
    Fault(  # the file itself is written to
        "nn/stored.py",
        "access=mmap.ACCESS_COPY",
        "access=mmap.ACCESS_READ",
        f"{ASSIGNED}test_nothing_is_copied",
    ),
    Fault(
        "nn/stored.py",
        "if again or low >= reached and high - low >= size:",
        "if True:",
        f"{ASSIGNED}test_tied_in_the_file_but_not_in_the_model",
    ),
    Fault(
        "nn/stored.py",
        "low >= reached and high - low >= size:",
        "low >= reached:",
        f"{ASSIGNED}test_views_of_one_storage_are_told_apart",
    ),
    Fault(
        "nn/stored.py",
        "if pair not in made:",
        "if True:",
        "tests/models/pretrained/test_folder.py::test_what_is_cast_is_made_once_whatever_names_it_has",
    ),
    Fault(
        "nn/stored.py",
        "cast[id(value)] for name",
        "_cast(value, wanted) for name",
        "tests/models/pretrained/test_folder.py::test_what_is_cast_is_made_once_whatever_names_it_has",
    ),
    Fault(
        "nn/stored.py",
        "again = (array, who) == first",
        "again = False",
        f"{ASSIGNED}test_tied_in_both",
    ),
    Fault(
        "nn/stored.py",
        "if file is not None and items[i][0].flags.aligned}",
        "if file is not None}",
        f"{ASSIGNED}test_what_is_not_aligned_is_copied",
    ),
    Fault(
        "nn/stored.py",
        "            value.flags.writeable = False",
        "            value.flags.writeable = True",
        f"{ASSIGNED}test_weights_are_a_mapping",
    ),
    Fault(
        "nn/stored.py",
        "np.dtype(known).newbyteorder(order)",
        "np.dtype(known)",
        f"{ZIP}test_dtypes_and_byte_orders -k big",
    ),
    Fault(
        "nn/loading.py",
        'given.copy() if hasattr(given, "held") else dict(given)',
        "dict(given)",
        f"{ASSIGNED}test_bfloat16_is_widened_where_it_goes",
    ),
    Fault(
        "nn/loading.py",
        "(a if np.can_cast(a.dtype, v.dtype) else _whole(a).astype(v.dtype), v)",
        "(a, v)",
        f"{ASSIGNED}test_casts_that_fail_leave_the_model_alone",
    ),
    Fault(
        "nn/traversal.py",
        "made.data, made.edge = np.empty(shape, dtype), None",
        "made.data, made.edge = np.zeros(shape, dtype) + 0, None",
        "tests/nn/test_fusion.py::test_models_without_initial_values_take_no_memory",
    ),
    Fault(
        "nn/torch_pickle.py",
        "if type(key) not in KEYS:",
        "if False:",
        f"{PICKLE}test_pickles_that_are_wrong -k key",
    ),
    Fault(
        "nn/torch_pickle.py",
        "if name not in self.functions | self.words and name not in",
        "if name in",
        f"{PICKLE}test_nothing_is_called",
    ),
    Fault(
        "nn/torch_zip.py",
        "if end > storage.size:",
        "if end > storage.size + 4:",
        f"{PICKLE}test_tensors_that_do_not_fit",
    ),
    Fault(
        "nn/torch_zip.py",
        "if count * each > max(len(self.content), 2**16):",
        "if False:",
        f"{PICKLE}test_tensors_that_do_not_fit",
    ),
    Fault(
        "nn/torch_zip.py",
        "if first < reached or last > len(content):",
        "if last > len(content):",
        f"{ZIP}test_entries_over_one_another",
    ),
    Fault(
        "nn/torch_zip.py",
        'or ".." in parts or',
        "or",
        f"{ZIP}test_names_that_lead_out",
    ),
    Fault(
        "nn/torch_zip.py",
        "if any(more):",
        "if False:",
        f"{PICKLE}test_pickles_that_are_wrong -k conj",
    ),
    Fault(
        "nn/weight_files.py",
        "if os.path.islink(path) and os.path.dirname(target) not in right:",
        "if False:",
        f"{PLACES}test_nor_does_an_index",
    ),
    Fault(
        "nn/weight_files.py",
        'right.append(os.path.join(above, "blobs"))',
        "right.append(above)",
        f"{PLACES}test_the_cache_of_hugging_face",
    ),
    Fault(
        "nn/weight_files.py",
        "object_pairs_hook=safetensors.once",
        "object_pairs_hook=dict",
        f"{PLACES}test_indices_that_are_no_right_json",
    ),
]
