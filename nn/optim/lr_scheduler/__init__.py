"""Learning-rate schedules, used as in PyTorch: made for an optimizer, and stepped after it."""

from typing import TYPE_CHECKING

from ....autograd.exports import on_first_use

FILES = {  # and what is found there
    "base": "LRScheduler",
    "compound": "ChainedScheduler SequentialLR",
    "cosine": "CosineAnnealingLR CosineAnnealingWarmRestarts",
    "cyclic": "CyclicLR OneCycleLR",
    "decay": "ConstantLR ExponentialLR LinearLR MultiStepLR PolynomialLR StepLR",
    "factors": "LambdaLR MultiplicativeLR",
    "plateau": "ReduceLROnPlateau",
}
__all__ = sorted(" ".join(FILES.values()).split())

if TYPE_CHECKING:
    from .base import *
    from .compound import *
    from .cosine import *
    from .cyclic import *
    from .decay import *
    from .factors import *
    from .plateau import *
else:
    __getattr__ = on_first_use(globals(), FILES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
