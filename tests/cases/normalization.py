"""Cases of nn/functional/normalization.py."""

import kernels
from cases import numpy_reference as ref
from cases.case import case

CASES = [
    case(kernels.layer_norm, ref.layer_norm, (2, 3, 4), (4,), (4,), saves="average r weight xhat"),
    case(kernels.layer_norm, ref.layer_norm, (3, 4), (4,), saves="average r weight xhat"),
    case(kernels.layer_norm, ref.layer_norm, (4,), saves="average r xhat", eps=1e-2),
    case(kernels.layer_norm, ref.layer_norm, (0, 4), (4,), (4,), saves="average r weight xhat"),
    case(kernels.rms_norm, ref.rms_norm, (2, 3, 4), (4,), saves="r weight xhat"),
    case(kernels.rms_norm, ref.rms_norm, (4,), saves="r xhat", eps=1e-2),
    case(kernels.rms_norm, ref.rms_norm, (0, 4), (4,), saves="r weight xhat"),
]
