"""The ops held to PyTorch: values and gradients, ties and kinks included."""

from operator import attrgetter

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import torch.nn.functional as F

import kernels
import tapegrad.autograd as ag
from tapegrad.autograd import Tensor, special

rng = np.random.default_rng(0)


def normal(*shape):
    return rng.standard_normal(shape)


def coarse(*shape):
    """Small whole numbers: full of ties and zeros."""
    return rng.integers(-2, 3, shape).astype(float)


def positive(*shape):
    return rng.uniform(0.5, 2, shape)


INDEX = torch.tensor([[2, 0, 2], [1, 1, 1]])
TARGETS = torch.tensor([0, 3, -100, 2, 3])
SEEN = torch.tensor([[1, 0, 0, 1, 1], [0, 1, 0, 0, 1], [1, 1, 1, 1, 1], [1, 0, 0, 0, 0]], dtype=torch.bool)
KEPT = torch.arange(6).reshape(2, 3) % 3 > 0
HOLES = np.array([1.0, np.nan, 2, np.nan, 2, 0])
QKV = normal(2, 2, 4, 3), normal(2, 2, 5, 3), normal(2, 2, 5, 2)
sdpa, tsdpa = kernels.scaled_dot_product_attention, F.scaled_dot_product_attention

# name: (ours, PyTorch's, inputs). Where one lambda does for both it is given once.
SAME = {
    "x + y": (lambda x, y: x + y, normal(2, 3), normal(3)),
    "x - y": (lambda x, y: x - y, normal(2, 1), normal(3)),
    "x * y": (lambda x, y: x * y, normal(), normal(2, 3)),
    "x / y": (lambda x, y: x / y, normal(2, 3), positive(2, 1)),
    "x ** y": (lambda x, y: x**y, positive(2, 3), normal(3)),
    "0 ** y": (lambda x, y: x**y, np.zeros(3), np.array([0.0, 0.5, 2.0])),
    "x ** 0": (lambda x, y: x**y, coarse(5), np.zeros(5)),
    "x ** 2": (lambda x: x**2, coarse(5)),
    "x ** 0.": (lambda x: x**0.0, coarse(5)),
    "2 ** x": (lambda x: 2**x, normal(5)),
    "0 ** x": (lambda x: 0**x, np.array([0.0, 1, 2])),
    "abs": (abs, coarse(3, 4)),
    "x @ y": (lambda x, y: x @ y, normal(2, 3, 4), normal(4, 5)),
    "x @ stack": (lambda x, y: x @ y, normal(3, 4), normal(2, 1, 4, 2)),
    "vector @ stack": (lambda x, y: x @ y, normal(4), normal(2, 4, 2)),
    "stack @ vector": (lambda x, y: x @ y, normal(2, 3, 4), normal(4)),
    "vector @ vector": (lambda x, y: x @ y, normal(4), normal(4)),
    "x[ids]": (lambda x: x[[2, 0, 2]], normal(3, 2)),
    "x[ids, ids]": (lambda x: x[[[0], [1]], [1, 1, 0]], normal(3, 2)),
    "x[slices]": (lambda x: x[1:, None, ..., ::2], normal(3, 2, 5)),
    "x[x > 0]": (lambda x: x[x > 0], normal(3, 4)),
    "x.T": (lambda x: x.T, normal(3, 2)),
    "x.mT": (lambda x: x.mT, normal(4, 3, 2)),
    "reshape": (lambda x: x.reshape(4, -1), normal(2, 3, 2)),
    "swapaxes": (lambda x: x.swapaxes(0, -1), normal(2, 3, 4)),
    "mean": (lambda x: x.mean(-1), normal(2, 3)),
    "sum": (lambda x: x.sum((0, 2)), normal(2, 3, 4)),
}


def named(name):
    return next(getattr(home, name) for home in (ag, special, kernels) if hasattr(home, name))


