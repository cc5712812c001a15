"""Adding at an index gives what np.add.at gives, by each of its ways, for every kind of index."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tapegrad.autograd import adding

rng = np.random.default_rng(0)
IDS = rng.integers(-6, 6, 40)
# (shape, index, broadcast shape of what is added): few rows, many, single numbers, several axes, masks
ADDED = {
    "few rows": ((6, 16), IDS, (40, 16)),
    "many rows": ((200, 16), IDS, (40, 16)),
    "one row for all": ((200, 300), IDS, (300,)),
    "numbers": ((300,), rng.integers(-300, 300, 5000), (5000,)),
    "few numbers": ((9000,), rng.integers(0, 9000, 500), (500,)),
    "columns": ((6, 16), (slice(None), IDS % 16), (6, 40)),
    "pairs": ((6, 6, 9), (IDS, IDS[::-1]), (40, 9)),
    "apart": ((6, 4, 6, 3), (IDS, slice(None), IDS), (40, 4, 3)),
    "after an ellipsis": ((5, 6, 6), (..., IDS), (5, 6, 40)),
    "before an ellipsis": ((6, 5, 8), (IDS, ...), (40, 5, 8)),
    "a new axis": ((6, 20), (None, IDS[:20], None), (1, 20, 1, 20)),
    "a mask and ids": ((6, 6, 80), (np.arange(6) % 2 > 0, IDS[:3]), (3, 80)),
    "a mask of two axes": ((2, 3, 6, 40), (np.ones((2, 3), bool), IDS[:6]), (6, 40)),
    "a list": ((6, 60), [1, 1, -1, 0], (4, 60)),
    "some columns": ((6, 50), (IDS, slice(3, 40)), (40, 37)),
    "a step": ((12, 8, 6), (slice(None, None, 2), slice(6, 1, -1), IDS[:9]), (6, 5, 9)),
    "nothing": ((6, 300), np.zeros(0, int), (1, 300)),
    "no mask": ((6, 300), np.zeros(6, bool), (1, 300)),
    "True": ((6, 60), (True, IDS), (40, 60)),
}


MANY = rng.integers(0, 30, (3, 1000)).max(0) * 7  # some often, some seldom
ADDED["segments"] = (211, 200), np.where(MANY % 2 > 0, MANY, MANY - 211), (1000, 200)
ADDED["several batches of segments"] = (211, 500), MANY, (1000, 500)
ADDED["one long segment"] = (90, 500), np.full(700, 3), (700, 500)


def added(target, index, values, add):
    target = target.copy()
    add(target, index, values)
    return target


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ADDED)
def test_it_is_what_np_add_at_gives(name, dtype):
    shape, index, values = ADDED[name]
    assert np.prod(values) >= adding.SMALL or name == "nothing"
    x, v = rng.standard_normal(shape).astype(dtype), rng.standard_normal(values).astype(dtype)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    ours = added(x, index, v, adding.add_at)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, added(x, index, v, np.add.at), rtol=tolerance, atol=tolerance)
    turned = added(x.copy("F"), index, v, adding.add_at)
    np.testing.assert_allclose(turned, ours, rtol=tolerance, atol=tolerance)


@given(hnp.array_shapes(min_dims=1, max_dims=4, max_side=4), st.data())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_any_index(shape, data):
    index = data.draw(
        hnp.integer_array_indices(shape)
        | hnp.basic_indices(shape, allow_newaxis=True)
        | hnp.arrays(bool, shape)
    )
    x = np.zeros((*shape, 100))  # so that all its ways are gone
    values = np.random.default_rng(0).standard_normal(x[index].shape)
    ours, numpys = (added(x, index, values, add) for add in (adding.add_at, np.add.at))
    np.testing.assert_allclose(ours, numpys, rtol=1e-12, atol=1e-12)


def test_what_is_infinite_spoils_no_other_row():
    """0 * inf in a product with one-hot vectors would."""
    v = rng.standard_normal((40, 16))
    v[3, 5] = np.inf
    start = np.zeros((6, 16))
    for sums in (added(start, IDS, v, adding.add_at), adding.added_at(v, IDS, (6, 16))):
        assert np.argwhere(~np.isfinite(sums)).tolist() == [[IDS[3] % 6, 5]]
        np.testing.assert_allclose(sums, added(start, IDS, v, np.add.at), rtol=1e-12)


def test_float16_is_added_in_float32():
    g = np.ones((5000, 2), np.float16)
    sums = adding.added_at(g, np.zeros(5000, int), (3, 2))
    assert sums.dtype == np.float32 and sums.tolist() == [[5000, 5000], [0, 0], [0, 0]]


@pytest.mark.parametrize("n", [1, 40, 65536, 65537, 1 << 20, 1 << 33])
def test_sorting_is_stable(n):
    x = rng.integers(0, n, 500)
    x[::3] = x[0]
    np.testing.assert_array_equal(adding.sorting(x, n), np.argsort(x, kind="stable"))
    assert adding.sorting(x[:0], n).size == 0


@pytest.mark.parametrize("name", ["segments", "several batches of segments", "one long segment"])
def test_rows_are_summed_in_segments(name, monkeypatch):
    """Into zeros, from a list of rows that are named by number, and by no other way."""
    (rows, width), ids, _ = ADDED[name]
    ids = ids % rows
    monkeypatch.setattr(adding, "_each", None)
    source = rng.integers(0, 300, ids.size)
    values = rng.standard_normal((300, width))
    right = np.zeros((rows, width))
    np.add.at(right, ids, values[source])
    for sums in (
        adding.taken_at(values, source, ids, (rows, width)),
        adding.added_at(values[source], ids, (rows, width)),
    ):
        np.testing.assert_allclose(sums, right, rtol=1e-12, atol=1e-12)
