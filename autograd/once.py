"""The gradients of an op as something to differentiate again, and what is said of an op that has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from . import arguments
from .engine import Node
from .modes import rerunning

FIRST_ONLY = (
    "{name} has a first derivative only, as its once=True says, and a gradient through it cannot be recorded "
    "to be differentiated again, as create_graph, hessian, hvp, jvp and jacobian's forward mode do. Take "
    'differences of first gradients, and jacobian(f, mode="reverse"); or write it in ops too, as '
    "@op(plain=...), without once"
)
NOT_OF_TENSORS = (
    "{name}: to be differentiated again it is run on Tensors, not on ndarrays, and there it failed: {said}. "
    "Give it a form that is made of np functions and of ops, @op(plain=...), or say @op(once=True) if it has "
    "a first derivative only"
)


def gradients_again(node: Node, tensors: Sequence, g: Any) -> Sequence:
    """What the backward of `node` gives for `g`, recorded: its plain body runs on `tensors` for it.

    RuntimeError for an op that is differentiated once, as it says; what the body itself raises, if it takes
    no Tensors, is raised again with the op's name and what can be done.
    """
    if node.op.facts.once:
        raise RuntimeError(FIRST_ONLY.format(name=node.name))
    token = rerunning.set(True)
    try:
        _, backward = node.recipe.run(node.op.plain, tensors)
        return backward(g)
    except np.linalg.LinAlgError:  # of the numbers
        raise
    except arguments.ERRORS as error:
        said = str(error).partition(";")[0].removesuffix(".")  # without advice that would cut the graph here
        raise arguments.again(error, NOT_OF_TENSORS.format(name=node.name, said=said)) from error
    finally:
        rerunning.reset(token)
