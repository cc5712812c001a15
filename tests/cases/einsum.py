"""Cases of autograd/ops/einsum.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

EINSUM = [
    # Products: an explicit output, or the letters that occur once, in alphabetical order.
    ("ij,jk->ik", (2, 3), (3, 4)), ("ba, cb", (2, 3), (4, 2)),
    ("i,i", (3,), (3,)),
    ("ij,jk,kl->il", (2, 3), (3, 2), (2, 2)), ("i,j,k->kji", (2,), (3,), (2,)), ("i,->i", (3,), ()),
    ("bhld,bhsd->bhls", (1, 2, 3, 2), (1, 2, 2, 2)), ("ij,ij->", (2, 3), (2, 3)), (",", (), ()),
    # An ellipsis broadcasts, and so does an axis of length 1.
    ("...ij,...jk->...ik", (2, 2, 3), (3, 2)), ("...i,...i", (2, 1, 3), (4, 3)),
    ("i...,i...->...", (2, 3), (2, 1, 3)), ("ij,ij->ij", (2, 1), (2, 3)), ("ij,jk->ik", (2, 1), (3, 2)),
    # One operand: moved, summed, or its diagonal.
    ("ij->ji", (2, 3)), ("ij->", (2, 3)), ("ij->j", (2, 3)), ("ba", (2, 3)),
    ("ii->i", (3, 3)), ("ii", (3, 3)), ("iii->i", (2, 2, 2)), ("iji->j", (2, 3, 2)),
    ("ii,i->i", (3, 3), (3,)), ("ii,jj->ij", (2, 2), (3, 3)),
    # A letter summed in one operand alone; an empty axis.
    ("ij,kl->il", (2, 3), (3, 2)), ("ij,jk->ik", (0, 3), (3, 2)),
    # Every way in which two operands meet: batches, several shared letters, another order, one alone.
    ("bij,bjk->kib", (2, 2, 3), (2, 3, 2)), ("bij,bj->bi", (2, 2, 3), (2, 3)), ("bi,bj->bij", (2, 3), (2, 2)),
    ("ij,ij->j", (2, 3), (2, 3)), ("ijb,jkb->ikb", (2, 3, 2), (3, 2, 2)),
    ("bij,ijk->bk", (2, 2, 3), (2, 3, 2)), ("abij,baij->ba", (2, 3, 2, 2), (3, 2, 2, 2)),
    ("iij,jk->ik", (2, 2, 3), (3, 2)), ("bij,bjk->bik", (1, 2, 1), (2, 3, 2)),
    ("bij,bjk->bik", (2, 2, 0), (2, 0, 3)),
    # More than two, in pairs.
    ("i,ij,j->", (2,), (2, 3), (3,)), ("...i,ij,...j->...", (2, 3), (3, 2), (2, 2)),
    ("ii,ij,jk->k", (2, 2), (2, 3), (3, 2)),
]  # fmt: skip
CASES = [
    case(ag.einsum, np.einsum, "ij,jk,kl->il", (2, 3), (3, 2), (2, 2), optimize=False, saves="kept"),
    case(ag.einsum, np.einsum, "ii,ij,jk->ik", (2, 2), (1, 3), (3, 2), optimize=False, saves="kept"),
    case(ag.einsum, np.einsum, (2, 3), [0, 1], (3, 2), [1, 2], [2, 0], saves="kept"),
    *(case(ag.einsum, np.einsum, *args, saves="kept" if len(args) > 2 else "") for args in EINSUM),
]
