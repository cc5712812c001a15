"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them."""

from .autograd import FAULTS as AUTOGRAD
from .fault import ROOT, Fault
from .nn import FAULTS as NN
from .products import FAULTS as PRODUCTS

FAULTS = AUTOGRAD + NN + PRODUCTS

__all__ = ["FAULTS", "ROOT", "Fault"]
