"""Faults planted in convolution, folding and lazy modules."""

from .fault import Fault

CONTRACT = "tests/autograd/test_op_contract.py::"
GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
LAZY = "tests/nn/test_lazy.py::"
NUMBERS = "tests/nn/test_convolution.py::"

FAULTS = [
    Fault(
        "nn/functional/_correlate.py",
        "place = start + padding[0]",
        "place = start + padding[1]",
        f"{GRADIENT} -k convolution",
    ),
    Fault(
        "nn/functional/_correlate.py",
        "first - 1 if first else None, -apart",
        "first - 1 if first else None, -stride",
        f"{GRADIENT} -k convolution",
    ),
    Fault(
        "nn/functional/_correlate_rows.py",
        "last = self.count % images or images",
        "last = self.count % images",
        f"{NUMBERS}test_images_are_taken_several_at_a_time",
    ),
    Fault(
        "nn/functional/_correlate_rows.py",
        "            made += part\n",
        "            made += part * 1.001\n",
        "tests/autograd/test_op_values.py::test_equals_the_reference -k convolution",
    ),
    Fault(
        "nn/functional/_correlate_band.py",
        "finite = finite and math.isfinite(np.vdot(made, made))",
        "pass",
        f"{NUMBERS}test_what_is_not_finite_goes_no_further",
    ),
    Fault(
        "nn/functional/convolution.py",
        "(t // 2, t - t // 2)",
        "(t - t // 2, t // 2)",
        f"{NUMBERS}test_by_hand",
    ),
    Fault(
        "nn/functional/transposed_convolution.py",
        "if any(e >= max(s, d) for",
        "if any(e > max(s, d) for",
        f"{NUMBERS}test_refused",
    ),
    Fault(
        "nn/functional/folding.py",
        "        x[met] += columns[:, :, i]",
        "        x[met] = columns[:, :, i]",
        f"{NUMBERS}test_by_hand",
    ),
    Fault(
        "nn/modules/convolution.py",
        '"replicate": "edge"',
        '"replicate": "reflect"',
        f"{NUMBERS}test_padding_modes",
    ),
    Fault(
        "nn/modules/lazy.py",
        "            self.__class__ = self.cls_to_become",
        "            pass",
        f"{LAZY}test_shapes_come_with_the_first_input",
    ),
    Fault(
        "nn/uninitialized.py",
        "        if kind is None:\n            return\n",
        "        return\n",
        f"{LAZY}test_a_state_that_does_not_fit_changes_nothing",
    ),
]
