"""Trigonometric and hyperbolic functions, of angles in radians."""

from __future__ import annotations

import numpy as np

from ..op import elementwise

sin = elementwise(np.sin, slope=lambda x: np.cos(x), doc="The sine of x, in radians.", flops=8)
cos = elementwise(np.cos, slope=lambda x: -np.sin(x), doc="The cosine of x, in radians.", flops=8)
tan = elementwise(np.tan, slope=lambda y: 1 + y * y, doc="The tangent of x, in radians.", flops=8)
tanh = elementwise(np.tanh, slope=lambda y: 1 - y * y, doc="The hyperbolic tangent of x.", flops=8)
