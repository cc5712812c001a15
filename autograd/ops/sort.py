"""Sorting, searching and counting."""

from __future__ import annotations

import numpy as np

from ..constant import constant

argmax = constant(np.argmax, method=True)
argmin = constant(np.argmin, method=True)
argsort = constant(np.argsort)
nonzero = constant(np.nonzero)
count_nonzero = constant(np.count_nonzero)
unique = constant(np.unique, lossless=False)
