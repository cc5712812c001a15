"""What L-BFGS knows of the curvature: the last steps, and how the gradient changed with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...autograd.kernels import CHUNK, blocks

Memory = dict[str, Any]  # the state of LBFGS: counts, what there is after an iteration, and `al`
COUNTS = ("func_evals", "n_iter")
LATER = ("d", "t", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss")
LEAST = 1e-10  # a step along which the gradient changes less is not remembered


def direction(memory: Memory, gradient: np.ndarray, most: int) -> np.ndarray:
    """Minus the gradient times the inverse Hessian that the last `most` steps suggest.

    The step that led here is noted in `memory`. Algorithm 7.4 of Nocedal and Wright, the two loops.
    """
    if memory["n_iter"] == 1:
        memory.update(old_dirs=[], old_stps=[], ro=[], H_diag=1)
        return -gradient
    _remember(memory, gradient, most)
    changes, steps, ro = memory["old_dirs"], memory["old_stps"], memory["ro"]
    found = len(steps)
    al = memory["al"] = [None] * most
    d = -gradient
    room = np.empty_like(d, shape=(min(d.size, CHUNK),))
    last = np.dot(steps[-1], d) if found else 0
    for i in reversed(range(found)):
        al[i] = last * ro[i]
        last = _add_and_dot(d, -al[i], changes[i], steps[i - 1] if i else d, room)
    d *= memory["H_diag"]
    last = np.dot(changes[0], d) if found else 0
    for i in range(found):
        beta = last * ro[i]
        last = _add_and_dot(d, al[i] - beta, steps[i], changes[i + 1] if i + 1 < found else d, room)
    return d


def _remember(memory: Memory, gradient: np.ndarray, most: int) -> None:
    changes, steps, ro = memory["old_dirs"], memory["old_stps"], memory["ro"]
    y, s = gradient - memory["prev_flat_grad"], memory["d"] * memory["t"]
    ys = np.dot(y, s)
    if not ys > LEAST:
        return
    for old, new in (changes, y), (steps, s), (ro, 1.0 / ys):
        del old[: max(0, len(old) + 1 - most)]
        old.append(new)
    memory["H_diag"] = ys / np.dot(y, y)


def _add_and_dot(d: np.ndarray, factor: Any, x: np.ndarray, y: np.ndarray, room: np.ndarray) -> Any:
    """d += factor * x in place, and d @ y then: a block at a time, while it is in the cache."""
    total = d.dtype.type(0)
    for some in blocks(d.size, 1):
        part = d[some]
        part += np.multiply(x[some], factor, out=room[: part.size])
        total += np.dot(part, y[some])
    return total


def read(given: Mapping[str, Any], size: int, dtype: np.dtype) -> Memory:
    """A state that was saved, PyTorch's too, for vectors of `size`. ValueError or TypeError if it is none."""
    unknown = given.keys() - {*COUNTS, *LATER, "al"}
    lacking = [name for name in (*COUNTS, *LATER) if given.get(name) is None]
    if unknown or (lacking and (given.get("n_iter") != 0 or "func_evals" in lacking)):
        raise ValueError(f"has {', '.join(given)}, expected {', '.join((*COUNTS, *LATER))}")

    def vector(name: str, value: Any) -> np.ndarray:
        array = np.asarray(value, dtype)
        if array.shape != (size,):
            raise ValueError(f"{name} has shape {array.shape}, expected {(size,)}")
        return array

    def number(value: Any) -> Any:
        return None if value is None else dtype.type(value)

    memory: Memory = {name: int(given[name]) for name in COUNTS}
    for name in given.keys() - {*COUNTS}:
        value = given[name]
        if value is None:
            memory[name] = None
        elif name in ("d", "prev_flat_grad"):
            memory[name] = vector(name, value)
        elif name in ("old_dirs", "old_stps"):
            memory[name] = [vector(name, item) for item in value]
        elif name in ("ro", "al"):
            memory[name] = [number(item) for item in value]
        else:
            memory[name] = float(value) if name == "prev_loss" else number(value)
    lengths = [len(memory.get(name) or ()) for name in ("old_dirs", "old_stps", "ro")]
    if len(set(lengths)) > 1:
        raise ValueError(f"old_dirs, old_stps and ro have {lengths} items, expected the same number of each")
    return memory
