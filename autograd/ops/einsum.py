"""Products of any number of arrays, summed over the letters that their axes share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..arguments import joined
from ..arrays import HALF, ArrayLike, DTypeLike
from ..constant import constant
from ..op import Needs, composed, op
from ..tensor import Tensor
from ._contract import lengths_of, product
from .creation import astype

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # for the numbers 0, 1 ...

einsum_path = constant(np.einsum_path)


@composed(numpy=np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = None, dtype: DTypeLike | None = None) -> Tensor:
    """np.einsum(subscripts, *operands): products of elements, summed over the letters not in the output.

    "bij,bjk->bik" multiplies stacks of matrices; `...` stands for axes that broadcast. The output's letters
    give its shape. NumPy's other form has numbers for letters: einsum(x, [0, 1], y, [1, 2], [0, 2]).
    Products are made in pairs, in an order that `optimize` tells as in NumPy, by default a good one; False:
    all at once. The operands are cast to `dtype` first. ValueError where the subscripts do not fit the
    operands, TypeError where they are neither.
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _lettered([subscripts, *operands])
    items = [joined(x) for x in operands]
    if dtype is not None:
        items = [astype(x, dtype) for x in items]
    shapes = tuple([_shape(x) for x in items])
    explicit = _explicit(subscripts, tuple(map(len, shapes)))
    if len(items) < 3 or optimize is False:
        return _einsum(items, explicit)
    terms, output = _terms(explicit)
    terms = list(terms)
    for step in _path(explicit, shapes, _hashable(optimize)):
        chosen = sorted(step, reverse=True)
        some, names = [items.pop(i) for i in chosen][::-1], [terms.pop(i) for i in chosen][::-1]
        used = output + "".join(terms)
        made = "".join(dict.fromkeys(c for c in "".join(names) if c in used)) if terms else output
        items.append(_einsum(some, f"{','.join(names)}->{made}"))
        terms.append(made)
    return items[0]


def _shape(x) -> tuple[int, ...]:
    return getattr(x, "shape", None) or np.shape(x)


def _hashable(optimize):
    return tuple(map(_hashable, optimize)) if isinstance(optimize, (list, tuple)) else optimize


@lru_cache(maxsize=256)
def _path(subscripts, shapes, optimize):
    """The order of products: for each step the numbers of operands; what comes of them is the last one."""
    optimize = True if optimize is None else list(optimize) if type(optimize) is tuple else optimize
    operands = [np.broadcast_to(0.0, shape) for shape in shapes]
    lengths_of(*_terms(subscripts), shapes)
    return np.einsum_path(subscripts, *operands, optimize=optimize)[0][1:]


def _lettered(items):
    """Subscripts and operands of the form with numbers."""
    inputs, output = (items[:-1], items[-1:]) if len(items) % 2 else (items, [])

    def word(numbers):
        return "".join("..." if i is Ellipsis else LETTERS[i] for i in numbers)

    try:
        left, arrow = ",".join(map(word, inputs[1::2])), "".join("->" + word(numbers) for numbers in output)
    except (TypeError, IndexError):
        raise TypeError(
            "einsum: takes subscripts as a string and then the operands, or after each operand a list of "
            f"numbers from 0 to {len(LETTERS) - 1}"
        ) from None
    return left + arrow, inputs[::2]


@lru_cache(maxsize=512)
def _explicit(subscripts, ndims):
    """`subscripts` with a letter for each axis: spaces, `...` and a missing output resolved."""
    left, arrow, output = subscripts.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise ValueError(f"einsum: {subscripts!r} has {len(terms)} operands, {len(ndims)} were given")
    spare = [c for c in map(chr, range(ord("A"), ord("z") + 1)) if c.isalpha() and c not in subscripts]
    most = max([ndim - len(t) + 3 for t, ndim in zip(terms, ndims, strict=True) if "..." in t], default=0)
    dots = "".join(spare[:most])
    if not arrow:
        letters = "".join(terms).replace(".", "")
        output = "..." * ("..." in left) + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    for i, (term, ndim) in enumerate(zip(terms, ndims, strict=True)):
        if "..." in term:
            terms[i] = term.replace("...", dots[most - (ndim - len(term) + 3) :])
        if len(terms[i]) != ndim or term.replace("...", "").count("."):
            raise ValueError(f"einsum: {term!r} has {len(terms[i])} axes, its operand has {ndim}")
    output = output.replace("...", dots)
    for c in "".join(terms) + output:
        if c not in LETTERS:
            raise ValueError(f"einsum: {subscripts!r} has {c!r} in it, which is no letter")
    for c in output:
        if output.count(c) > 1 or not any(c in term for term in terms):
            what = "occurs twice" if output.count(c) > 1 else "is in no operand"
            raise ValueError(f"einsum: {c!r} of the output {what} in {subscripts!r}")
    return f"{','.join(terms)}->{output}"


