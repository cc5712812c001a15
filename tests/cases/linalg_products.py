"""Cases of autograd/linalg/products.py."""

import numpy as np

import tapegrad.autograd as ag
from cases.case import case

COMPOSED = [case(ag.linalg.outer, np.outer, (2,), (3,)), case(ag.linalg.outer, np.outer, (0,), (3,))]
