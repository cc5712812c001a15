"""Faults planted in pooling and padding."""

from .fault import Fault

GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
PADDING = "tests/nn/test_padding.py::"
POOLING = "tests/nn/test_pooling.py::"

FAULTS = [
    Fault(
        "nn/functional/_max_windows.py",
        "np.greater(one, y, out=more)",
        "np.greater_equal(one, y, out=more)",
        f"{POOLING}test_the_first_of_equals_has_the_gradient_and_the_index",
    ),
    Fault(
        "nn/functional/_max_windows.py",
        "if taps is not None and any(padding):",
        "if taps is not None and False:",
        f"{POOLING}test_nan_and_infinity",
    ),
    Fault(
        "nn/functional/_max_windows.py",
        "windows.shape[-1] - 1 - np.argmax(nan[..., ::-1], axis=-1)",
        "np.argmax(nan, axis=-1)",
        f"{POOLING}test_nan_and_infinity",
    ),
    Fault(
        "nn/functional/_max_windows.py",
        "dtype = np.float32 if g.dtype is HALF else g.dtype",
        "dtype = g.dtype",
        f"{POOLING}test_half_precision_is_summed_wider",
    ),
    Fault("nn/functional/_mean_windows.py", "if s >= k:", "if s > 1:", f"{GRADIENT} -k avg_pool"),
    Fault(
        "nn/functional/_windows.py",
        "return count - 1 if (count - 1) * s >= size + p else count",
        "return count",
        f"{POOLING}test_max_pool_by_hand",
    ),
    Fault(
        "nn/functional/pooling.py",
        "edge = p if count_include_pad else 0",
        "edge = p",
        f"{POOLING}test_avg_pool_by_hand",
    ),
    Fault(
        "nn/functional/adaptive_pooling.py",
        "-(-(i + 1) * size // out)) for",
        "(i + 1) * size // out) for",
        f"{POOLING}test_adaptive_pools_by_hand",
    ),
    Fault(
        "nn/functional/fractional_pooling.py",
        "axis if len(sizes) == 3 else 1 - axis",
        "axis",
        f"{POOLING}test_fractional_pool_by_hand",
    ),
    Fault(
        "nn/functional/unpooling.py",
        "if not are_within(at, math.prod(out)):",
        "if not are_within(at, 1 + math.prod(out)):",
        f"{POOLING}test_refused",
    ),
    Fault(
        "nn/functional/padding.py",
        "slice(2 * before, before, -1)",
        "slice(2 * before - 1, before - 1, -1)",
        f"{PADDING}test_by_hand",
    ),
    Fault(
        "nn/functional/padding.py",
        "np.float32 if g.dtype is HALF else None)\n        wide",
        "None)\n        wide",
        f"{PADDING}test_gradients_of_half_precision_are_summed_wider",
    ),
    Fault(
        "nn/functional/padding.py",
        'if mode == "circular":  # goes around what is left',
        "if False:",
        f"{PADDING}test_by_hand",
    ),
    Fault(
        "nn/modules/padding.py",
        "F.pad(x, self.padding, self.mode)",
        "F.pad(x, self.padding)",
        f"{PADDING}test_layers_by_hand",
    ),
]