@lru_cache(maxsize=512)
def _terms(subscripts):
    """Letters of each operand and of the output."""
    inputs, output = subscripts.split("->")
    return tuple(inputs.split(",")), output


def _einsum_flops(inputs, _, attributes):
    """Twice the product of all lengths: what a sum over all letters at once takes; less in pairs."""
    lengths: dict[str, int] = {}
    terms, output = _terms(attributes["subscripts"])
    for term, shape in zip(terms, inputs, strict=True):
        for letter, n in zip(term, shape or (), strict=False):
            lengths[letter] = max(n, lengths.get(letter, 1))
    moved = len(inputs) == 1 and len(lengths) == len(output)
    return 0 if moved else (1 if len(inputs) == 1 else 2) * math.prod(lengths.values())


@op(inputs=1, flops=_einsum_flops, needs=True)
def _einsum(needs: Needs, operands: Sequence[ArrayLike], subscripts: str):
    if all([getattr(x, "dtype", None) == HALF for x in operands]):  # summed in float32
        y, inner = _einsum.body(needs, [x.astype(np.float32) for x in operands], subscripts)
        return y.astype(HALF), lambda g: inner(g.astype(np.float32))
    terms, output = _terms(subscripts)
    y = product(terms, output, operands)
    shapes = [_shape(x) for x in operands]
    count = sum(needs)
    kept = [x if count > need else None for x, need in zip(operands, needs)]  # noqa: B905  (0.1 us)

    def backward(g):
        def gradient(i):
            factors = [(output, g), *((terms[j], kept[j]) for j in range(len(terms)) if j != i)]
            return _gradient(factors, terms[i], shapes[i])

        return tuple([gradient(i) if need else None for i, need in enumerate(needs)])

    return y, backward


def _gradient(factors, term, shape):
    """The product of `factors`, pairs (letters, array), summed to an operand with letters `term`."""
    names, arrays = [letters for letters, _ in factors], [x for _, x in factors]
    distinct, full, small, wide = _places(tuple(names), tuple([_shape(x) for x in arrays]), term, shape)
    dx = product(tuple(names), full, arrays)
    if small is not None:
        dx = dx.reshape(small)
    if len(distinct) < len(term):  # a diagonal: zeros beside it
        diagonal, dx = dx, np.zeros_like(factors[0][1], shape=shape, dtype=dx.dtype)
        axes = [np.arange(n, like=diagonal).reshape((n,) + (1,) * i) for i, n in enumerate(wide[::-1])][::-1]
        dx[tuple([axes[distinct.index(c)] for c in term])] = diagonal
        return dx
    return dx if wide is None else np.broadcast_to(dx, wide)


@lru_cache(maxsize=512)
def _places(names, shapes, term, shape):
    """How a product becomes the gradient of `term`: its letters, those that the product has, its shape with
    1 for the others and with all lengths. The last two are None where there is nothing to do."""
    lengths = lengths_of(names, term, shapes)
    distinct = "".join(dict.fromkeys(term))
    wide = tuple([shape[term.index(c)] for c in distinct])
    full = "".join(c for c, n in zip(distinct, wide, strict=True) if n != 1 and lengths.get(c, 1) == n)
    small = tuple([n if c in full else 1 for c, n in zip(distinct, wide, strict=True)])
    repeated = len(distinct) < len(term)
    return distinct, full, None if full == distinct else small, wide if small != wide or repeated else None
