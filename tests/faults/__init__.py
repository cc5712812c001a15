"""The planted faults: each has to fail the tests named beside it. `tests/planted_faults.py` plants them."""

from .autograd import FAULTS as AUTOGRAD
from .fault import ROOT, Fault
from .nn import FAULTS as NN
from .shape import FAULTS as SHAPE

FAULTS = AUTOGRAD + NN + SHAPE

__all__ = ["FAULTS", "ROOT", "Fault"]
