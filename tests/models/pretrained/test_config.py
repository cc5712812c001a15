"""Settings of config.json that do not fit, and those that follow from others."""

import pytest

from decoder_cases import TINY_GPT2, TINY_LLAMA
from tapegrad.models import GPT2Config, LlamaConfig, T5Config

TINY = {GPT2Config: TINY_GPT2, LlamaConfig: TINY_LLAMA}


@pytest.mark.parametrize(
    "kind, settings, words",
    [
        (GPT2Config, {"n_head": 5}, "n_embd is to be a multiple of n_head, 5, not 12"),
        (GPT2Config, {"n_layer": 0}, "n_layer is to be 1 or more, not 0"),
        (GPT2Config, {"n_layer": -2}, "n_layer is to be 1 or more, not -2"),
        (GPT2Config, {"n_layer": 1001}, "n_layer is to be at most 1000, not 1001"),
        (LlamaConfig, {"num_hidden_layers": 10**9}, "num_hidden_layers is to be at most 1000"),
        (T5Config, {"num_decoder_layers": 10**9}, "num_decoder_layers is to be at most 1000"),
        (GPT2Config, {"vocab_size": 10**12}, "vocab_size is to be at most 2147483647, not 1000000000000"),
        (T5Config, {"pad_token_id": -1}, "pad_token_id is to be 0 or more, not -1"),
        (GPT2Config, {"num_attention_heads": 2}, "n_head 3 and num_attention_heads 2 are two words for one"),
        (
            T5Config,
            {"dense_act_fn": "gelu_new"},
            "dense_act_fn 'gelu_new' beside feed_forward_proj 'relu'",
        ),
        (T5Config, {"is_gated_act": True}, "is_gated_act True beside feed_forward_proj 'relu', which is F"),
        (T5Config, {"num_layers": 2, "num_hidden_layers": 3}, "num_layers 2 and num_hidden_layers 3 are two"),
        (GPT2Config, {"n_embd": "12"}, "n_embd is to be int, not '12'"),
        (GPT2Config, {"n_embd": True}, "n_embd is to be int, not True"),
        (GPT2Config, {"n_embd": 12.0}, "n_embd is to be int, not 12.0"),
        (GPT2Config, {"vocab_size": None}, "vocab_size is to be int, not None"),
        (GPT2Config, {"n_inner": "wide"}, "n_inner is to be int or null, not 'wide'"),
        (GPT2Config, {"activation_function": "gelo"}, "no activation is called 'gelo'; there are gelu, "),
        (GPT2Config, {"layer_norm_epsilon": -1e-5}, "layer_norm_epsilon is to be 0 or more"),
        (GPT2Config, {"layer_norm_epsilon": float("nan")}, "layer_norm_epsilon is to be 0 or more, not nan"),
        (GPT2Config, {"resid_pdrop": 1.5}, "resid_pdrop is a probability"),
        (GPT2Config, {"scale_attn_weights": 1}, "scale_attn_weights is to be bool, not 1"),
        (GPT2Config, {"add_cross_attention": True}, "add_cross_attention is to be false"),
        (
            LlamaConfig,
            {"num_attention_heads": 3, "num_key_value_heads": 1},
            "hidden_size is to be a multiple of num_a",
        ),
        (
            LlamaConfig,
            {"num_key_value_heads": 3},
            "num_attention_heads is to be a multiple of num_key_value_heads, 3",
        ),
        (LlamaConfig, {"hidden_act": 3}, "hidden_act is to be str, not 3"),
        (LlamaConfig, {"hidden_act": "swiglu"}, "no activation is called 'swiglu'"),
        (LlamaConfig, {"head_dim": 5}, "rope_type 'default' cannot turn heads of 5 features"),
        (LlamaConfig, {"sliding_window": 0}, "sliding_window is to be 1 or more, not 0"),
        (
            LlamaConfig,
            {"layer_types": ["full_attention"]},
            "layer_types is to have an entry for each of 3 layers",
        ),
        (
            LlamaConfig,
            {"layer_types": ["full"] * 3},
            "layer_types are to be sliding_attention or full_attention",
        ),
        (LlamaConfig, {"layer_types": "full_attention"}, "layer_types is to be list or null"),
        (LlamaConfig, {"no_rope_layers": [1]}, "no_rope_layers is to have an entry for each of 3 layers"),
        (LlamaConfig, {"rope_scaling": {"type": "ntk"}}, "no rope_type is called 'ntk'"),
        (LlamaConfig, {"rope_parameters": "linear"}, "rope_parameters is to be dict or null"),
        (LlamaConfig, {"rope_theta": "big"}, "rope_theta is to be float or null, not 'big'"),
        (LlamaConfig, {"attention_dropout": 2}, "attention_dropout is a probability, at most 1"),
        (GPT2Config, {"is_causal": False}, "is_causal is to be true, as .* not False"),
        (LlamaConfig, {"is_causal": None}, "is_causal is to be true, as .* not None"),
        (GPT2Config, {"quantization_config": {"quant_method": "fp8"}}, "quantization_config is to be null"),
        (LlamaConfig, {"per_layer_config": {"1": {"hidden_act": "relu"}}}, "per_layer_config is to be null"),
    ],
)
def test_settings_that_do_not_fit(kind, settings, words):
    with pytest.raises(ValueError, match=f"^config.json: {words}"):
        kind.from_dict({**TINY.get(kind, {}), **settings})


