"""Faults planted in recurrent layers and packed sequences."""

from .fault import Fault

GRADIENT = "tests/autograd/test_op_gradients.py::test_gradient"
LAYERS = "tests/nn/test_recurrent.py::"
PACKED = "tests/nn/test_packed.py::"
SECOND = "tests/autograd/test_op_gradients.py::test_second_order_gradient"

FAULTS = [
    Fault(
        "nn/functional/_lstm.py",
        "    v *= g\n",
        "    v *= g * 1.001\n",
        f"{GRADIENT} -k lstm",
    ),
    Fault(
        "nn/functional/_lstm.py",
        "dm * o * (1 - t * t)",
        "dm * o * (1 - t)",
        f"{SECOND} -k lstm",
    ),
    Fault("nn/functional/_gru.py", "    dn *= v  # dh", "    # dh", f"{GRADIENT} -k gru"),
    Fault(
        "nn/functional/_recurrence.py",
        "refit(state.T.copy(), fresh, n, left).T",
        "refit(state.T, fresh, n, left).T",
        f"{LAYERS}test_a_packed_batch_is_each_of_its_sequences_alone",
    ),
    Fault(
        "nn/functional/_recurrence.py",
        "inputs[behind:] if",
        "inputs[2:] if",
        f"{LAYERS}test_flops_are_those_of_the_weights",
    ),
    Fault(
        "nn/functional/_recurrence.py",
        "transpose(0, 2, 3, 1).copy() if fits",
        "transpose(0, 2, 1, 3).copy() if fits",
        f"{LAYERS}test_products_in_blocks_are_the_whole_ones",
    ),
    Fault(
        "nn/functional/_rnn.py",
        "np.multiply(dh, h != 0, out=d)",
        "np.multiply(dh, h, out=d)",
        f"{GRADIENT} -k rnn",
    ),
    Fault(
        "nn/functional/recurrent.py",
        "dropout(x, drop) if i and drop else x",
        "dropout(x, drop) if drop else x",
        f"{LAYERS}test_dropout_is_between_layers_and_in_training_alone",
    ),
    Fault(
        "nn/modules/recurrent.py",
        "_in_order(states, back)",
        "states",
        f"{LAYERS}test_a_packed_batch_is_each_of_its_sequences_alone",
    ),
    Fault(
        "nn/utils/rnn.py",
        'if padding_side == "left":',
        'if padding_side == "none":',
        f"{PACKED}test_pad_sequence_on_both_sides",
    ),
    Fault(
        "nn/utils/rnn.py",
        "lengths = places[:, sequence.unsorted_indices], lengths[sequence.unsorted_indices]",
        "lengths = places[:, sequence.unsorted_indices], lengths",
        f"{PACKED}test_packing_takes_what_counts_the_longest_first",
    ),
]
