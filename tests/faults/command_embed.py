"""Faults of `tapegrad embed`."""

from .fault import Fault

EMBED = "tests/command/test_embed.py::"
REFUSED = f"{EMBED}test_what_is_not_covered_is_refused"
LONG = f"{EMBED}test_the_folder_has_a_limit_below_the_models"
PROMPTS = f"{EMBED}test_prompts"
POOLINGS = f"{EMBED}test_every_pooling_and_several_joined"

FAULTS = [
    Fault(
        "command/sentences.py",
        '"pooling_mode_cls_token": "cls"',
        '"pooling_mode_cls_token": "mean"',
        f"{EMBED}test_vectors_are_made_as_sentence_transformers_files_say",
    ),
    Fault(
        "command/sentences.py",
        'said.get("pooling_mode", [mode for flag, mode in FLAGS.items() if said.get(flag)])',
        "[mode for flag, mode in FLAGS.items() if said.get(flag)]",
        f"{EMBED}test_the_pooling_in_one_word",
    ),
    Fault(
        "command/sentences.py",
        "pooling=(pooling,) if pooling else pooled_by(folder, said)",
        "pooling=pooled_by(folder, said)",
        f"{EMBED}test_another_pooling_than_one_that_is_not_covered",
    ),
    Fault("command/sentences.py", 'tokenizer.get("model_max_length")', "None", LONG),
    Fault(
        "command/sentences.py", '(path, "max_seq_length", own.get("max_seq_length"))', '("", "", None)', LONG
    ),
    Fault(
        "command/sentences.py",
        'paths.get("Pooling", os',
        "(os",
        f"{EMBED}test_layers_lie_where_the_list_says",
    ),
    Fault(
        "command/sentences.py",
        'paths.get("Transformer", folder)',
        "folder",
        f"{EMBED}test_layers_lie_where_the_list_says",
    ),
    Fault("command/sentences.py", 'name.startswith("pooling_mode_") and on', "False", REFUSED),
    Fault("command/sentences.py", "and value != USUAL.get(name)", "and False", REFUSED),
    Fault("command/sentences.py", 'package.partition(".")[0] != "sentence_transformers"', "False", REFUSED),
    Fault("command/sentences.py", "if os.path.isabs(inside) or", "if", REFUSED),
    Fault("command/sentences.py", "if kinds not in LAYERS:", "if False:", REFUSED),
    Fault("command/sentences.py", 'if kind != "SentenceTransformer":', "if False:", REFUSED),
    Fault(
        "command/sentences.py",
        'said.get("default_prompt_name") if name is None else name',
        'said.get("default_prompt_name")',
        PROMPTS,
    ),
    Fault("command/sentences.py", 'said.get("include_prompt") is not False', "True", PROMPTS),
    Fault("command/embed.py", "given = self.prompt + text", "given = text", PROMPTS),
    Fault("command/embed.py", "x[:, skipped]", "x[:, 0]", PROMPTS),
    Fault("command/embed.py", "read * places[:, None]", "read * (places - skipped)[:, None]", PROMPTS),
    Fault(
        "command/embed.py", "if len(ids) > self.longest:", "if False:", f"{EMBED}test_texts_that_are_too_long"
    ),
    Fault("command/embed.py", "if not self.cuts_end:", "if False:", f"{EMBED}test_the_end_of_long_texts"),
    Fault(
        "command/embed.py",
        "if len(ids) <= self.skipped:",
        "if False:",
        f"{EMBED}test_prompts_that_are_none",
    ),
    Fault("command/embed.py", "states = model.hidden(ids, real)", "states = model.hidden(ids)", POOLINGS),
    Fault("command/embed.py", "np.where(read, x, -np.inf)", "x", POOLINGS),
    Fault("command/embed.py", "real.sum(axis=1) - 1", "-1", POOLINGS),
    Fault("command/embed.py", "/ np.sqrt(count)", "/ count", POOLINGS),
    Fault(
        "command/embed.py",
        "        check_place(args.output)\n",
        "        pass\n",
        f"{EMBED}test_where_no_file_can_be_written",
    ),
]
