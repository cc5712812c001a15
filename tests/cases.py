"""The ops, one line for each way of calling them: the table that the tests of the ops run over.

    case(op, reference, *args, domain=normal, saves="", **attrs)

In `args` a tuple is the shape of a random input, a list of tuples a list of random inputs, and anything
else (an array, a number, a string) is passed as it is. `reference` computes the same from ndarrays in
another way. `saves` names the arrays that the op's backward holds on to when all gradients are wanted,
those in `attrs` apart.
"""

import numpy as np

import kernels
import numpy_reference as ref
import tapegrad.autograd as ag
from op_case import case, nonzero, normal, positive, spread
from tapegrad.autograd import special

# fmt: off
UNARY = [
    (ag.absolute, np.absolute, nonzero, "x"),
    (ag.negative, np.negative, normal, ""),
    (ag.exp,      np.exp,      normal, "y"),
    (ag.expm1,    np.expm1,    normal, "y"),
    (ag.log,      np.log,      positive, "x"),
    (ag.log1p,    np.log1p,    positive, "x"),
    (ag.sqrt,     np.sqrt,     positive, "y"),
    (ag.square,   np.square,   normal, "x"),
    (ag.sin,      np.sin,      normal, "x"),
    (ag.cos,      np.cos,      normal, "x"),
    (ag.tanh,     np.tanh,     normal, "y"),
    (special.erf,      ref.erf,     normal, "x"),
    (special.expit,  ref.sigmoid, normal, "y"),
    (kernels.relu,     ref.relu,    nonzero, "y"),
    (kernels.silu,     ref.silu,    normal, "s x"),
    (kernels.gelu,     ref.gelu,    normal, "slope"),
]
BINARY = [
    (ag.add,      np.add,      normal, ""),
    (ag.subtract, np.subtract, normal, ""),
    (ag.multiply, np.multiply, normal, "a b"),
    (ag.divide,   np.divide,   nonzero, "b ratio"),
    (ag.power,    np.power,    positive, "a b kept"),
    (ag.maximum,  np.maximum,  spread, "a b"),
    (ag.minimum,  np.minimum,  spread, "a b"),
]
# fmt: on
ELEMENTWISE = [
    *(case(op, f, s, domain=d, saves=v) for op, f, d, v in UNARY for s in [(2, 3), (), (2, 0)]),
    *(
        case(op, f, *shapes, domain=d, saves=v)
        for op, f, d, v in BINARY
        for shapes in [
            ((2, 3), (2, 3)),
            ((2, 3), (3,)),
            ((2, 1), (1, 3)),
            ((), (2, 2)),
            ((), ()),
            ((0, 3), (1, 3)),
        ]
    ),
    # A Python number and an integer array beside a Tensor do not widen float32.
    *(
        case(op, f, (2, 3), 2, domain=d, saves=v)
        for op, f, d, v in [
            (ag.add, np.add, normal, ""),
            (ag.multiply, np.multiply, normal, ""),
            (ag.divide, np.divide, normal, ""),
            (ag.power, np.power, nonzero, "a"),
            (ag.maximum, np.maximum, spread, "a"),
        ]
    ),
    *(
        case(op, f, 2.5, (2, 3), domain=d, saves=v)
        for op, f, d, v in [
            (ag.subtract, np.subtract, normal, ""),
            (ag.divide, np.divide, positive, "b ratio"),
            (ag.power, np.power, normal, "kept"),
            (ag.minimum, np.minimum, normal, "b"),
        ]
    ),
    case(ag.power, np.power, (3,), np.array([-1, 3, 0]), domain=nonzero, saves="a b"),
    case(ag.power, np.power, (2, 3), 0.5, domain=positive, saves="a"),
    case(kernels.gelu, ref.gelu, (2, 3), approximate="tanh", saves="slope"),
    case(ag.clip, np.clip, (3, 4), a_min=-0.4, a_max=0.5, saves="inside"),
    case(ag.clip, np.clip, (3, 4), a_min=0.1, a_max=None, saves="inside"),
    case(ag.clip, np.clip, (), a_min=None, a_max=5, saves="inside"),
    case(ag.where, np.where, np.array([True, False, True]), (2, 3), (3,), saves="condition"),
    case(ag.where, np.where, np.array([[True], [False]]), (2, 3), 0.0, saves="condition"),
    case(ag.where, np.where, np.array(True), (), (2,), saves="condition"),
    case(kernels.dropout, ref.dropout, (2, 3), keep=np.array([[1, 0, 1], [1, 1, 0]], bool), p=0.25),
]  # fmt: skip

