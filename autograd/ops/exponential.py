"""Exponentials and logarithms."""

from __future__ import annotations

import numpy as np

from ..op import elementwise

exp = elementwise(np.exp, slope=lambda y: y, doc="e to the power of x.", flops=4)
expm1 = elementwise(np.expm1, slope=lambda y: y + 1, doc="exp(x) - 1, accurate near 0.", flops=4)
log = elementwise(np.log, gradient=lambda g, x: g / x, doc="The natural logarithm of x.", flops=4)
log1p = elementwise(np.log1p, gradient=lambda g, x: g / (x + 1), doc="log(1 + x), accurate near 0.", flops=4)
