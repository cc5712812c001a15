"""Which files nn.load_weights opens: folders, indices, links, and names that lead elsewhere."""

import json
import os

import numpy as np
import pytest

from tapegrad import nn
from torch_zip import of_arrays

INDEX = "pytorch_model.bin.index.json"


def torch_parts(folder, places=None):
    ones = {"a": np.ones(2, np.float32), "c": np.ones(3, np.float32)}
    (folder / "pytorch_model-1.bin").write_bytes(of_arrays(ones))
    (folder / "pytorch_model-2.bin").write_bytes(of_arrays({"b": np.zeros(2, np.float32)}))
    (folder / "training_args.bin").write_bytes(b"of no concern")
    places = places or {"b": "pytorch_model-2.bin", "a": "pytorch_model-1.bin", "c": "pytorch_model-1.bin"}
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return folder / INDEX


def test_files_of_torch_in_several_parts(tmp_path):
    index = torch_parts(tmp_path)
    for path in (index, tmp_path):
        weights = nn.load_weights(path)
        assert {name: array.tolist() for name, array in weights.items()} == {
            "b": [0, 0],
            "a": [1, 1],
            "c": [1, 1, 1],
        }


def test_a_folder_with_one_file_of_torch(tmp_path):
    (tmp_path / "pytorch_model.bin").write_bytes(of_arrays({"a": np.ones(2)}))
    (tmp_path / "optimizer.bin").write_bytes(b"of no concern")
    assert list(nn.load_weights(tmp_path)) == ["a"]
    nn.save_weights(tmp_path / "model.safetensors", {"b": np.ones(2)})  # comes first
    assert list(nn.load_weights(tmp_path)) == ["b"]


NOWHERE = ["../x.bin", "/etc/passwd", "a/b.bin", "..", ".", "", "x\0.bin", None, 3, ["x.bin"], {"x": 1}]


@pytest.mark.parametrize("name", NOWHERE, ids=repr)
def test_indices_that_name_what_is_not_beside_them(tmp_path, name):
    index = torch_parts(tmp_path, {"a": "pytorch_model-1.bin", "b": name})
    with pytest.raises(ValueError, match="is no index: it lacks a weight_map of names to files beside it"):
        nn.load_weights(index)


@pytest.mark.parametrize(
    "text",
    [
        '{"weight_map": {"a": "pytorch_model-1.bin", "a": "pytorch_model-1.bin"}}',
        '{"weight_map": {}, "weight_map": {}}',
        '{"metadata": ' + "9" * 5000 + ', "weight_map": {}}',
        '{"metadata": ' + "[" * 100_000,
        '{"a":' * 100_000,
        "\ufeff{}",
    ],
    ids=["twice", "maps", "number", "lists", "dicts", "mark"],
)
def test_indices_that_are_no_right_json(tmp_path, text):
    index = torch_parts(tmp_path)
    index.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="is no index"):
        nn.load_weights(index)


def test_an_index_that_is_too_long(tmp_path):
    index = torch_parts(tmp_path)
    with open(index, "r+b") as file:
        file.truncate(200_000_000)  # takes no place on disk
    with pytest.raises(ValueError, match="is no index: .* .it has more than 100000000 bytes"):
        nn.load_weights(index)


# ------------------------------------------------------------------------------------ links


@pytest.fixture
def elsewhere(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "secret.safetensors"
    nn.save_weights(path, {"a": np.ones(2)})
    return path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_a_link_that_is_given_is_followed(folder, elsewhere):
    os.symlink(elsewhere, folder / "model.safetensors")
    assert list(nn.load_weights(folder / "model.safetensors")) == ["a"]
    os.symlink(folder.parent, folder.parent / "here")
    assert list(nn.load_weights(folder.parent / "here" / "elsewhere")) == ["a"]


@pytest.mark.parametrize("name", ["model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"])
def test_a_folder_does_not_choose_what_else_is_read(folder, elsewhere, name):
    os.symlink(elsewhere, folder / name)
    with pytest.raises(ValueError, match=f"{name} is a link out of its folder, to .*secret.safet"):
        nn.load_weights(folder)


def test_nor_does_an_index(folder, elsewhere):
    index = torch_parts(folder)
    (folder / "pytorch_model-2.bin").unlink()
    os.symlink(elsewhere, folder / "pytorch_model-2.bin")
    for path in (index, folder):
        with pytest.raises(ValueError, match="pytorch_model-2.bin is a link out of its folder"):
            nn.load_weights(path)


def test_links_within_the_folder(folder):
    nn.save_weights(folder / "weights-of-today", {"a": np.ones(2)})
    os.symlink("weights-of-today", folder / "model.safetensors")
    assert list(nn.load_weights(folder)) == ["a"]


def test_links_of_links_are_followed_to_the_end(folder, elsewhere):
    os.symlink(elsewhere, folder / "one")
    os.symlink("one", folder / "model.safetensors")
    with pytest.raises(ValueError, match="is a link out of its folder"):
        nn.load_weights(folder)


def test_the_cache_of_hugging_face(tmp_path, elsewhere):
    """models--name/snapshots/revision/file -> ../../blobs/hash, for the index and its files."""
    blobs, snapshot = tmp_path / "models--a" / "blobs", tmp_path / "models--a" / "snapshots" / "3f2a"
    for folder in (blobs, snapshot):
        folder.mkdir(parents=True)
    for name in ("pytorch_model-1.bin", "pytorch_model-2.bin", INDEX):
        torch_parts(blobs)
        os.rename(blobs / name, blobs / f"hash-of-{name}")
        os.symlink(f"../../blobs/hash-of-{name}", snapshot / name)
    assert sorted(nn.load_weights(snapshot)) == ["a", "b", "c"]
    assert sorted(nn.load_weights(snapshot / INDEX)) == ["a", "b", "c"]
    (snapshot / "part").mkdir()
    os.symlink("../../../blobs/hash-of-pytorch_model-2.bin", snapshot / "part" / "pytorch_model.bin")
    assert list(nn.load_weights(snapshot / "part")) == ["b"]
    (snapshot / "pytorch_model-1.bin").unlink()
    os.symlink(elsewhere, snapshot / "pytorch_model-1.bin")
    with pytest.raises(ValueError, match="pytorch_model-1.bin is a link out of its folder"):
        nn.load_weights(snapshot)


def test_what_is_no_file(folder):
    os.mkfifo(folder / "pytorch_model.bin")  # opening it would wait for ever
    with pytest.raises(FileNotFoundError, match="no file at .*pytorch_model.bin"):
        nn.load_weights(folder)
    os.unlink(folder / "pytorch_model.bin")
    os.symlink("pytorch_model.bin", folder / "pytorch_model.bin")
    with pytest.raises((FileNotFoundError, ValueError)):
        nn.load_weights(folder)
