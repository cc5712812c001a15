"""NumPy's functions by topic. An op is a function of arrays that returns (out, backward), public by `@op`."""

from typing import TYPE_CHECKING

from ..exports import exports
from .angles import *  # noqa: F403
from .arithmetic import *  # noqa: F403
from .axes import *  # noqa: F403
from .choice import *  # noqa: F403
from .contraction import *  # noqa: F403
from .counting import *  # noqa: F403
from .creation import *  # noqa: F403
from .cross import *  # noqa: F403
from .difference import *  # noqa: F403
from .einsum import *  # noqa: F403
from .exponential import *  # noqa: F403
from .extrema import *  # noqa: F403
from .flipping import *  # noqa: F403
from .grids import *  # noqa: F403
from .index import *  # noqa: F403
from .interpolation import *  # noqa: F403
from .joining import *  # noqa: F403
from .logic import *  # noqa: F403
from .median import *  # noqa: F403
from .nan import *  # noqa: F403
from .padding import *  # noqa: F403
from .parts import *  # noqa: F403
from .polynomial import *  # noqa: F403
from .quantile import *  # noqa: F403
from .reduce import *  # noqa: F403
from .repeating import *  # noqa: F403
from .rounding import *  # noqa: F403
from .scan import *  # noqa: F403
from .scatter import *  # noqa: F403
from .sets import *  # noqa: F403
from .shape import *  # noqa: F403
from .sort import *  # noqa: F403
from .splitting import *  # noqa: F403
from .statistics import *  # noqa: F403
from .triangle import *  # noqa: F403
from .trigonometric import *  # noqa: F403
from .variance import *  # noqa: F403
from .windows import *  # noqa: F403

if not TYPE_CHECKING:  # to whom this would be a list of nothing
    __all__ = list(exports(globals()))
