"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them."""

from .autograd import FAULTS as AUTOGRAD
from .corners import FAULTS as CORNERS
from .decompositions import FAULTS as DECOMPOSITIONS
from .elementwise import FAULTS as ELEMENTWISE
from .fault import ROOT, Fault
from .indexing import FAULTS as INDEXING
from .nn import FAULTS as NN
from .nn_embedding import FAULTS as EMBEDDING
from .products import FAULTS as PRODUCTS
from .reductions import FAULTS as REDUCTIONS
from .shape import FAULTS as SHAPE
from .special import FAULTS as SPECIAL
from .speed import FAULTS as SPEED

FAULTS = (
    AUTOGRAD
    + CORNERS
    + DECOMPOSITIONS
    + ELEMENTWISE
    + EMBEDDING
    + INDEXING
    + NN
    + PRODUCTS
    + REDUCTIONS
    + SHAPE
    + SPECIAL
    + SPEED
)

__all__ = ["FAULTS", "ROOT", "Fault"]
