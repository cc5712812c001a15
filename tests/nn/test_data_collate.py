"""nn.data: batches from samples, and what cannot be one."""

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from tapegrad.autograd import Tensor
from tapegrad.nn import data

Point = namedtuple("Point", "x y")


@dataclass
class Labelled:
    image: Any
    label: Any


def test_numbers_arrays_and_tensors():
    for batch, dtype in [
        ([1, 2], np.int64),
        ([True, False], np.bool_),
        ([1.5, 2], np.float64),
        ([np.float32(1), np.float32(2)], np.float32),
        ([np.int8(1), np.int8(2)], np.int8),
        ([np.ones((2, 3), np.float32)] * 2, np.float32),
        ([Tensor(np.ones(3, np.float16))] * 2, np.float16),
        ([np.ones((), np.int32)] * 2, np.int32),
        ([np.ones(2, ">f4")] * 2, np.float32),
        ([np.ones(1, np.float32), np.ones(1)], np.float64),
    ]:
        made = data.default_collate(batch)
        assert type(made) is Tensor and made.dtype == dtype and not made.requires_grad
        assert np.array_equal(made.data, np.stack([np.asarray(getattr(x, "data", x)) for x in batch]))


def test_samples_that_need_a_gradient_keep_their_graph():
    w = Tensor([1.0, 2.0], requires_grad=True)
    data.default_collate([w, w * 3]).sum().backward()
    assert w.grad.data.tolist() == [4, 4]


def test_containers():
    made = data.default_collate([(1, "a"), (2, "b")])
    assert type(made) is list and made[0].data.tolist() == [1, 2] and made[1] == ("a", "b")
    made = data.default_collate([OrderedDict(a=1, b=[b"x"]), OrderedDict(a=2, b=[b"y"])])
    assert type(made) is OrderedDict and made["a"].data.tolist() == [1, 2] and made["b"] == [(b"x", b"y")]
    made = data.default_collate([Point(1, 2), Point(3, 4)])
    assert type(made) is Point and made.y.data.tolist() == [2, 4]
    made = data.default_collate([Labelled(np.ones(2), 0), Labelled(np.zeros(2), 1)])
    assert type(made) is Labelled and made.image.shape == (2, 2) and made.label.data.tolist() == [0, 1]
    made = data.default_collate([MappingProxyType({"a": 1})])
    assert made["a"].data.tolist() == [1]
    assert [x.data.tolist() for x in data.default_collate([range(2), range(2)])] == [[0, 0], [1, 1]]


def test_a_sample_that_is_no_batch():
    sample = {
        "a": np.ones(2),
        "b": (np.float32(3), "s", 4),
        "c": [np.array(["x"])],
        "d": Point(1, np.ones(1)),
    }
    made = data.default_convert(sample)
    assert isinstance(made["a"], Tensor) and isinstance(made["d"].y, Tensor) and made["d"].x == 1
    assert isinstance(made["b"], list) and made["b"][0].dtype == np.float32 and made["b"][1:] == ["s", 4]
    assert isinstance(made["c"][0], np.ndarray) and isinstance(sample["a"], np.ndarray)
    assert isinstance(data.default_convert(Labelled(np.ones(1), 2)).image, Tensor)


@pytest.mark.parametrize(
    ("batch", "kind", "told"),
    [
        (
            [np.ones(2), np.ones(2), np.ones(3)],
            RuntimeError,
            r"shapes .*\(2,\) in sample 0.*\(3,\) in sample 2",
        ),
        ([np.ones(2), 1.0], RuntimeError, "kinds .* an array in sample 0.* a float in sample 1"),
        ([1, "a"], RuntimeError, "kinds .*int in sample 0.*str in sample 1.*collate_fn"),
        ([[1], [1, 2]], RuntimeError, "lengths .* 1 in sample 0 of the batch, 2 in sample 1"),
        ([[1], 2], RuntimeError, "lengths .* int in sample 1"),
        ([{"a": 1}, [1]], RuntimeError, "kinds .* dict in sample 0.*list in sample 1"),
        ([{"a": (0, np.ones(1))}, {"a": (0, np.ones(2))}], RuntimeError, r"in field \['a'\]\[1\] cannot"),
        ([Point(1, np.ones(1)), Point(1, np.ones(2))], RuntimeError, "in field .y cannot be stacked"),
        ([{"a": 1, "b": 2}, {"a": 1}], KeyError, r"sample 1 of the batch has no \['b'\]; it has \['a'\]"),
        ([None], TypeError, "found NoneType; give the DataLoader a collate_fn"),
        ([(1, {2})], TypeError, r"found set in field \[1\]"),
        ([np.array(["a"])], TypeError, "array of <U1, not of numbers"),
        ([np.array([None])], TypeError, "array of object"),
        ([2**70, 1], OverflowError, "does not fit into int64"),
        ([2**63, 1], OverflowError, "does not fit into int64"),
        ([], ValueError, "no samples"),
    ],
)
def test_what_cannot_be_a_batch(batch, kind, told):
    with pytest.raises(kind, match=told):
        data.default_collate(batch)


def test_an_object_is_named_with_its_module():
    class Thing:
        pass

    with pytest.raises(TypeError, match="found .*test_data_collate.*Thing"):
        data.default_collate([Thing()])
    with pytest.raises(RuntimeError, match=r"they are dataset\[2\] and dataset\[0\]"):
        list(data.DataLoader([np.ones(1), np.ones(1), np.ones(2)], batch_sampler=[[2, 0]]))