PAIRS = {name: (fn, fn, *inputs) for name, (fn, *inputs) in SAME.items()} | {
    name: (named(name), attrgetter(other)(torch), inputs)
    for name, other, inputs in [
        *((n, n, normal(3, 4)) for n in ("exp", "expm1", "sin", "cos", "tanh", "square")),
        *((n, f"special.{n}", normal(3, 4)) for n in ("erf", "expit")),
        *((n, n, positive(3, 4)) for n in ("log", "log1p", "sqrt")),
        ("relu", "relu", coarse(3, 4)),
    ]
} | {
    "silu": (kernels.silu, F.silu, normal(3, 4)),
    "gelu": (kernels.gelu, F.gelu, 3 * normal(30)),
    "gelu tanh": (lambda x: kernels.gelu(x, "tanh"), lambda x: F.gelu(x, approximate="tanh"), 3 * normal(30)),
    "maximum": (ag.maximum, torch.maximum, coarse(3, 4), coarse(4)),
    "minimum": (ag.minimum, torch.minimum, coarse(3, 4), coarse(3, 1)),
    "clip": (lambda x: ag.clip(x, -1, 1), lambda x: torch.clamp(x, -1, 1), coarse(3, 4)),
    "clip above": (lambda x: ag.clip(x, None, 0), lambda x: torch.clamp(x, max=0), coarse(3, 4)),
    "where": (
        lambda *x: ag.where(KEPT.numpy(), *x), lambda *x: torch.where(KEPT, *x), normal(2, 3), normal(3)
    ),
    "max": (ag.max, torch.amax, coarse(3, 4)),
    "max 1": (lambda x: ag.max(x, 1), lambda x: torch.amax(x, 1), coarse(3, 4)),
    "max all": (ag.max, torch.max, coarse(3, 4)),
    "max of nan": (ag.max, torch.max, HOLES),
    "min of nan": (ag.min, torch.min, HOLES),
    "maximum of nan": (ag.maximum, torch.maximum, HOLES, HOLES[::-1].copy()),
    "minimum of nan": (ag.minimum, torch.minimum, HOLES, HOLES[::-1].copy()),
    "clip of nan": (lambda x: ag.clip(x, -1, 1), lambda x: torch.clamp(x, -1, 1), HOLES),
    "clip by arrays": (ag.clip, torch.clamp, 3 * normal(5, 4), normal(4), normal(5, 1)),
    "clip below": (
        lambda x, a: ag.clip(x, None, a), lambda x, a: torch.clamp(x, max=a), normal(3, 4), normal(4)
    ),
    "remainder": (ag.remainder, torch.remainder, 5 * normal(3, 4), normal(4)),
    "fmod": (ag.fmod, torch.fmod, 5 * normal(3, 4), normal(4)),
    "prod": (lambda x: ag.prod(x, 1), lambda x: torch.prod(x, 1), coarse(9, 3)),
    "prod all": (ag.prod, torch.prod, coarse(2, 3)),
    "cumsum": (lambda x: ag.cumsum(x, 1), lambda x: torch.cumsum(x, 1), normal(3, 4)),
    "sort": (lambda x: ag.sort(x, 0), lambda x: torch.sort(x, dim=0, stable=True).values, coarse(5, 3)),
    "sort of nan": (ag.sort, lambda x: torch.sort(x, stable=True).values, HOLES),
    "repeat": (lambda x: ag.repeat(x, 2, 1), lambda x: torch.repeat_interleave(x, 2, 1), normal(2, 3)),
    "diagonal": (lambda x: ag.diagonal(x, 1, 0, 2), lambda x: torch.diagonal(x, 1, 0, 2), normal(3, 2, 4)),
    "trace": (ag.trace, torch.trace, normal(3, 4)),
    "dot": (ag.dot, torch.dot, normal(3), normal(3)),
    **{
        f"pad {mode}": (
            lambda x, mode=mode: ag.pad(x, ((0, 0), (0, 0), (2, 1)), mode),
            lambda x, other=other: F.pad(x, (2, 1), other),
            normal(2, 2, 4),
        )
        for mode, other in (("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular"))
    },
    "std of one": (ag.std, lambda x: torch.std(x, correction=0), normal(1)),
    **{
        f"logsumexp {name}": (lambda x: special.logsumexp(x, -1), lambda x: torch.logsumexp(x, -1), x)
        for name, x in (("of nothing", normal(2, 0)), ("of inf", np.array([np.inf, 1])))
    },
    "min": (lambda x: ag.min(x, (0, 2), None, True), lambda x: torch.amin(x, (0, 2), True), coarse(3, 4, 2)),
    "var": (lambda x: ag.var(x, 0, ddof=1), lambda x: torch.var(x, 0), normal(4, 2)),
    "std": (lambda x: ag.std(x, 1), lambda x: torch.std(x, 1, correction=0), normal(3, 4)),
    "std of equals": (lambda x: ag.std(x, 1), lambda x: torch.std(x, 1, correction=0), np.ones((2, 3))),
    "logsumexp": (lambda x: special.logsumexp(x, 1), lambda x: torch.logsumexp(x, 1), normal(3, 4)),
    "softmax": (lambda x: special.softmax(x, 0), lambda x: torch.softmax(x, 0), normal(3, 4)),
    "log_softmax": (
        lambda x: special.log_softmax(x, -1), lambda x: torch.log_softmax(x, -1), 10 * normal(3, 4)
    ),
    "concatenate": (lambda *x: ag.concatenate(x, 1), lambda *x: torch.cat(x, 1), normal(2, 3), normal(2, 1)),
    "stack": (lambda *x: ag.stack(x, -1), lambda *x: torch.stack(x, -1), normal(2, 3), normal(2, 3)),
    "split": (lambda x: ag.split(x, [1, 3])[1], lambda x: torch.tensor_split(x, [1, 3])[1], normal(5, 2)),
    "transpose": (lambda x: ag.transpose(x, (2, 0, 1)), lambda x: x.permute(2, 0, 1), normal(2, 3, 4)),
    "squeeze": (lambda x: ag.squeeze(x, 1), lambda x: x.squeeze(1), normal(2, 1, 3)),
    "expand_dims": (lambda x: ag.expand_dims(x, -1), lambda x: x.unsqueeze(-1), normal(2, 3)),
    "broadcast_to": (lambda x: ag.broadcast_to(x, (4, 2, 3)), lambda x: x.expand(4, 2, 3), normal(2, 1)),
    "pad": (lambda x: ag.pad(x, ((1, 0), (2, 3))), lambda x: F.pad(x, (2, 3, 1, 0)), normal(2, 3)),
    "take": (lambda x: ag.take(x, INDEX.numpy()), lambda x: torch.take(x, INDEX), normal(3, 2)),
    "take_along_axis": (
        lambda x: ag.take_along_axis(x, INDEX.numpy(), 1), lambda x: x.gather(1, INDEX), normal(2, 3)
    ),
    "embedding": (
        lambda w: kernels.embedding(w, INDEX.numpy()), lambda w: F.embedding(INDEX, w), normal(3, 2)
    ),
    "embedding padding": (
        lambda w: kernels.embedding(w, INDEX.numpy(), 1), lambda w: F.embedding(INDEX, w, 1), normal(3, 2)
    ),
    "linear": (kernels.linear, F.linear, normal(2, 5, 3), normal(4, 3), normal(4)),
    "layer_norm": (
        kernels.layer_norm, lambda x, w, b: F.layer_norm(x, (4,), w, b), normal(2, 3, 4), normal(4), normal(4)
    ),
    "rms_norm": (kernels.rms_norm, lambda x, w: F.rms_norm(x, (4,), w), normal(2, 3, 4), normal(4)),
    "attention": (sdpa, tsdpa, *QKV),
    "attention causal": (lambda *x: sdpa(*x, is_causal=True), lambda *x: tsdpa(*x, is_causal=True), *QKV),
    "attention mask": (lambda *x: sdpa(*x, SEEN.numpy()), lambda *x: tsdpa(*x, SEEN), *QKV),
    "attention float mask": (sdpa, tsdpa, *QKV, normal(4, 5)),
    "attention scale": (lambda *x: sdpa(*x, scale=0.3), lambda *x: tsdpa(*x, scale=0.3), *QKV),
    **{
        f"cross_entropy {reduction} {smoothing}": (
            lambda x, e=smoothing, r=reduction: kernels.cross_entropy(x, TARGETS.numpy(), -100, e, r),
            lambda x, e=smoothing, r=reduction: F.cross_entropy(x, TARGETS, label_smoothing=e, reduction=r),
            normal(5, 4),
        )
        for reduction in ("mean", "sum", "none")
        for smoothing in (0.0, 0.1)
    },
    **{
        f"einsum {t}": (lambda *x, t=t: ag.einsum(t, *x), lambda *x, t=t: torch.einsum(t, *x), *inputs)
        for t, *inputs in [
            ("ij,jk->ik", normal(2, 3), normal(3, 4)),
            ("bhld,bhsd->bhls", normal(2, 2, 3, 4), normal(2, 2, 5, 4)),
            ("...ij,...jk", normal(2, 1, 2, 3), normal(4, 3, 2)),
            ("ii->i", normal(3, 3)),
            ("ii", normal(3, 3)),
            ("i,ij,j->", normal(2), normal(2, 3), normal(3)),
            ("ij,kl->jl", normal(2, 3), normal(4, 5)),
        ]
    },
}  # fmt: skip


@pytest.mark.parametrize("name", PAIRS)
@np.errstate(divide="ignore", invalid="ignore")  # NumPy warns where PyTorch is silent, as at log(-1)
def test_values_and_gradients_are_pytorchs(name):
    ours, theirs, *arrays = PAIRS[name]
    xs = [Tensor(a, requires_grad=True) for a in arrays]
    ts = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, z = ours(*xs), theirs(*ts)
    np.testing.assert_allclose(y.data, z.detach().numpy(), rtol=1e-12, atol=1e-12)
    g = np.random.default_rng(1).standard_normal(y.shape)
    y.backward(g)
    z.backward(torch.tensor(g))
    for x, t in zip(xs, ts, strict=True):
        np.testing.assert_allclose(x.grad, t.grad.numpy(), rtol=1e-11, atol=1e-12)
