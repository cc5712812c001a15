"""Faults planted in published decoders and the folders that they are loaded from."""

from .fault import Fault

DECODERS = "tests/models/pretrained/test_decoders.py::"
FOLDER = "tests/models/pretrained/test_folder.py::"
CONFIG = "tests/models/pretrained/test_config.py::"
ROPE = "tests/models/pretrained/test_rope.py::"
FOLDER_PY, CONFIG_PY = "models/pretrained/folder.py", "models/pretrained/config.py"
GPT2, LLAMA, TURNS = (f"models/pretrained/{name}.py" for name in ("gpt2", "llama", "rope"))
NUMBERS = f"{DECODERS}test_logits_loss_and_its_gradients -k "

FAULTS = [
    # settings
    Fault(
        CONFIG_PY,
        "if value is not None and settings.get(name, value) != value:",
        "if False:",
        f"{CONFIG}test_settings_that_do_not_fit -k words",
    ),
    Fault(
        CONFIG_PY,
        "settings if value is None else {**settings, name: value}",
        "settings",
        f"{CONFIG}test_other_words_for_a_setting",
    ),
    Fault(
        CONFIG_PY,
        'f"is to be {least} or more"',
        '"is to be 1 or more"',
        f"{CONFIG}test_settings_that_do_not_fit -k pad_token_id",
    ),
    Fault(
        CONFIG_PY, "MOST_LAYERS if name", "LARGEST if name", f"{CONFIG}test_settings_that_do_not_fit -k 1001"
    ),
    Fault(
        FOLDER_PY,
        "return held(os.fspath(folder), name)",
        "return os.path.join(os.fspath(folder), name)",
        f"{FOLDER}test_a_folder_does_not_choose_what_else_is_read",
    ),
    Fault(
        FOLDER_PY,
        "except (MemoryError, ValueError)",
        "except ValueError",
        f"{FOLDER}test_sizes_that_no_memory_holds",
    ),
    Fault(
        "models/pretrained/t5_config.py",
        "if self.rest.get(name, own) not in (own, None):",
        "if False:",
        f"{CONFIG}test_settings_that_do_not_fit -k feed_forward_proj",
    ),
    # rotary positions
    Fault(
        TURNS,
        "np.stack([-sin, sin], -2)",
        "np.stack([sin, -sin], -2)",
        f"{ROPE}test_it_turns_pairs_by_their_angles",
    ),
    Fault(TURNS, "g * cos - g[..., ::-1, :] * sin", "g * cos + g[..., ::-1, :] * sin", f"{NUMBERS}qwen2"),
    Fault(TURNS, "f / np.float32(factor) * stretched", "f * stretched", f"{NUMBERS}yarn"),
    Fault(TURNS, "low, high = math.floor(low), math.ceil(high)", "pass", f"{NUMBERS}yarn"),
    Fault(TURNS, "(1 - kept) * f / s", "kept * f / s", f"{NUMBERS}llama3"),
    Fault(TURNS, "** (dim / (dim - 2))", "** (dim / (dim - 1))", f"{NUMBERS}dynamic"),
    Fault(TURNS, "np.asarray(length) > original", "np.asarray(length) >= longest", f"{NUMBERS}longrope"),
    Fault(TURNS, "math.sqrt(1 + math.log(factor)", "(1 + math.log(factor)", f"{NUMBERS}longrope"),
    Fault(TURNS, "positions[..., -1:] + 1", "positions[..., -1:]", f"{NUMBERS}dynamic"),
    Fault(TURNS, "np.cos(angles) * np.float32(scale)", "np.cos(angles)", f"{NUMBERS}yarn"),
    Fault(
        TURNS,
        'settings.get("rope_type", settings.pop("type", None))',
        'settings.get("rope_type")',
        f"{ROPE}test_older_names",
    ),
    # Llama
    Fault(
        LLAMA,
        "y.reshape(b, h, 1, d)",
        "y.reshape(b, g, h // g, d).transpose(0, 2, 1, 3).reshape(b, h, 1, d)",
        f"{DECODERS}test_twenty_greedy_tokens_cached_or_not -k theta",
    ),
    Fault(
        LLAMA,
        "q.reshape(b, g, h // g, t, d), k[:, :, None], v[:, :, None]",
        "q.reshape(b, h // g, g, t, d), k[:, None], v[:, None]",
        f"{NUMBERS}theta",
    ),
    Fault(
        LLAMA,
        "mask_of(length, past, attention_mask, w)",
        "mask_of(length, past, attention_mask, w and w + 1)",
        f"{DECODERS}test_a_window_counts_the_position_itself",
    ),
    Fault(
        LLAMA,
        "cache.extend(self.layer, k, v, self.window)",
        "cache.extend(self.layer, k, v, self.window and self.window - 1 or None)",
        f"{DECODERS}test_a_window_counts_the_position_itself",
    ),
    Fault(
        LLAMA,
        "self.input_layernorm = nn.RMSNorm(c.hidden_size, c.rms_norm_eps)",
        "self.input_layernorm = nn.RMSNorm(c.hidden_size, 1e-6)",
        f"{NUMBERS}biases",
    ),
    Fault(
        LLAMA,
        "not self.turns(layer) if smollm",
        "self.turns(layer) if smollm",
        f"{CONFIG}test_windows_by_layer",
    ),
    Fault(
        LLAMA,
        "layer >= self.max_window_layers",
        "layer > self.max_window_layers",
        f"{CONFIG}test_windows_by_layer",
    ),
    Fault(LLAMA, "not (listed and smollm)", "not smollm", f"{CONFIG}test_windows_by_layer"),
    Fault(LLAMA, "not (listed and smollm)", "not listed", f"{CONFIG}test_windows_by_layer"),
    Fault(LLAMA, "not (listed and smollm)", "True", f"{NUMBERS}smollm3-types"),
    Fault(LLAMA, "if self.turns:", "if True:", f"{NUMBERS}smollm3"),
    Fault(
        LLAMA,
        "            self.lm_head.weight = self.model.embed_tokens.weight",
        "            pass",
        f"{FOLDER}test_there_and_back",
    ),
    Fault(LLAMA, 'read = bias or c.model_type == "qwen2"', "read = bias", f"{NUMBERS}qwen2"),
    Fault(
        LLAMA,
        "positions_of(length, past, attention_mask), model",
        "positions_of(length, past), model",
        f"{DECODERS}test_what_is_padded_influences_nobody -k dynamic",
    ),
    Fault(
        LLAMA,
        "and self.outgrown(ids.shape[1], cache.length, attention_mask)",
        "and False",
        f"{DECODERS}test_what_is_padded_influences_nobody -k longrope",
    ),
    Fault(
        LLAMA,
        'own["sliding_window"] = self.sliding_window',
        "pass",
        f"{CONFIG}test_a_config_is_written_with_what_it_stands_for",
    ),
    # GPT-2
    Fault(
        GPT2,
        "            self.lm_head.weight = self.transformer.wte.weight",
        "            pass",
        f"{FOLDER}test_there_and_back",
    ),
    Fault(GPT2, "self.scale /= layer + 1", "self.scale /= layer or 1", f"{NUMBERS}gpt2-scales"),
    Fault(GPT2, "if c.scale_attn_weights else 1.0", "if True else 1.0", f"{NUMBERS}unscaled"),
    Fault(GPT2, "c.n_inner or 4 * c.n_embd", "4 * c.n_embd", f"{NUMBERS}gpt2-inner"),
    Fault(
        GPT2,
        "self.ln_1 = nn.LayerNorm(c.n_embd, c.layer_norm_epsilon)",
        "self.ln_1 = nn.LayerNorm(c.n_embd)",
        f"{NUMBERS}gpt2-inner",
    ),
    Fault(
        GPT2,
        "body.wpe(positions)",
        "body.wpe(np.arange(length))",
        f"{DECODERS}test_twenty_greedy_tokens_cached_or_not -k unscaled",
    ),
    Fault(
        GPT2, "check_context(self, positions)", "pass", f"{DECODERS}test_a_text_longer_than_learned_positions"
    ),
    # folders
    Fault(FOLDER_PY, "with nn.utils.no_init():", "if True:", f"{FOLDER}test_there_and_back"),
    Fault(FOLDER_PY, "        model.eval()\n", "", f"{FOLDER}test_there_and_back"),
    Fault(
        FOLDER_PY,
        "is not kept and not np",
        "is kept and not np",
        f"{FOLDER}test_a_tied_weight_may_be_there_twice_or_under_either_name",
    ),
    Fault(FOLDER_PY, "np.result_type(np.float32, *kinds)", "np.result_type(*kinds)", f"{FOLDER}test_dtypes"),
    Fault(
        FOLDER_PY,
        '{"torch_dtype": dtype} if',
        "{} if",
        f"{FOLDER}test_settings_that_nobody_asks_for_are_kept",
    ),
    Fault(
        FOLDER_PY,
        "if os.path.exists(os.path.join(folder, INDEX)):",
        "if False:",
        f"{FOLDER}test_several_files",
    ),
    Fault(
        CONFIG_PY,
        '(isinstance(value, bool) and "bool" not in kinds)',
        "False",
        f"{CONFIG}test_settings_that_do_not_fit",
    ),
    Fault(
        FOLDER_PY,
        'found is None or found.kind != "f"',
        "found is None",
        f"{FOLDER}test_dtypes_that_are_none_to_compute_in",
    ),
    Fault(
        CONFIG_PY,
        "if self.rest.get(name, value) is not value:",
        "if self.rest.get(name):",
        f"{CONFIG}test_settings_that_say_what_is_so_anyway",
    ),
    Fault(GPT2, "{**Config.only, **CAUSAL}", "Config.only", f"{CONFIG}test_settings_that_do_not_fit"),
    Fault(LLAMA, "{**Config.only, **CAUSAL}", "CAUSAL", f"{CONFIG}test_settings_that_do_not_fit"),
    Fault(CONFIG_PY, "not 0 <= value < math.inf", "value < 0", f"{CONFIG}test_settings_that_do_not_fit"),
    Fault(
        CONFIG_PY,
        "if name not in own or value is None",
        "if name not in own",
        f"{FOLDER}test_settings_that_nobody_asks_for_are_kept",
    ),
    # products of a few rows
    Fault(
        "nn/functional/linear.py",
        "np.vecdot(weight[:, None], x, out=y.T)",
        "np.vecdot(weight[:, None], x[:1], out=y.T)",
        "tests/nn/test_linear_rows.py",
    ),
    Fault(
        "nn/functional/linear.py",
        " and _several_threads()",
        "",
        "tests/nn/test_linear_rows.py",
    ),
    Fault(
        "nn/functional/linear.py",
        "return _by(_product, needs, x, weight, bias)",
        "return linear_plain(needs, x, weight, bias) if needs[0] else _by(_product, needs, x, weight, bias)",
        "tests/nn/test_linear_rows.py",
    ),
]
