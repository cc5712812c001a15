"""Cases of nn/functional/batchnorm.py and groupnorm.py."""

import kernels
from cases import numpy_reference as ref
from cases.case import case, normal, positive


def around(mean):
    def large(rng, shape):
        return mean + rng.standard_normal(shape)

    return large


def statistics(rng, shape):
    """Positive vectors, for variances."""
    return positive(rng, shape) if len(shape) == 1 else normal(rng, shape)


BATCH = "table total weight x"
GROUP = "table weight x"
CASES = [
    case(kernels.batch_norm, ref.batch_norm, (2, 3, 4), (3,), (3,), saves=BATCH),
    case(kernels.batch_norm, ref.batch_norm, (5, 3), (3,), (3,), saves=BATCH, eps=0.1),
    case(kernels.batch_norm, ref.batch_norm, (2, 2, 3, 6), (2,), saves=BATCH),
    case(kernels.batch_norm, ref.batch_norm, (4, 3), saves="table total x"),
    case(kernels.batch_norm, ref.batch_norm, (4, 2), (2,), (2,), saves=BATCH, domain=around(20)),
    case(kernels.batch_norm, ref.batch_norm, (2, 2, 17), saves="table total x", domain=around(20)),
    case(
        kernels.running_norm,
        ref.running_norm,
        (2, 3, 4),
        (3,),
        (3,),
        (3,),
        (3,),
        domain=statistics,
        saves=GROUP,
    ),
    case(
        kernels.running_norm,
        ref.running_norm,
        (4, 3),
        (3,),
        (3,),
        domain=statistics,
        saves="table x",
        eps=0.1,
    ),
    case(kernels.group_norm, ref.group_norm, (2, 4, 3), (4,), (4,), groups=2, saves=GROUP),
    case(kernels.group_norm, ref.group_norm, (1, 4, 3), (4,), (4,), groups=2, saves=GROUP),
    case(kernels.group_norm, ref.group_norm, (2, 4), (4,), groups=1, eps=0.1, saves=GROUP),
    case(kernels.group_norm, ref.group_norm, (3, 2, 2, 2), groups=2, saves="table x"),
    case(kernels.group_norm, ref.group_norm, (1, 2, 17), (2,), groups=2, saves=GROUP, domain=around(20)),
]
