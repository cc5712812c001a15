"""Special functions, under SciPy's names: `scipy.special.f(t)` of a Tensor comes here where it is a ufunc."""

from typing import TYPE_CHECKING

from ..exports import exports
from .bessel import *  # noqa: F403
from .entropy import *  # noqa: F403
from .erfcx import erfcx as erfcx
from .error import *  # noqa: F403
from .gamma import *  # noqa: F403
from .huber import *  # noqa: F403
from .incomplete import *  # noqa: F403
from .logistic import *  # noqa: F403
from .normal import *  # noqa: F403
from .orders import *  # noqa: F403
from .softmax import *  # noqa: F403

if not TYPE_CHECKING:  # to whom this would be a list of nothing
    __all__ = list(exports(globals()))
