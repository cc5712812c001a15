"""Wrong lines in what generate does by a model's own generation_config."""

from .fault import Fault

DEFAULTS = "models/generation/defaults.py"
RULES = "models/generation/rules.py"
TESTS = "tests/models/generation/test_defaults.py::"
FOLDER = "tests/models/pretrained/test_generation_config.py::"

FAULTS = [
    Fault(
        DEFAULTS,
        'if how == "greedy" and "temperature" not in asked:',
        'if how == "greedy" and "temperature" in asked:',
        f"{TESTS}test_what_is_given_wins",
    ),
    Fault(
        DEFAULTS,
        'stored.get("top_k") is None and "top_k" not in asked:',
        'stored.get("top_k") is None:',
        f"{TESTS}test_what_is_given_wins",
    ),
    Fault(DEFAULTS, "elif beams > 1 and not drawn:", "elif beams > 1:", f"{TESTS}test_what_is_given_wins"),
    Fault(DEFAULTS, "if drawn or _many(asked):", "if drawn:", f"{TESTS}test_what_is_given_wins"),
    Fault(
        DEFAULTS,
        "if value is None or name in asked:",
        "if value is None:",
        f"{TESTS}test_what_is_given_wins",
    ),
    Fault(
        DEFAULTS,
        'if name == "top_k" and value == 0:',
        "if False:",
        f"{TESTS}test_what_is_given_wins",
    ),
    Fault(
        DEFAULTS,
        "and value not in neutral and when in",
        "and when in",
        f"{TESTS}test_what_is_not_computed_is_refused_where_it_would_matter",
    ),
    Fault(
        DEFAULTS,
        'when in ("", how)',
        'when in ("", "draws")',
        f"{TESTS}test_what_is_not_computed_is_refused_where_it_would_matter",
    ),
    Fault(
        DEFAULTS,
        "Settings.of(options)  # if it is the caller's, it is said as ever",
        "pass",
        f"{TESTS}test_what_the_caller_gives_wrong_is_the_callers",
    ),
    Fault(
        DEFAULTS,
        "return stored[name] if name in stored else",
        "return stored[name] if stored.get(name) else",
        f"{FOLDER}test_what_the_file_does_not_say_of_ids_config_json_does",
    ),
    Fault(
        RULES,
        "y[repeats(text, s.no_repeat_ngram_size)] = -np.inf",
        "pass",
        f"{TESTS}test_rules_hold_in_texts_and_in_beams",
    ),
    Fault(
        RULES,
        "len(written) < s.min_new_tokens or",
        "len(written) + 1 < s.min_new_tokens or",
        f"{TESTS}test_rules_hold_in_texts_and_in_beams",
    ),
    Fault(
        RULES,
        "len(written) == self.room - 1:",
        "len(written) == self.room:",
        f"{TESTS}test_rules_hold_in_texts_and_in_beams",
    ),
    Fault(
        "models/generation/request.py",
        "if i is not None and i >= 0), 0)",
        "if i is not None), 0)",
        f"{FOLDER}test_ids_that_the_model_has_not",
    ),
    Fault(
        "models/generation/reading.py",
        'padded = {} if real is None else {"attention_mask": real}',
        "padded = {}",
        "tests/models/generation/test_cached.py::test_targets_of_different_lengths",
    ),
    Fault(
        "models/pretrained/t5.py",
        "mask_of(ids.shape[1], past, attention_mask)",
        "mask_of(ids.shape[1], past)",
        "tests/models/pretrained/test_t5.py::test_targets_of_different_lengths",
    ),
    Fault(
        "models/transformer.py",
        "self.embed(target, self.target_positions, past, attention_mask)",
        "self.embed(target, self.target_positions, past)",
        "tests/models/generation/test_cached.py::test_targets_of_different_lengths",
    ),
    Fault(
        "models/generation/sampling.py",
        "logits.astype(np.result_type(logits, np.float32))",
        "logits.copy()",
        "tests/models/generation/test_refused.py::test_the_largest_penalties_are_finite",
    ),
    Fault(
        "models/generation/stopping.py",
        "if not isinstance(text, str):",
        "if False:",
        "tests/models/generation/test_refused.py::test_a_decode_that_gives_no_text",
    ),
    Fault(
        "models/pretrained/folder.py",
        "if os.path.exists(path):\n        return read_object(path)",
        "if False:\n        return read_object(path)",
        f"{FOLDER}test_the_file_is_followed_kept_and_may_be_changed",
    ),
    Fault(
        "models/pretrained/folder.py",
        "{name: settings[name] for name in SPECIAL if name in settings}",
        "{}",
        f"{FOLDER}test_older_folders_have_it_in_config_json",
    ),
    Fault(
        "models/pretrained/llama.py",
        "usual if usual < self.vocab_size else None",
        "usual",
        f"{FOLDER}test_a_usual_end_outside_of_the_vocabulary_is_none",
    ),
    Fault(
        "command/generate.py",
        "check(given)\n        raise",
        "raise",
        "tests/command/test_generate.py::test_arguments_that_mean_nothing",
    ),
    Fault(
        DEFAULTS,
        'stored.get("min_new_tokens") is not None or "min_new_tokens" in asked',
        'stored.get("min_new_tokens") or "min_new_tokens" in asked',
        f"{TESTS}test_what_is_given_wins",
    ),
    Fault(
        DEFAULTS,
        "check_ids(name, ids_of(name, found[name]), vocabulary)",
        "pass",
        f"{TESTS}test_what_means_nothing_is_said_to_be_the_models",
    ),
    Fault(
        DEFAULTS,
        "all(isinstance(s, str) and s for s in strings)",
        "all(s for s in strings)",
        f"{TESTS}test_ids_of_the_files",
    ),
    Fault(
        "models/generation/request.py",
        "check_ids(where, [start], vocabulary,",
        "check_ids(where, [start], None,",
        f"{TESTS}test_a_target_starts_as_the_file_says",
    ),
    Fault(
        "models/generation/settings.py",
        "(str, bytes, Mapping, Iterator))",
        "(str, bytes))",
        "tests/models/generation/test_refused.py::test_settings",
    ),
    Fault(
        "models/generation/beams.py",
        'if s.early_stopping and s.early_stopping != "never":',
        "if s.early_stopping is True:",
        "tests/models/generation/test_beams.py::test_early_stopping_ends_with_as_many_texts_as_beams",
    ),
    Fault(
        "models/generation/reading.py",
        "self._real = np.pad(self._real, more, constant_values=True)",
        "self._real = np.pad(self._real, more)",
        "tests/models/generation/test_cached.py::test_more_tokens_than_memory_is_taken_for_at_once",
    ),
]
