"""How many floating-point operations an op's forward takes; a multiplication and an addition count as two."""

from __future__ import annotations

from math import isqrt, prod

Shape = tuple[int, ...]

# Operations for each element of the output (of the input for reductions); what is not named counts as one.
PER_ELEMENT = {
    "exp": 4, "expm1": 4, "log": 4, "log1p": 4, "tanh": 8, "sigmoid": 8, "sin": 8, "cos": 8, "erf": 20,
    "gelu": 14, "silu": 10, "softmax": 6, "log_softmax": 6, "logsumexp": 6, "cross_entropy": 6,
    "layer_norm": 8, "rms_norm": 5, "dropout": 2, "var": 4, "std": 4,
}  # fmt: skip
VIEWS = {
    "reshape", "transpose", "swapaxes", "expand_dims", "squeeze", "broadcast_to", "getitem", "split",
    "astype",
}  # fmt: skip
MOVES = {"leaf", "concatenate", "stack", "pad", "take", "take_along_axis", "embedding", "index_put"} | VIEWS
REDUCTIONS = {"sum", "mean", "var", "std", "max", "min", "logsumexp", "cross_entropy"}


def flops(op: str, inputs: list[Shape | None], outputs: tuple[Shape, ...]) -> int:
    """FLOPs of one call from the shapes of its inputs (None where unknown or no array) and outputs.

    Moving numbers is free. For einsum, whose letters are not recorded, it is an estimate, exact for plain
    products of two matrices; for multi_head_attention the softmax is counted as if there were one head.
    """
    size = sum(map(prod, outputs))
    known = [shape for shape in inputs if shape]
    if op in MOVES or not outputs:
        return 0
    if op == "linear":
        inner = next((shape[-1] for shape in inputs[1::-1] if shape), 0)
        return 2 * size * inner + (size if len(inputs) > 2 and inputs[2] else 0)
    if op == "matmul":
        a, b = inputs
        return 2 * size * (a[-1] if a else b[-2 if len(b) > 1 else 0] if b else 0)
    if op == "einsum" and len(known) > 1:
        return 2 * isqrt(prod(map(prod, known)) * size)
    if op == "scaled_dot_product_attention" and inputs[0] and inputs[1]:
        scores = prod(outputs[0][:-1]) * inputs[1][-2]
        return 2 * scores * inputs[0][-1] + 6 * scores + 2 * scores * outputs[0][-1]
    if op == "multi_head_attention" and inputs[-2]:
        pairs = prod(outputs[0][:2]) * inputs[-2][1]  # of positions
        return 4 * pairs * outputs[0][-1] + 6 * pairs
    if op in REDUCTIONS:
        size = max(map(prod, known), default=size)
    return PER_ELEMENT.get(op, 1) * size
