"""The kernel of attention: blocks of queries that skip what is hidden and stay in the cache.

What is hidden has weight 0, and may be nan or inf: 0 times that would be nan and spread to who cannot see it.
Products are made as if all were finite; where a result is not, they are made again by `seen`.
"""

import itertools
import math
from functools import lru_cache

import numpy as np

from ...autograd.arrays import opaque
from ...autograd.kernels import ones, row_sums

# Weights are kept for backward while a query sees at most this many times as many keys as it has features.
# Those of a longer text are computed again (a fifth more time), so that memory does not grow with the square
# of its length.
KEPT = 16
SCORES = 1 << 18  # of a block: a megabyte of float32, which stays in the cache


def attend(query, key, value, masks, dropout_p, is_causal, scale, y, needs):
    """Put the result into `y`; returns what puts gradients into the arrays that `room(y)` gives for them."""
    scale = 1 / max(query.shape[-1], 1) ** 0.5 if scale is None else scale
    bias, cap, keep = masks
    q = query * scale
    plan = _plan(q.shape, key.shape[-2], is_causal)
    r = np.empty_like(y[..., :1])  # what a row of weights is multiplied with; axes in memory as y's are
    boost = 1 if keep is None else 1 / (1 - dropout_p) if dropout_p < 1 else 0
    masked = bias is not None or cap is not None or keep is not None
    hides = is_causal or masked
    product = _quiet_product if hides else np.matmul
    again = key.shape[-2] > KEPT * q.shape[-1]
    p = []
    for block in plan:
        rows, keys, pairs, _ = block
        e, total = _weights(q, key, bias, cap, block)
        np.divide(boost, total[..., None], out=r[rows])
        product(e if keep is None else e * keep[pairs], value[keys], out=y[rows])
        p.append(None if again or not any(needs) else e)
    if hides:
        _look_past_hidden(y, q, key, value, masks, plan)
    y *= r
    if not again:
        bias, cap, q, key = None, None, q if needs[1] else None, key if needs[0] else None

    def gradients(g, room):
        g = g * r
        centre = row_sums(g * y)[..., None]
        if keep is not None:
            centre *= 1 - dropout_p  # r is boosted
        made = room(y)
        add_gradients = _add_quietly if hides else _add_gradients
        _clear_unseen(made, is_causal or not plan, value.shape[-2] - g.shape[-2])
        for block, e in zip(plan, p, strict=True):
            e = _weights(q, key, bias, cap, block)[0] if e is None else e
            add_gradients(made, block, e, g, centre, q, key, value, keep, np.matmul)
        if hides:
            _look_past_hidden_again(g, made, p, centre, q, key, value, (bias, cap, keep), plan, masked)
        if needs[0]:
            made[0] *= scale
        return made

    return gradients


def broadcast(query, key, value, mask, keep):
    """All with the same leading axes: query, key, value, masks (bias, cap, keep), and the scores' shape.

    A float mask is the bias of the scores. A boolean one becomes the largest values of their exponentials, 0
    where hidden: np.fmin with them is as fast as a sum, whatever is hidden, and minds neither inf nor nan.
    """
    lead = query.shape[:-2]
    if mask is None and keep is None and lead == key.shape[:-2] == value.shape[:-2]:
        return query, key, value, (None, None, None), (*lead, query.shape[-2], key.shape[-2])
    lead = np.broadcast_shapes(*(a.shape[:-2] for a in (query, key, value, mask, keep) if a is not None))
    scores = (*lead, query.shape[-2], key.shape[-2])

    def stretched(a, shape):
        return a if a is None or a.shape == shape else np.broadcast_to(a, shape)

    query, key, value = (stretched(a, (*lead, *a.shape[-2:])) for a in (query, key, value))
    bias, cap = mask, None
    if mask is not None and mask.dtype == bool:
        bias, cap = None, np.where(mask, np.inf, 0).astype(query.dtype)
    return query, key, value, tuple([stretched(a, scores) for a in (bias, cap, keep)]), scores


