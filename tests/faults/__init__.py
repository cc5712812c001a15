"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them."""

from .autograd import FAULTS as AUTOGRAD
from .elementwise import FAULTS as ELEMENTWISE
from .fault import ROOT, Fault
from .nn import FAULTS as NN

FAULTS = AUTOGRAD + ELEMENTWISE + NN

__all__ = ["FAULTS", "ROOT", "Fault"]
