"""Forward mode by two reverse ones, and products with Hessians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import trees
from .functions import Run, as_argument, or_zeros, pull, pulled, recording, rerun, rerun_linear
from .modes import current
from .tensor import Tensor, wrap


class Linear:
    """The map v -> J v of a run, J its Jacobian.

    What reverse mode computes, J^T u, is a linear function of u. It is recorded once, at any u; its own
    reverse mode gives J v (double vjp: J. Townsend, "A new trick for calculating Jacobian vector products",
    2017). If `linked` the products are recorded as functions of the inputs and of v.
    """

    def __init__(self, run: Run, linked: bool):
        self.run, self.linked = run, linked
        ones = [np.ones_like(y.data) for y in run.outputs]
        self.seeds = [as_argument(u, run.name) for u in ones]
        backward = rerun if linked else rerun_linear
        with recording(higher=linked):
            self.rows = pull(run.outputs, run.inputs, self.seeds, run=backward, retain_graph=linked)

    def __call__(self, vectors: Sequence[Tensor | None], retain_graph: bool = False) -> list[Tensor]:
        """The product for each output, of one vector for each input."""
        pairs = [(g, v) for g, v in zip(self.rows, vectors, strict=True) if g is not None and v is not None]
        rows, given = [g for g, _ in pairs], [v for _, v in pairs]
        return or_zeros(pull_again(rows, self.seeds, given, self.linked, retain_graph), self.run.outputs)


def pull_again(
    rows: Sequence[Tensor],
    inputs: Sequence[Tensor],
    vectors: Sequence[Tensor],
    linked: bool,
    retain_graph: bool = False,
) -> list[Tensor | None]:
    """The gradients of gradients `rows`, recorded if `linked`."""
    if not linked:
        return pull(rows, inputs, [v.data for v in vectors], retain_graph=retain_graph)
    with recording(higher=True):
        return pull(rows, inputs, vectors, run=rerun, retain_graph=True)


def jvp(f: Callable[..., Any], primals: Sequence, tangents: Sequence, has_aux: bool = False) -> Any:
    """The value of f(*primals) and its derivative along `tangents`: (value, tangent), as J v.

    `primals` and `tangents` are tuples of as many arrays, or trees of them, of the same shapes and dtypes:
    `jvp(np.sin, (0.5,), (1.0,))`. What comes back is like what f returns: arrays, or Tensors as told by
    `grad`. With `has_aux` f returns (value, aux), and the result is (value, tangent, aux). A Gauss-Newton
    product J^T J v is vjp after jvp: `_, u = jvp(f, (x,), (v,)); _, pull = vjp(f, x); (product,) = pull(u)`.
    ValueError for tangents of another form or shape, TypeError for another dtype and as of grad.
    """
    _check_tuples("jvp", primals, tangents)
    run = Run("jvp", f, primals, {}, tuple(range(len(primals))), has_aux, higher=True)
    vectors, linked, given = _tangents(run, tangents)
    products = iter(map(given, Linear(run, linked)(vectors)))
    result = run.value(), trees.build(run.out_form, products)
    return (*result, run.given_aux()) if has_aux else result


def hvp(f: Callable[..., Any], primals: Sequence, tangents: Sequence) -> Any:
    """The Hessian of f at `primals`, times `tangents`: `hvp(lambda x: (x**3).sum(), (x,), (v,))`.

    f returns a Tensor of one element; `primals` and `tangents` are as of jvp. The product is like the primal,
    or a tuple for several, of which the Hessian takes in all. No matrix is made: it costs a few gradients.
    ValueError and TypeError as of jvp and grad.
    """
    _check_tuples("hvp", primals, tangents)
    run = Run("hvp", f, primals, {}, tuple(range(len(primals))), higher=True)
    vectors, linked, given = _tangents(run, tangents)
    one = wrap(np.ones_like(run.scalar().data), None)
    rows = pulled(run, [one], linked=True)
    products = or_zeros(pull_again(rows, run.inputs, vectors, linked), run.inputs)
    found = run.as_arguments(list(map(given, products)))
    return found[0] if len(primals) == 1 else found


def _check_tuples(name: str, primals: Any, tangents: Any) -> None:
    """TypeError, ValueError unless both are tuples of as many items."""
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, (tuple, list)):
            raise TypeError(
                f"{name}: {what} is a {type(given).__name__}, and must be a tuple, one item for each "
                f"argument: {name}(f, (x,), (v,))"
            )
    if len(primals) != len(tangents):
        raise ValueError(f"{name}: {len(tangents)} tangents for {len(primals)} primals")


def _tangents(run: Run, tangents: Sequence) -> tuple[list[Tensor], bool, Callable[[Tensor], Any]]:
    """The vectors, whether the results are recorded, and how a result is given to the caller."""
    vectors = run.matching(run.form, run.inputs, tuple(tangents), "tangents")
    recorded = current.get().grad and any(v.edge is not None for v in vectors)
    linked = run.linked or recorded
    return vectors, linked, (lambda t: t) if linked else run.given