@lru_cache(maxsize=64)
def _plan(shape, size, is_causal):
    """The scores of queries of `shape` and `size` keys cut into blocks, each (rows, keys, pairs, start).

    These are the indices of its queries, of the keys that they see, and of both in the scores; `start` is the
    number of the first query if queries see no later keys. Blocks of a causal attention leave out most of
    what is hidden, and are cut by position alone: no token changes the rounding of a row that does not see
    it. Of each part of the leading axes the last queries come first, so that its first block has all keys.
    """
    *lead, length, _ = shape
    step = min(128, max(32, size // 4)) if is_causal else 256  # measured from 32 to 4096 keys
    plan = []
    for front in _fronts(lead, min(step, length) * size):
        for i in reversed(range(0, length, step)):
            rows = slice(i, min(i + step, length))
            keys = slice(0, min(rows.stop, size) if is_causal else size)
            every = slice(None)
            plan.append(
                ((*front, rows, every), (*front, keys, every), (*front, rows, keys), i if is_causal else None)
            )
    return plan


def _fronts(lead, scores):
    """Indices of the leading axes that cut them into parts of about SCORES, each item having `scores`."""
    axis = 0
    while axis < len(lead) - 1 and math.prod(lead[axis + 1 :]) * scores > SCORES:
        axis += 1  # items of the axes before are taken one by one
    items = max(1, SCORES // max(1, math.prod(lead[axis + 1 :]) * scores))
    singles = itertools.product(*([slice(i, i + 1) for i in range(n)] for n in lead[:axis]))
    parts = [slice(i, i + items) for i in range(0, lead[axis], items)] if lead else []
    return [(*front, part, ...) for front in singles for part in parts] if lead else [(...,)]


def _weights(q, key, bias, cap, block):
    """exp(score) of a block, and the sum of each row, which for a row that sees nothing is 1.

    Scores are not shifted by their maximum, whose search takes longer than the exponentials; rows whose sum
    shows that they needed it are done again. Each row decides for itself. (np.exp2 is faster than np.exp on
    ordinary scores, but ten times slower where it underflows.)
    """
    hides = bias is not None or cap is not None or block[-1] is not None
    e = None if hides else _scores(q, key, bias, block)
    with np.errstate(over="ignore", invalid="ignore"):  # of inf and nan that are seen, `_scores` warns
        e = _scores(q, key, bias, block) if hides else e
        np.exp(e, out=e)
        caps = _caps(e, cap, block)
        for part, most in caps:
            np.fmin(e[part], most, out=e[part])
        total = e @ ones(e.shape[-1], e.dtype)
    _shift_unsafe(e, total, q, key, bias, block, caps)
    return e, total


@opaque
def _shift_unsafe(e, total, q, key, bias, block, caps):
    """Do the rows again whose sum is too large, too small or nan, with their scores shifted to at most 0."""
    if not total.size or (total.min() > 1e-30 and total.max() < 1e30):  # nan is neither
        return
    unsafe = ~((total > 1e-30) & (total < 1e30))
    rows, keys, pairs, start = block
    with np.errstate(over="ignore", invalid="ignore"):
        scores = _scores(q, key, bias, block)
        if bias is not None:
            np.copyto(scores, -np.inf, where=bias[pairs] == -np.inf)
        for part, most in caps:
            np.copyto(scores[part], -np.inf, where=most == 0)
    if start is not None or bias is not None or caps:
        _warn_of_seen(q[rows], key[keys], scores)
    with np.errstate(over="ignore", invalid="ignore"):
        scores = scores[unsafe]
        top = scores.max(axis=-1, keepdims=True, initial=-np.inf)
        e[unsafe] = np.exp(scores - np.where(np.isfinite(top), top, 0))
        sums = e[unsafe].sum(axis=-1)
        total[unsafe] = np.where(sums == 0, 1, sums)


def _warn_of_seen(q, key, scores):
    """Say what the product says of the keys that somebody sees, if it is not finite for them."""
    if not (scores < np.inf).all():  # nan or inf
        q @ np.where((scores == -np.inf).all(axis=-2)[..., None], 0, key).mT


def _scores(q, key, bias, block):
    rows, keys, pairs, _ = block
    scores = q[rows] @ key[keys].mT
    if bias is not None:
        scores += bias[pairs]
    return scores


def _caps(e, cap, block):
    """Pairs of a part of `e` and what its values may be at most, 0 or inf."""
    _, _, pairs, start = block
    caps = [] if cap is None else [(..., cap[pairs])]
    if start is not None and start < e.shape[-1]:  # keys before the first query are seen by all
        caps.append(((..., slice(start, None)), _earlier(e.shape[-2], e.shape[-1] - start, e.dtype)))
    return caps


@lru_cache(maxsize=16)
def _earlier(rows, columns, dtype):
    cap = np.where(np.tri(rows, columns, dtype=bool), np.inf, 0).astype(dtype)
    cap.flags.writeable = False
    return cap


def _clear_unseen(made, is_causal, more):
    """Zeros where no block writes: pairs out of sight, and `more` keys that come after the last query."""
    _, dk, dv, dmask = made
    for d in (dk, dv) if is_causal and more > 0 else ():
        if d is not None:
            d[..., -more:, :] = 0
    if dmask is not None:
        dmask[...] = 0


def _add_gradients(made, block, e, g, centre, q, key, value, keep, product):
    """What one block adds to each gradient: those of its scores are ds = e (g value^T - centre)."""
    rows, keys, pairs, _ = block
    dq, dk, dv, dmask = made
    first = rows[-2].stop == g.shape[-2]  # the block in which all keys of its items occur
    if dq is not None or dk is not None or dmask is not None:
        ds = g[rows] @ value[keys].mT
        if keep is not None:
            ds *= keep[pairs]
            if product is seen:
                ds[~keep[pairs]] = 0
        ds -= centre[rows]
        ds *= e
        if product is seen:
            ds[e == 0] = 0
    if dq is not None:
        product(ds, key[keys], out=dq[rows])
    if dk is not None:
        _add_product(ds.mT, q[rows], dk[keys], first, product)
    if dv is not None:
        _add_product((e if keep is None else e * keep[pairs]).mT, g[rows], dv[keys], first, product)
    if dmask is not None:
        dmask[pairs] = ds


def _add_product(a, b, out, first, product):
    if first:
        product(a, b, out=out)
    else:
        out += product(a, b)


# ------------------------------------------------------------------ what is hidden may be nan or inf


# Without a word of nan that comes of inf where that may be hidden. A decorator takes half as long as `with`.
_quiet_product = np.errstate(invalid="ignore")(np.matmul)
_add_quietly = np.errstate(invalid="ignore")(_add_gradients)


def seen(weights, rows, out=None):
    """weights @ rows, but that a row of weight 0 is not there; who sees one with nan or inf gets nan."""
    fine = np.isfinite(rows).all(axis=-1, keepdims=True)
    lost = (weights != 0).astype(weights.dtype) @ (~fine).astype(weights.dtype)
    made = np.where(lost > 0, np.nan, weights @ np.where(fine, rows, 0))
    if out is None:
        return made
    out[...] = made


def _is_finite(x):
    """Whether x is. What it is a part of, in one piece, is looked at first: faster than x with gaps."""
    whole = x.base
    if type(whole) is np.ndarray and whole.dtype == x.dtype and whole.size <= 3 * x.size:
        flat = whole.reshape(-1)
        if math.isfinite(np.vdot(flat, flat)):  # in silence, unlike np.sum
            return True
    return math.isfinite(np.einsum("abcdefghijkl"[: x.ndim] + "->", x)) or np.isfinite(x).all()


@opaque
def _look_past_hidden(y, q, key, value, masks, plan):
    """Make the rows of y again that are not finite, in case that it was something hidden."""
    if _is_finite(y):
        return
    bias, cap, keep = masks
    for block in plan:
        rows, keys, pairs, _ = block
        e, _ = _weights(q, key, bias, cap, block)
        e = e if keep is None else e * keep[pairs]
        made = seen(e, value[keys])
        np.copyto(y[rows], made, where=~np.isnan(made))


@opaque
def _look_past_hidden_again(g, made, p, centre, q, key, value, masks, plan, masked):
    """The same for the gradients `made` of a backward."""
    dq, dk, *_ = made
    first = next(d for d in made if d is not None)  # what spoils another spoils this one too,
    if _is_finite(first) and (first is not dq or dk is None or not masked or _is_finite(dk)):
        return  # but for a query that sees nothing and is nan
    bias, cap, keep = masks
    with np.errstate(invalid="ignore"):
        for block, e in zip(plan, p, strict=True):
            e = _weights(q, key, bias, cap, block)[0] if e is None else e
            _add_gradients(made, block, e, g, centre, q, key, value, keep, seen)
