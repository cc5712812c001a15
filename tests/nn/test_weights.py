"""nn.save_weights and nn.load_weights: what comes back, and how it lies in memory."""

import json
import os
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from tapegrad import nn
from tapegrad.autograd import Tensor
from tapegrad.nn import safetensors

DTYPES = [np.dtype(dtype) for dtype in safetensors.DTYPES.values()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


def write(path, header, data=b""):
    """A file with a header of one's own."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def equal(found, wanted):
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        assert type(found[name]) is np.ndarray and found[name].dtype == array.dtype.newbyteorder("<"), name
        np.testing.assert_array_equal(found[name], array, err_msg=name)
        assert found[name].shape == array.shape


def lay(array, how):
    """The same numbers, otherwise in memory."""
    if how == "big-endian":
        return array.astype(array.dtype.newbyteorder(">"))
    if how == "Fortran":
        return np.asfortranarray(array)
    if how == "backwards":
        return array[..., ::-1].copy()[..., ::-1] if array.ndim else array
    return array


SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
ARRAYS = st.sampled_from(DTYPES).flatmap(lambda dtype: arrays_of.arrays(dtype, SHAPES))
LAID = st.builds(lay, ARRAYS, st.sampled_from(["as it is", "big-endian", "Fortran", "backwards"]))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(NAMES, LAID, max_size=5))
def test_whatever_is_written_comes_back(tmp_path_factory, weights):
    load_file = pytest.importorskip("safetensors.numpy").load_file
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    nn.save_weights(path, weights)
    equal(nn.load_weights(path), weights)
    theirs = load_file(path)  # in another order
    equal({name: theirs[name] for name in weights}, weights)
    assert len(theirs) == len(weights)


@pytest.mark.parametrize("shape", [(12,), (3, 4)])
@pytest.mark.parametrize("how", ["big-endian", "Fortran", "backwards"])
def test_arrays_of_any_layout(path, how, shape):
    wanted = {str(dtype): np.arange(12).reshape(shape).astype(dtype) for dtype in DTYPES}
    nn.save_weights(path, {name: lay(array, how) for name, array in wanted.items()})
    equal(nn.load_weights(path), wanted)


def test_the_weights_of_a_model(path):
    model, other = (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)) for _ in range(2))
    model(np.ones((5, 3), np.float32))
    nn.save_weights(path, model, {"epoch": "3"})
    weights = nn.load_weights(path)
    equal(weights, model.state_dict())
    assert weights["1.num_batches_tracked"].shape == () and weights["1.num_batches_tracked"] == 1
    assert other.load_state_dict(weights) == ([], [])
    equal(other.state_dict(), model.state_dict())
    assert safetensors.read(path)[1] == {"format": "pt", "epoch": "3"}


def test_parameters_and_numbers_and_lists(path):
    weights = {"p": nn.Parameter([[1.0, 2.0]]), "t": Tensor(np.ones(2)) * 3, "n": 2.5, "l": [1, 2]}
    nn.save_weights(str(path), weights)
    equal(nn.load_weights(str(path)), {k: np.asarray(getattr(v, "data", v)) for k, v in weights.items()})


def test_tied_weights_of_a_model_are_written_once(path):
    model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False), nn.Linear(0, 5))
    model[1].weight = model[0].weight
    nn.save_weights(path, model)
    assert list(safetensors.read(path)[0]) == ["0.weight", "2.weight", "2.bias"]
    weights = nn.load_weights(path)
    assert weights["0.weight"] is weights["1.weight"]
    assert model.load_state_dict(weights) == ([], [])
    nn.save_weights(path, model.state_dict())
    assert list(safetensors.read(path)[0]) == ["0.weight", "1.weight", "2.weight", "2.bias"]


def test_what_is_no_alias(path):
    nn.save_weights(path, {"pt": np.ones(2), "w": np.zeros(3)}, {"author": "me"})
    assert list(nn.load_weights(path)) == ["pt", "w"]


def test_arrays_are_assigned(path):
    model = nn.Linear(2, 3)
    nn.save_weights(path, model)
    model.load_state_dict(nn.load_weights(path), assign=True)
    assert model.weight.data.flags.writeable
    model.weight.data[...] = 7
    assert (nn.load_weights(path)["weight"] != 7).all()


def test_arrays_are_views_of_the_file(path):
    nn.save_weights(path, {"h": np.ones(3, np.int16), "w": np.arange(6.0), "n": np.array(3)})
    weights = nn.load_weights(path)
    assert not any(array.flags.writeable for array in weights.values())
    assert all(array.flags.aligned and not array.flags.owndata for array in weights.values())
    with pytest.raises(ValueError, match="read-only"):
        weights["w"][0] = 1
    with open(path, "r+b") as file:
        file.seek(-14, os.SEEK_END)
        file.write(np.int64(9).tobytes())
    assert weights["n"] == 9


@pytest.mark.parametrize("name", ["a", "b" * 8, "c" * 57])
def test_arrays_begin_where_they_are_read_fast(path, name):
    nn.save_weights(path, {name: np.zeros(16, np.float32), "x": np.ones(3)})
    header = int.from_bytes(path.read_bytes()[:8], "little")
    assert (8 + header) % 64 == 16


def test_large_files_are_opened_without_memory(path):
    size = 2**32
    header = {"w": {"dtype": "F32", "shape": [2**15, 2**15], "data_offsets": [0, size]}}
    write(path, header)
    with open(path, "r+b") as file:
        file.truncate(path.stat().st_size + size)  # takes no place on disk
    tracemalloc.start()
    weights = nn.load_weights(path)
    assert weights["w"].nbytes == size and weights["w"][-1, -1] == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_a_file_is_replaced_while_its_arrays_live(path):
    nn.save_weights(path, {"w": np.arange(1000.0)})
    weights = nn.load_weights(path)
    nn.save_weights(path, {name: array + 1 for name, array in weights.items()})
    assert weights["w"].sum() == 499500 and nn.load_weights(path)["w"].sum() == 500500
    nn.save_weights(path, nn.load_weights(path))  # what is read is what is replaced
    assert nn.load_weights(path)["w"].sum() == 500500
    os.unlink(path)
    assert weights["w"].sum() == 499500


def test_no_package_is_needed(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    nn.save_weights(path, {"w": np.ones(3)})
    assert nn.load_weights(path)["w"].sum() == 3


# ------------------------------------------------------------------------------------ other dtypes


def halves(bits):
    return {"dtype": "BF16", "shape": list(bits.shape), "data_offsets": [0, bits.nbytes]}


@pytest.mark.parametrize("shape", [(), (2, 3), (0, 2)])
def test_bfloat16_becomes_float32(path, shape):
    wide = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    bits = np.asarray(np.asarray(wide).view(np.uint32) >> 16, dtype="<u2")
    write(path, {"w": halves(bits)}, bits.tobytes())
    found = nn.load_weights(path)["w"]
    assert found.dtype == np.float32 and found.shape == shape and type(found) is np.ndarray
    np.testing.assert_allclose(found, wide, rtol=2**-7)
    np.testing.assert_array_equal(found.view(np.uint32), bits.astype(np.uint32) << 16)


class Half:
    """As torch's tensors of bfloat16 are: NumPy cannot look at them."""

    dtype = "torch.bfloat16"

    def __init__(self, array):
        self.array = array

    def detach(self):
        return self

    def float(self):
        return self.array


@pytest.mark.parametrize("shape", [(), (3,), (0, 2)])
def test_bfloat16_is_kept(path, shape):
    wide = np.full(shape, -1.5, np.float32)
    nn.save_weights(path, {"w": Half(wide), "d": np.ones(1)})
    assert path.read_bytes().count(b'"dtype":"BF16"') == 1
    np.testing.assert_array_equal(nn.load_weights(path)["w"], wide, strict=True)


def test_eight_bits_become_float32(path):
    codes = np.arange(256, dtype=np.uint8)
    about = {"shape": [256], "dtype": "F8_E4M3", "data_offsets": [0, 256]}
    more = {"shape": [16, 16], "dtype": "F8_E5M2", "data_offsets": [256, 512]}
    write(path, {"a": about, "b": more}, codes.tobytes() * 2)
    a, b = nn.load_weights(path).values()
    assert a.dtype == b.dtype == np.float32 and b.shape == (16, 16)
    b = b.ravel()
    assert a[[0x38, 0x7E, 0x01, 0x80, 0xB8]].tolist() == [1, 448, 2.0**-9, 0, -1]
    assert np.flatnonzero(np.isnan(a)).tolist() == [0x7F, 0xFF] and not np.isinf(a).any()
    assert b[[0x3C, 0x7B, 0x01, 0x7C, 0xFC]].tolist() == [1, 57344, 2.0**-16, np.inf, -np.inf]
    assert np.flatnonzero(np.isnan(b)).tolist() == [0x7D, 0x7E, 0x7F, 0xFD, 0xFE, 0xFF]
    assert np.signbit(a[0x80]) and (np.diff(a[:0x7F]) > 0).all() and (np.diff(b[:0x7C]) > 0).all()


def test_flags_of_other_bytes_are_true(path):
    write(path, {"w": {"dtype": "BOOL", "shape": [3], "data_offsets": [0, 3]}}, bytes([0, 1, 255]))
    assert nn.load_weights(path)["w"].view(np.uint8).tolist() == [0, 1, 1]


# ------------------------------------------------------------------------------------ several files


def parts(folder, places=None):
    nn.save_weights(folder / "model-1.safetensors", {"a": np.ones(2), "c": np.ones(3)})
    nn.save_weights(folder / "model-2.safetensors", {"b": np.zeros(2)})
    index = folder / "model.safetensors.index.json"
    places = places or {"a": "model-1.safetensors", "b": "model-2.safetensors", "c": "model-1.safetensors"}
    index.write_text(json.dumps({"metadata": {"total_size": 56}, "weight_map": places}))
    return index


def test_a_model_in_several_files(tmp_path):
    index = parts(tmp_path)
    for path in (index, tmp_path, str(tmp_path)):
        equal(nn.load_weights(path), {"a": np.ones(2), "b": np.zeros(2), "c": np.ones(3)})


def test_a_folder_with_one_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no safetensors file in the folder"):
        nn.load_weights(tmp_path)
    nn.save_weights(tmp_path / "model.safetensors", {"a": np.ones(2)})
    equal(nn.load_weights(tmp_path), {"a": np.ones(2)})
    nn.save_weights(tmp_path / "ema.safetensors", {"a": np.ones(2)})
    with pytest.raises(ValueError, match="a folder with ema.safetensors, model.safetensors: give the path"):
        nn.load_weights(tmp_path)


def test_indices_that_are_wrong(tmp_path):
    index = parts(tmp_path, {"a": "model-1.safetensors", "d": "model-2.safetensors"})
    with pytest.raises(ValueError, match="index.json names entries that are not there: d in model-2.safet"):
        nn.load_weights(index)
    parts(tmp_path, {"a": "model-3.safetensors"})
    with pytest.raises(FileNotFoundError, match="no file at .*model-3.safetensors"):
        nn.load_weights(index)
    parts(tmp_path, {"a": "../model-1.safetensors"})
    with pytest.raises(ValueError, match="is no index: it lacks a weight_map of names to files beside it"):
        nn.load_weights(index)
    for text in ("", "[]", "{}", '{"weight_map": 3}', '{"weight_map": {"a": 3}}', "[" * 100_000):
        index.write_text(text)
        with pytest.raises(ValueError, match="is no index"):
            nn.load_weights(index)
    with pytest.raises(FileNotFoundError):
        nn.load_weights(tmp_path / "absent.json")


# ------------------------------------------------------------------------------------ files of nn.save


def test_the_model_of_a_checkpoint(path):
    model, other = nn.Linear(2, 3), nn.Linear(2, 3)
    nn.save(path, model=model, optimizer=nn.optim.AdamW(model.parameters()), step=3)
    assert other.load_state_dict(nn.load_weights(path)) == ([], [])
    equal(other.state_dict(), model.state_dict())
    nn.save(path, step=3)
    with pytest.raises(ValueError, match="nn.save wrote this file, without a model"):
        nn.load_weights(path)
