"""Faults planted in tapegrad.nn and tapegrad.models."""

from .fault import Fault

ATTENTION = "tests/nn/test_attention.py::"
GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
LAYERS = "tests/nn/test_layers.py::"
MODELS = "tests/models/test_models.py::"
REPLAY = "tests/nn/test_replay.py::"
SECOND = "tests/autograd/test_op_gradients.py::test_second_order_gradient"
TRANSFORMER = "tests/nn/test_transformer.py::"

FUNCTIONAL = [
    Fault(
        "nn/functional/linear.py",
        "if needs[2] else None  # row",
        "if needs[1] else None  # row",
        "tests/autograd/test_op_contract.py::test_only_wanted_gradients_are_computed -k linear",
    ),
    Fault(
        "nn/functional/linear.py",
        "(2 * inner + bool(bias and bias[0]))",
        "2 * inner",
        "tests/autograd/graph/test_graph_flops.py::test_flops",
    ),
    Fault(
        "nn/functional/activation.py",
        "slope *= 0.3989422804014327",
        "slope *= 0.3993412227",
        f"{GRADIENT} -k gelu",
    ),
    Fault("nn/functional/attention.py", "keep, dp * boost", "keep, dp", f"{SECOND} -k attention"),
    Fault(
        "nn/functional/attention.py",
        "+ 6 * attributes",
        "+ attributes",
        "tests/autograd/graph/test_graph_flops.py::test_flops_of_attention",
    ),
    Fault(
        "nn/functional/attention.py",
        "(query.shape[:-2], key.shape[:-2])\n",
        "(query.shape[:-2])\n",
        f"{ATTENTION}test_dropout_is_drawn_for_every_item_of_a_broadcast_batch",
    ),
    Fault(
        "nn/functional/_attend.py",
        "ds -= centre[rows]",
        "ds -= centre[rows] * 1.001",
        f"{GRADIENT} -k attention",
    ),
    Fault("nn/functional/dropout.py", "    out *= scale", "    pass", f"{GRADIENT} -k dropout"),
    Fault(
        "nn/functional/loss.py",
        "counted.sum() or",
        "counted.size or",
        f"{LAYERS}test_cross_entropy_ignores_and_smooths",
    ),
    Fault(
        "nn/functional/normalization.py",
        "np.finfo(x.dtype).eps if eps is None",
        "1e-5 if eps is None",
        f"{LAYERS}test_rms_norm",
    ),
    Fault(
        "nn/functional/normalization.py",
        "db = rows @ g.reshape",
        "db = rows @ t.reshape",
        f"{GRADIENT} -k layer_norm",
    ),
]

MODULES = [
    Fault(
        "nn/functional/multi_head.py",
        "if given[j] is x and widths[j] == width]",
        "if given[j] is given[0] and widths[j] == width]",
        f"{ATTENTION}test_inputs_that_are_the_same_object_are_as_good_as_copies",
    ),
    Fault(
        "nn/functional/multi_head.py",
        "else _input(heads, name, x, width, dtype, batch_first)",
        "else _input(heads, name, given[0], width, dtype, batch_first)",
        f"{ATTENTION}test_inputs_that_are_the_same_object_are_as_good_as_copies",
    ),
    Fault(
        "nn/functional/multi_head.py",
        "* ~blind if blind.any()",
        "if blind.any()",
        f"{ATTENTION}test_a_query_that_may_see_nothing_gets_zeros_and_gives_no_gradient",
    ),
    Fault(
        "nn/functional/_tables.py",
        "(ids < 0) | (ids >= n)",
        "(ids >= n)",
        f"{LAYERS}test_embedding_refuses_what_is_outside",
    ),
    Fault(
        "nn/modules/dropout.py",
        "self._function(input, self.p, self.training,",
        "self._function(input, self.p, True,",
        f"{LAYERS}test_dropout_zeros_scales_and_repeats_with_a_seed",
    ),
    Fault(
        "nn/modules/transformer.py",
        "copy.deepcopy(decoder_layer) for",
        "decoder_layer for",
        f"{TRANSFORMER}test_the_copies_of_a_layer_start_out_different_only_in_the_whole_transformer",
    ),
    Fault(
        "nn/module.py",
        "        finally:\n            scope.set(outer)",
        "        finally:\n            pass",
        "tests/nn/test_module_calls.py::test_an_exception_in_forward_or_in_a_hook_leaves_the_scope_clean",
    ),
    Fault(
        "nn/init.py",
        "array[...] = values\n    versions.mark_written(array)",
        "array[...] = values",
        "tests/nn/test_init_random.py::test_fills_in_place_in_the_tensors_dtype",
    ),
    Fault(
        "nn/random.py",
        "    except BaseException:\n        bits.state = state",
        "    except BaseException:\n        pass",
        "tests/nn/test_replay_refused.py::test_random_numbers_are_not_lost_where_a_replay_is_given_up",
    ),
]

