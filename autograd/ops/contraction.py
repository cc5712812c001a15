"""Products that are summed over shared axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import numpy as np

from ..arguments import joined
from ..arrays import HALF, ArrayLike
from ..op import Needs, composed, op
from ..tensor import Tensor
from .arithmetic import multiply

LETTERS = ascii_uppercase + ascii_lowercase  # for the numbers 0, 1 ...: in the order of their codes


def rows(x):
    """x as one matrix of all its rows (reshape(-1, n) does not know how many when n is 0)."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _matmul_flops(inputs, outputs, _):
    a, b = inputs
    inner = a[-1] if a else b[-2 if len(b) > 1 else 0] if b else 0
    return 2 * math.prod(outputs[0]) * inner


@op(numpy=(np.matmul, np.linalg.matmul), operator="matmul", flops=_matmul_flops, needs=True)
def matmul(needs: Needs, a: ArrayLike, b: ArrayLike):
    """a @ b as in NumPy: (..., n, k) @ (..., k, m) is (..., n, m); the axes in front broadcast.

    A vector (k,) is a row of `a` or a column of `b`, and adds no axis to the result.
    """
    y = a @ b
    a_vector, b_vector = a.ndim == 1, b.ndim == 1
    one_matrix = b.ndim == 2 and a.ndim > 2  # the same b for a whole stack: one large product instead of many
    a, b = a if needs[1] else None, b if needs[0] else None

    def backward(g):  # da = g b^T, db = a^T g
        if b_vector:
            g = g[..., None]
        if a_vector:
            g = g[..., None, :]
        da = db = None
        if needs[0]:
            da = g @ (b[:, None] if b_vector else b).mT
            da = da[..., 0, :] if a_vector else da
        if needs[1] and one_matrix:
            db = rows(a).mT @ rows(g)
        elif needs[1]:
            db = (a[None] if a_vector else a).mT @ g
            db = db[..., 0] if b_vector else db
        return da, db

    return y, backward


@composed(numpy=np.dot, method=True)
def dot(a: ArrayLike, b: ArrayLike) -> Tensor:
    """np.dot(a, b): products of elements, summed over a's last axis and b's last but one, or only one.

    The shape is a's without that axis and then b's without its own. A number is multiplied with. ValueError
    where the two axes differ in length.
    """
    a, b = joined(a), joined(b)
    n, m = np.ndim(a), np.ndim(b)
    if n == 0 or m == 0:
        return multiply(a, b)
    if m <= 2:
        return matmul(a, b)
    rest = list(range(n, n + m - 2))
    return einsum(a, list(range(n)), b, [*rest, n - 1, n + m - 1])


@composed(numpy=np.einsum)
def einsum(subscripts: Any, *operands: Any, optimize: Any = None) -> Tensor:
    """np.einsum(subscripts, *operands): products of elements, summed over the letters not in the output.

    "bij,bjk->bik" multiplies stacks of matrices; `...` stands for axes that broadcast. The output's letters
    give its shape. NumPy's other form has numbers for letters: einsum(x, [0, 1], y, [1, 2], [0, 2]).
    Products are made in pairs, in an order that `optimize` tells as in NumPy, by default a good one; False:
    all at once. ValueError where the subscripts do not fit the operands, TypeError where they are neither.
    """
    if not isinstance(subscripts, str):
        subscripts, operands = _lettered([subscripts, *operands])
    operands = [joined(x) for x in operands]
    explicit = _explicit(subscripts, [np.ndim(x) for x in operands])
    return _einsum(
        operands, subscripts=explicit, optimize=len(operands) > 1 if optimize is None else optimize
    )


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
        if len(terms[i]) != ndim:
            raise ValueError(f"einsum: {term!r} has {len(terms[i])} axes, its operand has {ndim}")
    return f"{','.join(terms)}->{output.replace('...', dots)}"


def _terms(subscripts):
    """Letters of each operand and of the output."""
    inputs, output = subscripts.split("->")
    return inputs.split(","), output


def _einsum_flops(inputs, _, attributes):
    """Twice the product of all lengths: what a sum over all letters at once takes; less in pairs."""
    lengths = {}
    terms, output = _terms(attributes["subscripts"])
    for term, shape in zip(terms, inputs, strict=True):
        for letter, n in zip(term, shape or (), strict=False):
            lengths[letter] = max(n, lengths.get(letter, 1))
    moved = len(inputs) == 1 and len(lengths) == len(output)
    return 0 if moved else (1 if len(inputs) == 1 else 2) * math.prod(lengths.values())


@op(inputs=1, flops=_einsum_flops, needs=True)
def _einsum(needs: Needs, operands: Sequence[ArrayLike], subscripts: str, optimize: Any = True):
    if all(getattr(x, "dtype", None) == HALF for x in operands):  # summed in float32
        wide = [x.astype(np.float32) for x in operands]
        y, inner = _einsum.body(needs, wide, subscripts, optimize)
        return y.astype(HALF), lambda g: inner(g.astype(np.float32))
    y = np.einsum(subscripts, *operands, optimize=optimize)
    terms, output = _terms(subscripts)
    shapes = [np.shape(x) for x in operands]
    kept = [x if sum(needs) > need else None for x, need in zip(operands, needs, strict=True)]

    def backward(g):
        def factors(i):
            return [(output, g), *((terms[j], kept[j]) for j in range(len(terms)) if j != i)]

        return tuple(
            _gradient(factors(i), terms[i], shapes[i], bool(optimize)) if needs[i] else None
            for i in range(len(terms))
        )

    return y, backward


def _gradient(factors, term, shape, optimize):
    """The product of `factors`, pairs (letters, array), summed to an operand with letters `term`."""
    g = factors[0][1]
    lengths = {}
    for letters, x in factors:
        for letter, n in zip(letters, x.shape, strict=True):
            lengths[letter] = max(n, lengths.get(letter, 1))
    wanted = ""
    for letter, n in zip(term, shape, strict=True):
        if letter in wanted:  # a diagonal: ones there, zeros beside it
            fresh = next(c for c in ascii_lowercase if c not in lengths and c not in wanted + term)
            places = np.arange(n, like=g)
            factors.append((letter + fresh, (places[:, None] == places).astype(g.dtype)))
            letter = fresh
        elif lengths.get(letter, 1) == 1:  # summed over this operand alone, or broadcast against it
            factors.append((letter, np.ones_like(g, shape=(n,))))
        wanted += letter
    subscripts = f"{','.join(letters for letters, _ in factors)}->{wanted}"
    return np.einsum(subscripts, *(x for _, x in factors), optimize=optimize)
