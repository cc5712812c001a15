"""Forward mode by two reverse ones, and products with Hessians."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from . import trees
from .functions import Run, as_argument
from .tensor import Tensor
from .walks import ones, pull, recording, rerun, rerun_linear, walked


class Linear:
    """The map v -> J v of a run, J its Jacobian.

    What reverse mode computes, J^T u, is a linear function of u. It is recorded once, at any u; its own
    reverse mode gives J v (double vjp: J. Townsend, "A new trick for calculating Jacobian vector products",
    2017). A `recorder` records the products too, as functions of v and perhaps of the inputs.
    """

    def __init__(self, run: Run, recorder: Callable | None, higher: bool = False):
        self.run, self.recorder = run, recorder
        self.seeds = [as_argument(u, run.name) for u in ones(run.outputs)]
        with recording(higher or recorder is not None):
            run_with, keep = recorder or rerun_linear, run.linked
            self.rows = pull(run.outputs, run.inputs, self.seeds, run=run_with, retain_graph=keep)

    def __call__(self, vectors: Sequence[Tensor | None], retain_graph: bool = False) -> list[Tensor]:
        """The product for each output, of one vector for each input."""
        pairs = [(g, v) for g, v in zip(self.rows, vectors, strict=True) if g is not None]
        rows, given = [g for g, _ in pairs], [v for _, v in pairs]
        return walked(rows, self.seeds, given, self.recorder, retain_graph)


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
    vectors = _tangents(run, tangents)
    recorder = run.recorder(vectors)
    products = Linear(run, recorder)(vectors)
    given = iter(products if recorder else map(run.given, products))
    result = run.value(), trees.build(run.out_form, given)
    return (*result, run.given_aux()) if has_aux else result


def hvp(f: Callable[..., Any], primals: Sequence, tangents: Sequence) -> Any:
    """The Hessian of f at `primals`, times `tangents`: `hvp(lambda x: (x**3).sum(), (x,), (v,))`.

    f returns a Tensor of one element; `primals` and `tangents` are as of jvp. The product is like the primal,
    or a tuple for several, of which the Hessian takes in all. No matrix is made: it costs a few gradients.
    ValueError and TypeError as of jvp and grad.
    """
    _check_tuples("hvp", primals, tangents)
    run = Run("hvp", f, primals, {}, tuple(range(len(primals))), higher=True)
    vectors = _tangents(run, tangents)
    rows = walked([run.scalar()], run.inputs, ones(run.outputs), rerun)
    recorder = run.recorder(vectors)
    products = walked(rows, run.inputs, vectors, recorder)
    found = run.as_arguments(products if recorder else list(map(run.given, products)))
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


def _tangents(run: Run, tangents: Sequence) -> list[Tensor]:
    return run.matching(run.form, run.inputs, tuple(tangents), "tangents")