AXES = [{}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, -1)}, {"axis": (), "keepdims": True}]
REDUCE = [
    *(
        case(op, f, shape, domain=domain, saves=saves, **attrs)
        for op, f, domain, saves in [
            (ag.sum, np.sum, normal, ""),
            (ag.mean, np.mean, normal, ""),
            (ag.var, np.var, normal, "centred"),
            (ag.std, np.std, normal, "centred y"),
            (ag.max, np.max, spread, "x y"),
            (ag.min, np.min, spread, "x y"),
            (special.logsumexp, ref.logsumexp, normal, "p total"),
        ]
        for shape, attrs in [((2, 3, 4), a) for a in AXES[:-1]] + [((0, 3), {"axis": 1})]
    ),
    *(case(op, f, ()) for op, f in [(ag.sum, np.sum), (ag.mean, np.mean)]),
    case(ag.sum, np.sum, (2, 3), axis=()),
    case(ag.sum, np.sum, (2, 0), axis=-1),
    case(ag.max, np.max, (), saves="x y"),
    case(special.logsumexp, ref.logsumexp, (), saves="p total"),
    case(ag.var, np.var, (5,), ddof=1, saves="centred"),
    case(ag.std, np.std, (2, 5), axis=0, ddof=1, keepdims=True, saves="centred y"),
]

SHAPE = [
    case(ag.reshape, lambda x, shape: x.reshape(shape), (2, 3), shape=(3, 2)),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (2, 3), shape=-1),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (), shape=(1, 1)),
    case(ag.reshape, lambda x, shape: x.reshape(shape), (0, 3), shape=(3, 2, 0)),
    case(ag.transpose, np.transpose, (2, 3, 4)),
    case(ag.transpose, np.transpose, (2, 3, 4), axes=(1, -1, 0)),
    case(ag.transpose, np.transpose, ()),
    case(ag.swapaxes, np.swapaxes, (2, 3, 4), axis1=0, axis2=-1),
    case(ag.expand_dims, np.expand_dims, (2, 3), axis=1),
    case(ag.expand_dims, np.expand_dims, (2, 3), axis=(0, -1)),
    case(ag.squeeze, np.squeeze, (1, 3, 1)),
    case(ag.squeeze, np.squeeze, (1, 3, 1), axis=-1),
    case(ag.broadcast_to, np.broadcast_to, (2, 1), shape=(3, 2, 4)),
    case(ag.broadcast_to, np.broadcast_to, (), shape=(2, 0)),
    case(ag.astype, lambda x, dtype: x.astype(dtype), (2, 3), np.float64),
    case(ag.concatenate, np.concatenate, [(2, 3), (1, 3)]),
    case(ag.concatenate, np.concatenate, [(2, 3), (2, 0), (2, 1)], axis=-1),
    case(ag.concatenate, np.concatenate, [(2, 3), np.ones((2, 2))], axis=1),
    case(ag.stack, np.stack, [(2, 3), (2, 3), (2, 3)]),
    case(ag.stack, np.stack, [(2, 3), (2, 3)], axis=-1),
    case(ag.stack, np.stack, [(), ()]),
    case(ag.split, np.split, (4, 3), indices_or_sections=2),
    case(ag.split, np.split, (2, 6), indices_or_sections=[1, 1, 4], axis=-1),
    case(ag.pad, np.pad, (2, 3), pad_width=1),
    case(ag.pad, np.pad, (2, 3), pad_width=((0, 2), (1, 0)), constant_values=-1),
    case(ag.pad, np.pad, (0, 3), pad_width=(1, 2)),
]

