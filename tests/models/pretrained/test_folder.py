"""Folders of config.json and weights: what is loaded and written, and what is refused with which words."""

import copy
import json
import pickle

import numpy as np
import pytest

from decoder_cases import IDS, TINY_GPT2, TINY_LLAMA, model_of
from tapegrad import models, nn
from tapegrad.models import GPT2, GPT2Config, Llama, from_pretrained
from tapegrad.nn.stored import Stored

pytestmark = pytest.mark.usefixtures("one_blas_thread")


@pytest.fixture(params=[TINY_GPT2, TINY_LLAMA, {**TINY_LLAMA, "tie_word_embeddings": True}])
def model(request):
    return model_of(request.param)


def saved(model, folder, change=lambda weights: weights, **settings):
    """The folder of a model, its weights and settings changed."""
    model.save_pretrained(folder)
    nn.save_weights(folder / "model.safetensors", change(dict(nn.load_weights(folder))))
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **settings}))
    return folder


def test_there_and_back(model, tmp_path):
    model.save_pretrained(tmp_path / "new" / "folder")
    before, random = model(IDS).numpy(), str(nn.get_rng_state())
    back = from_pretrained(tmp_path / "new" / "folder")
    assert type(back) is type(model) and not back.training
    assert model.config.to_dict().items() <= back.config.to_dict().items()
    np.testing.assert_array_equal(back(IDS).numpy(), before)
    assert str(nn.get_rng_state()) == random, "numbers were drawn"
    tied = model.config.tie_word_embeddings
    names = nn.safetensors.read(tmp_path / "new" / "folder" / "model.safetensors")[0]
    assert ("lm_head.weight" in names) is not tied
    assert (len(list(back.parameters())) < len(back.state_dict())) is tied
    again = type(model).from_pretrained(str(tmp_path / "new" / "folder"))
    again.save_pretrained(tmp_path / "new" / "folder")  # over the file that it is mapped from
    np.testing.assert_array_equal(again(IDS).numpy(), before)
    np.testing.assert_array_equal(from_pretrained(tmp_path / "new" / "folder")(IDS).numpy(), before)


