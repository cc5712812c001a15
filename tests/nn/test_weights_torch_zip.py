"""nn.load_weights on files of torch.save: what is in them, and that nothing else is executed or believed."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

import torch_zip
from tapegrad import nn
from tapegrad.nn import torch_zip as reader
from torch_zip import NUMBERS, Tensor, archive, load, of_arrays, one, pickled, refused

GOLDEN = os.path.join(os.path.dirname(__file__), "golden", "torch_save.bin")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.bin"


# ------------------------------------------------------------------------------------ what is in them


def test_a_file_that_torch_wrote():
    """By PyTorch 2.13: the state of Sequential(Linear(3, 2), BatchNorm1d(2).bfloat16())."""
    weights = nn.load_weights(GOLDEN)
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    assert model.load_state_dict(weights) == ([], [])
    np.testing.assert_array_equal(weights["0.weight"], [[0, 0.5, 1], [1.5, 2, 2.5]])
    np.testing.assert_array_equal(weights["1.running_var"], [0.5, 1.5])
    assert weights["1.num_batches_tracked"] == 7 and weights["1.num_batches_tracked"].shape == ()


DTYPES = [np.dtype(code) for code in torch_zip.STORAGES]


@pytest.mark.parametrize("byteorder", ["little", "big"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_dtypes_and_byte_orders(path, dtype, byteorder):
    wanted = {
        "w": np.arange(6).reshape(2, 3).astype(dtype),
        "0d": np.ones((), dtype),
        "no": np.ones((0, 3), dtype),
    }
    path.write_bytes(of_arrays(wanted, byteorder))
    found = nn.load_weights(path)
    assert list(found) == list(wanted)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
        assert found[name].dtype.isnative and not found[name].flags.writeable


@pytest.mark.parametrize("byteorder", ["little", "big"])
def test_bfloat16(path, byteorder):
    wide = np.float32([1, -2.5, np.inf, 0])
    bits = (wide.view(np.uint32) >> 16).astype("<u2" if byteorder == "little" else ">u2").tobytes()
    found = load(path, one((4,), (1,), kind="BFloat16Storage"), {"0": bits}, byteorder=byteorder)
    np.testing.assert_array_equal(found["w"], wide, strict=True)


def test_strides_and_shared_storages(path):
    program = pickled(
        {
            "t": Tensor("0", (4, 3), (1, 4), count=12),
            "tail": Tensor("0", (2, 2), (4, 2), 5, count=12),
            "a": Tensor("0", (12,), (1,)),
            "b": Tensor("0", (12,), (1,)),
            "ones": Tensor("0", (3, 1), (4, 999), count=12),
            "expanded": Tensor("0", (2, 5), (0, 0), 7, count=12),
        }
    )
    weights = load(path, program)
    np.testing.assert_array_equal(weights["t"], NUMBERS.reshape(3, 4).T)
    np.testing.assert_array_equal(weights["tail"], [[5, 7], [9, 11]])
    np.testing.assert_array_equal(weights["ones"], [[0], [4], [8]])
    assert (weights["expanded"] == 7).all() and weights["a"] is weights["b"]
    assert np.shares_memory(weights["a"], weights["t"]) and not weights["a"].flags.owndata
    assert not any(array.flags.writeable for array in weights.values())


def test_a_file_without_byteorder_is_little(path):
    np.testing.assert_array_equal(load(path, one((12,), (1,)), byteorder=None)["w"], NUMBERS)


def test_what_is_beside_the_weights(path):
    inner = {"w": Tensor("0", (12,), (1,))}
    program = pickled({"model": inner, "epoch": 3, "args": {"lr": 0.1, "names": ["a", None, True, (1, -5)]}})
    refused(path, r"holds no weights by name alone; give one of those in it: entry='model'$", program)
    np.testing.assert_array_equal(nn.load_weights(path, entry="model")["w"], NUMBERS)
    with pytest.raises(ValueError, match="has no entry 'net'; give one of those in it: entry='model'"):
        nn.load_weights(path, entry="net")
    with pytest.raises(ValueError, match="entry 'args', holds no weights"):
        nn.load_weights(path, entry="args")
    assert reader.read(path)["args"] == {"lr": 0.1, "names": ["a", None, True, (1, -5)]}
    refused(
        path, "holds no weights by name alone; it holds 'w': ndarray, 'n': int", pickled({**inner, "n": 3})
    )
    refused(path, "it holds a list", pickled([1]))
    nn.save_weights(path, {"w": np.ones(2)})
    with pytest.raises(ValueError, match="is no file of torch.save, which alone has an entry 'model'"):
        nn.load_weights(path, entry="model")


def test_other_protocols(path):
    state = {
        "a": [1, 2.5, "wörd", (), (1,), (1, 2), (1, 2, 3), -(10**30), 300, 70000],
        "b": {"c": None, "d": True},
    }
    state["e"] = state["a"]
    for protocol in range(1, 6):
        path.write_bytes(archive(pickle.dumps(state, protocol)))
        assert reader.read(path) == state


# ------------------------------------------------------------------------------------ archives


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_compressed_archives(path, method):
    refused(path, "its entry archive/data.pkl is compressed or encrypted", one((12,), (1,)), method=method)


@pytest.mark.parametrize("name", ["../x", "archive/../x", "/x", "a//x", "C:/x", "archive/a\\b"])
def test_names_that_lead_out(path, name):
    refused(path, "which leads out of it", one((12,), (1,)), more={name: b""})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"other/data.pkl": b""}, "without one data.pkl in one folder"),
        ({"archive/constants.pkl": b""}, "it is a TorchScript program; .*torch.jit.load"),
        ({"archive/code/a.py": b""}, "it is a TorchScript program"),
    ],
)
def test_archives_of_other_programs(path, more, message):
    refused(path, message, one((12,), (1,)), more=more)


def test_byte_orders_that_there_are_not(path):
    refused(path, "its byteorder is b'middle', not little or big", one((12,), (1,)), byteorder="middle")


def damaged(path, change, message):
    whole = bytearray(archive(one((12,), (1,)), {"0": NUMBERS.tobytes()}))
    changed = change(whole)
    path.write_bytes(whole if changed is None else changed)
    with pytest.raises(ValueError, match=message):
        nn.load_weights(path)


def listed(whole, name):
    """Where the list of entries has one."""
    return whole.rindex(name) - 46


def put(place, form, *values):
    return lambda whole: struct.pack_into(form, whole, place(whole), *values)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda whole: whole[:40], "cut off: it lacks the list of its entries"),
        (lambda whole: whole[:20], "fewer than 22 bytes"),
        (put(lambda w: len(w) - 12, "<H", 4000), "4000 entries in"),
        (put(lambda w: len(w) - 10, "<I", 2**31), "2147483648 bytes from"),
        (put(lambda w: listed(w, b"archive/data/0"), "<I", 0), "its list of entries is wrong"),
        (put(lambda w: listed(w, b"archive/data/0") + 8, "<H", 1), "compressed or encrypted"),
        (
            put(lambda w: listed(w, b"archive/data/0") + 20, "<II", 2**31, 2**31),
            "outside of the file, or within",
        ),
        (put(lambda w: listed(w, b"archive/data/0") + 20, "<I", 4), "compressed or encrypted"),
        (put(lambda w: listed(w, b"archive/data/0") + 42, "<I", 2**31), "begins at byte 2147483648, where"),
        (put(lambda w: listed(w, b"archive/data/0") + 42, "<I", 0), "has another name where its bytes are"),
        (put(lambda w: listed(w, b"archive/version") + 46, "8s", b"\xff" * 8), "which is no text"),
        (put(lambda w: w.index(b"storage"), "7s", b"garbage"), "has what is no storage of a tensor"),
    ],
)
def test_damaged_archives(path, change, message):
    damaged(path, change, message)


def test_entries_over_one_another(path):
    """The last entry of the file begins within the one before."""

    def change(whole):
        whole[:] = archive(one((12,), (1,)), {"0": NUMBERS.tobytes()}, more={"archive/data/1": b"x" * 90})
        inner = b"PK\x03\x04" + bytes(22) + struct.pack("<HH", 14, 0) + b"archive/data/1"
        at = whole.index(b"x" * 90) - 60
        start = whole.index(NUMBERS.tobytes())
        assert len(inner) <= 48
        whole[start : start + len(inner)] = inner
        struct.pack_into("<I", whole, listed(whole, b"archive/data/1") + 42, start)
        assert at > start

    damaged(path, change, "outside of the file, or within its entry archive/data/0")


def test_two_entries_of_one_name(path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = archive(one((12,), (1,)), {"0": NUMBERS.tobytes()}, more={"archive/version": b"4"})
    path.write_bytes(content)
    with pytest.raises(ValueError, match="two entries 'archive/version'"):
        nn.load_weights(path)


def test_places_beyond_32_bits(path):
    """As torch writes them always: the end is there once more with 64 bits, as are sizes."""
    whole = archive(one((12,), (1,)), {"0": NUMBERS.tobytes()})
    at = listed(whole, b"archive/data/0")
    (begin,) = struct.unpack_from("<I", whole, at + 42)
    head = bytearray(whole[at : at + 46])
    (old,) = struct.unpack_from("<H", head, 30)
    struct.pack_into("<II", head, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", head, 30, 28)
    struct.pack_into("<I", head, 42, 0xFFFFFFFF)
    extra = struct.pack("<HHQQQ", 1, 24, 48, 48, begin)
    end = len(whole) - 22
    count, size, start = struct.unpack_from("<HII", whole, end + 10)
    new = whole[:at] + head + b"archive/data/0" + extra + whole[at + 60 + old : end]
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size + 28 - old, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, len(new), 1)
    short = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(new + wide + locator + short)
    np.testing.assert_array_equal(nn.load_weights(path)["w"], NUMBERS)
