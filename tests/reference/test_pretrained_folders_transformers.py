"""Folders as transformers writes them: parts, dtypes, models without a head; rotary frequencies, defaults."""

import json
import logging

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from decoder_cases import DECODERS, IDS
from tapegrad.models import LlamaConfig, from_pretrained
from tapegrad.models.pretrained.llama import DEFAULTS
from tapegrad.models.pretrained.rope import Rope, rope_settings

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture(autouse=True)
def quiet():
    """transformers talks of settings that are as they are meant to be."""
    transformers.utils.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def theirs(name, dtype=torch.float32):
    torch.manual_seed(0)
    config = transformers.AutoConfig.for_model(**DECODERS[name])
    return transformers.AutoModelForCausalLM.from_config(config).to(dtype).eval()


@pytest.mark.parametrize("name", ["gpt2", "llama", "qwen2"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_parts_and_dtypes(name, dtype, tmp_path):
    model = theirs(name, dtype)
    model.save_pretrained(tmp_path, max_shard_size="4KB")
    assert (tmp_path / "model.safetensors.index.json").exists()
    own = from_pretrained(tmp_path)
    expected = model.float()(torch.tensor(IDS)).logits.detach().numpy()
    assert own(IDS).dtype == np.float32
    np.testing.assert_allclose(own(IDS).numpy(), expected, rtol=1e-5, atol=1e-5)
    own.save_pretrained(tmp_path / "again")
    back = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "again")
    assert back.dtype == torch.float32
    np.testing.assert_allclose(
        back(torch.tensor(IDS)).logits.detach().numpy(), expected, rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("name", ["gpt2", "qwen2", "llama"])
def test_a_model_saved_without_its_head(name, tmp_path):
    model = theirs(name)
    model.base_model.save_pretrained(tmp_path)
    if not model.config.tie_word_embeddings:
        with pytest.raises(ValueError, match="missing: lm_head.weight"):
            from_pretrained(tmp_path)
        return
    found = from_pretrained(tmp_path)(IDS).numpy()
    np.testing.assert_allclose(found, model(torch.tensor(IDS)).logits.detach().numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_files_of_torch(name, tmp_path):
    """pytorch_model.bin, where a tied head is there under both names; one file, and several with an index."""
    model = theirs(name)
    expected = model(torch.tensor(IDS)).logits.detach().numpy()
    model.config.save_pretrained(tmp_path)
    state = model.state_dict()
    torch.save(state, tmp_path / "pytorch_model.bin")
    np.testing.assert_allclose(from_pretrained(tmp_path)(IDS).numpy(), expected, rtol=1e-5, atol=1e-5)
    (tmp_path / "pytorch_model.bin").unlink()
    places = {key: f"pytorch_model-{i % 2}.bin" for i, key in enumerate(state)}
    for file in {*places.values()}:
        torch.save({key: value for key, value in state.items() if places[key] == file}, tmp_path / file)
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    np.testing.assert_allclose(from_pretrained(tmp_path)(IDS).numpy(), expected, rtol=1e-5, atol=1e-5)


# ---------------------------------------------------------------------------------- rotary positions

ORIGINAL = {"original_max_position_embeddings": 64}
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, **ORIGINAL}
LONG = {
    "short_factor": [1 + 0.1 * i for i in range(8)],
    "long_factor": [2.0 + i for i in range(8)],
    **ORIGINAL,
}
ROPES = [
    {"rope_type": "linear", "factor": 3.0},
    {"rope_type": "dynamic", "factor": 4.0},
    {"rope_type": "llama3", **LLAMA3},
    {"rope_type": "llama3", **LLAMA3, "high_freq_factor": 2.5, "rope_theta": 500000.0},
    {"rope_type": "yarn", "factor": 4.0, **ORIGINAL},
    {"rope_type": "yarn", "factor": 4.0},
    {"rope_type": "yarn", "factor": 16.0, "beta_fast": 8.0, "beta_slow": 2.0, "truncate": False, **ORIGINAL},
    {"rope_type": "yarn", "factor": 40.0, "mscale": 1.2, "mscale_all_dim": 0.7, **ORIGINAL},
    {"rope_type": "yarn", "factor": 4.0, "attention_factor": 1.25, **ORIGINAL},
    {"rope_type": "longrope", **LONG},
    {"rope_type": "longrope", **LONG, "factor": 4.0},
    {"rope_type": "longrope", **LONG, "attention_factor": 1.5},
]


@pytest.mark.parametrize("length", [10, 64, 65, 256, 257, 5000])
@pytest.mark.parametrize("given", ROPES, ids=lambda given: given["rope_type"])
def test_frequencies(given, length):
    settings = {"max_position_embeddings": 256, "hidden_size": 64, "num_attention_heads": 4, "head_dim": 16}
    config = transformers.LlamaConfig(**settings, rope_parameters={"rope_theta": 10000.0, **given})
    expected, scale = ROPE_INIT_FUNCTIONS[given["rope_type"]](config, seq_len=length)
    rope = Rope(rope_settings({**settings, "rope_parameters": given}.get), 16, 256)
    found, factor = rope.frequencies(np.array([length]))
    assert found.dtype == np.float32 and factor == pytest.approx(scale, rel=1e-12)
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-6)


@pytest.mark.parametrize(
    "older", [{"type": "linear", "factor": 2.0}, {"rope_type": "yarn", "factor": 4.0}, None]
)
def test_settings_under_the_names_of_older_files(older, tmp_path):
    """What such a file means to transformers; and what is written here has both."""
    model = theirs("llama", torch.float64)
    model.save_pretrained(tmp_path)
    path = tmp_path / "config.json"
    settings = json.loads(path.read_text())
    del settings["rope_parameters"]
    path.write_text(json.dumps({**settings, "rope_theta": 300.0, "rope_scaling": older}))
    expected = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)(torch.tensor(IDS)).logits.detach()
    own = from_pretrained(tmp_path)
    np.testing.assert_allclose(own(IDS).numpy(), expected.numpy(), rtol=1e-5, atol=1e-5)
    own.save_pretrained(tmp_path)
    back = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    np.testing.assert_allclose(back(torch.tensor(IDS)).logits.detach().numpy(), expected.numpy(), rtol=1e-12)
    written = json.loads(path.read_text())
    assert written["rope_theta"] == 300.0 and written["rope_parameters"]["rope_theta"] == 300.0


