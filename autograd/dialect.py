"""What PyTorch's words are called here: the one table behind every hint in an error.

Each spelling runs as it stands, as a test shows: `x` and `y` are Tensors, `xs` a list of them, `v` and `w`
vectors, `m` and `c` matrices, `s` and `t` stacks of matrices; `np` is NumPy, `ag` this package, `nn`
tapegrad.nn and `F` its functional.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from types import FrameType

import numpy as np

# Functions and methods of PyTorch whose names are not NumPy's. None: there is nothing to do, or to ask.
WORDS: dict[str, str | None] = {
    "abs": "np.absolute(x)",
    "add_": "x += y",
    "addbmm": "beta * c + alpha * (s @ t).sum(0)",
    "addcdiv": "c + value * (m / c)",
    "addcmul": "c + value * (m * c)",
    "addmm": "beta * c + alpha * (m @ c)",
    "addmv": "beta * v + alpha * (m @ w)",
    "addr": "beta * c + alpha * np.outer(v, w)",
    "amax": "x.max(axis)",
    "amin": "x.min(axis)",
    "aminmax": "(x.min(axis), x.max(axis))",
    "arange": "ag.Tensor(np.arange(n))",
    "as_tensor": "ag.Tensor(array)",
    "baddbmm": "beta * s + alpha * (s @ t)",
    "bernoulli": "ag.Tensor(np.random.default_rng().random(shape) < 0.5)",
    "block_diag": "ag.linalg.block_diag(*xs)",
    "bmm": "s @ t",
    "bucketize": "np.searchsorted(v, x)",
    "cartesian_prod": "np.stack([g.ravel() for g in np.meshgrid(v, w, indexing='ij')], -1)",
    "cat": "np.concatenate(xs, axis)",
    "cdist": "np.linalg.norm(x[:, None] - y, axis=-1)",
    "chain_matmul": "np.linalg.multi_dot([m, m, m])",
    "cholesky": "np.linalg.cholesky(m)",
    "cholesky_inverse": "np.linalg.inv(m @ m.mT)",
    "cholesky_solve": "np.linalg.solve(m @ m.mT, c)",
    "chunk": "np.array_split(x, sections, axis)",
    "clamp": "x.clip(low, high)",
    "clamp_max": "np.minimum(x, high)",
    "clamp_min": "np.maximum(x, low)",
    "clone": "x.copy()",
    "contiguous": None,
    "copy_": "x[...] = y",
    "cpu": None,
    "cuda": None,
    "cummax": "ag.cummax(x, axis)",
    "cummin": "ag.cummin(x, axis)",
    "det": "np.linalg.det(m)",
    "device": None,
    "dim": "x.ndim",
    "dist": "np.linalg.norm(x - y)",
    "div": "x / y",
    "div_": "x /= y",
    "double": "x.astype(np.float64)",
    "eq": "x == y",
    "exp_": "x[...] = np.exp(x)",
    "expand": "np.broadcast_to(x, shape)",
    "expand_as": "np.broadcast_to(x, y.shape)",
    "fill_": "x[...] = value",
    "flat": "x.ravel()",
    "float": "x.astype(np.float32)",
    "frac": "x - np.trunc(x)",
    "from_numpy": "ag.Tensor(array)",
    "gather": "np.take_along_axis(x, indices, axis)",
    "ge": "x >= y",
    "ger": "np.outer(v, w)",
    "gt": "x > y",
    "half": "x.astype(np.float16)",
    "histc": "np.histogram(x, 4)",
    "index_copy": "ag.index_copy(x, axis, index, x[:, :2])",
    "index_fill": "ag.index_fill(x, axis, index, value)",
    "index_select": "np.take(x, index, axis)",
    "inverse": "np.linalg.inv(m)",
    "itemset": "x[0] = value",
    "kthvalue": "ag.kthvalue(x, 2, axis)",
    "le": "x <= y",
    "lerp": "x + value * (y - x)",
    "logcumsumexp": "ag.logcumsumexp(x, axis)",
    "logdet": "np.linalg.slogdet(m)[1]",
    "long": "x.detach().astype(np.int64)",
    "lt": "x < y",
    "masked_fill": "ag.masked_fill(x, mask, value)",
    "masked_scatter": "ag.masked_scatter(x, mask, y)",
    "masked_select": "x[mask]",
    "matmul": "m @ c",
    "matrix_exp": "ag.linalg.expm(m)",
    "matrix_power": "np.linalg.matrix_power(m, n)",
    "mm": "m @ c",
    "movedim": "np.moveaxis(x, 0, 1)",
    "msort": "np.sort(x, 0)",
    "mul": "x * y",
    "mul_": "x *= y",
    "mv": "m @ w",
    "narrow": "x[start:start + length]",
    "ne": "x != y",
    "neg": "-x",
    "new_full": "ag.Tensor(np.full(shape, value, x.dtype))",
    "new_ones": "ag.Tensor(np.ones(shape, x.dtype))",
    "new_tensor": "ag.Tensor(array)",
    "new_zeros": "ag.Tensor(np.zeros(shape, x.dtype))",
    "nonzero_static": "np.argwhere(x)",
    "norm": "np.linalg.norm(x)",
    "nuclear_norm": "np.linalg.norm(m, 'nuc')",
    "numel": "x.size",
    "ones": "ag.Tensor(np.ones(shape))",
    "permute": "x.transpose(axes)",
    "pinverse": "np.linalg.pinv(m)",
    "pow": "x ** 2",
    "qr": "np.linalg.qr(m)",
    "rand": "ag.Tensor(np.random.default_rng().random(shape))",
    "rand_like": "ag.Tensor(np.random.default_rng().random(x.shape))",
    "randint": "ag.Tensor(np.random.default_rng().integers(n, size=shape))",
    "randn": "ag.Tensor(np.random.default_rng().standard_normal(shape))",
    "randn_like": "ag.Tensor(np.random.default_rng().standard_normal(x.shape))",
    "randperm": "ag.Tensor(np.random.default_rng().permutation(n))",
    "repeat_interleave": "np.repeat(x, n, axis)",
    "requires_grad_": "x.requires_grad = True",
    "reshape_as": "x.reshape(y.shape)",
    "resize": "np.resize(x, shape)",
    "rsqrt": "1 / np.sqrt(x)",
    "rsub": "y - x",
    "scatter": "ag.scatter(x, axis, indices, y)",
    "scatter_add": "ag.scatter_add(x, axis, indices, y)",
    "scatter_reduce": "ag.scatter_reduce(x, axis, indices, y, 'amax')",
    "select_scatter": "ag.index_put(x, v[:2], (slice(None), 0))",
    "sgn": "np.sign(x)",
    "slice_scatter": "ag.index_put(x, 0.5, slice(start, None))",
    "slogdet": "np.linalg.slogdet(m)",
    "sqrt_": "x[...] = np.sqrt(x)",
    "std_mean": "(x.std(axis), x.mean(axis))",
    "sub": "x - y",
    "sub_": "x -= y",
    "svd": "np.linalg.svd(m)",
    "swapdims": "x.swapaxes(0, 1)",
    "t": "x.T",
    "tensor": "ag.Tensor(array)",
    "tensor_split": "np.array_split(x, sections, axis)",
    "to": "x.astype(dtype)",
    "topk": "ag.topk(x, 2, axis)",
    "trapz": "np.trapezoid(x)",
    "triangular_solve": "ag.linalg.solve_triangular(m, c)",
    "type": "x.astype(dtype)",
    "type_as": "x.astype(y.dtype)",
    "unbind": "np.unstack(x)",
    "unflatten": "x.reshape(shape)",
    "unfold": "np.lib.stride_tricks.sliding_window_view(x, 2, axis)",
    "unsqueeze": "np.expand_dims(x, axis)",
    "var_mean": "(x.var(axis), x.mean(axis))",
    "view_as": "x.reshape(y.shape)",
    "zero_": "x[...] = 0",
    "zeros": "ag.Tensor(np.zeros(shape))",
    # with SciPy's names, and what only a network calls
    "digamma": "ag.special.digamma(x)",
    "erf": "ag.special.erf(x)",
    "erfc": "ag.special.erfc(x)",
    "erfinv": "ag.special.erfinv(x)",
    "lgamma": "ag.special.gammaln(x)",
    "log_softmax": "ag.special.log_softmax(x, axis)",
    "logit": "ag.special.logit(x)",
    "logsigmoid": "ag.special.log_expit(x)",
    "logsumexp": "ag.special.logsumexp(x, axis)",
    "mvlgamma": "ag.special.multigammaln(x, 2)",
    "polygamma": "ag.special.polygamma(n, x)",
    "sigmoid": "ag.special.expit(x)",
    "softmax": "ag.special.softmax(x, axis)",
    "xlogy": "ag.special.xlogy(x, y)",
    "cross_entropy": "F.cross_entropy(x, index)",
    "dropout": "F.dropout(x)",
    "embedding": "F.embedding(index, x)",
    "gelu": "F.gelu(x)",
    "layer_norm": "F.layer_norm(x, x.shape[-1])",
    "linear": "F.linear(x, y)",
    "relu": "F.relu(x)",
    "rms_norm": "F.rms_norm(x, x.shape[-1])",
    "scaled_dot_product_attention": "F.scaled_dot_product_attention(x, x, x)",
    "silu": "F.silu(x)",
}
METHODS = {  # of Tensors alone: what is written in place, into parameters mostly
    "addcdiv_": "x += value * y / y",
    "addcmul_": "x += value * y * y",
    "clamp_": "x[...] = np.clip(x, low, high)",
    "detach_": "x = x.detach()",
    "element_size": "x.itemsize",
    "exp_": "x[...] = np.exp(x)",
    "lerp_": "x += value * (y - x)",
    "masked_fill_": "x[mask] = value",
    "nelement": "x.size",
    "normal_": "nn.init.normal_(x)",
    "pow_": "x **= 2",
    "trunc_normal_": "nn.init.trunc_normal_(x)",
    "uniform_": "nn.init.uniform_(x)",
}
HOMES = {"np": np, "np.linalg": np.linalg, "np.fft": np.fft}  # where NumPy's functions stand
HOMES["np.lib.stride_tricks"] = np.lib.stride_tricks
KEYWORDS = {"dim": "axis", "dims": "axis", "keepdim": "keepdims"}


def hint(name: str, functions: Iterable[str] = ()) -> str:
    """What to add to an error about an unknown name; `functions` are those of NumPy that take a Tensor."""
    if name in WORDS or name in METHODS:
        spelling = WORDS.get(name) or METHODS.get(name)
        return f"; instead: {spelling}" if spelling else "; nothing to do: arrays are in the CPU's memory"
    if name in functions:
        home = home_of(name)
        return f"; instead: {home}.{name}(x{_others(getattr(HOMES[home], name))})"
    near = nearest(name, functions)
    return f"; nearest: {near}" if near else ""


def home_of(name: str) -> str:
    """The module of NumPy in which users find a function of that name; "" where there is none."""
    return next((home for home, module in HOMES.items() if hasattr(module, name)), "")


def _others(fn: Callable) -> str:
    """ ", ..." where a function of NumPy's cannot do with one argument."""
    if isinstance(fn, np.ufunc):
        return ", ..." if fn.nin > 1 else ""
    try:
        parameters = inspect.signature(fn).parameters.values()
    except ValueError:  # of some in C
        return ""
    needed = [p for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return ", ..." if len(needed) > 1 else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """The names most like `name`, three at most."""
    from difflib import get_close_matches  # 1 ms, and for errors only

    return ", ".join(get_close_matches(name, list(known), 3, 0.7))


def keyword_hint(names: Iterable[str]) -> str:
    """What to add to an error of a call with these keywords."""
    words = [f"{word}= is {KEYWORDS[word]}=" for word in names if word in KEYWORDS]
    return f"; NumPy's spelling: {', '.join(words)}" if words else ""


SPECIAL: set[str] = set()  # the names in ag.special, filled by binding.py


def instead_of_scipys() -> str:
    """What to say where a function of scipy.special has asked for an array, if ag.special has it."""
    frame: FrameType | None = sys._getframe(2)
    found = ""
    while frame is not None and frame.f_globals.get("__name__", "").startswith(("scipy.", "numpy.")):
        name = frame.f_code.co_name
        if frame.f_globals["__name__"].startswith("scipy.special.") and name in SPECIAL:
            found = f"; scipy.special.{name} takes ndarrays only, ag.special.{name} Tensors"
        frame = frame.f_back
    return found