def test_it_trains_after_loading_and_the_file_stays(model, tmp_path):
    model.save_pretrained(tmp_path)
    content = (tmp_path / "model.safetensors").read_bytes()
    back = from_pretrained(tmp_path).train()
    optimizer = nn.optim.AdamW(back.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = nn.functional.cross_entropy(back(IDS[:, :-1]).reshape(-1, 19), IDS[:, 1:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert (tmp_path / "model.safetensors").read_bytes() == content
    if model.config.tie_word_embeddings:
        first = back.transformer.wte if isinstance(back, GPT2) else back.model.embed_tokens
        assert back.lm_head.weight is first.weight


def test_copies_and_pickles(model):
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(twin(IDS).numpy(), model(IDS).numpy())


def test_settings_that_nobody_asks_for_are_kept(tmp_path):
    extra = {"summary_type": "cls_index", "task": {"length": 3}, "torch_dtype": "bfloat16", "n_inner": None}
    back = from_pretrained(saved(model_of(TINY_GPT2), tmp_path, **extra))
    assert back.config.get("summary_type") == "cls_index" and back.config.get("eos_token_id") == 2
    assert back.config.get("n_head") == 3 and back.config.get("nothing", 5) == 5
    back.float().save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert {k: written[k] for k in extra} == {**extra, "torch_dtype": "float32"}
    assert written["dtype"] == "float32" and written["architectures"] == ["GPT2LMHeadModel"]


# ---------------------------------------------------------------------------------- checkpoints differ


def test_names_without_the_base_or_with_one_more(model, tmp_path):
    before, base = model(IDS).numpy(), model.base + "."
    if model.config.tie_word_embeddings:  # saved without the head
        saved(model, tmp_path, lambda weights: {k.removeprefix(base): a for k, a in weights.items()})
        np.testing.assert_array_equal(from_pretrained(tmp_path)(IDS).numpy(), before)
    else:
        with pytest.raises(ValueError, match="missing: lm_head.weight"):
            from_pretrained(
                saved(model, tmp_path, lambda w: {k: a for k, a in w.items() if "lm_head" not in k})
            )


def test_buffers_of_older_files_are_passed_over(tmp_path):
    mask = np.tri(4, dtype=bool)
    older = {
        "transformer.h.0.attn.bias": mask,
        "h.1.attn.bias": mask,
        "transformer.h.2.attn.masked_bias": mask,
    }
    from_pretrained(saved(model_of(TINY_GPT2), tmp_path, lambda weights: {**weights, **older}))
    older = {"model.layers.0.self_attn.rotary_emb.inv_freq": np.ones(2, np.float32)}
    from_pretrained(saved(model_of(TINY_LLAMA), tmp_path, lambda weights: {**weights, **older}))


def test_a_tied_weight_may_be_there_twice_or_under_either_name(tmp_path):
    model = model_of({**TINY_LLAMA, "tie_word_embeddings": True})
    before, table = model(IDS).numpy(), "model.embed_tokens.weight"

    def only_the_head(weights):
        return {"lm_head.weight" if k == table else k: a for k, a in weights.items()}

    for change in (only_the_head, lambda w: {**w, "lm_head.weight": w[table].copy()}):
        back = from_pretrained(saved(model, tmp_path, change))
        np.testing.assert_array_equal(back(IDS).numpy(), before)
        assert back.lm_head.weight is back.model.embed_tokens.weight
    saved(model, tmp_path, lambda w: {**w, "lm_head.weight": w[table] + 1})
    with pytest.raises(
        ValueError, match="lm_head.weight and model.embed_tokens.weight differ, but config.json ties"
    ):
        from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "stored, dtype, expected",
    [
        ("f2", None, "f4"),
        ("f4", None, "f4"),
        ("f8", None, "f8"),
        ("f8", "f4", "f4"),
        ("f4", np.float64, "f8"),
    ],
)
def test_dtypes(model, tmp_path, stored, dtype, expected):
    saved(model, tmp_path, lambda weights: {k: a.astype(stored) for k, a in weights.items()})
    for load in (from_pretrained, type(model).from_pretrained):
        back = load(tmp_path, dtype=dtype)
        assert {p.dtype for p in back.parameters()} == {np.dtype(expected)} and back(IDS).dtype == expected
    for name, array in back.state_dict().items():
        np.testing.assert_array_equal(array, model.state_dict()[name].astype(stored).astype(expected))


def test_what_is_cast_is_made_once_whatever_names_it_has(tmp_path, monkeypatch):
    """The table of words is the largest weight, and in a tied model the head."""
    model, made = model_of({**TINY_LLAMA, "tie_word_embeddings": True}), []
    halves = model_of({**TINY_LLAMA, "tie_word_embeddings": True}).half()
    halves.save_pretrained(tmp_path)  # the file has both names
    before = Stored.made
    monkeypatch.setattr(Stored, "made", lambda self: made.append(self.shape) or before(self))
    back = from_pretrained(tmp_path)
    assert sorted(made) == sorted(p.shape for p in back.parameters())
    assert back.lm_head.weight is back.model.embed_tokens.weight and back.lm_head.weight.dtype == np.float32
    np.testing.assert_allclose(back(IDS).numpy(), model(IDS).numpy(), atol=0.1)
    nn.save_weights(tmp_path / "model.safetensors", {k: a for k, a in nn.load_weights(tmp_path).items()})
    made.clear()
    from_pretrained(tmp_path)  # twice in the file: compared, and one is kept
    assert made.count((19, 16)) == 3


@pytest.mark.parametrize("dtype", ["bfloat16", int, complex, bool, 3])
def test_dtypes_that_are_none_to_compute_in(tmp_path, dtype):
    saved(model_of(TINY_GPT2), tmp_path)
    with pytest.raises(TypeError, match="^from_pretrained: dtype is to be float16, float32 or float64, not "):
        from_pretrained(tmp_path, dtype=dtype)


def test_several_files(model, tmp_path):
    saved(model, tmp_path)
    weights = nn.load_weights(tmp_path)
    places = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(weights)}
    for file in set(places.values()):
        nn.save_weights(tmp_path / file, {k: a for k, a in weights.items() if places[k] == file})
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    (tmp_path / "model.safetensors").unlink()
    np.testing.assert_array_equal(from_pretrained(tmp_path)(IDS).numpy(), model(IDS).numpy())
    with pytest.raises(FileExistsError, match="holds a model in several files"):
        model.save_pretrained(tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


# ---------------------------------------------------------------------------------- what does not fit


def test_missing_unexpected_and_misshapen_weights(tmp_path):
    def change(weights):
        weights["transformer.h.1.attn.c_atn.weight"] = weights.pop("transformer.h.1.attn.c_attn.weight")
        weights["transformer.ln_f.bias"] = weights["transformer.ln_f.bias"][:-1]
        weights["transformer.h.0.mlp.c_fc.bias"] = weights["transformer.h.0.mlp.c_fc.bias"].astype(int)
        return weights

    with pytest.raises(ValueError) as caught:
        from_pretrained(saved(model_of(TINY_GPT2), tmp_path, change))
    words = str(caught.value)
    assert words.startswith(f"GPT2.from_pretrained: {tmp_path / 'model.safetensors'} does not fit: ")
    assert "missing: transformer.h.1.attn.c_attn.weight (nearest: transformer.h.1.attn.c_atn.weight)" in words
    assert (
        "unexpected: transformer.h.1.attn.c_atn.weight (nearest: transformer.h.1.attn.c_attn.weight)" in words
    )
    assert "transformer.ln_f.bias has shape (11,), expected (12,)" in words
    assert "transformer.h.0.mlp.c_fc.bias has dtype int64, expected float32" in words


def test_a_weight_under_two_names(tmp_path):
    def change(weights):
        return {**weights, "wpe.weight": weights["transformer.wpe.weight"]}

    with pytest.raises(ValueError, match="two weights would be called 'transformer.wpe.weight'"):
        from_pretrained(saved(model_of(TINY_GPT2), tmp_path, change))


def test_folders_that_are_none(tmp_path):
    cases = [
        (tmp_path / "gpt2", FileNotFoundError, "no folder .*gpt2'; a model of the Hub is first downloaded"),
        (tmp_path, FileNotFoundError, "no config.json in"),
        (3, TypeError, "the path of a folder, not a int"),
    ]
    for folder, kind, words in cases:
        for load in (from_pretrained, GPT2.from_pretrained):
            with pytest.raises(kind, match=words):
                load(folder)
    saved(model_of(TINY_GPT2), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"none of model.safetensors, .*pytorch_model.bin"):
        from_pretrained(tmp_path)


@pytest.mark.parametrize("name", ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"])
def test_a_folder_does_not_choose_what_else_is_read(tmp_path, name):
    """Weights that are a link out of it are not read; those of Hugging Face's cache are, in folders too."""
    folder = saved(model_of(TINY_GPT2), tmp_path / "new")
    secret = (folder / "model.safetensors").rename(tmp_path / "secret.safetensors")
    (folder / name).symlink_to(secret)
    with pytest.raises(ValueError, match=f"{name} is a link out of its folder, to .*secret.safetensors; "):
        from_pretrained(folder)
    cached = tmp_path / "models--a" / "snapshots" / "3f2a" / "0_Transformer"
    cached.mkdir(parents=True)
    (tmp_path / "models--a" / "blobs").mkdir()
    (folder / "config.json").rename(cached / "config.json")
    (cached / "model.safetensors").symlink_to(secret.rename(tmp_path / "models--a" / "blobs" / "hash"))
    assert from_pretrained(cached)(IDS).shape == (3, 14, 19)


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", '{"vocab_size": 3}', '{"model_type": 3}', "[" * 100_000, "\xff"]
)
def test_settings_that_are_no_settings(tmp_path, text):
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match="config.json is (no right JSON|to be an object)"):
        from_pretrained(tmp_path)


@pytest.mark.parametrize("size", [10**9, 10**18])
def test_sizes_that_no_memory_holds(tmp_path, size):
    settings = {"model_type": "vit", "image_size": [size, size], "hidden_size": 12, "num_hidden_layers": 1}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    for load in (from_pretrained, models.pretrained.from_config):
        with pytest.raises(ValueError, match="^config.json: no model can be made with these sizes: "):
            load(tmp_path)


def test_an_unknown_model_type(tmp_path):
    saved(model_of(TINY_GPT2), tmp_path, model_type="mamba")
    with pytest.raises(ValueError, match="has model_type 'mamba'; there are gpt2, llama, mistral"):
        from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="'mamba', this class is for llama, .*; models.from_pretrained"):
        Llama.from_pretrained(tmp_path)
    with pytest.raises(ValueError, match="GPT2: model_type 'llama' is none of those it covers: gpt2"):
        GPT2(GPT2Config(model_type="llama"))
    with pytest.raises(TypeError, match="GPT2: config is to be a GPT2Config, not a dict"):
        GPT2({})


def test_a_class_for_each_model_type():
    from tapegrad.models import pretrained

    for name, kind in pretrained.CLASSES.items():
        assert name in getattr(models, kind).architectures
