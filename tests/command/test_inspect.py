"""`tapegrad inspect`: what files hold, from their headers alone unless sums are asked for."""

import json
import os
import struct

import numpy as np
import pytest

from tapegrad import nn

ARRAYS = {
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3) - 2,
    "a.count": np.array(7, dtype=np.int64),
    "a.half": np.array([1, np.nan, 2], np.float16),
    "a.empty": np.zeros((0, 4), np.float64),
    "a.mask": np.array([True, True, False]),
}


@pytest.fixture
def path(tmp_path):
    nn.save_weights(tmp_path / "model.safetensors", ARRAYS)
    return tmp_path / "model.safetensors"


def handmade(path, code, raw, shape):
    """A file of one entry of any dtype."""
    header = json.dumps({"x": {"dtype": code, "shape": shape, "data_offsets": [0, len(raw)]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + raw)
    return path


def test_a_table(process, path):
    code, out, err = process("inspect", path)
    assert (code, err) == (0, "")
    *lines, total = out.splitlines()
    assert [line.split() for line in lines] == [
        ["name", "dtype", "shape", "bytes"],
        ["b.weight", "F32", "2x3", "24"],
        ["a.count", "I64", "()", "8"],
        ["a.half", "F16", "3", "6"],
        ["a.empty", "F64", "0x4", "0"],
        ["a.mask", "BOOL", "3", "3"],
    ]
    assert len({line.index(word) for line, word in zip(lines[:2], ["dtype", "F32"], strict=True)}) == 1
    assert total == "5 tensors of BOOL, F16, F32, F64, I64: 13 numbers, 41 B"


def test_sums(program, path):
    _, out, err = program("inspect", path, "--sums")
    assert err == ""
    numbers = {line.split()[0]: line.split()[4:] for line in out.splitlines()[:-1]}
    assert numbers == {
        "name": ["sum", "min", "max"],
        "b.weight": ["3", "-2", "3"],
        "a.count": ["7", "7", "7"],
        "a.half": ["nan", "nan", "nan"],
        "a.empty": ["0", "nan", "nan"],
        "a.mask": ["2", "0", "1"],
    }


def test_lines_of_json(program, path):
    _, out, _ = program("inspect", path, "--json", "--match", "w")
    assert json.loads(out) == {"name": "b.weight", "dtype": "F32", "shape": [2, 3], "bytes": 24}
    _, out, _ = program("inspect", path, "--json", "--sums", "--match", "b.w")
    assert json.loads(out) == {
        **{"name": "b.weight", "dtype": "F32", "shape": [2, 3], "bytes": 24},
        **{"sum": 3.0, "min": -2.0, "max": 3.0},
    }


def test_what_is_no_number_is_null_in_json(program, path):
    _, out, _ = program("inspect", path, "--json", "--sums", "--match", "half")
    assert json.loads(out, parse_constant=pytest.fail)["sum"] is None


@pytest.mark.parametrize(
    ("code", "raw", "total"),
    [("BF16", b"\x80\x3f\x00\xc0", "-1"), ("F8_E4M3", b"\x38\x40", "3"), ("F8_E5M2", b"\x3c\xc0", "-1")],
)
def test_the_dtype_is_the_files_and_sums_are_exact(code, raw, total, program, tmp_path):
    _, out, _ = program("inspect", handmade(tmp_path / "x.safetensors", code, raw, [2]), "--sums")
    assert out.splitlines()[1].split()[:5] == ["x", code, "2", str(len(raw)), total]


def test_sums_are_of_float64(program, tmp_path):
    """float16 has no such number."""
    nn.save_weights(tmp_path / "x.safetensors", {"x": np.full(5000, 100, np.float16)})
    _, out, _ = program("inspect", tmp_path / "x.safetensors", "--sums")
    assert out.splitlines()[1].split()[4] == "500000"


@pytest.mark.skipif(os.name != "posix", reason="files with holes")
def test_without_sums_nothing_is_read(program, tmp_path, monkeypatch):
    """The file says that it has 8 GB, and has them as a hole."""
    monkeypatch.setattr("tapegrad.nn.stored.Stored.made", pytest.fail)
    size = 2**33
    shape = [2**17, 2**15]
    path = tmp_path / "x.safetensors"
    header = json.dumps({"x": {"dtype": "BF16", "shape": shape, "data_offsets": [0, size]}}).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with open(path, "r+b") as file:
        file.truncate(8 + len(header) + size)
    code, out, _ = program("inspect", path)
    assert code == 0
    assert out.splitlines()[-1] == "1 tensors of BF16: 4,294,967,296 numbers, 8.59 GB"


def test_tied_weights_count_once(program, folders):
    _, out, _ = program("inspect", folders / "gpt2")
    assert [
        line for line in out.splitlines() if "= transformer.wte.weight" in line or "= lm_head.weight" in line
    ]
    assert ", 1 more names of the same: " in out
    model = nn.load_weights(folders / "gpt2")
    own = {id(value): value.size for value in model.held.values()}
    assert f" {sum(own.values()):,} numbers" in out


def test_folders_and_the_index_of_several_files(program, tmp_path):
    for i, name in enumerate(["a", "b"]):
        nn.save_weights(tmp_path / f"model-{i}.safetensors", {name: np.zeros(3)})
    places = {"a": "model-0.safetensors", "b": "model-1.safetensors"}
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    for path in tmp_path, index:
        _, out, _ = program("inspect", path)
        assert out.splitlines()[-1] == "2 tensors of F64: 6 numbers, 48 B"


def test_what_cannot_be(program, path, tmp_path):
    code, out, err = program("inspect", path, "--match", "zebra")
    assert (code, out) == (1, "") and "no name contains 'zebra'; there are 5 without --match" in err
    code, _, err = program("inspect", path, "--entry", "model")
    assert code == 1 and "is no file of torch.save" in err
    (tmp_path / "bad.bin").write_bytes(b"PK\x03\x04" + bytes(40))
    code, _, err = program("inspect", tmp_path / "bad.bin")
    assert code == 1 and "cannot be read as a file of torch.save" in err and err.count("\n") == 1
