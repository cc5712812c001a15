"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them."""

from .autograd import FAULTS as AUTOGRAD
from .autograd import INDEXING
from .fault import ROOT, Fault
from .nn import FAULTS as NN

FAULTS = AUTOGRAD + INDEXING + NN

__all__ = ["FAULTS", "ROOT", "Fault"]
