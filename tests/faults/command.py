"""Faults of the program `tapegrad`."""

from .fault import Fault

TESTS = "tests/command/"
PROGRAM = f"{TESTS}test_program.py::"
GENERATE = f"{TESTS}test_generate.py::"
INSPECT = f"{TESTS}test_inspect.py::"

FAULTS = [
    Fault(
        "command/usage.py",
        'raise ArgumentTypeError("it is no text in UTF-8") from None',
        "pass",
        f"{GENERATE}test_an_argument_that_is_no_text",
    ),
    Fault(
        "command/usage.py",
        'sys.stdin.reconfigure(errors="strict")',
        "pass",
        f"{GENERATE}test_input_that_is_no_text_in_any_locale",
    ),
    Fault(
        "command/generate.py",
        'given = given | {"num_return_sequences": 1}',
        "pass",
        f"{GENERATE}test_the_folders_own_settings",
    ),
    Fault(
        "command/__init__.py",
        "return INTERRUPTED",
        "return 1",
        f"{PROGRAM}test_ctrl_c",
    ),
    Fault(
        "command/__init__.py",
        "except BrokenPipeError:",
        "except ZeroDivisionError:",
        f"{PROGRAM}test_who_reads_may_leave -k inspect",
    ),
    Fault(
        "command/__init__.py",
        "        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())",
        "        pass",
        f"{PROGRAM}test_who_reads_may_leave -k generate",
    ),
    Fault(
        "command/__init__.py",
        'text = " ".join(str(error).split())',
        "text = str(error)",
        f"{PROGRAM}test_a_fault_of_the_program_says_its_class",
    ),
    Fault(
        "command/__init__.py",
        'self.exit(2, f"',
        'self.exit(1, f"',
        f"{PROGRAM}test_arguments_that_are_none -k sing",
    ),
    Fault(
        "command/inspect.py",
        "from collections.abc import Iterator\n",
        "from collections.abc import Iterator\nimport numpy\n",
        f"{PROGRAM}test_help_loads_neither_numpy_nor_models",
    ),
    Fault(
        "command/inspect.py",
        "array.sum(dtype=wide)",
        "array.sum()",
        f"{INSPECT}test_sums_are_of_float64",
    ),
    Fault(
        "command/inspect.py",
        'own = [row for row in rows if "tied_to" not in row]',
        "own = rows",
        f"{INSPECT}test_tied_weights_count_once",
    ),
    Fault(
        "command/inspect.py",
        "each = itemsize(code) or value.dtype.itemsize",
        "each = value.dtype.itemsize",
        f"{INSPECT}test_the_dtype_is_the_files_and_sums_are_exact -k BF16",
    ),
    Fault(
        "nn/stored.py",
        "return Stored(bits, (make,), dtype, code)",
        'return Stored(bits, (make,), dtype, "F32")',
        f"{INSPECT}test_the_dtype_is_the_files_and_sums_are_exact -k BF16",
    ),
    Fault(
        "command/generate.py",
        "if token not in ends",
        "if True",
        f"{GENERATE}test_a_text_ends_without_its_end_token",
    ),
    Fault(
        "command/generate.py",
        "context - read + 1",
        "context - read",
        f"{GENERATE}test_without_a_number_the_context_is_filled",
    ),
    Fault(
        "command/generate.py",
        "() if answers else ids",
        "()",
        f"{GENERATE}test_what_continues_a_text_keeps_its_space",
    ),
    Fault(
        "command/generate.py",
        'given = given | {"temperature": 0}',
        "pass",
        f"{GENERATE}test_the_likeliest_unless_told_otherwise -k llama",
    ),
    Fault(
        "command/generate.py",
        "encode(text, add_special_tokens=False)",
        "encode(text)",
        f"{GENERATE}test_a_conversation",
    ),
    Fault(
        "command/generate.py",
        '        messages.append({"role": "assistant", "content": answer})\n',
        "",
        f"{GENERATE}test_a_conversation",
    ),
    Fault(
        "command/generate.py",
        "    sys.stdout.write(text)\n    sys.stdout.flush()",
        "    sys.stdout.write(text)",
        f"{GENERATE}test_each_piece_is_flushed",
    ),
    Fault(
        "command/__init__.py",
        "if sys.stdin is None:",
        "if False:",
        f"{TESTS}test_program.py::test_streams_that_are_closed",
    ),
    Fault(
        "command/graph.py",
        "with nn.utils.no_init():",
        "if True:",
        f"{TESTS}test_graph.py::test_nothing_is_drawn_at_random",
    ),
    Fault(
        "command/graph.py",
        "if args.output is None and unused:",
        "if False:",
        f"{TESTS}test_graph.py::test_arguments_without_effect",
    ),
    Fault(
        "command/graph.py",
        '("length", args.length, 1), ("depth", args.depth, 0)',
        '(("length", args.length, 1),)',
        f"{TESTS}test_graph.py::test_arguments_without_effect",
    ),
]
