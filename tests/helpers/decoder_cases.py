"""Tiny decoders of every kind of setting: what config.json says of each, and weights for them."""

import numpy as np

from tapegrad.models import GPT2, Llama

IDS = np.random.default_rng(0).integers(0, 19, (3, 14))

SMALL = {"bos_token_id": 1, "eos_token_id": 2}
TINY_GPT2 = {
    "model_type": "gpt2",
    "vocab_size": 19,
    "n_positions": 40,
    "n_embd": 12,
    "n_layer": 3,
    "n_head": 3,
    **SMALL,
}
TINY_LLAMA = {
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
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 100.0, **settings}}


def factors(start):
    return [start + 0.3 * i for i in range(2)]


DECODERS = {
    "gpt2": TINY_GPT2,
    "gpt2-inner": {**TINY_GPT2, "n_inner": 20, "activation_function": "relu", "layer_norm_epsilon": 1e-2},
    "gpt2-scales": {**TINY_GPT2, "scale_attn_by_inverse_layer_idx": True, "reorder_and_upcast_attn": True},
    "gpt2-unscaled": {**TINY_GPT2, "scale_attn_weights": False, "activation_function": "quick_gelu"},
    "gpt2-untied": {**TINY_GPT2, "tie_word_embeddings": False, "activation_function": "gelu"},
    "llama": TINY_LLAMA,
    "llama-tied": {**TINY_LLAMA, "tie_word_embeddings": True, "num_key_value_heads": 4, "pad_token_id": 3},
    "llama-biases": {
        **TINY_LLAMA,
        "attention_bias": True,
        "mlp_bias": True,
        "num_key_value_heads": 1,
        "rms_norm_eps": 1e-2,
    },
    "llama-head_dim": {**TINY_LLAMA, "head_dim": 6, "hidden_act": "gelu_pytorch_tanh"},
    "llama-theta": {**TINY_LLAMA, **rope("default", rope_theta=500.0)},
    "llama-linear": {**TINY_LLAMA, **rope("linear", factor=3.0)},
    "llama-dynamic": {**TINY_LLAMA, **rope("dynamic", factor=2.0), "max_position_embeddings": 8},
    "llama-llama3": {
        **TINY_LLAMA,
        "head_dim": 12,
        **rope(
            "llama3",
            factor=8.0,
            low_freq_factor=1.0,
            high_freq_factor=4.0,
            original_max_position_embeddings=16,
        ),
    },
    "llama-yarn": {
        **TINY_LLAMA,
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
        **TINY_LLAMA,
        **rope(
            "longrope",
            factor=4.0,
            short_factor=factors(1.0),
            long_factor=factors(2.0),
            original_max_position_embeddings=8,
        ),
    },
    "mistral": {**TINY_LLAMA, "model_type": "mistral", "sliding_window": 3},
    "mistral-all": {**TINY_LLAMA, "model_type": "mistral", "sliding_window": None, "head_dim": 6},
    "qwen2": {**TINY_LLAMA, "model_type": "qwen2", "tie_word_embeddings": True},
    "qwen2-window": {
        **TINY_LLAMA,
        "model_type": "qwen2",
        "use_sliding_window": True,
        "sliding_window": 4,
        "max_window_layers": 1,
    },
    "qwen3": {**TINY_LLAMA, "model_type": "qwen3", "head_dim": 6},
    "qwen3-types": {
        **TINY_LLAMA,
        "model_type": "qwen3",
        "head_dim": 4,
        "attention_bias": True,
        "use_sliding_window": True,
        "sliding_window": 2,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "smollm3": {**TINY_LLAMA, "model_type": "smollm3", "no_rope_layer_interval": 2},
    "smollm3-window": {
        **TINY_LLAMA,
        "model_type": "smollm3",
        "no_rope_layers": [1, 0, 1],
        "use_sliding_window": True,
        "sliding_window": 3,
        "tie_word_embeddings": False,
    },
    "smollm3-types": {
        **TINY_LLAMA,
        "model_type": "smollm3",
        "sliding_window": 3,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
}


def weights(name, shape):
    """Numbers for a parameter, the same wherever it is asked; around 1 for the weight of a norm."""
    rng = np.random.default_rng(list(name.encode()))
    norm = name.endswith("weight") and len(shape) == 1
    return norm + rng.normal(size=shape) * (0.2 if len(shape) == 1 else 0.4)


def model_of(settings):
    """The model of these settings with such weights, in float64 and evaluation mode."""
    kind = GPT2 if settings["model_type"] == "gpt2" else Llama
    model = kind(kind.config_class.from_dict(settings)).double().eval()
    for name, parameter in model.named_parameters():
        parameter.data[...] = weights(name, parameter.shape)
    return model
