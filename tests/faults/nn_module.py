"""Faults planted in modules, their state, containers, initial values and nn.utils."""

from .fault import Fault

STATE = "tests/nn/test_module_state.py::"
HOOKS = "tests/nn/test_module_hooks.py::"
CONTAINER = "tests/nn/test_container.py::"
PARAMETRIZE = "tests/nn/test_parametrize.py::"
NORMS = "tests/nn/test_parametrizations.py::"
PRUNE = "tests/nn/test_prune.py::"

MAPPINGS = "tests/nn/test_mappings.py::"

FAULTS = [
    Fault(
        "nn/registry.py",
        "kept.get(name, True)",
        "True",
        f"{MAPPINGS}test_buffers_are_listed_and_replaced",
    ),
    Fault(
        "nn/mappings.py",
        "if value is not None and not self.is_held(name, value):",
        "if value is None:",
        f"{MAPPINGS}test_parameters_are_listed_and_replaced",
    ),
    Fault(
        "nn/utils/clip_grad.py",
        "x.item() if isinstance(x, Norm)",
        "np.float64(x) if isinstance(x, Norm)",
        "tests/nn/test_clipping.py::test_the_norm_is_a_number_that_is_asked_for_itself",
    ),
    Fault(
        "nn/modules/dropout.py",
        "class AlphaDropout(_DropoutNd)",
        "class AlphaDropout(Dropout)",
        "tests/nn/test_torch_files.py::test_no_layer_passes_for_another",
    ),
    Fault(
        "nn/registry.py",
        'own["_persistent"].pop(name, None)',
        "pass",
        f"{STATE}test_a_parameter_takes_the_place_of_a_buffer",
    ),
    Fault(
        "nn/module.py",
        "child.train(mode)",
        "child.training = mode",
        f"{STATE}test_a_part_that_stays_in_evaluation",
    ),
    Fault(
        "nn/loading.py",
        "cast=not assign,",
        "",
        f"{STATE}test_arrays_are_assigned",
    ),
    Fault(
        "nn/loading.py",
        "strict=strict and not after,",
        "strict=strict,",
        f"{STATE}test_a_hook_afterwards_forgives_what_is_missing",
    ),
    Fault(
        "nn/loading.py",
        "others[: PAIRS // min(SHOWN, len(keys) or 1)]",
        "others",
        "tests/nn/test_state_dict.py::test_of_a_state_that_does_not_fit_at_all_the_first_names_are_shown",
    ),
    Fault(
        "nn/stored.py",
        "return isinstance(value, Stored) or value.flags.writeable",
        "return True",
        f"{STATE}test_arrays_are_assigned",
    ),
    Fault(
        "nn/hooks.py",
        "if always and key not in called:",
        "if always:",
        f"{HOOKS}test_a_hook_that_is_always_called",
    ),
    Fault(
        "autograd/handle.py",
        "hooks.clear()",
        "others.clear()",
        f"{HOOKS}test_hooks_before_others_and_with_keyword_arguments",
    ),
    Fault(
        "nn/container.py",
        "return type(self)(OrderedDict(named))",
        "return super()._of(named)",
        f"{CONTAINER}test_sequential_with_names",
    ),
    Fault(
        "nn/parameter_containers.py",
        "sorted(pairs, key=lambda pair: pair[0])",
        "pairs",
        f"{CONTAINER}test_a_dict_of_parameters",
    ),
    Fault(
        "nn/init.py",
        "q = q * np.sign(np.diagonal(r))",
        "q = q * 1",
        "tests/nn/test_init_random.py::test_orthogonal_matrices",
    ),
    Fault(
        "nn/computed.py",
        "kept is None or (kept.lasting and capturing.get() is not None)",
        "kept is None",
        f"{PARAMETRIZE}test_a_replay_inside_of_cached_computes_for_itself",
    ),
    Fault(
        "nn/computed.py",
        "key = id(module), name, mode.grad, mode.recipes",
        "key = id(module), name",
        f"{PARAMETRIZE}test_a_weight_is_computed_once_in_a_call_and_once_while_cached",
    ),
    Fault(
        "nn/utils/parametrize.py",
        "                _put(*undo)",
        "                pass",
        f"{PARAMETRIZE}test_what_would_change_the_shape_is_refused_and_changes_nothing",
    ),
    Fault(
        "nn/utils/_norms.py",
        "return (kept(u).copy() * (matrix @ kept(v).copy())).sum()",
        "return (kept(u) * (matrix @ kept(v))).sum()",
        f"{NORMS}test_a_graph_keeps_the_vectors_of_its_own_call",
    ),
    Fault(
        "nn/utils/parametrizations.py",
        "V.mT @ V, 1)",
        "V.mT @ V)",
        f"{NORMS}test_orthogonal_weights_stay_orthogonal",
    ),
    Fault(
        "nn/utils/old_norms.py",
        "module.training and in_call(module)",
        "module.training",
        f"{NORMS}test_the_older_spectral_norm_is_removed",
    ),
    Fault(
        "nn/utils/_masks.py",
        "ag.where(mask != 0, original, 0) * mask",
        "original * mask",
        f"{PRUNE}test_what_is_pruned_may_be_infinite",
    ),
    Fault(
        "nn/utils/_masks.py",
        "left: Any = default_mask == 1",
        "left: Any = ...",
        f"{PRUNE}test_methods_follow_each_other_among_what_is_left",
    ),
    Fault(
        "nn/utils/fusion.py",
        "frozen = isinstance(w, Tensor) and not w.requires_grad",
        "frozen = False",
        "tests/nn/test_fusion.py::test_frozen_weights_stay_frozen_and_dtypes_are_kept",
    ),
    Fault(
        "nn/utils/clip_grad.py",
        "return largest * float(((sizes / largest) ** p)",
        "return float(((sizes) ** p)",
        "tests/nn/test_clipping.py::test_norms_of_little_and_of_much",
    ),
]
