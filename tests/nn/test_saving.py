"""Saving and loading: what comes back, what is refused, and that training goes on bit for bit."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn import random
from tapegrad.nn.optim import SGD, AdamW
from tapegrad.nn.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR


class Model:
    """Anything with these two methods can be saved."""

    def __init__(self, **arrays):
        self.arrays = arrays

    def state_dict(self):
        return self.arrays

    def load_state_dict(self, state):
        for name, array in self.arrays.items():
            array[...] = state[name]


def make(lr=0.1, hidden=4, kind=AdamW):
    model = nn.Sequential(nn.Linear(3, hidden), nn.Tanh(), nn.Linear(hidden, 2))
    optimizer = kind(model.parameters(), lr=lr)
    parts = [LinearLR(optimizer, 0.25, total_iters=4), CosineAnnealingLR(optimizer, 50)]
    return {"model": model, "optimizer": optimizer, "schedule": SequentialLR(optimizer, parts, [4])}


def train(model, optimizer, schedule, steps=1):
    for _ in range(steps):
        x = np.asarray(random.generator().standard_normal((8, 3)), np.float32)
        loss = (nn.functional.dropout(model(nn.Parameter(x)), 0.3) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()


def snapshot(objects):
    """Everything that a load may change, as bytes and text."""
    arrays = [a.tobytes() for a in objects["model"].state_dict().values()]
    state = objects["optimizer"].state_dict()
    moments = [
        a.tobytes() if isinstance(a, np.ndarray) else a for s in state["state"].values() for a in s.values()
    ]
    return arrays, moments, state["param_groups"], objects["schedule"].state_dict(), random.get_rng_state()


@pytest.fixture
def saved(tmp_path):
    objects = make()
    train(**objects, steps=3)
    path = tmp_path / "run.safetensors"
    nn.save(path, **objects, step=3, loss=np.float32(0.25), notes={"text": "äöü"})
    return path, objects


def test_all_comes_back(saved):
    path, objects = saved
    want = snapshot(objects)
    others = make(lr=9.0)
    random.manual_seed(77)
    assert nn.load(path, **others) == {"step": 3, "loss": 0.25, "notes": {"text": "äöü"}}
    assert snapshot(others) == want
    train(**objects, steps=2)
    after = snapshot(objects)
    nn.load(path, rng=True)
    train(**others, steps=2)
    assert snapshot(others) == after


def test_a_file_written_by_the_first_version_is_loaded():
    from safetensors import safe_open

    path = Path(__file__).parent / "golden" / "saved.safetensors"
    objects = make(lr=9.0)
    schedule = objects.pop("schedule")  # there were others then
    with pytest.raises(ValueError, match="saved.safetensors: SequentialLR: not the state of a SequentialLR"):
        nn.load(path, schedule=schedule)
    assert nn.load(path, **objects) == {"step": 3, "notes": {"text": "äöü"}}
    assert random.generator().random(2).tolist() == [0.25507945940786836, 0.9752894128284465]
    assert objects["model"][2].bias.data.tolist() == [-0.18604165315628052, 0.051342129707336426]
    with safe_open(path, "numpy") as file:
        assert file.metadata()["format"] == "tapegrad checkpoint 1"
        for name, array in objects["model"].state_dict().items():
            np.testing.assert_array_equal(array, file.get_tensor(f"model.{name}"))
        for index, entry in objects["optimizer"].state_dict()["state"].items():
            assert entry["step"] == 3
            np.testing.assert_array_equal(entry["exp_avg"], file.get_tensor(f"optimizer.{index}.exp_avg"))
    assert objects["optimizer"].param_groups[0]["initial_lr"] == 0.1


def test_parts_can_be_left_out(tmp_path, saved):
    path, objects = saved
    before = random.get_rng_state()
    model = make()["model"]
    random.manual_seed(3)
    here = random.get_rng_state()
    nn.load(path, model=model, rng=False)
    assert random.get_rng_state() == here != before
    np.testing.assert_array_equal(model[0].weight.data, objects["model"][0].weight.data)
    bare = tmp_path / "bare"
    nn.save(bare, rng=False)
    assert nn.load(str(bare)) == {"step": 0}
    assert random.get_rng_state() == here
    with pytest.raises(ValueError, match="bare: this file holds no model and no optimizer and no schedule"):
        nn.load(bare, **objects)


def test_arrays_of_any_layout_and_dtype(tmp_path):
    a = np.arange(12.0).reshape(3, 4)
    arrays = {
        "transposed": a.T,
        "strided": a[:, ::2],
        "backwards": a[::-1],
        "broadcast": np.broadcast_to(np.float32(3), (2, 3)),
        "big_endian": a.astype(">f4"),
        "scalar": np.array(1.5),
        "empty": np.zeros((0, 3), np.float32),
        "half": a.astype(np.float16),
        "ids": np.arange(5, dtype=np.int64),
        "flags": np.array([True, False]),
        "tensor": nn.Parameter(a.T),
    }
    nn.save(tmp_path / "c", model=Model(**arrays))
    back = {k: np.zeros(v.shape, v.dtype.newbyteorder("=")) for k, v in arrays.items()}
    nn.load(tmp_path / "c", model=Model(**back))
    for name, array in arrays.items():
        array = array.data if isinstance(array, nn.Parameter) else array
        np.testing.assert_array_equal(back[name], array, err_msg=name)


def test_tied_weights(tmp_path):
    weight = np.arange(6.0).reshape(2, 3)
    nn.save(tmp_path / "c", model=Model(wte=weight, head=weight))
    other = np.zeros((2, 3))
    nn.load(tmp_path / "c", model=Model(wte=other, head=other))
    np.testing.assert_array_equal(other, weight)


def test_other_programs_can_read_the_weights(saved):
    from safetensors.numpy import load_file

    path, objects = saved
    arrays = load_file(path)
    np.testing.assert_array_equal(arrays["model.0.weight"], objects["model"][0].weight.data)
    assert arrays["optimizer.0.exp_avg"].shape == (4, 3)


# ------------------------------------------------------------------------------------ what is refused


def refused(path, message, kind=ValueError, **other):
    """Loading raises, names the file, and changes nothing."""
    made = make()
    made["optimizer"].step()  # before its schedule, where `other` has another optimizer
    objects = {**made, **other}
    train(**objects, steps=1)
    before = snapshot(objects)
    with pytest.raises(kind, match=message) as caught:
        nn.load(path, **objects)
    assert os.path.basename(path) in str(caught.value)
    assert snapshot(objects) == before


def test_files_that_save_did_not_write(tmp_path, saved):
    from safetensors.numpy import save_file

    path, _ = saved
    whole = path.read_bytes()
    refused(tmp_path / "absent", "no file at", FileNotFoundError)
    refused(tmp_path, "no file at", FileNotFoundError)
    bad = tmp_path / "bad"
    noise = np.random.default_rng(0).bytes(5000)
    for content in (b"", noise, b"\xff" * 100, whole[:5], whole[:200], whole[:-1], whole + b"x", whole[8:]):
        bad.write_bytes(content)
        refused(bad, "cannot be read as safetensors")
    for place in (20, len(whole) // 2, len(whole) - 3):  # one bit, in the metadata or in the arrays
        bad.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        refused(bad, "damaged|cannot be read|not one written by")
    save_file({"w": np.zeros(3)}, bad)
    refused(bad, "not one written by tapegrad.nn.save")


def test_files_of_something_else(tmp_path, saved):
    path, objects = saved
    larger = make(hidden=5)
    refused(path, r"misshapen: 0.weight has shape \(4, 3\), expected \(5, 3\); 0.bias has", **larger)
    refused(path, "AdamW: the state has groups of", optimizer=AdamW([nn.Parameter(np.zeros(3))]))
    shapes = [nn.Parameter(np.zeros(shape)) for shape in [(4, 3), (4,), (2, 4), (3,)]]
    refused(path, r"exp_avg of parameter 3 has shape \(2,\), expected \(3,\)", optimizer=AdamW(shapes))
    refused(path, "another optimizer", optimizer=SGD(make()["model"].parameters()))
    state = objects["schedule"].state_dict()
    damaged = {**state, "_schedulers": [state["_schedulers"][0], {**state["_schedulers"][1], "T_max": None}]}
    for odd, message in (
        ({**state, "last_epoch": "3"}, "SequentialLR: last_epoch must be a number, got '3'"),
        (damaged, "CosineAnnealingLR: T_max must be a number, got None"),
        (
            state["_schedulers"][0],
            "SequentialLR: not the state of a SequentialLR: it lacks _milestones, _sched",
        ),
        (5, "SequentialLR: a schedule's state is a dict, got 5"),
    ):
        objects["schedule"].state_dict = lambda state=odd: state
        nn.save(tmp_path / "odd", **objects)
        refused(tmp_path / "odd", message)


def test_a_strange_state_of_the_random_numbers(tmp_path, saved, monkeypatch):
    _, objects = saved
    with monkeypatch.context() as patch:
        patch.setattr(random, "get_rng_state", lambda: {"bit_generator": "PCG64", "state": [1]})
        nn.save(tmp_path / "odd", **objects)
    refused(tmp_path / "odd", "not a state of tapegrad's random numbers")


def test_names_that_do_not_fit_are_all_listed(tmp_path):
    theirs = {
        "a": np.zeros(3),
        "b": np.zeros(2),
        "c": np.zeros(2),
        "wieght": np.zeros(4),
        "e": np.zeros((1, 2)),
    }
    nn.save(tmp_path / "c", model=Model(**theirs))
    own = Model(a=np.ones(3), c=np.ones(2, np.int64), weight=np.ones(4), e=np.ones(2))
    with pytest.raises(ValueError) as caught:
        nn.load(tmp_path / "c", model=own)
    assert str(caught.value).splitlines() == [
        f"{tmp_path / 'c'}: the file does not fit the model:",
        "  misshapen: e has shape (1, 2), expected (2,)",
        "  of another kind: c has dtype float64, expected int64",
        "  missing: weight (nearest: wieght)",
        "  unexpected: b, wieght (nearest: weight)",
    ]
    assert all((array == 1).all() for array in own.arrays.values())


def test_a_file_and_a_state_dict_that_do_not_fit_are_told_alike(tmp_path):
    larger, smaller = make(hidden=5)["model"], nn.Sequential(nn.Linear(3, 4), nn.Tanh())
    nn.save(tmp_path / "c", model=smaller)
    with pytest.raises(ValueError) as of_state:
        larger.load_state_dict(smaller.state_dict())
    with pytest.raises(ValueError) as of_file:
        nn.load(tmp_path / "c", model=larger)
    told = str(of_state.value).splitlines()[1:]
    assert len(told) == 2 and told == str(of_file.value).splitlines()[1:]


@pytest.mark.parametrize(
    ("own", "given"), [("i8", "f8"), ("f4", "i4"), ("f4", "?"), ("?", "i8"), ("i4", "u1")]
)
def test_a_file_holds_dtypes_of_the_models_kinds(tmp_path, own, given):
    nn.save(tmp_path / "c", model=Model(w=np.zeros(2, given)))
    model = Model(w=np.ones(2, own))
    message = f"of another kind: w has dtype {np.dtype(given)}, expected {np.dtype(own)}"
    with pytest.raises(ValueError, match=message):
        nn.load(tmp_path / "c", model=model)
    assert (model.arrays["w"] == 1).all()
    nn.save(
        tmp_path / "c",
        model=Model(w=np.zeros(2, own).astype(f"{np.dtype(own).kind}{2}" if own != "?" else own)),
    )
    nn.load(tmp_path / "c", model=model)  # of another size, it is cast
    assert (model.arrays["w"] == 0).all() and model.arrays["w"].dtype == own


def test_extra_values_must_fit_into_json(tmp_path):
    with pytest.raises(TypeError, match="must fit into JSON, got ndarray"):
        nn.save(tmp_path / "c", losses=np.zeros(3))
    assert not list(tmp_path.iterdir())


def test_no_package_is_needed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    nn.save(tmp_path / "c", model=make()["model"], step=3)
    assert nn.load(tmp_path / "c", model=make()["model"]) == {"step": 3}


def test_arrays_must_have_a_dtype_of_the_format(tmp_path):
    with pytest.raises(TypeError, match="cannot save .*: safetensors has no complex128, as 'model.w' is"):
        nn.save(tmp_path / "c", model=Model(w=np.ones(2, np.complex128)))
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------------------- whenever it is interrupted


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder .*missing"):
        nn.save(tmp_path / "missing" / "x.safetensors", step=1)


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_a_failed_save_leaves_the_old_file(saved, monkeypatch, call, error):
    path, objects = saved
    before = path.read_bytes()

    def fail(*args):
        raise error("disk full")

    train(**objects)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(error):
        nn.save(path, **objects)
    assert path.read_bytes() == before
    assert [p.name for p in path.parent.iterdir()] == [path.name]
