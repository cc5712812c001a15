"""The cache of keys and values, and who may see whom."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor, no_grad
from tapegrad.models.generation.cache import SMALLEST, Cache, mask_of, positions_of, real_of
from tapegrad.nn import functional as F

RNG = np.random.default_rng(0)


def pieces(*lengths, rows=2, heads=3, width=4):
    return [RNG.normal(size=(rows, heads, n, width)).astype(np.float32) for n in lengths]


def put(cache, layer, array, window=None):
    key, value = cache.extend(layer, Tensor(array), Tensor(-array[..., :1]), window)
    np.testing.assert_array_equal(value.numpy(), -key.numpy()[..., :1])
    return key.numpy()


# ---------------------------------------------------------------------------------- extend


@pytest.mark.parametrize("capacity", [0, 7, 500])
def test_what_is_given_comes_back_in_order(capacity):
    cache, parts = Cache(capacity), pieces(5, 1, 1, SMALLEST, 1, 3, 2 * SMALLEST, 1)
    assert cache.length == 0
    for n in range(len(parts)):
        for layer in (4, 0):  # any names, in the order of their first call
            expected = np.concatenate(parts[: n + 1], axis=2) * (1 + layer)
            np.testing.assert_array_equal(put(cache, layer, parts[n] * np.float32(1 + layer)), expected)
        assert cache.length == expected.shape[2]


def test_memory_that_is_foreseen_is_taken_once_and_nothing_is_copied():
    cache = Cache(100)
    first = put(cache, 0, pieces(60)[0])
    size = cache.nbytes
    for part in pieces(*[1] * 40):
        assert np.shares_memory(put(cache, 0, part), first)
    assert cache.nbytes == size == 2 * 3 * 100 * (4 + 1) * 4
    assert not np.shares_memory(put(cache, 0, pieces(1)[0]), first)
    assert cache.nbytes == 2 * size


@pytest.mark.parametrize("window", [1, 2, 5, 40])
@pytest.mark.parametrize("capacity", [0, 1000])
def test_of_a_window_only_what_is_seen_is_kept(window, capacity):
    cache = Cache(capacity)
    parts = pieces(7, *[1] * 120, 3, 90, *[1] * 300)
    for n, part in enumerate(parts):
        whole = np.concatenate(parts[: n + 1], axis=2)
        new, past = part.shape[2], cache.length
        size = min(past, window - 1) + new
        np.testing.assert_array_equal(put(cache, 0, part, window), whole[:, :, -size:])
        assert cache.length == whole.shape[2]
        mask, causal = mask_of(new, past, window=window)
        assert mask is None or mask.shape == (1, 1, new, size)
    assert cache.nbytes // (2 * 3 * (4 + 1) * 4) <= 2 * (2 * window + 90)


def test_layers_may_have_windows_of_their_own():
    cache, parts = Cache(), pieces(6, 1, 1, 1)
    for n, part in enumerate(parts):
        whole, past = np.concatenate(parts[: n + 1], axis=2), cache.length
        np.testing.assert_array_equal(put(cache, 0, part), whole)
        np.testing.assert_array_equal(put(cache, 1, part, 3), whole[:, :, -(min(past, 2) + part.shape[2]) :])
        assert cache.length == whole.shape[2]


# ---------------------------------------------------------------------------------- rows


@pytest.mark.parametrize(
    "rows", [[0, 1, 2], [2, 0, 1], [1, 1, 1], [0, 0, 2], [2], [1, 0], [0, 0, 1, 1, 2, 2], []], ids=str
)
@pytest.mark.parametrize("window", [None, 4])
def test_rows_change_places_with_all_they_hold(rows, window):
    cache, (a, b, c) = Cache(), pieces(5, 2, 1, rows=3)
    crossed = pieces(6, rows=3)[0]
    cache.cross(0, lambda: (Tensor(crossed), Tensor(crossed + 1)))
    for layer in range(2):
        put(cache, layer, a, window)
    for layer in range(2):
        put(cache, layer, b, window)
    cache.select(rows)
    assert cache.length == 7
    whole = np.concatenate([a, b, c], axis=2)[rows]
    for layer in range(2):
        found = put(cache, layer, c[rows], window)
        np.testing.assert_array_equal(found, whole if window is None else whole[:, :, -4:])
    key, value = cache.cross(0, lambda: 1 / 0)
    np.testing.assert_array_equal(key.numpy(), crossed[rows])
    np.testing.assert_array_equal(value.numpy(), crossed[rows] + 1)


def test_rows_of_one_source_change_places_without_a_copy_of_what_was_read():
    cache, crossed = Cache(), pieces(6)[0]
    cache.cross(0, lambda: (Tensor(crossed), Tensor(crossed)))
    cache.select([0, 0, 1, 1])
    before = cache.cross(0, lambda: 1 / 0)[0]
    cache.select([1, 0, 3, 2])
    assert cache.cross(0, lambda: 1 / 0)[0] is before
    cache.select([2, 1])
    np.testing.assert_array_equal(cache.cross(0, lambda: 1 / 0)[0].numpy(), crossed[[1, 0]])
    with pytest.raises(IndexError):
        cache.select([2])


def test_what_an_encoder_read_is_made_once():
    cache, made = Cache(), []

    def make():
        made.append(1)
        return Tensor(np.ones((1, 1, 2, 2))), Tensor(np.ones((1, 1, 2, 2)))

    assert cache.cross(0, make) is cache.cross(0, make)
    cache.cross(1, make)
    assert len(made) == 2 and cache.length == 0


# ---------------------------------------------------------------------------------- refused


def test_what_does_not_fit_is_refused():
    cache, (part,) = Cache(), pieces(2)
    put(cache, 0, part)
    for wrong in (part[:1], part[:, :1], part[..., :3], part.astype(float)):
        with pytest.raises(ValueError, match="extend: keys .* for layer 0, which has"):
            put(cache, 0, wrong)
    with pytest.raises(ValueError, match="extend: values"):
        cache.extend(0, Tensor(part), Tensor(part[:, :, :1, :1]))
    with pytest.raises(ValueError, match="with window 3 for layer 0, which has .* with window None"):
        put(cache, 0, part, 3)
    with pytest.raises(ValueError, match="window is a number of positions of 1 or more, not 0"):
        put(Cache(), 0, part, 0)
    np.testing.assert_array_equal(put(cache, 0, part), np.concatenate([part, part], axis=2))


def test_gradients_are_refused():
    leaf = Tensor(np.ones((1, 1, 1, 1)), requires_grad=True)
    for ask in (
        lambda: Cache().extend(0, leaf * 1, leaf * 1),
        lambda: Cache().cross(0, lambda: (leaf * 1, leaf * 1)),
    ):
        with pytest.raises(RuntimeError, match="no_grad"):
            ask()
        with no_grad():
            ask()


@pytest.mark.parametrize("steps", [0, 1])
def test_a_step_that_failed_is_noticed(steps):
    cache = Cache()
    for _ in range(steps):
        for layer in range(2):
            put(cache, layer, pieces(1)[0])
    put(cache, 0, pieces(2)[0])  # and something fails before the second layer
    with pytest.raises(RuntimeError, match="after a step that failed"):
        for layer in range(2):
            put(cache, layer, pieces(2)[0])


# ---------------------------------------------------------------------------------- masks


def looked(new, past=0, attention_mask=None, window=None):
    """By definition, one pair at a time: (B, T, past + T)."""
    real = np.ones((1, past + new)) if attention_mask is None else np.asarray(attention_mask)
    return np.array(
        [
            [
                [s <= t and (window is None or t - s < window) and row[s] == 1 for s in range(past + new)]
                for t in range(past, past + new)
            ]
            for row in real
        ]
    )


LEFT = np.array([[0, 0, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 1]])


@pytest.mark.parametrize(
    "padding", [None, LEFT, LEFT.astype(float), LEFT[:, ::-1] == 1, np.ones((3, 6))], ids=str
)
@pytest.mark.parametrize("window", [None, 1, 2, 4, 6, 99])
@pytest.mark.parametrize("past", [0, 2, 5])
def test_the_mask_by_its_definition(padding, window, past):
    new = 6 - past
    expected = looked(new, past, padding, window)
    held = past if window is None else min(past, window - 1)
    assert not expected[..., : past - held].any()
    expected = expected[..., past - held :]
    mask, causal = mask_of(new, past, padding, window)
    if mask is None:
        mask = np.tri(*expected.shape[1:], dtype=bool) if causal else np.ones(expected.shape[1:], bool)
    else:
        assert not causal and mask.dtype == bool and mask.ndim == 4
        mask = mask[:, 0]
    np.testing.assert_array_equal(np.broadcast_to(mask, expected.shape), expected)


def test_no_mask_where_none_is_needed():
    assert mask_of(1, 9) == mask_of(1, 9, np.ones((2, 10))) == mask_of(1, 9, window=3) == (None, False)
    assert mask_of(5) == mask_of(5, window=5) == (None, True)


def test_real_tokens_are_counted():
    expected = [[0, 0, 0, 1, 2, 3], [0, 1, 2, 3, 4, 5], [0, 0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(positions_of(6, 0, LEFT), expected)
    np.testing.assert_array_equal(positions_of(2, 4, LEFT), np.array(expected)[:, 4:])
    np.testing.assert_array_equal(positions_of(2, 4), [4, 5])
    np.testing.assert_array_equal(positions_of(2, 4, LEFT[1:2]), [4, 5])


def test_an_attention_mask_of_other_positions_is_refused():
    for ask in (lambda m: mask_of(2, 3, m), lambda m: positions_of(2, 3, m), lambda m: real_of(m, 5)):
        for wrong in (np.ones((2, 4)), np.ones(5), np.ones((1, 2, 5))):
            with pytest.raises(ValueError, match=r"expected \(batch, 5\): 1 for each token, cached and new"):
                ask(wrong)


@pytest.mark.parametrize("wrong", [[[0, -1e9]], [[0.5, 1]], [[1, 2]], [[1, np.nan]]])
def test_an_attention_mask_of_other_numbers_is_refused(wrong):
    for ask in (lambda m: mask_of(1, 1, m), lambda m: positions_of(1, 1, m), lambda m: real_of(m, 2)):
        with pytest.raises(ValueError, match="^attention_mask is to be 1 for tokens and 0 for padding, and"):
            ask(wrong)
        with pytest.raises(TypeError, match="^attention_mask is to be of booleans or of 0 and 1, not <U1"):
            ask([["1", "0"]])
    for kind in (bool, np.int8, np.float32):
        np.testing.assert_array_equal(real_of(np.array([[0, 1]], kind), 2), [[False, True]])


@pytest.mark.parametrize("window", [None, 3])
@pytest.mark.parametrize("padded", [False, True])
def test_attention_in_pieces_is_attention_at_once(window, padded):
    """And padding that is nan changes nothing."""
    q, k, v = pieces(6, 6, 6, rows=3)
    real = LEFT if padded else np.ones_like(LEFT)
    for x in (k, v):
        x.swapaxes(1, 2)[real == 0] = np.nan
    mask = looked(6, 0, real, window)[:, None]
    expected = F.scaled_dot_product_attention(q, k, v, mask).numpy()
    cache, start = Cache(), 0
    for end in (3, 4, 6):
        mask, causal = mask_of(end - start, start, real[:, :end], window)
        key, value = cache.extend(0, Tensor(k[:, :, start:end]), Tensor(v[:, :, start:end]), window)
        y = F.scaled_dot_product_attention(q[:, :, start:end], key, value, mask, is_causal=causal).numpy()
        np.testing.assert_allclose(y, expected[:, :, start:end], atol=1e-6)
        start = end
    assert np.isfinite(expected).all()
