"""Files of weights of both formats, damaged and put together at random: loaded, or refused with a reason.

Whatever loads lies within the file; neither loading nor refusing it takes much memory.
"""

import json
import pickletools
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tapegrad import nn
from torch_zip import Name, Tensor, archive, of_arrays, pickled, written

WEIGHTS = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a.flags": np.array([True, False, True]),
    "b": np.array(3, np.int64),
    "empty": np.zeros((0, 3), np.float16),
}
STORAGE = {"0": bytes(range(64))}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("fuzzed") / "w.bin"
    path.write_bytes(of_arrays(WEIGHTS))
    nn.load_weights(path)  # imports take memory, which is not counted
    return path


@pytest.fixture(scope="module")
def whole(path):
    nn.save_weights(path, WEIGHTS)
    return {"safetensors": path.read_bytes(), "torch": of_arrays(WEIGHTS)}


def fuzz(few, many):
    """Runs a test with `few` examples, and with `many` where slow tests run."""

    def mark(test):
        cases = [few, pytest.param(many, marks=pytest.mark.slow)]
        return pytest.mark.parametrize("examples", cases)(test)

    return mark


def run(examples, check, **strategies):
    options = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
    settings(max_examples=examples, **options)(given(**strategies)(check))()


def load(path, content):
    """What is in the file, or None if it was refused, as its path says."""
    path.write_bytes(content)
    tracemalloc.start()
    try:
        weights = nn.load_weights(path)
        for array in weights.values():
            assert type(array) is np.ndarray and not array.flags.writeable
            assert array.nbytes <= max(4 * len(content), 2**16)
            array.tobytes()
        return weights
    except ValueError as error:
        assert str(path) in str(error) and len(str(error)) < 2000
        return None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000


DAMAGE = {
    "cut": st.integers(0, 400),
    "flips": st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4),
    "moved": st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 40)),
    "tail": st.binary(max_size=9),
}


def damaged(content, cut, flips, moved, tail):
    content = bytearray(content)
    for place, byte in flips:
        content[place % len(content)] = byte
    a, b, n = moved[0] % len(content), moved[1] % len(content), moved[2] if moved[0] % 3 else 0
    content[a : a + n] = content[b : b + n]
    return bytes(content[: max(0, len(content) - (cut if cut % 4 == 3 else 0))]) + tail


@fuzz(60, 700)
@pytest.mark.parametrize("kind", ["safetensors", "torch"])
def test_any_damage(path, whole, kind, examples):
    def check(**how):
        load(path, damaged(whole[kind], **how))

    run(examples, check, **DAMAGE)


# ------------------------------------------------------------------------------------ headers of safetensors

HUGE = st.sampled_from([2**31, 2**63, 2**64, 10**30])
NUMBER = st.one_of(st.integers(-1, 70), HUGE, st.floats(), st.booleans())
LEAF = NUMBER | st.text(max_size=3) | st.none()
JSON = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3), max_leaves=5)
CODE = st.sampled_from(["F32", "BF16", "U8", "BOOL", "F64", "F8_E5M2", "F8_E8M0", "f32", ""]) | JSON
SHAPE = st.lists(st.integers(0, 5), max_size=3) | st.lists(NUMBER, max_size=70) | JSON
ABOUT = {"dtype": CODE, "shape": SHAPE, "data_offsets": st.lists(NUMBER, max_size=3)}
ENTRY = st.fixed_dictionaries({}, optional=ABOUT)
KIND = st.sampled_from([("F32", 4), ("BF16", 2), ("U8", 1)])
RIGHT = st.tuples(KIND, st.lists(st.integers(0, 4), max_size=3))


@fuzz(60, 700)
def test_any_header(path, examples):
    def check(right, wrong, room, pad):
        header, at = dict(wrong), 0
        for i, ((code, size), shape) in enumerate(right):
            end = at + size * int(np.prod(shape, dtype=int))
            header[f"w{i}"] = {"dtype": code, "shape": shape, "data_offsets": [at, end]}
            at = end
        text = json.dumps(header).encode() + b" " * pad
        found = load(path, len(text).to_bytes(8, "little") + text + bytes(at + room))
        assert (found is not None) == (not wrong and room == 0) or wrong

    wrong = st.dictionaries(st.text(max_size=2), ENTRY | JSON, max_size=2)
    room = st.sampled_from([0, 0, 0, 1, 40])
    run(examples, check, right=st.lists(RIGHT, max_size=3), wrong=wrong, room=room, pad=st.integers(0, 9))


# ------------------------------------------------------------------------------------ pickles of torch

OPCODES = [code.code.encode("latin1") for code in pickletools.opcodes]
NAMES = ["torch FloatStorage", "torch storage", "torch._utils _rebuild_tensor_v2", "os system"]
PIECE = st.one_of(
    st.sampled_from(OPCODES),
    st.sampled_from([b"(", b"}", b"]", b")", b"t", b"u", b"R", b"Q", b"b"]),
    st.sampled_from([b"q\0", b"h\0", b"K\x05", b"X\1\0\0\0w"]),
    st.sampled_from([written(Name(name)) for name in [*NAMES, "collections OrderedDict"]]),
    st.just(written(("storage", Name("torch FloatStorage"), "0", "cpu", 16))),
    st.just(written(Tensor("0", (4, 4), (4, 1)))),
    st.binary(max_size=4),
)


@fuzz(60, 700)
def test_any_program(path, examples):
    def check(pieces, keyed):
        begin, end = (b"}X\1\0\0\0a", b"s.") if keyed else (b"", b".")
        load(path, archive(b"\x80\x02" + begin + b"".join(pieces) + end, STORAGE))

    run(examples, check, pieces=st.lists(PIECE, max_size=12), keyed=st.booleans())


@fuzz(60, 700)
def test_any_tensor(path, examples):
    """Of those that load, the numbers are those that NumPy finds at these places."""
    numbers = np.frombuffer(STORAGE["0"], "<f4")

    def check(axes, offset, count):
        shape, strides = [n for n, _ in axes], [step for _, step in axes]
        found = load(path, archive(pickled({"w": Tensor("0", shape, strides, offset, count=count)}), STORAGE))
        wanted = shape_of(shape, strides, offset, count)
        assert (found is not None) == (wanted is not None)
        if found is not None:
            np.testing.assert_array_equal(found["w"], numbers[wanted] if wanted.size else found["w"])
            assert found["w"].shape == tuple(shape)

    def shape_of(shape, strides, offset, count):
        """The index of each element in the storage; None for what is to be refused."""
        if count != 16 or offset < 0 or min([0, *shape, *strides]) < 0:
            return None
        steps = np.reshape(strides, (-1, *[1] * len(shape)))
        at = offset + (np.indices(shape) * steps).sum(0).astype(int)
        return at if at.size == 0 or at.max() < 16 else None

    axes = st.lists(st.tuples(st.integers(-1, 5), st.integers(-1, 6)), max_size=3)
    counts = st.sampled_from([16, 16, 16, 17, 0, -1, 2**40])
    run(examples, check, axes=axes, offset=st.integers(-1, 17), count=counts)
