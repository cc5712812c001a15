"""Padded and packed sequences: orders, lengths, padding, gradients, what is refused."""

import numpy as np
import pytest

from tapegrad.autograd import Tensor
from tapegrad.nn.utils import rnn

X = np.arange(12.0).reshape(4, 3)  # 3 sequences of 4 steps


def test_packing_takes_what_counts_the_longest_first():
    packed = rnn.pack_padded_sequence(X, [2, 4, 1], enforce_sorted=False)
    assert packed.data.numpy().tolist() == [1, 0, 2, 4, 3, 7, 10]
    assert packed.batch_sizes.tolist() == [3, 2, 1, 1]
    assert packed.sorted_indices.tolist() == [1, 0, 2] and packed.unsorted_indices.tolist() == [1, 0, 2]
    assert rnn.pack_padded_sequence(X.T, [2, 4, 1], True, False).data.numpy().tolist() == [
        1,
        0,
        2,
        4,
        3,
        7,
        10,
    ]
    padded, lengths = rnn.pad_packed_sequence(packed, padding_value=-1, total_length=5)
    assert lengths.tolist() == [2, 4, 1]
    expected = np.where(np.arange(4)[:, None] < lengths, X, -1)
    np.testing.assert_array_equal(padded.numpy(), [*expected, [-1, -1, -1]])
    np.testing.assert_array_equal(rnn.pad_packed_sequence(packed, True, -1)[0].numpy(), expected.T)


def test_padding_may_be_anything_and_gets_no_gradient():
    x = Tensor(np.where(np.arange(4)[:, None] < [3, 2, 2], X, np.nan), requires_grad=True)
    packed = rnn.pack_padded_sequence(x, [3, 2, 2])
    padded, _ = rnn.pad_packed_sequence(packed, padding_value=np.inf)
    padded[:2].sum().backward()
    np.testing.assert_array_equal(x.grad, [[1, 1, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]])


def test_pad_sequence_on_both_sides():
    parts = [np.float32([1, 2]), np.float32([3]), np.float32([])]
    assert rnn.pad_sequence(parts).numpy().tolist() == [[1, 3, 0], [2, 0, 0]]
    left = rnn.pad_sequence(parts, True, 9, "left")
    assert left.numpy().tolist() == [[1, 2], [9, 3], [9, 9]] and left.dtype == np.float32
    cut = rnn.unpad_sequence(left, [2, 1, 0], batch_first=True)
    assert [c.numpy().tolist() for c in cut] == [[1, 2], [9], []]


def test_a_packed_sequence_is_a_named_tuple_that_changes_dtype():
    packed = rnn.pack_sequence([[1.0, 2.0], [3.0]])
    data, sizes, order, back = packed
    assert data is packed.data and sizes.tolist() == [2, 1] and order is back is None
    assert packed.float().data.dtype == packed.to("cpu", np.float32).data.dtype == np.float32
    assert packed.to(data.astype(np.int64)).long().data.dtype == np.int64
    assert packed.double() is packed.cpu() is packed.pin_memory() is packed
    assert not packed.is_cuda and not packed.is_pinned()
    again = rnn.PackedSequence((data, sizes), sorted_indices=np.array([1, 0]))
    assert again.unsorted_indices.tolist() == [1, 0]
    assert rnn.invert_permutation([2, 0, 1]).tolist() == [1, 2, 0] and rnn.invert_permutation(None) is None


REFUSED = [
    (
        lambda: rnn.pack_padded_sequence(X, [1, 2, 3]),
        r"lengths \[1, 2, 3\] do not fall; .*enforce_sorted=False",
    ),
    (lambda: rnn.pack_padded_sequence(X, [2, 1, 0]), "length 0 of sequence 2 is not from 1 to 4"),
    (lambda: rnn.pack_padded_sequence(X, [5, 1, 1]), "length 5 of sequence 0 is not from 1 to 4"),
    (lambda: rnn.pack_padded_sequence(X, [2, 1]), r"lengths of shape \(2,\) for 3 sequences"),
    (lambda: rnn.pack_padded_sequence(X[0], [2]), r"input is \(T, B, ...\), not of shape \(3,\)"),
    (lambda: rnn.pack_padded_sequence(X[:, :0], []), r"no sequences in input of shape \(4, 0\)"),
    (lambda: rnn.pack_sequence([X, X[:0]]), "length 0 of sequence 1 is not from 1"),
    (lambda: rnn.pad_packed_sequence(rnn.pack_sequence([X]), total_length=3), "total_length 3 is less than"),
    (lambda: rnn.pad_sequence([]), "pad_sequence: there is no sequence"),
    (lambda: rnn.pad_sequence([X, X.T]), r"shapes \[\(4, 3\), \(3, 4\)\]; they may differ along the first"),
    (lambda: rnn.pad_sequence([X], padding_side="both"), "padding_side is 'right' or 'left', not 'both'"),
    (lambda: rnn.unpad_sequence(X, [5, 1, 1]), "unpad_sequence: length 5 of sequence 0 is not from 0 to 4"),
    (lambda: rnn.invert_permutation([0, 0]), "is no permutation of 0 to 1"),
    (lambda: rnn.PackedSequence(X, [1, 3]), r"batch_sizes \[1, 3\] should not grow"),
    (lambda: rnn.PackedSequence(X, [2, 1]), r"add up to the rows of data, of shape \(4, 3\)"),
    (lambda: rnn.PackedSequence(X), "takes data and batch_sizes"),
    (lambda: rnn.pack_sequence([X]).cuda(), "PackedSequence.to: device='cuda' is not there"),
]


@pytest.mark.parametrize("call, message", REFUSED, ids=[message for _, message in REFUSED])
def test_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_mistyped():
    with pytest.raises(TypeError, match="takes a PackedSequence, as pack_sequence makes, not ndarray"):
        rnn.pad_packed_sequence(X)
    with pytest.raises(TypeError, match="lengths must be integers, not float64"):
        rnn.pack_padded_sequence(X, [2.0, 1.0, 1.0])
