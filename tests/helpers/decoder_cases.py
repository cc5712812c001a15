"""Tiny decoders of every kind of setting: what config.json says of each."""

SMALL = {"bos_token_id": 1, "eos_token_id": 2}
GPT2 = {
    "model_type": "gpt2",
    "vocab_size": 19,
    "n_positions": 40,
    "n_embd": 12,
    "n_layer": 3,
    "n_head": 3,
    **SMALL,
}
LLAMA = {
    "model_type": "llama",
    "vocab_size": 19,
    "hidden_size": 16,
    "intermediate_size": 20,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32,
    "pad_token_id": None,
    **SMALL,
}


def rope(kind, **settings):
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10000.0, **settings}}


def factors(start):
    return [start + 0.3 * i for i in range(2)]


DECODERS = {
    "gpt2": GPT2,
    "gpt2-inner": {**GPT2, "n_inner": 20, "activation_function": "relu", "layer_norm_epsilon": 1e-2},
    "gpt2-scales": {**GPT2, "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True},
    "gpt2-unscaled": {**GPT2, "scale_attn_weights": False, "activation_function": "quick_gelu"},
    "gpt2-untied": {**GPT2, "tie_word_embeddings": False, "activation_function": "gelu"},
    "llama": LLAMA,
    "llama-tied": {**LLAMA, "tie_word_embeddings": True, "num_key_value_heads": 4, "pad_token_id": 3},
    "llama-biases": {
        **LLAMA,
        "attention_bias": True,
        "mlp_bias": True,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-2,
    },
    "llama-head_dim": {**LLAMA, "head_dim": 6, "hidden_act": "gelu_pytorch_tanh"},
    "llama-theta": {**LLAMA, **rope("default", rope_theta=500.0)},
    "llama-linear": {**LLAMA, **rope("linear", factor=3.0)},
    "llama-dynamic": {**LLAMA, **rope("dynamic", factor=2.0), "max_position_embeddings": 8},
    "llama-llama3": {
        **LLAMA,
        **rope("llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0),
        "head_dim": 12,
        "rope_parameters": {
            "rope_type": "llama3",
            "rope_theta": 100.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 16,
        },
    },
    "llama-yarn": {
        **LLAMA,
        "head_dim": 12,
        **rope(
            "yarn",
            rope_theta=100.0,
            factor=4.0,
            original_max_position_embeddings=8,
            beta_fast=4.0,
            beta_slow=0.5,
        ),
    },
    "llama-longrope": {
        **LLAMA,
        **rope(
            "longrope",
            factor=4.0,
            short_factor=factors(1.0),
            long_factor=factors(2.0),
            original_max_position_embeddings=8,
        ),
    },
    "mistral": {**LLAMA, "model_type": "mistral", "sliding_window": 3},
    "mistral-all": {**LLAMA, "model_type": "mistral", "sliding_window": None, "head_dim": 6},
    "qwen2": {**LLAMA, "model_type": "qwen2", "tie_word_embeddings": True},
    "qwen2-window": {
        **LLAMA,
        "model_type": "qwen2",
        "use_sliding_window": True,
        "sliding_window": 4,
        "max_window_layers": 1,
    },
    "qwen3": {**LLAMA, "model_type": "qwen3", "head_dim": 6},
    "qwen3-types": {
        **LLAMA,
        "model_type": "qwen3",
        "head_dim": 4,
        "attention_bias": True,
        "use_sliding_window": True,
        "sliding_window": 2,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "smollm3": {**LLAMA, "model_type": "smollm3", "no_rope_layer_interval": 2},
    "smollm3-window": {
        **LLAMA,
        "model_type": "smollm3",
        "no_rope_layers": [1, 0, 1],
        "use_sliding_window": True,
        "sliding_window": 3,
        "tie_word_embeddings": False,
    },
}
