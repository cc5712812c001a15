"""Cases of nn/functional/attention.py."""

import numpy as np

import kernels
from cases import numpy_reference as ref
from cases.case import case

SEEN = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]], bool)  # query 3 may look nowhere
QKV = (2, 4, 2), (2, 3, 2), (2, 3, 5)
LONG = (2, 40, 1), (2, 36, 1), (2, 36, 2)  # so many keys that the weights are computed again in backward
PAIRS = np.arange(40 * 36).reshape(40, 36)
ATTENTION = [
    (QKV, "p", {}),
    (QKV, "p", {"is_causal": True}),
    (QKV, "p", {"mask": SEEN, "scale": 0.3}),
    (QKV, "p", {"mask": SEEN, "is_causal": True}),
    (QKV, "p", {"keep": np.arange(24).reshape(2, 4, 3) % 3 > 0, "dropout_p": 0.25}),
    ((*QKV, (4, 3)), "p", {}),  # a float mask that wants a gradient
    ((*QKV, (2, 1, 3)), "p", {"is_causal": True}),
    (((4, 2), (3, 2), (3, 5)), "p", {"mask": np.where(SEEN, 0.5, -1.0)}),
    (((2, 1, 2, 3), (3, 4, 3), (1, 4, 2)), "p", {}),  # leading axes broadcast
    (((0, 2), (3, 2), (3, 5)), "", {}),
    (((2, 40, 3), (2, 40, 3), (2, 40, 1)), "p", {"is_causal": True}),  # two blocks of queries
    (LONG, "", {"is_causal": True}),
    (LONG, "cap keep", {"mask": PAIRS % 7 > 1, "keep": PAIRS % 5 > 0, "dropout_p": 0.2}),
    ((*LONG, (40, 36)), "bias", {"is_causal": True}),
]
PACKED, TWO, THREE = [(2, 3, 12)], [(2, 3, 4), (2, 4, 8)], [(2, 3, 4), (2, 4, 4), (2, 4, 4)]
HEADS = [
    (PACKED, "p", {"num_heads": 2}),
    (PACKED, "p", {"num_heads": 1, "is_causal": True}),
    (PACKED, "p", {"num_heads": 2, "keep": np.arange(36).reshape(2, 2, 3, 3) % 4 > 0, "dropout_p": 0.25}),
    (TWO, "p", {"num_heads": 4, "is_causal": True}),
    (TWO, "p", {"num_heads": 2, "mask": np.arange(24).reshape(2, 1, 3, 4) % 5 > 0}),
    (THREE, "p", {"num_heads": 2}),
    ([(1, 40, 3)], "", {"num_heads": 1, "is_causal": True}),
    ([(0, 3, 6)], "", {"num_heads": 2}),
]
CASES = [
    *(
        case(kernels.multi_head_attention, ref.heads, shapes, saves="key q r value y " + more, **attrs)
        for shapes, more, attrs in HEADS
    ),
    case(kernels.multi_head_attention, ref.heads, PACKED, (3, 3), num_heads=2, saves="key p q r value y"),
    *(
        case(
            kernels.scaled_dot_product_attention,
            ref.attention,
            *shapes,
            saves="key q r value y " + more,
            **attrs,
        )
        for shapes, more, attrs in ATTENTION
    ),
]
