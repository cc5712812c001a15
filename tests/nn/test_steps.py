"""Reduce, clip, update: the three steps by themselves, and what every way of training makes of them."""

import math

import numpy as np
import pytest

from tapegrad import nn
from tapegrad.nn.optim import SGD, AdamW, flat
from tapegrad.nn.optim.steps import Piece, clip, reduce, square_sum, update
from tapegrad.nn.utils import clip_grad_norm_

SHAPES = [(3, 4), (5,), (), (2, 0), (40, 3), (7,)]


def made(kind=AdamW, dtypes=(np.float64,), **options):
    rng = np.random.default_rng(0)
    params = [
        nn.Parameter(np.asarray(rng.standard_normal(s), dtypes[i % len(dtypes)]))
        for i, s in enumerate(SHAPES)
    ]
    return params, kind([{"params": params[:2]}, {"params": params[2:], "lr": 0.02}], lr=0.05, **options)


def test_reduce_sums_the_replicas_in_the_array_of_the_first():
    first, second, third = np.array([1.0, 2.0]), np.array([10.0, 20.0]), np.array([100.0, 200.0])
    alone = np.ones(3)
    sums = list(reduce([(first, second, third), [alone]]))
    assert sums[0] is first and sums[1] is alone
    np.testing.assert_array_equal(first, [111, 222])
    np.testing.assert_array_equal(second, [10, 20])
    np.testing.assert_array_equal(alone, np.ones(3))


def test_clip_scales_in_place_by_the_norm_of_all():
    arrays = [np.array([3.0, 0.0]), np.array(4.0), np.zeros((0, 2)), np.zeros(3, np.float32)]
    norm = math.sqrt(square_sum(arrays))
    assert norm == 5.0
    kept = [a.copy() for a in arrays]
    for max_norm in (math.inf, 5.1):  # nothing to do: to the bit
        for a, b, given in zip(clip(arrays, norm, max_norm), kept, arrays, strict=True):
            assert a is given and np.array_equal(a, b)
    clipped = list(clip(arrays, norm, 1.0))
    for a, b, given in zip(clipped, kept, arrays, strict=True):
        assert a is given and a.dtype == b.dtype
        np.testing.assert_allclose(a, b / (5 + 1e-6), rtol=1e-12)


@pytest.mark.parametrize("norm", [math.inf, math.nan])
def test_clip_leaves_what_no_factor_can_mend(norm):
    g = np.array([1.0, norm])
    assert next(clip([g], norm, 1.0)) is g
    np.testing.assert_array_equal(g, [1.0, norm])


def test_update_gives_the_rule_each_piece_with_its_gradient():
    calls = []
    p, state, scratch = np.zeros(2), {"m": np.ones(2)}, [np.empty(2)]
    first = Piece({"lr": 1}, 3, 0, slice(0, 2), p, state, scratch)
    pieces = [first, Piece({}, 1, 1, slice(4), p.reshape(1, 2), {}, [])]
    gradients = [np.full(2, 5.0), np.full(2, 6.0)]
    update(lambda *given: calls.append(given), pieces, gradients)
    assert [call[:2] for call in calls] == [({"lr": 1}, 3), ({}, 1)]
    (_, _, p0, _, *rest), (*_, p1, g1, empty, none) = calls
    assert p0 is p and rest[0] is state and rest[1] is scratch and (empty, none) == ({}, [])
    assert p1.shape == g1.shape == (1, 2) and np.shares_memory(g1, gradients[1])
    with pytest.raises(ValueError, match="shorter"):
        update(lambda *given: None, pieces, gradients[:1])


def test_each_gradient_is_used_before_the_next_is_made():
    """One scratch array is enough for all."""
    room, seen = np.empty(1), []

    def parts():
        for value in (1.0, 2.0, 4.0):
            room[0] = value
            yield (room,)

    pieces = [Piece({}, 1, 0, slice(1), np.zeros(1), {}, [])] * 3
    update(lambda group, t, p, g, *_: seen.append(g.item()), pieces, clip(reduce(parts()), 2.0, 1.0))
    np.testing.assert_allclose(seen, np.array([1, 2, 4]) / (2 + 1e-6))


@pytest.mark.parametrize("sharers", [1, 2, 3, 200])
@pytest.mark.parametrize("chunk", [flat.CHUNK, 16])
def test_pieces_cover_what_is_used_once(sharers, chunk, monkeypatch):
    monkeypatch.setattr(flat, "CHUNK", chunk)
    _, optimizer = made(dtypes=(np.float32, np.float64))
    flats = [flat for _, flat in optimizer.buffers()]
    used = [np.arange(len(flat.params)) % 3 != 1 for flat in flats]
    flats[0].steps[:] = 4
    seen = [np.zeros(flat.values.size, int) for flat in flats]
    for piece in optimizer.pieces(used, sharers=sharers):
        seen[piece.buffer][piece.span] += 1
        assert np.shares_memory(piece.values, flats[piece.buffer].values[piece.span])
        room = [*piece.state.values(), *piece.scratch]
        assert {len(a) for a in room} == {len(piece.values)} and 0 < len(piece.values) <= chunk
        assert len(piece.values) <= -(-flats[piece.buffer].values.size // sharers)
        assert piece.t == (5 if piece.buffer == 0 else 1)
    for flat_, of_buffer, count in zip(flats, used, seen, strict=True):
        for span, wanted in zip(flat_.spans, of_buffer, strict=True):
            assert (count[span] == wanted).all()


@pytest.mark.parametrize("kind", [SGD, AdamW])
@pytest.mark.parametrize("max_norm", [0.1, math.inf])
def test_the_three_steps_by_hand_are_what_a_loop_does(kind, max_norm, monkeypatch):
    """Two replicas' gradients, reduced, clipped and used, against their sum, clip_grad_norm_ and step()."""
    monkeypatch.setattr(flat, "CHUNK", 16)
    options = {"momentum": 0.9} if kind is SGD else {}
    params, optimizer = made(kind, (np.float32, np.float64), **options)
    others, by_hand = made(kind, (np.float32, np.float64), **options)
    flats = [flat for _, flat in by_hand.buffers()]
    rng = np.random.default_rng(1)
    for _ in range(3):
        rows = [rng.standard_normal((2, f.values.size)).astype(f.dtype) for f in flats]
        place = {id(p): (i, f.spans[j]) for i, f in enumerate(flats) for j, p in enumerate(f.params)}
        for p, q in zip(params, others, strict=True):
            i, span = place[id(q)]
            p.grad = (rows[i][0] + rows[i][1])[span].reshape(p.shape)
        norm = clip_grad_norm_(params, max_norm)
        optimizer.step()
        pieces = list(by_hand.pieces([[True] * len(f.params) for f in flats]))
        gradients = list(reduce(rows[piece.buffer][:, piece.span] for piece in pieces))
        total = math.sqrt(square_sum(gradients))
        assert total == pytest.approx(norm, rel=1e-6)
        update(by_hand.apply, pieces, clip(gradients, total, max_norm))
        by_hand.count_step([[True] * len(f.params) for f in flats])
    for p, q in zip(params, others, strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=1e-5, atol=1e-6)


def test_a_step_that_is_refused_updates_no_group():
    params, optimizer = made()
    for p in params:
        p.grad = np.ones(p.shape)
    params[-1].data = np.zeros(9)
    before = [p.data.copy() for p in params]
    with pytest.raises(ValueError, match="make a new optimizer"):
        optimizer.step()
    for p, was in zip(params, before, strict=True):
        np.testing.assert_array_equal(p.data, was)
    assert optimizer.state_dict()["state"] == {}
