"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them."""

from .autograd import FAULTS as AUTOGRAD
from .fault import ROOT, Fault
from .nn import FAULTS as NN
from .special import FAULTS as SPECIAL

FAULTS = AUTOGRAD + NN + SPECIAL

__all__ = ["FAULTS", "ROOT", "Fault"]
