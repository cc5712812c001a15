"""What the ops compute, written once more in NumPy: by the definition, without care for speed or overflow."""

import math

import numpy as np

erf = np.vectorize(math.erf, otypes=[float])


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.where(x > 0, x, 0)


def silu(x):
    return x * sigmoid(x)


def gelu(x, approximate="none"):
    if approximate == "none":
        return x * (1 + erf(x / math.sqrt(2))) / 2
    return x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2


def softmax(x, axis=-1):
    return np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    return np.log(softmax(x, axis))


def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


def together(values, indices, shape):
    whole = np.zeros(shape, values[0].dtype)
    for value, index in zip(values, indices, strict=True):
        whole[index] += value
    return whole


def getitem(x, index):
    return x[index]


def index_put(x, value, index):
    y = x.copy()
    y[index] = value
    return y


def index_add(x, value, index):
    y = x.copy()
    np.add.at(y, index, value)
    return y


def index_multiply(x, value, index):
    y = x.copy()
    np.multiply.at(y, index, value)
    return y


def index_maximum(x, value, index, include_self=True):
    y = x.copy()
    if not include_self:
        y[index] = -np.inf
    np.maximum.at(y, index, value)
    return y


def index_minimum(x, value, index, include_self=True):
    return -index_maximum(-x, -value, index, include_self)


def embedding(weight, ids):
    return np.array([weight[i] for i in ids.ravel()]).reshape(*ids.shape, *weight.shape[1:])


def linear(x, weight, bias=None):
    return np.einsum("...i,oi->...o", x, weight) + (0 if bias is None else bias)


def layer_norm(x, weight=None, bias=None, eps=1e-5):
    y = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps)
    return y * (1 if weight is None else weight) + (0 if bias is None else bias)


def rms_norm(x, weight=None, eps=None):
    eps = np.finfo(x.dtype).eps if eps is None else eps
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + eps) * (1 if weight is None else weight)


def _of_channels(values, x):
    """Numbers for the channels of x (N, C, ...), to broadcast with it."""
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def _affine(y, weight, bias):
    y = y if weight is None else y * _of_channels(weight, y)
    return y if bias is None else y + _of_channels(bias, y)


def batch_norm(x, weight=None, bias=None, eps=1e-5):
    axes = (0, *range(2, x.ndim))
    mean, var = x.mean(axes), x.var(axes)
    y = (x - _of_channels(mean, x)) / np.sqrt(_of_channels(var, x) + eps)
    return _affine(y, weight, bias), mean, x.var(axes, ddof=1)


def running_norm(x, mean, var, weight=None, bias=None, eps=1e-5):
    return _affine((x - _of_channels(mean, x)) / np.sqrt(_of_channels(var, x) + eps), weight, bias)


def group_norm(x, weight=None, bias=None, groups=1, eps=1e-5):
    rows = x.reshape(len(x), groups, -1)
    y = (rows - rows.mean(-1, keepdims=True)) / np.sqrt(rows.var(-1, keepdims=True) + eps)
    return _affine(y.reshape(x.shape), weight, bias), rows.mean(-1), rows.var(-1, ddof=1)


def dropout(x, keep, p):
    return np.where(keep, x / (1 - p), 0)


def attention(query, key, value, mask=None, keep=None, dropout_p=0.0, is_causal=False, scale=None):
    scores = np.einsum("...ld,...sd->...ls", query, key)
    scores = scores * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)
    seen = np.tri(*scores.shape[-2:], dtype=bool) if is_causal else np.ones(scores.shape[-2:], bool)
    if mask is not None and mask.dtype == bool:
        seen = seen & mask
    elif mask is not None:
        scores = scores + mask
    weights = np.exp(scores) * seen
    total = weights.sum(-1, keepdims=True)
    weights = weights / np.where(total == 0, 1, total)
    if keep is not None:
        weights = np.where(keep, weights / (1 - dropout_p), 0)
    return np.einsum("...ls,...se->...le", weights, value)


