"""Faults planted in BERT, T5 and ViT."""

from .fault import Fault

ALL = "tests/models/pretrained/test_encoders.py::"
BERTS, T5S, VITS = (f"tests/models/pretrained/test_{name}.py::" for name in ("bert", "t5", "vit"))
BERT, HEADS, BERT_CONFIG, T5, T5_CONFIG, VIT, LABELS, PADDING = (
    f"models/pretrained/{name}.py"
    for name in ("bert", "bert_heads", "bert_config", "t5", "t5_config", "vit", "labels", "padding")
)
NUMBERS = f"{ALL}test_outputs_and_gradients -k "
BACK = f"{ALL}test_there_and_back -k "
BAD = f"{ALL}test_settings_that_do_not_fit -k "

FAULTS = [
    # BERT and RoBERTa
    Fault(BERT, "first = padding + 1", "first = padding", f"{NUMBERS}roberta-token"),
    Fault(
        BERT,
        "real.cumsum(axis=1) - 1, -1)",
        "np.arange(ids.shape[1]), -1)",
        f"{BERTS}test_padding_on_the_left",
    ),
    Fault(
        BERT,
        "positions = np.where(real, real",
        "positions = np.where(True, real",
        f"{BERTS}test_padding_has_a_position_of_its_own",
    ),
    Fault(BERT, "        check_context(self, positions)\n", "", f"{BERTS}test_texts_that_are_too_long"),
    Fault(
        BERT,
        "mean = ag.where(real[..., None], x, 0).sum(axis=1) / count",
        "mean = x.mean(axis=1)",
        f"{BERTS}test_the_mean_is_of_real_tokens",
    ),
    Fault(BERT, ".sum(axis=1) / count", ".mean(axis=1)", f"{BERTS}test_the_mean_is_of_real_tokens"),
    Fault(
        BERT,
        "            x = ag.where(real[..., None], x, 0)\n",
        "            pass\n",
        f"{BERTS}test_what_is_padded_influences_nobody",
    ),
    Fault(
        BERT,
        "mask = None if real is None else real[:, None, None, :]",
        "mask = None",
        f"{BERTS}test_what_is_padded_influences_nobody",
    ),
    Fault(
        BERT,
        "else self.token_type_embeddings(types)",
        "else self.token_type_embeddings.weight[0]",
        f"{NUMBERS}bert-token",
    ),
    Fault(
        BERT,
        "self.LayerNorm(stream + self.dropout(self.dense(x)))",
        "stream + self.LayerNorm(self.dropout(self.dense(x)))",
        f"{NUMBERS}bert-token",
    ),
    Fault(BERT, "first = x[:, 0]", "first = x[:, -1]", f"{NUMBERS}bert-text"),
    Fault(
        BERT,
        "return self.classifier(self.dropout(pooled))",
        "return self.classifier(self.dropout(first))",
        f"{NUMBERS}bert-text",
    ),
    Fault(BERT, "c.hidden_size, c.pad_token_id)", "c.hidden_size)", f"{ALL}test_initial_weights"),
    Fault(BERT, '.replace("LayerNorm.beta", "LayerNorm.bias")', "", f"{BERTS}test_names_of_older_files"),
    Fault(
        BERT,
        r'self.ignored += (r"^(cls|lm_head|classifier)\.",)',
        "pass",
        f"{BERTS}test_names_of_older_files",
    ),
    Fault(
        BERT,
        "            self.body.pooler = None",
        "            pass",
        f"{BERTS}test_without_the_weights_of_a_pooler",
    ),
    Fault(BERT, '"architectures": [self.config.architecture]', "", f"{BACK}roberta-text"),
    Fault(
        BERT, "if self.training else 0.0", "if False else 0.0", f"{ALL}test_each_dropout_of_bert -k attention"
    ),
    Fault(HEADS, "        decoder.weight = words.weight", "        pass", f"{NUMBERS}bert-masked"),
    Fault(
        HEADS,
        'super().__init__(c, "layer_norm", "gelu")',
        'super().__init__(c, "layer_norm", "relu")',
        f"{NUMBERS}roberta-masked",
    ),
    Fault(HEADS, "F.tanh(self.dense(first))", "self.dense(first)", f"{NUMBERS}roberta-text"),
    Fault(
        BERT_CONFIG,
        'if self.position_embedding_type not in (None, "absolute"):',
        "if False:",
        f"{BAD}relative_key",
    ),
    Fault(
        BERT_CONFIG,
        "first = (self.pad_token_id or 0) + 1 if",
        "first = 1 if",
        f"{BERTS}test_texts_that_are_too_long",
    ),
    # T5
    Fault(T5, "exact = buckets // 2", "exact = buckets // 2 + 1", f"{T5S}test_buckets"),
    Fault(T5, "buckets - 1))", "buckets))", f"{T5S}test_buckets"),
    Fault(T5, " * steps + 1e-6)", " * steps - 1e-6)", f"{T5S}test_buckets"),
    Fault(
        T5, "np.where(distance > 0, buckets, 0)", "np.where(distance >= 0, buckets, 0)", f"{T5S}test_buckets"
    ),
    Fault(
        T5,
        "np.arange(past, past + new)[:, None]",
        "np.arange(new)[:, None]",
        f"{T5S}test_steps_of_several_tokens",
    ),
    Fault(T5, "self.config, not self.decodes", "self.config, True", f"{NUMBERS}t5-gelu"),
    Fault(
        T5, "is_causal, scale=1.0)", "is_causal)", f"{T5S}test_attention_is_not_scaled_and_the_tied_head_is"
    ),
    Fault(T5, "x * self.config.d_model**-0.5 if self.config.scaled else x", "x", f"{NUMBERS}t5-gelu"),
    Fault(T5, "**-0.5 if self.config.scaled else x", "**-0.5", f"{NUMBERS}t5-gated"),
    Fault(
        T5, "self.act(self.wi_0(x)) * self.wi_1(x)", "self.wi_0(x) * self.act(self.wi_1(x))", f"{NUMBERS}mt5"
    ),
    Fault(T5, "bias = ag.where(mask, bias, -np.inf)", "pass", f"{T5S}test_what_is_padded_influences_nobody"),
    Fault(
        T5,
        "x, mask = ag.where(real[..., None], x, 0), real[:, None, None, :]",
        "mask = real[:, None, None, :]",
        f"{T5S}test_what_is_padded_influences_nobody",
    ),
    Fault(
        T5,
        "seen = None if real is None else real[:, None, None, :]",
        "seen = None",
        f"{T5S}test_what_is_padded_influences_nobody",
    ),
    Fault(
        T5,
        "cache.cross(self.number, lambda: make(memory))",
        "make(memory)",
        f"{T5S}test_a_source_is_read_once",
    ),
    Fault(
        T5,
        "if tied != self.config.tie_word_embeddings:",
        "if False:",
        f"{T5S}test_the_file_says_whether_the_head_is_tied",
    ),
    Fault(T5, "c.num_decoder_layers or c.num_layers", "c.num_layers", f"{NUMBERS}t5-silu"),
    Fault(T5, "c.d_model * c.d_kv", "c.d_model", f"{ALL}test_initial_weights"),
    Fault(T5_CONFIG, '"gelu_new" if name == "gated-gelu" else', "", f"{NUMBERS}mt5"),
    Fault(T5_CONFIG, 'if self.model_type != "t5":', "if False:", f"{NUMBERS}mt5"),
    Fault(
        T5_CONFIG,
        'start = {"decoder_start_token_id": settings.get("pad_token_id", 0)}',
        "start = {}",
        f"{T5S}test_the_first_token_of_a_target",
    ),
    # ViT
    Fault(
        VIT,
        "x = ag.concatenate([ag.broadcast_to(self.cls_token, (b, 1, c)), x], axis=1)",
        "x = ag.concatenate([x, ag.broadcast_to(self.cls_token, (b, 1, c))], axis=1)",
        f"{NUMBERS}vit-oblong",
    ),
    Fault(
        VIT, "first = x[:, 0]", "first = x.mean(axis=1)", f"{VITS}test_the_label_is_that_of_the_class_token"
    ),
    Fault(
        VIT,
        "reshape(1, *self.grid, -1).transpose(0, 3, 1, 2)",
        "reshape(1, *self.grid, -1).transpose(0, 3, 2, 1)",
        f"{ALL}test_a_larger_image",
    ),
    Fault(VIT, 'mode="bicubic"', 'mode="bilinear"', f"{ALL}test_a_larger_image"),
    Fault(
        VIT,
        "self.image[0] // self.patch[0], self.image[1]",
        "self.image[1] // self.patch[0], self.image[0]",
        f"{NUMBERS}vit-oblong",
    ),
    Fault(VIT, "elif fits and shape[1:] != wanted:", "elif False:", f"{VITS}test_input_that_does_not_fit"),
    Fault(VIT, "else as_array(pixels)", "else pixels", f"{VITS}test_pixels_of_another_library"),
    Fault(VIT, 'if kind.kind != "f":', "if False:", f"{VITS}test_input_that_does_not_fit -k uint8"),
    Fault(
        VIT,
        "x = x + self.dropout(self.attention.output(y))",
        "x = self.dropout(self.attention.output(y))",
        f"{NUMBERS}vit-pooled",
    ),
    Fault(VIT, '"architectures": [self.config.architecture]', "", f"{BACK}vit-pooled"),
    # labels and padding
    Fault(LABELS, "key=lambda item: int(item[0])", "key=lambda item: item[0]", f"{ALL}test_labels"),
    Fault(LABELS, '(False, "is to be false, as', '(True, "is to be true, as', f"{BAD}is_causal"),
    Fault(LABELS, "if numbers != list(range(len(numbers))):", "if False:", f"{BAD}id2label"),
    Fault(
        PADDING, "if not np.array_equal(real, found):", "if False:", f"{BERTS}test_input_that_does_not_fit"
    ),
    Fault(
        PADDING,
        "if found.shape != shape:",
        "if found.shape[1] != shape[1]:",
        f"{BERTS}test_input_that_does_not_fit",
    ),
]
