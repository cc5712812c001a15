"""Linear algebra, under the names of np.linalg (and a few of scipy.linalg): `np.linalg.f(t)` comes here."""

from typing import TYPE_CHECKING

from ..exports import exports
from .decompositions import *  # noqa: F403
from .determinants import *  # noqa: F403
from .functions import *  # noqa: F403
from .least_squares import *  # noqa: F403
from .norms import *  # noqa: F403
from .products import *  # noqa: F403
from .solving import *  # noqa: F403
from .structured import *  # noqa: F403

if not TYPE_CHECKING:  # to whom this would be a list of nothing
    __all__ = list(exports(globals()))