IDS = np.array([[2, 0, 2], [-1, 1, 1]])
INDICES = [
    1, -1, np.int64(1), Ellipsis, None, (), True,
    slice(1, 3), slice(None, None, -2), slice(3, 0, -1), slice(2, 2),
    (1, 2), (0, -1, 1), (Ellipsis, 0), (slice(None), None, slice(0, 3, 2)), (None, Ellipsis, None, 1),
    [0, 2, 0], [[1], [1]], (slice(None), [0, 0, 1]), ((0, 0), 1),
    IDS, np.array(2), np.zeros((2, 0), int), (IDS, IDS), (IDS[:, :1], slice(None), IDS),
    (IDS[0], Ellipsis, 1), (np.array([0, 1]), None, np.array([[1], [2]])), ([0, 2], slice(None), 1),
    np.arange(60).reshape(4, 3, 5) % 3 == 0, np.array([True, False, False, True]), [True, False, True, True],
    (slice(None), np.array([True, False, True])), (np.array([True, True, False, True]), IDS[0]),
    (np.ones((4, 3), bool), 1), (Ellipsis, np.zeros(5, bool)), np.array(True),
]  # fmt: skip
INDEX = [
    *(case(ag.getitem, ref.getitem, (4, 3, 5), index=index) for index in INDICES),
    case(ag.getitem, ref.getitem, (), index=()),
    case(ag.getitem, ref.getitem, (0, 3), index=(slice(None), 1)),
    case(ag.index_put, ref.index_put, (4, 3), (3,), index=1),
    case(ag.index_put, ref.index_put, (4, 3), (), index=(slice(None, None, 2), [0, -1])),
    case(ag.index_put, ref.index_put, (4, 3), (3,), index=(np.array([0, 3, 1]), np.array([1, 1, 2]))),
    case(ag.index_put, ref.index_put, (2, 2), 0.0, index=np.array([[True, False], [True, True]])),
    case(ag.index_put, ref.index_put, (), (), index=()),
    case(ag.index_add, ref.index_add, (4, 3), (2, 3, 3), index=IDS),
    case(ag.index_add, ref.index_add, (4, 3), (), index=(Ellipsis, 0)),
    case(ag.take, np.take, (3, 2), indices=np.array([0, 5, 0, -2])),
    case(ag.take, np.take, (2, 3, 2), indices=IDS, axis=1),
    case(ag.take, np.take, (2, 3), indices=1, axis=-1),
    case(ag.take, np.take, (2, 3), indices=[1, 1], axis=-2),
    case(ag.take_along_axis, np.take_along_axis, (2, 3), indices=IDS, axis=1, saves="index"),
    case(
        ag.take_along_axis,
        np.take_along_axis,
        (3, 2),
        indices=np.array([[1, -1], [1, 0]]),
        axis=0,
        saves="index",
    ),
    case(ag.take_along_axis, np.take_along_axis, (3, 2), indices=np.array([[1]]), axis=-1, saves="index"),
    case(ag.take_along_axis, np.take_along_axis, (1, 4), indices=IDS, axis=-1, saves="index"),
    case(kernels.embedding, ref.embedding, (4, 3), ids=IDS % 3),
    case(kernels.embedding, ref.embedding, (4, 3), ids=np.array(2)),
    case(kernels.embedding, ref.embedding, (3,), ids=np.array([1, 2, 1])),
    case(kernels.embedding, ref.embedding, (4, 2, 3), ids=np.array([1, 3, 1])),
    case(kernels.embedding, ref.embedding, (4, 3), ids=np.zeros((2, 0), int)),
]

