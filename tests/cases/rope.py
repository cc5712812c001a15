"""Cases of models/pretrained/rope.py."""

import numpy as np

from cases.case import case
from tapegrad.models.pretrained.rope import rotate

ANGLES = np.linspace(0, 3, 12).reshape(4, 3)
COS, SIN = np.cos(ANGLES)[:, None], np.stack([-np.sin(ANGLES), np.sin(ANGLES)], -2)


def reference(x, cos, sin):
    half = x.shape[-1] // 2
    a, b, cos, sin = x[..., :half], x[..., half:], cos[..., 0, :], sin[..., 1, :]
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)


CASES = [
    case(rotate, reference, (4, 6), cos=COS, sin=SIN, saves="cos sin"),
    case(rotate, reference, (2, 3, 4, 6), cos=COS, sin=SIN, saves="cos sin"),
    case(
        rotate,
        reference,
        (2, 3, 4, 6),
        cos=np.stack([COS, SIN[:, :1]])[:, None],
        sin=np.stack([SIN, SIN])[:, None],
        saves="cos sin",
    ),
    case(rotate, reference, (0, 4, 6), cos=COS, sin=SIN, saves="cos sin"),
]
