"""Pickles of torch.save's files that are damaged or hostile: nothing is executed, and nothing grows."""

import os
import pickle
import pickletools

import pytest

from torch_zip import Name, Tensor, one, pickled, refused, written


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.bin"


class Evil:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("call", [(os.mkdir, ("made",)), (eval, ("1/0",)), (print, ("said",))], ids=str)
def test_nothing_is_called(path, tmp_path, monkeypatch, capsys, call, protocol):
    monkeypatch.chdir(tmp_path)
    refused(
        path, "its pickle asks for .* which is not called: only tensors", pickle.dumps(Evil(*call), protocol)
    )
    assert os.listdir(tmp_path) == [path.name] and capsys.readouterr().out == ""


ALLOWED = {
    "PROTO",
    "FRAME",
    "STOP",
    "MARK",
    "EMPTY_TUPLE",
    "EMPTY_LIST",
    "EMPTY_DICT",
    "NONE",
    "NEWTRUE",
    "NEWFALSE",
}
ALLOWED |= {
    "INT",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG",
    "LONG1",
    "LONG4",
    "FLOAT",
    "BINFLOAT",
    "REDUCE",
    "BUILD",
}
ALLOWED |= {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "APPEND"}
ALLOWED |= {
    "APPENDS",
    "SETITEM",
    "SETITEMS",
    "BINPUT",
    "LONG_BINPUT",
    "MEMOIZE",
    "BINGET",
    "LONG_BINGET",
    "GLOBAL",
}
ALLOWED |= {"STACK_GLOBAL", "BINPERSID"}


def test_every_other_instruction_is_refused_by_name(path):
    for code in pickletools.opcodes:
        if code.name in ALLOWED:
            continue
        text = b"'0'\n" if code.name == "STRING" else b"0\n0\n"
        argument = text if code.arg is not None and code.arg.n == -1 else bytes(9)
        program = b"\x80\x02" + code.code.encode("latin1") + argument
        refused(
            path, rf"its pickle has {code.name} at byte 2, which is not executed: only tensors, ", program
        )


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"", "pickle exhausted before seeing STOP"),
        (b"\x80\x02}", "pickle exhausted before seeing STOP"),
        (b"\x80\x09}.", "of protocol 9, which there is not"),
        (b"\xff.", "unknown"),
        (b"}}.", "its pickle is damaged"),
        (b".", "its pickle is damaged"),
        (b"(q\0.", "a mark in place of a value"),
        (b"t.", "a mark is missing"),
        (b"h\x07.", "its pickle is damaged: 7"),
        (b"X\xff\xff\xff\x7fabc.", "expected 2147483647 bytes"),
        (b"}K\x01a.", "appends to what is no list"),
        (b"]K\x01K\x02s.", "sets items of what is no dict"),
        (b"}(K\x01u.", "sets items of what is no dict"),
        (b"})K\x02s.", "has a tuple for a key"),
        (b"}K\x01NsK\x01Ns.", "has the key 1 twice"),
        (b"K\x01)R.", "calls what is no function"),
        (b"}}b}b(N.", "its pickle is damaged"),
        (b"K\x01}b.", "has BUILD for what is no OrderedDict, which is not executed"),
        (b"ccollections\nOrderedDict\n(K\x01tR.", "calls collections.OrderedDict in a way"),
        (b"ctorch\nfloat32\n)R.", "calls torch.float32 in a way that torch.save does not"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n)R.", "calls _rebuild_tensor_v2 with 0 arguments"),
        (b"ctorch._utils\n_rebuild_parameter\n(NNNtR.", "a parameter that is no tensor"),
        (b"ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR.", "without a storage"),
        (b"NQ.", "what is no storage of a tensor"),
        (b"(NNNNNtQ.", "what is no storage of a tensor"),
        (written(("storage", "Float", "0", "cpu", 12)) + b"Q.", "a storage without a dtype that NumPy has"),
        (written(("storage", Name("torch FloatStorage"), "0", "meta", 12)) + b"Q.", "without numbers"),
        (written(("storage", Name("torch FloatStorage"), "7", "cpu", 12)) + b"Q.", "lacks the entry data/7"),
        (
            written(("storage", Name("torch FloatStorage"), "0", "cpu", 13)) + b"Q.",
            "has 48 bytes, its pickle says",
        ),
        (written(("storage", Name("torch FloatStorage"), "0", "cpu", 2**70)) + b"Q.", "has 48 bytes"),
        (written(Name("torch QInt8Storage")) + b".", "asks for torch.QInt8Storage"),
        (
            written(Name("torch._utils _rebuild_sparse_tensor")) + b".",
            "asks for torch._utils._rebuild_sparse_",
        ),
        (one((12,), (1,), tail=[{"conj": True}]), "conjugated or negated lazily; save its .clone"),
        (one((12,), (1,), kind="storage\nUntypedStorage"), "asks for"),
    ],
)
def test_pickles_that_are_wrong(path, program, message):
    refused(path, message, program)


@pytest.mark.parametrize(
    ("shape", "strides", "offset", "message"),
    [
        ((13,), (1,), 0, r"shape \[13\] needs 52 bytes of data/0, which has 48"),
        ((12,), (1,), 1, "needs 52 bytes"),
        ((2, 2), (11, 1), 0, "needs 52 bytes"),
        ((2**40, 2**40), (1, 1), 0, "needs .* bytes"),
        ((2**40,), (0,), 0, "would have 4398046511104 bytes, more than the file"),
        ((2,), (-1,), 1, "a stride that is no number"),
        ((2,), (1, 1), 0, "a stride that is no number"),
        ((-1,), (1,), 0, "a stride that is no number"),
        ((True,), (1,), 0, "a stride that is no number"),
        ((2,), (1,), -1, "a stride that is no number"),
        ((2,), ("1",), 0, "a stride that is no number"),
        ((2**63,), (1,), 0, "a stride that is no number"),
        ((1,) * 65, (1,) * 65, 0, "has 65 axes, NumPy's arrays have 64 at most"),
        ((0, 2**61, 2**61), (1, 1, 1), 0, "array is too big"),
    ],
)
def test_tensors_that_do_not_fit(path, shape, strides, offset, message):
    refused(path, message, pickled({"w": Tensor("0", shape, strides, offset, count=12)}))


def test_what_would_grow_without_end(path):
    """Each line doubles what the one before holds: never walked through, hashed or shown."""
    doubled = b"(Nt" + b"".join(b"q%ch%c\x86" % (i, i) for i in range(60))
    refused(path, "has a tuple for a key", b"}" + doubled + b"Ns.")
    refused(path, "what is no storage", doubled + b"Q.")
    refused(path, "it holds a tuple", doubled + b".")
    storage = written(Name("torch FloatStorage"))
    said = b"(" + written("storage") + storage + written("0") + written("cpu") + doubled + b"tQ."
    refused(path, "its pickle says another number", said)