MATMUL = [
    ((2, 3), (3, 4)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)),
    ((2, 2, 3), (2, 3, 4)), ((2, 2, 3), (3, 4)), ((2, 3), (4, 3, 1)), ((2, 1, 2, 3), (3, 3, 2)),
    ((2, 2, 3), (3,)), ((3,), (2, 3, 2)),
    ((0, 3), (3, 2)), ((2, 0), (0, 3)), ((2, 2, 0), (0, 3)), ((0, 2, 3), (3, 2)),
]  # fmt: skip
EINSUM = [
    # Products: an explicit output, or the letters that occur once, in alphabetical order.
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ba, cb", (2, 3), (4, 2)), ("i,i", (3,), (3,)),
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)), ("i,j,k->kji", (2,), (3,), (2,)), ("i,->i", (3,), ()),
    ("bhld,bhsd->bhls", (1, 2, 3, 2), (1, 2, 2, 2)), ("ij,ij->", (2, 3), (2, 3)), (",", (), ()),
    # An ellipsis broadcasts, and so does an axis of length 1.
    ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("...i,...i", (2, 1, 3), (4, 3)),
    ("i...,i...->...", (2, 3), (2, 1, 3)), ("ij,ij->ij", (2, 1), (2, 3)), ("ij,jk->ik", (2, 1), (3, 2)),
    # One operand: moved, summed, or its diagonal.
    ("ij->ji", (2, 3)), ("ij->", (2, 3)), ("ij->j", (2, 3)), ("ij", (2, 3)), ("ba", (2, 3)),
    ("...->...", (2, 3)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("iii->i", (2, 2, 2)), ("iji->j", (2, 3, 2)),
    ("ii,i->i", (3, 3), (3,)), ("ii,jj->ij", (2, 2), (3, 3)),
    # A letter summed in one operand alone; an empty axis.
    ("ij,kl->il", (2, 3), (3, 2)), ("ij,jk->ik", (0, 3), (3, 2)),
]  # fmt: skip
LINALG = [
    *(case(ag.matmul, np.matmul, a, b, saves="a b") for a, b in MATMUL),
    *(case(ag.einsum, np.einsum, *args, saves="kept" if len(args) > 2 else "") for args in EINSUM),
    case(kernels.linear, ref.linear, (2, 3), (4, 3), saves="x weight"),
    case(kernels.linear, ref.linear, (2, 2, 3), (4, 3), (4,), saves="x weight"),
    case(kernels.linear, ref.linear, (3,), (4, 3), (4,), saves="x weight"),
    case(kernels.linear, ref.linear, (0, 2, 3), (4, 3), (4,), saves="x weight"),
    case(kernels.linear, ref.linear, (2, 0), (4, 0), (4,), saves="x weight"),
]

