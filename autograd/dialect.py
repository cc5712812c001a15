"""What PyTorch's words are called here: the one table behind every hint in an error.

Each spelling runs as it stands, as a test shows: `x` and `y` are Tensors, `xs` a list of them, `np` is NumPy,
`ag` this package and `F` tapegrad.nn.functional.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

# Functions and methods of PyTorch whose names are not NumPy's. None: there is nothing to do, or to ask.
WORDS: dict[str, str | None] = {
    "abs": "np.absolute(x)",
    "add_": "x += y",
    "amax": "x.max(axis)",
    "amin": "x.min(axis)",
    "arange": "ag.Tensor(np.arange(n))",
    "as_tensor": "ag.Tensor(array)",
    "bmm": "x @ y.mT",
    "cat": "np.concatenate(xs, axis)",
    "chunk": "np.split(x, sections, axis)",
    "clamp": "x.clip(low, high)",
    "clone": "x.copy()",
    "contiguous": None,
    "copy_": "x[...] = y",
    "cpu": None,
    "cuda": None,
    "cummax": "ag.cummax(x, axis)",
    "cummin": "ag.cummin(x, axis)",
    "device": None,
    "dim": "x.ndim",
    "div": "x / y",
    "div_": "x /= y",
    "double": "x.astype(np.float64)",
    "eq": "x == y",
    "expand": "np.broadcast_to(x, shape)",
    "fill_": "x[...] = value",
    "flat": "x.ravel()",
    "float": "x.astype(np.float32)",
    "from_numpy": "ag.Tensor(array)",
    "gather": "np.take_along_axis(x, indices, axis)",
    "ge": "x >= y",
    "gt": "x > y",
    "half": "x.astype(np.float16)",
    "index_select": "np.take(x, index, axis)",
    "itemset": "x[0] = value",
    "le": "x <= y",
    "logcumsumexp": "ag.logcumsumexp(x, axis)",
    "long": "x.detach().astype(np.int64)",
    "lt": "x < y",
    "index_copy": "ag.index_copy(x, axis, index, x[:, :2])",
    "index_fill": "ag.index_fill(x, axis, index, value)",
    "kthvalue": "ag.kthvalue(x, 2, axis)",
    "masked_fill": "ag.masked_fill(x, mask, value)",
    "masked_scatter": "ag.masked_scatter(x, mask, y)",
    "masked_select": "x[mask]",
    "matmul": "x @ y.mT",
    "mm": "x @ y.mT",
    "mul": "x * y",
    "mul_": "x *= y",
    "ne": "x != y",
    "neg": "-x",
    "numel": "x.size",
    "ones": "ag.Tensor(np.ones(shape))",
    "permute": "x.transpose(axes)",
    "pow": "x ** 2",
    "rand": "ag.Tensor(np.random.default_rng().random(shape))",
    "randn": "ag.Tensor(np.random.default_rng().standard_normal(shape))",
    "requires_grad_": "x.requires_grad = True",
    "resize": "np.resize(x, shape)",
    "scatter": "ag.scatter(x, axis, indices, y)",
    "scatter_add": "ag.scatter_add(x, axis, indices, y)",
    "scatter_reduce": "ag.scatter_reduce(x, axis, indices, y, 'amax')",
    "sub": "x - y",
    "sub_": "x -= y",
    "t": "x.T",
    "tensor": "ag.Tensor(array)",
    "to": "x.astype(dtype)",
    "topk": "ag.topk(x, 2, axis)",
    "type": "x.astype(dtype)",
    "unsqueeze": "np.expand_dims(x, axis)",
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
KEYWORDS = {"dim": "axis", "dims": "axis", "keepdim": "keepdims"}


def hint(name: str, functions: Iterable[str] = ()) -> str:
    """What to add to an error about an unknown name; `functions` are those of NumPy that take a Tensor."""
    if name in WORDS:
        spelling = WORDS[name]
        return f"; instead: {spelling}" if spelling else "; nothing to do: arrays are in the CPU's memory"
    if name in functions:
        return f"; instead: np.{name}(x)"
    near = nearest(name, functions)
    return f"; nearest: {near}" if near else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """The names most like `name`, three at most."""
    from difflib import get_close_matches  # 1 ms, and for errors only

    return ", ".join(get_close_matches(name, list(known), 3))


def keyword_hint(names: Iterable[str]) -> str:
    """What to add to an error of a call with these keywords."""
    words = [f"{word}= is {KEYWORDS[word]}=" for word in names if word in KEYWORDS]
    return f"; NumPy's spelling: {', '.join(words)}" if words else ""


SPECIAL: set[str] = set()  # the names in ag.special, filled by binding.py


def instead_of_scipys() -> str:
    """What to say where a function of scipy.special has asked for an array, if ag.special has it."""
    frame, found = sys._getframe(2), ""
    while frame is not None and frame.f_globals.get("__name__", "").startswith(("scipy.", "numpy.")):
        name = frame.f_code.co_name
        if frame.f_globals["__name__"].startswith("scipy.special.") and name in SPECIAL:
            found = f"; scipy.special.{name} takes ndarrays only, ag.special.{name} Tensors"
        frame = frame.f_back
    return found
