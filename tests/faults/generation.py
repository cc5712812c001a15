"""Faults of models/generation."""

from .fault import Fault

TESTS = "tests/models/generation/"
CACHED = f"{TESTS}test_cached.py::"

FAULTS = [
    Fault(
        "models/generation/layers.py",
        "positions_of(x.shape[1], past, attention_mask)",
        "positions_of(x.shape[1], max(0, past - 1), None)",
        f"{CACHED}test_logits_in_pieces_are_those_at_once",
    ),
    Fault(
        "models/generation/reading.py",
        "past = start if self._cache is None else self._cache.length",
        "past = start if self._cache is None else max(start, self._cache.length - 1)",
        f"{CACHED}test_the_same_without_a_cache",
    ),
    Fault(
        "models/generation/reading.py",
        "start = 0 if context is None else max(0, end - context)",
        "start = 0 if context is None else max(0, end - context + 1)",
        f"{CACHED}test_texts_that_are_longer_than_the_context",
    ),
    Fault(
        "models/generation/reading.py",
        "self._cache.select(rows)",
        "self._cache.select(np.sort(rows))",
        f"{CACHED}test_the_same_without_a_cache",
    ),
    Fault(
        "models/generation/reading.py",
        "self._memory = self._memory[rows]",
        "self._memory = self._memory[np.sort(rows)[::-1]]",
        f"{CACHED}test_the_same_without_a_cache",
    ),
    Fault(
        "nn/functional/attention.py",
        "np.vdot(r, r) < 1e30",
        "True",
        "tests/nn/test_attention.py::test_a_few_queries_that_see_nothing",
    ),
    Fault(
        "nn/functional/attention.py",
        "np.vdot(total, total) < 1e30",
        "True",
        "tests/nn/test_attention.py::test_a_few_queries_without_a_gradient",
    ),
    Fault(
        "models/generation/cache.py",
        "(real != given).any()",
        "(real != given).all()",
        f"{TESTS}test_cache.py::test_an_attention_mask_of_other_numbers_is_refused",
    ),
    Fault(
        "models/generation/cache.py",
        'real.dtype.kind not in "biuf"',
        "False",
        f"{TESTS}test_cache.py::test_an_attention_mask_of_other_numbers_is_refused",
    ),
    Fault(
        "models/generation/cache.py",
        "self.start = max(self.start, self.end - window + 1)",
        "self.start = max(self.start, self.end - window)",
        f"{TESTS}test_cache.py::test_of_a_window_only_what_is_seen_is_kept",
    ),
    Fault(
        "models/generation/cache.py",
        "seen &= s > t - narrow",
        "seen &= s >= t - narrow",
        f"{TESTS}test_cache.py::test_the_mask_by_its_definition",
    ),
    Fault(
        "models/generation/cache.py",
        "seen & real[:, None, None, past - held :]",
        "seen & real[:, None, None, : held + new]",
        f"{TESTS}test_cache.py::test_the_mask_by_its_definition",
    ),
    Fault(
        "models/generation/cache.py",
        "return None if real.all() else real",
        "return None if real[:, -1].all() else real",
        f"{CACHED}test_a_text_does_not_depend_on_the_others",
    ),
    Fault(
        "models/generation/cache.py",
        "np.maximum(real.cumsum(axis=1) - 1, 0)[:, past:]",
        "np.arange(past, past + new)",
        f"{CACHED}test_padding_changes_nothing_whatever_stands_there",
    ),
    Fault(
        "models/generation/cache.py",
        "before[changed, :, : self.end] = before[rows[changed], :, : self.end]",
        "before[rows[changed], :, : self.end] = before[changed, :, : self.end]",
        f"{TESTS}test_cache.py::test_rows_change_places_with_all_they_hold",
    ),
    Fault(
        "models/generation/beams.py",
        "reader.select(np.concatenate(rows))",
        "reader.select(np.sort(np.concatenate(rows)))",
        f"{TESTS}test_beams.py::test_scores_are_those_of_the_model",
    ),
    Fault(
        "models/generation/beams.py",
        "parents = beam.advance(logits[first : first + count], texts)",
        "parents = 0 * beam.advance(logits[first : first + count], texts)",
        f"{TESTS}test_beams.py::test_with_enough_beams_the_best_texts_are_found",
    ),
    Fault(
        "models/generation/beams.py",
        "score = c.score / length**self.settings.length_penalty",
        "score = c.score / (length - 1 or 1) ** self.settings.length_penalty",
        f"{TESTS}test_beams.py::test_with_enough_beams_the_best_texts_are_found",
    ),
    Fault(
        "models/generation/beams.py",
        "self.looked_at = max(2, 1 + len(self.stops.ids)) * count",
        "self.looked_at = 2 * count - 2",
        f"{TESTS}test_beams.py::test_beams_go_on_whatever_ends",
    ),
    Fault(
        "models/generation/beams.py",
        "longest = self.max_new_tokens if",
        "longest = length if",
        f"{TESTS}test_beams.py::test_early_stopping_ends_with_as_many_texts_as_beams",
    ),
    Fault(
        "models/generation/sampling.py",
        "np.where(x < 0, x * repetition, x / repetition)",
        "x / repetition",
        f"{TESTS}test_sampling.py::test_penalties",
    ),
    Fault(
        "models/generation/sampling.py",
        "logits[tokens] -= frequency * counts",
        "logits[tokens] += frequency * counts",
        f"{TESTS}test_sampling.py::test_penalties",
    ),
    Fault(
        "models/generation/sampling.py",
        "logits = logits.astype(np.result_type(logits, np.float32))",
        "pass",
        f"{TESTS}test_sampling.py::test_penalties",
    ),
    Fault(
        "models/generation/sampling.py",
        "count = min(int(np.searchsorted(values.cumsum(), wanted)) + 1, len(few))",
        "count = max(int(np.searchsorted(values.cumsum(), wanted)), 1)",
        f"{TESTS}test_sampling.py::test_the_distribution_is_right",
    ),
    Fault(
        "models/generation/sampling.py",
        "(p.sum() - wanted) / len(p)",
        "wanted / len(p)",
        f"{TESTS}test_sampling.py::test_what_is_kept_by_sorting_everything",
    ),
    Fault(
        "models/generation/sampling.py",
        "np.flatnonzero(x[found] == least)[-more:]",
        "np.flatnonzero(x[found] == least)[:more]",
        f"{TESTS}test_sampling.py::test_the_largest_and_of_equals_the_first",
    ),
    Fault(
        "models/generation/stopping.py",
        "or len(text) >= self._enough:",
        "or len(text) >= 1:",
        f"{TESTS}test_stopping.py::test_strings_over_many_tokens_and_tokens_without_text",
    ),
    Fault(
        "models/generation/request.py",
        "np.random.default_rng([int(n), i]) for",
        "np.random.default_rng([int(n), 0]) for",
        f"{TESTS}test_stopping.py::test_a_seed_is_of_a_text",
    ),
    Fault(
        "models/generation/generate.py",
        "live, chosen = live[kept], chosen[kept]",
        "live = live[kept]; chosen = chosen[: len(kept)]",
        f"{CACHED}test_a_text_does_not_depend_on_the_others",
    ),
    Fault(
        "models/generation/prompts.py",
        "slice(width - len(text), None) if left",
        "slice(len(text)) if left",
        f"{CACHED}test_a_text_does_not_depend_on_the_others",
    ),
    Fault(
        "models/generation/settings.py",
        'drawn += ["temperature"] if self.temperature else []',
        "pass",
        f"{TESTS}test_refused.py::test_settings",
    ),
    Fault(
        "models/generation/cache.py",
        "    real = as_array(attention_mask)",
        "    real = np.asarray(attention_mask)",
        "tests/models/test_padded.py::test_masks_are_replayed",
    ),
    Fault(
        "models/generation/layers.py",
        "(length <= encoding.max_len and _ends_padded(real))",
        "_ends_padded(real)",
        "tests/models/test_padded.py::test_padding_may_reach_beyond_the_last_position",
    ),
    Fault(
        "models/generation/layers.py",
        "not (real[:, 1:] & ~real[:, :-1]).any()",
        "not (real[:, 1:] & real[:, :-1]).any()",
        "tests/models/test_padded.py::test_padding_on_the_right_looks_up_no_positions",
    ),
    Fault(
        "models/generation/layers.py",
        "not (real[:, 1:] & ~real[:, :-1]).any()",
        "not (real[:, 2:] & ~real[:, :-2]).all()",
        f"{CACHED}test_padding_changes_nothing_whatever_stands_there",
    ),
]