TRAINING = [
    Fault(
        "nn/optim/adam.py",
        's += group["eps"] * root',
        's += group["eps"]',
        "tests/nn/test_optim.py::test_update_follows_its_formula -k Adam",
    ),
    Fault(
        "nn/optim/sgd.py",
        '1 - group["dampening"]',
        "1",
        "tests/nn/test_optim.py::test_update_follows_its_formula -k SGD",
    ),
    Fault(
        "nn/parallel/worker.py",
        "np.array([1 / count, -total / count**2])",
        "np.array([1 / count, 0.0])",
        "tests/nn/test_parallel_losses.py::test_a_count_may_be_computed_from_parameters",
    ),
    Fault(
        "nn/parallel/comparison.py",
        "self.calls & (self.calls - 1) == 0",
        "self.calls == 1",
        "tests/nn/test_parallel_refused.py::test_padding_that_comes_later_is_noticed",
    ),
    Fault(
        "nn/parallel/worker.py",
        "streams.seed(self.drawn, task.seed, self.exchange.index)",
        "streams.seed(self.drawn, task.seed, 0)",
        "tests/nn/test_parallel_random.py::test_workers_draw_different_numbers_in_each_step_"
        "which_follow_from_the_seed",
    ),
    Fault(
        "nn/parallel/comparison.py",
        "return np.ones(arguments[0], bool)",
        "return fn(*arguments)",
        "tests/nn/test_parallel_refused.py::test_a_loss_that_is_no_mean_over_rows_is_refused",
    ),
    Fault(
        "nn/saving.py",
        'if metadata.get("crc32") != str(',
        "if not str(",
        "tests/nn/test_saving.py::test_files_that_save_did_not_write",
    ),
    Fault(
        "nn/optim/steps.py",
        "flat = flat.astype(np.float64)",
        "pass",
        "tests/nn/test_clipping.py::test_clipping_survives_squares_that_overflow",
    ),
    Fault(
        "nn/replay.py",
        "{key: REFUSED for key, known in self._known.items() if known is REFUSED}",
        "self._known",
        f"{REPLAY}test_parameters_in_other_memory_or_replaced",
    ),
]

WHOLE = [
    Fault(
        "models/gpt.py",
        "0.02 / (2 * self.config.num_layers)",
        "0.02 / self.config.num_layers",
        f"{MODELS}test_gpt_starts_with_gpt2s_sizes",
    ),
    Fault(
        "models/gpt.py",
        "return x + self.dropout(y)",
        "return x + y",
        f"{MODELS}test_dropout_takes_from_both_additions_of_a_block",
    ),
    Fault(
        "models/transformer.py",
        "x * self.config.d_model**0.5 if",
        "x if",
        f"{MODELS}test_tokens_and_positions_enter_the_transformer_at_size_1",
    ),
    Fault("models/transformer.py", "norm_first=c.norm_first,", "", f"{MODELS}test_transformer_is_its_parts"),
]

EXPRESSIONS = "tests/nn/test_replay_expressions.py::"
NUMBERS = "tests/nn/test_replay_numbers.py::"
REPLAYED = [
    Fault(
        "autograd/replay/trace.py",
        "return hasattr(kind, protocol) and not issubclass(kind, ndarray)",
        "return False",
        f"{EXPRESSIONS}test_an_array_of_the_batch_defers_to_a_tensor",
    ),
    Fault(
        "autograd/replay/shown.py",
        "if capture is None or isinstance(data, Traced):",
        "if isinstance(data, Traced):",
        "tests/nn/test_replay_threads.py::test_a_model_may_be_evaluated_while_it_is_captured",
    ),
    Fault(
        "nn/surroundings.py",
        "self._numbers.append((type(value), exact))",
        "self._numbers.append(type(value))",
        f"{NUMBERS}test_a_number_that_changes_is_another_capture",
    ),
    Fault(
        "nn/captures.py",
        "if self.program is None or self._steps >= self._next or self.program.moved()",
        "if self.program is None or self.program.moved()",
        f"{NUMBERS}test_what_no_code_names_changes_nothing",
    ),
    Fault(
        "nn/replay.py",
        "compare(right, replayed, random.get_rng_state() == drawn)",
        "compare(right, replayed, True)",
        "tests/nn/test_replay_randomness.py::test_random_numbers_that_a_replay_would_not_draw_are_refused",
    ),
]

MASKED = "tests/nn/test_masked_elements.py"
EDGES = [  # masked elements, accuracy, arguments and the registry
    Fault(
        "nn/functional/_attend.py",
        "for n in lead[:axis]))",
        "for n in lead[:axis] if n > 2))",
        "tests/nn/test_attention_blocks.py::test_blocks_change_nothing",
    ),
    Fault("nn/functional/loss.py", "    loss[ignored] = 0  # a row", "    pass  # a row", MASKED),
    Fault(
        "nn/functional/_attend.py",
        "_look_past_hidden_again(g, made, p, centre, q, key, value, (bias, cap, keep), plan, masked)\n",
        "pass\n",
        MASKED,
    ),
    Fault(
        "nn/functional/normalization.py",
        "sums[1] += rows",
        "sums[1] = rows",
        "tests/nn/test_accuracy.py",
    ),
    Fault(
        "nn/functional/normalization.py",
        "(np.absolute(mean) * r > 4)",
        "(mean * r > 4)",
        "tests/nn/test_accuracy.py",
    ),
    Fault(
        "nn/functional/multi_head.py", "elif q is k and k is v:", "elif q is k:", "tests/nn/test_attention.py"
    ),
    Fault(
        "nn/registry.py",
        "if isinstance(held, (Parameter, Registry)):",
        "if isinstance(held, Registry):",
        "tests/nn/test_module_identity.py",
    ),
    Fault(
        "nn/hooks.py",
        "isinstance(c, Tensor) else as_array(c).copy()",
        "isinstance(c, Tensor) else as_array(c)",
        "tests/nn/test_module_hooks.py",
    ),
]

FAULTS = FUNCTIONAL + MODULES + TRAINING + WHOLE + REPLAYED + EDGES