def heads(projections, mask=None, keep=None, num_heads=1, dropout_p=0.0, is_causal=False):
    """One head after another, on columns of query, key and value that are sliced out one by one."""
    width = sum(x.shape[-1] for x in projections) // 3
    thirds = [x[..., i : i + width] for x in projections for i in range(0, x.shape[-1], width)]
    size = width // num_heads
    made = []
    for h in range(num_heads):
        part = [x[..., h * size : (h + 1) * size] for x in thirds]
        seen = mask if mask is None or mask.ndim < 4 else mask[:, min(h, mask.shape[1] - 1)]
        kept = keep if keep is None else keep[:, h]
        made.append(attention(*part, seen, kept, dropout_p, is_causal))
    return np.concatenate(made, -1)


def cross_entropy(logits, targets, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
    log_p = log_softmax(logits).reshape(-1, logits.shape[-1])
    losses, counted = [], 0
    for row, target in zip(log_p, np.ravel(targets), strict=True):
        if target == ignore_index:
            losses.append(0 * row[0])
        else:
            losses.append(-(1 - label_smoothing) * row[target] - label_smoothing * row.mean())
            counted += 1
    losses = np.array(losses, logits.dtype).reshape(logits.shape[:-1])
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / max(counted, 1)}[reduction]


def masked_fill(x, mask, value):
    return np.where(mask, value, x)


def masked_select(x, mask):
    x, mask = np.broadcast_arrays(x, mask)
    return np.array([a for a, m in zip(x.flat, mask.flat, strict=True) if m])


def masked_scatter(x, mask, source):
    left = iter(source.flat)
    x, mask = np.broadcast_arrays(x, mask)
    return np.array([next(left) if m else a for a, m in zip(x.flat, mask.flat, strict=True)]).reshape(x.shape)


def scatter(x, axis, index, src, reduce=None):
    """One element of src after the other."""
    if np.ndim(x) == 0:
        return src
    y, src = x.copy(), np.broadcast_to(src, index.shape) if np.ndim(src) == 0 else src
    for at in np.ndindex(index.shape):
        to = (*at[:axis], index[at], *at[axis + 1 :]) if axis >= 0 else (*at[:axis], index[at])
        y[to] = {"add": y[to] + src[at], "multiply": y[to] * src[at], None: src[at]}[reduce]
    return y


def scatter_add(x, axis, index, src):
    return scatter(x, axis, index, src, "add")


def scatter_reduce(x, axis, index, src, reduce, include_self=True):
    groups = {at: [x[at]] if include_self else [] for at in np.ndindex(x.shape)}
    for at in np.ndindex(index.shape):
        to = list(at)
        to[axis] = index[at] % x.shape[axis]
        groups[tuple(to)].append(src[at])
    fn = getattr(np, reduce)
    return np.array([fn(group or [x[at]]) for at, group in groups.items()]).reshape(x.shape)


def index_copy(x, axis, index, source):
    y = np.array(x, ndmin=1)
    for i, part in zip(index, np.moveaxis(np.array(source, ndmin=1), axis, 0), strict=True):
        np.moveaxis(y, axis, 0)[i] = part
    return y.reshape(x.shape)


def index_fill(x, axis, index, value):
    y = x.copy()
    np.moveaxis(y, axis, 0)[index] = value
    return y


def topk(x, k, axis=-1, largest=True):
    """By sorting."""
    if x.ndim == 0:
        return x, np.array(0)
    index = np.take(np.argsort(-x if largest else x, axis), np.arange(k), axis)
    return np.take_along_axis(x, index, axis), index


def kthvalue(x, k, axis=-1, keepdims=False):
    """By sorting."""
    if x.ndim == 0:
        return x, np.array(0)
    index = np.take(np.argsort(x, axis), [k - 1], axis)
    values = np.take_along_axis(x, index, axis)
    return (values, index) if keepdims else (values.squeeze(axis), index.squeeze(axis))


def mode(x, axis=-1, keepdims=False):
    """Of numbers that are all different."""
    return kthvalue(x, 1, axis, keepdims)
