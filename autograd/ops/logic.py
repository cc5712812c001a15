"""Comparison, logic, bits and what kind of numbers there are: what has no gradient."""

from __future__ import annotations

import numpy as np

from ..constant import constant

less = constant(np.less, operator="lt")
less_equal = constant(np.less_equal, operator="le")
greater = constant(np.greater, operator="gt")
greater_equal = constant(np.greater_equal, operator="ge")
equal = constant(np.equal, operator="eq")
not_equal = constant(np.not_equal, operator="ne")
bitwise_and = constant(np.bitwise_and, operator="and")
bitwise_or = constant(np.bitwise_or, operator="or")
bitwise_xor = constant(np.bitwise_xor, operator="xor")
invert = constant(np.invert)
left_shift = constant(np.left_shift, operator="lshift")
right_shift = constant(np.right_shift, operator="rshift")
bitwise_count = constant(np.bitwise_count)
gcd = constant(np.gcd)
lcm = constant(np.lcm)
logical_and = constant(np.logical_and)
logical_or = constant(np.logical_or)
logical_not = constant(np.logical_not)
logical_xor = constant(np.logical_xor)
isfinite = constant(np.isfinite)
isnan = constant(np.isnan)
isinf = constant(np.isinf)
isneginf = constant(np.isneginf)
isposinf = constant(np.isposinf)
isreal = constant(np.isreal)
iscomplex = constant(np.iscomplex)
isclose = constant(np.isclose)
allclose = constant(np.allclose)
array_equal = constant(np.array_equal)
array_equiv = constant(np.array_equiv)
any = constant(np.any, method=True)
all = constant(np.all, method=True)