@pytest.mark.parametrize("model_type", DEFAULTS)
def test_defaults_are_transformers(model_type):
    kind = type(transformers.AutoConfig.for_model(model_type))
    theirs, own = kind(), LlamaConfig.from_dict({"model_type": model_type})
    named = "vocab_size hidden_size intermediate_size num_hidden_layers num_attention_heads hidden_act"
    named += " max_position_embeddings initializer_range rms_norm_eps tie_word_embeddings"
    for name in named.split():
        assert getattr(own, name) == getattr(theirs, name), name
    assert own.groups == theirs.num_key_value_heads
    assert own.width == (
        getattr(theirs, "head_dim", None) or theirs.hidden_size // theirs.num_attention_heads
    )
    assert own.get("pad_token_id") == theirs.pad_token_id
    assert own.rope().settings == {**theirs.rope_parameters}
    types = getattr(theirs, "layer_types", None) or ["full_attention"] * theirs.num_hidden_layers
    if model_type != "mistral":
        windows = [theirs.sliding_window if kind == "sliding_attention" else None for kind in types]
        assert [own.window(layer) for layer in range(own.num_hidden_layers)] == windows
    else:
        assert own.sliding_window == theirs.sliding_window
    for layer, turns in enumerate(getattr(theirs, "no_rope_layers", ())):
        assert own.turns(layer) == bool(turns)
