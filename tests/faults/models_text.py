"""Faults of models/text."""

from .fault import Fault

TESTS = "tests/models/text/"
STREAM = f"{TESTS}test_streaming.py::"
PLAIN = f"{TESTS}test_plain.py::"
SUBWORDS = f"{TESTS}test_subwords.py::"
CHAT = f"{TESTS}test_chat.py::"

FAULTS = [
    Fault(
        "models/text/subwords.py",
        "if self._drops and self",
        "if False and self",
        "tests/models/text/test_subwords.py::test_a_letter_that_nothing_stands_for",
    ),
    Fault(
        "models/text/streaming.py",
        "held = min(len(text) - len(text.rstrip(UNKNOWN)), OPEN)",
        "held = 0",
        f"{STREAM}test_each_character_as_soon_as_it_is_whole",
    ),
    Fault(
        "models/text/streaming.py",
        "held = min(len(text) - len(text.rstrip(UNKNOWN)), OPEN)",
        "held = len(text) - len(text.rstrip(UNKNOWN)) - 1",
        f"{STREAM}test_pieces_are_the_text",
    ),
    Fault(
        "models/text/streaming.py",
        "if text[: self._shown] != self._text[: self._shown]:",
        "if False:",
        f"{STREAM}test_bytes_in_a_row_that_stop_being_a_text_are_not_taken_back",
    ),
    Fault(
        "models/text/streaming.py",
        "self._restart(ids[-self._new :])",
        "self._restart(ids)",
        f"{STREAM}test_only_the_last_ids_are_decoded_again",
    ),
    Fault(
        "models/text/streaming.py",
        "self._restart(ids[-self._new :])",
        "self._restart([])",
        f"{STREAM}test_ids_after_others_read_as_they_do_there",
    ),
    Fault(
        "models/text/streaming.py",
        "yield held[: len(held) - keep]",
        "yield held",
        f"{STREAM}test_until_is_what_stands_before_the_first",
    ),
    Fault(
        "models/text/streaming.py",
        "range(min(len(text), len(stop) - 1), 0, -1)",
        "range(1, min(len(text), len(stop)))",
        f"{STREAM}test_until_finds_what_begins_like_itself",
    ),
    Fault(
        "models/text/tokenizer.py",
        "rest = decoding.close()",
        'rest = ""',
        f"{STREAM}test_what_was_to_be_a_character_is_shown_at_the_end",
    ),
    Fault(
        "models/text/tokenizer.py",
        "self.decode(some, skip_special_tokens=True)",
        "self.decode(some)",
        f"{STREAM}test_special_tokens_are_not_shown",
    ),
    Fault(
        "models/text/plain.py",
        "other = self._codes[ids] != codes",
        "other = ids > self.units",
        f"{PLAIN}test_unknown_characters",
    ),
    Fault(
        "models/text/plain.py",
        "special = ids >= self.units",
        "special = ids > self.units",
        f"{PLAIN}test_special_tokens_have_the_ids_after_the_others",
    ),
    Fault(
        "models/text/folder.py",
        '("generation_config.json", "config.json")',
        '("config.json", "generation_config.json")',
        f"{PLAIN}test_what_ends_a_text_is_what_the_models_files_say_too",
    ),
    Fault(
        "models/text/subwords.py",
        "        tokenizer.no_padding()\n",
        "",
        f"{SUBWORDS}test_a_tokenizer_neither_cuts_nor_pads_by_itself",
    ),
    Fault(
        "models/text/subwords.py",
        "        finally:\n            self.tokenizer.no_truncation()",
        "        finally:\n            pass",
        f"{SUBWORDS}test_a_tokenizer_neither_cuts_nor_pads_by_itself",
    ),
    Fault(
        "models/text/subwords.py",
        'special=bool(about.get("special"))',
        "special=False",
        f"{SUBWORDS}test_tokens_that_only_the_config_has",
    ),
    Fault(
        "models/text/older.py",
        'config.get("do_lower_case", True)',
        'config.get("do_lower_case", False)',
        f"{SUBWORDS}test_folders_from_before_tokenizer_json -k word_pieces",
    ),
    Fault(
        "models/text/older.py",
        'bool(config.get("add_prefix_space", False))',
        'bool(config.get("add_prefix_space", True))',
        f"{SUBWORDS}test_folders_from_before_tokenizer_json -k byte_pairs",
    ),
    Fault(
        "models/text/chat.py",
        "if value is not None}",
        "if True}",
        f"{CHAT}test_json_is_not_escaped_and_what_is_none_is_left_out",
    ),
    Fault(
        "models/text/chat.py",
        "ensure_ascii=ensure_ascii, ",
        "",
        f"{CHAT}test_json_is_not_escaped_and_what_is_none_is_left_out",
    ),
    Fault(
        "models/text/chat.py",
        "lstrip_blocks=True",
        "lstrip_blocks=False",
        f"{CHAT}test_blocks_leave_no_empty_lines_and_loops_can_be_left",
    ),
    Fault(
        "models/text/chat.py",
        "from jinja2.sandbox import ImmutableSandboxedEnvironment\n",
        "from jinja2 import Environment as ImmutableSandboxedEnvironment\n",
        f"{CHAT}test_what_a_template_may_not",
    ),
    Fault(
        "models/text/folder.py",
        'if "eos_token_id" in about:',
        'if about.get("eos_token_id") is not None:',
        "tests/models/text/test_plain.py::test_what_ends_a_text_is_what_the_models_files_say_too",
    ),
]