def test_other_words_for_a_setting():
    """transformers takes them, and a number of heads is not to be seen in the weights."""
    settings = {name: value for name, value in TINY_GPT2.items() if name != "n_head"}
    assert GPT2Config.from_dict({**settings, "num_attention_heads": 4}).n_head == 4
    assert GPT2Config.from_dict({**settings, "num_attention_heads": None}).n_head == 12
    assert T5Config.from_dict({"hidden_size": 8, "d_model": 8, "head_dim": 3}).d_kv == 3
    told = {"feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new", "is_gated_act": True}
    assert T5Config.from_dict(told).to_dict().items() >= told.items()


def of(model_type, **settings):
    return LlamaConfig.from_dict({**TINY_LLAMA, "model_type": model_type, "num_hidden_layers": 4, **settings})


@pytest.mark.parametrize(
    "config, windows",
    [
        (of("llama", sliding_window=3, use_sliding_window=True), [None] * 4),
        (of("mistral"), [4096] * 4),
        (of("mistral", sliding_window=None), [None] * 4),
        (of("qwen2", sliding_window=3), [None] * 4),
        (of("qwen2", sliding_window=3, use_sliding_window=True, max_window_layers=1), [None, 3, 3, 3]),
        (of("qwen3", sliding_window=3, use_sliding_window=True, max_window_layers=0), [3] * 4),
        (of("qwen3", sliding_window=3, use_sliding_window=True,
            layer_types=["full_attention", "sliding_attention"] * 2), [None, 3, None, 3]),
        (of("smollm3", sliding_window=3, use_sliding_window=True), [None, None, None, 3]),
        (of("smollm3", sliding_window=3), [None] * 4),
        (of("smollm3", sliding_window=3, layer_types=["full_attention", "sliding_attention"] * 2),
         [None, 3, None, 3]),
        (of("qwen2", sliding_window=3, layer_types=["sliding_attention"] * 4), [None] * 4),
    ],
)  # fmt: skip
def test_windows_by_layer(config, windows):
    assert [config.window(layer) for layer in range(4)] == windows


def test_settings_that_say_what_is_so_anyway():
    given = {"is_causal": True, "quantization_config": None, "per_layer_config": None}
    for kind, settings in ((GPT2Config, TINY_GPT2), (LlamaConfig, TINY_LLAMA)):
        assert given.items() <= kind.from_dict({**settings, **given}).to_dict().items()


def test_layers_without_positions():
    assert [of("smollm3").turns(layer) for layer in range(4)] == [True, True, True, False]
    assert [of("smollm3", no_rope_layers=[0, 1, 1, 0]).turns(i) for i in range(4)] == [
        False,
        True,
        True,
        False,
    ]
    assert all(of("llama", no_rope_layers=[0] * 4).turns(layer) for layer in range(4))


def test_defaults_are_those_of_the_model_type():
    assert LlamaConfig.from_dict({"model_type": "qwen3"}).width == 128
    assert LlamaConfig.from_dict({"model_type": "smollm3"}).rope().settings["rope_theta"] == 2e6
    assert LlamaConfig.from_dict({"model_type": "mistral"}).groups == 8
    assert of("llama").width == 4 and of("llama", head_dim=6).width == 6
    assert of("llama", num_key_value_heads=None).groups == 4


def test_a_config_is_written_with_what_it_stands_for():
    """What transformers has another default for, and rotary positions under the names of all times."""
    written = LlamaConfig("mistral", num_key_value_heads=8).to_dict()
    assert written["sliding_window"] is None and written["head_dim"] == 128
    scaling = {"type": "linear", "factor": 2.0}
    written = of("llama", rope_theta=500.0, rope_scaling=scaling).to_dict()
    assert written["rope_parameters"] == {"rope_type": "linear", "factor": 2.0, "rope_theta": 500.0}
    assert written["rope_scaling"] == written["rope_parameters"] and written["rope_theta"] == 500.0
    assert of("llama").to_dict()["rope_scaling"] is None
    assert LlamaConfig.from_dict(written).rope().settings == written["rope_parameters"]