SEEN = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]], bool)  # query 3 may look nowhere
QKV = (2, 4, 2), (2, 3, 2), (2, 3, 5)
LONG = (2, 40, 1), (2, 36, 1), (2, 36, 2)  # so many keys that the weights are computed again in backward
PAIRS = np.arange(40 * 36).reshape(40, 36)
ATTENTION = [
    (QKV, "p", {}),
    (QKV, "p", {"is_causal": True}),
    (QKV, "p", {"mask": SEEN, "scale": 0.3}),
    (QKV, "p", {"mask": SEEN, "is_causal": True}),
    (QKV, "p", {"keep": np.arange(24).reshape(2, 4, 3) % 3 > 0, "dropout_p": 0.25}),
    ((*QKV, (4, 3)), "p", {}),  # a float mask that wants a gradient
    ((*QKV, (2, 1, 3)), "p", {"is_causal": True}),
    (((4, 2), (3, 2), (3, 5)), "p", {"mask": np.where(SEEN, 0.5, -1.0)}),
    (((2, 1, 2, 3), (3, 4, 3), (1, 4, 2)), "p", {}),  # leading axes broadcast
    (((0, 2), (3, 2), (3, 5)), "", {}),
    (((2, 40, 3), (2, 40, 3), (2, 40, 1)), "p", {"is_causal": True}),  # two blocks of queries
    (LONG, "", {"is_causal": True}),
    (LONG, "cap keep", {"mask": PAIRS % 7 > 1, "keep": PAIRS % 5 > 0, "dropout_p": 0.2}),
    ((*LONG, (40, 36)), "bias", {"is_causal": True}),
]
PACKED, TWO, THREE = [(2, 3, 12)], [(2, 3, 4), (2, 4, 8)], [(2, 3, 4), (2, 4, 4), (2, 4, 4)]
HEADS = [
    (PACKED, "p", {"num_heads": 2}),
    (PACKED, "p", {"num_heads": 1, "is_causal": True}),
    (PACKED, "p", {"num_heads": 2, "keep": np.arange(36).reshape(2, 2, 3, 3) % 4 > 0, "dropout_p": 0.25}),
    (TWO, "p", {"num_heads": 4, "is_causal": True}),
    (TWO, "p", {"num_heads": 2, "mask": np.arange(24).reshape(2, 1, 3, 4) % 5 > 0}),
    (THREE, "p", {"num_heads": 2}),
    ([(1, 40, 3)], "", {"num_heads": 1, "is_causal": True}),
    ([(0, 3, 6)], "", {"num_heads": 2}),
]
FUSED = [
    case(special.softmax, ref.softmax, (2, 3), saves="y", axis=-1),
    case(special.softmax, ref.softmax, (2, 3, 2), saves="y", axis=1),
    case(special.softmax, ref.softmax, (0, 3), saves="y", axis=-1),
    case(special.log_softmax, ref.log_softmax, (2, 3), saves="y", axis=-1),
    case(special.log_softmax, ref.log_softmax, (2, 3, 2), saves="y", axis=0),
    case(special.log_softmax, ref.log_softmax, (0, 3), saves="y", axis=-1),
    case(kernels.layer_norm, ref.layer_norm, (2, 3, 4), (4,), (4,), saves="average r weight xhat"),
    case(kernels.layer_norm, ref.layer_norm, (3, 4), (4,), saves="average r weight xhat"),
    case(kernels.layer_norm, ref.layer_norm, (4,), saves="average r xhat", eps=1e-2),
    case(kernels.layer_norm, ref.layer_norm, (0, 4), (4,), (4,), saves="average r weight xhat"),
    case(kernels.rms_norm, ref.rms_norm, (2, 3, 4), (4,), saves="average r weight xhat"),
    case(kernels.rms_norm, ref.rms_norm, (4,), saves="average r xhat", eps=1e-2),
    case(kernels.rms_norm, ref.rms_norm, (0, 4), (4,), saves="average r weight xhat"),
    *(
        case(
            kernels.cross_entropy,
            ref.cross_entropy,
            shape,
            targets=targets,
            saves="e picked total weight",
            **attrs,
        )
        for shape, targets, attrs in [
            ((4, 3), np.array([0, 2, 1, 2]), {}),
            ((2, 3, 4), IDS, {"ignore_index": -1}),
            ((2, 3, 4), IDS, {"ignore_index": -1, "label_smoothing": 0.1}),
            ((3, 4), IDS[0], {"reduction": "sum"}),
            ((3, 4), IDS[1], {"ignore_index": -1, "reduction": "none"}),
            ((4,), np.array(2), {"label_smoothing": 0.2}),
            ((4,), np.array(2), {"reduction": "none"}),
            ((0, 4), np.zeros(0, int), {"reduction": "sum"}),
        ]
    ),
    *(
        case(kernels.multi_head_attention, ref.heads, shapes, saves="key q r value y " + more, **attrs)
        for shapes, more, attrs in HEADS
    ),
    case(kernels.multi_head_attention, ref.heads, PACKED, (3, 3), num_heads=2, saves="key p q r value y"),
    *(
        case(
            kernels.scaled_dot_product_attention,
            ref.attention,
            *shapes,
            saves="key q r value y " + more,
            **attrs,
        )
        for shapes, more, attrs in ATTENTION
    ),
]

CASES = [*ELEMENTWISE, *REDUCE, *SHAPE, *INDEX, *LINALG, *FUSED]
