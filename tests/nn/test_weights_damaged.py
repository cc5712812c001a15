"""Files of weights that are damaged or something else: the path, the entry and what is wrong are named."""

import json
import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad import nn


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


def write(path, header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def refused(path, message):
    with pytest.raises(ValueError, match=message) as caught:
        nn.load_weights(path)
    assert str(caught.value).startswith(f"{path} cannot be read as safetensors: ")


def entry(dtype="F32", shape=(2,), begin=0, end=8):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "fewer than 8 bytes"),
        (b"\x02\0\0\0\0\0\0", "fewer than 8 bytes"),
        (b"\xff" * 8, "a header of 18446744073709551615 bytes follows, but 0 do"),
        (b"\xff" * 60, "a header of 18446744073709551615 bytes follows, but 52 do"),
        (b"\x03\0\0\0\0\0\0\0{}", "a header of 3 bytes follows, but 2 do"),
        (b"\x02\0\0\0\0\0\0\0[]", "a header of 2 bytes follows, but none does"),
        (b"\0" * 100, "a header of 0 bytes follows, but none does"),
        (
            pickle.dumps({"w": [1.0] * 9}),
            "it is a pickle; if it is torch.save's of before 1.6, write it again in torch: torch.save",
        ),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "`git lfs pull` fetches"),
    ],
)
def test_what_is_no_such_file(path, content, message):
    path.write_bytes(content)
    refused(path, message)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"{x", "its header is no right JSON: Expecting property name"),
        (b"{\xff\xff}", "its header is no right JSON: 'utf-8' codec"),
        (b'{"a":' * 100_000, "its header is no right JSON: "),
        (b'{"a": ' + b"9" * 5000, "its header is no right JSON: "),
        (b'{"a": {}, "a": {}}', "its header is no right JSON: 'a' is there twice"),
        ({"__metadata__": {"a": 1}}, "its __metadata__ are to be strings by name"),
        ({"__metadata__": ["a"]}, "its __metadata__ are to be strings by name"),
    ],
)
def test_headers_that_are_wrong(path, header, message):
    write(path, header)
    refused(path, message)


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (3, "lacks a dtype, a shape or two data_offsets"),
        ([], "lacks a dtype, a shape or two data_offsets"),
        ({"dtype": "F32", "shape": [2]}, "lacks a dtype, a shape or two data_offsets"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0]}, "lacks a dtype, a shape or two data_offsets"),
        (entry(shape=2), "lacks a dtype, a shape"),
        ({"dtype": "F32", "shape": [2], "data_offsets": "08"}, r"has shape \[2\] .* \('0', '8'\): no sizes"),
        (entry(shape="2"), "has shape 2 .*: no sizes"),
        (entry(shape=[-2]), r"has shape \[-2\] .*: no sizes"),
        (entry(shape=[2.0]), r"has shape \[2.0\] .*: no sizes"),
        (entry(shape=[True, 2]), r"has shape \[True, 2\] .*: no sizes"),
        (entry(begin=-1), r"has shape .* data_offsets \(-1, 8\): no sizes"),
        (entry(shape=[2**64, 0], end=0), "has shape .*: no sizes"),
        (entry(shape=[1] * 65, end=4), "has 65 axes, NumPy's arrays have 64 at most"),
        (entry(shape=[2**62] * 64), r"has dtype F32 and shape .*, which are not the 8 bytes"),
        (entry(shape=[3]), r"has dtype F32 and shape \[3\], which are not the 8 bytes from 0 to 8"),
        (entry(begin=8, end=0), "has .* which are not the -8 bytes from 8 to 0"),
        (entry("F4"), "has dtype F4, which NumPy has not; in torch, take its .float()"),
        (entry(["F32"]), r"has dtype \['F32'\], which NumPy has not"),
        (entry(begin=4, end=12), "begins at byte 4, the one before ends at 0"),
        (entry(shape=[4], end=16), "ends at byte 16, but the file has 8 of them"),
        (entry(shape=[1], end=4), "its entries end at byte 4, but the file has 8 of them"),
    ],
)
def test_entries_that_are_wrong(path, about, message):
    write(path, {"w": about}, b"\0" * 8)
    refused(path, message if "its entries" in message else f"entry 'w' {message}")


def test_a_shape_that_numpy_has_not(path):
    write(path, {"w": entry(shape=[0, 2**62, 2**62], end=0)})
    refused(path, "entry 'w' has shape .*: array is too big")


@pytest.mark.parametrize(("begin", "message"), [(4, "begins at byte 4"), (12, "begins at byte 12")])
def test_entries_that_overlap_or_leave_a_hole(path, begin, message):
    write(path, {"b": entry(begin=begin, end=begin + 8), "a": entry()}, b"\0" * 20)
    refused(path, f"entry 'b' {message}, the one before ends at 8")


def test_a_path_without_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file at .*absent"):
        nn.load_weights(tmp_path / "absent")


WEIGHTS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.flags": np.array([True, False, True]),
    "b": np.array(3, np.int64),
    "empty": np.zeros((0, 3), np.float16),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "w.safetensors"
    nn.save_weights(path, WEIGHTS)
    return path.read_bytes()


@settings(max_examples=200, deadline=None)
@given(
    cut=st.integers(0, 400),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=3),
    tail=st.binary(max_size=9),
)
def test_any_damage(whole, tmp_path_factory, cut, flips, tail):
    """It loads, all of it inside of the file, or is refused; neither takes memory."""
    path = tmp_path_factory.getbasetemp() / "damaged.safetensors"
    content = bytearray(whole)
    for place, byte in flips:
        content[place % len(content)] = byte
    path.write_bytes(content[: max(0, len(content) - cut // 8 * (cut % 8 > 5))] + tail)
    tracemalloc.start()
    try:
        for array in nn.load_weights(path).values():
            assert array.tobytes() is not None and array.nbytes <= 4 * len(content)
    except ValueError as error:
        assert str(path) in str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 200_000
