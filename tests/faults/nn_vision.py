"""Faults planted in what resizes, samples and shuffles images."""

from .fault import Fault

TORCH = "tests/reference/test_vision_torch.py::"
VISION = "tests/nn/test_vision.py::"

FAULTS = [
    Fault(
        "nn/functional/resampling.py",
        "back.at[at, place], back.weights[at, place] = outputs, weights",
        "back.at[at, place], back.weights[at, place] = outputs, weights * 1.001",
        f"{VISION}test_a_transposed_map_is_the_same_map",
    ),
    Fault(
        "nn/functional/resampling.py",
        "at, weights = _cubic(source) if mode",
        "at, weights = _cubic(np.maximum(source, 0)) if mode",
        f"{VISION}test_bicubic_at_the_border",
    ),
    Fault(
        "nn/functional/vision.py",
        "sign = np.where(odd, -1, 1) * np.where(c < low, -1, 1)",
        "sign = np.where(odd, -1, 1)",
        f"{VISION}test_gradients_of_reflected_places",
    ),
    Fault(
        "nn/functional/vision.py",
        "x = ag.transpose(x, (*range(k), k, k + 3, k + 1, k + 4, k + 2))",
        "x = ag.transpose(x, (*range(k), k, k + 3, k + 2, k + 4, k + 1))",
        f"{VISION}test_shuffles",
    ),
]
