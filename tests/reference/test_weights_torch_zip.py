"""Files that torch.save writes, in each of its forms, and models that transformers saves in several files."""

import io
import json
import os
import re
from collections import OrderedDict

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from layers_with_weights import LAYERS
from tapegrad import nn
from tapegrad.nn import torch_zip

pytestmark = pytest.mark.filterwarnings(
    "ignore:Lazy modules",
    "ignore:enable_nested_tensor",
    "ignore:LSTM with projections",
    "ignore:dropout option",
)
BYTES = torch.arange(256, dtype=torch.int32).to(torch.uint8)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.pt"


def same(array, tensor):
    wide = tensor.float() if tensor.dtype in NARROW else tensor
    np.testing.assert_array_equal(array, wide.detach().resolve_conj().numpy(), strict=True)


NARROW = [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]
DTYPES = "bool uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 float32 float64 complex64 complex128"


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("dtype", [*DTYPES.split(), "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_dtypes_and_layouts(path, dtype, protocol):
    tensor = torch.arange(24).reshape(2, 3, 4).to(getattr(torch, dtype))
    state = {
        "whole": tensor,
        "transposed": tensor.permute(2, 0, 1),
        "part": tensor[:, 1:, ::2],
        "0d": tensor[1, 2, 3],
        "empty": tensor[:, :0],
        "expanded": tensor[:1, :1].expand(2, 3, 4),
        "alone": tensor.clone(),
    }
    torch.save(state, path, pickle_protocol=protocol)
    weights = nn.load_weights(path)
    assert list(weights) == list(state)
    for name, tensor in state.items():
        same(weights[name], tensor)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_states_of_modules(path, layer):
    theirs = layer.made(torch.nn, torch.tensor)
    if any(isinstance(p, torch.nn.parameter.UninitializedParameter) for p in theirs.parameters()):
        pytest.skip("without shapes yet")
    torch.save(theirs.state_dict(), path)
    ours = layer.made(nn, lambda array: array)
    assert ours.load_state_dict(nn.load_weights(path), assign=True) == ([], [])
    for key, tensor in theirs.state_dict().items():
        same(ours.state_dict()[key], tensor)


def test_parameters_and_shared_storages(path):
    layer, tied = torch.nn.Linear(3, 2), torch.ones(4)
    torch.save(OrderedDict(layer.named_parameters()) | {"a": tied, "b": tied, "c": tied[1:]}, path)
    weights = nn.load_weights(path)
    same(weights["weight"], layer.weight)
    assert weights["a"] is weights["b"] and np.shares_memory(weights["a"], weights["c"])
    torch.save(layer.weight, path)
    same(torch_zip.read(path), layer.weight)


def test_a_file_that_was_written_to_memory(path):
    """Its archive has another name then."""
    content = io.BytesIO()
    torch.save({"w": torch.ones(3)}, content)
    path.write_bytes(content.getvalue())
    assert nn.load_weights(path)["w"].sum() == 3


def test_options_of_torch_for_files(path):
    from torch.utils import serialization

    for crc in (True, False):
        with serialization.config.patch({"save.storage_alignment": 4096}):
            before = torch.serialization.get_crc32_options()
            torch.serialization.set_crc32_options(crc)
            try:
                torch.save({"w": torch.arange(5.0)}, path)
            finally:
                torch.serialization.set_crc32_options(before)
        np.testing.assert_array_equal(nn.load_weights(path)["w"], np.arange(5.0))


def test_a_checkpoint_of_a_training(path):
    net = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = {"model": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 3}
    state |= {"dtype": torch.float32, "size": torch.Size([1, 2]), "best": torch.tensor(1.5)}
    torch.save(state, path)
    with pytest.raises(ValueError, match="give one of those in it: entry='model'$"):
        nn.load_weights(path)
    same(nn.load_weights(path, entry="model")["weight"], net.weight)
    found = torch_zip.read(path)
    assert found["epoch"] == 3 and found["size"] == (1, 2) and found["best"] == 1.5
    same(found["optimizer"]["state"][0]["exp_avg"], optimizer.state_dict()["state"][0]["exp_avg"])


def test_the_old_format_names_a_way_that_works(path, tmp_path):
    torch.save({"w": torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(ValueError, match="it is a pickle; if it is torch.save's of before 1.6") as caught:
        nn.load_weights(path)
    advice = re.search(r"in torch: (torch\.save.*)$", str(caught.value))[1]
    eval(advice, {"torch": torch, "path": path, "new_path": tmp_path / "new"})
    assert nn.load_weights(tmp_path / "new")["w"].sum() == 3


@pytest.mark.filterwarnings("ignore")
def test_torchscript_names_a_way_that_works(path, tmp_path):
    torch.jit.save(torch.jit.trace(torch.nn.Linear(3, 2), torch.ones(1, 3)), path)
    with pytest.raises(ValueError, match="it is a TorchScript program") as caught:
        nn.load_weights(path)
    advice = re.search(r"in torch: (torch\.save.*)$", str(caught.value))[1]
    eval(advice, {"torch": torch, "path": path, "new_path": tmp_path / "new"})
    assert nn.load_weights(tmp_path / "new")["weight"].shape == (2, 3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda: torch.nn.Linear(2, 2), "asks for torch.nn.modules.linear.Linear, which is not called"),
        (lambda: torch.eye(3).to_sparse(), "asks for torch._utils._rebuild_sparse_tensor"),
        (lambda: torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8), "asks for torch.*[qQ]"),
        (lambda: torch.ones(2, device="meta"), "asks for torch._utils._rebuild_meta_tensor_no_storage"),
        (lambda: torch.complex(torch.ones(2), torch.ones(2)).conj(), "conjugated or negated lazily"),
        (lambda: torch.ones(2).to(torch.float8_e8m0fnu), "asks for torch.float8_e8m0fnu"),
        (lambda: np.float64(1.5), "asks for numpy"),
        (lambda: torch.device("cpu"), "asks for torch.device"),
        (lambda: {(1, 2): 3}, "a dict in it has a tuple for a key"),
        (lambda: {1, 2}, "asks for .*set"),
        (lambda: torch.ones(1).expand(10**6), "would have 4000000 bytes, more than the file"),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_what_else_may_be_in_a_file(path, value, message):
    torch.save({"w": value()}, path)
    with pytest.raises(ValueError, match=message):
        nn.load_weights(path)


# ------------------------------------------------------------------------------------ transformers


@pytest.fixture(scope="module")
def published():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=40, n_embd=16, n_layer=2, n_head=2, n_positions=8)
    return transformers.GPT2LMHeadModel(config)


@pytest.mark.parametrize("size", ["5KB", "1GB"])
def test_what_transformers_saves(tmp_path, published, size):
    published.save_pretrained(tmp_path, max_shard_size=size)
    files = [name for name in os.listdir(tmp_path) if name.endswith(".safetensors")]
    assert (len(files) > 2) == (size == "5KB")
    state = published.state_dict()
    weights = nn.load_weights(tmp_path)
    assert {*state} - {*weights} == {"lm_head.weight"}  # tied
    for name, array in weights.items():
        same(array, state[name])


def test_bin_files_in_parts_as_transformers_names_them(tmp_path, published):
    """transformers 5 writes safetensors alone; its older versions wrote these."""
    state, places = published.state_dict(), {}
    for i, part in enumerate([list(state)[:9], list(state)[9:]]):
        file = f"pytorch_model-{i + 1:05}-of-00002.bin"
        torch.save({name: state[name] for name in part}, tmp_path / file)
        places |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": 0}, "weight_map": places}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    weights = nn.load_weights(tmp_path)
    assert list(weights) == list(state)
    for name, array in weights.items():
        same(array, state[name])
