"""NumPy's functions by topic. An op is a function of arrays that returns (out, backward), public by `@op`."""

from typing import TYPE_CHECKING

from .arithmetic import *  # noqa: F403
from .contraction import *  # noqa: F403
from .creation import *  # noqa: F403
from .difference import *  # noqa: F403
from .exponential import *  # noqa: F403
from .extrema import *  # noqa: F403
from .index import *  # noqa: F403
from .logic import *  # noqa: F403
from .median import *  # noqa: F403
from .nan import *  # noqa: F403
from .padding import *  # noqa: F403
from .quantile import *  # noqa: F403
from .reduce import *  # noqa: F403
from .scan import *  # noqa: F403
from .scatter import *  # noqa: F403
from .shape import *  # noqa: F403
from .sort import *  # noqa: F403
from .statistics import *  # noqa: F403
from .trigonometric import *  # noqa: F403
from .variance import *  # noqa: F403

if not TYPE_CHECKING:  # to whom this would be a list of nothing
    __all__ = [
        name for name, value in sorted(globals().items()) if hasattr(value, "facts") and name[0] != "_"
    ]
