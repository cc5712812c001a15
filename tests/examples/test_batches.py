"""examples/common/batches.py: splits and blocks of a text."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def batches():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2] / "examples")
        yield importlib.import_module("common.batches")


def test_split_is_by_position(batches):
    train, val = batches.split(np.arange(1_115_394))
    assert len(train) == 1_003_854 and val[0] == 1_003_854 and len(val) == 111_540
    assert [len(part) for part in batches.split(np.arange(10), 0.25)] == [2, 8]


def test_pairs_are_source_and_continuation(batches):
    source, target_in, target_out = batches.Pairs(np.arange(100), 3).at(np.array([0, 50, 94]))
    assert source.tolist() == [[0, 1, 2], [50, 51, 52], [94, 95, 96]]
    assert target_in.tolist() == [[2, 3, 4], [52, 53, 54], [96, 97, 98]]
    assert target_out.tolist() == [[3, 4, 5], [53, 54, 55], [97, 98, 99]]


def test_windows_predict_the_next_character(batches):
    x, y = batches.Windows(np.arange(100), 3).at(np.array([0, 96]))
    assert x.tolist() == [[0, 1, 2], [96, 97, 98]]
    assert y.tolist() == [[1, 2, 3], [97, 98, 99]]


@pytest.mark.parametrize("kind", ["Pairs", "Windows"])
@given(st.integers(1, 8), st.integers(0, 40))
def test_cover_predicts_each_character_once(batches, kind, size, extra):
    make = getattr(batches, kind)
    context, shortest = (size, 2 * size) if kind == "Pairs" else (1, size + 1)
    length = shortest + extra
    blocks = make(np.arange(length), size)
    *_, targets = blocks.at(blocks.cover())
    predicted = targets.ravel().tolist()
    assert predicted == list(range(context, context + len(predicted)))
    assert length - context - len(predicted) < size


@pytest.mark.parametrize("kind", ["Pairs", "Windows"])
def test_draw_reaches_every_start_and_repeats_with_the_seed(batches, kind):
    blocks = getattr(batches, kind)(np.arange(20), 4)
    starts = blocks.draw(np.random.default_rng(0), 1000)
    assert set(starts.tolist()) == set(range(20 - blocks.span + 1))
    assert blocks.at(starts)[-1].max() == 19
    np.testing.assert_array_equal(starts, blocks.draw(np.random.default_rng(0), 1000))


@pytest.mark.parametrize(("kind", "span"), [("Pairs", 64), ("Windows", 33)])
def test_a_short_text_says_how_long_it_must_be(batches, kind, span):
    make = getattr(batches, kind)
    assert make(np.arange(span), 32).cover().tolist() == [0]
    with pytest.raises(ValueError, match=rf"takes {span} .* only {span - 1}: .*--block"):
        make(np.arange(span - 1), 32)
    with pytest.raises(ValueError, match="at least one"):
        make(np.arange(100), 0)
