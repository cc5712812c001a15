"""Faults planted in nonlinearities and in what attention takes."""

from .fault import Fault

ACTIVATION = "tests/nn/test_activation.py::"
ATTENTION = "tests/nn/test_attention.py::"
GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"

FAULTS = [
    Fault("nn/functional/activation.py", "        d += 1\n", "        d += 1.001\n", f"{GRADIENT} -k silu"),
    Fault(
        "nn/functional/activation.py",
        "y = np.maximum(x, z)\n",
        "y = x * 1\n",
        f"{ACTIVATION}test_huge_and_infinite_numbers_have_their_limits -k silu",
    ),
    Fault(
        "nn/functional/activation.py",
        "if not np.vdot(x, x) < FAR * FAR:",
        "if False:",
        f"{ACTIVATION}test_gelu_of_huge_numbers_among_others_and_in_a_replay",
    ),
    Fault(
        "nn/functional/activation.py",
        "y[far] = x[far]",
        "pass",
        f"{ACTIVATION}test_gelu_of_huge_numbers_among_others_and_in_a_replay",
    ),
    Fault(
        "nn/functional/rectifier.py",
        "if start == scale:",
        "if start:",
        f"{GRADIENT} -k elu",
    ),
    Fault(
        "nn/functional/rectifier.py",
        "if not training:\n        return leaky_relu(input, (lower + upper) / 2",
        "if not training:\n        return leaky_relu(input, (upper - lower) / 2",
        f"{ACTIVATION}test_golden_numbers -k rrelu",
    ),
    Fault(
        "nn/functional/rectifier.py",
        "drawn(_uniform, x.shape, float(lower), float(upper))",
        "_uniform(x.shape, float(lower), float(upper))",
        f"{ACTIVATION}test_random_slopes_are_drawn_anew_in_a_replay",
    ),
    Fault(
        "nn/functional/hard.py",
        "(y > low) & (y < high)",
        "(y >= low) & (y <= high)",
        f"{ACTIVATION}test_slopes_at_corners_are_pytorchs",
    ),
    Fault(
        "nn/functional/softmaxes.py",
        "+ (soft - soft.detach())",
        "+ soft * 0",
        f"{ACTIVATION}test_hard_gumbel_softmax_has_the_gradient_of_the_soft_one",
    ),
    Fault(
        "nn/functional/rectifier.py",
        "    np.maximum(x, y, out=y)",
        "    np.abs(y, out=y)",
        f"{ACTIVATION}test_masks_of_more_than_one_block",
    ),
    Fault(
        "nn/functional/_curve.py",
        "slopes[block] = slope_of()",
        "slopes[:] = 1",
        f"{ACTIVATION}test_more_than_one_block -k mish",
    ),
    Fault(
        "autograd/special/softmax.py",
        "/ -total[block]",
        "/ -total[0]",
        "tests/autograd/test_op_gradients.py::test_gradient -k log_softmax",
    ),
    Fault(
        "nn/functional/attention.py",
        "ag.repeat(x, query.shape[-3] // x.shape[-3], -3)",
        "ag.tile(x, (query.shape[-3] // x.shape[-3], 1, 1))",
        f"{ATTENTION}test_grouped_queries_share_keys",
    ),
]
