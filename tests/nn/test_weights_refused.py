"""nn.save_weights: what cannot be written, and what is there then."""

import os

import numpy as np
import pytest

from tapegrad import nn


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.safetensors"


class Counting(nn.Module):
    """Has a state of its own."""

    def __init__(self, state):
        super().__init__()
        self.state = state

    def get_extra_state(self):
        return self.state

    def set_extra_state(self, state):
        self.state = state


def test_extra_state_is_written_if_it_is_an_array(path):
    nn.save_weights(path, nn.Sequential(Counting(np.arange(3))))
    model = nn.Sequential(Counting(None))
    model.load_state_dict(nn.load_weights(path))
    np.testing.assert_array_equal(model[0].state, np.arange(3))
    before = path.read_bytes()
    with pytest.raises(TypeError, match=r"entry '0._extra_state' is a dict, .* nn.save\(path, model=model\)"):
        nn.save_weights(path, nn.Sequential(Counting({"n": 1})))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"w": np.ones(2, np.complex128)}, "entry 'w' has dtype complex128, which safetensors lacks; cast"),
        ({"w": np.ones(2, np.longdouble)}, "entry 'w' has dtype"),
        ({"w": "words"}, "entry 'w' has dtype <U5"),
        ({"w": None}, "entry 'w' has dtype object"),
        ({"w": np.ma.masked_array([1.0])}, "entry 'w': a masked array would lose its mask"),
        ({3: np.ones(2)}, "entry 3: names are strings"),
        ({"__metadata__": np.ones(2)}, "names are strings, other than __metadata__"),
        ([np.ones(2)], "weights are a module or a mapping of names to arrays, not a list"),
        ("w.safetensors", "weights are a module or a mapping of names to arrays, not a str"),
    ],
)
def test_what_is_no_weight(path, weights, message):
    with pytest.raises(TypeError, match=f"nn.save_weights: .*{message}"):
        nn.save_weights(path, weights)
    assert not path.exists()


def test_other_refusals(path, tmp_path):
    for weights, message in [
        ({"\ud800": np.ones(2)}, "surrogates not allowed"),
        ({"w": [[1], [1, 2]]}, "entry 'w': .* inhomogeneous"),
        (nn.LazyLinear(3), "entry 'weight': there are no numbers: the shape of a lazy module"),
    ]:
        with pytest.raises(ValueError, match=f"nn.save_weights: .*{message}"):
            nn.save_weights(path, weights)
    with pytest.raises(TypeError, match=r"metadata are strings by name, not \('epoch', 3\)"):
        nn.save_weights(path, {}, {"epoch": 3})
    with pytest.raises(FileNotFoundError, match="there is no folder .*missing"):
        nn.save_weights(tmp_path / "missing" / "w", {})
    with pytest.raises(
        TypeError, match=r"nn.save_weights\(path, weights\): a path comes first, not a Linear"
    ):
        nn.save_weights(nn.Linear(1, 1), path)
    with pytest.raises(TypeError, match=r"nn.load_weights\(path\): a path comes first, not a Linear"):
        nn.load_weights(nn.Linear(1, 1))
    assert os.listdir(tmp_path) == []


def test_a_failed_save_leaves_the_old_file(path, monkeypatch):
    nn.save_weights(path, {"w": np.ones(2)})
    before = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        nn.save_weights(path, {"w": np.zeros(2)})
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]
