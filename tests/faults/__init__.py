"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them."""

from .autograd import FAULTS as AUTOGRAD
from .fault import ROOT, Fault
from .nn import FAULTS as NN
from .reductions import FAULTS as REDUCTIONS

FAULTS = AUTOGRAD + NN + REDUCTIONS

__all__ = ["FAULTS", "ROOT", "Fault"]
